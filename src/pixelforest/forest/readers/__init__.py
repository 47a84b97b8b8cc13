"""One reader per family of models; they are the only files that touch the trees of other libraries."""
