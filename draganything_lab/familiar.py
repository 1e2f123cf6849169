"""Does a model know such pictures? Its VAE says: what it cannot rebuild, the other networks have never seen."""

from __future__ import annotations

from typing import Any

import numpy as np

# A picture rebuilt worse than this is foreign. At 128x128 the small VAE rebuilt 80 held-out pictures of Toyland with at
# least 28.8 dB, and eight photographs of scikit-image with at most 26.9.
FLOOR_DB = 28.0
LARGE = 20_000_000  # parameters of a VAE from which on it was trained on photographs


def vae_round_trip(pipe: Any, image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture at the model's size, and what its VAE makes of it.

    Args:
        pipe: A pipeline.
        image: (H0, W0, 3) uint8 RGB.
        size: (H, W) of the model.

    Returns:
        Both (H, W, 3) uint8.
    """
    import torch

    from .sampling import model_pixels, to_frames

    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    pixels = model_pixels(picture, size)
    vae = pipe.vae
    with torch.no_grad():
        latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        back = vae.decode(latents, num_frames=1).sample
    return to_frames(pixels, "np")[0], to_frames(back.nan_to_num(), "np")[0]


def rebuilt_db(small: np.ndarray, seen: np.ndarray) -> float:
    """PSNR in dB of what `vae_round_trip` returns."""
    error = np.mean((seen.astype(np.float64) - small) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def stranger_note(pipe: Any, image: np.ndarray, size: tuple[int, int]) -> str:
    """One sentence where a small model does not know such pictures, else an empty string; arguments as above."""
    if sum(parameter.numel() for parameter in pipe.vae.parameters()) >= LARGE:
        return ""
    quality = rebuilt_db(*vae_round_trip(pipe, image, size))
    if quality >= FLOOR_DB:
        return ""
    return (
        f"These weights do not know such pictures (their VAE rebuilds this one with {quality:.1f} dB, Toyland's with "
        f"{FLOOR_DB:.0f} and more): take svd on a GPU, or the preview."
    )
