"""The paper's second insight as a measurement: does motion fade with distance from the dragged point?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..tracking import Tracks
from .camera import plain

LEAST = 3  # minimum number of points in a ring


@dataclass(frozen=True)
class Spread:
    """How far points in rings around a point moved, in pixels.

    Attributes:
        median, low, high: (B,) float64: median, lower and upper quartile; NaN for rings of fewer than 3 points.
        count: (B,) int: visible points in each ring.
    """

    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.intp]

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON."""
        names = ("median", "low", "high", "count")
        return {name: plain(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class DistanceCurve:
    """Motion as a function of the distance from the dragged point.

    Attributes:
        origin: (2,) float32, the dragged point in frame 0.
        frame: Frame number; motion is measured from frame 0 to this frame.
        edges: (B + 1,) float64, radii of the rings in pixels.
        inside, outside: `Spread` over the points inside the entity's mask and outside it.
    """

    origin: NDArray[np.float32]
    frame: int
    edges: NDArray[np.float64]
    inside: Spread
    outside: Spread

    @property
    def middles(self) -> NDArray[np.float64]:
        """(B,) middle radius of each ring."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def flatness(self) -> float:
        """The lowest median inside the mask divided by the highest: 1 for a pure shift; NaN below two rings."""
        median = self.inside.median[np.isfinite(self.inside.median)]
        if len(median) < 2 or median.max() <= 0:
            return float("nan")
        return float(median.min() / median.max())

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON."""
        return {
            "origin": plain(self.origin),
            "frame": self.frame,
            "edges_px": plain(self.edges),
            "flatness": plain(self.flatness),
            "inside": self.inside.as_dict(),
            "outside": self.outside.as_dict(),
        }


def motion_by_distance(
    tracks: Tracks, origin: NDArray, inside: NDArray[np.bool_], frame: int = -1, rings: int = 10
) -> DistanceCurve:
    """Measure how far points moved, by their distance from one point.

    Args:
        tracks: Tracks of points all over the picture.
        origin: (2,) the dragged point (x, y) in frame 0.
        inside: (N,) bool: which points lie in the dragged entity's mask in frame 0.
        frame: Frame number from 0, or from the end if negative.
        rings: Number of rings, at least 2: half of them over the entity, half from there to the farthest point.

    Returns:
        `DistanceCurve`. For a rigid, shifted entity the curve is flat inside its mask.

    Raises:
        LabError: There is no such frame, or there are fewer than 2 rings.

    Source: Paper, section 3.1, figure 3: pixels near the dragged point move more than those far from it, unless the
        entity is represented as a whole.
    """
    if not -tracks.num_frames <= frame < tracks.num_frames:
        raise LabError(f"there is no frame {frame}", fix=f"use one of frames 0 to {tracks.num_frames - 1}")
    if rings < 2:
        raise LabError(f"rings is {rings}", fix="use 2 or more")
    frame = frame % tracks.num_frames
    origin = np.asarray(origin, np.float32)
    seen = tracks.visible[frame]
    away = np.linalg.norm(tracks.queries - origin, axis=1).astype(np.float64)
    moved = np.linalg.norm(tracks.points[frame] - tracks.points[0], axis=1).astype(np.float64)
    reach = max(float(away[inside].max(initial=0.0)), 1.0)
    far = max(float(away.max(initial=0.0)), reach + 1.0)
    half = rings // 2
    edges = np.concatenate(
        [np.linspace(0, reach + 1e-6, half + 1), np.linspace(reach + 1e-6, far, rings - half + 1)[1:]]
    )
    return DistanceCurve(
        origin,
        frame,
        edges,
        inside=_spread(away, moved, seen & inside, edges),
        outside=_spread(away, moved, seen & ~inside, edges),
    )


def _spread(
    away: NDArray[np.float64], moved: NDArray[np.float64], use: NDArray[np.bool_], edges: NDArray[np.float64]
) -> Spread:
    ring = np.clip(np.searchsorted(edges, away, side="right") - 1, 0, len(edges) - 2)
    quartiles = np.full((3, len(edges) - 1), np.nan)
    count = np.bincount(ring[use], minlength=len(edges) - 1)
    for place in np.flatnonzero(count >= LEAST):
        quartiles[:, place] = np.percentile(moved[use & (ring == place)], (50, 25, 75))
    return Spread(quartiles[0], quartiles[1], quartiles[2], count)
