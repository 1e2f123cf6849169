"""Point tracking: frames and query points in, tracks and visibility out; OpenCV by default, CoTracker on request."""

from .accuracy import Accuracy, tracking_accuracy
from .base import Tracker, Tracks, grid_queries, mask_queries
from .choose import TRACKERS, track
from .dense import dense_motion

__all__ = [
    "TRACKERS",
    "Accuracy",
    "Tracker",
    "Tracks",
    "dense_motion",
    "grid_queries",
    "mask_queries",
    "track",
    "tracking_accuracy",
]
