"""The stack of canvases: where the picture lies in it, and the pictures that the browser keeps.

Everything is drawn at twice the size it has on the page, so that it is sharp on fine screens as well. What changes
rarely (picture, masks) lies below what changes often (ghosts, the line under the pointer), each on a canvas of its own
that the page lays over the others: ipycanvas's own MultiCanvas would copy all of them for every stroke of one.

In ipycanvas one command that a page cannot carry out ends all drawing there for good, and a page that was just loaded
does not know which canvas is meant (ipycanvas #322). So every message here names its canvases, and a stage draws
through a manager of its own, which can be replaced.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas

from ..panels.generations import apart
from .sprites import Sprite

FINE = 2  # canvas pixels for a pixel of the page
MARGIN = 20  # page pixels around the picture, for paths that leave it
LAYERS = ("picture", "film", "masks", "motion", "hand")
COARSE = ("film",)  # redrawn many times a second, over its whole face: a pixel of the page is fine enough
MAX_SPRITES = 150
CLOSE_AFTER = 30.0  # seconds: a draw command that names a closed canvas would stop all drawing


class Stage:
    """Canvases of a fixed size on the page, with a picture fitted into their middle.

    Args:
        width: Width on the page, in pixels; it shrinks with the page.
        height: Height on the page.

    Attributes:
        widget: The canvases, one over the other.
        canvas: The topmost one, which hears mouse, touch and keys.
        beside: Other canvases that it draws on.
        scale: Canvas pixels for a pixel of the picture.
        origin: (x, y) of the picture's top left corner on the canvas.
    """

    def __init__(self, width: int, height: int) -> None:
        self._manager = new_manager()
        self._retired: list[tuple[float, widgets.Widget]] = []
        fine = {name: 1 if name in COARSE else FINE for name in LAYERS}
        self.layers = {name: self.make(width * fine[name], height * fine[name], heard=True) for name in LAYERS}
        for name, canvas in self.layers.items():
            canvas.layout = widgets.Layout(width="100%", height="auto")
            canvas.add_class(f"dal-{name}")
        self.beside: list[Canvas] = []
        self.canvas = self.layers[LAYERS[-1]]
        self.canvas.add_class("dal-canvas")
        self.widget = widgets.Box(
            list(self.layers.values()), layout=widgets.Layout(width=f"{width}px", max_width="100%")
        )
        self.widget.add_class("dal-stack")
        self._unseen: tuple[widgets.Widget, ...] = ()
        self._over: tuple[widgets.Widget, ...] = ()
        self.page = (width, height)
        self.scale, self.origin, self.size = 1.0, (0.0, 0.0), (1, 1)
        self._sprites: OrderedDict[Hashable, tuple[object, Sprite, Canvas]] = OrderedDict()

    def make(self, width: int, height: int, *, heard: bool = False, **traits: Any) -> Canvas:
        """A canvas that this stage can draw on; a heard one says when a page has made it."""
        return Canvas(
            width=width, height=height, _canvas_manager=self._manager, _send_client_ready_event=heard, **traits
        )

    def make_beside(self, width: int, height: int) -> Canvas:
        """A canvas of its own, elsewhere on the page, so many pixels of it wide and high."""
        canvas = self.make(width * FINE, height * FINE, heard=True)
        self.beside.append(canvas)
        return canvas

    @contextmanager
    def held(self) -> Iterator[None]:
        """Send what is drawn in one message that stands by itself, also when drawing fails."""
        manager = self._manager
        manager._caching, manager._current_canvas = True, None
        try:
            yield
        finally:
            manager.flush()
            manager._caching = False

    def renew(self) -> None:
        """Begin anew, for a page that was just loaded, or that may have ceased to draw."""
        self.forget_sprites()
        self.retire(self._manager)
        self._manager = new_manager()
        for canvas in (*self.layers.values(), *self.beside):
            canvas._canvas_manager = self._manager

    def close(self) -> None:
        """Give the browser's memory back; nothing can be drawn any more."""
        self.forget_sprites()
        for widget in (*self.layers.values(), *self.beside, *(widget for _, widget in self._retired), self._manager):
            widget.close()
        self._retired.clear()

    def cover(self, pad: widgets.Widget) -> None:
        """Lay something over all canvases that hears pointer and keys in their place."""
        self._over = (apart(pad),)
        self._lay()

    def uncover(self) -> None:
        """Take it away again."""
        self._over = ()
        self._lay()

    def keep_unseen(self, canvas: Canvas) -> None:
        """Have the page make a canvas that it does not show, in place of the last one.

        Colab makes only what the shown widgets refer to (get_model in github.com/googlecolab/colab-cdn-widget-manager).
        """
        canvas.layout.display = "none"
        self._unseen = (canvas,)
        self._lay()

    def _lay(self) -> None:
        # What changes most comes last: pages may make those behind a change anew.
        self.widget.children = (*self.layers.values(), *self._over, *self._unseen)

    def layer(self, name: str) -> Canvas:
        """One of the canvases in the stack."""
        return self.layers[name]

    def fit(self, size: tuple[int, int]) -> None:
        """Make room for a picture of a size (H, W)."""
        wide, tall = ((side - 2 * MARGIN) * FINE for side in self.page)
        self.size = size
        self.scale = min(wide / size[1], tall / size[0])
        self.origin = (
            round((self.page[0] * FINE - size[1] * self.scale) / 2),
            round((self.page[1] * FINE - size[0] * self.scale) / 2),
        )

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """From the canvas to the picture's pixels, whose centres are whole numbers."""
        return (x - self.origin[0]) / self.scale - 0.5, (y - self.origin[1]) / self.scale - 0.5

    def to_canvas(self, points: np.ndarray) -> np.ndarray:
        """(…, 2) from the picture's pixels to the canvas, rounded to tenths."""
        return ((np.asarray(points, np.float64) + 0.5) * self.scale + np.array(self.origin)).round(1)

    def put(self, canvas: Canvas, key: Hashable, owner: object, make: object, offset: tuple[float, float]) -> None:
        """Draw a sprite, which is sent to the browser the first time only.

        Args:
            canvas: Where to.
            key: What it is; a sprite with the same key replaces it.
            owner: The object that it shows; while it is the same object, the browser's copy is used.
            make: Called without arguments for the `Sprite` when it has to be sent.
            offset: (dx, dy) in the picture's pixels from its own place.
        """
        sprite, sent = self._kept(key, owner, make)
        x = (sprite.corner[0] + offset[0]) * self.scale + self.origin[0]
        y = (sprite.corner[1] + offset[1]) * self.scale + self.origin[1]
        canvas.draw_image(sent, round(x, 1), round(y, 1), sprite.size[0] * self.scale, sprite.size[1] * self.scale)

    def put_moved(self, canvas: Canvas, key: Hashable, owner: object, make: object, motion: np.ndarray) -> None:
        """Draw a sprite as `put` does, moved by a matrix (2, 3) over the picture's pixels."""
        sprite, sent = self._kept(key, owner, make)
        turn = motion[:, :2]
        # The matrix is for pixels' centres, the sprite's place for their corners.
        shift = (motion[:, 2] + 0.5 - turn @ (0.5, 0.5)) * self.scale + np.array(self.origin)
        (a, c), (b, d) = (turn * self.scale).round(5).tolist()
        canvas.save()
        canvas.transform(a, b, c, d, *shift.round(2).tolist())
        canvas.draw_image(sent, *sprite.corner, *sprite.size)
        canvas.restore()

    def _kept(self, key: Hashable, owner: object, make: object) -> tuple[Sprite, Canvas]:
        """A sprite and the browser's copy of it, which is sent if it is not there yet."""
        kept = self._sprites.get(key)
        if kept is None or kept[0] is not owner:
            if kept is not None:
                self.retire(kept[2])
            self._sweep()
            sprite: Sprite = make()  # type: ignore[operator]
            kept = (owner, sprite, self._sent(sprite))
            self._sprites[key] = kept
            while len(self._sprites) > MAX_SPRITES:
                _, (_, _, old) = self._sprites.popitem(last=False)
                self.retire(old)
        self._sprites.move_to_end(key)
        return kept[1], kept[2]

    def clip(self, canvas: Canvas) -> None:
        """Draw inside the picture only, until the canvas's `restore`."""
        canvas.begin_path()
        canvas.rect(*self.origin, self.size[1] * self.scale, self.size[0] * self.scale)
        canvas.clip()

    def forget_sprites(self) -> None:
        """Drop what the browser keeps."""
        for _, _, canvas in self._sprites.values():
            self.retire(canvas)
        self._sprites.clear()

    def retire(self, widget: widgets.Widget) -> None:
        """Close something later, while something new is drawn: a loading page waits for whatever it was told of."""
        self._retired.append((time.monotonic() + CLOSE_AFTER, widget))

    def _sweep(self) -> None:
        while self._retired and self._retired[0][0] < time.monotonic():
            self._retired.pop(0)[1].close()

    def _sent(self, sprite: Sprite) -> Canvas:
        tall, wide = sprite.pixels.shape[:2]
        canvas = self.make(wide, tall)
        canvas.put_image_data(sprite.pixels, 0, 0)
        return canvas


def new_manager() -> Any:
    """What takes draw commands to the page."""
    return type(Canvas._canvas_manager.default_value)()
