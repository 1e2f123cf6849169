"""Checks of numbers and names on their way into the lab; each error says how to fix the value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import LabError
from ..media.arrays import plain_array

MAX_FRAMES = 100_000
MAX_POINTS = 100_000
MAX_COORDINATE = 1_000_000.0
MAX_NAME = 80


def checked_name(name: str) -> str:
    """An entity's name without surrounding blanks: 1 to 80 printable characters, or a `LabError`."""
    if not isinstance(name, str):
        raise LabError(f"an entity's name is a {type(name).__name__}", fix="pass text")
    if not is_name(name):
        raise LabError(f"name {name[:40]!r} is not allowed", fix=f"use 1 to {MAX_NAME} printable characters")
    return name.strip()


def is_name(name: object) -> bool:
    """Whether `checked_name` accepts it."""
    return isinstance(name, str) and 1 <= len(name.strip()) <= MAX_NAME and name.strip().isprintable()


def checked_size(size: Sequence[int]) -> tuple[int, int]:
    """A size (H, W) as two positive ints of at most 8,192, or a `LabError`."""
    values = list(size) if isinstance(size, (tuple, list, np.ndarray)) else []
    whole = [isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in values]
    if len(values) != 2 or not all(whole) or not all(1 <= value <= 8192 for value in values):
        raise LabError(
            f"size {size!r} is not a (height, width) pair", fix="pass two whole numbers of pixels from 1 to 8192"
        )
    return int(values[0]), int(values[1])


def checked_num_frames(num_frames: int) -> int:
    """`num_frames` as an int if it is a whole number from 1 to 100,000, else a `LabError`."""
    if isinstance(num_frames, bool) or not isinstance(num_frames, (int, np.integer)):
        raise LabError(f"num_frames is {num_frames!r}", fix="pass a whole number")
    if not 1 <= num_frames <= MAX_FRAMES:
        raise LabError(f"num_frames is {num_frames}", fix=f"pass 1 to {MAX_FRAMES:,}")
    return int(num_frames)


def plain_numbers(values: Any, name: str, said: str, fix: str) -> np.ndarray:
    """Numbers of any shape as a float64 array; a `LabError` that says `said` and `fix` for anything else."""
    try:
        array = plain_array(values, name)
        if array.dtype.kind not in "iuf":
            raise TypeError(array.dtype)
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise LabError(said, fix=fix) from error


def checked_points(points: np.ndarray | Sequence[np.ndarray | Sequence[float]]) -> np.ndarray:
    """Key points as a read-only (K, 2) float32 array, finite and within the limits, or a `LabError`."""
    said = "trajectory: the points are not a list of (x, y) numbers"
    array = plain_numbers(points, "trajectory", said, "pass [(x, y), …]")
    if array.size == 0:
        raise LabError("trajectory has no points", fix="pass at least one (x, y)")
    if array.ndim != 2 or array.shape[1] != 2:
        raise LabError(f"trajectory: points have shape {array.shape}", fix="pass (K, 2), a list of (x, y)")
    if len(array) > MAX_POINTS:
        raise LabError(
            f"trajectory has {len(array):,} points, over the limit of {MAX_POINTS:,}", fix="thin it out with .thinned()"
        )
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        k = int(bad.argmax())
        raise LabError(f"trajectory: point {k} is {tuple(array[k].tolist())}", fix="pass finite numbers")
    if np.abs(array).max() > MAX_COORDINATE:
        k = int(np.abs(array).max(axis=1).argmax())
        point = tuple(array[k].tolist())
        raise LabError(
            f"trajectory: point {k} is {point}, over the limit of {MAX_COORDINATE:,.0f}",
            fix="draw it again inside the picture",
        )
    result = array.astype(np.float32) + np.float32(0)  # + 0 turns -0.0 into 0.0, so that equal paths have equal hashes
    result.flags.writeable = False
    return result


def parse_points(text: str, where: str = "") -> list[tuple[float, float]]:
    """Points (x, y) from "x,y x,y …".

    Args:
        text: One or more points; a semicolon is as good as a blank.
        where: What stands before an error, such as "--path: ".

    Raises:
        LabError: The list is empty, or one is not a point of finite numbers; the message names it.

    >>> parse_points("1,2 3.5,4")
    [(1.0, 2.0), (3.5, 4.0)]
    """
    points = []
    for number, word in enumerate(text.replace(";", " ").split(), start=1):
        try:
            x, y = (float(part) for part in word.split(","))
        except ValueError:
            fix = "write each as x,y with blanks between points"
            raise LabError(f'{where}point {number} is "{word}"', fix=fix) from None
        if not np.isfinite([x, y]).all():
            raise LabError(f'{where}point {number} is "{word}"', fix="give finite numbers")
        points.append((x, y))
    if not points:
        raise LabError(f"{where}the list of points is empty", fix="write them as x,y with blanks between them")
    return points


def checked_frames(frames: Sequence[int] | np.ndarray, count: int) -> tuple[int, ...]:
    """Frame numbers as `count` whole, non-negative, strictly increasing ints, or a `LabError`."""
    if isinstance(frames, str) or not isinstance(frames, (Sequence, np.ndarray)) or getattr(frames, "ndim", 1) != 1:
        raise LabError(f"trajectory: frames is {str(frames)[:60]}", fix="pass a list of whole numbers")
    values = frames.tolist() if isinstance(frames, np.ndarray) else list(frames)
    if len(values) != count:
        raise LabError(
            f"trajectory has {count} points but {len(values)} frames", fix="pass one frame number per point, or None"
        )
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < MAX_FRAMES:
            raise LabError(f"trajectory: frame {value!r} is not a whole number from 0 to {MAX_FRAMES - 1:,}")
    for before, after in pairwise(values):
        if after <= before:
            raise LabError(f"trajectory: frame {after} comes after frame {before}", fix="make the frames increase")
    return tuple(int(value) for value in values)


def free_name(value: Any, fallback: str, taken: set[str]) -> str:
    """A name read from a file if it is valid, else the fallback, made different from the names already taken."""
    stem = next((text for text in (value, fallback) if is_name(text)), "object").strip()
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem[: MAX_NAME - 4]} {number}"
    return name
