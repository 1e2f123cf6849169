"""The numbers around the networks: pictures as they want them, noise from seeds, guidance, and frames out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ..errors import LabError

RELEASED_TIME_IDS = (6.0, 128.0, 0.02)  # what the released code always tells: fps less one, motion bucket, noise
OUTPUT_TYPES = ("np", "pil", "pt", "latent")
# CLIP's own, where the feature extractor does not say.
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
Generators: TypeAlias = "torch.Generator | list[torch.Generator]"


def model_pixels(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bring a picture to the VAE's size and range.

    Args:
        picture: (1, 3, H0, W0) float32 in 0..1. A picture that came from 8 bits is resized by Pillow (Lanczos), as
            diffusers does, other values by bicubic interpolation.
        size: (H, W) wanted.

    Returns:
        (1, 3, H, W) float32 in -1..1.
    """
    if tuple(picture.shape[-2:]) != tuple(size):
        eight_bit = (picture[0] * 255).round().to(torch.uint8)
        if torch.equal(eight_bit.float() / 255, picture[0]):
            image = Image.fromarray(eight_bit.permute(1, 2, 0).numpy())
            resized = image.resize((size[1], size[0]), Image.Resampling.LANCZOS)
            picture = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
        else:
            picture = F.interpolate(picture, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    return picture * 2 - 1


def clip_values(extractor: Any) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and standard deviation of the three channels of a feature extractor; CLIP's own where it has none."""
    return getattr(extractor, "image_mean", None) or CLIP_MEAN, getattr(extractor, "image_std", None) or CLIP_STD


def encoder_pixels(
    picture: torch.Tensor, side: int, normalise: tuple[Sequence[float], Sequence[float]] | None
) -> torch.Tensor:
    """Bring a picture to the image encoder's size.

    Args:
        picture: (1, 3, H0, W0) float32 in 0..1.
        side: The encoder's height and width (224 for SVD).
        normalise: Mean and standard deviation of the three channels, as SVD was trained; None leaves the picture in
            0..1, as the released code does.

    Returns:
        (1, 3, side, side) float32.

    Source:
        The released code and SVD's pipeline: a Gaussian blur against aliasing, then bicubic interpolation with aligned
        corners.
    """
    pixels = picture
    for axis in (3, 2):
        pixels = _blurred(pixels, pixels.shape[axis] / side, axis)
    pixels = F.interpolate(pixels, (side, side), mode="bicubic", align_corners=True)
    if normalise is None:
        return pixels
    # Plain numbers: a tensor made of them here would have to be sent to a GPU, which waits for it.
    channels = [(pixels[:, i] - mean) / std for i, (mean, std) in enumerate(zip(*normalise, strict=True))]
    return torch.stack(channels, dim=1)


def _blurred(pixels: torch.Tensor, shrink: float, axis: int) -> torch.Tensor:
    """Blur along one axis as much as shrinking it by `shrink` needs."""
    sigma = max((shrink - 1) / 2, 0.001)
    taps = int(max(4 * sigma, 3)) // 2 * 2 + 1
    distance = torch.arange(taps, dtype=pixels.dtype, device=pixels.device) - taps // 2
    kernel = torch.exp(-(distance**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view((1, 1, 1, -1) if axis == 3 else (1, 1, -1, 1))
    margin = (taps // 2, taps // 2, 0, 0) if axis == 3 else (0, 0, taps // 2, taps // 2)
    padded = F.pad(pixels, margin, mode="reflect")
    return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)


def make_generators(seed: Any, generator: Any, videos: int | None) -> tuple[Generators, int, list[int] | None]:
    """Turn what the caller gave into generators.

    Args:
        seed: A whole number, one for each video, or None.
        generator: A `torch.Generator`, one for each video, or None; instead of `seed`.
        videos: How many videos were asked for; None for as many as there are seeds.

    Returns:
        The generator, or one for each video; the number of videos; the seeds, where they are known. Without seed and
        generator a seed is drawn. Seeds make generators of the CPU, whose numbers are the same on any machine.

    Raises:
        LabError: Both were given, the counts differ, or a seed is not a whole number.
    """
    if seed is not None and generator is not None:
        raise LabError("both seed and generator were given", fix="give one of them")
    given = generator if generator is not None else seed
    listed = isinstance(given, (list, tuple, np.ndarray, range))
    if listed and videos is not None and len(given) != videos:
        raise LabError(f"{len(given)} seeds or generators for {videos} videos", fix="give one for each video")
    if listed and len(given) == 0:
        raise LabError("the list of seeds is empty", fix="give one seed for each video")
    count = len(given) if listed else (1 if videos is None else videos)
    if generator is not None:
        for one in given if listed else [given]:
            if not isinstance(one, torch.Generator):
                raise LabError(f"generator is a {type(one).__name__}", fix="give a torch.Generator, or seed=")
        return (list(given) if listed else given), count, None
    if seed is None:
        seed = int(torch.randint(2**31, ()).item())
    seeds = [_whole_seed(one) for one in (seed if listed else [seed])]
    generators = [torch.Generator().manual_seed(one) for one in seeds]
    return (generators if listed else generators[0]), count, seeds


def _whole_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise LabError(f"seed {seed!r} is not a whole number from 0 to 2**64 - 1")
    return int(seed)


def draw_noise(shape: tuple[int, ...], generators: Generators, *, once: bool = False) -> torch.Tensor:
    """Draw standard normal noise in float32, on the CPU or wherever the generator lives.

    Args:
        shape: (V, …).
        generators: One for all videos, or one for each.
        once: With one generator, draw (1, …) and use it for all videos, as diffusers does with the picture's noise.

    Returns:
        `shape`, or (1, …); on the CPU.
    """
    if isinstance(generators, list):
        rows = [torch.randn(1, *shape[1:], generator=one, device=one.device).cpu() for one in generators]
        return torch.cat(rows)
    if once:
        shape = (1, *shape[1:])
    return torch.randn(shape, generator=generators, device=generators.device).cpu()


def guidance_scales(low: float, high: float, frames: int) -> torch.Tensor | None:
    """Return one guidance scale per frame, from `low` to `high` in equal steps; None where all are 1.

    Returns:
        (1, F, 1, 1, 1) float32, or None: then the unguided half need not be computed.
    """
    scales = torch.linspace(low, high, frames)
    return None if bool((scales == 1).all()) else scales.view(1, frames, 1, 1, 1)


def stacked(videos: list[Any]) -> Any:
    """Put several videos into one array or tensor; lists stay a list."""
    if isinstance(videos[0], torch.Tensor):
        return torch.stack(videos)
    return np.stack(videos) if isinstance(videos[0], np.ndarray) else videos


def to_frames(pixels: torch.Tensor, output_type: str) -> Any:
    """Turn decoded pixels into what the caller wants.

    Args:
        pixels: (T, 3, H, W) in -1..1; what lies outside is clipped.
        output_type: "np", "pil" or "pt".

    Returns:
        (T, H, W, 3) uint8 array, a list of T PIL images, or a (T, 3, H, W) float32 tensor in 0..1.
    """
    values = (pixels.float() / 2 + 0.5).clamp(0, 1).cpu()
    if output_type == "pt":
        return values
    array = (values.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    return array if output_type == "np" else [Image.fromarray(frame) for frame in array]
