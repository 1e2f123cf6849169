"""The studio's canvas view: tools, picture, objects, time. Everything it does, it does through the model."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from ...errors import LabError
from ..model.model import StudioModel
from ..panels.generations import apart, focus
from ..panels.redraw import Pacer, later
from .handles import find_handles
from .hearing import Hearing
from .live import Live
from .parts import HelpPanel, StatusLine, TimeSlider, bar, button
from .pointer import Pointer
from .scenery import Scenery
from .selftest import PATIENCE, SelfTest
from .speed import SpeedCurve
from .stage import LAYERS, MARGIN, Stage
from .things_list import EntityList
from .toolbar import OptionBar, ToolRail, TopBar

WIDTH, HEIGHT = 644, 437  # of the canvas on the page, whatever the picture: nothing jumps
PAD_PATIENCE = 5.0  # seconds for the pad's code to come, once the canvas answers
# Which layers a change touches.
TOUCHES = {
    "picture": ("picture", "film", "masks", "motion", "hand"),
    "entities": ("masks", "motion", "hand"),
    "selection": ("masks", "motion", "hand"),
    "prompt": ("motion",),
    "mode": ("motion", "hand"),
    "frame": ("motion", "hand"),
    "playing": ("picture", "masks", "motion", "hand"),
    "brush": ("hand",),
    "show": ("masks", "motion"),
    "settings": ("motion", "hand"),
}


class CanvasView:
    """Draws the model on an ipycanvas, and turns mouse, touch and keys into calls of the model.

    Args:
        model: The studio's model.
        width: Width of the canvas on the page, in pixels; it shrinks with the page.
        patience: Seconds that the browser has to answer the self-test.

    Attributes:
        widget: What to display.
        canvas: The topmost ipycanvas `Canvas`, which hears mouse, touch and keys.
        picture: The picture that was drawn last, (H, W, 3) uint8, or None.
    """

    def __init__(self, model: StudioModel, width: int = WIDTH, patience: float = PATIENCE) -> None:
        self.model = model
        height = round((width - 2 * MARGIN) * (HEIGHT - 2 * MARGIN) / (WIDTH - 2 * MARGIN)) + 2 * MARGIN
        self.stage = Stage(width, height)
        self.stage.fit(model.editor.scene.size)
        self.canvas = self.stage.canvas
        self.pointer = Pointer(model)
        self.live = Live(model, self.pointer, self._live_goes_on, self._page_tells, self._ask_page)
        self.scenery = Scenery(model, self.stage, self.pointer, self.live)
        self.pointer.find_handles = lambda: find_handles(model, self.stage)
        self._dirty: set[str] = set()
        self._pacer = Pacer(self._draw)
        self.picture: Any = None
        self._stop = model.watch(self._changed, *TOUCHES)
        self._build()
        self.hearing = Hearing(model, self.stage, self.pointer, lambda: self._touch("hand"), self._wish, self.live.seen)
        self._loading: Callable[[], None] = lambda: None
        for layer in self.stage.layers.values():
            layer.on_client_ready(self._page_loaded)
        self.selftest = SelfTest(model, self.stage, self._tell_test, self._renew, patience)
        self._redraw()
        self.selftest.start()

    def test(self) -> None:
        """Draw everything anew, and ask the browser whether it does."""
        self._begin_anew()
        self.selftest.start()

    def close(self) -> None:
        """Stop watching the model."""
        self._stop()
        self.live.stop()
        self._pacer.close()
        self.selftest.close()
        self._loading()
        for part in self._parts:
            part.close()
        self.stage.close()

    def _build(self) -> None:
        model = self.model
        self.help = HelpPanel()
        self.top, self.tools, self.options = TopBar(model, self.help), ToolRail(model), OptionBar(model)
        self.time, self.status, self.list = TimeSlider(model), StatusLine(model), EntityList(model)
        self.speed = SpeedCurve(model, self.stage)
        self._parts = (self.speed, self.top, self.tools, self.options, self.time, self.status, self.list)
        self.words = widgets.HTML("")
        again = button("refresh", "", "Test the canvas again")
        again.on_click(lambda _: self.test())
        foot = bar(again, self.words)
        foot.add_class("dal-view")
        below = (self.help.widget, self.time.widget, self.speed.widget)
        centre = widgets.VBox([self.options.widget, apart(self.stage.widget), *below])
        centre.add_class("dal-stage")
        main = widgets.HBox([self.tools.widget, centre])
        main.add_class("dal-main")
        children = [self.top.widget, main, self.status.widget, self.list.widget, foot]
        self.widget = widgets.VBox(children)
        self.widget.add_class("dal-studio")

    def _tell_test(self, words: str) -> None:
        said = f"This is the canvas view. {words}"
        drawn = self.selftest.seconds is not None
        self.words.value = f'<span title="{html.escape(said)}">canvas view</span>' if drawn else html.escape(said)
        if self.model.view_state == "alive":  # the page is there: the pad should be, too
            later(PAD_PATIENCE, self.hearing.drop_dead_pad)

    def _wish(self, wish: str, shift: bool) -> None:
        """Do what a key asks of the view itself."""
        if wish == "help" or (wish == "close" and self.help.shown):
            self.help.turn()
        elif wish == "leave":
            focus(self.tools.buttons[self.model.mode] if shift else self.time.play)

    def _page_loaded(self) -> None:
        """A page came to show this view; all its canvases report, and are drawn on when the last one has."""
        self._loading()
        self._loading = later(0.2, self.test)

    def _begin_anew(self) -> None:
        self.stage.renew()
        self._redraw()
        self.speed.draw()

    def _renew(self, manager: bool) -> None:
        if manager:
            self.stage.renew()
        else:
            self.stage.forget_sprites()
        self._redraw()
        self.speed.draw()
        self.selftest.ask()

    def _live_goes_on(self, anew: bool) -> None:
        self._touch("film", *(("masks", "motion") if anew else ()))

    def _page_tells(self) -> bool:
        return self.hearing.pad_alive and self.hearing.pad is not None

    def _ask_page(self) -> None:
        self.hearing.pad.ask_seen()

    def _redraw(self) -> None:
        self._changed("picture")

    def _changed(self, event: str) -> None:
        if event == "frame" and self.model.clip.playing:
            self._dirty.add("picture")
        self._touch(*TOUCHES[event])

    def _touch(self, *layers: str) -> None:
        self._dirty.update(layers)
        self._pacer.ask()

    def _draw(self) -> None:
        if self.model.editor.scene.image is not self.picture:
            self.picture = self.model.editor.scene.image
            self.stage.forget_sprites()
            self.stage.fit(self.model.editor.scene.size)
            self.hearing.warming = self.model.masks.warm_up()
        dirty, self._dirty = self._dirty, set()
        self.scenery.pad_draws = self.hearing.pad_alive
        if "hand" in dirty:
            self.hearing.show_ink()
            if self.live.follow():
                dirty |= {"film", "masks", "motion"}
        try:
            for layer in LAYERS:
                if layer in dirty:
                    getattr(self.scenery, layer)()
        except LabError as error:  # a preview that does not fit into memory
            self.model.clip.play(False)
            self.model.watchers.say_error(error)
