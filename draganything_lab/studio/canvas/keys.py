"""What keys do on the canvas, and the help that says so: one list for both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..model.model import StudioModel
from .pointer import Pointer
from .tools import TOOLS

HANDS = (
    ("Click an object", "Cut it out, or select it"),
    ("Drag an object", "Draw its path: it follows the pointer"),
    ("The selected object's handles", "Round: turn it. Square: larger, smaller. In the slider's frame, or at the end"),
    ("Path, click by click", "Each click is a point; a double-click ends the path"),
    ("Points, click on the path", "A new point; drag a point to move it, double-click it to delete it"),
    ("Brush, drag", "Paint the mask; the wheel makes the brush larger or smaller"),
    ("Touch", "A finger does what the mouse does: tap to click, press and move to drag"),
)
HELP = (
    ("V", "Select, cut out, drag"),
    ("A", "Add to the mask by clicks"),
    ("R", "Remove from the mask by clicks"),
    ("B", "Brush: paint the mask"),
    ("E", "Erase from the mask"),
    ("D", "Draw the path"),
    ("P", "Move the path's points"),
    ("G", "Drag the background"),
    ("C", "Pan the camera"),
    ("1 2 3", "Take that candidate"),
    ("[ ]", "Smaller, larger brush"),
    ("K", "Pin the object, or free it"),
    ("H", "Hold still"),
    ("Del", "Delete the held key point, or the object"),
    ("Q W", "Turn the object by 5°; with Shift by 45°"),
    ("− +", "Make the object smaller, larger"),
    ("Arrows", "Nudge the key point, or step"),
    ("Space", "Play, stop"),
    ("N", "Select the next object"),
    ("Ctrl+Z", "Undo"),
    ("Ctrl+Y", "Redo"),
    ("Esc", "Give up, deselect, close this"),
    ("Tab", "Leave the canvas"),
    ("?", "This help"),
)
GROWTH = 1.05  # by one key
ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}


HEARD = [tool[4] for tool in TOOLS] + [*"0123456789[]khnqw-+=_ ?", "Escape", "Delete", "Backspace", *ARROWS]


def press(key: str, shift: bool, command: bool, model: StudioModel, pointer: Pointer) -> str | None:
    """Do what a key means on the canvas.

    Args:
        key: As browsers call it: "a", "Delete", "ArrowLeft" …
        shift: Whether Shift is down.
        command: Whether Ctrl or Cmd is down.
        model: What to do it to.
        pointer: Which key point is held.

    Returns:
        "help", "close" (the help) or "leave" for what the view itself must do, else None.
    """
    low = key.lower()
    if command:
        if low in ("z", "y"):
            (model.editor.redo if low == "y" or shift else model.editor.undo)()
        return None
    if key in ("Tab", "?"):
        return "leave" if key == "Tab" else "help"
    if key in ARROWS:
        _arrow(*ARROWS[key], 10 if shift else 1, model, pointer)
    elif key == "Escape" and pointer.gesture is None and model.editor.selected is None:
        return "close"
    elif key == "Escape":
        if not pointer.escape():
            model.editor.select(None)
            pointer.key = None
    elif key in ("Delete", "Backspace"):
        _delete(model, pointer)
    elif low.isdigit():
        if low != "0":
            model.masks.choose(int(low) - 1)
    else:
        simple: dict[str, Callable[[], object]] = {tool[4]: partial(model.set_mode, tool[0]) for tool in TOOLS}
        simple.update(
            {
                "k": model.editor.pin,
                "h": model.paths.hold,
                " ": model.clip.play,
                "n": lambda: model.editor.select_next(-1 if shift else 1),
                "q": lambda: model.poses.turn(-45 if shift else -5),
                "w": lambda: model.poses.turn(45 if shift else 5),
                **dict.fromkeys("-_", lambda: model.poses.grow(1 / GROWTH)),
                **dict.fromkeys("+=", lambda: model.poses.grow(GROWTH)),
                "[": lambda: model.masks.set_brush(model.masks.brush_radius / 1.25),
                "]": lambda: model.masks.set_brush(model.masks.brush_radius * 1.25),
            }
        )
        if low in simple:
            simple[low]()
    return None


def _arrow(dx: int, dy: int, far: int, model: StudioModel, pointer: Pointer) -> None:
    path = model.paths.selected
    if model.mode == "points" and path is not None and pointer.key is not None and pointer.key < len(path.points):
        x, y = path.points[pointer.key].tolist()
        model.paths.move_point(pointer.key, x + dx * far, y + dy * far)
    elif dx:
        model.clip.set_frame(model.clip.frame + dx)


def _delete(model: StudioModel, pointer: Pointer) -> None:
    path = model.paths.selected
    if model.mode == "points" and path is not None and pointer.key is not None and pointer.key < len(path.points):
        model.paths.delete_point(pointer.key)
        pointer.key = None
    else:
        model.editor.remove()
