"""The stages of a run, one function each: encode the picture, embed the control, predict, decode."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..control.signal import ControlSignal
from ..errors import LabError
from .inputs import DenseControl
from .plan import control_chunk_size
from .sampling import CLIP_MEAN, CLIP_STD, encoder_pixels

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What stays the same from step to step.

    Attributes:
        image_latents: (V, C, h, w) of the picture.
        context: (V, 1, D), the picture for the cross-attention.
        time_ids: (1, 3).
        embedding: (1, F, C, h, w), the control for all videos and both halves; None for no ControlNet.
        conditioning_scale: Factor on the ControlNet's residuals.
        guidance: (1, F, 1, 1, 1), or None for no guidance.
        split: Whether the halves of guidance run one after the other.
    """

    image_latents: torch.Tensor
    context: torch.Tensor
    time_ids: torch.Tensor
    embedding: torch.Tensor | None
    conditioning_scale: float
    guidance: torch.Tensor | None
    split: bool


def encode_for_attention(pipe: Any, picture: torch.Tensor, device: Any, *, normalised: bool) -> torch.Tensor:
    """Return the image encoder's (1, 1, D) for a picture (1, 3, H0, W0) in 0..1."""
    extractor = pipe.feature_extractor
    mean, std = getattr(extractor, "image_mean", None) or CLIP_MEAN, getattr(extractor, "image_std", None) or CLIP_STD
    pixels = encoder_pixels(picture, pipe.image_encoder.config.image_size, (mean, std) if normalised else None)
    embedding = pipe.image_encoder(pixels.to(device, pipe.image_encoder.dtype)).image_embeds
    return embedding.unsqueeze(1)


def encode_for_latents(pipe: Any, pixels: torch.Tensor, device: Any) -> torch.Tensor:
    """Return the VAE's latents (V or 1, C, h, w) of pictures (V or 1, 3, H, W) in about -1..1.

    They are the mode of the posterior, not scaled by the VAE's factor, as SVD was trained.
    """
    with in_float32(pipe.vae, pipe.vae.dtype == torch.float16 and pipe.vae.config.force_upcast):
        latents = [pipe.vae.encode(one[None].to(device, pipe.vae.dtype)).latent_dist.mode() for one in pixels]
    offload(pipe, "vae")
    return torch.cat(latents)


def embed_control(
    controlnet: Any, control: ControlSignal | DenseControl, device: Any, chunk: int | None = None
) -> torch.Tensor:
    """Embed the control of a whole video, some frames at a time, once for all steps and both guidance halves.

    Args:
        controlnet: The ControlNet.
        control: Compact, or dense maps.
        device: Where the ControlNet runs.
        chunk: Frames at a time; None for what fits 512 MiB.

    Returns:
        (1, F, `controlnet.embedding_channels`, H / 8, W / 8).
    """
    dtype = controlnet.dtype
    chunk = chunk or control_chunk_size(controlnet, control.size, dtype)
    parts = []
    for start in range(0, control.num_frames, chunk):
        image, entity_map = _dense(control, start, start + chunk, device, dtype)
        ways = None
        if isinstance(control, ControlSignal):
            ways = control.ways(controlnet.control_factor, start, start + chunk)
        parts.append(
            controlnet.embed_control(
                image[None],
                None if entity_map is None else entity_map[None],
                None if ways is None else torch.from_numpy(ways).to(device, dtype)[None],
            )
        )
    return torch.cat(parts, dim=1)


