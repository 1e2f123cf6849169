"""The interface of trackers: frames and points of the first frame in, each point's path and visibility out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..media.arrays import evenly, plain_array
from ..media.mask import load_mask
from ..media.video import checked_frames
from ..scene.checks import checked_size

MAX_QUERIES = 200_000


@dataclass(frozen=True)
class Tracks:
    """Positions of points of frame 0 in every frame.

    Attributes:
        points: (T, N, 2) float32 (x, y) in pixels; finite in every frame, a guess where the point is not visible.
        visible: (T, N) bool: inside the picture and not covered, as far as the tracker can tell.
    """

    points: NDArray[np.float32]
    visible: NDArray[np.bool_]

    def __post_init__(self) -> None:
        points = plain_array(self.points, "tracks").astype(np.float32)
        visible = plain_array(self.visible, "visibility")
        if points.ndim != 3 or points.shape[2] != 2:
            raise LabError(f"the tracks have shape {points.shape}", fix="pass (T, N, 2): frame, point, (x, y)")
        if visible.shape != points.shape[:2]:
            raise LabError(
                f"visibility has shape {visible.shape}, the tracks {points.shape}", fix=f"pass shape {points.shape[:2]}"
            )
        if visible.dtype != bool:
            raise LabError(f"visibility is {visible.dtype}", fix="pass bool: compare a score with a threshold first")
        bad = ~np.isfinite(points).all(axis=(0, 2))
        if bad.any():
            raise LabError(
                f"{int(bad.sum())} of {points.shape[1]} tracks have points that are not finite (track "
                f"{int(bad.argmax())} first)",
                fix="where a point is hidden, pass a guess and visible=False",
            )
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "visible", visible)

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.points)

    @property
    def queries(self) -> NDArray[np.float32]:
        """(N, 2) float32: the points in frame 0."""
        return self.points[0]

    def __len__(self) -> int:
        """Number of points N."""
        return self.points.shape[1]

    def chosen(self, which: NDArray) -> Tracks:
        """Return some of the tracks; `which` is (K,) indices or (N,) bool."""
        return Tracks(self.points[:, which], self.visible[:, which])


class Tracker(Protocol):
    """Anything that tracks: pass an object with this method to `track(..., tracker=it)`."""

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; video (T, H, W, 3) uint8 RGB, queries (N, 2) float32 (x, y) inside frame 0, both checked."""
        ...


def checked_queries(queries: NDArray | Sequence[Sequence[float]], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return query points as (N, 2) float32, or raise a `LabError` if they are malformed or outside the picture."""
    try:
        points = plain_array(queries, "queries").astype(np.float32)
    except (TypeError, ValueError) as error:
        raise LabError("the queries are not a list of (x, y) numbers") from error
    if points.size == 0:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise LabError(f"the queries have shape {points.shape}", fix="pass (N, 2), a list of (x, y)")
    if len(points) > MAX_QUERIES:
        raise LabError(f"{len(points):,} queries are over the limit of {MAX_QUERIES:,}", fix="use grid_queries()")
    height, width = size
    # A pixel's centre has whole coordinates, so the picture reaches half a pixel beyond the outer centres.
    inside = (points >= -0.5).all(axis=1) & (points <= (width - 0.5, height - 0.5)).all(axis=1)
    if not inside.all():  # NaN is not inside either
        place = int((~inside).argmax())
        x, y = points[place].tolist()
        raise LabError(
            f"query {place} is ({x:g}, {y:g}), outside the {width}x{height} picture",
            fix="pass queries as (x, y) in frame 0",
        )
    return points


def checked_clip(video: NDArray | Sequence[NDArray]) -> NDArray[np.uint8]:
    """Return a clip as (T, H, W, 3) uint8, or raise a `LabError`; T must be 2 or more, or there is nothing to track."""
    frames = checked_frames(video)
    if len(frames) < 2:
        raise LabError("the video has 1 frame", fix="pass 2 or more frames")
    checked_size(frames.shape[1:3])
    return frames


def checked_tracks(tracks: Tracks, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
    """Return tracks that hold every query in every frame, or raise a `LabError`."""
    if tracks.points.shape[:2] != (len(video), len(queries)):
        raise LabError(
            f"the tracker gave tracks of shape {tracks.points.shape} for {len(video)} frames and {len(queries)} points"
        )
    return tracks


def grid_queries(size: tuple[int, int], rows: int, columns: int) -> NDArray[np.float32]:
    """Return points spread evenly over a picture, each in the middle of a cell of the same size.

    Args:
        size: (H, W) in pixels.
        rows, columns: Number of points down and across, each 1 or more.

    Returns:
        (rows * columns, 2) float32 (x, y) in pixels, row by row.

    >>> grid_queries((4, 8), 1, 2).tolist()
    [[1.5, 1.5], [5.5, 1.5]]
    """
    height, width = checked_size(size)
    if min(rows, columns) < 1 or rows * columns > MAX_QUERIES:
        raise LabError(
            f"the grid has {rows} rows and {columns} columns",
            fix=f"use at least 1 of each, at most {MAX_QUERIES:,} points in all",
        )
    x = (np.arange(columns) + 0.5) * width / columns - 0.5
    y = (np.arange(rows) + 0.5) * height / rows - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)


def mask_queries(mask: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """Return at most `count` pixels of a mask, spread evenly over it, as points.

    Args:
        mask: (H, W) bool.
        count: Maximum number of points, at least 1; a mask of fewer pixels gives all its pixels.

    Returns:
        (N, 2) float32 (x, y) in pixels, N <= count; N = 0 for an empty mask.
    """
    if count < 1:
        raise LabError(f"count is {count}", fix="request at least 1 point")
    ys, xs = np.nonzero(load_mask(mask))
    # Even steps of the golden ratio through the pixels in row order: spread out along rows and across them.
    if len(xs) > count:
        step = max(1.0, (len(xs) / count) ** 0.5)
        on = (np.floor(xs / step) != np.floor((xs - 1) / step)) & (np.floor(ys / step) != np.floor((ys - 1) / step))
        keep = np.flatnonzero(on)
        if len(keep) < count // 2:
            keep = np.arange(len(xs))
        chosen = keep[evenly(len(keep), count)]
        xs, ys = xs[chosen], ys[chosen]
    return np.stack([xs, ys], axis=1).astype(np.float32).reshape(-1, 2)
