"""From what a hand draws to key points, and back: which key point, which stretch, lies under the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ...errors import LabError
from ...media.arrays import evenly
from ...scene.curve import monotone_cubic
from ...scene.pace import hand_pace
from ...scene.trajectory import Points, Trajectory

MAX_SAMPLES = 4000  # of one stroke; a hand that draws for a minute makes about as many
MAX_KEYS = 40  # a scribble with more turns is kept as well as so many allow
SMOOTHING, PASSES = 0.5, 16  # as `Trajectory.smoothed`
PIECES = 16  # straight pieces a stretch of the curve is measured by


def tolerance(size: tuple[int, int]) -> float:
    """How far a sample of a stroke may be from the path made of it, in pixels of a picture of size (H, W)."""
    return max(1.5, 0.008 * float(np.hypot(*size)))


def checked_stroke(points: Points, times: Sequence[float] | np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """A stroke as (K, 2) float64 and (K,) seconds, without repeated points.

    Raises:
        LabError: No points, numbers that are not finite, or times that do not fit.
    """
    try:
        path = np.asarray(points, np.float64)
        clock = None if times is None else np.asarray(times, np.float64)
    except (TypeError, ValueError) as error:
        raise LabError("a stroke is a list of (x, y) points", fix="draw it again") from error
    if path.ndim != 2 or path.shape[1:] != (2,) or not len(path) or not np.isfinite(path).all():
        raise LabError(
            f"a stroke needs finite points (x, y), at least one; got shape {path.shape}", fix="draw it again"
        )
    if clock is not None and (clock.shape != (len(path),) or not np.isfinite(clock).all()):
        raise LabError(
            f"a stroke of {len(path)} points has times of shape {clock.shape}", fix="pass one time per point"
        )
    if len(path) > MAX_SAMPLES:
        kept = evenly(len(path), MAX_SAMPLES)
        path, clock = path[kept], None if clock is None else clock[kept]
    moved = np.append(True, np.abs(np.diff(path, axis=0)).max(axis=1) > 0.01)
    return path[moved], None if clock is None else clock[moved]


def drawn(
    path: np.ndarray, clock: np.ndarray | None, size: tuple[int, int], num_frames: int, *, rhythm: bool
) -> Trajectory:
    """A freehand stroke as a trajectory: jitter smoothed away, and only as many key points as its shape needs.

    No sample is farther from the path than the `tolerance`, unless the shape needs more than `MAX_KEYS` points: half of
    it is for smoothing, half for thinning.

    Args:
        path: (K, 2) float64 (x, y) in pixels.
        clock: (K,) seconds, or None.
        size: (H, W) of the picture; the tolerance follows from it.
        num_frames: T of the clip.
        rhythm: Whether to move as fast as the hand did (needs a clock), or evenly.
    """
    if len(path) < 3:
        return Trajectory(path)
    slack = tolerance(size) / 2
    smooth = _smoothed(path, slack)
    kept = _needed(smooth, slack)
    pace = hand_pace(path, np.maximum.accumulate(clock)) if rhythm and clock is not None else None
    return Trajectory(smooth[kept], pace=pace)


def _smoothed(path: np.ndarray, most: float) -> np.ndarray:
    """The samples without a hand's jitter: only where they are dense, and none is moved by more than `most` pixels.

    A quick stroke has few samples, far apart: each of them is shape, not jitter.
    """
    gaps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    dense = (np.maximum(gaps[:-1], gaps[1:]) <= 4 * most)[:, None]
    smooth = path.copy()
    for _ in range(PASSES):
        smooth[1:-1] += dense * SMOOTHING / 4 * (smooth[:-2] - 2 * smooth[1:-1] + smooth[2:])
    moved = smooth - path
    far = np.linalg.norm(moved, axis=1, keepdims=True)
    return path + moved * np.minimum(1, most / np.maximum(far, most))


def _needed(points: np.ndarray, most: float) -> np.ndarray:
    """Indices of the points whose curve passes all others within `most` pixels.

    As Ramer, Douglas and Peucker do it, but by the distance from the curve that will be followed instead of the chord.
    """
    kept = np.array([0, len(points) - 1])
    while len(kept) < min(MAX_KEYS, len(points)):
        off = []
        for (start, end), curve in zip(pairwise(kept), _stretches(points[kept]), strict=True):
            if end - start > 1:
                inner = points[start + 1 : end, None]  # (n, 1, 2)
                away = _distance(inner, curve[:-1], curve[1:]).min(axis=1)  # (n,)
                off.append((float(away.max()), start + 1 + int(away.argmax())))
        missed = sorted((one for one in off if one[0] > most), reverse=True)[: MAX_KEYS - len(kept)]
        if not missed:
            break
        kept = np.union1d(kept, [place for _, place in missed])
    return kept


def _stretches(keys: np.ndarray) -> np.ndarray:
    """(K - 1, PIECES + 1, 2): the curve through key points (K, 2), one stretch after the other."""
    lengths = np.maximum(np.linalg.norm(np.diff(keys, axis=0), axis=1), 1e-9)  # a closed stroke ends where it starts
    knots = np.append(0.0, np.cumsum(lengths))
    at = knots[:-1, None] + lengths[:, None] * np.linspace(0, 1, PIECES + 1)
    return monotone_cubic(knots, keys, np.minimum(at.ravel(), knots[-1])).reshape(*at.shape, 2)


def _distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(...) distances of points (..., 2) from the stretches between two points (..., 2)."""
    along = end - start
    share = np.clip(((points - start) * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-12), 0, 1)
    return np.asarray(np.linalg.norm(points - start - share[..., None] * along, axis=-1))


