"""How certain a number is: bootstrap intervals over independent groups, Wilson intervals for shares, the sign test."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import LabError
from .protocol import Protocol

FEW = 10  # with fewer independent samples, an interval is a rough guess
LEVEL = 0.95


@dataclass(frozen=True)
class Measured:
    """A number with everything one must know to trust it.

    Attributes:
        value: The number; NaN if nothing could be measured (the notes say why).
        low, high: Ends of the 95 % interval; NaN if there is none.
        count: Number of independent samples (clips, scenes, pairs), not of points or frames.
        unit: Unit of the three numbers; "" for none.
        protocol: How it was measured.
        what: Name of the counted samples, such as "scenes".
        notes: Remarks that belong to it.
    """

    value: float
    low: float
    high: float
    count: int
    unit: str
    protocol: Protocol
    what: str = "scenes"
    notes: tuple[str, ...] = field(default=())

    def short(self) -> str:
        """Return the number and its interval, without unit: "3.21 [2.50, 4.02]"."""
        if math.isnan(self.value):
            return "not measured"
        ends = "" if math.isnan(self.low) else f" [{_digits(self.low)}, {_digits(self.high)}]"
        return _digits(self.value) + ends

    def __str__(self) -> str:
        head = f"{self.short()} {self.unit}".rstrip()
        return "; ".join([f"{head} ({self.count} {self.what}; {self.protocol})", *self.notes])

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON, with None in place of NaN."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        numbers = {name: None if math.isnan(number) else number for name, number in ends.items()}
        rest = {"count": self.count, "unit": self.unit, "what": self.what, "notes": list(self.notes)}
        return {**numbers, **rest, "protocol": self.protocol.as_dict()}


def _digits(value: float) -> str:
    """Format with three digits or the whole part, whichever is more."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}" if abs(value) >= 1000 or value == 0 else f"{value:.1f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if abs(value) >= 0.01 else f"{value:.2g}"


