"""Toyland: a procedurally drawn world in which every mask, trajectory and pixel motion is known exactly."""

from .gallery import gallery, named_scene
from .kinds import KINDS
from .sampler import sample_clip, sample_world
from .world import Thing, ToyClip, World

__all__ = ["KINDS", "Thing", "ToyClip", "World", "gallery", "named_scene", "sample_clip", "sample_world"]
