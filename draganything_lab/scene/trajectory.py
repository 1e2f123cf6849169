"""Where an entity goes: key points, their timing, and the position in every frame.

A trajectory is what a hand draws: a few key points, perhaps with the frames at which they should be reached. `at` turns
it into one (x, y) per frame, along a curve that passes through every key point and never leaves the box spanned by the
two neighbouring key points (see `curve`). Ready-made paths are below: a line, an arc, a circle, a shake, a camera.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ..errors import LabError
from .checks import checked_frames, checked_num_frames, checked_points
from .curve import even_speed, monotone_cubic

Easing: TypeAlias = Literal["linear", "ease-in", "ease-out", "ease-in-out"]
Spacing: TypeAlias = Literal["arc", "time"]
Point: TypeAlias = "np.ndarray | Sequence[float]"
Points: TypeAlias = "np.ndarray | Sequence[Point]"

EASINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda s: s,
    "ease-in": lambda s: s * s,
    "ease-out": lambda s: s * (2.0 - s),
    "ease-in-out": lambda s: s * s * (3.0 - 2.0 * s),
}
SPACINGS = ("arc", "time")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Trajectory:
    """A path over the picture, given by a few key points. Frozen, and equal by value.

    Args:
        points: (K, 2) key points (x, y) in pixels, K >= 1, origin at the centre of the top-left pixel. They may lie
            outside the picture. A single point means: stay there.
        frames: K frame numbers, whole, >= 0 and strictly increasing, at which the key points are reached; before the
            first and after the last the entity stays still. None spreads the path over the whole clip.
        easing: "linear", "ease-in", "ease-out" or "ease-in-out". With `frames` it applies between each pair of key
            points, otherwise once over the clip.
        spacing: Without `frames`: "arc" moves at constant speed along the curve, "time" takes the same time from each
            key point to the next (points drawn close together mean slow). With `frames` it has no effect.

    Raises:
        LabError: There are no points, NaN, coordinates over the limit, frames that do not match, or an unknown easing
            or spacing.

    >>> Trajectory([(10, 20), (30, 20)]).at(3).tolist()
    [[10.0, 20.0], [20.0, 20.0], [30.0, 20.0]]
    """

    points: np.ndarray
    frames: tuple[int, ...] | None = None
    easing: Easing = "linear"
    spacing: Spacing = "arc"

    def __init__(
        self,
        points: Points,
        frames: Sequence[int] | np.ndarray | None = None,
        easing: Easing = "linear",
        spacing: Spacing = "arc",
    ) -> None:
        array = checked_points(points)
        object.__setattr__(self, "points", array)
        object.__setattr__(self, "frames", None if frames is None else checked_frames(frames, len(array)))
        for name, value, known in (("easing", easing, tuple(EASINGS)), ("spacing", spacing, SPACINGS)):
            if value not in known:
                raise LabError(f"trajectory: {name} {value!r} is unknown", fix=f"use one of {', '.join(known)}")
            object.__setattr__(self, name, value)

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
        ease = EASINGS[self.easing]
        if self.frames is not None:
            times = np.asarray(self.frames, np.float64)
            now = np.clip(np.arange(count, dtype=np.float64), times[0], times[-1])
            k = np.clip(np.searchsorted(times, now, side="right") - 1, 0, len(times) - 2)
            span = times[k + 1] - times[k]
            now = times[k] + ease((now - times[k]) / span) * span
            return monotone_cubic(times, keys, now).astype(np.float32)
        progress = ease(np.linspace(0.0, 1.0, count)) if count > 1 else np.zeros(1)
        if self.spacing == "time":
            times = np.arange(len(keys), dtype=np.float64)
            return monotone_cubic(times, keys, progress * times[-1]).astype(np.float32)
        return even_speed(keys, progress).astype(np.float32)

    @property
    def length(self) -> float:
        """Length of the straight lines from key point to key point, in pixels."""
        return float(np.linalg.norm(np.diff(self.points.astype(np.float64), axis=0), axis=1).sum())

    def clipped(self, size: tuple[int, int]) -> Trajectory:
        """The same path with every key point moved into a picture of `size` (H, W)."""
        height, width = size
        return self._with(np.clip(self.points, 0, np.array([width - 1, height - 1], np.float32)))

    def scaled(self, from_size: tuple[int, int], to_size: tuple[int, int]) -> Trajectory:
        """The same path on the picture resized from one (H, W) to another: x' = (x + 0.5) W2 / W1 - 0.5."""
        factor = np.array([to_size[1] / from_size[1], to_size[0] / from_size[0]])
        return self._with((self.points.astype(np.float64) + 0.5) * factor - 0.5)

    def _with(self, points: np.ndarray) -> Trajectory:
        return Trajectory(points, self.frames, self.easing, self.spacing)

    def _key(self) -> tuple[object, ...]:
        return self.points.shape, self.points.tobytes(), self.frames, self.easing, self.spacing

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Trajectory) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        return Trajectory, (self.points, self.frames, self.easing, self.spacing)  # copies stay read-only

    def __repr__(self) -> str:
        points = ", ".join(f"({x:g}, {y:g})" for x, y in self.points[:6].tolist())
        more = f", … {len(self.points)} points" if len(self.points) > 6 else ""
        frames = "" if self.frames is None else f", frames={list(self.frames[:6])}{'…' if more else ''}"
        easing = "" if self.easing == "linear" else f', easing="{self.easing}"'
        spacing = "" if self.spacing == "arc" else f', spacing="{self.spacing}"'
        return f"Trajectory([{points}{more}]{frames}{easing}{spacing})"


