"""Things in the picture: clicked, refined, painted, named, ordered, pinned, removed."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.mask import Label
from ...media.picture import Source
from ...scene.drags import free_name
from ...scene.entity import Entity
from ...scene.masks import own_mask
from ...scene.scene import Which
from ...scene.trajectory import Points
from .core import action
from .pictures import Pictures
from .prompts import Prompt

BRUSH = (1.0, 200.0)
STEM = "thing"
HARDLY = 0.005  # share of a mask's pixels below which a click has changed next to nothing


class Things(Pictures):
    """The part of the model that says which things there are."""

    # Which one

    def pick(self, x: float, y: float) -> str | None:
        """The name of the nearest visible foreground thing at a point, or None."""
        column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        height, width = self._scene.size
        if 0 <= column < width and 0 <= row < height:
            for entity in reversed(self._scene.entities):
                if entity.kind == "foreground" and entity.name not in self._hidden and entity.mask[row, column]:
                    return entity.name
        return None

    @action
    def select(self, which: Which | None) -> bool:
        """Select an entity, or none."""
        name = None if which is None else self._scene[which].name
        if name != self._selected:
            self._selected = name
            self.say(
                "" if name is None else f"{self._title(name)} is selected.", "" if name is None else self._hint(name)
            )
        return True

    @action
    def select_next(self, step: int = 1) -> bool:
        """Select the next entity, or with a negative step the one before, going round."""
        count = len(self._scene.entities)
        if not count:
            raise LabError("there is nothing to select yet", fix="click a thing in the picture")
        place = self.selected_place
        start = -1 if place is None and step > 0 else 0 if place is None else place
        self.select((start + step) % count)
        return True

    @action
    def set_visible(self, which: Which, visible: bool) -> bool:
        """Draw an entity, or hide it from view; it stays part of the scene."""
        name = self._scene[which].name
        self._hidden = self._hidden - {name} if visible else self._hidden | {name}
        self.tell("entities")
        return True

    # New ones, and their masks

    @action
    def cut_out(self, x: float, y: float) -> str:
        """Cut out the thing at a click and select it; its candidates are in `prompt`."""
        prompt = self._cut([(x, y)], [1])
        name = self._new(prompt.masks[0], None)
        self._tell_cut(prompt, f"{self._title(name)} is cut out.")
        return name

    @action
    def add_mask(self, mask: Source, name: str | None = None, label: Label | None = None) -> str:
        """Add a thing by its mask: an array, a file's path or its bytes; `label` chooses from a map of several."""
        name = self._new(own_mask(mask, self._scene.size, label), name)
        self.say(f"{self._title(name)} is added.", self._hint(name))
        return name

    @action
    def add_point(self, x: float, y: float, positive: bool = True) -> bool:
        """Click once more on the selected thing (plus), or on what does not belong to it (minus)."""
        if self._selected is None:
            if not positive:
                raise LabError("a minus point needs a selected thing", fix="click a thing first")
            return bool(self.cut_out(x, y))
        points, labels = self._clicks()
        before = self._scene[self._selected].mask
        self._again([*points, (x, y)], [*labels, int(positive)])
        changed = np.count_nonzero(self._scene[self._selected].mask != before)
        tool = "Brush" if positive else "brush's Erase"
        if not changed:  # undo keeps no step that changed nothing
            self.say("The mask did not change, so the click was not kept.", f"Use the {tool} instead.", "warning")
        elif changed < HARDLY * np.count_nonzero(before):
            self.say("The mask hardly changed.", f"Use the {tool}, or Ctrl+Z takes the click back.", "warning")
        return True

    @action
    def remove_point(self, index: int) -> bool:
        """Take a click on the selected thing back."""
        points, labels = self._clicks()
        if not 0 <= index < len(points):
            raise LabError(f"there is no click {index}", fix=f"the mask has clicks 0 to {len(points) - 1}")
        if len(points) == 1:
            raise LabError("this is the only click on it", fix="remove the thing instead")
        return self._again(points[:index] + points[index + 1 :], labels[:index] + labels[index + 1 :])

    @action
    def choose(self, candidate: int) -> bool:
        """Take another candidate for the selected thing's mask; 0 has the best score."""
        place, prompt = self.place(None), self.prompt
        if prompt is None:
            raise LabError("this mask has no candidates", fix="add a plus point to get some")
        if isinstance(candidate, bool) or not 0 <= candidate < len(prompt.masks):
            raise LabError(f"there is no candidate {candidate}", fix=f"there are 0 to {len(prompt.masks) - 1}")
        self._scene.update(place, mask=prompt.masks[candidate])
        self.say(f"Candidate {candidate + 1} of {len(prompt.masks)}, score {prompt.scores[candidate]:.2f}.")
        return True

    @action
    def paint(self, points: Points, add: bool = True, radius: float | None = None) -> bool:
        """Brush over the selected thing's mask; with nothing selected, a new thing is painted."""
        from ...scene.masks import paint

        radius = self._brush_radius if radius is None else radius
        if self._selected is None:
            if not add:
                raise LabError("nothing is selected to erase from", fix="click a thing first")
            mask = paint(np.zeros(self._scene.size, bool), points, radius)  # type: ignore[arg-type]
            if not mask.any():
                raise LabError("the stroke is outside the picture", fix="paint inside it")
            name = self._new(mask, None)
            self.say(f"{self._title(name)} is painted.", self._hint(name))
            return True
        entity = self._scene[self._selected]
        mask = paint(entity.mask, points, radius, add)  # type: ignore[arg-type]
        if not mask.any():
            raise LabError("erasing that would leave nothing of it", fix="remove the thing instead")
        self._scene.update(self._selected, mask=mask)
        self.say(f"{self._title(entity.name)} has {int(mask.sum()):,} pixels.")
        return True

    @property
    def brush_radius(self) -> float:
        """Radius of the brush in picture pixels, 1 to 200; what lies beyond is brought there."""
        return self._brush_radius

    @brush_radius.setter
    def brush_radius(self, value: float) -> None:
        self.set_brush(value)

    @action
    def set_brush(self, radius: float) -> bool:
        """Set the brush's radius, kept within 1 to 200 pixels."""
        if isinstance(radius, bool) or not isinstance(radius, (int, float)) or not np.isfinite(radius):
            raise LabError(f"the brush's radius is {radius!r}", fix="give 1 to 200 pixels")
        self._brush_radius = float(np.clip(radius, *BRUSH))
        if abs(self._brush_radius - radius) > 0.01:
            self.say(f"Brush radius: 1 to 200 pixels; set to {self._brush_radius:.0f}.", kind="warning")
        return True

    # Naming and order

    @action
    def rename(self, which: Which, name: str) -> bool:
        """Give an entity another name."""
        old = self._scene[which].name
        new = self._scene.rename(which, name).name
        if self._selected == old:
            self._selected = new
        if old in self._hidden:
            self._hidden = self._hidden - {old} | {new}
        self.say(f"{old} is called {new} now.")
        return True

    @action
    def reorder(self, which: Which, place: int) -> bool:
        """Put an entity at another place, 0 = farthest; later ones are nearer the viewer."""
        self._scene.reorder(which, place)
        return True

    @action
    def remove(self, which: Which | None = None) -> bool:
        """Remove an entity, the selected one for None."""
        removed = self._scene.remove(self.place(which))
        self.say(f"{removed.name} is removed.", "Undo brings it back.")
        return True

    @action
    def clear(self) -> bool:
        """Remove all entities; the picture stays."""
        count = len(self._scene.entities)
        self._scene.clear()
        self.say(
            f"{count} removed." if count else "There was nothing to remove.", "Undo brings them back." if count else ""
        )
        return True

    @action
    def pin(self, which: Which | None = None, on: bool | None = None) -> bool:
        """Ask an entity to stay where it is, or no longer; None for the selected one, and to change over."""
        entity = self._scene[self.place(which)]
        on = not entity.pinned if on is None else bool(on)
        self._scene.pin(entity.name, on)
        self.say(f"{self._title(entity.name)} {'is pinned: it stays where it is' if on else 'is free'}.")
        return True

    # Inside

    def _cut(self, points: list[tuple[float, float]], labels: list[int], found: Any = None) -> Prompt:
        height, width = self._scene.size
        x, y = points[-1]
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise LabError(
                f"the click ({x:.0f}, {y:.0f}) is outside the {width}x{height} picture", fix="click on the thing"
            )
        with self._segmenting:
            found = self._ready_segmenter().predict(points=points, labels=labels, previous=found)
        return self._book.keep(points, labels, found)[0]

    def _clicks(self) -> tuple[list[tuple[float, float]], list[int]]:
        """The selected thing's clicks; of one that was not clicked, its middle."""
        self.place(None)
        prompt, entity = self.prompt, self.selected_entity
        if prompt is not None:
            return list(prompt.points), list(prompt.labels)
        return ([entity.centre], [1]) if entity is not None else ([], [])

    def _again(self, points: list[tuple[float, float]], labels: list[int]) -> bool:
        prompt = self.prompt
        previous = None if prompt is None or prompt.found is None else prompt.found.chosen(prompt.chosen)
        again = self._cut(points, labels, previous)
        self._scene.update(self.place(None), mask=again.masks[0])
        self._tell_cut(again, f"{self._title(self._selected)} has {len(points)} clicks.")
        return True

    def _new(self, mask: np.ndarray, name: str | None) -> str:
        entity = self._scene.add(name or free_thing(self._scene.entities), mask)
        self._selected = entity.name
        return entity.name

    def _tell_cut(self, prompt: Prompt, text: str) -> None:
        from ...scene.masks import describe_mask

        warnings = describe_mask(prompt.masks[prompt.chosen]).warnings
        if warnings:
            # Of a first click the thing itself is removed as easily.
            fix = "Ctrl+Z takes the click back." if len(prompt.points) > 1 else ""
            self.say(f"{text} But {warnings[0]}.", fix, "warning")
        else:
            others = len(prompt.masks) - 1
            self.say(text, f"Drag it, or look at {others} more." if others else "Now drag it.")

    def _title(self, name: str | None) -> str:
        """An entity's name, as a sentence begins."""
        return "" if name is None else f"{name[:1].upper()}{name[1:]}"

    def _hint(self, name: str) -> str:
        entity: Entity = self._scene[name]
        return "" if entity.controlled else "Now drag it."


def free_thing(entities: tuple[Entity, ...]) -> str:
    """ "thing A", "thing B" …: letters, because numbers are places in the scene, and places change."""
    taken = {entity.name for entity in entities}
    names = (f"{STEM} {letter}" for letter in ascii_uppercase)
    return next((name for name in names if name not in taken), None) or free_name(entities, STEM)
