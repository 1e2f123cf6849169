"""How an object turns and grows on its way: angles and sizes at key points, and the motion they make with a path.

Angles are degrees, clockwise on the screen (y points down), and may be many turns. Sizes are factors. Both count from
the first key point, where the object is as the picture shows it: there the angle is 0 and the size 1.

Sizes are interpolated in the logarithm: from 1 to 4, an object passes 2 half-way, growing by the same percentage in
every frame. So coming nearer, played backwards, is going away; and no curve through sizes above 0 can fall below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..errors import LabError
from .checks import plain_numbers

Numbers: TypeAlias = "np.ndarray | Sequence[float]"

MAX_ANGLE = 360_000.0  # degrees: 1,000 turns, as for `circle`
MAX_SIZE = 20.0  # times larger or smaller than in the picture: beyond, there is a blur or less than a pixel to draw


def checked_angles(angles: Numbers | None, count: int) -> tuple[float, ...] | None:
    """Angles at `count` key points, counted from the first; None where all are the same. A `LabError` if invalid."""
    values = _numbers(angles, "angle", "angles", count)
    if values is None:
        return None
    values = values - values[0]
    far = np.abs(values) > MAX_ANGLE
    if far.any():
        k = int(far.argmax())
        raise LabError(
            f"trajectory: angle {k} is {values[k]:g} degrees from the first, over the limit of {MAX_ANGLE:,.0f}",
            fix="use at most 1,000 turns",
        )
    return tuple(values.tolist()) if values.any() else None


def checked_sizes(sizes: Numbers | None, count: int) -> tuple[float, ...] | None:
    """Sizes at `count` key points, as factors of the first; None where all are the same. A `LabError` if invalid."""
    values = _numbers(sizes, "size", "sizes", count)
    if values is None:
        return None
    fix = f"use factors from {1 / MAX_SIZE:g} to {MAX_SIZE:g} (2 is twice as large)"
    if (values <= 0).any():
        k = int((values <= 0).argmax())
        raise LabError(f"trajectory: size {k} is {values[k]:g}", fix=fix)
    with np.errstate(over="ignore"):
        values = values / values[0]
    far = (values > MAX_SIZE * (1 + 1e-9)) | (values < (1 - 1e-9) / MAX_SIZE)
    if far.any():
        k = int(far.argmax())
        raise LabError(f"trajectory: size {k} is {values[k]:g} times the first", fix=fix)
    return tuple(values.tolist()) if (values != 1).any() else None


def number(value: float, what: str) -> float:
    """A finite number, or a `LabError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise LabError(f"the {what} is {value!r}", fix="pass a finite number")
    return float(value)


def _numbers(values: Numbers | None, one: str, many: str, count: int) -> np.ndarray | None:
    if values is None:
        return None
    array = plain_numbers(
        values, many, f"trajectory: {many} are not a list of numbers", f"pass one {one} per key point"
    )
    if array.ndim != 1 or len(array) != count:
        found = f"{len(array)} {many}" if array.ndim == 1 else f"{many} of shape {array.shape}"
        raise LabError(f"trajectory has {count} points but {found}", fix=f"pass one {one} per key point, or None")
    bad = ~np.isfinite(array)
    if bad.any():
        k = int(bad.argmax())
        raise LabError(f"trajectory: {one} {k} is {array[k]}", fix="pass finite numbers")
    return array


def similarities(angles: Numbers, sizes: Numbers) -> np.ndarray:
    """Turn and grow as matrices.

    Args:
        angles: (T,) degrees, clockwise on the screen.
        sizes: (T,) factors.

    Returns:
        (T, 2, 2) float64: the matrices that turn and scale steps (x, y).
    """
    turn, size = np.radians(np.asarray(angles, np.float64)), np.asarray(sizes, np.float64)
    c, s = size * np.cos(turn), size * np.sin(turn)
    return np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)


def motion_matrices(path: np.ndarray, angles: Numbers, sizes: Numbers) -> np.ndarray:
    """The motion of an object that follows a path while it turns and grows about its own point, the path's first.

    Args:
        path: (T, 2) x and y in pixels.
        angles: (T,) degrees, clockwise on the screen.
        sizes: (T,) factors.

    Returns:
        (T, 2, 3) float64: matrices from positions (x, y, 1) in frame 0 to positions in frame t.

    >>> motion_matrices(np.array([[10, 10], [30, 10]]), [0, 90], [1, 2])[1].round(6).tolist()
    [[0.0, -2.0, 50.0], [2.0, 0.0, -10.0]]
    """
    points = np.asarray(path, np.float64)
    linear = similarities(angles, sizes)
    return np.concatenate([linear, (points - linear @ points[0])[:, :, None]], axis=2)


def angles_and_sizes(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The turn and growth of similarities: the way back from `similarities`, with angles that follow each other.

    Args:
        matrices: (T, 2, 2) or (T, 2, 3).

    Returns:
        Angles (T,) in degrees, unwrapped (each within half a turn of the one before), and sizes (T,).
    """
    cos, sin = matrices[:, 0, 0] + matrices[:, 1, 1], matrices[:, 1, 0] - matrices[:, 0, 1]
    return np.degrees(np.unwrap(np.arctan2(sin, cos))), np.hypot(cos, sin) / 2
