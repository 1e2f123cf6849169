"""From a backend's name to a segmenter."""

from __future__ import annotations

from pathlib import Path

from ..errors import LabError
from .base import Segmenter
from .grabcut import GrabCutSegmenter

BACKENDS = ("auto", "toy", "grabcut", "sam_vit_b", "sam_vit_l", "sam_vit_h")


def load_segmenter(
    name: str = "auto", checkpoint: str | Path | None = None, device: str | None = None, *, download: bool = False
) -> Segmenter:
    """Load a segmenter.

    Args:
        name: "auto", "toy" (small SAM, shipped), "grabcut" (no network), "sam_vit_b", "sam_vit_l" or "sam_vit_h".
        checkpoint: A SAM's file of weights; None for the registry's.
        device: "cuda", "cpu", …; None for a GPU if there is one.
        download: Fetch a checkpoint that is not there; size and licence are said first.

    Raises:
        LabError: No such backend, or its weights are not there, or not whole.
    """
    plain = str(name).lower().replace("-", "_")
    if plain not in BACKENDS:
        raise LabError(f'no segmenter is called "{name}"; use one of {", ".join(BACKENDS)}')
    if plain in ("auto", "grabcut"):
        return GrabCutSegmenter()
    raise LabError(f'"{plain}" is not here yet; use "grabcut"')
