"""From a source of samples to the batches of one process: in order, stacked, each with its own noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from ...control.representations import shows_vectors
from ...errors import LabError
from ..engine.data import batches
from .networks import Start
from .options import Options
from .step import Noise, draw_noise


class Source(Protocol):
    """An endless sequence of samples, fixed by a seed.

    `draw(number)` returns, without a batch axis: video (F, 3, H, W) uint8; image (F, 3, H, W) uint8 or float16; labels
    (F, H, W) uint8; vectors (E + 1, C) float32; moved (F, H, W) bool; and for "carry" ways (F, 3, h, w) float16.
    """

    def __len__(self) -> int:
        """Clips in an epoch."""

    def draw(self, number: int) -> dict[str, Tensor]:
        """Sample `number`."""

    def fingerprint(self) -> str:
        """Changes with anything that changes a sample."""


class Supply:
    """Draws the batches of one process; can be sent to the processes that draw ahead.

    Args:
        source: Where samples come from.
        start: The networks, for the shape of their latents.
        options: Batch, parts and size.
        rank: Number of this process.
        processes: Number of processes.
    """

    def __init__(self, source: Source, start: Start, options: Options, rank: int, processes: int) -> None:
        self.source, self.options, self.rank, self.processes = source, options, rank, processes
        self.latents = start.latent_channels, start.factor

    def numbers(self, part: int) -> range:
        """The samples of this process's part number `part`, counted over all steps."""
        step, index = divmod(part, self.options.accumulate)
        share = self.options.share(self.processes)
        first = step * self.options.batch + (index * self.processes + self.rank) * share
        return range(first, first + share)

    def __call__(self, part: int) -> dict[str, Any]:
        """The batch of a part, with its noise under the names of `Noise` after "noise "."""
        numbers = self.numbers(part)
        samples = [self.source.draw(number) for number in numbers]
        stacked = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
        noise = draw_noise(numbers, *self.latents, self.options)
        return stacked | {f"noise {name}": value for name, value in noise._asdict().items()}

    def from_step(self, step: int, workers: int, device: str) -> Iterator[tuple[dict[str, Tensor], Noise]]:
        """Batches and their noise from a step on, drawn ahead by `workers` processes; on the CPU."""
        for drawn in batches(self, step * self.options.accumulate, workers, device):
            noise = Noise(**{name: drawn.pop(f"noise {name}") for name in Noise._fields})
            yield drawn, noise


def check_source(source: Source, start: Start, options: Options) -> None:
    """Check that samples are what the options and networks want, by the first one.

    Raises:
        LabError: There are no samples, or a part of one has another shape or type.
    """
    for side, name in zip(options.size, ("height", "width"), strict=True):
        if side % start.size_multiple:
            below = max(1, side // start.size_multiple) * start.size_multiple
            raise LabError(
                f"the clips' {name} {side} is not a multiple of {start.size_multiple}",
                fix=f"use a --size with {below} or {below + start.size_multiple}",
            )
    if len(source) < 1:
        raise LabError("there are no clips to train on", fix="pass another --data folder")
    sample = source.draw(0)
    frames, (height, width) = options.frames, options.size
    wanted: dict[str, tuple[tuple[int | None, ...], tuple[torch.dtype, ...]]] = {
        "video": ((frames, 3, height, width), (torch.uint8,)),
        "image": ((frames, 3, height, width), (torch.uint8, torch.float16, torch.float32)),
        "labels": ((frames, height, width), (torch.uint8,)),
        "moved": ((frames, height, width), (torch.bool,)),
    }
    if shows_vectors(options.representation):
        wanted["vectors"] = ((None, start.vector_length), (torch.float32,))
    if start.controlnet.config.carries and options.representation == "carry":
        cells = height // start.factor, width // start.factor
        wanted["ways"] = ((frames, 3, *cells), (torch.float16, torch.float32))
    for name, (shape, types) in wanted.items():
        found = sample.get(name)
        if found is None:
            raise LabError(f'the samples have no "{name}"', fix=f'"{options.representation}" needs it')
        fits = len(shape) == found.ndim and all(a in (None, b) for a, b in zip(shape, found.shape, strict=True))
        if not fits:
            text = " x ".join("any" if side is None else str(side) for side in shape)
            is_now = " x ".join(map(str, found.shape))
            raise LabError(
                f'the samples\' "{name}" is {is_now} and this training needs {text}',
                fix="make the features anew with this model, or fix --size and --frames",
            )
        if found.dtype not in types:
            raise LabError(f'the samples\' "{name}" is {found.dtype}', fix=f"make it {types[0]}")
