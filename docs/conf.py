"""How Sphinx builds these pages: `sphinx-build -W docs site`."""

from __future__ import annotations

from rembg_plugins import __version__

project = "rembg-plugins"
author = "The rembg-plugins developers"
copyright = f"2026, {author}"  # noqa: A001 - the name that Sphinx reads
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["Thumbs.db", ".DS_Store"]

html_theme = "furo"
html_title = f"rembg-plugins {release}"

myst_heading_anchors = 3  # links to headings work as on the code host's own pages

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of dataclasses: told once, in the class's docstring


def _keep_sentences(app, what, name, obj, options, lines):  # noqa: ANN001, ANN202, ARG001 - Sphinx's own
    """Napoleon reads a property's first line as "type: text"; ours are sentences with colons."""
    if what == "property" and lines:
        lines[0] = f": {lines[0]}"


def setup(app):  # noqa: ANN001, ANN201, D103 - Sphinx's own
    app.connect("autodoc-process-docstring", _keep_sentences, priority=400)  # before napoleon
