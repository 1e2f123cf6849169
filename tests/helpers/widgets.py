"""Widgets as a page has them, for tests without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def controls(widget: Any) -> Iterator[Any]:
    """All widgets below one, itself first."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from controls(child)


def classes(widget: Any) -> set[str]:
    """The style classes that a page gives it."""
    return set(widget.get_state("_dom_classes")["_dom_classes"])


def receive(widget: Any, content: Any, buffers: Any = ()) -> None:
    """Have a widget receive a message of its page; outside a kernel, where old ipykernels' `handle_msg` fails."""
    message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)}
    widget.comm._msg_callback(message)
