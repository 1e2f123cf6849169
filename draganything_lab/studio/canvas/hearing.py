"""What the browser tells of mouse, touch and keys, from the pad or from ipycanvas, as calls of pointer and keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...media.drawing import entity_colour
from ..model.model import StudioModel
from ..panels.redraw import later
from .keys import HEARD, press
from .pad import make_pad
from .pointer import PAINTING, Pointer
from .stage import Stage

LINES = ("select", "path", "background")


class Hearing:
    """Takes events in and moves the pointer.

    Args:
        model: The studio's model.
        stage: Where the events happen.
        pointer: Whom they move.
        touched: Called when the hand's drawing must be redone.
        wish: Called with "help", "close" or "leave" for what a key asks of the view.
        seen: Called when the page has shown what was drawn before the pad's `ask_seen`.

    Attributes:
        pad: The anywidget that draws the line under the pointer in the browser, or None.
        pad_alive: Whether it has answered.
    """

    def __init__(
        self,
        model: StudioModel,
        stage: Stage,
        pointer: Pointer,
        touched: Callable[[], None],
        wish: Callable[[str, bool], None],
        seen: Callable[[], None] = lambda: None,
    ) -> None:
        self.model, self.stage, self.pointer = model, stage, pointer
        self._touched, self._wish, self._seen = touched, wish, seen
        self.warming: Any = None  # the thread in which the segmenter gets to know the picture
        self.pad_alive = False
        self.pad = self._late = make_pad(self._pad_tells, HEARD)
        if self.pad is not None:
            stage.cover(self.pad)
        canvas = stage.canvas
        canvas.on_mouse_down(lambda x, y: self._hand(pointer.press, x, y))
        canvas.on_mouse_move(lambda x, y: self._hand(pointer.move, x, y))
        canvas.on_mouse_up(lambda x, y: self._release(stage.to_picture(x, y), time.monotonic()))
        canvas.on_mouse_out(self._mouse_out)
        canvas.on_mouse_wheel(lambda dx, dy: self._wheel(dy))
        canvas.on_touch_start(self._touch_start)
        canvas.on_touch_move(self._touch_move)
        canvas.on_touch_end(self._touch_end)
        canvas.on_touch_cancel(self._touch_end)
        canvas.on_key_down(lambda key, shift, control, meta: self._key(key, shift, control or meta))

    def show_ink(self) -> None:
        """Tell the pad how the line under the pointer should look with the tool in hand."""
        if self.pad is None:
            return
        model, gesture = self.model, self.pointer.gesture
        scene = model.editor.scene
        name = model.editor.selected if gesture is None or gesture.name is None else gesture.name
        taken = name is not None and name in scene and (gesture is None or gesture.name is not None)
        number = scene.index(name) + 1 if taken and name is not None else len(scene.entities) + 1
        turning = gesture is not None and gesture.handle is not None
        kind = "none" if turning else "brush" if model.mode in PAINTING else "line" if model.mode in LINES else "none"
        colour = (255, 255, 255) if model.mode == "erase" else entity_colour(number)
        radius = model.masks.brush_radius * self.stage.scale / self.stage.canvas.width
        ink = {"kind": kind, "colour": ",".join(map(str, colour)), "radius": round(radius, 5)}
        if ink != self.pad.ink:
            self.pad.ink = ink
        self.pad.hovers = model.mode == "path"

    def drop_dead_pad(self) -> None:
        """Take a pad away that has not answered: its code is not in this program, and it would lie over the canvas."""
        if self.pad is not None and not self.pad_alive:
            self.pad = None
            self.stage.uncover()

    def _pad_tells(self, message: dict[str, Any]) -> None:
        kind, pointer = message["kind"], self.pointer
        if kind == "seen":
            self._seen()
            return
        points = [(*self._from_shares(u, v), seconds) for u, v, seconds in message["points"]]
        if kind == "ready":
            self.pad_alive = True
            if self.pad is None:  # its code came after all
                self.pad = self._late
                self.stage.cover(self.pad)
        elif kind == "down" and points:
            pointer.press(*points[0])
            self.show_ink()
        elif kind in ("move", "hover"):
            for point in points:
                pointer.move(*point)
        elif kind == "up":
            last = None if pointer.gesture is None else pointer.gesture.times[-1]
            self._release(None, time.monotonic() if last is None else last)
        elif kind == "leave":
            pointer.hover = None
        elif kind == "wheel":
            self._wheel(float(message.get("by", 0)))
        elif kind == "key":
            self._key(str(message.get("key", "")), bool(message.get("shift")), bool(message.get("command")))
        self._touched()

    def _from_shares(self, u: float, v: float) -> tuple[float, float]:
        return self.stage.to_picture(u * self.stage.canvas.width, v * self.stage.canvas.height)

    def _hand(self, event: Callable[[float, float, float], None], x: float, y: float) -> None:
        event(*self.stage.to_picture(x, y), time.monotonic())
        self._touched()

    def _mouse_out(self, x: float, y: float) -> None:
        place = self.stage.to_picture(x, y)
        if self.pointer.gesture is None:
            self.pointer.leave(*place, time.monotonic())
            self._touched()
        else:
            self._release(place, time.monotonic())
            self.pointer.hover = None

    def _touch_start(self, touches: list[tuple[float, float]]) -> None:
        if len(touches) == 1:  # a second finger changes nothing
            self._hand(self.pointer.press, *touches[0])

    def _touch_move(self, touches: list[tuple[float, float]]) -> None:
        if touches:
            self._hand(self.pointer.move, *touches[0])

    def _touch_end(self, touches: list[tuple[float, float]]) -> None:
        if not touches:
            self._release(None, time.monotonic())
            self.pointer.hover = None  # a finger that is gone hovers nowhere

    def _release(self, place: tuple[float, float] | None, now: float) -> None:
        """End a press, once the segmenter knows the picture; the page stays alive meanwhile."""
        if self.warming is not None and self.warming.is_alive():
            self.model.say("One moment: the picture is being prepared for clicks.")
            later(0.1, lambda: self._release(place, now))
            return
        if self._will_cut():
            self.model.say("Looking for the object under the pointer …")  # this message leaves before the work begins
        self.pointer.release(place, now)
        if self.pad is not None:
            self.pad.clear_line()
        self._touched()

    def _will_cut(self) -> bool:
        """Whether the press asks the segmenter, which may take a moment."""
        gesture = self.pointer.gesture
        if gesture is None:
            return False
        if gesture.mode in ("plus", "minus"):
            return True
        editor = self.model.editor
        wanting = gesture.mode == "select" or (gesture.mode in ("path", "points") and editor.selected is None)
        return wanting and gesture.name is None and editor.pick(*gesture.points[0]) is None

    def _wheel(self, by: float) -> None:
        if self.model.mode in PAINTING:
            self.model.masks.set_brush(self.model.masks.brush_radius * (0.9 if by > 0 else 1 / 0.9))

    def _key(self, key: str, shift: bool, command: bool) -> None:
        wish = press(key, shift, command, self.model, self.pointer)
        if wish is not None:
            self._wish(wish, shift)
        self._touched()
