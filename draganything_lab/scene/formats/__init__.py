"""What others use: the released demo folder, the tracks of Wan-Move and ATI, the points of the ComfyUI spline editor.

Each format knows less than a `Scene`, so writing one says what is left out, and reading one says what is assumed. What
a format does hold comes back exactly.
"""

from .ati_tracks import read_ati_tracks
from .demo_folder import read_demo_folder, write_demo_folder
from .spline import read_spline_points, write_spline_points
from .wan_tracks import read_wan_tracks, tracks_to_trajectories, write_wan_tracks

__all__ = [
    "read_ati_tracks",
    "read_demo_folder",
    "read_spline_points",
    "read_wan_tracks",
    "tracks_to_trajectories",
    "write_demo_folder",
    "write_spline_points",
    "write_wan_tracks",
]
