"""Denoising: ControlNet and UNet, with and without the picture, what guidance makes of the two, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from .cut_and_drag import DualClock
    from .parts import Networks


class Conditions(NamedTuple):
    """What the networks see beside the noisy latents, the same at every step.

    Attributes:
        image_latents: (V, C, h, w), latents of the picture.
        image_embeddings: (V, 1, D), the picture for the cross-attention.
        added_time_ids: (1, 3): frames per second less one, motion bucket, noise strength.
        control_embedding: (V or 1, F, C0, h, w), the control that has met the picture; None without a ControlNet.
        conditioning_scale: Factor on the ControlNet's residuals.
    """

    image_latents: torch.Tensor
    image_embeddings: torch.Tensor
    added_time_ids: torch.Tensor
    control_embedding: torch.Tensor | None
    conditioning_scale: float

    def beside(self, other: Conditions) -> Conditions:
        """Both, for one pass over 2 V videos."""
        own, others = self.control_embedding, other.control_embedding
        if own is not None and others is not None and own is not others:
            own = torch.cat([part.expand(len(self.image_latents), *part.shape[1:]) for part in (own, others)])
        return self._replace(
            image_latents=torch.cat([self.image_latents, other.image_latents]),
            image_embeddings=torch.cat([self.image_embeddings, other.image_embeddings]),
            control_embedding=own,
        )


def conditions_of(
    pipe: Networks,
    pictures: tuple[torch.Tensor, torch.Tensor],
    added_time_ids: torch.Tensor,
    embedding: torch.Tensor | None,
    conditioning_scale: float,
    guided: bool,
) -> tuple[Conditions, Conditions | None]:
    """The conditions with the picture and, for guidance, without; the control meets both once, for all steps.

    Args:
        pipe: The pipeline.
        pictures: The picture's latents (V, C, h, w) and embeddings (V, 1, D).
        added_time_ids, conditioning_scale: As in `Conditions`.
        embedding: (1, F, C, h, w) from `embed_control`, or None.
        guided: Whether there is guidance.
    """

    def made(image_latents: torch.Tensor, image_embeddings: torch.Tensor) -> Conditions:
        met = None
        if embedding is not None:
            met = pipe.controlnet.meet_picture(embedding, image_latents.to(pipe.controlnet.dtype))
        return Conditions(image_latents, image_embeddings, added_time_ids, met, conditioning_scale)

    blank = made(*(torch.zeros_like(one) for one in pictures)) if guided else None
    return made(*pictures), blank


def denoise(
    pipe: Networks,
    latents: torch.Tensor,
    conditions: tuple[Conditions, Conditions | None],
    guidance: torch.Tensor | None,
    split: bool,
    callback: tuple[Callable[..., dict[str, Any] | None] | None, Sequence[str]] = (None, ()),
    clock: DualClock | None = None,
) -> torch.Tensor:
    """Go through the scheduler's steps; with a clock, through those that it leaves.

    Args:
        pipe: The pipeline.
        latents: (V, F, C, h, w) float32, pure noise at the scale that the scheduler begins with.
        conditions, guidance, split: As for `predict_noise`.
        callback: Called after each step, and which tensors it sees.
        clock: What cut-and-drag follows, and for how long.

    Returns:
        (V, F, C, h, w) float32.
    """
    told, names = callback
    timesteps, sigmas = pipe.scheduler.timesteps, pipe.scheduler.sigmas
    first = 0 if clock is None else clock.first
    current = latents if clock is None else clock.begin(latents, sigmas)
    with pipe.progress_bar(total=len(timesteps) - first) as bar:
        for step, timestep in enumerate(timesteps[first:], start=first):
            pipe._switch.check()
            prediction = predict_noise(pipe, current, timestep, *conditions, guidance, split)
            current = pipe.scheduler.step(prediction, timestep, current, return_dict=False)[0]
            if clock is not None:
                current = clock.follow(current, step + 1, sigmas)
            if told is not None:
                tensors = {"latents": current, "noise_prediction": prediction}
                shown = {name: tensors[name] for name in names}
                current = (told(pipe, step, timestep, shown) or {}).get("latents", current)
            bar.update()
            if pipe.interrupt:
                break
    return current


def predict_noise(
    pipe: Networks,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    seen: Conditions,
    blank: Conditions | None,
    guidance: torch.Tensor | None,
    split: bool,
) -> torch.Tensor:
    """Predict what the scheduler asks for; in float32, as the latents are, whatever the networks run in.

    Args:
        pipe: The pipeline.
        latents: (V, F, C, h, w), noisy, not scaled.
        timestep: The scheduler's.
        seen, blank: The conditions, with the picture and, for guidance, without.
        guidance: (1, F, 1, 1, 1), or None for no guidance.
        split: Whether the two halves of guidance run one after the other.

    Returns:
        (V, F, C, h, w) float32.
    """
    scaled = pipe.scheduler.scale_model_input(latents, timestep).to(pipe.unet.dtype)
    if guidance is None or blank is None:
        return _run_networks(pipe, scaled, timestep, seen).float()
    if split:
        without, given = (_run_networks(pipe, scaled, timestep, one) for one in (blank, seen))
    else:
        both = blank.beside(seen)
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
