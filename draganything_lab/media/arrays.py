"""Arrays of any library as NumPy arrays: NumPy, PyTorch (any dtype and device) and PIL, alone or in lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..errors import LabError

_CHANNELS = (1, 3, 4)


def evenly(count: int, most: int) -> np.ndarray:
    """Return at most `most` of the places 0 to count - 1, evenly spaced, first and last among them: (K,) int.

    >>> evenly(14, 4).tolist(), evenly(2, 4).tolist()
    ([0, 4, 9, 13], [0, 1])
    """
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def is_tensor(value: Any) -> bool:
    """Whether a value is a PyTorch tensor; does not import torch."""
    return all(hasattr(value, name) for name in ("detach", "cpu", "numpy"))


def is_array(value: Any) -> bool:
    """Whether a value holds numbers that `plain_array` can read."""
    return isinstance(value, (np.ndarray, Image.Image)) or is_tensor(value) or hasattr(value, "__array__")


def plain_array(value: Any, what: str = "the array") -> np.ndarray:
    """Return any library's array as a NumPy array.

    Args:
        value: A NumPy array, a PyTorch tensor (any dtype, with or without gradient, on any device), a PIL image,
            anything with `__array__`, or a list or tuple of these (stacked along a new first axis).
        what: Name of the value in error messages.

    Returns:
        A NumPy array of the same shape. Types that NumPy lacks (bfloat16) become float32.

    Raises:
        LabError: The items of a list differ in shape, or the value does not hold numbers.

    >>> plain_array([np.zeros((2, 3)), np.ones((2, 3))]).shape
    (2, 2, 3)
    """
    try:
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            raise LabError(f"{what} is a masked array with hidden values", fix="fill them with .filled()")
        if is_tensor(value):
            return _from_tensor(value)
        if isinstance(value, (list, tuple)) and any(is_array(item) for item in value):
            items = [plain_array(item, what) for item in value]
            shapes = sorted({item.shape for item in items}, key=str)
            if len(shapes) > 1:
                raise LabError(
                    f"{what} has items of different shapes, {shapes[0]} and {shapes[1]}", fix="make them the same shape"
                )
            return np.stack(items)
        array = np.asarray(value)
    except LabError:
        raise
    except Exception as error:  # every library raises its own errors
        raise LabError(f"{what} cannot be read from a {type(value).__name__} ({error})", fix="pass an array") from error
    return array.astype(np.float32) if array.dtype.kind == "V" and array.dtype.names is None else array


def picture_array(value: Any, what: str = "picture") -> np.ndarray:
    """Return one picture or mask as (H, W) or (H, W, C); leading axes of 1 are dropped.

    Args:
        value: As for `plain_array`. A PyTorch tensor may also be (C, H, W) with C = 1, 3 or 4, as is usual there.
        what: Name of the value in error messages.

    Raises:
        LabError: The value cannot be read.
    """
    array = plain_array(value, what)
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in _CHANNELS:
        if array.shape[0] == 1:
            return array[0]
        if is_tensor(value) and array.shape[0] in _CHANNELS:
            return np.moveaxis(array, 0, -1)
    return array


def frames_of(frames: object, what: str = "the clip") -> np.ndarray:
    """Return a clip given as arrays, tensors or PIL images: one array of all frames, or a sequence of frames.

    Args:
        frames: (T, H, W, 3), or a tensor (T, 3, H, W); a leading axis of 1 is dropped. Grey and transparent PIL images
            become RGB.
        what: Name of the value in error messages.

    Returns:
        The array unchanged, (T, H, W, 3) if it is a clip; neither values nor shape are checked.

    Raises:
        LabError: The frames have different shapesor do not hold numbers.
    """
    if isinstance(frames, (list, tuple)):
        items = [item.convert("RGB") if isinstance(item, Image.Image) else item for item in frames]
        arrays = [np.asarray(item) if isinstance(item, (list, tuple)) else picture_array(item, what) for item in items]
        shapes = sorted({array.shape for array in arrays}, key=str)
        if len(shapes) > 1:
            raise LabError(
                f"the frames have different shapes, {shapes[0]} and {shapes[1]}", fix="make them the same size"
            )
        return np.stack(arrays) if arrays else np.zeros((0,))
    array = plain_array(frames, what)
    while array.ndim > 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 4 and not isinstance(frames, np.ndarray) and array.shape[3] != 3 and array.shape[1] == 3:
        array = np.moveaxis(array, 1, -1)
    return array


def _from_tensor(value: Any) -> np.ndarray:
    tensor = value.detach()
    if getattr(tensor, "is_sparse", False):
        tensor = tensor.to_dense()
    tensor = tensor.cpu()
    for name in ("resolve_conj", "resolve_neg"):
        tensor = getattr(tensor, name)() if hasattr(tensor, name) else tensor
    try:
        return np.asarray(tensor.numpy())
    except TypeError:  # bfloat16 and the 8-bit floats
        return np.asarray(tensor.float().numpy())
