"""Checks of what a call asks for; each names the argument, its value and what to give instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..errors import LabError
from .sampling import OUTPUT_TYPES

# Lowest and highest of each number; a whole number where the lowest is one.
LIMITS: dict[str, tuple[float, float]] = {
    "num_videos_per_prompt": (1, 1000),
    "num_inference_steps": (1, 1000),
    "num_frames": (1, 1000),
    "control_chunk_size": (1, math.inf),
    "decode_chunk_size": (1, math.inf),
    "min_guidance_scale": (0.0, 100),
    "max_guidance_scale": (0.0, 100),
    "conditioning_scale": (-100.0, 100),
    "noise_aug_strength": (0.0, 100),
    "fps": (1.0, 1000),
    "motion_bucket_id": (0.0, 1000),
}


def check_finite(what: str, values: np.ndarray | torch.Tensor) -> None:
    """Raise a `LabError` that counts NaN and infinity, if there are any."""
    tensor = torch.as_tensor(np.array(values)) if isinstance(values, np.ndarray) else values
    bad = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
    if bad:
        raise LabError(
            f"{what}: {bad:,} of {tensor.numel():,} values are NaN or infinite", fix="re-create it without them"
        )


def check_number(name: str, value: Any, low: float, high: float = math.inf, *, whole: bool = False) -> Any:
    """Return a number if it lies in `low`..`high`, or raise a `LabError` that says so."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        limit = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise LabError(f"{name} is {value!r}", fix=f"give {kind} {limit}")
    return int(value) if whole else float(value)


def check_output_type(output_type: Any) -> None:
    """Check what form the frames are asked for in."""
    if output_type not in OUTPUT_TYPES:
        raise LabError(f'output_type "{output_type}" is unknown', fix=f"use one of {', '.join(OUTPUT_TYPES)}")


def check_callback(callback: Callable | None, names: Any, allowed: list[str]) -> None:
    """Check what a step's callback asks to see."""
    if callback is not None and not callable(callback):
        raise LabError(
            f"callback_on_step_end is a {type(callback).__name__}", fix="give a function (pipe, step, t, tensors)"
        )
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise LabError(f'a callback cannot see "{unknown[0]}"', fix=f"it can see {', '.join(allowed)}")


def given_noise(latents: torch.Tensor | None, shape: tuple[int, ...]) -> torch.Tensor | None:
    """Return given noise as (V, F, C, h, w), or raise a `LabError`."""
    if latents is None:
        return None
    noise = torch.as_tensor(latents)
    noise = noise[None] if noise.ndim == len(shape) - 1 else noise
    if tuple(noise.shape) != shape:
        raise LabError(
            f"latents are {tuple(latents.shape)}", fix=f"give {shape} (videos, frames, channels, height, width)"
        )
    check_finite("latents", noise)
    return noise.float()
