"""The maths of SVD's training: noise of a level, what the network sees of it, what it should say, and the loss.

Source:
    EDM (arXiv 2206.00364), table 1, in the variant that SVD uses: continuous levels and v-prediction.
"""

from __future__ import annotations

from torch import Tensor, nn


def wide(sigma: Tensor) -> Tensor:
    """Noise levels (B,) as (B, 1, 1, 1, 1), to be multiplied with videos."""
    return sigma[:, None, None, None, None]


def scaled(noisy: Tensor, sigma: Tensor) -> Tensor:
    """What the network sees of noisy latents (B, F, C, h, w) at levels (B,): about as large at every level."""
    return noisy / (wide(sigma) ** 2 + 1).sqrt()


def timestep(sigma: Tensor) -> Tensor:
    """How the network is told the levels (B,)."""
    return 0.25 * sigma.log()


def velocity(noisy: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """What the network should say: x0 = noisy / (s^2 + 1) - s / sqrt(s^2 + 1) * v, solved for v."""
    s = wide(sigma)
    return (noisy / (s**2 + 1) - clean) * (s**2 + 1).sqrt() / s


def denoised(noisy: Tensor, said: Tensor, sigma: Tensor) -> Tensor:
    """The clean latents that follow from what the network says."""
    s = wide(sigma)
    return noisy / (s**2 + 1) - s / (s**2 + 1).sqrt() * said


def at_latent_size(moved: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks (B, F, H, W) bool as (B, F, h, w) float32: 1 wherever a latent cell holds a pixel of the mask."""
    return nn.functional.adaptive_max_pool2d(moved.float(), size)
