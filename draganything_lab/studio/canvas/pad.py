"""The pad over the canvas: hears pointer and keys in the browser, draws the line under the pointer there, at once.

ipycanvas alone sends a message for every move and shows the line when the kernel has drawn it; on a busy machine that
is late, and a press that leaves the canvas is lost. Where anywidget is installed the pad takes this over; where it is
not, or does not start, the canvas's own events are used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

try:
    import anywidget
except ImportError:  # the canvas's own events will do
    anywidget = None  # type: ignore[assignment]

__all__ = ["Pad", "make_pad"]

SCRIPT = Path(__file__).with_name("pad.js")
MOST_POINTS = 2000  # of one message
LABEL = "The picture. Click an object to cut it out, press and drag to move it. Question mark lists the keys."
Told = Callable[[dict[str, Any]], None]

if anywidget is not None:

    class Pad(anywidget.AnyWidget):
        """A transparent canvas; messages from it are dicts with a "kind".

        Attributes:
            ink: How the line under the pointer looks: kind "line", "brush" or "none", colour "r,g,b", radius as a share
                of the width.
            hovers: Whether moves without a press are told.
            heard: Keys that are told; all others stay the page's.
            label: What screen readers say.
        """

        _esm = SCRIPT.read_text(encoding="utf-8")
        ink = traitlets.Dict({"kind": "line", "colour": "0,114,178", "radius": 0.02}).tag(sync=True)
        hovers = traitlets.Bool(False).tag(sync=True)
        heard = traitlets.List(traitlets.Unicode()).tag(sync=True)
        label = traitlets.Unicode(LABEL).tag(sync=True)

        def clear_line(self) -> None:
            """The line under the pointer has become something else."""
            self.send({"kind": "clear"})

        def ask_seen(self) -> None:
            """Have "seen" told when the page has shown what was drawn by now; a hidden page shows nothing."""
            self.send({"kind": "seen?"})

else:
    Pad = None  # type: ignore[misc, assignment]


def make_pad(told: Told, keys: list[str]) -> Any:
    """A pad that tells a function of what happens, with checked points; None without anywidget.

    Args:
        told: Gets {"kind": "down" | "move" | "up" | "hover" | "leave" | "wheel" | "key" | "ready" | "seen", …}; points
            are [[u, v, seconds], …], u and v as shares of width and height.
        keys: The keys that it is to hear.
    """
    if Pad is None:
        return None
    pad = Pad(heard=keys)

    def hear(_: object, content: Any, buffers: object) -> None:
        if isinstance(content, dict) and isinstance(content.get("kind"), str):
            with contextlib.suppress(TypeError, ValueError):  # not a message of the pad
                points = [(float(u), float(v), float(t)) for u, v, t in content.get("points", ())[-MOST_POINTS:]]
                told({**content, "points": points})

    pad.on_msg(hear)
    return pad
