"""What the released FVD script does before I3D sees a clip, each step a named switch: GIF as input, batches of 16."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .extractors import Extractor

BATCH = 16
INPUTS = ("frames", "gif")
REMAINDERS = ("kept", "dropped", "released")
BATCHES = {"kept": "none dropped", "dropped": "16, a remainder dropped", "released": "16, a remainder dropped"}


def as_gif(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a video as it comes back from a GIF: (T, H, W, 3) uint8, 256 colours in each frame.

    Each frame goes through a file of its own, because an animated GIF joins equal frames to one.

    Source: the released evaluation reads generated and true videos from GIFs.
    """
    frames = []
    for frame in video:
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "GIF")
        with Image.open(buffer) as read:
            frames.append(np.asarray(read.convert("RGB")))
    return np.stack(frames)


def with_input(extractor: Extractor, kind: str) -> Extractor:
    """Return an extractor that takes frames as they are ("frames"), or through a GIF ("gif"), and says so."""
    if kind == "frames":
        return replace(extractor, choices=(*extractor.choices, ("input", "frames as they are")))
    inner = extractor.function
    choices = (*extractor.choices, ("input", "GIF, 256 colours"))
    return replace(extractor, function=lambda video: inner(as_gif(video)), choices=choices)


def counted(clips: int, remainder: str) -> int:
    """How many of a number of clips, the first ones, the Fréchet distance is computed from.

    Args:
        clips: Number of clips.
        remainder: "kept": all. "dropped": whole batches of 16. "released": as the released `clips[: -(n % 16)]`, which
            drops the remainder, and everything where there is none.

    >>> [counted(n, "released") for n in (15, 16, 17, 343)]
    [0, 0, 16, 336]
    """
    left = clips % BATCH
    if remainder == "kept":
        return clips
    return 0 if remainder == "released" and left == 0 else clips - left


def no_batch(clips: int) -> str:
    """Why nothing is left of a number of clips, and what to do."""
    if clips < BATCH:
        return f"{clips} clips do not fill a batch of {BATCH}; use --fvd-remainder kept"
    why = f"{clips} clips are whole batches of {BATCH}, and then the released code keeps none"
    return f"{why}; use --fvd-remainder dropped"
