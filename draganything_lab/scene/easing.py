"""The easings: how the speed changes along a path. Each maps the share of the time to the share of the path.

A new one is a name and a line here; the studio's and the form's lists follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

Easing: TypeAlias = Literal["linear", "ease-in", "ease-out", "ease-in-out"]

EASINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda s: s,
    "ease-in": lambda s: s * s,
    "ease-out": lambda s: s * (2.0 - s),
    "ease-in-out": lambda s: s * s * (3.0 - 2.0 * s),
}
