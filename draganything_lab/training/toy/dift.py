"""Stage 2, the diffusion features: a small UNet that removes noise from the latents of single pictures.

Noise alone teaches it places and backdrops as much as things. So each picture is drawn twice, its things elsewhere over
another backdrop, and beside the noise a second loss asks that the pooled features of a thing agree in both pictures and
differ from those of other things.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from ..engine.quick import frozen_type, mixed, quicken
from ..engine.stage import Stage
from .again import draw_again, same_things, telling_apart
from .networks import ENTITY_CHANNELS, ENTITY_LAYER, ENTITY_TIMESTEP, LATENT_CHANNELS, PICTURE
from .vae import to_range

PROMPT_CHANNELS = 32
AGAIN = 0.1  # weight of the second loss: small, so that the network stays one that removes noise
START = 700_000_000  # number of the first pictures by which the projection starts; no training comes to it
START_PICTURES = 480


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
        self.projection = nn.Linear(widths[0], ENTITY_CHANNELS, bias=False)
        nn.init.eye_(self.projection.weight)


def build_scheduler() -> Any:
    """Stable Diffusion's own noise schedule."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
    )


class DiftStage(Stage):
    """Predict the noise on latents of Toyland pictures, as Stable Diffusion was trained, and know things again."""

    name = "dift"
    rate = 1e-3

    def __init__(
        self, vae: Any, batch: int = 12, picture: int = PICTURE, worlds: tuple[str, ...] = ("toyland",)
    ) -> None:
        self.vae, self.batch, self.picture = vae.eval().requires_grad_(False), batch, picture
        self.worlds = worlds
        self.net, self.scheduler = Denoiser(), build_scheduler()

    def trained(self) -> nn.Module:
        return self.net

    def to(self, device: str) -> None:
        quicken(device, self.net.to(device), self.vae.to(device, frozen_type(device)))

    def draw(self, number: int) -> dict[str, Any]:
        return draw_again(number, self.batch, self.picture, self.worlds)

    @torch.no_grad()
    def grown(self, missing: list[str]) -> None:
        """Weights that have no projection yet get one that tells the things of some hundred pictures apart."""
        if not any(name.startswith("projection") for name in missing):
            return
        device, found = next(self.net.parameters()).device, []
        for number in range(-(-START_PICTURES // self.batch)):
            batch = {key: value.to(device) for key, value in self.draw(START // self.batch + number).items()}
            noisy, level, _ = self.noisy(self.encode(batch), torch.Generator(device).manual_seed(number), 0)
            vectors, seen = self.vectors(batch, self.listen(noisy, level)[1])
            found.append(vectors[:, seen.all(0)].cpu())
        matrix = telling_apart(*torch.cat(found, dim=1))
        self.net.projection.weight.copy_(matrix[-ENTITY_CHANNELS:])  # the directions that say most come last

    def encode(self, batch: dict[str, Tensor]) -> Tensor:
        """The pictures' latents (2 B, C, h, w) float32."""
        with torch.no_grad():
            pictures = to_range(batch["pictures"]).to(self.vae.dtype)
            return self.vae.encode(pictures).latent_dist.mean.float()

    def noisy(self, latents: Tensor, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Noise any amount onto the first `count` latents, and onto all the amount at which features are read.

        Returns:
            Noisy latents (count + 2 B, C, h, w), their levels (count + 2 B,), and the noise.
        """
        latents = torch.cat([latents[:count], latents])
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        level = torch.randint(0, 1000, (len(latents),), generator=generator, device=latents.device)
        level[count:] = ENTITY_TIMESTEP
        return self.scheduler.add_noise(latents, noise, level), level, noise

    def listen(self, noisy: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """The predicted noise, and the features (N, C, h, w) on the way to it."""
        heard: list[Tensor] = []
        layer = self.net.unet.up_blocks[-1].resnets[ENTITY_LAYER]
        hook = layer.register_forward_hook(lambda block, given, got: heard.append(got))
        prompt = self.net.null_prompt.expand(len(noisy), -1, -1)
        got = self.net.unet(noisy, level, encoder_hidden_states=prompt).sample
        hook.remove()
        return got.float(), heard[0].float()

    def vectors(self, batch: dict[str, Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
        """Pool features (2 B, C, h, w): (2, N, C) for the things in their two pictures, and (2, N) whether seen."""
        pooled = torch.einsum("neh,nch->nec", batch["cells"], features.flatten(2))
        seen = batch["cells"].any(2)
        return pooled.unflatten(0, (2, -1)).flatten(1, 2), seen.unflatten(0, (2, -1)).flatten(1)

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        count = len(batch["who"])
        with mixed(batch["pictures"].device):
            noisy, level, noise = self.noisy(self.encode(batch), generator, count)
            got, features = self.listen(noisy, level)
        denoise = F.mse_loss(got[:count], noise[:count])
        pooled, seen = self.vectors(batch, features[count:])
        first, second = F.linear(pooled, self.net.projection.weight.float())  # on a GPU it is a copy in half precision
        again, found = same_things(first, second, batch["who"].flatten(), seen)
        return {"loss": denoise + AGAIN * again, "noise": denoise, "again": again, "found": found}
