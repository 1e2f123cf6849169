"""How the selected object turns, grows and hurries, by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ...errors import LabError
from ..panels.bound import Binder, button, column, labelled, row, words

if TYPE_CHECKING:
    from ..model.model import StudioModel


class PoseTable:
    """Angle and size in the slider's frame and at every key point, and the speed curve as text.

    Args:
        model: The studio's model.

    Attributes:
        widget: The controls.
    """

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.said = w.HTML()
        self.angle = labelled(
            w.FloatText, "Turn", "Degrees, clockwise, counted from the picture; several turns may be given", label="4em"
        )
        self.size = labelled(w.FloatText, "Size", "A factor: 2 is twice as large as in the picture", label="4em")
        for control in (self.angle, self.size):
            control.layout.width = "11em"
        self.apply = bind.on_click(
            button("Set in this frame", "The object has this angle and size in the slider's frame"), self._set
        )
        self.angles = labelled(
            w.Text, "Angles", "Degrees at every key point, in their order: 0 45 90", placeholder="0 45 90"
        )
        self.sizes = labelled(w.Text, "Sizes", "Factors at every key point, in their order: 1 1.5 2", placeholder="1 2")
        self.apply_keys = bind.on_click(
            button("Set at key points", "Take these angles and sizes for the key points"), self._set_keys
        )
        self.pace = labelled(
            w.Text,
            "Speed curve",
            'Pairs "time,path" in per cent, from 0,0 to a time of 100: 0,0 50,10 100,100 begins slowly',
            placeholder="0,0 50,10 100,100",
        )
        self.apply_pace = bind.on_click(button("Set curve", "Take this speed curve"), self._set_pace)
        self.even = bind.on_click(button("Even speed", "Take the speed curve away"), lambda: model.poses.set_pace(None))
        for control in (self.angles, self.sizes, self.pace):
            control.layout.flex = "1 1 12em"
        self.widget = column(
            self.said,
            row(self.angle, self.size, self.apply, grid_gap="6px"),
            row(self.angles, self.sizes, self.apply_keys, grid_gap="6px"),
            row(self.pace, self.apply_pace, self.even, grid_gap="6px"),
        )
        bind.watch(self._show, "entities", "selection", "frame", "settings", "picture")

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _show(self) -> None:
        model, entity = self.model, self.model.editor.selected_entity
        poses, path = model.poses, self.model.paths.selected
        turns = entity is not None and entity.kind == "foreground"
        for control in (self.angle, self.size, self.apply):
            control.disabled = not turns
        for control in (self.angles, self.sizes, self.apply_keys):
            control.disabled = not turns or path is None
        pace = poses.pace
        for control in (self.pace, self.apply_pace, self.even):
            control.disabled = pace is None
        angle, size = (0.0, 1.0) if entity is None else poses.at(entity, poses.frame)
        self.angle.value, self.size.value = round(angle, 2), round(size, 4)
        self.angles.value = self.sizes.value = self.pace.value = ""
        if path is not None:
            self.angles.value = " ".join(f"{value:g}" for value in path.angles or [0.0] * len(path.points))
            self.sizes.value = " ".join(f"{round(value, 4):g}" for value in path.sizes or [1.0] * len(path.points))
        if pace is not None:
            self.pace.value = " ".join(f"{round(100 * time, 2):g},{round(100 * share, 2):g}" for time, share in pace)
        where = "the last frame" if model.clip.frame == 0 else f"frame {poses.frame + 1}"
        text = f"{entity.name}: turn and size in {where}." if turns and entity is not None else "No object is selected."
        self.said.value = words(text, "dal-quiet")

    def _set(self) -> None:
        self._try(lambda: self.model.poses.set(self.angle.value, self.size.value))

    def _set_keys(self) -> None:
        def take() -> None:
            self.model.poses.set_keys(_numbers(self.angles.value, "angle"), _numbers(self.sizes.value, "size"))

        self._try(take)

    def _set_pace(self) -> None:
        self._try(lambda: self.model.poses.set_pace(parse_pace(self.pace.value)))

    def _try(self, work: Any) -> None:
        """Do some work; what was typed stays where it is refused."""
        try:
            work()
        except LabError as error:
            self.model.watchers.say_error(error)


def parse_pace(text: str) -> list[tuple[float, float]]:
    """ "0,0 50,10 100,100" as pairs of shares from 0 to 1."""
    pairs = []
    for word in text.replace(";", " ").split():
        time, _, share = word.partition(",")
        try:
            pairs.append((float(time) / 100, float(share) / 100))
        except ValueError as error:
            raise LabError(f'"{word}" is not a pair of per cents', fix='use "time,path", such as 50,10') from error
    return pairs


def _numbers(text: str, what: str) -> list[float]:
    numbers = []
    for word in text.replace(",", " ").split():
        try:
            numbers.append(float(word.rstrip("°")))
        except ValueError as error:
            raise LabError(f'{what} "{word}" is not a number', fix=f"use one {what} per key point") from error
    return numbers
