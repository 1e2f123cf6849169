"""One thing in a picture: what it is called, which pixels are its own, where it is to go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np

from .checks import checked_name
from .errors import LabError
from .picture import Source, load_mask
from .trajectory import Trajectory, as_trajectory

Kind: TypeAlias = Literal["foreground", "background", "camera"]
MAX_ENTITIES = 255  # control signals label entities in a byte; 0 is nothing
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False, repr=False)
class Entity:
    """A thing in a picture. Frozen, with a read-only mask, and equal by value.

    Args:
        name: 1 to 80 printable characters.
        mask: (H, W) bool, not empty; anything else that `load_mask` takes is turned into it.
        trajectory: Where it goes (a list of (x, y) is turned into one); None asks nothing of it.
        kind: "foreground", "background", or "camera" (one of several tracks that move the whole view).
        pinned: It is to stay where it is, whatever its trajectory says.

    Raises:
        LabError: A field of the wrong kind, or a mask with nothing in it.
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
            raise LabError("mask is empty: no pixel of it is set; click the thing again or paint it")
        object.__setattr__(self, "trajectory", as_trajectory(self.trajectory))
        if self.kind not in KINDS:
            raise LabError(f"kind {self.kind!r} is unknown; use one of {', '.join(KINDS)}")
        if not isinstance(self.pinned, (bool, np.bool_)):
            raise LabError(f"pinned must be True or False, not {self.pinned!r}")
        object.__setattr__(self, "pinned", bool(self.pinned))

    @property
    def controlled(self) -> bool:
        """Whether anything is asked of it: it has a trajectory or is pinned."""
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
        return _box(self.mask)

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

    def path(self, num_frames: int) -> np.ndarray | None:
        """Where it is to be in every frame: (T, 2) float32 (x, y); its centre when pinned, None when uncontrolled."""
        if self.pinned:
            return Trajectory([self.centre]).at(num_frames)
        return None if self.trajectory is None else self.trajectory.at(num_frames)

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
        asked = "pinned" if self.pinned else "uncontrolled" if self.trajectory is None else repr(self.trajectory)
        return f'Entity("{self.name}", {self.kind}, {self.area:,} pixels, {asked})'


def checked_entities(entities: tuple[Entity, ...], size: tuple[int, int]) -> tuple[Entity, ...]:
    """The entities, if they can be in one scene of a size (H, W): not too many, names unique, all of a fitting size.

    Things may leave the picture, but a key point more than one picture's width or height outside is refused: it was
    most likely drawn on another picture. Camera tracks may go anywhere, a strong zoom does.
    """
    if len(entities) > MAX_ENTITIES:
        raise LabError(f"{len(entities)} entities are over the limit of {MAX_ENTITIES} a scene; remove some")
    height, width = size
    places: dict[str, int] = {}
    for number, entity in enumerate(entities, 1):
        if not isinstance(entity, Entity):
            raise LabError(f"entity {number} is a {type(entity).__name__}; make it with Entity(name, mask, …)")
        with named(number, entity.name):
            if entity.name in places:
                raise LabError(f"the name is taken by entity {places[entity.name]}; choose another")
            places[entity.name] = number
            if entity.size != size:
                raise LabError(
                    f"mask is {entity.size[1]}x{entity.size[0]} but the picture is {width}x{height}; "
                    "resize the mask or make it from this picture"
                )
            if entity.trajectory is None or entity.kind == "camera":
                continue
            points = entity.trajectory.points
            far = ((points < (-width, -height)) | (points > (2 * width, 2 * height))).any(axis=1)
            if far.any():
                x, y = points[int(far.argmax())].tolist()
                raise LabError(
                    f"trajectory has a point ({x:g}, {y:g}) far outside the {width}x{height} picture; "
                    "clip it with .clipped() or draw it again"
                )
    return entities


@contextmanager
def named(number: int, name: object) -> Iterator[None]:
    """Puts the entity's number (from 1) and name before the errors raised inside."""
    try:
        yield
    except LabError as error:
        raise LabError(f'entity {number} ("{str(name)[:80]}"): {error}') from error


def own_mask(source: Source, size: tuple[int, int] | None = None) -> np.ndarray:
    """A read-only (H, W) bool mask; one that nobody can write to any more is shared, all else is read and copied."""
    if isinstance(source, np.ndarray) and size in (None, source.shape) and _frozen(source):
        return source
    mask = load_mask(source, size)
    mask.flags.writeable = False
    return mask


def inscribed_circle(mask: np.ndarray) -> tuple[tuple[float, float], float]:
    """The largest circle inside a mask and inside the picture.

    Args:
        mask: (H, W) bool, not empty.

    Returns:
        Its centre (x, y) and its radius, in pixels: the distance from the centre to the nearest pixel outside.

    Source:
        Paper, section 3.3; the released `demo.py` measures distance in the same way (OpenCV, 5x5 mask) but does not
        count what lies beyond the picture's border as outside, so that there its circles may reach over the border.
    """
    left, top, right, bottom = _box(mask)
    inside = np.pad(mask[top:bottom, left:right].astype(np.uint8), 1)  # the border of the box is outside by definition
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    _, radius, _, (x, y) = cv2.minMaxLoc(distance)
    return (float(x - 1 + left), float(y - 1 + top)), float(radius)


def resized_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask brought to another size (H, W): pixels covered by half or more. It never vanishes.

    Of a thing so thin or small that no pixel would be half covered, the best covered pixels are kept.
    """
    if mask.shape == size:
        return mask
    smaller = size[0] < mask.shape[0] or size[1] < mask.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    cover = cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=interpolation)
    return cover >= min(0.5, float(cover.max()))


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _frozen(array: np.ndarray) -> bool:
    """Whether it is a mask already, owns its memory, and can no longer be written to."""
    mask = array.dtype == bool and array.ndim == 2 and array.size > 0
    return mask and not array.flags.writeable and array.base is None
