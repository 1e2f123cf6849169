"""Trackers by name, and the function that tracks with any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numpy.typing import NDArray

from ..errors import LabError
from .base import Tracker, Tracks, checked_clip, checked_queries


def _opencv() -> Tracker:
    from .layered.tracker import OpenCVTracker

    return OpenCVTracker()


def _lucas_kanade() -> Tracker:
    from .lucas_kanade import LucasKanadeTracker

    return LucasKanadeTracker()


def _dis() -> Tracker:
    from .flow import DISTracker

    return DISTracker()


def _cotracker_offline() -> Tracker:
    from .cotracker import CoTracker

    return CoTracker("offline")


def _cotracker_online() -> Tracker:
    from .cotracker import CoTracker

    return CoTracker("online")


TRACKERS: dict[str, Callable[[], Tracker]] = {
    "opencv": _opencv,
    "lucas-kanade": _lucas_kanade,
    "dis": _dis,
    "cotracker3-offline": _cotracker_offline,
    "cotracker3-online": _cotracker_online,
}
"""Every tracker by name; each is created, and its libraries imported, only when requested."""


def track(
    video: NDArray | Sequence[NDArray],
    queries: NDArray | Sequence[Sequence[float]],
    tracker: str | Tracker = "opencv",
) -> Tracks:
    """Follow points of the first frame through a video.

    Args:
        video: (T, H, W, 3) uint8 RGB, T >= 2.
        queries: (N, 2) (x, y) in pixels of frame 0; see `grid_queries` and `mask_queries`.
        tracker: A name of `TRACKERS`, or an object with the method `track` of `Tracker`.

    Returns:
        `Tracks`: points (T, N, 2) float32 and visible (T, N) bool.

    Raises:
        LabError: The video is not a video of 2 or more frames, a query lies outside the picture, or there is no such
            tracker.
    """
    frames = checked_clip(video)
    points = checked_queries(queries, (frames.shape[1], frames.shape[2]))
    return as_tracker(tracker).track(frames, points)


def as_tracker(tracker: str | Tracker) -> Tracker:
    """Return the tracker of a name; an object that is a tracker is returned unchanged."""
    if isinstance(tracker, str):
        if tracker not in TRACKERS:
            raise LabError(f'there is no tracker "{tracker}"', fix=f"use one of {', '.join(TRACKERS)}")
        return TRACKERS[tracker]()
    if not callable(getattr(tracker, "track", None)):
        raise LabError(
            f"the tracker is {tracker!r}", fix=f"pass a name ({', '.join(TRACKERS)}) or an object with a method track"
        )
    return tracker
