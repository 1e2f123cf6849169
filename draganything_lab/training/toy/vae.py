"""Stage 1, the video VAE: SVD's own class at a small size, trained on pictures of Toyland."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLTemporalDecoder
from diffusers.models.resnet import SpatioTemporalResBlock
from torch import Tensor, nn

from ...toyland import sample_clip
from ..engine.loop import load_average
from ..engine.quick import mixed
from ..engine.stage import Stage
from .clips import ClipSize, any_world, draw_life
from .networks import LATENT_CHANNELS, PICTURE

WIDTHS = (64, 64, 64, 128)
FACTOR = 8
GUIDED = 2000  # batches
EQUAL = 0.25  # weight of the loss at half the size
LEAST_PIXELS, MOST_DECIBELS = 12, 50.0  # of a mask whose PSNR counts, and of a PSNR beyond which nothing is gained
JITTER = 0.05  # noise on latents in training, so that the decoder forgives what the sampler leaves


def build_vae(widths: tuple[int, ...] = WIDTHS, latents: int = LATENT_CHANNELS) -> Any:
    """A small `AutoencoderKLTemporalDecoder` of factor 8 whose temporal layers begin as identities.

    The class normalises in 32 groups: with 32 channels at full size each would be a group of its own and the picture's
    colours would be lost in the last normalisation, so the first width is 64.
    """
    vae: Any = AutoencoderKLTemporalDecoder(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        layers_per_block=1,
        latent_channels=latents,
        scaling_factor=1.0,
        force_upcast=False,
        sample_size=PICTURE,
    )
    with torch.no_grad():
        for module in vae.modules():
            if isinstance(module, SpatioTemporalResBlock):
                for param in module.temporal_res_block.conv2.parameters():
                    nn.init.zeros_(param)
        fix_spread(vae)
        last = vae.decoder.time_conv_out
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        last.weight[range(3), range(3), 1, 0, 0] = 1
    return vae


@torch.no_grad()
def fix_spread(vae: Any) -> None:
    """Make the posterior's spread the training jitter everywhere: it is not learned, only its mean is."""
    rows = slice(vae.config.latent_channels, None)
    vae.quant_conv.weight[rows] = 0
    vae.quant_conv.bias[rows] = 2 * np.log(JITTER)


def load_vae(path: Path) -> Any:
    """The trained VAE of a checkpoint, and of the decoder's checkpoint beside it where there is one."""
    vae = build_vae()
    load_average(vae, path)
    if path.with_name("decoder.pt").exists():
        load_average(vae, path.with_name("decoder.pt"))
    fix_spread(vae)
    return vae


def to_range(video: Tensor) -> Tensor:
    """(…, H, W, 3) uint8 to (…, 3, H, W) float in -1..1."""
    return video.movedim(-1, -3).float() / 127.5 - 1


def draw_pictures(
    seed: int, count: int, picture: int, worlds: tuple[str, ...] = ("toyland",)
) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures, whole: the classes normalise over the picture, so crops would be another thing to learn.

    Returns:
        pictures (count, picture, picture, 3) uint8; how much each pixel matters (count, picture, picture) float32: 1,
        and 4 in and around things.
    """
    pictures = np.empty((count, picture, picture, 3), np.uint8)
    weights = np.empty((count, picture, picture), np.float32)
    for index in range(count):
        if index % 2 == 0:  # one clip serves two pictures, of which one is turned round
            clip = any_world(seed * count + index, (picture, picture), 2, worlds).render()
        frame, labels = clip.video[index % 2], clip.labels[index % 2]
        near = cv2.dilate((labels > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
        pictures[index] = frame[:, :: 1 - 2 * (index % 2)]
        weights[index] = 1 + 3 * near[:, :: 1 - 2 * (index % 2)].astype(np.float32)
    return pictures, weights


def reconstruction(wanted: Tensor, got: Tensor, weight: Tensor) -> Tensor:
    """Absolute and squared error and the error of the picture's slopes, things weighing more; all (B, 3, H, W)."""
    error = got.float() - wanted
    weight = weight[:, None] / weight.mean()
    flat = (weight * (error.abs() + 2 * error.square())).mean()
    slopes = (weight[..., 1:] * error.diff(dim=-1).abs()).mean() + (
        weight[..., 1:, :] * error.diff(dim=-2).abs()
    ).mean()
    return flat + 0.5 * slopes


def decibels(error: Tensor, where: Tensor) -> Tensor:
    """Mean PSNR inside masks, each picture counting the same, whatever its mask's size; at most `MOST_DECIBELS`.

    Args:
        error: (N, H, W) squared errors of pictures in 0..1.
        where: (N, H, W) bool; masks of fewer than `LEAST_PIXELS` do not count.
    """
    count = where.sum((1, 2))
    mean = (error * where).sum((1, 2)) / count.clamp(min=1)
    shown = count >= LEAST_PIXELS
    return -10 * (torch.log10(mean + 10 ** (-MOST_DECIBELS / 10)) * shown).sum() / shown.sum().clamp(min=1)


