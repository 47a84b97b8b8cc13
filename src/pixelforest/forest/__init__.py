"""What a forest is: a frozen representation, its reader, its device tables and its readable C export."""
