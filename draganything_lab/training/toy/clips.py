"""Batches of Toyland clips for the video stages: few frames of each, with the control that asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...control.build import build_control
from ...scene.masks import latent_mask
from ...scene.scene import Scene
from ...toyland import ToyClip, sample_clip
from ...toyland.sampler import Style
from .networks import ENTITY_CHANNELS, NUM_FRAMES, PICTURE

MOST_ENTITIES = 12
MOST_CLIPS = 1000  # seeds set aside for each batch


@dataclass(frozen=True)
class ClipSize:
    """How large a training clip is.

    Attributes:
        picture: Side of the square picture in pixels.
        length: Frames of the clip that is drawn.
        frames: Frames of it that are trained on, the first among them.
    """

    picture: int = PICTURE
    length: int = NUM_FRAMES
    frames: int = 4


def share_out(number: int, batch: int, size: ClipSize) -> tuple[int, ClipSize]:
    """Batch and clip size of a batch: two of three are few frames of many clips, one is whole clips, so that the
    temporal layers see every position they will be asked for. Both have about as many frames in all."""
    if number // 2 % 3:  # neighbours go to processes of the same step
        return batch, size
    return max(1, -(-batch * size.frames // size.length)), replace(size, frames=size.length)


def pick_frames(rng: np.random.Generator, size: ClipSize) -> np.ndarray:
    """Frame 0 and others in order: any of the clip, or a run of neighbours, half of the time each."""
    count = size.frames - 1
    if rng.random() < 0.5:
        rest = 1 + np.sort(rng.choice(size.length - 1, count, replace=False))
    else:
        rest = np.arange(count) + int(rng.integers(1, size.length - count + 1))
    return np.concatenate([[0], rest])


def draw_life(number: int, batch: int, size: ClipSize) -> dict[str, Any]:
    """Clips without control: six of ten live by themselves, the others are dragged with nobody saying so.

    Returns:
        video (B, F, H, W, 3) uint8; things, moved (B, F, H, W) bool: where things, and where those that move are seen.
    """
    out: dict[str, list[np.ndarray]] = {"video": [], "things": [], "moved": []}
    for index in range(batch):
        seed = number * MOST_CLIPS + index
        style: Style = "life" if seed % 10 < 6 else "drag"
        clip = sample_clip(seed, (size.picture, size.picture), size.length, style=style)
        frames = pick_frames(np.random.default_rng((seed, 2)), size)
        out["video"].append(clip.video[frames])
        out["things"].append(clip.labels[frames] > 0)
        out["moved"].append(moving(clip)[clip.labels[frames]])
    return {k: torch.from_numpy(np.stack(v)) for k, v in out.items()}


def moving(clip: ToyClip) -> np.ndarray:
    """(N + 1,) bool by label: which things do not stay where they are; never the backdrop."""
    return np.array([False, *(not np.allclose(matrix, matrix[0]) for matrix in clip.motion_matrices[1:])])


def usable_clip(seed: int, size: ClipSize) -> tuple[ToyClip, Scene]:
    """The next clip from `seed` on whose controlled entities all survive at latent size.

    Two of three are dragged by any pixel of theirs: where a thing's middle lies differs with the size it is drawn at.
    """
    for attempt in range(50):
        clip = sample_clip(seed + attempt * 20_000_000, (size.picture, size.picture), size.length)
        scene = clip.scene(start_seed=None if seed % 3 == 0 else seed)
        cells = (size.picture // 8, size.picture // 8)
        if scene.controlled and all(latent_mask(entity.mask, cells).any() for entity in scene.controlled):
            return clip, scene
    raise RuntimeError(f"no usable clip near seed {seed}")


def representation_rows(first: int, count: int) -> list[slice]:
    """Which clips of a batch have each of `count` representations, in turn, where its first clip has the `first`."""
    return [slice((index - first) % count, None, count) for index in range(count)]


def draw_controlled(number: int, batch: int, size: ClipSize, representations: tuple[str, ...]) -> dict[str, Any]:
    """Clips with control, the representations in turn, so that each sees as many clips as the others.

    Returns:
        video (B, F, H, W, 3) uint8; image (B, F, 3, H, W) float16; labels (B, F, H, W) uint8, zero where the
        representation has no entity map; cells (B, E, h * w) float32, the entities' masks at latent size, each summing
        to one (or zero where there is no such entity); moved (B, F, H, W) bool, the paper's M: where things are that
        move; first, with which `representation_rows` tells which clips have which representation.
    """
    out: dict[str, list[np.ndarray]] = {k: [] for k in ("video", "image", "labels", "cells", "moved")}
    cells_of = (size.picture // 8, size.picture // 8)
    first = 0 if batch % len(representations) == 0 else number % len(representations)  # each gets its share
    for index in range(batch):
        seed = number * MOST_CLIPS + index
        clip, scene = usable_clip(seed, size)
        frames = pick_frames(np.random.default_rng((seed, 2)), size)
        representation = representations[(first + index) % len(representations)]
        count = len(scene.controlled)
        blank = np.zeros((count, ENTITY_CHANNELS), np.float32)
        control = build_control(scene, size.length, representation=representation, vectors=blank)
        cells = np.zeros((MOST_ENTITIES, cells_of[0] * cells_of[1]), np.float32)
        for row, entity in enumerate(scene.controlled):
            mask = latent_mask(entity.mask, cells_of).ravel()
            cells[row] = mask / mask.sum()
        out["video"].append(clip.video[frames])
        out["image"].append(control.image()[frames].transpose(0, 3, 1, 2).astype(np.float16))
        out["labels"].append(control.labels[frames] * np.uint8("entity" in representation))
        out["cells"].append(cells)
        out["moved"].append(moving(clip)[clip.labels[frames]])
    return {k: torch.from_numpy(np.stack(v)) for k, v in out.items()} | {"first": first}
