"""The released pipeline, step by step in its own order, with all its waste."""

from __future__ import annotations

from typing import Any

import numpy as np


def run_as_released(
    pipe: Any,
    picture: np.ndarray,
    image: Any,
    entity_map: Any,
    *,
    steps: int,
    generator: Any,
    noise_strength: float = 0.02,
    guidance: tuple[float, float] = (1.0, 3.0),
    decode_chunk: int = 8,
) -> tuple[Any, Any]:
    """Do what the released pipeline does, in its order, with all its waste.

    Args:
        pipe: A `DragAnythingPipeline`; only its parts are used.
        picture: (H, W, 3) uint8, of the video's size.
        image: (F, 3, H, W) float32 tensor, 0..255.
        entity_map: (F, C, H, W) float32 tensor.
        steps: Steps of the scheduler.
        generator: A `torch.Generator` of the CPU.
        noise_strength: Of the noise on the picture.
        guidance: Of the first and of the last frame.
        decode_chunk: Frames that the VAE decodes at a time.

    Returns:
        Latents (1, F, C, h, w) and pixels (F, 3, H, W) in 0..1.
    """
    import torch
    from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing

    device, dtype = pipe.unet.device, pipe.unet.dtype
    frames = image.shape[0]
    zero_to_one = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    for_clip = _resize_with_antialiasing(zero_to_one, (pipe.image_encoder.config.image_size,) * 2).to(device, dtype)
    context = pipe.image_encoder(for_clip).image_embeds[:, None]
    context = torch.cat([torch.zeros_like(context), context])
    pixels = zero_to_one * 2 - 1
    pixels = pixels + noise_strength * torch.randn(pixels.shape, generator=generator)
    latent = pipe.vae.encode(pixels.to(device, dtype)).latent_dist.mode()
    latent = torch.cat([torch.zeros_like(latent), latent])[:, None].repeat(1, frames, 1, 1, 1)
    pipe.scheduler.set_timesteps(steps, device=device)
    latents = torch.randn((1, frames, *latent.shape[2:]), generator=generator).to(device, dtype)
    latents = latents * pipe.scheduler.init_noise_sigma
    scales = torch.linspace(*guidance, frames).view(1, -1, 1, 1, 1).to(device, dtype)
    image, entity_map = (torch.stack([maps, maps]).to(device, dtype) for maps in (image, entity_map))
    time_ids = torch.tensor([[6.0, 128.0, 0.02]] * 2, device=device, dtype=dtype)
    for timestep in pipe.scheduler.timesteps:
        inputs = pipe.scheduler.scale_model_input(torch.cat([latents, latents]), timestep)
        inputs = torch.cat([inputs, latent], dim=2)
        down, mid = pipe.controlnet(inputs, timestep, context, time_ids, controlnet_cond=image, entity_map=entity_map)
        without, given = pipe.unet(
            inputs,
            timestep,
            context,
            time_ids,
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
        ).sample.chunk(2)
        latents = pipe.scheduler.step(without + scales * (given - without), timestep, latents).prev_sample
    parts = (latents[0] / pipe.vae.config.scaling_factor).split(decode_chunk)
    decoded = torch.cat([pipe.vae.decode(part, num_frames=len(part)).sample.float() for part in parts])
    return latents, (decoded / 2 + 0.5).clamp(0, 1)
