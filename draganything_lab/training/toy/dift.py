"""Stage 2, the diffusion features: a small UNet that removes noise from the latents of single pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from ...toyland import sample_clip
from ..engine.quick import frozen_type
from ..engine.stage import Stage
from .networks import LATENT_CHANNELS, PICTURE
from .vae import to_range

PROMPT_CHANNELS = 32


class Denoiser(nn.Module):
    """The UNet and its null prompt, trained together."""

    def __init__(self, latents: int = LATENT_CHANNELS, widths: tuple[int, ...] = (64, 128)) -> None:
        super().__init__()
        self.unet: Any = UNet2DConditionModel(
            sample_size=PICTURE // 8,
            in_channels=latents,
            out_channels=latents,
            block_out_channels=widths,
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",) * len(widths),
            up_block_types=("CrossAttnUpBlock2D",) * len(widths),
            cross_attention_dim=PROMPT_CHANNELS,
            attention_head_dim=8,
        )
        self.null_prompt = nn.Parameter(0.1 * torch.randn(1, 1, PROMPT_CHANNELS))


def build_scheduler() -> Any:
    """Stable Diffusion's own noise schedule."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
    )


class DiftStage(Stage):
    """Predict the noise on latents of Toyland pictures, as Stable Diffusion was trained."""

    name = "dift"
    rate = 1e-3

    def __init__(self, vae: Any, batch: int = 12, picture: int = PICTURE) -> None:
        self.vae, self.batch, self.picture = vae.eval().requires_grad_(False), batch, picture
        self.net, self.scheduler = Denoiser(), build_scheduler()

    def trained(self) -> nn.Module:
        return self.net

    def to(self, device: str) -> None:
        self.net.to(device)
        self.vae.to(device, frozen_type(device))

    def draw(self, number: int) -> dict[str, Any]:
        clips = [sample_clip(number * self.batch + i, (self.picture, self.picture), 1) for i in range(self.batch)]
        return {"pictures": torch.from_numpy(np.stack([clip.video[0] for clip in clips]))}

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        pictures = to_range(batch["pictures"])
        device = pictures.device
        with torch.autocast(device.type, torch.bfloat16):
            with torch.no_grad():
                latents = self.vae.encode(pictures).latent_dist.mean.float()
            noise = torch.randn(latents.shape, generator=generator, device=device)
            level = torch.randint(0, 1000, (len(latents),), generator=generator, device=device)
            noisy = self.scheduler.add_noise(latents, noise, level)
            prompt = self.net.null_prompt.expand(len(latents), -1, -1)
            got = self.net.unet(noisy, level, encoder_hidden_states=prompt).sample
        return {"loss": F.mse_loss(got.float(), noise)}
