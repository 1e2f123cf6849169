"""Stages 3 and 4: the video UNet without control, then the ControlNet with its five representations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...control.representations import shows_vectors
from ...models.controlnet import WAYS
from ...models.dift import DiffusionFeatures
from ...pipeline.sampling import CLIP_MEAN, CLIP_STD, encoder_pixels
from ..engine import edm
from ..engine.quick import frozen_type, mixed, quicken
from ..engine.stage import Stage
from .clips import ClipSize, draw_controlled, draw_life, representation_rows, share_out
from .dift import Denoiser, build_scheduler
from .first_layers import level_places, whiten, whitening
from .networks import ENTITY_LAYER, ENTITY_TIMESTEP, PICTURE, build_controlnet, build_image_encoder, build_unet
from .vae import to_range

SIGMA_MEAN, SIGMA_SPREAD = 1.0, 1.3  # of the logarithm of the noise
DRAWS = 2  # noises for each clip: a clip costs as much to prepare as to learn from
NO_CONTROL = 0.1  # share of the samples that the control stage trains without control, so that the UNet still can
START = 1_900_000  # number of the clips by which the first layers are scaled; no training comes to it
NO_PICTURE = 0.05  # share of clips that are trained without their picture, so that guidance has a half to lean on


class Animator(nn.Module):
    """The video UNet and the image encoder, trained together."""

    def __init__(self, picture: int = PICTURE) -> None:
        super().__init__()
        self.unet: Any = build_unet(picture)
        self.image_encoder: Any = build_image_encoder()

    def context(self, first: Tensor) -> Tensor:
        """The image encoder's (B, 1, D) of first frames (B, 3, H, W) in -1..1."""
        pixels = encoder_pixels(first / 2 + 0.5, self.image_encoder.config.image_size, (CLIP_MEAN, CLIP_STD))
        return self.image_encoder(pixels).image_embeds[:, None]


def masked_error(got: Tensor, wanted: Tensor, moved: Tensor, outside: float) -> Tensor:
    """The paper's loss: squared error where things move, and `outside` times as much elsewhere.

    Args:
        got, wanted: (B, F, C, h, w).
        moved: (B, F, H, W) bool at picture size: where things are seen that do not stay in their place.
        outside: 0 is the paper's equation, 1 the plain loss.
    """
    error = (got.float() - wanted).square().mean(2)  # (B, F, h, w)
    mask = edm.at_latent_size(moved, (error.shape[-2], error.shape[-1]))
    weight = outside + (1 - outside) * mask
    return (weight * error).sum() / weight.sum().clamp(min=1)


