"""The scene being edited: which objects are in it, which one is selected, and undo, even of opening a picture."""

from __future__ import annotations

from string import ascii_uppercase

import numpy as np

from ...errors import LabError
from ...scene.drags import free_name
from ...scene.entity import Entity
from ...scene.scene import Scene, Which
from .events import Part, Watchers, action

MAX_PICTURES = 8  # that undo keeps
STEM = "object"


class Editor(Part):
    """The scene, the selection and undo.

    Args:
        watchers: What all parts share.
        scene: The scene to edit.
        picture_name: What its picture is called.

    Attributes:
        scene: The scene being edited.
        picture_name: What its picture is called.
        selected: The selected entity's name, or None.
        hidden: Names of the entities that no view draws.
    """

    def __init__(self, watchers: Watchers, scene: Scene, picture_name: str) -> None:
        super().__init__(watchers)
        self.scene, self.picture_name = scene, picture_name
        self.selected: str | None = None
        self.hidden: frozenset[str] = frozenset()
        self._before: list[tuple[Scene, str]] = []  # pictures opened earlier, for undo
        self._after: list[tuple[Scene, str]] = []
        self._reached = scene.entities  # where undo or redo led last: any others are an edit since then

    def facts(self) -> dict[str, object]:
        return {"picture": self.scene.image, "entities": self.scene.entities, "selection": self.selected}

    def settle(self) -> None:
        """Select and hide nothing that is gone; after an edit, the pictures that undo left cannot come back."""
        if self.selected is not None and self.selected not in self.scene:
            self.selected = None
        gone = {name for name in self.hidden if name not in self.scene}
        if gone:
            self.hidden = self.hidden - gone
        if self._after and self.scene.entities is not self._reached:
            self._after = []

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The scene's entities, farthest first."""
        return self.scene.entities

    @property
    def selected_entity(self) -> Entity | None:
        """The selected entity, or None."""
        return None if self.selected is None else self.scene[self.selected]

    @property
    def selected_place(self) -> int | None:
        """The selected entity's 0-based place, or None."""
        return None if self.selected is None else self.scene.index(self.selected)

    def chosen(self, which: Which | None = None) -> Entity:
        """An entity by its name or place; for None the selected one.

        Raises:
            LabError: Nothing is selected, or there is no such entity.
        """
        if which is None and self.selected is None:
            raise LabError("nothing is selected", fix="click an object in the picture, or its name in the list")
        return self.scene[self.selected if which is None else which]  # type: ignore[index]

    def pick(self, x: float, y: float) -> str | None:
        """The name of the nearest visible foreground object at a point, or None."""
        column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        height, width = self.scene.size
        if 0 <= column < width and 0 <= row < height:
            for entity in reversed(self.scene.entities):
                if entity.kind == "foreground" and entity.name not in self.hidden and entity.mask[row, column]:
                    return entity.name
        return None

    def free_name(self) -> str:
        """ "object A", "object B" …: letters, because numbers are places in the scene, and places change."""
        names = (f"{STEM} {letter}" for letter in ascii_uppercase)
        return next((name for name in names if name not in self.scene), None) or free_name(self.entities, STEM)

    @action
    def open(self, scene: Scene, name: str) -> bool:
        """Edit another scene; undo brings the present one back."""
        self._before = [*self._before[-(MAX_PICTURES - 1) :], (self.scene, self.picture_name)]
        self._after = []
        self.scene.forget_redo()  # on another picture it cannot be done again
        self.scene, self.picture_name, self.selected = scene, name, None
        return True

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return self.scene.can_undo or bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return self.scene.can_redo or bool(self._after)

    @action
    def undo(self) -> bool:
        """Take the last edit back; before the first, the picture that was open before."""
        selected = self.selected_entity
        if not self.scene.undo():
            if not self._before:
                raise LabError("there is nothing to undo", fix="nothing was changed yet")
            self._after.append((self.scene, self.picture_name))
            self.scene, self.picture_name = self._before.pop()
        self._follow(selected)
        self.say("Undone.")
        return True

    @action
    def redo(self) -> bool:
        """Do again what was taken back last."""
        selected = self.selected_entity
        if not self.scene.redo():
            if not self._after:
                raise LabError("there is nothing to redo", fix="nothing was taken back")
            self._before.append((self.scene, self.picture_name))
            self.scene, self.picture_name = self._after.pop()
        self._follow(selected)
        self.say("Done again.")
        return True

    @action
    def select(self, which: Which | None) -> bool:
        """Select an entity, or None to deselect."""
        entity = None if which is None else self.scene[which]
        name = None if entity is None else entity.name
        if name != self.selected:
            self.selected = name
            self.say(
                "" if entity is None else f"{title(entity.name)} is selected.", "" if entity is None else then(entity)
            )
        return True

    @action
    def select_next(self, step: int = 1) -> bool:
        """Select the next entity, or with a negative step the one before, going round."""
        count = len(self.entities)
        if not count:
            raise LabError("there is nothing to select yet", fix="click an object in the picture")
        place = self.selected_place
        start = -1 if place is None and step > 0 else 0 if place is None else place
        self.select((start + step) % count)
        return True

    @action
    def set_visible(self, which: Which, visible: bool) -> bool:
        """Draw an entity, or hide it from view; it stays part of the scene."""
        name = self.scene[which].name
        self.hidden = self.hidden - {name} if visible else self.hidden | {name}
        self.watchers.tell("entities")
        return True

    @action
    def rename(self, which: Which, name: str) -> bool:
        """Give an entity another name."""
        old = self.scene[which].name
        new = self.scene.rename(which, name).name
        if self.selected == old:
            self.selected = new
        if old in self.hidden:
            self.hidden = self.hidden - {old} | {new}
        self.say(f"{old} is now called {new}.")
        return True

    @action
    def reorder(self, which: Which, place: int) -> bool:
        """Put an entity at another place, 0 = farthest; later ones are nearer the viewer."""
        self.scene.reorder(which, place)
        return True

    @action
    def remove(self, which: Which | None = None) -> bool:
        """Remove an entity, the selected one for None."""
        removed = self.scene.remove(self.chosen(which).name)
        self.say(f"{title(removed.name)} is removed.", "Undo brings it back.")
        return True

    @action
    def clear(self) -> bool:
        """Remove all entities; the picture stays."""
        count = len(self.entities)
        self.scene.clear()
        self.say(
            f"{count} removed." if count else "There was nothing to remove.", "Undo brings them back." if count else ""
        )
        return True

    @action
    def pin(self, which: Which | None = None, on: bool | None = None) -> bool:
        """Keep an entity where it is, or release it; None for the selected one, and to change over."""
        entity = self.chosen(which)
        on = not entity.pinned if on is None else bool(on)
        self.scene.pin(entity.name, on)
        self.say(f"{title(entity.name)} {'is pinned: it stays where it is' if on else 'is free'}.")
        return True

    def _follow(self, entity: Entity | None) -> None:
        """Keep an entity selected whose name an undo has changed."""
        self._reached = self.scene.entities
        if entity is not None and entity.name not in self.scene:
            self.selected = next((other.name for other in self.scene if other.mask is entity.mask), None)


def title(name: str) -> str:
    """An entity's name at the beginning of a sentence."""
    return f"{name[:1].upper()}{name[1:]}"


def then(entity: Entity) -> str:
    """What to do with an entity next."""
    return "" if entity.controlled else "Now drag it."
