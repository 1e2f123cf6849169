"""Toyland: a procedurally drawn world in which every mask, trajectory and pixel motion is known exactly."""

from .artwork import Artwork
from .gallery import gallery, named_scene
from .kinds import KINDS
from .sampler import sample_clip, sample_world
from .scrapbook import sample_scrapbook
from .world import Thing, ToyClip, World

__all__ = [
    "KINDS",
    "Artwork",
    "Thing",
    "ToyClip",
    "World",
    "gallery",
    "named_scene",
    "sample_clip",
    "sample_scrapbook",
    "sample_world",
]
