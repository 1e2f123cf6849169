"""One video that was made and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .metrics import ObjMC
from .plan import REFERENCE, Job


@dataclass(frozen=True)
class Record:
    """One video that was made and measured."""

    job: Job
    about: dict[str, Any]
    objmc: ObjMC
    motion: dict[str, float]

    @property
    def who(self) -> str:
        """Model and representation as text."""
        return name_of(*self.job.maker)


def name_of(model: str, representation: str) -> str:
    """Name of a model in tables."""
    short = model if len(model) <= 40 else "…" + model[-39:]
    words = {REFERENCE: "true video", "frozen": "frozen video", "preview": "preview"}
    return words.get(model, f"{short}, {representation}" if representation else short)
