"""Motion: what moved in a video, what made it move, and whether that is what the scene wanted."""

from .attribution import Attribution, attribute
from .camera import CameraMotion, camera_motion
from .distance import DistanceCurve, motion_by_distance
from .entity_motion import EntityMotion
from .measure import measure
from .pose import PoseMotion
from .report import Leakage, MotionReport

__all__ = [
    "Attribution",
    "CameraMotion",
    "DistanceCurve",
    "EntityMotion",
    "Leakage",
    "MotionReport",
    "PoseMotion",
    "attribute",
    "camera_motion",
    "measure",
    "motion_by_distance",
]
