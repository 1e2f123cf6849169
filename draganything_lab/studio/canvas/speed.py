"""The selected path's speed curve, drawn: time from left to right, the share of the path from bottom to top.

Press on the curve and pull: there is a new point. Pull a point to move it; a double-click deletes it. The slider's
frame follows the hand, so the ghost on the canvas shows where the object is by then.
"""

from __future__ import annotations

import time
from typing import Any

import ipywidgets as widgets
import numpy as np

from ...errors import LabError
from ...media.drawing import entity_colour
from ...scene.pace import pace_at
from ..model.model import StudioModel
from ..panels.bound import Binder
from ..panels.generations import apart
from . import ink
from .parts import bar, button
from .pointer import DOUBLE_SECONDS
from .sprites import DARK, LIGHT, css
from .stage import FINE, Stage

HEIGHT = 132  # page pixels
EDGE = (72, 12, 14, 22)  # page pixels around the curve: left, top, right, bottom
GRIP = 12.0  # page pixels within which a point is meant
APART = 0.005  # of the time: how near two points may come
GROUND, GRID, TEXT = (250, 250, 250), (214, 216, 220), (70, 74, 80)


class SpeedCurve:
    """A small canvas below the time slider; shown while the model's "speed" is.

    Args:
        model: The studio's model.
        stage: What draws, and lives as long.
    """

    def __init__(self, model: StudioModel, stage: Stage) -> None:
        self.model, self.stage = model, stage
        self._binder = bind = Binder(model)
        self.page = (stage.page[0], HEIGHT)
        self.canvas = canvas = stage.make_beside(*self.page)
        canvas.layout = widgets.Layout(width="100%", height="auto", max_width=f"{self.page[0]}px")
        canvas.add_class("dal-speed")
        self._held: int | None = None
        self._pairs: list[tuple[float, float]] | None = None  # while a hand changes them
        self._last_click = (-1.0, -1)  # when, and on which point
        canvas.on_mouse_down(self._press)
        canvas.on_mouse_move(self._move)
        canvas.on_mouse_up(lambda x, y: self._release())
        canvas.on_mouse_out(lambda x, y: self._release())
        canvas.on_touch_start(lambda touches: self._press(*touches[0]) if len(touches) == 1 else None)
        canvas.on_touch_move(lambda touches: self._move(*touches[0]) if touches else None)
        canvas.on_touch_end(lambda touches: self._release())
        self.even = bind.on_click(
            button("times", "Even speed", "Take the speed curve away"), lambda: model.poses.set_pace(None)
        )
        self.words = widgets.HTML("")
        self.words.add_class("dal-label")
        self.widget = widgets.VBox([apart(canvas), bar(self.words, self.even)])
        bind.watch(self.draw, "show", "selection", "entities", "frame", "settings", "picture", paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def draw(self) -> None:
        """Draw the curve, its points and the slider's frame."""
        model, pairs = self.model, self._now()
        self.widget.layout.display = "" if model.show["speed"] else "none"
        if not model.show["speed"]:
            return
        place = model.editor.selected_place
        path = model.paths.selected
        self.even.disabled = path is None or path.pace is None
        self.words.value = (
            "Press on the curve and pull. A double-click deletes a point."
            if pairs is not None
            else "Select an object with a path: its speed curve is here."
        )
        canvas = self.canvas
        with self.stage.held():
            canvas.clear()
            canvas.fill_style = css(GROUND)
            canvas.fill_rect(0, 0, self.page[0] * FINE, self.page[1] * FINE)
            self._axes()
            if pairs is None or place is None or path is None:
                return
            at = np.linspace(0, 1, 97)
            count = model.settings.num_frames
            exact = self._pairs is None and path.pace is None and path.frames is None
            share = path.progress(97) if exact else pace_at(tuple(pairs), at)
            ink.line(canvas, self.to_canvas(at, share), entity_colour(place + 1), 2.5 * FINE)
            if count > 1:
                now = model.clip.frame / (count - 1)
                line = self.to_canvas(np.array([now, now]), np.array([0.0, 1.0]))
                canvas.stroke_style, canvas.line_width = css(DARK, 0.7), 1.2 * FINE
                canvas.stroke_lines(line)
            for k, (x, y) in enumerate(self.to_canvas(*np.array(pairs).T).tolist()):
                for tint, radius in ((DARK, 6.5), (LIGHT, 5), (entity_colour(place + 1), 5 if k == self._held else 3)):
                    canvas.fill_style = css(tint)
                    canvas.fill_circle(x, y, radius * FINE)

    def _now(self) -> list[tuple[float, float]] | None:
        pace = self.model.poses.pace
        return self._pairs if self._pairs is not None else None if pace is None else list(pace)

    def _axes(self) -> None:
        canvas, count = self.canvas, self.model.settings.num_frames
        canvas.stroke_style, canvas.line_width = css(GRID), FINE
        for share in (0.0, 0.5, 1.0):
            canvas.stroke_lines(self.to_canvas(np.array([0.0, 1.0]), np.array([share] * 2)))
            canvas.stroke_lines(self.to_canvas(np.array([share] * 2), np.array([0.0, 1.0])))
        canvas.fill_style = css(TEXT)
        canvas.font = f"{11 * FINE}px system-ui, sans-serif"
        canvas.text_baseline, canvas.text_align = "middle", "right"
        for share, text in ((0.0, "start"), (1.0, "path's end")):
            x, y = self.to_canvas(np.array([0.0]), np.array([share]))[0].tolist()
            canvas.fill_text(text, x - 6 * FINE, y)
        canvas.text_baseline = "top"
        for share, align in ((0.0, "left"), (1.0, "right")):
            x, y = self.to_canvas(np.array([share]), np.array([0.0]))[0].tolist()
            canvas.text_align = align
            canvas.fill_text(f"frame {1 if share == 0 else count}", x, y + 5 * FINE)

    def to_canvas(self, at: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Shares of the time and of the path, (K,) each, as places (K, 2) on the canvas."""
        left, top, right, bottom = EDGE
        wide, tall = self.page[0] - left - right, self.page[1] - top - bottom
        points: np.ndarray = np.stack([left + at * wide, top + (1 - share) * tall], axis=-1) * FINE
        return points.round(1)

    def _from_canvas(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = EDGE
        wide, tall = self.page[0] - left - right, self.page[1] - top - bottom
        at, share = (x / FINE - left) / wide, 1 - (y / FINE - top) / tall
        return min(max(at, 0.0), 1.0), min(max(share, 0.0), 1.0)

    def _press(self, x: float, y: float) -> None:
        pairs = self._now()
        if pairs is None:
            return
        self.model.clip.play(False)
        far = np.hypot(*(self.to_canvas(*np.array(pairs).T) - (x, y)).T) / FINE
        near = int(far.argmin())
        now, (when, which) = time.monotonic(), self._last_click
        if far[near] <= GRIP:
            self._last_click = (now, near)
            if which == near and now - when <= DOUBLE_SECONDS:
                self._delete(pairs, near)
                return
        else:
            at, share = self._from_canvas(x, y)
            near = int(np.searchsorted([time for time, _ in pairs], at))
            if near in (0, len(pairs)) or min(at - pairs[near - 1][0], pairs[near][0] - at) < APART:
                return
            pairs = [*pairs[:near], (at, share), *pairs[near:]]
            self._last_click = (-1.0, -1)
        self._held, self._pairs = near, pairs
        self._move(x, y)

    def _move(self, x: float, y: float) -> None:
        pairs, k = self._pairs, self._held
        if pairs is None or k is None:
            return
        at, share = self._from_canvas(x, y)
        if k in (0, len(pairs) - 1):  # the video starts with its picture, and the curve lasts to its end
            at, share = (0.0, 0.0) if k == 0 else (1.0, share)
        else:
            at = min(max(at, pairs[k - 1][0] + APART), pairs[k + 1][0] - APART)
        self._pairs = [*pairs[:k], (round(at, 4), round(share, 4)), *pairs[k + 1 :]]
        self.model.clip.set_frame(round(at * (self.model.settings.num_frames - 1)))
        self.draw()

    def _release(self) -> None:
        pairs, self._pairs, self._held = self._pairs, None, None
        pace = self.model.poses.pace
        if pairs is not None and pace is not None and pairs != list(pace):
            self.model.poses.set_pace(pairs)
        if pairs is not None:
            self.draw()

    def _delete(self, pairs: list[tuple[float, float]], k: int) -> None:
        self._pairs = self._held = None
        if k in (0, len(pairs) - 1):
            error: Any = LabError("the curve keeps its first and last point", fix="pull the last one up or down")
            self.model.watchers.say_error(error)
        else:
            self.model.poses.set_pace([*pairs[:k], *pairs[k + 1 :]])
