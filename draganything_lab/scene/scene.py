"""A picture and the entities in it that should move: pure data, always valid, with undo.

A `Scene` holds one picture and a tuple of entities, from the farthest to the nearest. It is changed only through
methods that first check and then change, one undo step each. Entities are frozen and pixels read-only, so undo keeps
references and never copies a picture.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from ..errors import LabError
from ..media.files import zipped
from ..media.mask import Label
from ..media.picture import Source, load_picture
from .checks import checked_num_frames, checked_size
from .drags import with_background, with_camera, with_foreground
from .entity import MAX_ENTITIES, Entity, Kind, checked_entities, named
from .history import History
from .masks import own_mask, resized_mask
from .opening import open_other
from .saving import load_scene, save_scene, scene_files
from .trajectory import Points, Trajectory, as_trajectory

__all__ = ["MAX_ENTITIES", "Entity", "Kind", "Scene"]

Which: TypeAlias = "str | int"


class Scene(History[tuple[Entity, ...]]):
    """A picture and its entities.

    Args:
        image: The picture, anything that `load_picture` reads.
        entities: `Entity` objects, farthest first (later = nearer the viewer).
        settings: Settings last used with the scene (model, seed, num_frames …): a dict that JSON can store.

    Attributes:
        image: (H, W, 3) uint8 RGB, read-only.
        size: (H, W).
        entities: All entities, farthest first.
        controlled: The entities that have a trajectory or are pinned.
        settings: A dict of your own; not part of undo.

    Raises:
        LabError: The picture cannot be read, or an entity does not fit it.

    >>> scene = Scene(np.zeros((32, 48, 3), np.uint8))
    >>> mask = np.zeros((32, 48), bool)
    >>> mask[8:16, 8:16] = True
    >>> scene.add("boat", mask, [(12, 12), (40, 12)]).name
    'boat'
    >>> scene.paths(num_frames=3)[:, 0].tolist()
    [[12.0, 12.0], [26.0, 12.0], [40.0, 12.0]]
    """

    def __init__(self, image: Source, entities: Sequence[Entity] = (), settings: dict[str, Any] | None = None) -> None:
        picture = load_picture(image)
        picture.flags.writeable = False
        self._image = picture
        super().__init__(checked_entities(tuple(entities), self.size))
        try:
            self.settings: dict[str, Any] = json.loads(json.dumps(settings or {}, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise LabError(
                f"settings cannot be stored as JSON ({error})", fix="use only text, numbers, lists and dicts"
            ) from error
        if not isinstance(self.settings, dict):
            raise LabError(f"settings is a {type(settings).__name__}", fix="pass a dict")

    # Contents

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, read-only."""
        return self._image

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self._image.shape[0], self._image.shape[1]

    @property
    def entities(self) -> tuple[Entity, ...]:
        """All entities, farthest first."""
        return self._state

    @property
    def controlled(self) -> tuple[Entity, ...]:
        """The entities that have a trajectory or are pinned, in order."""
        return tuple(entity for entity in self._state if entity.controlled)

    def __getitem__(self, which: Which) -> Entity:
        return self._state[self.index(which)]

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._state)

    def __contains__(self, name: object) -> bool:
        return any(entity.name == name for entity in self._state)

    def index(self, which: Which) -> int:
        """The 0-based position of an entity given by name or position; an error lists the entities."""
        if isinstance(which, str):
            for place, entity in enumerate(self._state):
                if entity.name == which.strip():
                    return place
        elif isinstance(which, (int, np.integer)) and not isinstance(which, bool):
            if 0 <= which < len(self._state):
                return int(which)
        else:
            raise LabError(
                f"the entity is given by a {type(which).__name__}", fix="pass its name or its position (0, 1, …)"
            )
        if not self._state:
            raise LabError(f"there is no entity {which!r}", fix="add one with .add(): the scene is empty")
        names = ", ".join(f'"{entity.name}"' for entity in self._state[:20])
        last = len(self._state) - 1
        raise LabError(f"there is no entity {which!r}", fix=f"use one of {names} (by position 0 to {last})")

    def paths(self, num_frames: int) -> np.ndarray:
        """Target positions of all controlled entities in every frame.

        Args:
            num_frames: T, 1 to 100,000.

        Returns:
            (T, N, 2) float32 (x, y) in pixels, N controlled entities in the order of `controlled`.
        """
        if not self.controlled:
            return np.zeros((checked_num_frames(num_frames), 0, 2), np.float32)
        return np.stack([entity.path(num_frames) for entity in self.controlled], axis=1)

    # Editing: each call is one undo step

    def add(
        self,
        name: str,
        mask: Source,
        trajectory: Trajectory | Points | None = None,
        *,
        kind: Kind = "foreground",
        pinned: bool = False,
        label: Label | None = None,
    ) -> Entity:
        """Add an entity in front of the others.

        Args:
            name: Name, unique in the scene.
            mask: Mask of the picture's size, not empty; anything that `load_mask` reads.
            trajectory: Its path, a `Trajectory` or a list of (x, y); None leaves it uncontrolled.
            kind: "foreground", "background" or "camera".
            pinned: Whether it should stay where it is.
            label: Which label is the object if the mask is a label map with several: a whole number, or an (r, g, b)
                colour of a colour picture.

        Returns:
            The new entity.

        Raises:
            LabError: The name is taken, the mask is ambiguous, empty or of another size, or the trajectory is far
                outside the picture.
        """
        place = len(self._state) + 1
        with named(place, name):
            entity = Entity(name, own_mask(mask, self.size, label), as_trajectory(trajectory), kind, pinned)
        self._commit((*self._state, entity))
        return entity

    def update(self, which: Which, **changes: Any) -> Entity:
        """Change `name`, `mask`, `trajectory`, `kind` or `pinned` of an entity, all at once or not at all."""
        place = self.index(which)
        unknown = set(changes) - {"name", "mask", "trajectory", "kind", "pinned"}
        if unknown:
            raise LabError(f"an entity has no {sorted(unknown)[0]!r}", fix="use name, mask, trajectory, kind or pinned")
        old = self._state[place]
        with named(place + 1, old.name):
            entity = replace(old, **changes)
        self._commit((*self._state[:place], entity, *self._state[place + 1 :]))
        return entity

    def rename(self, which: Which, name: str) -> Entity:
        """Give an entity another name."""
        return self.update(which, name=name)

    def pin(self, which: Which, pinned: bool = True) -> Entity:
        """Make an entity stay where it is, or release it. Its trajectory is kept but not followed while pinned."""
        return self.update(which, pinned=pinned)

    def remove(self, which: Which) -> Entity:
        """Remove an entity and return it."""
        place = self.index(which)
        removed = self._state[place]
        self._commit(self._state[:place] + self._state[place + 1 :])
        return removed

    def reorder(self, which: Which, index: int) -> None:
        """Move an entity to another position in the order; 0 is the farthest, later ones are nearer the viewer."""
        rest = list(self._state)
        entity = rest.pop(self.index(which))
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not 0 <= index <= len(rest):
            raise LabError(f"position {index!r} is outside 0 to {len(rest)}")
        rest.insert(int(index), entity)
        self._commit(tuple(rest))

    def clear(self) -> None:
        """Remove all entities."""
        self._commit(())

    def replace_entities(self, entities: Sequence[Entity]) -> None:
        """Put other entities in place of all there are, farthest first.

        Raises:
            LabError: One of them does not fit the picture, or a name occurs twice.
        """
        self._commit(tuple(entities))

    # The paper's four uses

    def drag_foreground(
        self, which_or_mask: Which | np.ndarray, points: Trajectory | Points, name: str | None = None
    ) -> Entity:
        """Drag one object along a path.

        Args:
            which_or_mask: An entity by name or position, or the (H, W) mask of a new one.
            points: A `Trajectory` or a list of (x, y) in pixels.
            name: For a new entity ("object 1" by default), or a new name for the old one.

        Returns:
            The entity, which is foreground and no longer pinned.
        """
        place, mask = self._target(which_or_mask)
        self._commit(with_foreground(self._state, self.size, place, mask, points, name))
        return self._state[-1 if place is None else place]

    def drag_background(self, points: Trajectory | Points) -> Entity:
        """Drag everything that is not foreground; foreground entities without a trajectory are pinned.

        An earlier background or camera motion is replaced. Returns the entity "background", the farthest of all.
        """
        self._commit(with_background(self._state, self.size, points))
        return self._state[0]

    def drag_both(
        self, which_or_mask: Which | np.ndarray, points: Trajectory | Points, background_points: Trajectory | Points
    ) -> tuple[Entity, Entity]:
        """Drag one object and the background at once; return both entities, the object first."""
        place, mask = self._target(which_or_mask)
        entities = with_foreground(self._state, self.size, place, mask, points, None)
        name = entities[-1 if place is None else place].name
        self._commit(with_background(entities, self.size, background_points))
        return self[name], self._state[0]

    def drag_camera(self, pan: Sequence[float] = (0.0, 0.0), zoom: float = 1.0, anchors: int = 4) -> tuple[Entity, ...]:
        """Move the camera: straight tracks spread over the picture, each owning the pixels nearest to it.

        Entities with a trajectory of their own, or pinned, keep it; all others ride along. An earlier background or
        camera motion is replaced.

        Args:
            pan: (dx, dy): how far the picture's content moves, in pixels; a camera that turns right has dx < 0.
            zoom: How much larger the content is at the end, about the middle: 2 zooms in twofold, 0.5 out.
            anchors: Number of tracks, 1 to 64; those wholly behind moving entities are left out.

        Returns:
            The new entities, "camera 1", "camera 2", …, of kind "camera", the farthest of all.
        """
        self._commit(with_camera(self._state, self.size, pan, zoom, anchors))
        return tuple(entity for entity in self._state if entity.kind == "camera")

    # Copies and files

    def copy(self) -> Scene:
        """An independent scene with the same content and an empty undo history; the read-only pixels are shared."""
        return self._of(self._image, self._state)

    def resized(self, size: tuple[int, int]) -> Scene:
        """The scene with its picture resized to (H, W), masks and trajectories too, and an empty undo history."""
        size = checked_size(size)
        if size == self.size:
            return self.copy()
        smaller = size[0] < self.size[0] or size[1] < self.size[1]
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        picture = cv2.resize(self._image, (size[1], size[0]), interpolation=interpolation)
        picture.flags.writeable = False
        entities = tuple(
            replace(
                entity,
                mask=resized_mask(entity.mask, size),
                trajectory=None if entity.trajectory is None else entity.trajectory.scaled(self.size, size),
            )
            for entity in self._state
        )
        return self._of(picture, entities)

    def save(self, path: str | Path) -> Path:
        """Write the scene to a folder, or to one file if the path ends in .zip; see `saving`."""
        return save_scene(path, self._image, self._state, self.settings)

    def to_bytes(self) -> bytes:
        """The .zip that `save` writes; the same scene gives the same bytes."""
        return zipped(scene_files(self._image, self._state, self.settings))

    @classmethod
    def load(cls, path: str | Path) -> Scene:
        """Read a scene from a folder or a .zip (see `saving`), or a released demo folder, its .json or a .zip of it.

        Raises:
            LabError: The scene is missing, damaged, cannot be trusted, or is something else; the message says what.
        """
        found = open_other(Path(path).expanduser())
        return cls(*(load_scene(path) if found is None else found))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scene):
            return NotImplemented
        same = self._state == other._state and self.settings == other.settings
        return same and (self._image is other._image or np.array_equal(self._image, other._image))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return Scene, (self._image, self._state, self.settings)

    def __repr__(self) -> str:
        lines = [f"Scene {self.size[1]}x{self.size[0]}, {len(self._state)} entities"]
        return "\n".join(lines + [f"  {number} {entity!r}" for number, entity in enumerate(self._state, 1)])

    # Helpers

    def _of(self, picture: np.ndarray, entities: tuple[Entity, ...]) -> Scene:
        scene = object.__new__(Scene)
        History.__init__(scene, entities)
        scene._image = picture
        scene.settings = copy.deepcopy(self.settings)
        return scene

    def _target(self, which_or_mask: Which | np.ndarray) -> tuple[int | None, np.ndarray | None]:
        if isinstance(which_or_mask, (str, int, np.integer)):
            return self.index(which_or_mask), None
        return None, which_or_mask

    def _commit(self, state: tuple[Entity, ...]) -> None:
        super()._commit(checked_entities(state, self.size))