def patch_basis(latents: int, picture: int, clips: int = 400) -> tuple[Tensor, Tensor]:
    """Principal components of Toyland's 8x8 patches, each scaled to unit variance.

    Returns:
        weight (latents, 3, 8, 8) and bias (latents,): a strided convolution that gives the best linear code.
    """
    pictures = np.stack([sample_clip(10**9 + i, (picture, picture), 1).video[0] for i in range(clips)])
    patches = F.unfold(to_range(torch.from_numpy(pictures)), FACTOR, stride=FACTOR).movedim(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    _, spread, axes = torch.linalg.svd((patches - mean)[::4], full_matrices=False)
    rows = axes[:latents] / (spread[:latents, None] / np.sqrt(len(patches[::4])))
    return rows.unflatten(1, (3, FACTOR, FACTOR)), -(rows @ mean)


class VaeStage(Stage):
    """Encoder and decoder on single pictures; the decoder's temporal layers stay identities.

    Without help it spends its first thousand steps colour-blind. So the latents begin as the best linear code of 8x8
    patches, asked for by a loss that fades over the first `GUIDED` batches.
    """

    name = "vae"
    rate = 1e-3

    def __init__(self, batch: int = 4, picture: int = PICTURE, worlds: tuple[str, ...] = ("toyland",)):
        self.batch, self.picture, self.worlds = batch, picture, worlds
        self.vae = build_vae()
        self.basis: tuple[Tensor, ...] = patch_basis(self.vae.config.latent_channels, picture)
        for name, param in self.vae.named_parameters():
            param.requires_grad_("temporal" not in name and "time_" not in name)

    def trained(self) -> nn.Module:
        return self.vae

    def to(self, device: str) -> None:
        super().to(device)
        self.basis = tuple(tensor.to(device) for tensor in self.basis)

    def draw(self, number: int) -> dict[str, Any]:
        pictures, weights = draw_pictures(number, self.batch, self.picture, self.worlds)
        guide = torch.tensor(max(0.0, 1 - number / GUIDED))
        return {"pictures": torch.from_numpy(pictures), "weights": torch.from_numpy(weights), "guide": guide}

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        wanted = to_range(batch["pictures"])
        with mixed(wanted.device.type), spatial_only(self.vae):
            latents = self.vae.encode(wanted).latent_dist.mean.float()
            noise = torch.randn(latents.shape, generator=generator, device=latents.device)
            noisy = latents + JITTER * noise
            got = self.vae.decode(noisy, num_frames=1).sample
            halved = self.vae.decode(F.avg_pool2d(noisy, 2), num_frames=1).sample
        main = reconstruction(wanted, got, batch["weights"])
        # Smaller latents are those of the smaller picture: they become smooth, and easier to make (EQ-VAE, 2502.09509).
        smaller = F.avg_pool2d(wanted, 2), F.avg_pool2d(batch["weights"][:, None], 2)[:, 0]
        equal = reconstruction(smaller[0], halved, smaller[1])
        size = latents.square().mean()
        psnr = -10 * torch.log10(F.mse_loss(got.float(), wanted).detach() / 4)
        weight, bias = self.basis
        linear = F.mse_loss(latents, F.conv2d(wanted, weight, bias, stride=FACTOR))
        loss = main + EQUAL * equal + 0.5 * batch["guide"] * linear + 0.002 * (size - 1).relu()
        return {"loss": loss, "psnr": psnr, "size": size, "linear": linear, "equal": equal}


class spatial_only:
    """Within this block the VAE's spatio-temporal blocks do their spatial part alone (they are identities in time)."""

    def __init__(self, vae: Any) -> None:
        self.blocks: list[Any] = [m for m in vae.modules() if isinstance(m, SpatioTemporalResBlock)]

    def __enter__(self) -> None:
        for block in self.blocks:
            block.forward = _spatial.__get__(block)

    def __exit__(self, *error: object) -> None:
        for block in self.blocks:
            del block.forward


def _spatial(block: Any, hidden: Tensor, temb: Tensor | None = None, image_only_indicator: Any = None) -> Tensor:
    return block.spatial_res_block(hidden, temb)


class DecoderStage(Stage):
    """The decoder alone, on clips, with its temporal layers; the encoder stays, so other stages remain valid."""

    name = "decoder"
    rate = 3e-4

    def __init__(self, vae: Any, batch: int = 2, size: ClipSize | None = None) -> None:
        self.vae, self.batch, self.size = vae, batch, size or ClipSize()
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)

    def trained(self) -> nn.Module:
        return self.vae

    def draw(self, number: int) -> dict[str, Any]:
        return draw_life(number, self.batch, self.size)

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        wanted = to_range(batch["video"]).flatten(0, 1)
        near = F.max_pool2d(batch["things"].flatten(0, 1).float(), 3, stride=1, padding=1)
        with mixed(wanted.device.type):
            with torch.no_grad():
                latents = self.vae.encode(wanted).latent_dist.mean.float()
            noise = torch.randn(latents.shape, generator=generator, device=latents.device)
            got = self.vae.decode(latents + JITTER * noise, num_frames=self.size.frames).sample
        psnr = -10 * torch.log10(F.mse_loss(got.float(), wanted).detach() / 4)
        return {"loss": reconstruction(wanted, got, 1 + 3 * near), "psnr": psnr}
