"""How a training is run: nothing here changes its result."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...errors import LabError


@dataclass(frozen=True)
class Run:
    """How a training is run.

    Attributes:
        folder: Gets the checkpoints, the log, and the record of what decides the result.
        resume: Whether to go on from what the folder has.
        change: Names of options that may differ from those the folder's training began with.
        save_every: Steps between checkpoints.
        keep: How many checkpoints are kept, the newest.
        validate_every: Steps between validations.
        workers: Processes that draw samples ahead, for each process that trains; 0 draws in that one.
        device: "cpu"; None for what accelerate finds.
        log_with: Trackers; None for TensorBoard if it is installed, ("none",) for none.
    """

    folder: Path
    resume: bool = False
    change: tuple[str, ...] = ()
    save_every: int = 500
    keep: int = 3
    validate_every: int = 1000
    workers: int = 0
    device: str | None = None
    log_with: tuple[str, ...] | None = None

    def checked(self) -> Run:
        """This, if it is possible; else a `LabError`."""
        for name, low in (("save_every", 1), ("keep", 1), ("validate_every", 1), ("workers", 0)):
            if getattr(self, name) < low:
                raise LabError(f"--{name.replace('_', '-')} is {getattr(self, name)}", fix=f"use {low} or more")
        return self


class Stopped(Exception):
    """A signal ended the training; its checkpoint is saved.

    Attributes:
        number: The signal's number.
        step: Steps done.
    """

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} after step {step}; the checkpoint is saved")
        self.number, self.step = number, step


class Validate(Protocol):
    """Makes validation videos."""

    def __call__(self, weights: Mapping[str, Any], step: int, stop: Callable[[], bool]) -> Mapping[str, float]:
        """Return numbers by name.

        Args:
            weights: The ControlNet's weights, averaged.
            step: Steps done.
            stop: Says whether to stop early.
        """
