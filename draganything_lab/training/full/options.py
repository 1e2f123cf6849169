"""How to train: every choice of a run that its result depends on, in one place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...control.representations import checked_representation
from ...errors import LabError

LOSSES = ("masked", "plain", "mixed")
PRECISIONS = ("no", "bf16", "fp16")
OPTIMISERS = ("adamw", "adamw8bit")


@dataclass(frozen=True)
class Options:
    """The choices of a training run; the defaults are the paper's where it says, else the released script's or SVD's.

    Attributes:
        size: (H, W) of the clips.
        frames: F of the clips.
        batch: Clips in a step over all processes and accumulated parts together.
        accumulate: Parts in which each process computes its share of a step, one after the other.
        steps: Optimiser steps.
        rate: Learning rate.
        warm_up: Steps in which it rises to that.
        optimiser: "adamw", or "adamw8bit" (needs bitsandbytes).
        precision: "no" (float32), "bf16" or "fp16"; the trained weights stay in float32.
        checkpointing: Whether activations are computed again in the backward pass instead of kept.
        loss: "masked" (the paper's: only where entities are), "plain" (everywhere), or "mixed".
        outside: For "mixed", the weight of everything else.
        drop_representation: Share of clips whose entity vectors are left out, so that guidance can tell them apart.
        drop_picture: Share of clips that are trained without their picture, for guidance.
        representation: How the ControlNet is told where entities go; one of `control.REPRESENTATIONS`.
        sigma: Mean and spread of the noise level's logarithm (SVD's for image to video: 0.7 and 1.6).
        picture_noise: Mean and spread of the logarithm of the noise on the picture, in -1..1 (SVD's: -3 and 0.5); the
            networks are told how much it is.
        fps: Frames per second that the networks are told (less one, as by the pipeline).
        motion_bucket: How much motion they are told.
        ema: Decay of the moving average of the weights.
        clip_norm: Largest norm of a step's gradient.
        seed: Decides noise, order and choice of clips, so that a resumed run and any number of processes go the same
            way.
    """

    size: tuple[int, int] = (320, 576)
    frames: int = 14
    batch: int = 8
    accumulate: int = 1
    steps: int = 100_000
    rate: float = 1e-5
    warm_up: int = 500
    optimiser: str = "adamw"
    precision: str = "bf16"
    checkpointing: bool = True
    loss: str = "masked"
    outside: float = 0.3
    drop_representation: float = 0.1
    drop_picture: float = 0.1
    representation: str = "entity+gaussian"
    sigma: tuple[float, float] = (0.7, 1.6)
    picture_noise: tuple[float, float] = (-3.0, 0.5)
    fps: int = 7
    motion_bucket: int = 127
    ema: float = 0.9999
    clip_norm: float = 1.0
    seed: int = 0

    def checked(self) -> Options:
        """These options, if each is possible; else a `LabError` that names it."""
        checked_representation(self.representation)
        for name, known in (("loss", LOSSES), ("precision", PRECISIONS), ("optimiser", OPTIMISERS)):
            if getattr(self, name) not in known:
                raise LabError(f'{name} "{getattr(self, name)}" is unknown', fix=f"use one of {', '.join(known)}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, bool) or not (isinstance(one, int) if isinstance(low, int) else math.isfinite(one)):
                    raise LabError(f"{name} is {one!r}", fix=f"use a number from {low:g} to {high:g}")
                if not low <= one <= high:
                    raise LabError(f"{name} is {one:g}", fix=f"use a number from {low:g} to {high:g}")
        return self

    def share(self, processes: int) -> int:
        """Clips that one of some processes computes at a time; a `LabError` where they cannot be shared out evenly."""
        parts = processes * self.accumulate
        if self.batch % parts:
            nearest = max(parts, round(self.batch / parts) * parts)
            raise LabError(
                f"a batch of {self.batch} clips cannot be shared out evenly to {processes} processes"
                + (f", each in {self.accumulate} parts" if self.accumulate > 1 else ""),
                fix=f"use a --batch of {nearest}",
            )
        return self.batch // parts

    def result(self) -> dict[str, Any]:
        """All choices that the result depends on by more than rounding, as JSON can store them."""
        kept = {name: value for name, value in asdict(self).items() if name not in FREE}
        return json.loads(json.dumps(kept))


# What may be another number in a resumed run: it goes the same way, up to rounding.
FREE = ("steps", "accumulate", "checkpointing")
# Lowest and highest value; whole numbers where the lowest is one.
LIMITS: Mapping[str, tuple[float, float]] = {
    "size": (8, 8192),
    "frames": (2, 1000),
    "batch": (1, 100_000),
    "accumulate": (1, 10_000),
    "steps": (1, 100_000_000),
    "rate": (1e-12, 1.0),
    "warm_up": (0, 100_000_000),
    "outside": (0.0, 1.0),
    "drop_representation": (0.0, 1.0),
    "drop_picture": (0.0, 1.0),
    "sigma": (-10.0, 10.0),
    "picture_noise": (-20.0, 10.0),
    "fps": (1, 1000),
    "motion_bucket": (0, 1000),
    "ema": (0.0, 1.0),
    "clip_norm": (1e-9, 1e9),
    "seed": (0, 2**63 - 1),
}
