"""While a hand drags, the preview plays on the canvas: the scene as it would be if the hand let go now.

The browser has the backdrop and the cut-out objects as pictures; a frame is only where to draw them, a few hundred
bytes. The next frame is sent when the page has shown the last one: a slow or hidden page gets fewer or none, and what
the hand does never waits for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from ipycanvas import Canvas

from ...control.layers import Layers
from ...control.split import layers_of
from ...errors import LabError
from ...media.filling import fill_holes
from ..model.model import StudioModel
from ..panels.redraw import later, running_loop
from . import ink
from .pointer import Gesture, Pointer
from .sprites import Sprite, cut_sprite, opaque
from .stage import FINE, Stage

MOST_A_SECOND = 16.0
SHARE = 3.0  # a frame that took long to draw comes no more often than every so many times as long
REACH = 1.0  # how far the backdrop's edge is drawn out, as a share of the picture


class Live:
    """The preview that plays under a dragging hand.

    Args:
        model: The studio's model.
        pointer: The hand.
        touched: Called when there is another frame to draw, with whether playing has just begun or ended.
        alive: Whether a page answers `ask`; without one, frames go by the clock alone.
        ask: Asks the page to tell when it has shown what was sent; the answer is `seen`.

    Attributes:
        layers: What moves, and how; None while nothing is played.
        image: (H, W, 3) uint8, the picture.
        ground: (H', W', 3) uint8, the picture without what moves, with a border where the view leaves it.
        border: Pixels of that border to each side.
        waiting: Whether the page has not yet shown the last frame.
    """

    def __init__(
        self,
        model: StudioModel,
        pointer: Pointer,
        touched: Callable[[bool], None],
        alive: Callable[[], bool],
        ask: Callable[[], None],
    ) -> None:
        self.model, self.pointer = model, pointer
        self._touched, self._alive, self._ask = touched, alive, ask
        self.layers: Layers | None = None
        self.image: np.ndarray | None = None
        self.ground, self.border = np.zeros((1, 1, 3), np.uint8), 0
        self._ground_of: tuple[object, ...] = ()
        self._gesture: Gesture | None = None
        self._began = self._spent = self._drawn_at = self._answered = 0.0
        self.waiting = self._told = False
        self._next: Callable[[], None] = lambda: None

    @property
    def playing(self) -> bool:
        """Whether a preview plays under the hand."""
        return self.layers is not None

    def follow(self) -> bool:
        """Begin or end with the hand; whether playing began or ended."""
        gesture, before = self.pointer.gesture, self._told
        if gesture is None or not gesture.is_drag or not self.model.show["live"]:
            self.stop()
        elif gesture is not self._gesture:
            self.stop()
            self._gesture, self._began, self.waiting = gesture, time.monotonic(), False
            self._find(gesture)
            self._take()
        self._told = self.playing
        return self._told != before

    def stop(self) -> None:
        """Play no longer."""
        self._next()
        self.layers = self._gesture = self.image = None

    def seen(self) -> None:
        """The page has shown the last frame."""
        if self.waiting:
            self.waiting, self._answered = False, time.monotonic() - self._drawn_at
            if self._gesture is not None:
                self._soon()

    def draw(self, layer: Canvas, stage: Stage) -> None:
        """Draw this moment of the loop."""
        layers, image, border = self.layers, self.image, self.border
        if layers is None or image is None:
            return
        start = time.perf_counter()
        view, motions = self._motions(layers)
        tall, wide = self.ground.shape[:2]
        ground = lambda: Sprite(opaque(self.ground), (-border, -border), (wide, tall))  # noqa: E731
        layer.save()
        layer.scale(1 / FINE, 1 / FINE)
        stage.clip(layer)
        stage.put_moved(layer, "ground", self.ground, ground, view)
        for place, (mask, moves, motion) in enumerate(zip(layers.masks, layers.moving, motions, strict=True)):
            cut = lambda mask=mask, moves=moves: cut_sprite(mask, image, moves)  # noqa: E731
            stage.put_moved(layer, ("cut", place, moves), mask, cut, motion)
        height, width = image.shape[:2]
        ink.word(layer, stage.to_canvas(np.array([width - 0.5, height - 0.5])).tolist(), "preview")
        layer.restore()
        self._spent += time.perf_counter() - start

    def drawn(self) -> None:
        """A frame is on its way to the page; the next one comes when it has been seen."""
        self._drawn_at = time.monotonic()
        if self._alive():
            self.waiting = True
            self._ask()
        else:
            self._soon()

    def _motions(self, layers: Layers) -> tuple[np.ndarray, list[np.ndarray]]:
        """The matrices (2, 3) of the backdrop and of every layer, at this moment of the loop."""
        count = layers.num_frames
        clock = (time.monotonic() - self._began) * self.model.settings["fps"] % count
        early = min(int(clock), count - 1)
        late, share = min(early + 1, count - 1), clock - int(clock)
        between = [(1 - share) * motion[early] + share * motion[late] for motion in (layers.view, *layers.motions)]
        return between[0], between[1:]

    def _tick(self) -> None:
        before, start = self.playing, time.perf_counter()
        self._take()
        self._spent = time.perf_counter() - start
        if self.playing or before:
            self._told = self.playing
            self._touched(self.playing != before)

    def _take(self) -> None:
        """Take in where the hand is now."""
        try:
            scene = self.pointer.wanted()
            self.layers = None if scene is None else layers_of(scene, self.model.settings.num_frames)
        except LabError:  # what cannot be is said when the hand lets go
            scene = self.layers = None
        if scene is None or self.layers is None:
            return
        self.image, layers = scene.image, self.layers
        leaving = [mask for mask, moves in zip(layers.masks, layers.moving, strict=True) if moves]
        shows_border = not np.allclose(layers.view, np.eye(2, 3))
        key = (self.image, shows_border, *leaving)
        if len(key) != len(self._ground_of) or any(a is not b for a, b in zip(key, self._ground_of, strict=True)):
            ground = fill_holes(self.image, layers.left)
            self.border = round(REACH * max(self.image.shape[:2])) if shows_border else 0
            around = ((self.border, self.border),) * 2
            self.ground = np.pad(ground, (*around, (0, 0)), mode="edge") if shows_border else ground.copy()
            self._ground_of = key

    def _soon(self) -> None:
        self._next()
        pause = max(1 / MOST_A_SECOND, SHARE * self._spent, 2 * self._answered) - (time.monotonic() - self._drawn_at)
        self._next = later(max(pause, 0), self._tick)

    def _find(self, gesture: Gesture) -> None:
        """Look for the object under a drag that began on none, beside the hand; letting go then finds it at once."""
        loop = running_loop()
        if gesture.mode not in ("select", "path") or gesture.name is not None or loop is None:
            return

        def look() -> None:
            try:
                gesture.mask = self.model.masks.found([gesture.points[0]], [1]).masks[0]
            except Exception:  # letting go says what is wrong
                return
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: self._tick() if self._gesture is gesture else None)

        threading.Thread(target=look, name="studio-under-the-hand", daemon=True).start()
