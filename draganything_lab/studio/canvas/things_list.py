"""The list of objects: number and colour, name, what it does, pinned, visible, order, remove."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from ...media.drawing import entity_colour, ink_on
from ...scene.entity import Entity
from ..model.model import StudioModel
from ..panels.bound import Binder
from .parts import button
from .sprites import LIGHT, css


class _Row:
    """The controls of one entity; kept and filled again, because making widgets is slow."""

    def __init__(self, owner: EntityList) -> None:
        self.name = ""
        self.model, self._binder = owner.model, owner.binder
        model = owner.model
        self.badge = widgets.Button(description="", tooltip="Select it")
        self.badge.add_class("dal-badge")
        self.text = widgets.Text(continuous_update=False)
        self.does = widgets.HTML("")
        self.does.add_class("dal-does")
        self.pin = button("thumb-tack", "", "Pin it, so that it stays where it is (K)", toggle=True)
        self.eye = button("eye", "", "Show it, or hide it; it stays part of the scene")
        self.up = button("arrow-up", "", "Nearer to the viewer")
        self.down = button("arrow-down", "", "Farther from the viewer")
        self.bin = button("trash-o", "", "Remove it (Delete)")
        self.widget = widgets.HBox([self.badge, self.text, self.does, self.pin, self.eye, self.up, self.down, self.bin])
        self.widget.add_class("dal-row")
        self.badge.on_click(lambda _: model.editor.select(self.name))
        self.eye.on_click(lambda _: model.editor.set_visible(self.name, self.name in model.editor.hidden))
        self.up.on_click(lambda _: model.editor.reorder(self.name, model.editor.scene.index(self.name) + 1))
        self.down.on_click(lambda _: model.editor.reorder(self.name, model.editor.scene.index(self.name) - 1))
        self.bin.on_click(lambda _: model.editor.remove(self.name))
        self.pin.observe(self._pinned, "value")
        self.text.observe(self._renamed, "value")

    def fill(self, entity: Entity, place: int, count: int, hidden: bool, selected: bool) -> None:
        colour = entity_colour(place + 1)
        self.name = entity.name
        self.badge.description = str(place + 1)
        self.badge.style.button_color = css(colour)
        (self.badge.add_class if ink_on(colour) == LIGHT else self.badge.remove_class)("dal-light")
        self.badge.tooltip = f"Select {entity.name}"
        self.text.value = entity.name
        kind = "" if entity.kind == "foreground" else f"{entity.kind}, "
        self.does.value = entity.summary if entity.name == entity.kind else f"{kind}{entity.summary}"
        self.pin.value = entity.pinned
        self.eye.icon = "eye-slash" if hidden else "eye"
        self.up.disabled, self.down.disabled = place == count - 1, place == 0
        (self.widget.add_class if selected else self.widget.remove_class)("dal-on")

    def _pinned(self, change: dict[str, Any]) -> None:
        if not self._binder.is_quiet:
            self.model.editor.pin(self.name, change["new"])

    def _renamed(self, change: dict[str, Any]) -> None:
        if not self._binder.is_quiet and self.model.editor.rename(self.name, change["new"]) is None:
            with self._binder.quiet():
                self.text.value = self.name  # refused; the status line says why


class EntityList:
    """All entities, the nearest at the top, as layers lie over each other."""

    def __init__(self, model: StudioModel) -> None:
        self.model, self.binder = model, Binder(model)
        self.rows: list[_Row] = []
        self.empty = widgets.HTML("No objects yet. Click one in the picture: it gets a number and a colour.")
        self.empty.add_class("dal-empty")
        self.widget = widgets.VBox([self.empty])
        self.widget.add_class("dal-list")
        self.binder.watch(self._show, "entities", "selection", "picture", paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self.binder.close()

    def _show(self) -> None:
        entities = self.model.editor.entities
        while len(self.rows) < len(entities):
            self.rows.append(_Row(self))
        for row, (place, entity) in zip(self.rows, reversed(list(enumerate(entities))), strict=False):
            hidden = entity.name in self.model.editor.hidden
            row.fill(entity, place, len(entities), hidden, entity.name == self.model.editor.selected)
        children = tuple(row.widget for row in self.rows[: len(entities)]) or (self.empty,)
        if self.widget.children != children:
            self.widget.children = children
