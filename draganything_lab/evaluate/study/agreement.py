"""Whether raters agree: Krippendorff's alpha for nominal data, which allows for raters who skip."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np


def krippendorff_alpha(units: Sequence[Sequence[str]]) -> float:
    """Return Krippendorff's alpha for nominal data: 1 is perfect agreement, 0 chance level, below 0 worse.

    Args:
        units: For each judged item, the values that raters gave, in any order; items with fewer than two are left out.
            The result is NaN if nothing is left, or if only one value occurs.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.

    >>> krippendorff_alpha([["a", "a"], ["b", "b"], ["a", "b"]])
    0.4444444444444444
    """
    counts = [Counter(unit) for unit in units if len(unit) >= 2]
    total = sum((sum(count.values()) for count in counts), 0)
    if not total:
        return math.nan
    values: Counter[str] = sum(counts, Counter())
    observed = (
        sum((sum(c.values()) ** 2 - sum(n * n for n in c.values())) / (sum(c.values()) - 1) for c in counts) / total
    )
    expected = (total**2 - sum(n * n for n in values.values())) / (total * (total - 1))
    return 1 - observed / expected if expected else math.nan


def alpha_with_interval(units: Sequence[Sequence[str]], *, seed: int = 0) -> tuple[float, float, float]:
    """Krippendorff's alpha and its 95 % interval, resampling the judged items."""
    kept = [list(unit) for unit in units if len(unit) >= 2]
    alpha = krippendorff_alpha(kept)
    if math.isnan(alpha) or len(kept) < 2:
        return alpha, math.nan, math.nan
    rng = np.random.default_rng(seed)
    drawn = [krippendorff_alpha([kept[i] for i in rng.integers(len(kept), size=len(kept))]) for _ in range(500)]
    there = [value for value in drawn if not math.isnan(value)]
    if not there:
        return alpha, math.nan, math.nan
    low, high = np.quantile(there, [0.025, 0.975])
    return alpha, float(low), float(high)
