"""A path as a table of numbers: x, y and, if wanted, the frame of every key point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ...errors import LabError
from ...scene.checks import parse_points
from ...scene.easing import EASINGS
from ...scene.trajectory import SPACINGS
from ..panels.bound import Binder, button, column, labelled, row, words

if TYPE_CHECKING:
    from ..model.model import StudioModel

MOST_ROWS = 40


class PathTable:
    """The selected object's key points, one row each, and what else belongs to a path.

    Args:
        model: The studio's model.

    Attributes:
        widget: The table.
        rows: The number fields of every key point: [x, y, frame].
    """

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.rows: list[list[Any]] = []
        self._drawn: Any = None
        self.title = w.HTML()
        self.table = column()
        self.text = labelled(
            w.Text,
            "Points",
            'All key points at once: "x,y x,y …" in pixels of the picture, such as 85,250 180,240',
            placeholder="85,250 180,240 296,262",
        )
        self.apply = bind.on_click(button("Set path", "Take these key points for the selected object"), self._set_text)
        self.x = labelled(w.FloatText, "new x", "x of a new key point", label="3.6em")
        self.y = labelled(w.FloatText, "new y", "y of a new key point", label="3.6em")
        self.append = bind.on_click(
            button("Add at the end", "Add a key point at the path's end"),
            lambda: model.paths.append_point(self.x.value, self.y.value),
        )
        self.insert = bind.on_click(
            button("Insert", "Add a key point where the path passes nearest"),
            lambda: model.paths.insert_point(self.x.value, self.y.value),
        )
        self.timed = w.Checkbox(
            description="set the frame in which each point is reached", indent=False, layout=w.Layout(width="auto")
        )
        self.timed.observe(self._time, names="value")
        self.easing = labelled(w.Dropdown, "Speed", "How the speed changes along the path", options=list(EASINGS))
        self.spacing = labelled(
            w.Dropdown, "Spread", "arc: even speed; time: equally long from point to point", options=list(SPACINGS)
        )
        for control, name in ((self.easing, "easing"), (self.spacing, "spacing")):
            control.observe(lambda change, name=name: self._timing(**{name: change["new"]}), names="value")
        for control in (self.x, self.y):
            control.layout.width = "11em"
        self.text.layout.flex = "1 1 14em"
        self.widget = column(
            self.title,
            row(self.text, self.apply, grid_gap="6px"),
            self.table,
            row(self.x, self.y, self.append, self.insert, grid_gap="6px"),
            self.timed,
            self.easing,
            self.spacing,
        )
        bind.watch(self._show, "entities", "selection", "settings")

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _show(self) -> None:
        path, name = self.model.paths.selected, self.model.editor.selected
        controls = [self.text, self.apply, self.x, self.y, self.append]
        for control in controls:
            control.disabled = name is None
        for control in (self.insert, self.timed, self.easing, self.spacing):
            control.disabled = path is None
        if (path, name, self.model.settings.num_frames) == self._drawn:
            return
        if path is None and self._drawn is not None and (path, name) != self._drawn[:2]:
            self.text.value = ""  # what stands there is another object's path, or one that is gone
        self._drawn = (path, name, self.model.settings.num_frames)
        if path is None:
            said = "Nothing is selected." if name is None else f"{name} has no path yet."
            self.title.value = words(said, "dal-quiet")
            self.rows, self.table.children = [], ()
            return
        count = len(path.points)
        self.title.value = words(
            f"{name}: {count} key {'point' if count == 1 else 'points'}, {path.length:.0f} pixels long."
        )
        self.text.value = " ".join(f"{round(x, 2):g},{round(y, 2):g}" for x, y in path.points.tolist())
        self.timed.value, self.easing.value, self.spacing.value = path.frames is not None, path.easing, path.spacing
        if count > MOST_ROWS:
            self.rows = []
            self.table.children = (w.HTML(words(f"{count} key points are too many for a table; edit them above.")),)
            return
        if [len(fields) for fields in self.rows] != [3 if path.frames else 2] * count:
            self._build(count, timed=path.frames is not None)
        for place, (fields, (x, y)) in enumerate(zip(self.rows, path.points.tolist(), strict=True)):
            values = [round(x, 2), round(y, 2), *([path.frames[place] + 1] if path.frames else [])]
            for field, value in zip(fields, values, strict=True):
                if field.value != value:
                    field.value = value

    def _build(self, count: int, *, timed: bool) -> None:
        self.rows, lines = [], []
        for place in range(count):
            fields = []
            for name in ("x", "y"):
                label, help_line = f"{place + 1}: {name}", f"Key point {place + 1}, {name}"
                fields.append(labelled(w.FloatText, label, help_line, label="3em"))
            if timed:
                fields.append(
                    labelled(
                        w.BoundedIntText,
                        "frame",
                        f"Frame in which key point {place + 1} is reached; the first is 1",
                        min=1,
                        max=10_000,
                        label="3.6em",
                    )
                )
            for field in fields[:2]:
                field.layout.width = "9em"
            for axis, field in enumerate(fields[:2]):
                field.observe(lambda change, place=place, axis=axis: self._moved(place, axis), names="value")
            for field in fields[2:]:
                field.layout.width = "8.5em"
                field.observe(lambda change: self._retimed(), names="value")
            drop = button("Delete", f"Delete key point {place + 1}", disabled=count == 1)
            drop.on_click(lambda _, place=place: self.model.paths.delete_point(place))
            self.rows.append(fields)
            lines.append(row(*fields, drop, grid_gap="6px"))
        self.table.children = tuple(lines)

    def _moved(self, place: int, axis: int) -> None:
        path = self.model.paths.selected
        if not self._binder.is_quiet and path is not None and place < len(self.rows):
            point = path.points[place].tolist()  # the other number as it is, not as it is rounded for the table
            point[axis] = self.rows[place][axis].value
            self.model.paths.move_point(place, *point)
            self._again()

    def _retimed(self) -> None:
        if not self._binder.is_quiet:
            self.model.paths.set_timing([fields[2].value - 1 for fields in self.rows])
            self._again()

    def _time(self, change: Any) -> None:
        path = self.model.paths.selected
        if self._binder.is_quiet or path is None:
            return
        count = self.model.settings.num_frames
        self.model.paths.set_timing(spread_frames(len(path.points), count) if change["new"] else None)
        self._again()

    def _timing(self, **changes: Any) -> None:
        path = self.model.paths.selected
        if not self._binder.is_quiet and path is not None:
            self.model.paths.set_timing(path.frames, **changes)
            self._again()

    def _set_text(self) -> None:
        try:
            points = parse_points(self.text.value)
        except LabError as error:
            self.model.watchers.say_error(error)
            return
        self.model.paths.set(points)

    def _again(self) -> None:
        """Show what the model has, whatever was typed."""
        self._drawn = None
        with self._binder.quiet():
            self._show()


def spread_frames(points: int, frames: int) -> list[int]:
    """Frames for key points, evenly spread over a clip: strictly increasing, even if there are more points."""
    if points == 1:
        return [0]
    if points > frames:
        return list(range(points))
    return [round(place * (frames - 1) / (points - 1)) for place in range(points)]
