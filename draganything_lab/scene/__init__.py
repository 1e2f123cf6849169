"""What should move, and where to: a picture, the entities in it, and their trajectories."""

from .camera import fit_similarity
from .entity import MAX_ENTITIES, Entity, Kind
from .masks import MaskReport, clean_mask, describe_mask, latent_mask, paint
from .scene import Scene
from .trajectory import EASINGS, Trajectory, anchor_grid, arc, circle, hold, pan, shake, straight, zoom

__all__ = [
    "EASINGS",
    "MAX_ENTITIES",
    "Entity",
    "Kind",
    "MaskReport",
    "Scene",
    "Trajectory",
    "anchor_grid",
    "arc",
    "circle",
    "clean_mask",
    "describe_mask",
    "fit_similarity",
    "hold",
    "latent_mask",
    "paint",
    "pan",
    "shake",
    "straight",
    "zoom",
]