def as_trajectory(value: Trajectory | Points | None) -> Trajectory | None:
    """Return a trajectory unchanged, or make one from a list of points."""
    return value if value is None or isinstance(value, Trajectory) else Trajectory(value)


def straight(start: Point, end: Point, *, easing: Easing = "linear") -> Trajectory:
    """A straight line from `start` (x, y) to `end` (x, y)."""
    return Trajectory([start, end], easing=easing)


def arc(start: Point, end: Point, bulge: float, *, easing: Easing = "linear") -> Trajectory:
    """A circular arc from `start` to `end`.

    Args:
        start, end: (x, y) in pixels.
        bulge: Distance of the arc's middle from the straight line, in pixels; positive is to the left of the direction
            of travel, so an object moving to the right rises like a thrown ball. 0 gives a straight line.
        easing: As in `Trajectory`.

    Raises:
        LabError: Start and end are the same point (use `circle`).
    """
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    chord = float(np.hypot(*(b - a)))
    if chord == 0 and bulge != 0:
        raise LabError("start and end of the arc are the same point", fix="use circle() to come back to the start")
    if abs(bulge) <= 1e-6 * chord:
        return straight(start, end, easing=easing)
    radius = (chord * chord / 4 + bulge * bulge) / (2 * bulge)  # signed, as is the angle below
    half = 2 * math.atan(2 * bulge / chord)
    angle = np.linspace(-half, half, 33)
    along, left = (b - a) / chord, np.array([b[1] - a[1], a[0] - b[0]]) / chord  # y points down
    points = (a + b) / 2 + radius * np.sin(angle)[:, None] * along
    points += (radius * np.cos(angle) - (radius - bulge))[:, None] * left
    points[0], points[-1] = a, b
    return Trajectory(points, easing=easing)


