"""What the values of a mask mean: two values, soft edges, labels, colours. See `mask.load_mask` for the rules."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..errors import LabError
from .picture import eight_bits

Label: TypeAlias = "int | tuple[int, int, int]"

VOID = (255, 65535)  # the uncertain rim in label maps
VOID_COLOUR = (224, 224, 192)  # the same in the colours of Pascal VOC
RIM = 1 / 16  # of the range: a value this near to black or white counts as that
TINY = 1024  # pixels: fewer are not enough to find plateaus
LISTED = 8
SAME_COLOUR = 40  # largest difference between two colours that count as one, because of JPEG
_CHOOSE = "choose one with label="


def chosen_label(values: np.ndarray, name: str, label: Label | None) -> np.ndarray:
    """The pixels of one label, (H, W) bool; without a label, all pixels that are not 0."""
    if label is None:
        return values != 0
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
        raise LabError(f"label is {label!r}, but {name} holds numbers", fix=f"choose one of {_listed(values)}")
    mask = values == label
    if not mask.any():
        raise LabError(f"{name} has no label {label}", fix=f"choose one of {_listed(values)}")
    return np.asarray(mask)


def label_map(values: np.ndarray, name: str, label: Label | None) -> np.ndarray:
    """One label of a label map of whole numbers, where 0 is the background and 255 (65535) the uncertain rim.

    Args:
        values: (H, W) whole numbers.
        name: Name for error messages.
        label: The label to return; None if there is only one.

    Raises:
        LabError: There are several labels, or only the rim.
    """
    if label is not None:
        return chosen_label(values, name, label)
    found = np.unique(values).tolist()
    there = [value for value in found if value != 0 and value not in VOID]
    if len(there) == 1:
        return np.asarray(values == there[0])
    if not there:
        rim = [value for value in found if value in VOID]
        if rim:
            raise LabError(
                f"{name} is a label map without an object: only the uncertain rim ({rim[0]}) is set",
                fix=f"choose it with label={rim[0]} if it is the object",
            )
        return np.zeros(values.shape, bool)
    raise LabError(f"{name} has {len(there)} labels: {_listed(values)}", fix=_CHOOSE + str(there[0]))


def grey_mask(values: np.ndarray, name: str, label: Label | None, *, lossy: bool = False) -> np.ndarray:
    """A mask from one number per pixel.

    Args:
        values: (H, W) of whole numbers or floats.
        name: Name for error messages.
        label: Value of the object; None to detect it.
        lossy: Whether the values come from a format that blurs values (JPEG).

    Raises:
        LabError: It is unclear which pixels are meant.
    """
    if values.dtype == bool:
        return values.copy()
    if label is not None:
        if isinstance(label, tuple):
            return colour_mask(np.repeat(eight_bits(values, name)[..., None], 3, axis=2), name, label, lossy=lossy)
        return chosen_label(values, name, label)
    if values.dtype.kind not in "iuf":
        eight_bits(values, name)  # raises with what it holds
    found = _few(values)
    if found is not None and len(found) <= 2 and found[0] == 0:
        high = found[-1]
        if values.dtype.kind == "f" and 0 < high < 0.5:
            raise LabError(f"{name} holds floats from 0 to {high:.4g}, none of 0.5 or more", fix="scale them to [0, 1]")
        if high >= 0:
            return values != 0
    if found is not None and len(found) == 1 and found[0] in (1, *VOID):
        return np.ones(values.shape, bool)
    if found is not None and len(found) == 1 and values.dtype.kind != "f" and 0 < found[0] <= 65535:
        raise LabError(f"{name} is {found[0]} everywhere", fix="paint the object white on black")
    if values.dtype.kind == "f":
        small = eight_bits(values, name)  # refuses values outside [0, 1]
        if not (values >= 0.5).any():
            raise LabError(
                f"{name} holds floats from {values.min():.4g} to {values.max():.4g}, none of 0.5 or more",
                fix="scale them to [0, 1]",
            )
        return small >= 128
    if values.dtype.kind == "i" and values.min() < 0 and values.max() > 0:
        raise LabError(f"{name} holds whole numbers below 0: {_listed(values)}", fix=_CHOOSE)
    top = 65535 if values.max() > 255 else 255
    if values.min() < 0 or values.max() > 65535:
        eight_bits(values, name)
    if found is not None and not lossy:
        labels = _labels(values, found, top, name)
        if labels is not None:
            return labels
    return _soft(values, name, top)


def colour_mask(colours: np.ndarray, name: str, label: Label | None, *, lossy: bool = False) -> np.ndarray:
    """A mask from (H, W, 3) uint8 RGB: grey, or one colour on black or white.

    Raises:
        LabError: There are several colours and no label was chosen, or the picture is not a mask.
    """
    if isinstance(label, tuple):
        near = np.abs(colours.astype(np.int16) - np.array(label, np.int16)).max(axis=2) <= (24 if lossy else 0)
        if not near.any():
            there = _colours_listed(_palette_of(colours)[:LISTED])
            raise LabError(f"{name} has no colour {label}", fix=f"choose one of {there}")
        return np.asarray(near)
    spread = colours.max(axis=2) - colours.min(axis=2)
    if spread.max() <= (48 if lossy else 0) and (not lossy or spread.mean() < 4):
        return grey_mask(colours[..., 1], name, label, lossy=lossy)
    if label is not None:
        raise LabError(f"label is {label!r}, but {name} is in colour", fix="pass the colour, such as label=(255, 0, 0)")
    palette = _palette_of(colours, lossy=lossy)
    total = sum(count for _, count in palette)
    grounds = [colour for colour, _ in palette if max(colour) <= SAME_COLOUR]
    if not grounds:
        grounds = [colour for colour, _ in palette if min(colour) >= 255 - SAME_COLOUR]
    others = [(colour, count) for colour, count in palette if colour not in grounds and colour != VOID_COLOUR]
    if total < 0.5 * colours[..., 0].size or len(palette) > 64:
        raise LabError(
            f"{name} is a picture of many colours, not a mask", fix="paint the object plain white on plain black"
        )
    if not grounds or len(others) != 1:
        raise LabError(
            f"{name} has {len(palette)} colours: {_colours_listed(palette[:LISTED])}",
            fix=f"choose the object's with label={others[0][0] if others else (255, 255, 255)}",
        )
    ground, paint = np.array(grounds[0], np.int32), np.array(others[0][0], np.int32)
    whole = colours.astype(np.int32)
    inside = ((whole - paint) ** 2).sum(axis=2) < ((whole - ground) ** 2).sum(axis=2)
    if any(colour == VOID_COLOUR for colour, _ in palette) and others[0][0] != VOID_COLOUR:
        inside &= (colours != np.array(VOID_COLOUR, np.uint8)).any(axis=2)
    return np.asarray(inside)


def _few(values: np.ndarray) -> list[Any] | None:
    """The distinct values in order, at most 256; None if there are more, or NaN."""
    found = np.unique(values)
    return found.tolist() if len(found) <= 256 and np.isfinite(found.astype(np.float64)).all() else None


def _labels(values: np.ndarray, found: list[int], top: int, name: str) -> np.ndarray | None:
    """The object if the whole numbers are labels rather than shades; None if they are shades of one mask.

    Labels are small numbers, or plateaus that are neither black nor white; shades are the soft edges between the two.
    """
    inner = [value for value in found if value not in (0, *VOID)]
    if not inner:
        return None
    if max(inner) <= 16:  # 0, 1, 255; 0, 1, 2, 3
        return label_map(values, name, None)
    noisy = top == 255 and len(found) > LISTED  # a former JPEG has plateaus near black and white
    between = [value for value in inner if 16 < value < top - top * RIM] if noisy else inner
    edge = np.isin(values, between)
    if not edge.any():
        return None
    flat = _flat(values)
    steady = (flat & edge).sum() / edge.sum()
    if values.size < TINY:
        steady = 1.0 if len(found) <= LISTED else 0.0
    if steady < (0.2 if len(found) <= 64 else 0.5):
        return None
    least = max(4, 0.01 * np.count_nonzero(values))
    plateaus = [value for value in found if value and (flat & (values == value)).sum() >= least]
    if values.size >= TINY and len(plateaus) == 1 and plateaus[0] > 64 and len(found) > 3 and found[0] == 0:
        return values.astype(np.int64) * 2 >= plateaus[0]  # painted in grey, with soft edges
    if len(inner) == 1 and inner[0] > 64 and len(found) > 1 and found != [0, inner[0]]:
        raise LabError(f"{name} has more than one value besides 0: {_listed(values)}", fix=f"{_CHOOSE}{found[-1]}")
    return label_map(values, name, None)


def _soft(values: np.ndarray, name: str, top: int) -> np.ndarray:
    """Grey with soft edges: the pixels at least half bright; refused if many are neither black nor white."""
    dark, bright = values <= top * RIM, values >= top - top * RIM
    if values.size >= TINY:
        shades = values[~(dark | bright)].astype(np.int64) * 255 // top
        middle = shades.size / values.size
        counts = np.convolve(np.bincount(shades, minlength=256), np.ones(24, int))
        plateau = middle > 0.03 and counts.max() > 0.6 * shades.size
        if not bright.any() or middle > 0.5 or plateau:
            raise LabError(
                f"{name} holds {len(np.unique(values))} shades of grey from {values.min()} to {values.max()}, "
                f"{middle:.0%} of it neither black nor white",
                fix="paint the object white on black, or pass threshold=128 to keep what is at least half bright",
            )
    return np.asarray(values >= (top + 1) // 2)


def _flat(values: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours to all four sides have the same value."""
    padded = np.pad(values, 1, mode="edge")
    inner = padded[1:-1, 1:-1]
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.logical_and.reduce([inner == side for side in sides])