def bootstrap(
    values: ArrayLike,
    statistic: Callable[[NDArray[Any]], float] | None = None,
    *,
    groups: Sequence[Hashable] | None = None,
    resamples: int = 2000,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Return an interval for a statistic by resampling with replacement (BCa).

    Rows of one group are drawn together: frames of one clip, or clips of one scene, are not independent, and an
    interval that treats them as independent is too narrow.

    Args:
        values: (N, …) one row per sample; the caller leaves out NaN rows.
        statistic: Function from rows to a number; None for the mean.
        groups: (N,) group of each row; None puts each in a group of its own.
        resamples: Number of draws.
        level: Confidence level between 0 and 1.
        seed: Seed of the draws.

    Returns:
        (low, high); (NaN, NaN) for fewer than two groups.

    Raises:
        LabError: Values are not finite, the number of groups differs, or the level or number of draws is invalid.

    Source: Efron, "Better Bootstrap Confidence Intervals", 1987, with the jackknife over groups.

    >>> low, high = bootstrap([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> low < 3.5 < high
    True
    """
    data = np.asarray(values, np.float64)
    if not np.isfinite(data).all():
        raise LabError(
            f"{int((~np.isfinite(data)).sum())} of {data.size} values are not finite", fix="leave them out first"
        )
    if not 0 < level < 1 or resamples < 1:
        raise LabError(
            f"level is {level} and resamples {resamples}", fix="use a level between 0 and 1, and 1 or more draws"
        )
    parts = grouped(len(data), groups)
    if len(parts) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    if statistic is None and data.ndim == 1:  # the mean needs only sums: thousands of draws in a few products
        sums = np.array([data[part].sum() for part in parts])
        counts = np.array([len(part) for part in parts], np.float64)
        times = rng.multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=resamples)
        drawn = (times @ sums) / (times @ counts)
        value = sums.sum() / counts.sum()
        left_out = (sums.sum() - sums) / (counts.sum() - counts)
    else:
        of = statistic or (lambda rows: float(rows.mean()))
        value = of(data)
        picks = rng.integers(len(parts), size=(resamples, len(parts)))
        drawn = np.array([of(data[np.concatenate([parts[i] for i in pick])]) for pick in picks])
        left_out = np.array(
            [of(data[np.concatenate([part for k, part in enumerate(parts) if k != i])]) for i in range(len(parts))]
        )
    return _bca(float(value), drawn, left_out, level)


def _bca(value: float, drawn: NDArray[np.float64], left_out: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Ends of the interval, corrected for bias and for a spread that grows with the value."""
    normal = NormalDist()
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    if not 0 < below < 1:  # all draws on one side: there is nothing to correct with
        ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return float(ends[0]), float(ends[1])
    shift = normal.inv_cdf(float(below))
    pull = left_out.mean() - left_out
    cubes, squares = float((pull**3).sum()), float((pull**2).sum())
    acceleration = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    at = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = shift + normal.inv_cdf(share)
        at.append(normal.cdf(shift + z / (1 - acceleration * z)) if acceleration * z < 1 else share)
    low, high = np.quantile(drawn, at)
    return float(low), float(high)


def grouped(count: int, groups: Sequence[Hashable] | None) -> list[NDArray[np.intp]]:
    """Rows of each group, in the order in which the groups first appear."""
    if groups is None:
        return [np.array([row]) for row in range(count)]
    if len(groups) != count:
        raise LabError(f"{count} values but {len(groups)} groups", fix="pass one group per value")
    places: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        places.setdefault(group, []).append(row)
    return [np.array(rows) for rows in places.values()]


def few(count: int, what: str = "scenes") -> tuple[str, ...]:
    """The notes for too few samples; empty if there are enough."""
    if count >= FEW:
        return ()
    if count < 2:
        one = what.removesuffix("s") if count == 1 else what
        return (f"too few: {count} {one}, so there is no interval",)
    return (f"too few: {count} {what}; an interval from fewer than {FEW} is a rough guess",)


def mean_of(
    values: ArrayLike,
    protocol: Protocol,
    *,
    unit: str = "",
    groups: Sequence[Hashable] | None = None,
    what: str = "scenes",
    statistic: Callable[[NDArray[Any]], float] | None = None,
    seed: int = 0,
) -> Measured:
    """Return the mean (or another statistic) of samples as a `Measured`; values that are NaN are left out and counted.

    Args:
        values: (N,) one value per sample.
        protocol: How the values were measured.
        unit: Unit of the values.
        groups: (N,) groups that are drawn together, see `bootstrap`.
        what: Name of the groups in texts.
        statistic: Function from values to a number; None for the mean.
        seed: Seed of the bootstrap.
    """
    data = np.asarray(values, np.float64).reshape(-1)
    there = ~np.isnan(data)
    kept = data[there]
    keys = None if groups is None else [group for group, keep in zip(groups, there, strict=True) if keep]
    count = len(grouped(len(kept), keys))
    notes = (f"{int((~there).sum())} of {len(data)} values could not be measured",) if not there.all() else ()
    if not len(kept):
        return Measured(math.nan, math.nan, math.nan, 0, unit, protocol, what, (*notes, "nothing could be measured"))
    value = float(kept.mean() if statistic is None else statistic(kept))
    low, high = bootstrap(kept, statistic, groups=keys, seed=seed)
    return Measured(value, low, high, count, unit, protocol, what, (*notes, *few(count, what)))


def wilson(successes: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval for a share.

    Args:
        successes: Number of successes, 0 to `total`.
        total: Number of independent trials; for 0 the interval is (0, 1).
        level: Confidence level between 0 and 1.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.

    >>> [round(end, 3) for end in wilson(63, 100)]
    [0.532, 0.718]
    """
    if not 0 <= successes <= total:
        raise LabError(f"{successes} of {total} is not a share", fix="pass 0 to total successes")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, weight = successes / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / weight
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / weight
    return max(0.0, middle - half), min(1.0, middle + half)


def sign_test(wins: int, losses: int) -> float:
    """Return the exact two-sided probability of a split at least as uneven, if neither side were better. No ties.

    >>> round(sign_test(9, 1), 4)
    0.0215
    """
    if min(wins, losses) < 0:
        raise LabError(f"there are {wins} wins and {losses} losses", fix="pass counts of 0 or more")
    total, most = wins + losses, max(wins, losses)
    tail = sum(math.comb(total, k) for k in range(most, total + 1))
    return min(1.0, 2 * tail / 2**total)