def _dense(
    control: ControlSignal | DenseControl, start: int, stop: int, device: Any, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Write out (t, 3, H, W) and (t, C, H, W), or None for zeros, on the device."""
    if isinstance(control, DenseControl):
        entity_map = control.entity_map
        maps = None if entity_map is None else entity_map[start:stop].to(device, dtype)
        return control.image[start:stop].to(device, dtype), maps
    image = torch.from_numpy(control.image(start, stop)).to(device, dtype).permute(0, 3, 1, 2)
    if not control.shows_vectors:
        return image, None
    # The same as control.entity_map(start, stop), but only labels and a small table travel to the device.
    table = torch.tensor(control.vectors, device=device, dtype=dtype)
    labels = torch.tensor(control.labels[start:stop], device=device).long()
    return image, table[labels].permute(0, 3, 1, 2)


def predict(pipe: Any, latents: torch.Tensor, timestep: torch.Tensor, run: Run) -> torch.Tensor:
    """Predict (V, F, C, h, w) for one step, guided; in float32, as the latents are, whatever the networks run in."""
    scaled = pipe.scheduler.scale_model_input(latents, timestep).to(pipe.unet.dtype)
    if run.guidance is None:
        return _predict_part(pipe, scaled, timestep, run, run.image_latents, run.context).float()
    unguided = torch.zeros_like(run.image_latents), torch.zeros_like(run.context)
    if run.split:
        without = _predict_part(pipe, scaled, timestep, run, *unguided)
        given = _predict_part(pipe, scaled, timestep, run, run.image_latents, run.context)
    else:
        images, contexts = torch.cat([unguided[0], run.image_latents]), torch.cat([unguided[1], run.context])
        both = _predict_part(pipe, torch.cat([scaled, scaled]), timestep, run, images, contexts)
        without, given = both.chunk(2)
    without, given = without.float(), given.float()
    return without + run.guidance.to(given.device) * (given - without)


def _predict_part(
    pipe: Any, scaled: torch.Tensor, timestep: torch.Tensor, run: Run, images: torch.Tensor, context: torch.Tensor
) -> torch.Tensor:
    batch, frames = scaled.shape[:2]
    inputs = torch.cat([scaled, images[:, None].expand(-1, frames, -1, -1, -1)], dim=2)  # (B, F, 2 C, h, w)
    time_ids = run.time_ids.expand(batch, -1)
    extra = {}
    if run.embedding is not None:
        own = pipe.controlnet.dtype
        down, mid = pipe.controlnet(
            inputs.to(own),
            timestep,
            context.to(own),
            time_ids,
            control_embedding=run.embedding,
            conditioning_scale=run.conditioning_scale,
        )
        extra["down_block_additional_residuals"] = [residual.to(scaled.dtype) for residual in down]
        extra["mid_block_additional_residual"] = mid.to(scaled.dtype)
    return pipe.unet(inputs, timestep, context, time_ids, return_dict=False, **extra)[0]


@contextmanager
def in_float32(model: torch.nn.Module, needed: bool) -> Iterator[None]:
    """Run a half-precision model in float32 for the length of a `with` block."""
    if not needed:
        yield
        return
    before = next(model.parameters()).dtype
    # Not diffusers' own .to(), which warns about a dtype without cause.
    torch.nn.Module.to(model, dtype=torch.float32)
    try:
        yield
    finally:
        torch.nn.Module.to(model, dtype=before)


def avoid_half_precision_on_cpu(pipe: Any) -> None:
    """Go to float32 where half precision would run on a CPU, with a word."""
    if torch.device(pipe._execution_device).type != "cpu":
        return
    halves = [
        name for name in ("vae", "image_encoder", "unet", "controlnet") if getattr(pipe, name).dtype == torch.float16
    ]
    if halves:
        logger.warning("%s: float16 is slow and incomplete on a CPU; computing in float32", ", ".join(halves))
        for name in halves:
            torch.nn.Module.to(getattr(pipe, name), dtype=torch.float32)


def offload(pipe: Any, *names: str) -> None:
    """Send models back to the CPU now, if `enable_model_cpu_offload` is on."""
    models = [getattr(pipe, name) for name in names]
    for hook in getattr(pipe, "_all_hooks", ()):
        if any(hook.model is model for model in models):
            hook.offload()


def watched_layers(vae: Any, unet: Any, controlnet: Any) -> list[torch.nn.Module]:
    """Return the layers between which a run can be cancelled."""
    lists = (
        vae.encoder.down_blocks,
        controlnet.controlnet_cond_embedding.blocks,
        controlnet.down_blocks,
        unet.down_blocks,
        unet.up_blocks,
        vae.decoder.up_blocks,
    )
    return [layer for layers in lists for layer in layers]


def stacked(videos: list[Any]) -> Any:
    """Put several videos into one array or tensor; lists stay a list."""
    if isinstance(videos[0], torch.Tensor):
        return torch.stack(videos)
    return np.stack(videos) if isinstance(videos[0], np.ndarray) else videos


def vae_factor(vae: Any) -> int:
    """Return how much smaller latents are than pictures."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


def check_parts(vae: Any, image_encoder: Any, unet: Any, controlnet: Any) -> None:
    """Raise a `LabError` that names the first two numbers of the parts that do not fit."""
    latent, factor = vae.config.latent_channels, vae_factor(vae)
    facts = [
        ("the UNet's in_channels", unet.config.in_channels, "twice the VAE's latent_channels", 2 * latent),
        ("the UNet's out_channels", unet.config.out_channels, "the VAE's latent_channels", latent),
        ("the ControlNet's halvings of the control", controlnet.control_factor, "the VAE's", factor),
        (
            "the image encoder's projection_dim",
            image_encoder.config.projection_dim,
            "the UNet's cross_attention_dim",
            unet.config.cross_attention_dim,
        ),
    ]
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim"):
        ours, theirs = getattr(controlnet.config, name), getattr(unet.config, name)
        facts.append((f"the ControlNet's {name}", ours, "the UNet's", theirs))
    for name, value, other, wanted in facts:
        if value != wanted and not (isinstance(value, (list, tuple)) and list(value) == list(wanted)):
            raise LabError(f"{name} is {value}, {other} is {wanted}", fix="take all parts from one model")


def check_result(latents: torch.Tensor, dtype: torch.dtype) -> None:
    """Raise a `LabError` if the networks ran into NaN."""
    bad = int((~torch.isfinite(latents)).sum())
    if bad:
        half = dtype == torch.float16
        fix = "use torch.bfloat16 or float32" if half else "lower the guidance, or check the weights"
        raise LabError(f"denoising ended in NaN ({bad:,} of {latents.numel():,} values, {dtype})", fix=f"{fix}")
