"""Ready-made paths: a line, an arc, a circle, a shake, a camera; objects that spin, sway, come and go, or bounce."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..errors import LabError
from .curve import stretch_lengths
from .poses import MAX_SIZE, number
from .trajectory import Easing, Point, Trajectory


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


def spin(point: Point, turns: float = 1, *, easing: Easing = "linear") -> Trajectory:
    """Turn on the spot.

    Args:
        point: (x, y) in pixels, the point to turn about.
        turns: Number of turns, clockwise on the screen; negative turns anticlockwise.
        easing: As in `Trajectory`.
    """
    return Trajectory([point], easing=easing).turned(360 * number(turns, "number of turns"))


def sway(point: Point, degrees: float = 15.0, swings: int = 2) -> Trajectory:
    """Rock from side to side about a point, as a boat at anchor does, ending as it began.

    Args:
        point: (x, y) in pixels.
        degrees: Largest angle to either side.
        swings: Number of full swings, 1 to 1,000.
    """
    if isinstance(swings, bool) or not isinstance(swings, (int, np.integer)) or not 1 <= swings <= 1000:
        raise LabError(f"sway: swings is {swings!r}", fix="pass a whole number from 1 to 1,000")
    angles = [*[0.0, 1.0, 0.0, -1.0] * int(swings), 0.0]
    return Trajectory([point], spacing="time", angles=number(degrees, "angle") * np.array(angles))


def approach(start: Point, end: Point | None = None, factor: float = 2.0, *, easing: Easing = "linear") -> Trajectory:
    """Come nearer at constant speed: the object grows, and ever faster, as perspective has it.

    An object at distance z has the size 1 / z, and so is its step across the picture. Half-way through coming twice as
    near it is only 4 / 3 as large.

    Args:
        start, end: (x, y) in pixels; without an end it grows on the spot.
        factor: How much larger it is at the end, above 1, at most 20.
        easing: As in `Trajectory`.
    """
    if not 1 < number(factor, "factor") <= MAX_SIZE:
        raise LabError(f"approach: factor is {factor:g}", fix=f"pass a number above 1, at most {MAX_SIZE:g}")
    return _in_perspective(start, end, factor, easing)


def recede(start: Point, end: Point | None = None, factor: float = 2.0, *, easing: Easing = "linear") -> Trajectory:
    """Go away at constant speed: `approach` played backwards; the object ends as 1 / `factor` of its size."""
    if not 1 < number(factor, "factor") <= MAX_SIZE:
        raise LabError(f"recede: factor is {factor:g}", fix=f"pass a number above 1, at most {MAX_SIZE:g}")
    return _in_perspective(start, end, 1 / factor, easing)


def _in_perspective(start: Point, end: Point | None, factor: float, easing: Easing) -> Trajectory:
    a = np.asarray(start, np.float64)
    b = a if end is None else np.asarray(end, np.float64)
    sizes = 1 / np.linspace(1, 1 / factor, 9)
    way = (sizes - 1) / (factor - 1)
    way[-1] = 1
    return Trajectory(a + way[:, None] * (b - a), easing=easing, spacing="time", sizes=sizes)


def bounce(start: Point, end: Point, height: float = 40.0, bounces: int = 3, *, turns: float = 0.0) -> Trajectory:
    """Hop from `start` to `end` like a ball that loses half of its height each time it touches the ground.

    Args:
        start, end: (x, y) in pixels, both on the ground.
        height: Height of the first hop in pixels.
        bounces: Number of hops, 1 to 12.
        turns: Turns on the way, clockwise on the screen.
    """
    if isinstance(bounces, bool) or not isinstance(bounces, (int, np.integer)) or not 1 <= bounces <= 12:
        raise LabError(f"bounce: bounces is {bounces!r}", fix="pass a whole number from 1 to 12")
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    lasts = 0.5 ** (np.arange(bounces) / 2)  # half the height takes 1 / sqrt(2) of the time
    ends = np.append(0.0, np.cumsum(lasts)) / lasts.sum()
    inside = np.linspace(0, 1, 9)
    times, up = [0.0], [0.0]
    for hop in range(bounces):
        times += (ends[hop] + inside[1:] * (ends[hop + 1] - ends[hop])).tolist()
        up += (number(height, "height") * 0.5**hop * 4 * inside[1:] * (1 - inside[1:])).tolist()
    clock = np.array(times)
    points = a + clock[:, None] * (b - a) - np.array(up)[:, None] * (0, 1)
    points[-1] = b
    way = np.append(0.0, np.cumsum(stretch_lengths(points)))
    pace = None if way[-1] == 0 else np.stack([clock / clock[-1], way / way[-1]], axis=1)
    path = Trajectory(points, pace=pace)
    return replace(path, angles=tuple((360 * turns * clock).tolist())) if number(turns, "number of turns") else path


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
