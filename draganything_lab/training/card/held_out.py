"""Held-out clips: those that no training sees, with scenes that can be generated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...scene.masks import latent_mask
from ...scene.scene import Scene
from ...toyland import ToyClip, sample_clip, sample_scrapbook

HELD_OUT = 900_000_000  # seeds from here on are never trained on: training counts up from 0


def held_out(
    count: int, size: int, num_frames: int, first: int = HELD_OUT, scrapbook: Any = None
) -> Iterable[tuple[int, ToyClip, Scene]]:
    """Held-out clips whose scenes can be generated: (seed, clip, scene); of Toyland, or of a kind of Scrapbook's.

    The scenes ask for paths alone: `measure_asked` compares with what turn and size add.
    """
    made, seed = 0, first
    while made < count:
        if scrapbook is None:
            clip = sample_clip(seed, (size, size), num_frames)
        else:
            clip = sample_scrapbook(seed, (size, size), num_frames, held_out=True, kind=scrapbook)
        scene = clip.scene(poses=False)
        cells = (size // 8, size // 8)
        if scene.controlled and all(latent_mask(entity.mask, cells).any() for entity in scene.controlled):
            made += 1
            yield seed, clip, scene
        seed += 1
