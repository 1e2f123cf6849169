"""Entities against pixels on many clips: the same drags and seeds, measured in pairs as in lesson 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluate.metrics import bootstrap
from ..evaluate.metrics.intervals import few
from ..evaluate.store import fingerprint
from ..lessons import rivals
from ..pipeline.load import RELEASED
from ..toyland import ToyClip
from .cases import Case
from .work import Workshop

PIXELS = "trajectory"  # DragNUWA's way, as in the paper's comparison
VERSION = 1
MEASURES = {
    "error": "centre error, % of the diagonal (less is better)",
    "inside": "likeness to the truth inside what moves, dB (more is better)",
    "left": "likeness where something has left, dB (more is better)",
}


@dataclass(frozen=True)
class Contest:
    """What every representation scored on every clip.

    Attributes:
        scores: {measure: {maker: (clips,) float}}, as `lessons.rivals.compare` returns them.
        cases: (clips,) the clips.
    """

    scores: dict[str, dict[str, NDArray[np.float64]]]
    cases: tuple[Case, ...]

    def line(self, measure: str, maker: str) -> str:
        """The mean of a maker in a measure; what could not be measured is left out."""
        values = self.scores[measure][maker]
        seen = values[np.isfinite(values)]
        return f"{seen.mean():.2f}" if len(seen) else "not measured"

    def difference(self, measure: str, maker: str) -> str:
        """A maker minus pixel dragging, in pairs, with its interval and what that says."""
        differences = self.scores[measure][maker] - self.scores[measure][PIXELS]
        seen = differences[np.isfinite(differences)]
        if len(seen) < 2:
            return "too few clips"
        low, high = bootstrap(seen)
        said = rivals.verdict(maker, PIXELS, low, high, more_is_better=measure != "error")
        return f"{seen.mean():+.2f} ({low:+.2f} to {high:+.2f}): {said}"

    def wins(self, maker: str) -> list[int]:
        """Places of the clips on which pixel dragging has the smaller error, the clearest first."""
        gap = self.scores["error"][maker] - self.scores["error"][PIXELS]
        order = np.argsort(-np.nan_to_num(gap, nan=-np.inf), kind="stable")
        return [int(place) for place in order if gap[place] > 0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know of the number of clips."""
        return few(len(self.cases), "clips")


def rivals_of(shop: Workshop) -> list[str]:
    """The representations to compare; fewer than two where the weights do not have pixel dragging."""
    there = shop.extent.representations
    return [name for name in (PIXELS, RELEASED, "carry") if name in there] if PIXELS in there else []


def clips_of(shop: Workshop) -> list[tuple[ToyClip, Case]]:
    """The clips to compare on, as they are drawn at the networks' size, with exact masks."""
    found = rivals.crowded(shop.settings.clips, shop.extent.size, rivals.FRAMES) if shop.settings.clips else []
    return [
        (clip, Case(f"clip-{n:02d}", f"Clip {n + 1}", scene, scene, clip, cut="exact", frames=rivals.FRAMES))
        for n, (clip, scene) in enumerate(found)
    ]


def hold(shop: Workshop) -> Contest | None:
    """Compare on every clip; what was compared before is read. None where there is nothing to compare with."""
    names = rivals_of(shop)
    if len(names) < 2 or not shop.settings.clips:
        return None
    clips = clips_of(shop)
    pipes: dict[str, Any] = {}
    scored = []
    for number, (clip, case) in enumerate(clips):
        content = [VERSION, shop.settings.model, shop.weights, names, shop.settings.seed, case.fingerprint]
        name = f"{case.key}--{fingerprint(content)}"
        found = shop.store.read_arrays("contest", name)
        if found is None:
            if not pipes:
                pipes = {maker: shop.load(maker) for maker in names}
            if number % 5 == 0:
                shop.say(f"comparing with pixel dragging: clip {number + 1} of {len(clips)}")
            result = rivals.compare(pipes, [(clip, case.scene)], [shop.settings.seed])
            found = {f"{measure} {maker}": values for measure, row in result.items() for maker, values in row.items()}
            shop.store.write_arrays("contest", name, **found)
            shop.made += 1
        scored.append(found)
    makers = ("frozen", "preview", *names)
    scores = {m: {w: np.array([float(row[f"{m} {w}"][0]) for row in scored]) for w in makers} for m in MEASURES}
    return Contest(scores, tuple(case for _, case in clips))
