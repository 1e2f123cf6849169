"""How well holes are filled: pictures from which a thing is taken away, against the same world without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...media.filling import fill_holes
from ...toyland.sampler import sample_world
from .ruler import likeness
from .samples import Table

HOLES = "holes that a thing leaves in a picture, filled, PSNR (dB)"
LEAST_PIXELS = 12  # of what a figure is taken from


def measure_holes(table: Table, decoder: Any, count: int, size: int, first: int) -> None:
    """Add how like the truth holes are filled, by a `ReferenceDecoder`'s own network and without one.

    The farthest thing of each Toyland picture is taken away, so that the hole may border on other things.

    Args:
        table: A `samples.Table`.
        decoder: The `ReferenceDecoder`.
        count: Pictures.
        size: Their side in pixels.
        first: First seed.
    """
    for seed in range(first, first + count):
        world = sample_world(seed, (size, size), 1)
        clip, behind = world.render(), replace(world, things=world.things[1:]).render().video[0]
        holes = clip.labels[0] == 1
        if holes.sum() < LEAST_PIXELS:
            continue
        for maker, fill in (("a network", decoder.fill), ("without a network", fill_holes)):
            table.add(HOLES, maker, seed, likeness(behind, fill(clip.video[0], holes), holes))
