"""The small networks of `toy`: the classes of Stable Video Diffusion and of DragAnything at sizes for a laptop."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from ...models import DragAnythingControlNet, DragAnythingUNet
from ...models.shortcuts import take_shortcuts

CONTEXT = 64
# Of a pooled entity, kept whole. A ridge regression read its colour from them with R^2 0.66 at step 61 and 0.56 at step
# 261, from averages of pairs with 0.43 (675 held-out things; a network after 212 steps).
ENTITY_CHANNELS, ENTITY_TIMESTEP = 64, 61
ENTITY_LAYER = 0  # of the last up block, after which its features are taken: the end knows more of the noise
LATENT_CHANNELS = 12  # of the VAE: 16 were too many for the small UNet, 8 keep too little of the picture
PICTURE, NUM_FRAMES = 128, 14  # pixels of a side; at 64 a thing has but two or three cells of 8x8
SIGMA_MIN, SIGMA_MAX = 0.6, 20.0


def build_unet(
    picture: int = PICTURE, latents: int = LATENT_CHANNELS, widths: tuple[int, ...] = (128, 128)
) -> DragAnythingUNet:
    """A small video UNet with attention at every level; `picture` is the side it is trained at, in pixels."""
    unet = DragAnythingUNet(
        sample_size=picture // 8,
        in_channels=2 * latents,
        out_channels=latents,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlockSpatioTemporal",) * len(widths),
        up_block_types=("CrossAttnUpBlockSpatioTemporal",) * len(widths),
        num_attention_heads=tuple(width // 32 for width in widths),
        cross_attention_dim=CONTEXT,
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        num_frames=NUM_FRAMES,
    )
    take_shortcuts(unet)
    return unet


def build_image_encoder() -> CLIPVisionModelWithProjection:
    """A small CLIP vision model; it is trained together with the video UNet."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=64,
            patch_size=16,
            projection_dim=CONTEXT,
        )
    )


def build_controlnet(unet: DragAnythingUNet, representation: str = "entity+gaussian") -> DragAnythingControlNet:
    """A ControlNet of a UNet's layout, starting from its weights; its towers take control images of 0..1 (see `fold`).

    Towers without normalisation, started as PyTorch does, hand on a thousandth of what they get after seven layers; and
    their last layers need not start at zero, since the UNet learns together with them. So they start loud.
    """
    net = DragAnythingControlNet.from_unet(
        unet,
        conditioning_embedding_out_channels=(16, 32, 48, 64),
        entity_embedding_out_channels=(ENTITY_CHANNELS, 32, 48, 64),
        representation=representation,
        first_frame_control=True,
        carries=True,
    )
    take_shortcuts(net)
    for module in net.controlnet_cond_embedding.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    net.controlnet_cond_embedding.place.entity.weight.data *= 0.5  # entities must not drown the places within them
    return net


@torch.no_grad()
def fold(embedding: Any, factor: float = 1 / 255) -> None:
    """Make towers that were trained on control images of 0..1 take those of 0..255, as the released weights do."""
    embedding.conv_in.weight *= factor
    embedding.place.image.weight *= factor


def build_scheduler() -> Any:
    """SVD's scheduler over less noise: 20 hides latents this small, and from 0.6 on one step is enough."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        interpolation_type="linear",
        use_karras_sigmas=True,
        sigma_min=SIGMA_MIN,
        sigma_max=SIGMA_MAX,
        timestep_type="continuous",
        timestep_spacing="leading",
        steps_offset=1,
    )


def build_feature_extractor() -> CLIPImageProcessor:
    """Holds CLIP's mean and standard deviation and the small encoder's picture size."""
    return CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
