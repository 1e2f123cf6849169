"""Figures of training samples: what a network is shown of a clip, and what its loss counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import LabError
from ..media.arrays import evenly, plain_array
from ..media.drawing import heat_over, labels_over, muted, numbers_over, paths_over
from .figures import CELL_PIXELS, LabFigure, _grid

NEEDED = ("video", "image", "labels", "moved")


class Samples(Protocol):
    """Anything that draws training samples, such as `training.full.samples.ClipSamples`.

    `about(number)` may be missing. It returns what the sample itself does not hold: title, names (N), paths (F, N, 2) x
    and y in pixels, seen (F, N).
    """

    def draw(self, number: int) -> Mapping[str, Any]: ...


def training_samples(source: Samples, numbers: Sequence[int] = (0, 1), count: int = 4) -> Figure:
    """Draw training samples, three rows of frames each.

    The first row shows the clip with the path of every entity (in frame 0, all of it), the second the control over the
    frames: the ControlNet's picture as heat, and the areas that have an entity's vector in its colour. The third shows
    the loss mask: what is outside the entities is dark.

    Args:
        source: Draws samples: video (F, 3, H, W) uint8, image (F, 3, H, W), labels (F, H, W) and moved (F, H, W) bool.
        numbers: Which samples.
        count: Frames of each, including the first and the last.

    Returns:
        A figure of pictures.

    Raises:
        LabError: No sample was asked for, or a sample lacks a part.

    >>> training_samples(source, [0, 1])  # doctest: +SKIP
    """
    if not len(numbers) or count < 1:
        raise LabError("there is no sample to draw", fix="pass at least one number, and count at least 1")
    rows: dict[str, list[np.ndarray]] = {}
    frames: dict[str, np.ndarray] = {}
    for number in numbers:
        sample = source.draw(number)
        missing = [name for name in NEEDED if name not in sample]
        if missing:
            raise LabError(f'sample {number} has no "{missing[0]}"', fix=f"draw() should return {', '.join(NEEDED)}")
        about: dict[str, Any] = source.about(number) if hasattr(source, "about") else {}
        chosen = evenly(len(sample["video"]), count)
        for title, pictures in _rows(sample, about, chosen).items():
            name = f"Sample {number}: {title}" if title else f"Sample {number}"
            rows[name], frames[name] = pictures, chosen
    figure: LabFigure = _grid(rows, frames)
    return figure


def _rows(sample: Mapping[str, Any], about: Mapping[str, Any], chosen: NDArray) -> dict[str, list[np.ndarray]]:
    parts = {name: plain_array(sample[name], name) for name in NEEDED}
    height, width = parts["labels"].shape[1:]
    size = CELL_PIXELS, max(1, round(height * CELL_PIXELS / width))
    scale = np.array([size[0] / width, size[1] / height])
    clip, control, loss = [], [], []
    for frame in chosen.tolist():
        picture = np.ascontiguousarray(parts["video"][frame].transpose(1, 2, 0))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        heat = np.abs(parts["image"][frame].astype(np.float32)).max(axis=0).clip(0, 255).astype(np.uint8)
        drawn = labels_over(heat_over(muted(picture), heat), parts["labels"][frame], filled=not heat.any())
        moved = cv2.resize(parts["moved"][frame].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        loss.append(np.where(moved[..., None], picture, muted(muted(picture))))
        if "paths" in about:
            paths = (np.asarray(about["paths"], np.float64) + 0.5) * scale - 0.5  # (F, N, 2)
            picture = numbers_over(paths_over(picture, paths, frame), paths[frame])
            drawn = numbers_over(drawn, paths[frame])
        clip.append(picture)
        control.append(drawn)
    names = ", ".join(f"{place} {name}" for place, name in enumerate(about.get("names", ()), start=1))
    share = float(parts["moved"].mean())
    return {
        about.get("title", "the clip") + (f" ({names})" if names else ""): clip,
        "control": control,
        f"loss mask, {share:.0%} of the pixels": loss,
    }
