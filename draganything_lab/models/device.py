"""The one choice of a device, where the user makes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def best_device(wanted: str | torch.device | None = None, *, mps: bool = True) -> str:
    """Return the device that is asked for; of none, a GPU if there is one, else "cpu".

    Args:
        wanted: "cuda", "cpu", ...; None to choose.
        mps: Whether Apple's GPUs will do. Code of others that needs float64 or layers that they lack says False.
    """
    if wanted is not None:
        return str(wanted)
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if mps and torch.backends.mps.is_available() else "cpu"
