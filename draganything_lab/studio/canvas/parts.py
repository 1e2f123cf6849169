"""The status line, the help panel and the time slider: small views of the model that any assembly can use."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from ..model.events import sentence
from ..model.model import StudioModel
from ..panels.generations import tip
from ..panels.style import bar, button
from .keys import HANDS, HELP
from .pacing import Pacer, later


class Part:
    """A view of part of the model, which stops watching when it is closed.

    Attributes:
        widget: What to display.
    """

    widget: widgets.Widget

    def __init__(self, model: StudioModel, *events: str) -> None:
        self.model = model
        self._setting = False  # whether a control is being set from the model, so that it must not answer
        self._pacer = Pacer(self._refresh)
        self._stop = model.watch(lambda _: self._pacer.ask(), *events)

    def close(self) -> None:
        """Stop watching."""
        self._stop()
        self._pacer.close()

    def refresh(self) -> None:
        """Show what the model says."""

    def _refresh(self) -> None:
        self._setting = True
        try:
            self.refresh()
        finally:
            self._setting = False


class StatusLine(Part):
    """One line that says what happened, and what to do about it; screen readers read it out."""

    def __init__(self, model: StudioModel) -> None:
        super().__init__(model, "status")
        self.widget = widgets.HTML("")
        self.widget.add_class("dal-status")
        self._refresh()

    def refresh(self) -> None:
        status = self.model.status
        for kind in ("warning", "error"):
            (self.widget.add_class if status.kind == kind else self.widget.remove_class)(f"dal-{kind}")
        sign = {"info": "", "warning": "<b>Note.</b> ", "error": "<b>Not done.</b> "}[status.kind]
        words = sentence(status.text)
        fix = f' <span class="fix">{html.escape(sentence(status.fix))}</span>' if status.fix else ""
        self.widget.value = f'<span role="status" aria-live="polite">{sign}{html.escape(words)}{fix}</span>'


class HelpPanel:
    """What mouse, finger and keys do; hidden until it is asked for."""

    def __init__(self) -> None:
        half = (len(HELP) + 1) // 2
        rows = "".join(
            "<tr>" + "".join(self._cell(HELP[k]) for k in (row, row + half) if k < len(HELP)) + "</tr>"
            for row in range(half)
        )
        hands = "".join(f"<tr><td>{html.escape(hand)}</td><td>{html.escape(does)}</td></tr>" for hand, does in HANDS)
        self.close = button("times", "", "Close the help (?)")
        self.close.add_class("dal-close")
        self.close.on_click(lambda _: self.turn())
        text = widgets.HTML(
            f"<p>With mouse or finger:</p><table>{hands}</table>"
            f"<p>With keys, which work after a click into the picture:</p><table>{rows}</table>"
        )
        self.widget = widgets.VBox([self.close, text], layout=widgets.Layout(display="none"))
        self.widget.add_class("dal-help")

    @property
    def shown(self) -> bool:
        """Whether it is open."""
        return self.widget.layout.display != "none"

    def turn(self) -> None:
        """Open or close it."""
        self.widget.layout.display = "none" if self.shown else ""

    @staticmethod
    def _cell(entry: tuple[str, str]) -> str:
        keys = " ".join(f"<kbd>{html.escape(key)}</kbd>" for key in entry[0].split())
        return f"<td>{keys}</td><td>{html.escape(entry[1])}</td>"


class TimeSlider(Part):
    """Play, and a slider over the clip's frames. It keeps time while the model plays."""

    def __init__(self, model: StudioModel) -> None:
        super().__init__(model, "frame", "playing", "settings", "picture", "entities")
        self.play = button("play", "", "Play the preview (Space)")
        self.slider = widgets.IntSlider(0, 0, model.num_frames - 1, readout=False)
        tip(self.slider, "The frame of the clip")
        self.words = widgets.HTML("")
        self.words.add_class("dal-frame")
        self.widget = bar(self.play, self.slider, self.words)
        self.widget.add_class("dal-time")
        self.play.on_click(lambda _: model.play())
        self.slider.observe(self._moved, "value")
        self._ticking = lambda: None
        self._ticks = model.watch(lambda _: self._keep_time(), "playing")
        self._refresh()

    def close(self) -> None:
        self._ticks()
        self._ticking()
        super().close()

    def refresh(self) -> None:
        model = self.model
        self.play.icon = "pause" if model.playing else "play"
        self.play.tooltip = "Stop (Space)" if model.playing else "Play the preview (Space)"
        self.slider.max = max(1, model.num_frames - 1)
        self.slider.disabled = model.num_frames < 2
        if self.slider.value != model.frame:
            self.slider.value = model.frame
        self.words.value = f"frame {model.frame + 1} of {model.num_frames}"

    def _moved(self, change: dict[str, Any]) -> None:
        if not self._setting:
            self.model.playing = False
            self.model.set_frame(change["new"])

    def _keep_time(self) -> None:
        self._ticking()
        if self.model.playing:
            self._ticking = later(1 / self.model.settings["fps"], self._tick)

    def _tick(self) -> None:
        if self.model.playing:
            self.model.advance()
            self._keep_time()
