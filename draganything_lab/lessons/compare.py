"""Whether a student's answer is right and, if not, how it differs, in words."""

from __future__ import annotations

from typing import Any

import numpy as np


def alike(answer: Any, right: Any, tolerance: float) -> bool:
    """Whether two answers are equal within a tolerance: numbers, truth values, arrays, and tuples or lists of these."""
    if isinstance(right, (tuple, list)) and not _numbers(right):
        if not isinstance(answer, (tuple, list)) or len(answer) != len(right):
            return False
        return all(alike(a, r, tolerance) for a, r in zip(answer, right, strict=True))
    if isinstance(right, str) or right is None:
        return type(answer) is type(right) and answer == right
    a, r = _array(answer), _array(right)
    if a is None or r is None:
        return bool(a is r and answer == right)
    if a.shape != r.shape:
        return False
    both = np.isnan(a) & np.isnan(r)
    return bool((both | (np.abs(a - r) <= tolerance * np.maximum(1, np.abs(r)))).all())


def difference(answer: Any, right: Any, tolerance: float) -> str:
    """What is different, in words."""
    if isinstance(right, tuple) and not _numbers(right):
        if not isinstance(answer, (tuple, list)):
            return f"{len(right)} values are expected, your function returns {described(answer)}."
        if len(answer) != len(right):
            return f"{len(right)} values are expected, your function returns {len(answer)}."
        for place, (a, r) in enumerate(zip(answer, right, strict=True), start=1):
            if not alike(a, r, tolerance):
                return f"number {place} of what it returns: {difference(a, r, tolerance)}"
    a, truth = _array(answer), _array(right)
    if a is None or truth is None:
        return f"your function returns {described(answer)}; expected: {described(right)}."
    if a.shape != truth.shape:
        if a.shape == truth.shape[::-1] and a.ndim == 2:
            return (
                f"your array has shape {a.shape}; expected: {truth.shape}. Rows and columns are swapped: "
                "arrays are (height, width), points are (x, y)."
            )
        return f"your answer has {_shape(a)}; expected: {_shape(truth)}."
    if not np.isfinite(a).all() and np.isfinite(truth).all():
        return "your answer contains numbers that are not finite (nan or inf). Is there a division by zero?"
    off = np.abs(np.nan_to_num(a, nan=1e30) - np.nan_to_num(truth, nan=-1e30))
    if a.ndim == 0:
        return f"your answer is {_short(a)}; expected: {_short(truth)}."
    worst = tuple(int(place) for place in np.unravel_index(int(off.argmax()), off.shape))
    where = "[" + ", ".join(map(str, worst)) + "]"
    return f"at {where} your answer is {_short(a[worst])}; expected: {_short(truth[worst])}."


def described(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, np.ndarray):
        if value.size <= 6:
            return f"array({np.array2string(value, precision=3, separator=', ')})".replace("\n", "")
        kind = "a mask" if value.dtype == bool else "an array"
        return f"{kind} of shape {value.shape}"
    if isinstance(value, (float, np.floating)):
        return _short(value)
    if callable(value):
        return f"the function {getattr(value, '__name__', 'without a name')}"
    text = repr(value)
    return (
        text
        if len(text) <= 80
        else f"a {type(value).__name__} of length {len(value)}"
        if hasattr(value, "__len__")
        else f"a {type(value).__name__}"
    )


def _array(value: Any) -> np.ndarray | None:
    """A value as an array of numbers, or None if it is not numeric."""
    try:
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    except (TypeError, ValueError):
        return None
    return array.astype(np.float64) if array.dtype.kind in "biuf" else None


def _numbers(values: Any) -> bool:
    """Whether a tuple or list is flat and of plain numbers, such as a point (x, y): then it counts as an array."""
    return len(values) > 0 and all(isinstance(v, (int, float, np.number)) for v in values)


def _shape(array: np.ndarray) -> str:
    return "a single number" if array.ndim == 0 else f"shape {array.shape}"


def _short(number: Any) -> str:
    return f"{float(number):.4g}"
