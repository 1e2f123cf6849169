"""TAP-Vid's measures: how far tracks are from the true ones, and whether visibility is predicted correctly."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..scene.checks import checked_size
from .base import Tracks

THRESHOLDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Thresholds in pixels of a 256x256 picture, to which TAP-Vid scales every video."""


@dataclass(frozen=True)
class Accuracy:
    """How near tracks are to the truth; frame 0, which holds the queries, is always left out.

    Attributes:
        median_px, mean_px: Distance to the truth in pixels of the clip, over truly visible points.
        delta: For each threshold of TAP-Vid, the share of truly visible points within it, 0..1; at 256x256.
        delta_average: Mean of `delta`, TAP-Vid's < δ_avg: 1 is perfect.
        delta_average_px: The same with thresholds in pixels of the clip itself, which is easier for small pictures.
        occlusion_accuracy: Share of points and frames whose visibility is predicted correctly, 0..1.
        jaccard_average: TAP-Vid's AJ: correct and predicted visible, among all that are visible or predicted so, 0..1.
        points: Number of truly visible points, over all frames, that the distances are taken over.
    """

    median_px: float
    mean_px: float
    delta: tuple[float, ...]
    delta_average: float
    delta_average_px: float
    occlusion_accuracy: float
    jaccard_average: float
    points: int

    def as_dict(self) -> dict[str, object]:
        """Return plain numbers and lists, for JSON."""
        return {**asdict(self), "delta": list(self.delta)}


def tracking_accuracy(found: Tracks, truth: Tracks, size: tuple[int, int]) -> Accuracy:
    """Compare tracks with the truth by TAP-Vid's measures.

    Args:
        found: Output of a tracker, T >= 2.
        truth: True positions of the same points, and whether they are visible.
        size: (H, W) of the clip in pixels; x and y are scaled to 256 each, as TAP-Vid does.

    Returns:
        `Accuracy`.

    Raises:
        LabError: The points or frames differ, there is only one frame, or no point is truly visible.

    Source: Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", 2022, section 3; queries in the
        first frame.
    """
    height, width = checked_size(size)
    if found.points.shape != truth.points.shape:
        raise LabError(
            f"the tracks have shape {found.points.shape}, the truth {truth.points.shape}", fix="track the same points"
        )
    seen, told = truth.visible[1:], found.visible[1:]
    if not seen.any():
        raise LabError(
            "no point is truly visible after frame 0, so there is nothing to measure", fix="choose other points"
        )
    off = (found.points[1:] - truth.points[1:]).astype(np.float64)
    distance = np.linalg.norm(off, axis=-1)  # (T - 1, N), pixels of the clip
    scaled = np.linalg.norm(off * (256 / width, 256 / height), axis=-1)
    within = [scaled < threshold for threshold in THRESHOLDS]
    delta = tuple(float(near[seen].mean()) for near in within)
    return Accuracy(
        median_px=float(np.median(distance[seen])),
        mean_px=float(distance[seen].mean()),
        delta=delta,
        delta_average=float(np.mean(delta)),
        delta_average_px=float(np.mean([(distance < threshold)[seen].mean() for threshold in THRESHOLDS])),
        occlusion_accuracy=float((told == seen).mean()),
        jaccard_average=float(np.mean([_jaccard(near, seen, told) for near in within])),
        points=int(seen.sum()),
    )


def _jaccard(near: NDArray[np.bool_], seen: NDArray[np.bool_], told: NDArray[np.bool_]) -> float:
    right = (near & seen & told).sum()
    wrong = (told & ~(near & seen)).sum()
    return float(right / (seen.sum() + wrong))
