"""Settings of Sphinx: ``python -m sphinx -W -b html docs docs/_build`` runs the gallery and writes the pages."""

import warnings
from importlib.metadata import version as installed_version

from sphinx_gallery.sorting import FileNameSortKey

project = "pixelforest"
author = "The pixelforest developers"
version = release = installed_version("pixelforest")

extensions = ["myst_parser", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "gallery"]  # of the gallery, what sphinx-gallery makes of it is a page
html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_theme_options = {"secondary_sidebar_items": ["page-toc"], "navigation_with_keys": False}

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# README.md, CONTRIBUTING.md and data files lie outside of docs/: such links lead somewhere on disk, as the tests check.
suppress_warnings = ["myst.xref_missing", "config.cache"]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "_gallery",
    "abort_on_example_error": True,
    "within_subsection_order": FileNameSortKey,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
}

warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
