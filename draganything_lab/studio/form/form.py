"""The studio without a pointer: lists, sliders and numbers over the same model, for keyboard and screen reader."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ..panels.bound import Binder, button, column, labelled, row, words
from ..panels.door import make_door
from ..panels.generations import forget_files, sent_files
from .grid import asked_of, grid_picture, in_words
from .path_table import PathTable
from .pose_table import PoseTable

if TYPE_CHECKING:
    from ..model.model import StudioModel

NONE = ("no object yet", "")


class FormView:
    """Everything the canvas does, by controls that a keyboard reaches and a screen reader names.

    Args:
        model: The studio's model.

    Attributes:
        widget: The form.
    """

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.picture = w.HTML()
        self.picture.add_class("dal-grid")
        self.path, self.pose = PathTable(model), PoseTable(model)
        parts = [
            ("Picture", self._picture_part(bind)),
            ("Objects", self._things_part(bind)),
            ("Cut out an object", self._cut_part(bind)),
            ("Path of the selected object", self.path.widget),
            ("Turn, size and speed of the selected object", self.pose.widget),
            ("Background and camera", self._view_part(bind)),
        ]
        sections = []
        for title, part in parts:
            section = column(w.HTML(f'<h3 class="dal-title">{title}</h3>'), part)
            section.add_class("dal-card")
            sections.append(section)
        self.frame = bind.value(
            labelled(w.IntSlider, "Frame", "Which frame the picture shows", min=1, max=model.settings.num_frames),
            lambda: model.clip.frame + 1,
            lambda number: model.clip.set_frame(number - 1),
            "frame",
        )
        self.undo = bind.on_click(button("Undo"), model.editor.undo)
        self.redo = bind.on_click(button("Redo"), model.editor.redo)
        self.clear = bind.on_click(button("Clear", "Remove all objects; the picture stays"), model.editor.clear)
        history = row(self.undo, self.redo, self.clear, grid_gap="6px")
        self.widget = column(self.picture, self.frame, history, *sections, grid_gap="10px")
        self.widget.add_class("dal-form")
        bind.watch(self._show_picture, "picture", "entities", "selection", "prompt", "frame", "show", "settings")
        bind.watch(self._show_history, "entities", "picture")
        bind.watch(self._show_length, "settings")

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()
        self.path.close()
        self.pose.close()

    def _picture_part(self, bind: Binder) -> Any:
        model = self.model
        names = list(model.pictures.gallery())
        self.toyland = labelled(w.Dropdown, "Toyland", "A drawn scene", options=names)
        self.ready = w.Checkbox(description="with its objects and paths", indent=False, layout=w.Layout(width="auto"))
        self.open = bind.on_click(
            button("Open", "Open the drawn scene"),
            lambda: model.pictures.open_toyland(self.toyland.value, ready=self.ready.value),
        )
        self.upload = w.FileUpload(
            accept="image/*,.zip",
            multiple=False,
            description="Open a picture or scene file",
            layout=w.Layout(width="auto"),
        )
        self.upload.observe(self._uploaded, names="value")
        self.door = make_door(model.pictures, self.upload, self.upload.description)
        self.toyland.layout.flex = "1 1 12em"
        return column(
            row(self.toyland, self.ready, self.open, grid_gap="6px"),
            row(*([self.door.frame] if self.door else []), self.upload),
        )

    def _things_part(self, bind: Binder) -> Any:
        model = self.model
        self.things = labelled(w.Select, "Objects", "Which object is selected", options=[NONE], rows=5)
        self.things.observe(self._select, names="value")
        self.name = labelled(
            w.Text, "Name", "Name of the selected object; press Enter to apply", continuous_update=False
        )
        self.name.observe(self._rename, names="value")
        pin = button("Pin", "Keep the selected object where it is, or release it")
        self.pinned = bind.on_click(pin, model.editor.pin)
        self.hold = bind.on_click(button("Hold still", "It holds still where its path starts"), model.paths.hold)
        self.free = bind.on_click(button("Drop path", "Leave it uncontrolled"), model.paths.drop)
        self.nearer = bind.on_click(button("Nearer", "In front of the next one"), lambda: self._shift(1))
        self.farther = bind.on_click(button("Farther", "Behind the one before"), lambda: self._shift(-1))
        self.remove = bind.on_click(button("Remove", "Remove the selected object"), model.editor.remove)
        self._of_one = [self.pinned, self.hold, self.free, self.nearer, self.farther, self.remove]
        bind.watch(self._show_things, "entities", "selection")
        return column(self.things, self.name, row(*self._of_one, grid_gap="6px"))

    def _cut_part(self, bind: Binder) -> Any:
        model = self.model
        self.x = labelled(w.IntText, "x", "Pixels from the left edge; see the grid", label="1.5em")
        self.y = labelled(w.IntText, "y", "Pixels from the top edge; see the grid", label="1.5em")
        for control in (self.x, self.y):
            control.layout.width = "9em"
        self.cut = bind.on_click(
            button("Cut out here", "A new object: what is at this point"),
            lambda: model.masks.cut_out(self.x.value, self.y.value),
        )
        self.plus = bind.on_click(
            button("Belongs to it", "Plus point: this place belongs to the selected object"),
            lambda: model.masks.add_point(self.x.value, self.y.value, True),
        )
        self.minus = bind.on_click(
            button("Does not belong", "Minus point: this place does not belong to the selected object"),
            lambda: model.masks.add_point(self.x.value, self.y.value, False),
        )
        self.radius = bind.value(
            labelled(w.FloatText, "Brush radius", "In pixels, 1 to 200", label="7em"),
            lambda: model.masks.brush_radius,
            model.masks.set_brush,
            "brush",
        )
        self.radius.layout.width = "13em"
        self.paint = bind.on_click(
            button("Paint a disc", "Add a disc of this radius at x, y to the selected object, or begin a new one"),
            lambda: model.masks.paint([(self.x.value, self.y.value)], True),
        )
        self.erase = bind.on_click(
            button("Erase a disc", "Take a disc of this radius at x, y from the selected object"),
            lambda: model.masks.paint([(self.x.value, self.y.value)], False),
        )
        self.candidates = labelled(
            w.Dropdown, "Candidates", "Other masks that fit the clicks, by score", options=[("none", -1)]
        )
        self.candidates.observe(self._choose, names="value")
        self.clicks = labelled(w.Dropdown, "Clicks", "The points behind the mask", options=[("none", -1)])
        self.unclick = bind.on_click(button("Take back", "Take the chosen click back"), self._take_back)
        self.clicks.layout.flex = "1 1 12em"
        bind.watch(self._show_prompt, "prompt", "selection", "entities")
        return column(
            row(self.x, self.y, grid_gap="6px"),
            row(self.cut, self.plus, self.minus, grid_gap="6px"),
            self.candidates,
            row(self.clicks, self.unclick, grid_gap="6px"),
            row(self.radius, self.paint, self.erase, grid_gap="6px"),
        )

    def _view_part(self, bind: Binder) -> Any:
        model = self.model
        self.still = bind.on_click(
            button("Pin the background", "The background holds still, or is free again"), model.paths.pin_background
        )
        self.dx = labelled(
            w.FloatText, "by x", "How far to the right, in pixels; negative is to the left", label="3.5em"
        )
        self.dy = labelled(w.FloatText, "by y", "How far down, in pixels; negative is up", label="3.5em")
        self.zoom = labelled(w.FloatText, "zoom", "2 is twice as large at the end", step=0.1, value=1, label="3.5em")
        for control in (self.dx, self.dy, self.zoom):
            control.layout.width = "10em"
        self.background = bind.on_click(
            button("Move the background", "The background moves this far, in a straight line"), self._move_background
        )
        self.camera = bind.on_click(
            button(
                "Move the camera",
                "All content moves this far and grows by zoom; 0, 0 and 1: no motion",
            ),
            lambda: model.paths.set_camera((self.dx.value, self.dy.value), self.zoom.value),
        )
        self.view = w.HTML()
        bind.watch(self._show_view, "entities", "picture")
        return column(
            row(self.still),
            row(self.dx, self.dy, self.zoom, grid_gap="6px"),
            row(self.background, self.camera, grid_gap="6px"),
            self.view,
        )

    def _uploaded(self, change: Any) -> None:
        if change["new"]:
            for name, data in sent_files(self.upload):
                self.model.pictures.open_upload(name, data)
            forget_files(self.upload)

    def _select(self, change: Any) -> None:
        if not self._binder.is_quiet and change["new"] is not None:
            self.model.editor.select(change["new"] or None)

    def _rename(self, change: Any) -> None:
        selected = self.model.editor.selected
        if not self._binder.is_quiet and selected is not None and change["new"] != selected:
            self.model.editor.rename(selected, change["new"])
            with self._binder.quiet():
                self._show_things()

    def _shift(self, step: int) -> None:
        place = self.model.editor.selected_place
        if place is not None and 0 <= place + step < len(self.model.editor.entities):
            self.model.editor.reorder(place, place + step)

    def _choose(self, change: Any) -> None:
        if not self._binder.is_quiet and change["new"] is not None and change["new"] >= 0:
            self.model.masks.choose(change["new"])

    def _take_back(self) -> None:
        if self.clicks.value is not None and self.clicks.value >= 0:
            self.model.masks.remove_point(self.clicks.value)

    def _move_background(self) -> None:
        height, width = self.model.editor.scene.size
        x, y = (width - 1) / 2, (height - 1) / 2
        self.model.paths.drag_background([(x, y), (x + self.dx.value, y + self.dy.value)])

    def _show_picture(self) -> None:
        from ..panels.generate import picture_data

        address, said = picture_data(grid_picture(self.model)), html.escape(in_words(self.model))
        self.picture.value = f'<img src="{address}" alt="{said}">'

    def _show_history(self) -> None:
        self.undo.disabled, self.redo.disabled = not self.model.editor.can_undo, not self.model.editor.can_redo
        self.clear.disabled = not self.model.editor.entities

    def _show_length(self) -> None:
        self.frame.max = self.model.settings.num_frames

    def _show_things(self) -> None:
        editor = self.model.editor
        options = [(asked_of(number, entity), entity.name) for number, entity in enumerate(editor.entities, start=1)]
        wanted = tuple([("nothing selected", ""), *options] if options else [NONE])
        if self.things.options != wanted:
            self.things.options = wanted
        self.things.value = editor.selected or ""
        self.name.value = editor.selected or ""
        self.name.disabled = editor.selected is None
        entity, place = editor.selected_entity, editor.selected_place
        for control in self._of_one:
            control.disabled = entity is None
        self.pinned.description = "Unpin" if entity is not None and entity.pinned else "Pin"
        self.nearer.disabled = place is None or place + 1 >= len(editor.entities)
        self.farther.disabled = not place

    def _show_prompt(self) -> None:
        prompt = self.model.masks.prompt
        masks = [] if prompt is None else prompt.masks
        scores = [] if prompt is None else prompt.scores
        self.candidates.options = [
            (f"{place + 1}: score {score:.2f}, {int(mask.sum()):,} pixels" if score == score else f"{place + 1}", place)
            for place, (mask, score) in enumerate(zip(masks, scores, strict=True))
        ] or [("none", -1)]
        self.candidates.value = prompt.chosen if prompt is not None else -1
        self.candidates.disabled = len(masks) < 2
        clicks = [] if prompt is None else list(zip(prompt.points, prompt.labels, strict=True))
        self.clicks.options = [
            (f"{place + 1}: {'plus' if label else 'minus'} at {x:.0f}, {y:.0f}", place)
            for place, ((x, y), label) in enumerate(clicks)
        ] or [("none", -1)]
        self.clicks.disabled = self.unclick.disabled = len(clicks) < 2
        self.minus.disabled = self.erase.disabled = self.model.editor.selected is None

    def _show_view(self) -> None:
        model = self.model
        still = model.paths.background
        self.still.description = "Free the background" if still is not None and still.pinned else "Pin the background"
        camera = model.paths.camera
        said = "The camera stands still."
        if camera is not None:
            (dx, dy), zoom = camera["pan"], camera["zoom"]
            said = f"The camera: content moves by {dx:.0f}, {dy:.0f} and grows {zoom:.2f} times."
        if still is not None:
            start, end = still.path(2) if still.controlled else [still.centre] * 2
            dx, dy = end[0] - start[0], end[1] - start[1]
            moves = f"The background moves by {dx:.0f}, {dy:.0f}."
            said = moves if dx or dy else "The background is pinned."
            self.still.description = "Free the background"
        self.view.value = words(said, "dal-quiet")
