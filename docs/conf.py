"""How Sphinx makes the site; `tools/docs.py` gathers the pages and calls it."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.writers._html_base import HTMLTranslator

from draganything_lab import __version__

project = "DragAnything Lab"
release = version = __version__
html_title = f"{project} {version}"
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# Notebooks are committed with what their cells show; nothing is run here.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = [
    "myst.header",  # A lesson may go from a title to an exercise.
    "ref.python",  # Two modules may have a class of the same name, and annotations say the name alone.
]

default_role = "code"  # Docstrings write names in single backticks, as everywhere outside Sphinx.
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "signature"
add_module_names = False
python_maximum_signature_line_length = 100

html_theme = "furo"
html_show_copyright = html_show_sourcelink = False
html_static_path: list[str] = []
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}
html_math_renderer = "mathml"


def math(self: Any, node: nodes.Element) -> None:
    """Write a formula as MathML, which browsers draw by themselves: a page without a network has no MathJax."""
    self.math_output, self.math_options = "mathml", ""
    HTMLTranslator.visit_math(self, node)


def skip(app: Any, what: str, name: str, value: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what belongs to other libraries and is only handed on, or was written into a child of theirs."""
    return True if str(getattr(value, "__module__", "")).startswith(("matplotlib.", "diffusers.")) else None


def setup(app: Any) -> None:
    """Add the formulas."""
    app.add_html_math_renderer("mathml", (math, None), (math, None))
    app.connect("autodoc-skip-member", skip)
