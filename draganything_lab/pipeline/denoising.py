"""One step of denoising: ControlNet and UNet, with and without the picture, and what guidance makes of the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from .parts import Networks


class Conditions(NamedTuple):
    """What the networks see beside the noisy latents, the same at every step.

    Attributes:
        image_latents: (V, C, h, w), latents of the picture.
        image_embeddings: (V, 1, D), the picture for the cross-attention.
        added_time_ids: (1, 3): frames per second less one, motion bucket, noise strength.
        control_embedding: (1, F, C, h, w), the control for all videos and both halves; None without a ControlNet.
        conditioning_scale: Factor on the ControlNet's residuals.
    """

    image_latents: torch.Tensor
    image_embeddings: torch.Tensor
    added_time_ids: torch.Tensor
    control_embedding: torch.Tensor | None
    conditioning_scale: float


def predict_noise(
    pipe: Networks,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    seen: Conditions,
    guidance: torch.Tensor | None,
    split: bool,
) -> torch.Tensor:
    """Predict what the scheduler asks for; in float32, as the latents are, whatever the networks run in.

    Args:
        pipe: The pipeline.
        latents: (V, F, C, h, w), noisy, not scaled.
        timestep: The scheduler's.
        seen: The conditions.
        guidance: (1, F, 1, 1, 1), or None for no guidance.
        split: Whether the two halves of guidance run one after the other.

    Returns:
        (V, F, C, h, w) float32.
    """
    scaled = pipe.scheduler.scale_model_input(latents, timestep).to(pipe.unet.dtype)
    if guidance is None:
        return _run_networks(pipe, scaled, timestep, seen).float()
    pictures = seen.image_latents, seen.image_embeddings
    blank = torch.zeros_like(pictures[0]), torch.zeros_like(pictures[1])
    if split:
        without = _run_networks(
            pipe, scaled, timestep, seen._replace(image_latents=blank[0], image_embeddings=blank[1])
        )
        given = _run_networks(pipe, scaled, timestep, seen)
    else:
        images, embeddings = (torch.cat(pair) for pair in zip(blank, pictures, strict=True))
        both = seen._replace(image_latents=images, image_embeddings=embeddings)
        without, given = _run_networks(pipe, torch.cat([scaled, scaled]), timestep, both).chunk(2)
    without, given = without.float(), given.float()
    return without + guidance.to(given.device) * (given - without)


def _run_networks(pipe: Networks, scaled: torch.Tensor, timestep: torch.Tensor, seen: Conditions) -> torch.Tensor:
    batch, frames = scaled.shape[:2]
    pictures = seen.image_latents[:, None].expand(-1, frames, -1, -1, -1)
    inputs = torch.cat([scaled, pictures], dim=2)  # (B, F, 2 C, h, w)
    time_ids = seen.added_time_ids.expand(batch, -1)
    residuals = {}
    if seen.control_embedding is not None:
        own = pipe.controlnet.dtype
        down, mid = pipe.controlnet(
            inputs.to(own),
            timestep,
            seen.image_embeddings.to(own),
            time_ids,
            control_embedding=seen.control_embedding,
            conditioning_scale=seen.conditioning_scale,
        )
        residuals["down_block_additional_residuals"] = [residual.to(scaled.dtype) for residual in down]
        residuals["mid_block_additional_residual"] = mid.to(scaled.dtype)
    return pipe.unet(inputs, timestep, seen.image_embeddings, time_ids, return_dict=False, **residuals)[0]
