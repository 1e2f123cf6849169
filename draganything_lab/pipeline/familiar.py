"""Does a model know such pictures? Its VAE says: what it cannot rebuild, the other networks have never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..control.representations import CUT_AND_DRAG
from ..media.picture import psnr

if TYPE_CHECKING:
    from .parts import Networks

# A picture rebuilt worse than this is foreign; tests/test_shipped.py holds it against Toyland and photographs.
FLOOR_DB = 28.0
LARGE = 20_000_000  # a VAE with at least this many parameters was trained on photographs


def vae_round_trip(vae: Any, image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture at the model's size, and what its VAE makes of it.

    Args:
        vae: The VAE of a pipeline.
        image: (H0, W0, 3) uint8 RGB.
        size: (H, W) of the model.

    Returns:
        Both (H, W, 3) uint8.
    """
    import torch

    from .sampling import model_pixels, to_frames

    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    pixels = model_pixels(picture, size)
    with torch.no_grad():
        latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        back = vae.decode(latents, num_frames=1).sample
    return to_frames(pixels, "np")[0], to_frames(back.nan_to_num(), "np")[0]


def takes_any_picture(pipe: Networks) -> bool:
    """Whether a pipeline carries a picture's own pixels along, so that its networks need not know what they show.

    >>> takes_any_picture(load_pipeline("toy", "carry"))  # doctest: +SKIP
    True
    """
    if getattr(pipe, "decoder", None) is None:
        return False
    return pipe.controlnet.config.representation == "carry" or pipe.config["default_steering"] == CUT_AND_DRAG


def stranger_note(pipe: Networks, image: np.ndarray, size: tuple[int, int]) -> str:
    """Say where a small model does not know such pictures.

    Args:
        pipe: A pipeline.
        image: (H0, W0, 3) uint8 RGB.
        size: (H, W) of the model.

    Returns:
        One sentence; empty where it knows them, for large models, which have seen photographs, and where the picture's
        own pixels are carried along (`takes_any_picture`).
    """
    if takes_any_picture(pipe) or sum(parameter.numel() for parameter in pipe.vae.parameters()) >= LARGE:
        return ""
    quality = psnr(*vae_round_trip(pipe.vae, image, size))
    if quality >= FLOOR_DB:
        return ""
    others = "svd on a GPU, or the preview"
    if getattr(pipe, "decoder", None) is not None:
        others = f'the representation "carry", cut-and-drag, {others}'
    return (
        f"These weights have never seen pictures like this (their VAE reconstructs it at {quality:.1f} dB, Toyland at "
        f"{FLOOR_DB:.0f} dB or more), so dragged objects will not keep their looks: use {others}."
    )
