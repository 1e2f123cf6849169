"""ObjMC of many videos: the protocol of each number, and one number with its interval for all of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from .intervals import Measured, mean_of
from .objmc import ObjMC, trimmed_mean
from .protocol import Protocol
from .released import GRID


def our_protocol(one: ObjMC, **more: Any) -> Protocol:
    """The protocol of our numbers, with more choices (data, model settings) as keywords."""
    return Protocol.of(
        "ObjMC, ours",
        unit="% of the diagonal",
        points="median of nine around the inscribed circle's centre",
        counted="seen, to be inside the picture, without frame 0",
        tracker=one.tracker,
        frames=len(one.wanted),
        size=f"{one.size[1]}x{one.size[0]}",
        **more,
    )


def released_protocol(one: ObjMC, **more: Any) -> Protocol:
    """The protocol of the released numbers."""
    return Protocol.of(
        "ObjMC, released",
        unit="px",
        points=f"of a {GRID}x{GRID} grid, the nearest to the inscribed circle's centre",
        counted="all points and frames",
        tracker=one.tracker,
        frames=len(one.wanted),
        size=f"{one.size[1]}x{one.size[0]}",
        **more,
    )


def pooled(
    several: Sequence[ObjMC], groups: Sequence[Hashable] | None = None, *, seed: int = 0, **more: Any
) -> dict[str, Measured]:
    """Combine several videos: every counted entity and frame has equal weight, and the bootstrap draws groups.

    Args:
        several: ObjMC of each video, all of the same protocol.
        groups: Independent groups, such as the scene of each video (seeds of one scene are not); None: each video.
        seed: Seed of the bootstrap.
        more: Further choices for the protocol, such as data="Toyland, 12 scenes".

    Returns:
        "mean", "median", "trimmed" (% of the diagonal), "released" (px) and "seen" (%).

    Raises:
        LabError: There are no videos, or their protocols differ.
    """
    if not several:
        raise LabError("there is no video to combine", fix="pass one or more")
    first = our_protocol(several[0])
    for number, one in enumerate(several):
        if our_protocol(one) != first:
            apart = "; ".join(first.differences(our_protocol(one)))
            raise LabError(f"video {number} has another protocol than video 0 ({apart})", fix="keep them separate")
    keys = list(range(len(several))) if groups is None else list(groups)
    if len(keys) != len(several):
        raise LabError(f"{len(several)} videos but {len(keys)} groups", fix="pass one group per video")
    values = np.concatenate([one.percent[1:].reshape(-1) for one in several])
    owners = [key for key, one in zip(keys, several, strict=True) for _ in range(one.percent[1:].size)]
    protocol = our_protocol(several[0], **more)
    out = {
        name: mean_of(
            values, protocol.but(summary=name), unit="% of the diagonal", groups=owners, statistic=of, seed=seed
        )
        for name, of in {"mean": None, "median": _median, "trimmed": trimmed_mean}.items()
    }
    pixels = np.concatenate([one.released_px.reshape(-1) for one in several])
    owners = [key for key, one in zip(keys, several, strict=True) for _ in range(one.released_px.size)]
    out["released"] = mean_of(pixels, released_protocol(several[0], **more), unit="px", groups=owners, seed=seed)
    shares = [100 * one.seen for one in several]
    out["seen"] = mean_of(shares, protocol.but(summary="share counted"), unit="%", groups=keys, seed=seed)
    return out


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values))
