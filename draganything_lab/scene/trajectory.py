"""Where an entity goes: key points, their timing, how it turns and grows, and its position in every frame.

A trajectory is what a hand draws: a few key points, perhaps with the frames at which they should be reached. `at` turns
it into one (x, y) per frame, along a curve that passes through every key point and never leaves the box spanned by the
two neighbouring key points (see `curve`); `poses` gives the angle and size in every frame. Ready-made paths are in
`presets`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import LabError
from .checks import checked_frames, checked_num_frames, checked_points
from .curve import even_speed, monotone_cubic, stretch_lengths
from .easing import EASINGS, Easing
from .pace import Pace, Pairs, checked_pace, pace_at
from .poses import Numbers, checked_angles, checked_sizes, motion_matrices, number

Spacing: TypeAlias = Literal["arc", "time"]
Point: TypeAlias = "np.ndarray | Sequence[float]"
Points: TypeAlias = "np.ndarray | Sequence[Point]"

SPACINGS = ("arc", "time")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Trajectory:
    """A path over the picture, given by a few key points. Frozen, and equal by value.

    Args:
        points: (K, 2) key points (x, y) in pixels, K >= 1, origin at the centre of the top-left pixel. They may lie
            outside the picture. A single point means: stay there; with several angles or sizes it is repeated, once
            for each.
        frames: K frame numbers, whole, >= 0 and strictly increasing, at which the key points are reached; before the
            first and after the last the entity stays still. None spreads the path over the whole clip.
        easing: "linear", "ease-in", "ease-out" or "ease-in-out". With `frames` it applies between each pair of key
            points, otherwise once over the clip. With `pace` it has no effect.
        spacing: Without `frames`: "arc" moves at constant speed along the curve, and turns or grows on the spot for as
            long as it moves along an average stretch; "time" takes the same time from each key point to the next
            (points drawn close together mean slow). With `frames` it has no effect.
        angles: K angles in degrees, clockwise on the screen, perhaps many turns. They count from the first: there the
            entity is as the picture shows it, and the attribute holds 0. None does not turn.
        sizes: K factors above 0, which count from the first in the same way: the attribute holds 1 there. Between key
            points the logarithm is interpolated (see `poses`). None does not grow.
        pace: A speed curve, pairs (share of the time, share of the path) from 0 to 1, beginning with (0, 0) and ending
            at time 1; where the share of the path falls, the entity goes back along its path. Not with `frames`.

    Raises:
        LabError: There are no points, NaN, values over their limits, frames, angles or sizes that do not match, both
            frames and a pace, or an unknown easing or spacing.

    >>> Trajectory([(10, 20), (30, 20)]).at(3).tolist()
    [[10.0, 20.0], [20.0, 20.0], [30.0, 20.0]]
    >>> angles, sizes = Trajectory([(10, 20), (30, 20)], angles=[0, 90], sizes=[1, 4]).poses(3)
    >>> angles.tolist(), sizes.round(6).tolist()
    ([0.0, 45.0, 90.0], [1.0, 2.0, 4.0])
    """

    points: np.ndarray
    frames: tuple[int, ...] | None = None
    easing: Easing = "linear"
    spacing: Spacing = "arc"
    angles: tuple[float, ...] | None = None
    sizes: tuple[float, ...] | None = None
    pace: Pace | None = None

    def __init__(
        self,
        points: Points,
        frames: Sequence[int] | np.ndarray | None = None,
        easing: Easing = "linear",
        spacing: Spacing = "arc",
        *,
        angles: Numbers | None = None,
        sizes: Numbers | None = None,
        pace: Pairs | None = None,
    ) -> None:
        array = checked_points(points)
        if len(array) == 1:
            array = checked_points(np.repeat(array, max(1, *(_count(values) for values in (angles, sizes))), axis=0))
        object.__setattr__(self, "points", array)
        object.__setattr__(self, "frames", None if frames is None else checked_frames(frames, len(array)))
        for name, value, known in (("easing", easing, tuple(EASINGS)), ("spacing", spacing, SPACINGS)):
            if value not in known:
                raise LabError(f"trajectory: {name} {value!r} is unknown", fix=f"use one of {', '.join(known)}")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "angles", checked_angles(angles, len(array)))
        object.__setattr__(self, "sizes", checked_sizes(sizes, len(array)))
        object.__setattr__(self, "pace", checked_pace(pace))
        if frames is not None and pace is not None:
            raise LabError("trajectory has both frames and a pace", fix="use one of them: both say when it is where")

    def at(self, num_frames: int) -> np.ndarray:
        """The position in every frame of a clip.

        The first key point is reached exactly in the first frame and the last one in the last, or, with `frames`, each
        in its own frame. (Key frames beyond the clip's end are not reached.)

        Args:
            num_frames: T, 1 to 100,000.

        Returns:
            (T, 2) float32 positions (x, y) in pixels.

        Raises:
            LabError: `num_frames` is not a whole number from 1 to 100,000.
        """
        count = checked_num_frames(num_frames)
        keys = self.points.astype(np.float64)  # (K, 2)
        if len(keys) == 1:
            return np.repeat(self.points, count, axis=0)
        if self._by_length:
            return even_speed(keys, self._gone(self._share(count))).astype(np.float32)
        times, now = self._clock(count)
        return monotone_cubic(times, keys, now).astype(np.float32)

    def poses(self, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
        """The angle and size in every frame of a clip, against its first frame, which is the picture.

        They are reached when the key points are, by the same kind of curve.

        Args:
            num_frames: T, 1 to 100,000.

        Returns:
            Angles (T,) float64 in degrees, clockwise on the screen, the first 0; and sizes (T,) float64, factors, the
            first 1.
        """
        count = checked_num_frames(num_frames)
        angles, sizes = np.zeros(count), np.ones(count)
        if not self.posed:
            return angles, sizes
        times, now = self._clock(count)
        apart = np.append(True, np.diff(times) > 0)  # key points that coincide have the same pose
        for values, out in ((self.angles, angles), (self.sizes, sizes)):
            if values is not None:
                keys = np.array(values) if out is angles else np.log(values)
                out[:] = monotone_cubic(times[apart], keys[apart, None], now)[:, 0]
        return angles, sizes if self.sizes is None else np.exp(sizes)

    def motion(self, num_frames: int) -> np.ndarray:
        """The whole motion about the path's first point: (T, 2, 3) float64 matrices (see `poses.motion_matrices`)."""
        return motion_matrices(self.at(num_frames), *self.poses(num_frames))

    def progress(self, num_frames: int) -> np.ndarray:
        """The share of the path that is behind the entity in every frame: its speed curve, however it is given.

        Returns:
            (T,) float64 from 0 to 1. On a path without length it is the share of the key points.
        """
        count = checked_num_frames(num_frames)
        if len(self.points) == 1:
            return np.zeros(count)
        times, now = self._clock(count)
        keys = self.points.astype(np.float64)
        if not self.length:
            return (now - times[0]) / (times[-1] - times[0]) if times[-1] > times[0] else np.zeros(count)
        if self._by_length:
            return self._gone(now)
        grid = times[:-1, None] + np.diff(times)[:, None] * np.linspace(0, 1, 32, endpoint=False)
        grid = np.append(grid.ravel(), times[-1])
        steps = np.linalg.norm(np.diff(monotone_cubic(times, keys, grid), axis=0), axis=1)
        way = np.append(0.0, np.cumsum(steps))
        return np.interp(now, grid, way) / way[-1]

    def keys_at(self, num_frames: int) -> np.ndarray:
        """Which key point it has reached in every frame: (T,) float64; 1.5 is half-way from the second to the third."""
        count = checked_num_frames(num_frames)
        if len(self.points) == 1:
            return np.zeros(count)
        times, now = self._clock(count)
        return np.interp(now, times, np.arange(len(times), dtype=np.float64))

    @property
    def posed(self) -> bool:
        """Whether the entity turns or grows on its way."""
        return self.angles is not None or self.sizes is not None

    @property
    def length(self) -> float:
        """Length of the straight lines from key point to key point, in pixels."""
        return float(np.linalg.norm(np.diff(self.points.astype(np.float64), axis=0), axis=1).sum())

    def turned(self, degrees: float) -> Trajectory:
        """The same path with a turn more, evenly from start to end: `degrees` clockwise on the screen."""
        path = self._with_an_end()
        angles = np.array(path.angles or 0.0) + number(degrees, "turn") * path._evenly()
        return replace(path, angles=tuple(angles.tolist()))

    def grown(self, factor: float) -> Trajectory:
        """The same path, with a growth more, evenly from start to end: 2 ends twice as large, 0.5 half as large."""
        path = self._with_an_end()
        checked_sizes([1, number(factor, "growth")], 2)
        sizes = np.array(path.sizes or 1.0) * float(factor) ** path._evenly()
        return replace(path, sizes=tuple(sizes.tolist()))

    def with_key(self, place: int, point: Point, frame: int | None = None) -> Trajectory:
        """The path with one more key point before the one at `place` (0 to K), posed half-way between its neighbours.

        Args:
            place: Where it comes; K appends it.
            point: (x, y) in pixels.
            frame: Its frame, if the path has frames.
        """
        if isinstance(place, bool) or not 0 <= place <= len(self.points):
            raise LabError(f"there is no place {place} for a key point", fix=f"use 0 to {len(self.points)}")
        frames = self.frames
        if frames is not None and frame is not None:
            frames = (*frames[:place], frame, *frames[place:])
        elif frames is not None or frame is not None:
            raise LabError(f"the new key point's frame is {frame}", fix="pass one if the path has frames, else None")
        low, high = max(place - 1, 0), min(place, len(self.points) - 1)

        def grown(values: tuple[float, ...] | None, middle: Callable[[float, float], float]) -> Any:
            return values and (*values[:place], middle(values[low], values[high]), *values[place:])

        return replace(
            self,
            points=np.insert(self.points, place, point, axis=0),
            frames=frames,
            angles=grown(self.angles, lambda a, b: (a + b) / 2),
            sizes=grown(self.sizes, lambda a, b: (a * b) ** 0.5),
        )

    def without_key(self, place: int) -> Trajectory:
        """The path without the key point at `place` (0 to K - 1), of which it needs at least two."""
        if isinstance(place, bool) or not 0 <= place < len(self.points):
            raise LabError(f"there is no key point {place}", fix=f"use 0 to {len(self.points) - 1}")
        if len(self.points) == 1:
            raise LabError("a path needs at least one key point", fix="remove the whole path instead")
        rest: dict[str, Any] = {
            name: values and (*values[:place], *values[place + 1 :])
            for name, values in (("frames", self.frames), ("angles", self.angles), ("sizes", self.sizes))
        }
        return replace(self, points=np.delete(self.points, place, axis=0), **rest)

    def paced(self, num_frames: int) -> Trajectory:
        """The same path with its timing in a clip of `num_frames` written as a pace: exact at the key points.

        Frames and easing become pairs; between key points an easing is only followed roughly.
        """
        count = checked_num_frames(num_frames)
        if self.pace is not None or len(self.points) == 1:
            return replace(self, frames=None)
        at = np.linspace(0, 1, 2 if self.easing == "linear" else 5)
        shares, spacing = EASINGS[self.easing](at), self.spacing
        if self.frames is not None:
            spacing = "arc"
            ends = replace(self, frames=None, spacing=spacing)._times()
            last = max(count - 1, 1)
            keys = np.unique([0, *(frame for frame in self.frames if frame < last), last])
            at, shares = keys / last, np.interp(keys, self.frames, ends)
        pairs = tuple(zip(at.tolist(), shares.tolist(), strict=True))
        return replace(self, frames=None, easing="linear", spacing=spacing, pace=pairs)

    def clipped(self, size: tuple[int, int]) -> Trajectory:
        """The same path with every key point moved into a picture of `size` (H, W)."""
        height, width = size
        return replace(self, points=np.clip(self.points, 0, np.array([width - 1, height - 1], np.float32)))

    def scaled(self, from_size: tuple[int, int], to_size: tuple[int, int]) -> Trajectory:
        """The same path on the picture resized from one (H, W) to another: x' = (x + 0.5) W2 / W1 - 0.5."""
        factor = np.array([to_size[1] / from_size[1], to_size[0] / from_size[0]])
        return replace(self, points=(self.points.astype(np.float64) + 0.5) * factor - 0.5)

    def _clock(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """When each of K >= 2 key points is reached, (K,), not falling; and the time in every frame, (T,)."""
        if self.frames is not None:
            times, ease = np.asarray(self.frames, np.float64), EASINGS[self.easing]
            now = np.clip(np.arange(count, dtype=np.float64), times[0], times[-1])
            k = np.clip(np.searchsorted(times, now, side="right") - 1, 0, len(times) - 2)
            span = times[k + 1] - times[k]
            return times, times[k] + ease((now - times[k]) / span) * span
        times = self._times()
        return times, self._share(count) * times[-1]

    def _share(self, count: int) -> np.ndarray:
        """The share of the time between first and last key point in every frame, (T,), without `frames`."""
        share = np.linspace(0.0, 1.0, count) if count > 1 else np.zeros(1)
        return EASINGS[self.easing](share) if self.pace is None else pace_at(self.pace, share)

    @property
    def _by_length(self) -> bool:
        return self.frames is None and self.spacing == "arc"

    def _times(self) -> np.ndarray:
        """(K,) times of the key points without `frames`: their numbers, or shares of the way up to them."""
        if not self._by_length:
            return np.arange(len(self.points), dtype=np.float64)
        spans = stretch_lengths(self.points.astype(np.float64))
        waits = np.zeros(len(spans), bool)  # from one key point to the next it turns or grows on the spot
        for values in (self.angles, self.sizes):
            if values is not None:
                waits |= (spans == 0) & (np.diff(values) != 0)
        spans[waits] = spans[spans > 0].mean() if spans.any() else 1.0
        return _shares(spans)

    def _gone(self, share: np.ndarray) -> np.ndarray:
        """The share of the length at shares of the time, for spacing "arc"."""
        way, times = _shares(stretch_lengths(self.points.astype(np.float64))), self._times()
        return share if np.array_equal(way, times) else np.interp(share, times, way)

    def _with_an_end(self) -> Trajectory:
        """The same path with at least two key points: one alone has no time to turn in."""
        return self if len(self.points) > 1 else replace(self, points=np.repeat(self.points, 2, axis=0), frames=None)

    def _evenly(self) -> np.ndarray:
        """(K,) when the key points are reached, from 0 to 1."""
        times = self._times() if self.frames is None else np.asarray(self.frames, np.float64)
        span = times[-1] - times[0]
        return (times - times[0]) / span if span > 0 else np.linspace(0, 1, len(times))

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("frames", "easing", "spacing", "angles", "sizes", "pace")}

    def _key(self) -> tuple[object, ...]:
        return self.points.shape, self.points.tobytes(), *self._fields().values()

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Trajectory) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        return partial(Trajectory, **self._fields()), (self.points,)  # copies stay read-only

    def __repr__(self) -> str:
        points = ", ".join(f"({x:g}, {y:g})" for x, y in self.points[:6].tolist())
        more = f", … {len(self.points)} points" if len(self.points) > 6 else ""
        frames = "" if self.frames is None else f", frames={list(self.frames[:6])}{'…' if more else ''}"
        easing = "" if self.easing == "linear" else f', easing="{self.easing}"'
        spacing = "" if self.spacing == "arc" else f', spacing="{self.spacing}"'
        later = ""
        for name, values in (("angles", self.angles), ("sizes", self.sizes)):
            if values is not None:
                later += f", {name}=[{', '.join(f'{value:g}' for value in values[:6])}{', …' if more else ''}]"
        if self.pace is not None:
            pairs = ", ".join(f"({time:g}, {share:g})" for time, share in self.pace[:6])
            later += f", pace=[{pairs}{', …' if len(self.pace) > 6 else ''}]"
        return f"Trajectory([{points}{more}]{frames}{easing}{spacing}{later})"


def _count(values: object) -> int:
    """How many angles or sizes there are; they are checked later."""
    return len(values) if isinstance(values, (Sequence, np.ndarray)) and getattr(values, "ndim", 1) > 0 else 1


def _shares(spans: np.ndarray) -> np.ndarray:
    """(K,) shares of the whole, from 0 to 1, at the ends of K - 1 spans; zeros where there is no whole."""
    ends = np.append(0.0, np.cumsum(spans))
    return ends / ends[-1] if ends[-1] > 0 else ends


def as_trajectory(value: Trajectory | Points | None) -> Trajectory | None:
    """Return a trajectory unchanged, or make one from a list of points."""
    return value if value is None or isinstance(value, Trajectory) else Trajectory(value)
