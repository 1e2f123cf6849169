"""Numbers drawn from names: the recordings' weights and inputs are made again here instead of being kept.

Each tensor comes from NumPy's frozen legacy stream, `RandomState(crc32("<seed>:<name>"))`, rounded to float16.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def stream(name: str, seed: int = 0) -> np.random.RandomState:
    """The stream of random numbers that belongs to a name."""
    return np.random.RandomState(zlib.crc32(f"{seed}:{name}".encode()) & 0xFFFFFFFF)


def seeded_weight(key: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """A network's parameter, float16, of a size that keeps signals in range."""
    drawn = stream(key, seed).standard_normal(shape)
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "mix_factor":  # goes through a sigmoid
        drawn = 0.3 + 0.8 * drawn
    elif leaf == "bias":
        drawn = 0.1 * drawn
    elif leaf == "weight" and len(shape) == 1:  # of a norm
        drawn = 1.0 + 0.1 * drawn
    elif leaf == "class_embedding" or ("embedding.weight" in key and "position" in key):
        drawn = 0.5 * drawn
    else:
        drawn = drawn / np.sqrt(int(np.prod(shape[1:])) if len(shape) > 1 else 1)
        if key.endswith("controlnet_cond_embedding.conv_in.weight"):
            drawn = drawn / 32.0  # what goes in is 0..255
        if ".conv_out" in key and "cond_embedding" in key:
            drawn = drawn * 4.0  # so that the control matters
    return drawn.astype(np.float16)


def seeded_input(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An input, float32, normally distributed."""
    return stream(f"input:{name}").standard_normal(shape).astype(np.float16).astype(np.float32)


def fill(net: Any, seed: int) -> Any:
    """Put the seeded weights into a PyTorch module, and return it ready to run."""
    import torch

    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items() if value.is_floating_point()}
    weights = {key: torch.from_numpy(seeded_weight(key, shape, seed)) for key, shape in shapes.items()}
    net.load_state_dict(weights, strict=False)
    return net.eval()
