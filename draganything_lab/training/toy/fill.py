"""Stage 7, the network that fills holes: what lies behind some things of a drawn world is known exactly.

It needs neither latents nor the sampler, so it is trained on new pictures at every step, on a CPU, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...media.filling import fill_holes, widened
from ...models import HoleFiller
from ..engine.quick import mixed
from ..engine.stage import Stage
from .clips import MOST_CLIPS, any_world, roughly
from .networks import PICTURE
from .vae import LEAST_PIXELS, MOST_DECIBELS, decibels, to_range

CHANCE = 0.6  # that a thing has left
LARGER = 1.5  # every third batch is of pictures so many times as large


class FillStage(Stage):
    """Holes that things leave, filled like the world without these things.

    Args:
        picture: Side of the pictures in pixels.
        worlds: Some of `clips.WORLDS`.
        batch: Pictures of a step and process.
    """

    name = "fill"
    rate = 1e-3

    def __init__(self, picture: int = PICTURE, worlds: tuple[str, ...] = ("toyland",), batch: int = 16) -> None:
        self.picture, self.worlds, self.batch = picture, worlds, batch
        self.filler = HoleFiller()

    def trained(self) -> nn.Module:
        return self.filler

    def draw(self, number: int) -> dict[str, Any]:
        """Pictures whose holes are filled simply, and as they should be (N, H, W, 3), and holes (N, H, W), uint8."""
        side, batch = self.picture, self.batch
        if number // 2 % 3 == 0:  # neighbours go to processes of the same step
            side, batch = round(side * LARGER / 16) * 16, max(1, round(batch / LARGER**2))
        parts: list[tuple[np.ndarray, ...]] = []
        seed = number * MOST_CLIPS
        while len(parts) < batch:
            if (part := self._picture(seed, side)) is not None:
                parts.append(part)
            seed += 1
        names = ("filled", "wanted", "holes")
        return {
            name: torch.from_numpy(np.stack(part)) for name, part in zip(names, zip(*parts, strict=True), strict=True)
        }

    def _picture(self, seed: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        rng = np.random.default_rng((seed, 6))
        world = any_world(seed, (side, side), 1, self.worlds)
        leaves = rng.random(len(world.things)) < CHANCE
        leaves[rng.integers(len(leaves))] = True
        clip = world.render()
        rest = tuple(thing for thing, gone in zip(world.things, leaves, strict=True) if not gone)
        # A mask that is a pixel too small leaves a rim of its thing; `widened` covers it.
        holes = roughly(np.isin(clip.labels[0], 1 + np.flatnonzero(leaves)), rng)
        if holes.sum() < LEAST_PIXELS or holes.all():
            return None
        behind = replace(world, things=rest).render().video[0]
        return fill_holes(clip.video[0], holes), behind, widened(holes)

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        filled, wanted = (to_range(batch[name]) for name in ("filled", "wanted"))
        holes = batch["holes"][:, None].float()
        with mixed(filled.device.type):
            change = self.filler(filled, holes)
        errors = [(one - wanted) / 2 for one in (filled + change, filled)]  # of pictures in 0..1
        psnr, before = (decibels(one.square().mean(1), holes[:, 0] > 0) for one in errors)
        # Decibels alone would give the hard ones up; the absolute error is for those.
        share = (holes * errors[0].abs()).sum((1, 2, 3)) / (3 * holes.sum((1, 2, 3)))
        loss = 4 * share.mean() + (MOST_DECIBELS - psnr) / 10
        return {"loss": loss, "psnr": psnr.detach(), "gain": (psnr - before).detach()}
