"""One object in a picture: its name, its pixels, and where it should go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from ..errors import LabError
from .checks import checked_name
from .masks import box_of, inscribed_circle, own_mask
from .trajectory import Trajectory, as_trajectory

Kind: TypeAlias = Literal["foreground", "background", "camera"]
MAX_ENTITIES = 255  # control signals label entities in one byte; 0 means no entity
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False, repr=False)
class Entity:
    """An object in a picture. Frozen, with a read-only mask, and equal by value.

    Args:
        name: 1 to 80 printable characters.
        mask: (H, W) bool, not empty; anything else that `load_mask` reads is converted.
        trajectory: Its path (a list of (x, y) is converted); None leaves it uncontrolled.
        kind: "foreground", "background", or "camera" (one of several tracks that move the whole view).
        pinned: Whether it should stay where it is, whatever its trajectory says.

    Raises:
        LabError: A field has the wrong type, or the mask is empty.
    """

    name: str
    mask: np.ndarray
    trajectory: Trajectory | None = None
    kind: Kind = "foreground"
    pinned: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", checked_name(self.name))
        object.__setattr__(self, "mask", own_mask(self.mask))
        if not self.mask.any():
            raise LabError("mask is empty: no pixel is set", fix="click the object again or paint it")
        object.__setattr__(self, "trajectory", as_trajectory(self.trajectory))
        if self.kind not in KINDS:
            raise LabError(f"kind {self.kind!r} is unknown", fix=f"use one of {', '.join(KINDS)}")
        if self.kind == "camera" and self.trajectory is not None and self.trajectory.posed:
            raise LabError(
                "a camera track turns or grows", fix="give it points only: the tracks of a camera say together how"
            )
        if not isinstance(self.pinned, (bool, np.bool_)):
            raise LabError(f"pinned is {self.pinned!r}", fix="use True or False")
        object.__setattr__(self, "pinned", bool(self.pinned))

    @property
    def controlled(self) -> bool:
        """Whether the entity is controlled: it has a trajectory or is pinned."""
        return self.pinned or self.trajectory is not None

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the mask."""
        return self.mask.shape[0], self.mask.shape[1]

    @cached_property
    def area(self) -> int:
        """Number of pixels in the mask."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the mask in pixels, for mask[top:bottom, left:right]."""
        return box_of(self.mask)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) of the largest circle inside the mask, in pixels."""
        return self._circle[0]

    @property
    def radius(self) -> float:
        """Radius of the largest circle inside the mask, in pixels."""
        return self._circle[1]

    @cached_property
    def _circle(self) -> tuple[tuple[float, float], float]:
        return inscribed_circle(self.mask)

    @property
    def summary(self) -> str:
        """How it is controlled, in a few words: "pinned", "free", "holds still" or "moves 38 px, 2 points", …"""
        if self.pinned or self.trajectory is None:
            return "pinned" if self.pinned else "free"
        path = self.trajectory
        count = len(path.points)
        words = (
            [] if count == 1 or (path.posed and not path.length) else [f"moves {path.length:.0f} px, {count} points"]
        )
        if path.angles is not None:
            most = max(path.angles, key=abs)
            words.append(f"turns {path.angles[-1]:.0f}°" if most == path.angles[-1] else f"turns up to {most:.0f}°")
        if path.sizes is not None:
            most = max(path.sizes, key=lambda size: abs(np.log(size)))
            words.append(f"grows to {most:.2g} times its size" if most > 1 else f"shrinks to {most:.2g} of its size")
        return ", ".join(words) or "holds still"

    def path(self, num_frames: int) -> np.ndarray:
        """Target positions per frame, (T, 2) float32 (x, y); its centre if pinned.

        Raises:
            LabError: It is uncontrolled, so it has no path.
        """
        if self.pinned:
            return Trajectory([self.centre]).at(num_frames)
        if self.trajectory is None:
            raise LabError(f'entity "{self.name}" has no path', fix="give it a trajectory, or pin it")
        return self.trajectory.at(num_frames)

    def poses(self, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
        """How it should turn and grow: angles (T,) in degrees and sizes (T,), as `Trajectory.poses`; not if pinned.

        Raises:
            LabError: It is uncontrolled.
        """
        if self.pinned or self.trajectory is None:
            path = self.path(num_frames)  # complains if it is uncontrolled
            return np.zeros(len(path)), np.ones(len(path))
        return self.trajectory.poses(num_frames)

    @property
    def posed(self) -> bool:
        """Whether it should turn or grow."""
        return not self.pinned and self.trajectory is not None and self.trajectory.posed

    def _key(self) -> tuple[object, ...]:
        return self.name, self.trajectory, self.kind, self.pinned, self.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entity):
            return NotImplemented
        return self._key() == other._key() and (self.mask is other.mask or np.array_equal(self.mask, other.mask))

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        return Entity, (self.name, self.mask, self.trajectory, self.kind, self.pinned)  # copies stay read-only

    def __repr__(self) -> str:
        control = "pinned" if self.pinned else "uncontrolled" if self.trajectory is None else repr(self.trajectory)
        return f'Entity("{self.name}", {self.kind}, {self.area:,} pixels, {control})'


def checked_entities(entities: tuple[Entity, ...], size: tuple[int, int]) -> tuple[Entity, ...]:
    """Check that the entities fit into one scene of a size (H, W): not too many, unique names, fitting sizes.

    Entities may leave the picture, but a key point more than one picture's width or height outside is refused: most
    likely it was drawn on another picture. Camera tracks may go anywhere, because a strong zoom takes them there.
    """
    if len(entities) > MAX_ENTITIES:
        raise LabError(f"{len(entities)} entities are over the limit of {MAX_ENTITIES} per scene", fix="remove some")
    height, width = size
    places: dict[str, int] = {}
    for number, entity in enumerate(entities, 1):
        if not isinstance(entity, Entity):
            raise LabError(f"entity {number} is a {type(entity).__name__}", fix="create it with Entity(name, mask, …)")
        with named(number, entity.name):
            if entity.name in places:
                raise LabError(f"the name is taken by entity {places[entity.name]}", fix="choose another name")
            places[entity.name] = number
            if entity.size != size:
                raise LabError(
                    f"mask is {entity.size[1]}x{entity.size[0]} but the picture is {width}x{height}",
                    fix="resize the mask or draw it on this picture",
                )
            if entity.trajectory is None or entity.kind == "camera":
                continue
            points = entity.trajectory.points
            far = ((points < (-width, -height)) | (points > (2 * width, 2 * height))).any(axis=1)
            if far.any():
                x, y = points[int(far.argmax())].tolist()
                raise LabError(
                    f"trajectory has a point ({x:g}, {y:g}) far outside the {width}x{height} picture",
                    fix="clip it with .clipped() or draw it again",
                )
    return entities


@contextmanager
def named(number: int, name: object) -> Iterator[None]:
    """Prefix the entity's number (from 1) and name to the errors raised inside."""
    try:
        yield
    except LabError as error:
        raise error.within(f'entity {number} ("{str(name)[:80]}")') from error
