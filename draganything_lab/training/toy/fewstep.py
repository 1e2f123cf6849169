"""Stage 5: the video UNet and ControlNet once more, at the few noise levels at which the sampler asks them.

Stage 4 trains at every noise level, SVD's way. But `toy` is sampled in two steps: the first sees nothing but noise and
decides what goes where, the second sees what the first has made, which is softer than any true video with noise on it.
Here each pass gets what it will get: the first noise alone, the others what the pass before has made, as Euler's steps
hand it on. Every pass is compared with the truth; no gradient goes back through the passes before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..engine import edm
from ..engine.quick import mixed
from .networks import SIGMA_MAX, SIGMA_MIN
from .vae import to_range
from .video import SIGMA_MEAN, SIGMA_SPREAD, ControlStage, masked_error, random_ids

LEVELS = (SIGMA_MAX, SIGMA_MIN)  # of the sampler's steps, highest first
ANY_LEVEL = 0.15  # share of clips whose first pass is at a level drawn as in stage 4, so that more steps still work
NO_CONTROL = 0.05  # share of clips without control


class FewStepStage(ControlStage):
    """All representations on the same trunk, data, steps and seeds, as in the control stage it goes on from."""

    name = "fewstep"
    rate = 3e-4

    def fresh(self) -> None:
        """Nothing: its networks are those of the control stage."""

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        with mixed(batch["video"].device.type):
            truth = self.encode(batch)  # (B, F, C, h, w)
            embedding = self.embed(batch, self.tables(batch, truth[:, 0], generator))
            made = self.passes(batch, truth, embedding, generator)
        losses = [masked_error(one, truth, batch["moved"], self.outside) for one in made]
        named = {f"pass {number}": loss for number, loss in enumerate(losses, start=1)}
        return {"loss": torch.stack(losses).sum()} | named

    def passes(
        self, batch: dict[str, Any], truth: Tensor, embedding: Tensor, generator: torch.Generator
    ) -> list[Tensor]:
        """The clean latents as every pass predicts them, (B, F, C, h, w) each.

        Args:
            batch: As drawn.
            truth: (B, F, C, h, w) true latents; what the control asks for is seen, they are not, but for the share
                `ANY_LEVEL`.
            embedding: (B, F, C', h, w) from `embed`.
            generator: Generator of everything random.
        """
        count, frames, device = *truth.shape[:2], truth.device

        def random(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=device)

        def uniform() -> Tensor:
            return torch.rand(count, generator=generator, device=device)

        context = self.net.context(to_range(batch["video"][:, 0]))
        first = truth[:, 0] + 0.02 * random(*truth[:, 0].shape)
        picture = first[:, None].expand(-1, frames, -1, -1, -1)
        ids = random_ids(count, generator, device)
        met = self.whole.controlnet.meet_picture(embedding, first)  # the same at both levels
        keep = (uniform() >= NO_CONTROL).float().repeat_interleave(frames)[:, None, None, None]

        def predict(noisy: Tensor, sigma: Tensor) -> Tensor:
            sample = torch.cat([edm.scaled(noisy, sigma), picture], dim=2)
            timestep = edm.timestep(sigma)
            down, mid = self.whole.controlnet(sample, timestep, context, ids, control_embedding=met)
            velocity = self.net.unet(
                sample,
                timestep,
                context,
                ids,
                return_dict=False,
                down_block_additional_residuals=[keep.to(mid.dtype) * residual for residual in down],
                mid_block_additional_residual=keep.to(mid.dtype) * mid,
            )[0]
            return edm.denoised(noisy, velocity.float(), sigma)

        drawn = (SIGMA_MEAN + SIGMA_SPREAD * random(count)).exp().clamp(LEVELS[-1], LEVELS[0])
        anywhere = uniform() < ANY_LEVEL
        sigma = torch.where(anywhere, drawn, LEVELS[0])
        noise = random(*truth.shape)
        wide, loose = edm.wide(sigma), anywhere[:, None, None, None, None]
        # The sampler's first latents hold nothing of the video, only noise of its starting scale.
        noisy = torch.where(loose, truth + wide * noise, (LEVELS[0] ** 2 + 1) ** 0.5 * noise)
        made = [predict(noisy, sigma)]
        for level in LEVELS[1:]:
            clean = made[-1].detach()
            noisy = clean + level / edm.wide(sigma) * (noisy - clean)  # Euler's step
            sigma = torch.full_like(sigma, level)
            made.append(predict(noisy, sigma))
        return made
