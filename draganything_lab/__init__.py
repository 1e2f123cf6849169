"""DragAnything Lab: click an object in a picture, drag it, generate the video, see where every pixel went.

Everything a notebook needs is here; each name is imported on first use.
"""

from typing import TYPE_CHECKING

from .lazy import handed_on

if TYPE_CHECKING:
    from . import show
    from .control import build_control
    from .errors import LabError
    from .motion import measure
    from .pipeline import load_pipeline, preview
    from .scene import Scene, Trajectory
    from .segment import load_segmenter
    from .studio import Studio
    from .toyland import named_scene
    from .tracking import track
else:
    __getattr__, __dir__ = handed_on(
        __name__,
        {
            "control": ["build_control"],
            "errors": ["LabError"],
            "motion": ["measure"],
            "pipeline": ["load_pipeline", "preview"],
            "scene": ["Scene", "Trajectory"],
            "segment": ["load_segmenter"],
            "show": [],
            "studio": ["Studio"],
            "toyland": ["named_scene"],
            "tracking": ["track"],
        },
    )

__version__ = "0.1.0"

__all__ = [
    "LabError",
    "Scene",
    "Studio",
    "Trajectory",
    "build_control",
    "load_pipeline",
    "load_segmenter",
    "measure",
    "named_scene",
    "preview",
    "show",
    "track",
]
