"""A speed curve: at which share of the time an object has gone which share of its path."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ..errors import LabError
from .checks import plain_numbers
from .curve import monotone_cubic

Pace: TypeAlias = "tuple[tuple[float, float], ...]"
Pairs: TypeAlias = "np.ndarray | Sequence[np.ndarray | Sequence[float]]"

MAX_PAIRS = 1000
SLACK = 0.01  # of the path: how far `hand_pace` may be from the hand


def checked_pace(pace: Pairs | None) -> Pace | None:
    """A speed curve as pairs of floats, or a `LabError`.

    The curve starts at (0, 0), because a video starts with its picture, and its times run to 1. A share of the path
    that falls again is honest: the object goes back along its path. A time that falls is not.
    """
    if pace is None:
        return None
    fix = "pass pairs (share of the time, share of the path), from (0, 0) to a time of 1"
    array = plain_numbers(pace, "pace", "trajectory: the pace is not a list of pairs of numbers", fix)
    if array.ndim != 2 or array.shape[1] != 2 or not 2 <= len(array) <= MAX_PAIRS:
        raise LabError(f"trajectory: the pace has shape {array.shape}", fix=f"{fix}; 2 to {MAX_PAIRS:,} pairs")
    pairs = [(float(time) + 0.0, float(share) + 0.0) for time, share in array]
    for k, (time, share) in enumerate(pairs):
        if not (0 <= time <= 1 and 0 <= share <= 1):  # NaN is refused, too
            raise LabError(f"trajectory: pair {k} of the pace is ({time:g}, {share:g})", fix="use shares from 0 to 1")
    if pairs[0] != (0, 0) or pairs[-1][0] != 1:
        (start, at), end = pairs[0], pairs[-1][0]
        raise LabError(f"trajectory: the pace starts at ({start:g}, {at:g}) and ends at time {end:g}", fix=fix)
    for before, after in pairwise(time for time, _ in pairs):
        if after - before < 1e-6:
            raise LabError(
                f"trajectory: the pace has time {after:g} after time {before:g}",
                fix="make the times increase; let the shares of the path fall to go back",
            )
    return tuple(pairs)


def pace_at(pace: Pace, times: np.ndarray) -> np.ndarray:
    """The share of the path at shares of the time: a cubic through the pairs that never overshoots them.

    Args:
        pace: The pairs.
        times: (T,) from 0 to 1.

    Returns:
        (T,) float64, from 0 to 1.
    """
    knots = np.array(pace)
    return monotone_cubic(knots[:, 0], knots[:, 1:], times)[:, 0]


def hand_pace(points: Pairs, times: Sequence[float] | np.ndarray, most: int = 24) -> Pace | None:
    """The speed curve of a hand: pairs enough to be within 1 per cent of the path.

    Args:
        points: (K, 2) x and y, as the hand drew them.
        times: (K,) seconds that do not fall.
        most: Number of pairs at most.

    Returns:
        A curve for `Trajectory(…, pace=…)`; None where the hand did not move or took no time.

    Raises:
        LabError: The times do not fit the points, or a number is not finite.
    """
    path, clock = np.asarray(points, np.float64), np.asarray(times, np.float64)
    if path.ndim != 2 or clock.shape != path.shape[:1] or not (np.isfinite(path).all() and np.isfinite(clock).all()):
        raise LabError(
            f"a hand's path of shape {path.shape} has times of shape {clock.shape}",
            fix="pass finite points (x, y) and one finite time per point",
        )
    way = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
    clock = np.maximum.accumulate(clock - clock[:1])
    if len(clock) < 2 or clock[-1] <= 0 or way[-1] <= 0:
        return None
    clock, way = clock / clock[-1], way / way[-1]
    last = np.append(np.diff(clock) > 1e-4, True)  # of samples at the same time, the latest
    clock, way = clock[last], way[last]
    if clock[0] > 1e-4:
        clock, way = np.append(0.0, clock), np.append(0.0, way)
    clock[0] = way[0] = 0.0
    kept = np.array([0, len(clock) - 1])
    while len(kept) < most:
        off = np.abs(monotone_cubic(clock[kept], way[kept, None], clock)[:, 0] - way)
        if off.max() <= SLACK:
            break
        kept = np.union1d(kept, [int(off.argmax())])
    return checked_pace(np.stack([clock[kept], way[kept].clip(0, 1)], axis=1))
