"""Reading masks: a mask is read by what its values mean, not by how bright they are.

The kinds that exist: 0 and 1, 0 and 255, 16 bits; grey with soft edges; label maps (a palette or whole numbers, where
255 is the uncertain rim); cut-outs, whose transparency marks the object; layers painted in a colour. A mask that fits
none of these, or several, is refused with a list of the values found.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from ..errors import LabError
from .labels import Label, chosen_label, colour_mask, grey_mask, label_map
from .picture import (
    MAX_PIXELS,
    MAX_SIDE,
    Source,
    eight_bits,
    mode_image,
    open_source,
    upright,
)

__all__ = ["Label", "load_mask"]

_Size: TypeAlias = "tuple[int, int]"
LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "HEIF")


def load_mask(
    source: Source, size: _Size | None = None, *, threshold: int | None = None, label: Label | None = None
) -> np.ndarray:
    """Read a mask by what its values mean.

    Kinds of mask, and what belongs to the object in each:

    - bool; 0 and one other value (1, 255, 65535 …): everything that is not 0
    - grey with soft edges, or blurred by JPEG: at least half bright
    - floats from 0 to 1: at least 0.5
    - a palette or a label map with one label: that label; 0 is the background and 255 the uncertain rim
    - a cut-out or a layer with transparency: at least half opaque, whatever the colour
    - one colour painted on black or on white: that colour

    Args:
        source: A path, the bytes of a file, a PIL image, or an array or tensor (H, W), (H, W, 3) RGB or (H, W, 4) RGBA;
            a leading axis of 1 is dropped.
        size: (H, W) that the mask must have; None for any size.
        threshold: Lowest grey level, 1 to 255, that belongs to the mask, whatever the values mean; None to read them by
            meaning.
        label: Which label of a label map is the object: a whole number, or an (r, g, b) colour of a colour picture.

    Returns:
        (H, W) bool, a new array. It is empty only if nothing in the source is set.

    Raises:
        LabError: As `load_picture`; or the mask has the wrong size, there are several labels and none was chosen, or
            the meaning of the values is unclear. The message lists the values found.

    >>> load_mask(np.array([[0, 1, 255]], np.uint8)).tolist()  # a label map: 255 is the rim
    [[False, True, False]]
    """
    if threshold is not None and (isinstance(threshold, bool) or not 1 <= threshold <= 255):
        raise LabError(f"threshold is {threshold!r}", fix="pass 1 to 255, or None")
    image, name = open_source(source, "mask", MAX_SIDE, MAX_PIXELS)
    if isinstance(image, np.ndarray):
        mask = _from_array(image, name, threshold, label)
    else:
        if size is not None and sorted(image.size) != sorted(size):  # before decoding; EXIF may swap the two
            raise _another_size(name, image.size, size)
        mask = _from_image(image, name, threshold, label)
    if size is not None and mask.shape != tuple(size):
        raise _another_size(name, mask.shape[::-1], size)
    return mask


def _another_size(name: str, found: tuple[int, ...], size: _Size) -> LabError:
    return LabError(
        f"{name} is {found[0]}x{found[1]} but the picture is {size[1]}x{size[0]}",
        fix="resize the mask or draw it on this picture",
    )


def _from_image(image: Image.Image, name: str, threshold: int | None, label: Label | None) -> np.ndarray:
    lossy = (image.format or "") in LOSSY
    image = upright(image, name)
    if threshold is not None:
        return np.asarray(mode_image(image, name, "black", "L")) >= threshold
    if image.mode == "P" and not isinstance(label, tuple):
        found = _palette(image, name, label)
        if found is not None:
            return found
    if image.mode == "1":
        return chosen_label(np.asarray(image).astype(np.uint8), name, label)
    if image.mode.startswith(("I", "F")):
        return _from_array(np.asarray(image), name, None, label)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return _cut_out(rgba, name, label, lossy)
    if image.mode in ("L", "LA", "La"):
        return grey_mask(np.asarray(image.convert("L")), name, label, lossy=lossy)
    return colour_mask(np.asarray(image.convert("RGB")), name, label, lossy=lossy)


def _palette(image: Image.Image, name: str, label: int | None) -> np.ndarray | None:
    """A palette picture as a label map; None if the palette merely stores a drawing."""
    indices = np.asarray(image)
    used = np.unique(indices)
    rgb = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    rgb[: len(given)] = given
    coloured = (rgb[used].max(axis=1) > rgb[used].min(axis=1)).any()
    if label is not None and (coloured or label in used):
        return chosen_label(indices, name, label)
    if image.has_transparency_data or not coloured or rgb[0].max() > 0:
        return None
    return label_map(indices, name, label)


def _from_array(array: np.ndarray, name: str, threshold: int | None, label: Label | None) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[2] in (3, 4):
        colours = eight_bits(array, name)
        if threshold is not None:
            return np.asarray(mode_image(Image.fromarray(colours), name, "black", "L")) >= threshold
        return _cut_out(colours, name, label, False) if array.shape[2] == 4 else colour_mask(colours, name, label)
    if array.ndim != 2:
        many = f": {len(array)} masks" if array.ndim == 3 else ""
        raise LabError(f"{name} has shape {array.shape}{many}", fix="pass (H, W), one mask at a time")
    if array.dtype == bool:
        return array.copy()
    if threshold is not None:
        return array == 1 if _zero_one(array) else eight_bits(array, name) >= threshold
    return grey_mask(array, name, label)


def _zero_one(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu" and bool(array.min() >= 0) and bool(array.max() <= 1)


def _cut_out(rgba: np.ndarray, name: str, label: Label | None, lossy: bool) -> np.ndarray:
    """The opaque pixels if the transparency says anything, else those set by colour."""
    alpha, colours = rgba[..., 3], np.ascontiguousarray(rgba[..., :3])
    if label is not None:
        seen = colours * (alpha[..., None] > 0)
        return colour_mask(seen, name, label, lossy=lossy)
    low, high = int(alpha.min()), int(alpha.max())
    if high == 0:
        if colours.any():
            raise LabError(f"{name} is transparent everywhere but has colours", fix="save it without transparency")
        return np.zeros(alpha.shape, bool)
    if high - low <= 8:  # the same everywhere, so it says nothing
        return colour_mask(colours, name, None, lossy=lossy)
    if low > 0.25 * high:
        raise LabError(
            f"{name} is nowhere transparent: its opacity goes from {low} to {high} of 255",
            fix="make the background transparent, or save it white on black",
        )
    inside = alpha.astype(np.uint16) * 2 >= high
    shown = colours[alpha >= 250]
    if len(shown):
        white, black = (shown >= 250).all(axis=1).mean(), (shown <= 5).all(axis=1).mean()
        if min(white, black) > 0.01 and white + black > 0.99:
            raise LabError(
                f"{name} has three parts: {white:.0%} of the opaque part is white, {black:.0%} black, and the rest is "
                "transparent",
                fix="make it white on black without transparency, or choose a colour with label=(255, 255, 255)",
            )
    return inside


def mask_file(path: str | Path, size: _Size, label: Any = None) -> np.ndarray:
    """Read the mask file of the `--mask` option; it must have the picture's size.

    Args:
        path: The mask file.
        size: (H, W) of the picture.
        label: Label as text, "3" or "255,0,0"; None if none was given.

    Raises:
        LabError: The file cannot be read, or nothing in it is set.
    """
    chosen: Label | None = None
    if label is not None:
        try:
            numbers = tuple(int(part) for part in str(label).split(","))
        except ValueError:
            numbers = ()
        if len(numbers) not in (1, 3):
            raise LabError(f'the label is "{label}"', fix="write a number, such as 3, or a colour, such as 255,0,0")
        chosen = numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])
    mask = load_mask(path, size, label=chosen)
    if not mask.any():
        raise LabError(f"--mask {path} has no pixels set", fix="paint the object white on black")
    return mask