def _palette_of(colours: np.ndarray, *, lossy: bool = False) -> list[tuple[tuple[int, int, int], int]]:
    """The colours with their pixel counts, most frequent first; similar ones count as one, edges are left out."""
    whole = colours.astype(np.uint32)
    codes = (whole[..., 0] << 16) | (whole[..., 1] << 8) | whole[..., 2]
    found, counts = np.unique(codes, return_counts=True)
    if len(found) > 16 and not lossy and codes.size >= TINY and (flat := _flat(codes)).any():
        found, counts = np.unique(codes[flat], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:4096]
    merged: list[list[Any]] = []
    for code, count in zip(found[order].tolist(), counts[order].tolist(), strict=True):
        colour = (code >> 16, code >> 8 & 255, code & 255)
        for entry in merged:
            exact = VOID_COLOUR in (entry[0], colour)
            if max(abs(a - b) for a, b in zip(entry[0], colour, strict=True)) <= (0 if exact else SAME_COLOUR):
                entry[1] += count
                break
        else:
            merged.append([colour, count])
        if len(merged) > 256:
            break
    least = max(1, codes.size // (50 if lossy else 20_000))
    kept = [(colour, count) for colour, count in merged if count >= least]
    return sorted(kept, key=lambda entry: -entry[1])


def _listed(values: np.ndarray) -> str:
    found, counts = np.unique(values, return_counts=True)
    first = zip(found[:LISTED].tolist(), counts[:LISTED].tolist(), strict=True)
    shown = ", ".join(f"{value} ({count:,} pixels)" for value, count in first)
    return shown + (f" and {len(found) - LISTED} more" if len(found) > LISTED else "")


def _colours_listed(palette: list[tuple[tuple[int, int, int], int]]) -> str:
    return ", ".join(f"{colour} ({count:,} pixels)" for colour, count in palette)
