"""Point tracking: frames and query points in, tracks and visibility out; OpenCV by default, CoTracker when asked."""

from .base import Tracker, Tracks, grid_queries, mask_queries
from .choose import TRACKERS, track

__all__ = ["TRACKERS", "Tracker", "Tracks", "grid_queries", "mask_queries", "track"]
