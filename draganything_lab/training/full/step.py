"""One forward pass of training: from a batch of samples to its loss, through the frozen networks and the ControlNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...control.representations import shows_vectors
from ...models.shortcuts import take_shortcuts
from ...pipeline.parts import vae_factor
from ...pipeline.sampling import clip_values, encoder_pixels
from ..engine import edm
from ..engine.quick import quicken
from .options import Options

ENCODED = 4  # frames that the VAE encodes at a time
FEW = 1024  # latent cells up to which a CPU has room for attention as plain products, which it is faster with
HALVES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Frozen:
    """The networks that are not trained.

    Attributes:
        vae: SVD's video VAE, or a small one of the same class.
        image_encoder: CLIP's vision model.
        unet: The `DragAnythingUNet`.
        normalise: Mean and standard deviation of CLIP's three channels.
    """

    vae: Any
    image_encoder: Any
    unet: Any
    normalise: tuple[Sequence[float], Sequence[float]]

    @classmethod
    def of(cls, parts: Mapping[str, Any], options: Options, device: torch.device | str) -> Frozen:
        """Freeze the parts of a pipeline, by their names there, and bring them to a device and the run's precision.

        The VAE stays in float32 where halves overflow in it (float16), as in the pipeline.
        """
        half = HALVES[options.precision]
        vae, encoder, unet = (parts[name] for name in ("vae", "image_encoder", "unet"))
        take_shortcuts(vae, unet)
        exact = half == torch.float16 and vae.config.force_upcast
        for network, dtype in ((vae, torch.float32 if exact else half), (encoder, half), (unet, half)):
            nn.Module.to(network.eval().requires_grad_(False), device=device, dtype=dtype)
        _quicken(device, options, vae, unet)
        if options.checkpointing:
            unet.enable_gradient_checkpointing()
        return cls(vae, encoder, unet, clip_values(parts["feature_extractor"]))


def prepare_controlnet(controlnet: Any, options: Options, device: torch.device | str) -> Any:
    """Make a ControlNet ready to be trained on a device: in float32, and without the parameters that cannot learn.

    A picture is one token, so attention to it does not depend on queries and keys (`models.shortcuts`); their gradients
    are zero, and so are those of the norms before them.
    """
    take_shortcuts(controlnet)
    nn.Module.to(controlnet.train().requires_grad_(True), device=device, dtype=torch.float32)
    for name, layer in controlnet.named_modules():
        if name.endswith(("attn2.to_q", "attn2.to_k", "norm2")) and "transformer_blocks" in name:
            layer.requires_grad_(False)
    _quicken(device, options, controlnet)
    if options.checkpointing:
        controlnet.enable_gradient_checkpointing()
    return controlnet


def _quicken(device: torch.device | str, options: Options, *networks: nn.Module) -> None:
    if torch.device(device).type == "cpu" and options.size[0] * options.size[1] <= 64 * FEW:
        quicken("cpu", *networks)


class Noise(NamedTuple):
    """All that is random in the training of B samples.

    Attributes:
        sigma: (B,) noise levels.
        latents: (B, F, C, h, w), standard normal.
        strength: (B,) noise on the picture, in -1..1.
        picture: (B, 3, H, W), standard normal.
        keep_picture, keep_vectors: (B,) bool, whether the picture and the entity vectors are shown.
    """

    sigma: Tensor
    latents: Tensor
    strength: Tensor
    picture: Tensor
    keep_picture: Tensor
    keep_vectors: Tensor


def draw_noise(numbers: Sequence[int], latent_channels: int, factor: int, options: Options) -> Noise:
    """Draw the noise of samples, each by the run's seed and its own number, so that it is the same on every machine.

    Args:
        numbers: The B numbers of the samples.
        latent_channels: C of the latents.
        factor: How much smaller latents are than pictures.
        options: Size, frames, seed and distributions.

    Returns:
        On the CPU, float32.
    """
    height, width = options.size
    shape = (options.frames, latent_channels, height // factor, width // factor)
    rows = []
    for number in numbers:
        rng = np.random.default_rng((options.seed, number))  # PyTorch's on a CPU takes 32 bits of a seed only

        def normal(*shape: int, by: np.random.Generator = rng) -> Tensor:
            return torch.from_numpy(np.asarray(by.standard_normal(shape, np.float32)))

        level = (options.sigma[0] + options.sigma[1] * normal()).exp()
        strength = (options.picture_noise[0] + options.picture_noise[1] * normal()).exp()
        chance = torch.from_numpy(rng.random(2, np.float32))
        kept = chance >= torch.tensor([options.drop_picture, options.drop_representation])
        rows.append((level, normal(*shape), strength, normal(3, height, width), kept[0], kept[1]))
    return Noise(*(torch.stack(part) for part in zip(*rows, strict=True)))


def forward(
    controlnet: nn.Module, frozen: Frozen, batch: Mapping[str, Tensor], noise: Noise, options: Options
) -> dict[str, Tensor]:
    """The losses of a batch; with the meta device, only their shapes and what happens on the way.

    Args:
        controlnet: The `DragAnythingControlNet`, or what accelerate wraps around it.
        frozen: The other networks.
        batch: Samples of a source, stacked: video (B, F, 3, H, W) uint8, image (B, F, 3, H, W), labels (B, F, H, W),
            vectors (B, E + 1, C), moved (B, F, H, W) bool and, for "carry", ways (B, F, 3, h, w); on the device.
        noise: From `draw_noise`, on the device.
        options: Precision, loss and representation.

    Returns:
        "loss", the mean over clips of the squared error of each place times its weight: 1 where entities are and, by
        `options.loss`, 0 ("masked": equation 5 of the paper, divided by the number of places), 1 ("plain") or
        `options.outside` ("mixed") elsewhere. It is a mean of clips, so it does not matter how they are shared out.
        And, for the log, means of all places of the error, "everywhere", of the mask, "area", and of both multiplied,
        "inside"; divided by "area", that is the mean error where entities are.

    Source:
        Paper, section 3.4; SVD (arXiv 2311.15127), appendix D; EDM (arXiv 2206.00364).
    """
    device, half = batch["video"].device, HALVES[options.precision]
    with torch.no_grad():
        latents, picture, context = _encode(frozen, batch["video"], noise)
        entity_map = None
        if shows_vectors(options.representation):
            entity_map = _entity_map(batch["vectors"].to(half), batch["labels"], noise.keep_vectors)
    noisy = latents + edm.wide(noise.sigma) * noise.latents
    pictures = picture[:, None].expand(-1, latents.shape[1], -1, -1, -1)
    sample = torch.cat([edm.scaled(noisy, noise.sigma), pictures], dim=2)
    told = torch.full_like(noise.sigma, options.fps - 1), torch.full_like(noise.sigma, options.motion_bucket)
    conditions = edm.timestep(noise.sigma), context, torch.stack([*told, noise.strength], dim=1)
    mixes = half != torch.float32 and device.type != "meta"  # which knows no autocast: float32 there
    with torch.autocast(device.type, half) if mixes else nullcontext():
        down, mid = controlnet(
            sample,
            *conditions,
            controlnet_cond=batch["image"].to(half if mixes else torch.float32),
            entity_map=entity_map,
            ways=batch.get("ways"),
        )
    said = frozen.unet(
        sample.to(half),
        conditions[0],
        context.to(half),
        conditions[2],
        return_dict=False,
        down_block_additional_residuals=[residual.to(half) for residual in down],
        mid_block_additional_residual=mid.to(half),
    )[0]
    error = (said.float() - edm.velocity(noisy, latents, noise.sigma)).square().mean(2)  # (B, F, h, w)
    return weighed(error, batch["moved"], options)


def weighed(error: Tensor, moved: Tensor, options: Options) -> dict[str, Tensor]:
    """The losses of `forward` from the squared errors (B, F, h, w) and the masks (B, F, H, W)."""
    mask = edm.at_latent_size(moved, (error.shape[-2], error.shape[-1]))
    outside = {"masked": 0.0, "plain": 1.0, "mixed": options.outside}[options.loss]
    loss = ((outside + (1 - outside) * mask) * error).mean()
    error = error.detach()
    return {"loss": loss, "inside": (mask * error).mean(), "area": mask.mean(), "everywhere": error.mean()}


def _encode(frozen: Frozen, video: Tensor, noise: Noise) -> tuple[Tensor, Tensor, Tensor]:
    """The clips' latents (B, F, C, h, w), scaled; the noised pictures' (B, C, h, w), not scaled; and their embeddings
    (B, 1, D): all float32, the last two zero where the picture is left out."""
    vae, encoder = frozen.vae, frozen.image_encoder

    def latents_of(pixels: Tensor) -> Tensor:
        parts = [vae.encode(some.to(vae.dtype)).latent_dist.mode().float() for some in pixels.split(ENCODED)]
        return torch.cat(parts)

    pixels = torch.cat([latents_of(one.float() / 127.5 - 1) for one in video])
    latents = pixels.unflatten(0, video.shape[:2]) * vae.config.scaling_factor
    first = video[:, 0].float() / 255
    picture = latents_of(first * 2 - 1 + noise.strength[:, None, None, None] * noise.picture)
    seen = encoder_pixels(first, encoder.config.image_size, frozen.normalise).to(encoder.dtype)
    context = encoder(seen).image_embeds[:, None].float()
    keep = noise.keep_picture.float()
    return latents, keep[:, None, None, None] * picture, keep[:, None, None] * context


def _entity_map(vectors: Tensor, labels: Tensor, keep: Tensor) -> Tensor:
    """Vectors (B, E + 1, C) where the labels (B, F, H, W) are, (B, F, C, H, W); zeros where they are left out."""
    shown = vectors * keep[:, None, None]
    clips = torch.arange(len(labels), device=labels.device)[:, None, None, None]
    return shown[clips, labels.long()].movedim(-1, 2)


def to_device(batch: Any, device: torch.device | str) -> Any:
    """A batch or `Noise` on a device."""
    if isinstance(batch, Noise):
        return Noise(*(part.to(device, non_blocking=True) for part in batch))
    return {name: part.to(device, non_blocking=True) for name, part in batch.items()}


def latent_shape(frozen: Frozen) -> tuple[int, int]:
    """Channels of the VAE's latents and how much smaller they are than pictures, for `draw_noise`."""
    return frozen.vae.config.latent_channels, vae_factor(frozen.vae)
