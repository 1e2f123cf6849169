"""What should move, and where to: a picture, the entities in it, and their trajectories."""

from .camera import fit_similarity
from .entity import MAX_ENTITIES, Entity, Kind
from .masks import MaskReport, clean_mask, describe_mask, latent_mask, paint
from .pace import hand_pace
from .presets import anchor_grid, approach, arc, bounce, circle, hold, pan, recede, shake, spin, straight, sway, zoom
from .scene import Scene
from .trajectory import EASINGS, Trajectory

__all__ = [
    "EASINGS",
    "MAX_ENTITIES",
    "Entity",
    "Kind",
    "MaskReport",
    "Scene",
    "Trajectory",
    "anchor_grid",
    "approach",
    "arc",
    "bounce",
    "circle",
    "clean_mask",
    "describe_mask",
    "fit_similarity",
    "hand_pace",
    "hold",
    "latent_mask",
    "paint",
    "pan",
    "recede",
    "shake",
    "spin",
    "straight",
    "sway",
    "zoom",
]
