"""Objects that turn or grow: how near a video comes to the truth when the drag asks for it, and when it does not."""

from __future__ import annotations

import numpy as np

from ...motion import measure
from ...toyland import ToyClip
from .ruler import likeness
from .samples import Table

LEAST_PIXELS = 12  # of what a figure is taken from
ASKED = ", asked"  # ends the names of makers whose drags say how objects turn and grow
TURNING_LOOKS = "moved things that turn or grow, PSNR against the truth (dB)"
TURN_ERROR = "things that turn, error of the angle (°)"
SIZE_ERROR = "things that grow or shrink, error of the size (%)"


def turning(clip: ToyClip) -> list[int]:
    """Numbers, from 0, of the moved things of a clip that turn or grow."""
    things = enumerate(clip.world.things)
    return [n for n, thing in things if thing.role == "moved" and (thing.turn is not None or thing.grow is not None)]


def measure_asked(table: Table, maker: str, seed: int, clip: ToyClip, video: np.ndarray) -> None:
    """Add how things that turn or grow look in the last frame, and how far off their angles and sizes are.

    Args:
        table: The table.
        maker: Who made the video, with `ASKED` at its end if the drag asked for turn and size.
        seed: The clip's seed.
        clip: The truth.
        video: (T, H, W, 3) uint8 RGB.
    """
    numbers = turning(clip)
    for number in numbers:
        mask = clip.labels[-1] == number + 1
        if mask.sum() >= LEAST_PIXELS:
            table.add(TURNING_LOOKS, maker, seed, likeness(clip.video[-1], video[-1], mask))
    scene = clip.scene()
    report = measure(video, scene)
    for entity, found in zip(scene.controlled, report.entities, strict=True):
        number = int(clip.labels[0][entity.mask][0]) - 1
        if entity.kind != "foreground" or number not in numbers:
            continue
        if clip.world.things[number].turn is not None:
            table.add(TURN_ERROR, maker, seed, found.pose.mean_turn_error)
        if clip.world.things[number].grow is not None:
            table.add(SIZE_ERROR, maker, seed, found.pose.mean_size_error_percent)
