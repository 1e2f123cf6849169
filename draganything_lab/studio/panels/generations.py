"""The one place that knows the two generations of ipywidgets: 7, which Google Colab has, and 8, which all others have.

Everything else calls these and asks for no version.

Source: ipywidgets' "Migrating custom widget libraries" and the sources of 7.7.1 and 8.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w

SEVEN = w.__version__.startswith("7.")
UNSEEN = "dal-unseen"  # the style sheet hides such a control's label from eyes alone


def tip(control: Any, words: str) -> Any:
    """Say what a control does to whoever points at it, and to screen readers; return the control.

    In 7 only buttons have a tooltip of their own, other controls have one on their label. One that has no label gets
    it as a label that only screen readers meet.
    """
    if control.has_trait("tooltip"):
        control.tooltip = words
    else:
        control.description_tooltip = words
        if not control.description or UNSEEN in control._dom_classes:
            control.description = words
            control.add_class(UNSEEN)
    return control


def tip_of(control: Any) -> str:
    """What `tip` said."""
    return getattr(control, "tooltip" if control.has_trait("tooltip") else "description_tooltip", None) or ""


def with_titles(kind: type, children: Sequence[Any], titles: Sequence[str]) -> Any:
    """A `Tab` or `Accordion` whose pages have titles."""
    made = kind(list(children))
    for place, title in enumerate(titles):
        made.set_title(place, title)
    return made


def titles_of(pages: Any) -> list[str]:
    """The titles of a `Tab` or `Accordion`."""
    return [pages.get_title(place) for place in range(len(pages.children))]


def sent_files(upload: Any) -> list[tuple[str, bytes]]:
    """The files that a `FileUpload` has got: [(name, content), …]."""
    if SEVEN:  # {name: {"metadata": …, "content": …}}
        return [(name, bytes(file["content"])) for name, file in upload.value.items()]
    return [(file["name"], bytes(file["content"])) for file in upload.value]


def forget_files(upload: Any) -> None:
    """Make a `FileUpload` empty, so that it takes the same file again and counts none."""
    if SEVEN:  # `value` is read-only, and follows from these when the counter changes
        upload.metadata, upload.data, upload._counter = [], [], 0
    else:
        upload.value = ()


def apart(widget: Any) -> Any:
    """What to put on the page for a widget whose script comes from outside, among others.

    In 7 a script that does not come takes along all widgets that hold such a widget, and nothing is shown of any of
    them. So there it stands in an `Output`, which only names it.
    """
    if not SEVEN:
        return widget
    named = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    data = {"text/plain": "", "application/vnd.jupyter.widget-view+json": named}
    frame = w.Output(outputs=({"output_type": "display_data", "metadata": {}, "data": data},))
    frame.add_class("dal-apart")
    frame.shows = widget
    return frame


def focus(control: Any) -> None:
    """Give a control the keyboard; in 7, whose controls cannot be told so, nothing happens."""
    if hasattr(control, "focus"):
        control.focus()
