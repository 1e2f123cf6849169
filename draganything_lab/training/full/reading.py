"""The frames of one window, at the size of the training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...media.clip_folders import Frame
from ...media.clip_frames import load_frame, load_ids


def read_window(frames: Sequence[Frame], size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Read a window.

    Args:
        frames: F frames.
        size: (H, W); pictures and masks are cropped in the same way to that shape and resized, not distorted.

    Returns:
        video (F, H, W, 3) uint8 RGB; ids (F, H, W) int32, 0 for none.

    Raises:
        LabError: A file is missing or damaged.
    """
    video = np.stack([load_frame(frame.picture, size) for frame in frames])
    return video, np.stack([load_ids(frame.mask, size) for frame in frames])