def nearest_key(trajectory: Trajectory, x: float, y: float, within: float) -> int | None:
    """The key point nearest to (x, y), if one is within some pixels of it."""
    distance = np.hypot(*(trajectory.points.astype(np.float64) - (x, y)).T)
    return int(distance.argmin()) if distance.min() <= within else None


def stretch_at(trajectory: Trajectory, x: float, y: float) -> int:
    """The place at which a new key point (x, y) comes between the two that it is nearest to, or before or after all."""
    points, here = trajectory.points.astype(np.float64), np.array([[x, y]])
    if len(points) == 1:
        return 1
    distances = [float(_distance(here, start, end)[0]) for start, end in pairwise(points)]
    nearest = int(np.argmin(distances))
    start, end = points[nearest], points[nearest + 1]
    share = float((here[0] - start) @ (end - start)) / max(float((end - start) @ (end - start)), 1e-12)
    if nearest == len(points) - 2 and share > 1:
        return len(points)
    return 0 if nearest == 0 and share < 0 else nearest + 1


def with_key(trajectory: Trajectory, place: int, x: float, y: float) -> Trajectory:
    """The trajectory with a key point more at a place.

    Raises:
        LabError: There is no frame left between its neighbours.
    """
    frames = trajectory.frames
    if frames is not None:
        if place == 0:
            low, high = -1, frames[0]
        elif place == len(frames):
            low, high = frames[-1], frames[-1] + 2 * max(1, round(frames[-1] / max(1, len(frames) - 1)))
        else:
            low, high = frames[place - 1], frames[place]
        if high - low < 2:
            where = f"between frames {low + 1} and {high + 1}"
            raise LabError(f"there is no frame {where} for a new key point", fix="remove the frames")
        frames = (*frames[:place], (low + high) // 2, *frames[place:])
    return trajectory.with_key(place, (x, y), None if frames is None else frames[place])


def without_key(trajectory: Trajectory, place: int) -> Trajectory:
    """The trajectory with a key point less.

    Raises:
        LabError: It is the only one.
    """
    if len(trajectory.points) == 1:
        raise LabError("a path keeps at least one key point", fix="delete the whole path instead")
    return trajectory.without_key(place)
