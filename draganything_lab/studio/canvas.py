"""The studio's canvas view: tools, picture, things, time. Everything it does, it does through the model."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from ..errors import LabError
from .keys import press
from .model import StudioModel
from .pacing import Pacer, later
from .parts import HelpPanel, StatusLine, TimeSlider
from .pointer import Pointer
from .scenery import Scenery
from .selftest import SelfTest
from .stage import LAYERS, MARGIN, Stage
from .style import button, style
from .things_list import EntityList
from .toolbar import OptionBar, ToolRail, TopBar

WIDTH, HEIGHT = 624, 424  # of the canvas on the page, whatever the picture: nothing jumps
# Which layers a change touches.
TOUCHES = {
    "picture": ("picture", "masks", "motion", "hand"),
    "entities": ("masks", "motion", "hand"),
    "selection": ("masks", "motion", "hand"),
    "prompt": ("motion",),
    "mode": ("motion", "hand"),
    "frame": ("motion",),
    "playing": ("picture", "masks", "motion"),
    "brush": ("hand",),
    "show": ("masks", "motion"),
    "settings": ("motion",),
}


class CanvasView:
    """Draws the model on an ipycanvas, and turns mouse, touch and keys into calls of the model.

    Args:
        model: The studio's model.
        width: Width of the canvas on the page, in pixels; it shrinks with the page.
        patience: Seconds that the browser has to answer the self-test.

    Attributes:
        widget: What to display.
        canvas: The ipycanvas `MultiCanvas`.
    """

    def __init__(self, model: StudioModel, width: int = WIDTH, patience: float = 15.0) -> None:
        self.model = model
        height = round((width - 2 * MARGIN) * (HEIGHT - 2 * MARGIN) / (WIDTH - 2 * MARGIN)) + 2 * MARGIN
        self.stage = Stage(width, height)
        self.stage.fit(model.scene.size)
        self.canvas = self.stage.canvas
        self.pointer = Pointer(model)
        self.scenery = Scenery(model, self.stage, self.pointer)
        self._dirty: set[str] = set()
        self._pacer = Pacer(self._draw)
        self._image: Any = None
        self._patient: list[Callable[[], None]] = []  # what waits for the segmenter
        self._stop = model.watch(self._changed, *TOUCHES)
        self._warming: Any = None
        self._build()
        self._listen()
        self.selftest = SelfTest(model, self._tell_test, patience)
        self._redraw()
        self.selftest.start()

    def test(self) -> None:
        """Ask the browser again whether it draws."""
        self.selftest.start()

    def close(self) -> None:
        """Stop watching the model."""
        self._stop()
        self._pacer.close()
        self.selftest.close()
        for part in self._parts:
            part.close()

    # Widgets

    def _build(self) -> None:
        model = self.model
        self.help = HelpPanel()
        self.top, self.tools, self.options = TopBar(model, self.help), ToolRail(model), OptionBar(model)
        self.time, self.status, self.list = TimeSlider(model), StatusLine(model), EntityList(model)
        self._parts = (self.top, self.tools, self.options, self.time, self.status, self.list)
        self.canvas.add_class("dal-canvas")
        self.words = widgets.HTML("")
        again = button("refresh", "", "Test the canvas again")
        again.on_click(lambda _: self.test())
        foot = widgets.HBox([again, self.words])
        foot.add_class("dal-bar")
        foot.add_class("dal-view")
        centre = widgets.VBox([self.options.widget, self.canvas, self.help.widget, self.time.widget])
        centre.add_class("dal-stage")
        main = widgets.HBox([self.tools.widget, centre])
        main.add_class("dal-main")
        children = [style(), self.top.widget, main, self.status.widget, self.list.widget, foot]
        self.widget = widgets.VBox(children)
        self.widget.add_class("dal-studio")

    def _tell_test(self, words: str) -> None:
        self.words.value = f"This is the canvas view. {words}"

    # Events of the browser

    def _listen(self) -> None:
        canvas, pointer = self.canvas, self.pointer
        canvas.on_mouse_down(lambda x, y: self._hand(pointer.press, x, y))
        canvas.on_mouse_move(lambda x, y: self._hand(pointer.move, x, y))
        canvas.on_mouse_up(lambda x, y: self._end((x, y)))
        canvas.on_mouse_out(lambda x, y: self._leave(x, y))
        canvas.on_mouse_wheel(self._wheel)
        canvas.on_touch_start(self._touch_start)
        canvas.on_touch_move(self._touch_move)
        canvas.on_touch_end(self._touch_end)
        canvas.on_touch_cancel(self._touch_end)
        canvas.on_key_down(self._key)
        for layer in range(len(self.canvas._canvases)):
            self.canvas[layer].on_client_ready(self._page_loaded)
        self._loading: Callable[[], None] = lambda: None

    def _hand(self, event: Callable[[float, float, float], None], x: float, y: float) -> None:
        event(*self.stage.to_picture(x, y), time.monotonic())
        self._touch("hand")

    def _touch_start(self, touches: list[tuple[float, float]]) -> None:
        if len(touches) == 1:  # a second finger changes nothing
            self._hand(self.pointer.press, *touches[0])

    def _touch_move(self, touches: list[tuple[float, float]]) -> None:
        if touches:
            self._hand(self.pointer.move, *touches[0])

    def _touch_end(self, touches: list[tuple[float, float]]) -> None:
        if not touches:
            self._end(None)

    def _end(self, at: tuple[float, float] | None) -> None:
        place = None if at is None else self.stage.to_picture(*at)
        now = time.monotonic()
        self._when_ready(lambda: self.pointer.release(place, now))
        if at is None:
            self.pointer.hover = None  # a finger that is gone hovers nowhere

    def _leave(self, x: float, y: float) -> None:
        place, now = self.stage.to_picture(x, y), time.monotonic()
        if self.pointer.gesture is None:
            self.pointer.leave(*place, now)
            self._touch("hand")
        else:
            self._when_ready(lambda: self.pointer.leave(*place, now))

    def _wheel(self, dx: float, dy: float) -> None:
        if self.model.mode in ("brush", "erase"):
            self.model.set_brush(self.model.brush_radius * (0.9 if dy > 0 else 1 / 0.9))

    def _key(self, key: str, shift: bool, control: bool, meta: bool) -> None:
        wish = press(key, shift, control or meta, self.model, self.pointer)
        if wish == "help" or (wish == "close" and self.help.shown):
            self.help.turn()
        elif wish == "leave":
            (self.tools.buttons[self.model.mode] if shift else self.time.play).focus()
        self._touch("hand")

    def _when_ready(self, work: Callable[[], None]) -> None:
        """Do something that may cut out a thing, once the segmenter knows the picture; the page stays alive."""
        if self._warming is not None and self._warming.is_alive():
            self.model.say("One moment: the picture is being prepared for clicks.")
            later(0.1, lambda: self._when_ready(work))
            return
        work()
        self._touch("hand")

    # Drawing

    def _page_loaded(self) -> None:
        """A page came to show this view; all its canvases report, and are drawn on when the last one has."""
        self._loading()
        self._loading = later(0.2, self._redraw_all)

    def _redraw_all(self) -> None:
        self.stage.send_again()
        self.selftest.ask()
        self._redraw()

    def _redraw(self) -> None:
        self._changed("picture")

    def _changed(self, event: str) -> None:
        if event == "frame" and self.model.playing:
            self._dirty.add("picture")
        self._touch(*TOUCHES[event])

    def _touch(self, *layers: str) -> None:
        self._dirty.update(layers)
        self._pacer.ask()

    def _draw(self) -> None:
        if self.model.scene.image is not self._image:
            self._image = self.model.scene.image
            self.stage.forget_sprites()
            self.stage.fit(self.model.scene.size)
            self._warming = self.model.warm_up()
        dirty, self._dirty = self._dirty, set()
        try:
            for layer in LAYERS:
                if layer in dirty:
                    getattr(self.scenery, layer)()
        except LabError as error:  # a preview that does not fit into memory
            self.model.playing = False
            self.model.say_error(error)
