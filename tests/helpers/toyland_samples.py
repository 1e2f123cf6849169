"""A small source of training samples, drawn from Toyland: as a folder of clips gives them, without the folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from draganything_lab.control.build import build_control
from draganything_lab.control.representations import shows_vectors
from draganything_lab.training.toy.clips import ClipSize, moving, usable_clip

MOST = 16


@dataclass(frozen=True)
class ToylandSamples:
    """Clips of Toyland with the control that asks for what happens in them."""

    size: tuple[int, int] = (64, 64)
    frames: int = 4
    channels: int = 6
    representation: str = "entity+gaussian"
    clips: int = 6
    seed: int = 0

    def __len__(self) -> int:
        return self.clips

    def fingerprint(self) -> str:
        return f"{self}"

    def draw(self, number: int) -> dict[str, Tensor]:
        epoch, place = divmod(number, self.clips)
        order = np.random.default_rng((self.seed, epoch)).permutation(self.clips)
        sample = _clip(self, int(order[place]))
        return {name: value.clone() for name, value in sample.items()}


@lru_cache(maxsize=64)
def _clip(source: ToylandSamples, index: int) -> dict[str, Tensor]:
    clip, scene = usable_clip(1000 * index, ClipSize(source.size[0], source.frames, source.frames))
    rng = np.random.default_rng(index)
    vectors = np.zeros((MOST + 1, source.channels), np.float32)
    count = len(scene.controlled)
    vectors[1 : count + 1] = rng.normal(size=(count, source.channels))
    control = build_control(
        scene, source.frames, representation=source.representation, vectors=vectors[1 : count + 1], size=source.size
    )
    labels = control.labels if shows_vectors(source.representation) else np.zeros_like(control.labels)
    sample = {
        "video": clip.video.transpose(0, 3, 1, 2),
        "image": control.image().transpose(0, 3, 1, 2).astype(np.float16),
        "labels": labels,
        "vectors": vectors,
        "moved": moving(clip)[clip.labels],
    }
    ways = control.ways(8)
    if ways is not None:
        sample["ways"] = ways.astype(np.float16)
    return {name: torch.from_numpy(np.array(value)) for name, value in sample.items()}
