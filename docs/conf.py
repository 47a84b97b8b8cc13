"""Settings of Sphinx: ``python -m sphinx -W -b html docs docs/_build`` runs the gallery and writes the pages."""

import os
import re
from importlib.metadata import version as installed_version

from sphinx_gallery.sorting import FileNameSortKey

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported: fits of a few rows lose time to threads

project = "pixelforest"
author = "The pixelforest developers"
version = release = installed_version("pixelforest")

extensions = ["myst_parser", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "gallery", "data", "benchmarks"]  # pages are what sphinx-gallery makes of gallery/
html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_theme_options = {"secondary_sidebar_items": ["page-toc"], "navigation_with_keys": False}

myst_heading_anchors = 3
# README.md and CONTRIBUTING.md lie outside of this folder, so links to them lead nowhere here; tests check all links.
suppress_warnings = ["myst.xref_missing", "config.cache"]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "_gallery",
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),  # tables, and no names of matplotlib's objects
    "within_subsection_order": FileNameSortKey,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
}


def link_pages(app, name, source):
    """Let links to scripts lead to what they showed; what index.md links to is the table of contents."""
    source[0] = source[0].replace("](gallery/README.rst)", "](_gallery/index.rst)")
    source[0] = re.sub(r"\]\(gallery/(\w+)\.py\)", r"](_gallery/\1.rst)", source[0])
    if name == "index":
        pages = re.findall(r"\]\(([\w/-]+)\.(?:md|rst)\)", source[0])
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```\n"


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", link_pages)
