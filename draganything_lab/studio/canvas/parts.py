"""The status line, the help panel and the time slider, and the buttons and bars that the canvas view is made of."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from ..model.events import sentence
from ..model.model import StudioModel
from ..panels.bound import Binder
from ..panels.generations import tip
from ..panels.redraw import later
from .keys import HANDS, HELP


def button(icon: str, label: str, tooltip: str, *, toggle: bool = False) -> widgets.Button | widgets.ToggleButton:
    """A button with an icon; without a label it is square. The tooltip is what screen readers say."""
    kind = widgets.ToggleButton if toggle else widgets.Button
    made = kind(description=label, icon=icon, tooltip=tooltip)
    if not label:
        made.add_class("dal-icon")
    return made


def bar(*children: widgets.Widget) -> widgets.HBox:
    """Controls in a row of fixed height."""
    row = widgets.HBox(children)
    row.add_class("dal-bar")
    return row


class StatusLine:
    """One line that says what happened, and what to do about it; screen readers read it out."""

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = Binder(model)
        self.widget = widgets.HTML("")
        self.widget.add_class("dal-status")
        self._binder.watch(self._show, "status", paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _show(self) -> None:
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


class TimeSlider:
    """Play, and a slider over the clip's frames. It keeps time while the model plays."""

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.play = button("play", "", "Play the preview (Space)")
        self.slider = widgets.IntSlider(0, 0, 1, readout=False)
        tip(self.slider, "The frame of the clip")
        self.words = widgets.HTML("")
        self.words.add_class("dal-frame")
        self.widget = bar(self.play, self.slider, self.words)
        self.widget.add_class("dal-time")
        self.play.on_click(lambda _: model.clip.play())
        self.slider.observe(self._moved, "value")
        self._ticking = lambda: None
        bind.watch(self._keep_time, "playing", now=False)
        bind.watch(self._show, "frame", "playing", "settings", "picture", "entities", paced=True)

    def close(self) -> None:
        """Stop following the model, and keep time no longer."""
        self._ticking()
        self._binder.close()

    def _show(self) -> None:
        model = self.model
        self.play.icon = "pause" if model.clip.playing else "play"
        self.play.tooltip = "Stop (Space)" if model.clip.playing else "Play the preview (Space)"
        self.slider.max = max(1, model.settings.num_frames - 1)
        self.slider.disabled = model.settings.num_frames < 2
        if self.slider.value != model.clip.frame:
            self.slider.value = model.clip.frame
        self.words.value = f"frame {model.clip.frame + 1} of {model.settings.num_frames}"

    def _moved(self, change: dict[str, Any]) -> None:
        if not self._binder.is_quiet:
            self.model.clip.play(False)
            self.model.clip.set_frame(change["new"])

    def _keep_time(self) -> None:
        self._ticking()
        if self.model.clip.playing:
            self._ticking = later(1 / self.model.settings["fps"], self._tick)

    def _tick(self) -> None:
        if self.model.clip.playing:
            self.model.clip.advance()
            self._keep_time()
