"""All parts of a pipeline with random weights, at a size to test with or at the released one."""

from __future__ import annotations

from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import AutoencoderKLTemporalDecoder
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from .controlnet import DragAnythingControlNet
from .unet import DragAnythingUNet

CROSS, PLAIN = "CrossAttn{}BlockSpatioTemporal", "{}BlockSpatioTemporal"
# SVD's own noise schedule.
SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "sigma_max": 700.0,
    "sigma_min": 0.002,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "timestep_type": "continuous",
    "use_karras_sigmas": True,
}


def random_parts(
    size: Literal["tiny", "small", "full"] = "tiny",
    *,
    seed: int = 0,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    **controlnet_config: Any,
) -> dict[str, Any]:
    """Make the parts of a pipeline with random weights; the zero convolutions get small random ones too.

    Args:
        size: "tiny" runs in a fraction of a second; "small" has the released layout at a fifth of its widths, so that
            the parts cost about what they cost there, compared with each other; "full" is the released size.
        seed: Seed of the weights.
        device: Where they are made.
        dtype: Data type of the weights.
        **controlnet_config: Entries of the ControlNet's configuration, such as `representation`.

    Returns:
        What `DragAnythingPipeline` takes, by name.
    """
    torch.manual_seed(seed)
    shared, extra, vae, clip = _configurations(size)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            parts = {
                "unet": DragAnythingUNet(**shared),
                "controlnet": DragAnythingControlNet(**shared, **(extra | controlnet_config)),
                "vae": AutoencoderKLTemporalDecoder(**vae),
                "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**clip)),
            }
            for name, parameter in parts["controlnet"].named_parameters():
                if name.startswith("controlnet_") and not parameter.is_meta and not parameter.any():
                    torch.nn.init.normal_(parameter, std=0.02)
    finally:
        torch.set_default_dtype(before)
    for part in parts.values():
        part.eval().requires_grad_(False)
    side = clip["image_size"]
    extractor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    return {**parts, "scheduler": EulerDiscreteScheduler(**SCHEDULE), "feature_extractor": extractor}


def _configurations(size: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the configurations of both UNets together, the ControlNet's own, the VAE's and the image encoder's."""
    if size == "full":
        shared: dict[str, Any] = _unet((320, 640, 1280, 1280), 2, (5, 10, 20, 20), 1024, latent=4, added=256, frames=14)
        extra: dict[str, Any] = {}
        vae = _vae((128, 256, 512, 512), 2, latent=4, scaling=0.18215, side=768)
        clip = _clip(side=224, patch=14, width=1280, depth=32, heads=16, projection=1024)
    elif size == "small":
        shared = _unet((64, 128, 256, 256), 2, (1, 2, 4, 4), 64, latent=4, added=32, frames=14)
        extra = {
            "conditioning_embedding_out_channels": (8, 8, 24, 56),
            "entity_embedding_out_channels": (32, 32, 56, 56),
        }
        vae = _vae((32, 32, 64, 64), 1, latent=4, scaling=0.18215, side=256)
        clip = _clip(side=64, patch=16, width=64, depth=2, heads=2, projection=64)
    else:
        shared = _unet((32, 64), 1, 2, 16, latent=4, added=8, frames=4)
        extra = {
            "conditioning_embedding_out_channels": (8, 8, 8, 16),
            "entity_embedding_out_channels": (6, 8, 8, 16),
        }
        vae = _vae((32, 32, 32, 32), 1, latent=4, scaling=0.5, side=64)
        clip = _clip(side=32, patch=16, width=32, depth=1, heads=2, projection=16)
    return shared, extra, vae, clip


def _unet(
    channels: tuple[int, ...], layers: int, heads: Any, context: int, *, latent: int, added: int, frames: int
) -> dict[str, Any]:
    kinds = [CROSS] * (len(channels) - 1) + [PLAIN]
    return {
        "sample_size": 96 if channels[0] == 320 else 8,
        "in_channels": 2 * latent,
        "out_channels": latent,
        "down_block_types": tuple(kind.format("Down") for kind in kinds),
        "up_block_types": tuple(kind.format("Up") for kind in reversed(kinds)),
        "block_out_channels": channels,
        "addition_time_embed_dim": added,
        "projection_class_embeddings_input_dim": 3 * added,
        "layers_per_block": layers,
        "cross_attention_dim": context,
        "num_attention_heads": heads,
        "num_frames": frames,
    }


def _vae(channels: tuple[int, ...], layers: int, *, latent: int, scaling: float, side: int) -> dict[str, Any]:
    return {
        "block_out_channels": channels,
        "down_block_types": ("DownEncoderBlock2D",) * len(channels),
        "layers_per_block": layers,
        "latent_channels": latent,
        "sample_size": side,
        "scaling_factor": scaling,
        "force_upcast": True,
    }


def _clip(*, side: int, patch: int, width: int, depth: int, heads: int, projection: int) -> dict[str, Any]:
    return {
        "image_size": side,
        "patch_size": patch,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "projection_dim": projection,
    }
