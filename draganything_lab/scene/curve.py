"""The mathematics of a drawn path: a cubic without overshoot, constant speed along it, and the points that matter most.

Between two key points the cubic is monotone in each coordinate (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 1980;
slopes after Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 1984; often called PCHIP). A natural spline through the
same points would swing beyond them: a boat dragged up to the quay would ram it and come back.
"""

from __future__ import annotations

import numpy as np


def monotone_cubic(knots: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Shape-preserving cubic through key values: exact at the knots, elsewhere between the two neighbouring values.

    Args:
        knots: (K,) strictly increasing, K >= 2.
        values: (K, D) values at the knots.
        at: (T,) positions at which to evaluate the curve, from the first knot to the last.

    Returns:
        (T, D) float64.
    """
    h = np.diff(knots)[:, None]  # (K-1, 1)
    d = np.diff(values, axis=0) / h  # (K-1, D) secants
    slopes = np.zeros_like(values)  # (K, D)
    if len(knots) == 2:
        slopes[:] = d
    else:
        slopes[0] = _end_slope(h[0], h[1], d[0], d[1])
        slopes[-1] = _end_slope(h[-1], h[-2], d[-1], d[-2])
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        same = np.sign(d[:-1]) * np.sign(d[1:]) > 0  # a turning point gets slope zero, which prevents overshoot
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            mean = (w1 + w2) / (w1 / d[:-1] + w2 / d[1:])  # weighted harmonic mean of the secants
        slopes[1:-1] = np.where(same, mean, 0.0)
    k = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)  # (T,)
    s = (at - knots[k])[:, None] / h[k]  # (T, 1) in [0, 1]
    low, high = values[k], values[k + 1]  # (T, D)
    curve = low + s * s * (3 - 2 * s) * (high - low)
    curve += h[k] * s * (1 - s) * ((1 - s) * slopes[k] - s * slopes[k + 1])
    curve = np.where(s >= 1, high, curve)
    return np.clip(curve, np.minimum(low, high), np.maximum(low, high))  # rounding only: the cubic is monotone


def _end_slope(h0: np.ndarray, h1: np.ndarray, d0: np.ndarray, d1: np.ndarray) -> np.ndarray:
    """Three-point slope at an end, limited to the secant's sign and three times its size."""
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    slope = np.where(np.sign(slope) * np.sign(d0) <= 0, 0.0, slope)
    return np.where((np.sign(d0) * np.sign(d1) <= 0) & (np.abs(slope) > 3 * np.abs(d0)), 3 * d0, slope)


def even_speed(keys: np.ndarray, progress: np.ndarray) -> np.ndarray:
    """Points at given fractions of the arc length of the shape-preserving curve through key points.

    Args:
        keys: (K, 2) float64 key points, K >= 1; neighbours may coincide.
        progress: (T,) fractions in [0, 1]; 0 and 1 give the two ends exactly.

    Returns:
        (T, 2) float64.
    """
    knots, chosen = _apart(keys)
    if len(knots) == 1:
        return np.repeat(keys[:1], len(progress), axis=0)
    grid, along, _ = _measured(knots, keys[chosen])
    result = monotone_cubic(knots, keys[chosen], np.interp(progress * along[-1], along, grid))
    result[progress <= 0], result[progress >= 1] = keys[0], keys[-1]
    return result


def stretch_lengths(keys: np.ndarray) -> np.ndarray:
    """Lengths (K-1,) of the same curve from each key point (K, 2) to the next; 0 where the two coincide."""
    knots, chosen = _apart(keys)
    lengths = np.zeros(len(keys) - 1)
    if len(knots) > 1:
        _, along, pieces = _measured(knots, keys[chosen])
        lengths[chosen[1:]] = np.diff(along[::pieces])
    return lengths


def _apart(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances along the chords to those key points that do not coincide with the one before, and which (K,) they are:
    a stretch without length would divide by zero."""
    knots = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(keys, axis=0), axis=1))])
    chosen = np.concatenate([[True], np.diff(knots) > 1e-12 * knots[-1]])
    return knots[chosen], chosen


def _measured(knots: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """A fine grid along the curve, the length up to each of its places, and how many pieces a stretch was cut into."""
    pieces = int(np.clip(200_000 // len(knots), 4, 64))
    grid = knots[:-1, None] + np.diff(knots)[:, None] * np.linspace(0, 1, pieces, endpoint=False)
    grid = np.append(np.maximum.accumulate(grid.ravel()), knots[-1])
    steps = np.linalg.norm(np.diff(monotone_cubic(knots, keys, grid), axis=0), axis=1)
    return grid, np.concatenate([[0.0], np.cumsum(steps)]), pieces