def random_ids(count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Added time ids (count, 3): frames per second less one, motion bucket, noise strength.

    They say nothing about these clips; random, so that the UNet ignores them.
    """
    drawn = [torch.rand(count, generator=generator, device=device) for _ in range(3)]
    return torch.stack([3 + 9 * drawn[0], 255 * drawn[1], 0.05 * drawn[2]], dim=1)


class UnetStage(Stage):
    """Image to video without control, as SVD: noise level by a lognormal, v-prediction, EDM weighting."""

    name = "unet"
    rate = 1e-3
    outside = 0.3

    def __init__(self, vae: Any, batch: int = 5, size: ClipSize | None = None) -> None:
        self.vae, self.batch, self.size = vae.eval().requires_grad_(False), batch, size or ClipSize()
        self.net = Animator(self.size.picture)

    def trained(self) -> nn.Module:
        return self.net

    def to(self, device: str) -> None:
        quicken(device, self.net.to(device), self.vae.to(device, frozen_type(device)))

    def draw(self, number: int) -> dict[str, Any]:
        return draw_life(number, *share_out(number, self.batch, self.size))

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        with mixed(batch["video"].device.type):
            return {"loss": self.denoise(batch, self.encode(batch), generator)}

    @torch.no_grad()
    def encode(self, batch: dict[str, Any]) -> Tensor:
        """The clips' latents (B, F, C, h, w) float32."""
        video = to_range(batch["video"])
        if video.shape[-1] > self.size.picture:
            small = nn.functional.avg_pool2d(video.flatten(0, 1), video.shape[-1] // self.size.picture)
            video = small.unflatten(0, video.shape[:2])
        return self.vae.encode(video.flatten(0, 1)).latent_dist.mean.float().unflatten(0, video.shape[:2])

    def denoise(
        self, batch: dict[str, Any], latents: Tensor, generator: torch.Generator, control: Any = None
    ) -> Tensor:
        """Noise every clip's latents `DRAWS` times, predict, compare.

        Args:
            batch: As drawn.
            latents: (B, F, C, h, w).
            generator: Generator of noise and noise levels.
            control: `control(sample, timestep, context, ids)` gives residuals, clips in their order `DRAWS` times over.
        """
        device, frames = latents.device, latents.shape[1]
        count = DRAWS * len(latents)
        context = self.net.context(to_range(batch["video"][:, 0])).repeat(DRAWS, 1, 1)
        latents, moved = latents.repeat(DRAWS, 1, 1, 1, 1), batch["moved"].repeat(DRAWS, 1, 1, 1)

        def random(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=device)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=device)

        keep = (uniform(count) >= NO_PICTURE).float()
        first = latents[:, 0] + 0.02 * random(*latents[:, 0].shape)
        image_latents = (keep[:, None, None, None] * first)[:, None].expand(-1, frames, -1, -1, -1)
        context = keep[:, None, None] * context
        sigma = (SIGMA_MEAN + SIGMA_SPREAD * random(count)).exp()
        noisy = latents + edm.wide(sigma) * random(*latents.shape)
        sample = torch.cat([edm.scaled(noisy, sigma), image_latents], dim=2)
        ids = random_ids(count, generator, device)
        timestep = edm.timestep(sigma)
        residuals = {} if control is None else control(sample, timestep, context, ids)
        got = self.net.unet(sample, timestep, context, ids, return_dict=False, **residuals)[0]
        return masked_error(got, edm.velocity(noisy, latents, sigma), moved, self.outside)


class Controlled(nn.Module):
    """The video UNet with one ControlNet trunk and an embedding for each representation."""

    def __init__(self, animator: Animator, representations: tuple[str, ...], train_unet: bool) -> None:
        super().__init__()
        self.animator = animator.requires_grad_(train_unet)
        self.controlnet = build_controlnet(animator.unet)
        made = [self.controlnet.controlnet_cond_embedding]
        made += [build_controlnet(animator.unet).controlnet_cond_embedding for _ in representations[1:]]
        for other in made[1:]:  # all start alike
            other.load_state_dict(made[0].state_dict())
        self.embeddings = nn.ModuleList(made[1:])

    def embedding(self, index: int) -> Any:
        """The embedding of a representation; the first is the ControlNet's own."""
        return self.controlnet.controlnet_cond_embedding if index == 0 else self.embeddings[index - 1]


class ControlStage(UnetStage):
    """The ControlNet on the video UNet, all representations on the same trunk, data, steps and seeds."""

    name = "control"
    rate = 1e-3

    def __init__(
        self,
        vae: Any,
        animator: Animator,
        denoiser: Denoiser,
        batch: int = 5,
        size: ClipSize | None = None,
        representations: tuple[str, ...] = ("entity+gaussian",),
        train_unet: bool = True,
    ) -> None:
        super().__init__(vae, batch, size)
        self.representations = representations
        self.net = animator
        self.whole = Controlled(animator, representations, train_unet)
        self.denoiser = denoiser.eval().requires_grad_(False)
        self.features = DiffusionFeatures(
            denoiser.unet,
            vae,
            build_scheduler(),
            denoiser.null_prompt,
            timestep=ENTITY_TIMESTEP,
            up_layer=ENTITY_LAYER,
            projection=denoiser.projection.weight,
        )
        if not train_unet:
            self.name = "control-frozen"

    def trained(self) -> nn.Module:
        return self.whole

    def to(self, device: str) -> None:
        self.features.to(device, frozen_type(device))  # its VAE is the stage's
        quicken(device, self.whole.to(device), self.vae, self.features.unet)

    @torch.no_grad()
    def fresh(self) -> None:
        clips = draw_controlled(START, 60, replace(self.size, frames=2), self.representations)
        device = next(self.whole.parameters()).device
        clips = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in clips.items()}
        tables = self.tables(clips, self.encode(clips)[:, 0], torch.Generator(device).manual_seed(0)).float()
        matrix = whitening(tables.flatten(0, 1))
        for index in range(len(self.representations)):
            whiten(self.whole.embedding(index), matrix)
        places = self.embed(clips, tables)[:, :, self.whole.controlnet.conv_in.out_channels : -WAYS]
        for index, rows in enumerate(representation_rows(clips["first"], self.representations)):
            level_places(self.whole.embedding(index), places[rows])

    def go_on_from(self, path: Path) -> None:
        """Load the networks of an earlier stage's checkpoint, whatever representations it had."""
        kept = torch.load(path, map_location="cpu", weights_only=True)["average"]
        kept = {name.removeprefix("whole."): value for name, value in kept.items()}
        self.grown(self.whole.load_state_dict(kept, strict=False).missing_keys)

    def grown(self, missing: list[str]) -> None:
        for index in range(1, len(self.representations)):
            if any(name.startswith(f"embeddings.{index - 1}.") for name in missing):
                self.whole.embedding(index).load_state_dict(self.whole.embedding(0).state_dict())

    def draw(self, number: int) -> dict[str, Any]:
        return draw_controlled(number, *share_out(number, self.batch, self.size), self.representations)

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        with mixed(batch["video"].device.type):
            latents = self.encode(batch)
            embedding = self.embed(batch, self.tables(batch, latents[:, 0], generator)).repeat(DRAWS, 1, 1, 1, 1)

            def control(sample: Tensor, timestep: Tensor, context: Tensor, ids: Tensor) -> dict[str, Any]:
                down, mid = self.whole.controlnet(sample, timestep, context, ids, control_embedding=embedding)
                chance = torch.rand(len(sample), generator=generator, device=sample.device)
                keep = (chance >= NO_CONTROL).to(mid.dtype).repeat_interleave(sample.shape[1])[:, None, None, None]
                down, mid = [keep * residual for residual in down], keep * mid
                return {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}

            return {"loss": self.denoise(batch, latents, generator, control)}

    def embed(self, batch: dict[str, Any], tables: Tensor) -> Tensor:
        """The control embedding (B, F, C, h, w), each clip through its representation's own towers.

        Args:
            batch: As drawn.
            tables: (B, E + 1, C), what `tables` returned.
        """
        out: Tensor | None = None
        for index, rows in enumerate(representation_rows(batch["first"], self.representations)):
            image = batch["image"][rows].float() / 255
            if not len(image):
                continue
            maps = None
            if shows_vectors(self.representations[index]):
                labels = batch["labels"][rows].long()  # (b, F, H, W)
                clips = torch.arange(len(labels), device=labels.device)[:, None, None, None]
                maps = tables[rows][clips, labels].movedim(-1, 2).flatten(0, 1)  # (b * F, C, H, W)
            part = self.whole.embedding(index)(image.flatten(0, 1), maps).unflatten(0, image.shape[:2])
            if out is None:
                out = part.new_empty(len(batch["image"]), *part.shape[1:])
            out[rows] = part
        assert out is not None
        return torch.cat([out, batch["ways"].to(out.dtype)], dim=2)

    @torch.no_grad()
    def tables(self, batch: dict[str, Any], latents: Tensor, generator: torch.Generator) -> Tensor:
        """Each clip's entity vectors (B, E + 1, C), row 0 zeros: features of one noise draw, pooled.

        Args:
            batch: As drawn.
            latents: (B, C, h, w) of the clips' first frames.
            generator: Generator of the noise.
        """
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        level = torch.full((1,), self.features.timestep, device=latents.device)
        noisy = self.features.scheduler.add_noise(latents, noise, level)
        found = self.features._listen(noisy, level, self.features.up_block).float().flatten(2)  # (B, C, h * w)
        vectors = torch.einsum("beh,bch->bec", batch["cells"].to(found), found)
        return torch.cat([torch.zeros_like(vectors[:, :1]), vectors], dim=1)
