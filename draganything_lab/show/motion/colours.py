"""Colours for motion: direction as hue, length as strength, perceptually even, with the wheel that explains them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STILL = 0.93  # lightness of what does not move
FAST = 0.70  # lightness at full length
STRENGTH = 0.118  # chroma at full length: the most that every hue can reach at that lightness


def flow_colours(steps: NDArray, longest: float) -> NDArray[np.uint8]:
    """Colour motion: the direction is the hue, the length the strength; no motion is a pale grey.

    Hues lie on a circle of OKLab, so that equal angles look equally different and no hue looks brighter than the
    others, unlike the usual wheel of full red, yellow, green. Right is red, down yellow-green, left blue-green, up
    violet.

    Args:
        steps: (..., 2) steps in x and y in pixels; NaN becomes white.
        longest: Length in pixels at which the colour is strongest; longer steps look the same.

    Returns:
        (..., 3) uint8 RGB.

    Source: Ottosson, "A perceptual color space for image processing", 2020, for OKLab.

    >>> flow_colours(np.zeros((1, 2)), 5).tolist()
    [[232, 232, 232]]
    """
    steps = np.asarray(steps, np.float64)
    lost = ~np.isfinite(steps).all(axis=-1)
    x, y = (np.where(lost, 0.0, steps[..., axis]) for axis in (0, 1))
    length = np.minimum(np.hypot(x, y) / max(longest, 1e-9), 1)
    turn = np.arctan2(y, x) + np.radians(25)  # the hue at 25 degrees is red
    lightness = STILL + (FAST - STILL) * length
    chroma = STRENGTH * length
    colours = oklab_to_rgb(np.stack([lightness, chroma * np.cos(turn), chroma * np.sin(turn)], axis=-1))
    colours[lost] = 255
    return colours


def flow_wheel(side: int = 128) -> NDArray[np.uint8]:
    """The legend of `flow_colours`: a disc whose centre means no motion and whose rim is the longest step.

    Args:
        side: Width and height in pixels.

    Returns:
        (side, side, 4) uint8 RGBA, transparent outside the disc.
    """
    middle = (side - 1) / 2
    ys, xs = np.mgrid[:side, :side] - middle
    wheel = np.zeros((side, side, 4), np.uint8)
    wheel[..., :3] = flow_colours(np.stack([xs, ys], axis=-1), middle)
    wheel[..., 3] = 255 * np.clip(middle + 0.5 - np.hypot(xs, ys), 0, 1)  # a soft rim
    return wheel


def oklab_to_rgb(colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """OKLab (..., 3), lightness 0..1 first, to sRGB (..., 3) uint8; colours outside sRGB are clipped."""
    lightness, a, b = np.moveaxis(colours, -1, 0)
    cones = np.stack(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=-1,
    )
    mix = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(cones**3 @ mix.T, 0, 1)
    bent = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * bent), np.uint8)
