"""What a run of the pipeline returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from diffusers.utils import BaseOutput


@dataclass
class DragAnythingOutput(BaseOutput):
    """What a run returns.

    Attributes:
        frames: The video; its form is `output_type`'s. With several videos, one more axis (or list) in front.
        seeds: The seed of each video, where it is known; None when a generator was given.
        control: The control signal that was used.
        shares: (T, H, W, 4) float32 in 0..1; with several videos, one more axis in front. How much of each pixel the
            reference decoder carried along from the picture, left as it is in that place of the picture, generated
            (including the completed parts of objects that were hidden or lay outside the picture), and filled in; None
            where the VAE decoded.
    """

    frames: Any
    seeds: list[int] | None = None
    control: Any = None
    shares: np.ndarray | None = None
