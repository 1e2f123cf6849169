"""Shared parts of all figures: mid-grey words, pictures on axes, numbers on plates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..media.drawing import entity_colour, ink_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#808080"  # Contrast 4 : 1 on white, 5 : 1 on black.

Clip: TypeAlias = "NDArray[np.uint8] | Sequence[NDArray[np.uint8]]"


def picture_on(axes: Axes, picture: NDArray[np.uint8], title: str, size: tuple[int, ...] | None = None) -> None:
    """Show a picture without frame or ticks, with axes in pixels of `size` (H, W)."""
    height, width = picture.shape[:2] if size is None else size[:2]
    smooth = "nearest" if picture.shape[0] < 200 else "antialiased"
    axes.imshow(picture, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation=smooth)
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    if title:
        axes.set_title(title, fontsize=11, color=INK, pad=5)


def pale(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (picture * 0.55 + 255 * 0.45).astype(np.uint8)


def plain_axes(axes: Axes, below: str, beside: str) -> None:
    axes.set_facecolor("none")
    axes.set_xlabel(below, color=INK, fontsize=9)
    axes.set_ylabel(beside, color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)


def rgb(number: int) -> NDArray[np.float64]:
    return np.array(entity_colour(number)) / 255


def number_on(axes: Axes, number: int, place: NDArray | tuple[float, float], away: tuple[float, float]) -> None:
    """Draw an entity's number on a round plate of its colour, some points away from a position."""
    axes.annotate(
        str(number),
        (float(place[0]), float(place[1])),
        xytext=away,
        textcoords="offset points",
        ha="center",
        va="center",
        color=np.array(ink_on(entity_colour(number))) / 255,
        fontsize=9,
        fontweight="bold",
        zorder=6,
        bbox={"boxstyle": "circle,pad=0.22", "facecolor": rgb(number), "edgecolor": "white"},
        annotation_clip=False,
    )
