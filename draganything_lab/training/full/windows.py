"""Windows of a clip's frames, and the order in which an endless training sees the clips."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError

T = TypeVar("T")


def window_starts(count: int, frames: int, stride: int = 1, hop: int | None = None) -> list[int]:
    """Where the windows of a run of frames begin.

    Args:
        count: Frames of the run.
        frames: F, frames of a window.
        stride: Steps of the run from one frame of a window to the next.
        hop: Steps from one window's start to the next one's; None for half a window.

    Returns:
        Increasing starts from 0. The last window ends with the run or, if `hop` does not get there, another one does;
        empty if the run is too short.

    Raises:
        LabError: A number is too small.

    >>> window_starts(24, 14), window_starts(13, 14), window_starts(29, 14, stride=2)
    ([0, 7, 10], [], [0, 2])
    """
    check_extent(frames, stride, hop)
    last = count - ((frames - 1) * stride + 1)
    if last < 0:
        return []
    step = max(1, frames * stride // 2) if hop is None else hop
    starts = list(range(0, last + 1, step))
    return starts if starts[-1] == last else [*starts, last]


def windows_of(
    runs: Sequence[Sequence[T]], frames: int, stride: int = 1, hop: int | None = None
) -> list[tuple[T, ...]]:
    """The windows of F frames of a clip's runs; none reaches over a gap. Arguments as for `window_starts`."""
    return [
        tuple(run[start + stride * place] for place in range(frames))
        for run in runs
        for start in window_starts(len(run), frames, stride, hop)
    ]


def check_extent(frames: int, stride: int, hop: int | None) -> None:
    """Refuse windows that are not videos."""
    if frames < 2:
        raise LabError(f"a window has {frames} frames", fix="use at least 2")
    if stride < 1:
        raise LabError(f"the stride is {stride}", fix="use at least 1")
    if hop is not None and hop < 1:
        raise LabError(f"windows begin {hop} frames apart", fix="use at least 1")


@lru_cache(maxsize=4)
def epoch_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of `count` clips in an epoch: a permutation that follows from seed and epoch alone; read-only."""
    order = np.random.default_rng((seed, epoch, 1)).permutation(count)
    order.flags.writeable = False
    return order


def place_of(seed: int, number: int, count: int) -> tuple[int, int]:
    """The epoch of sample `number`, and which of the `count` clips it shows; each epoch shows every clip once."""
    if number < 0 or count < 1:
        raise LabError(f"sample {number} of {count} clips", fix="count samples from 0, and have at least one clip")
    epoch, place = divmod(number, count)
    return epoch, int(epoch_order(seed, epoch, count)[place])
