"""Two versions of DragAnything: what the paper says, and what the released code does.

Each place where the two differ is a named switch of `Behaviour`. The released weights were trained with residual
multiplicity [4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1], so that is not a switch: both versions use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import LabError


@dataclass(frozen=True)
class Behaviour:
    """The switches between the paper and the released code.

    Attributes:
        name: The preset's name.
        entity_vector: "whole" writes the entity's vector into its disc (paper, section 3.3); "first_channel" writes its
            first channel's mean into every channel (released `demo.py`).
        gaussian_border: "crop" crops a Gaussian at the picture's border; "squash" resizes the whole stamp into what
            remains of its box, with whole-pixel centres and radii, and its corners overwrite what was there (released
            code; `draganything_lab.control.stamps` has the table).
        radius_cap: Largest radius of a Gaussian or entity disc in pixels; None for no limit.
        clip_normalised: Whether the image encoder gets CLIP's mean and standard deviation (as SVD was trained) or the
            picture in 0..1 as it is (released code).
        time_ids_from_call: Whether fps, motion bucket and noise strength reach the UNet, or always [6, 128, 0.02].
        resized_first: Whether a picture whose size differs from the video's is first resized to it (Pillow's default),
            in 8 bits, for both CLIP and the VAE (released code), or each gets the original picture.
    """

    name: str
    entity_vector: Literal["whole", "first_channel"]
    gaussian_border: Literal["crop", "squash"]
    radius_cap: int | None
    clip_normalised: bool
    time_ids_from_call: bool
    resized_first: bool = False


PAPER = Behaviour("paper", "whole", "crop", None, True, True)
RELEASE = Behaviour("release", "first_channel", "squash", 50, False, False, True)
PRESETS = {preset.name: preset for preset in (PAPER, RELEASE)}


def behaviour(preset: str | Behaviour) -> Behaviour:
    """Return a preset by its name ("paper" or "release"); a `Behaviour` of your own is returned unchanged.

    Raises:
        LabError: There is no preset of that name.
    """
    if isinstance(preset, Behaviour):
        return preset
    if preset not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise LabError(f'preset "{preset}" is unknown', fix=f"use one of {known} or a Behaviour of your own")
    return PRESETS[preset]