def circle(
    centre: Point, radius: float, turns: float = 1, *, start: float = 0.0, easing: Easing = "linear"
) -> Trajectory:
    """A circle, or several turns of one, clockwise on the screen.

    Args:
        centre: (x, y) in pixels.
        radius: Radius in pixels.
        turns: Number of turns, at most 1,000; negative turns anticlockwise.
        start: Angle of the first point in degrees, clockwise from three o'clock.
        easing: As in `Trajectory`.
    """
    if not (math.isfinite(turns) and 0 < abs(turns) <= 1000):
        raise LabError(f"circle: turns is {turns}", fix="pass a number from -1,000 to 1,000 other than 0")
    count = 4 * math.ceil(8 * abs(turns)) + 1
    angle = np.linspace(0, 2 * math.pi * turns, count) + math.radians(start)
    points = np.asarray(centre, np.float64) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Trajectory(points, easing=easing)


def shake(point: Point, amplitude: float = 8.0, shakes: int = 3, *, angle: float = 0.0) -> Trajectory:
    """A swing back and forth about a point, ending where it began.

    Args:
        point: (x, y) in pixels.
        amplitude: Swing to either side, in pixels.
        shakes: Number of full swings, 1 to 1,000.
        angle: Direction of the first swing in degrees, clockwise from the right.
    """
    if not 1 <= shakes <= 1000:
        raise LabError(f"shake: shakes is {shakes}", fix="pass 1 to 1,000")
    swing = amplitude * np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    phase = np.array([0.0, 1.0, 0.0, -1.0] * int(shakes) + [0.0])
    return Trajectory(np.asarray(point, np.float64) + phase[:, None] * swing, spacing="time")


def hold(point: Point) -> Trajectory:
    """Stay at a point (x, y) for the whole clip."""
    return Trajectory([point])


def anchor_grid(size: tuple[int, int], anchors: int = 4) -> np.ndarray:
    """Points spread evenly over a picture, in rows from the top left.

    Args:
        size: (H, W) of the picture.
        anchors: Number of points, 1 to 64.

    Returns:
        (anchors, 2) float32 (x, y) in pixels.
    """
    height, width = size
    if isinstance(anchors, bool) or not isinstance(anchors, (int, np.integer)) or not 1 <= anchors <= 64:
        raise LabError(f"anchors is {anchors!r}", fix="pass a whole number from 1 to 64")
    rows = round(math.sqrt(anchors * height / width))
    rows = min(int(anchors), max(2 if anchors >= 4 else 1, rows))  # one row could not distinguish a zoom from a roll
    points = []
    for row in range(rows):
        columns = anchors // rows + (row < anchors % rows)
        y = (row + 0.5) / rows * height - 0.5
        points += [((column + 0.5) / columns * width - 0.5, y) for column in range(columns)]
    return np.array(points, np.float32)


def pan(
    size: tuple[int, int], dx: float, dy: float, *, anchors: int = 4, easing: Easing = "linear"
) -> list[Trajectory]:
    """A camera that pans, as tracks of the content it sees.

    Args:
        size: (H, W) of the picture.
        dx, dy: How far the picture's content moves, in pixels. When a camera turns to the right, the content moves
            to the left: dx < 0.
        anchors: Number of tracks, on a grid.
        easing: As in `Trajectory`.
    """
    return [straight(point, point + np.array([dx, dy]), easing=easing) for point in anchor_grid(size, anchors)]


def zoom(
    size: tuple[int, int],
    factor: float,
    centre: Point | None = None,
    *,
    anchors: int = 4,
    easing: Easing = "linear",
) -> list[Trajectory]:
    """A camera that zooms, as tracks of the content it sees.

    Args:
        size: (H, W) of the picture.
        factor: How much larger objects are at the end: 2 zooms in twofold, 0.5 zooms out; 0.01 to 100.
        centre: Fixed point (x, y) of the zoom; None for the middle of the picture.
        anchors: Number of tracks, on a grid.
        easing: As in `Trajectory`.
    """
    if not 0.01 <= factor <= 100:
        raise LabError(f"zoom factor is {factor}", fix="pass 0.01 to 100 (above 1 zooms in, below 1 zooms out)")
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]) if centre is None else np.asarray(centre, np.float64)
    return [straight(point, middle + factor * (point - middle), easing=easing) for point in anchor_grid(size, anchors)]
