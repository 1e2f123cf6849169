"""What was measured, value by value: its means with intervals, and differences between two makers in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ...errors import LabError
from ...evaluate.metrics import bootstrap


@dataclass(frozen=True)
class Sample:
    """One measured value and the clip it comes from."""

    clip: int
    value: float


@dataclass
class Table:
    """Measured values by measure and by who made the video.

    Attributes:
        values: {measure: {maker: samples}}; makers are representations, "frozen", "preview" and "truth". Every maker's
            samples come in the same order: by clip, by video, by thing.
    """

    values: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)

    def add(self, measure: str, maker: str, clip: int, value: float) -> None:
        """Keep a value; one that is not finite counts as not measurable and is left out."""
        if np.isfinite(value):
            self.values.setdefault(measure, {}).setdefault(maker, []).append(Sample(clip, float(value)))

    @staticmethod
    def merged(parts: Sequence[Table]) -> Table:
        """The values of several tables of different clips as one, by clip; makers as the first parts have them."""
        out = Table()
        for part in parts:
            for measure, makers in part.values.items():
                for maker, samples in makers.items():
                    out.values.setdefault(measure, {}).setdefault(maker, []).extend(samples)
        if len(parts) > 1:
            for makers in out.values.values():
                for samples in makers.values():
                    samples.sort(key=lambda sample: sample.clip)
        return out

    def keep(self, earlier: dict[str, dict[str, list[list[float]]]]) -> list[str]:
        """Add the values of makers that were not measured now, from `as_dict` of an earlier table.

        Returns:
            Their names.
        """
        now = {maker for makers in self.values.values() for maker in makers}
        kept = []
        for measure, makers in earlier.items():
            for maker, rows in makers.items():
                if maker.partition(",")[0] not in now:
                    self.values.setdefault(measure, {})[maker] = [Sample(int(clip), value) for clip, value in rows]
                    kept.append(maker.partition(",")[0])
        return list(dict.fromkeys(kept))

    def summary(self) -> dict[str, dict[str, dict[str, float]]]:
        """Mean, 95 % bootstrap interval over clips, median and count of every value."""
        return {
            measure: {maker: _summary(samples) for maker, samples in makers.items()}
            for measure, makers in self.values.items()
        }

    def difference(self, measure: str, maker: str, other: str) -> dict[str, float]:
        """How much more `maker` has than `other`, value by value on the same clip, video and thing.

        Only the clips on which both were measured count. Where one has several videos of each clip and the other one,
        each of them is compared with that one.

        Returns:
            As a row of `summary`.

        Raises:
            LabError: The two share no clip, or differ in the things of one.
        """
        ours, theirs = (_by_clip(self.values[measure][name]) for name in (maker, other))
        shared = sorted(ours.keys() & theirs.keys())
        times = {Fraction(len(ours[clip]), len(theirs[clip])) for clip in shared}
        if len(times) != 1 or 1 not in times.pop().as_integer_ratio():
            raise LabError(f"{maker} and {other} were not measured on the same clips and things: measure both anew")
        pairs = [
            Sample(clip, ours[clip][n % len(ours[clip])] - theirs[clip][n % len(theirs[clip])])
            for clip in shared
            for n in range(max(len(ours[clip]), len(theirs[clip])))
        ]
        return _summary(pairs)

    def as_dict(self) -> dict[str, dict[str, list[list[float]]]]:
        """{measure: {maker: [[clip, value], …]}} for JSON, values to six digits."""
        return {
            measure: {
                maker: [[sample.clip, float(f"{sample.value:.6g}")] for sample in samples]
                for maker, samples in makers.items()
            }
            for measure, makers in self.values.items()
        }


def _by_clip(samples: list[Sample]) -> dict[int, list[float]]:
    out: dict[int, list[float]] = {}
    for sample in samples:
        out.setdefault(sample.clip, []).append(sample.value)
    return out


def _summary(samples: list[Sample]) -> dict[str, float]:
    """Clips are drawn, not values: those of one clip are not independent."""
    values, clips = [sample.value for sample in samples], [sample.clip for sample in samples]
    low, high = bootstrap(values, groups=clips)
    return {
        "mean": float(np.mean(values)),
        "low": low,
        "high": high,
        "median": float(np.median(values)),
        "count": len(values),
        "clips": len(set(clips)),
    }
