"""Formats of other tools: the released demo folder, the tracks of Wan-Move and ATI, points of ComfyUI's spline editor.

Each format holds less than a `Scene`, so each writer documents what is left out and each reader what is assumed.
Whatever a format does hold is read back exactly.
"""

from .ati_tracks import read_ati_tracks
from .demo_folder import read_demo_folder, write_demo_folder
from .spline import read_spline_points, write_spline_points
from .trajectory_json import read_trajectories, write_trajectories
from .wan_tracks import read_wan_tracks, tracks_to_trajectories, write_wan_tracks

__all__ = [
    "read_ati_tracks",
    "read_demo_folder",
    "read_spline_points",
    "read_trajectories",
    "read_wan_tracks",
    "tracks_to_trajectories",
    "write_demo_folder",
    "write_spline_points",
    "write_trajectories",
    "write_wan_tracks",
]
