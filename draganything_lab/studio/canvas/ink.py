"""Strokes and plates on a canvas, in its own pixels: each with a light rim, so that it shows on every ground."""

from __future__ import annotations

import math

import numpy as np
from ipycanvas import Canvas

from ...media.drawing import ink_on
from .sprites import DARK, LIGHT, css
from .stage import FINE

TAG = 10 * FINE  # radius of a number's plate
Colour = tuple[int, int, int]


def line(layer: Canvas, points: np.ndarray, colour: Colour, width: float) -> None:
    """A line through points (K, 2)."""
    layer.line_cap = layer.line_join = "round"
    for tint, wide in ((css(LIGHT, 0.85), width + 2 * FINE), (css(colour), width)):
        layer.stroke_style, layer.line_width = tint, wide
        layer.stroke_lines(points)


def head(layer: Canvas, points: np.ndarray, colour: Colour, width: float) -> None:
    """The head of an arrow at the end of a line; nothing if the line is too short for one."""
    end = points[-1]
    far = np.hypot(*(points - end).T) > 3 * width
    if not far.any():
        return
    along = end - points[np.flatnonzero(far)[-1]]
    angle = math.atan2(float(along[1]), float(along[0]))
    for tint, reach in ((LIGHT, 5.2 * width), (colour, 4.0 * width)):
        tip = end + reach * 0.35 * np.array([math.cos(angle), math.sin(angle)])
        sides = [tip - reach * np.array([math.cos(angle + turn), math.sin(angle + turn)]) for turn in (0.5, -0.5)]
        layer.fill_style = css(tint)
        layer.fill_polygon(np.array([tip, *sides]).round(1))


def arrow(layer: Canvas, points: np.ndarray, colour: Colour, width: float) -> None:
    """A line with a head."""
    line(layer, points, colour, width)
    head(layer, points, colour, width)


def dashed(layer: Canvas, points: np.ndarray) -> None:
    """A dashed line: what would be drawn."""
    layer.save()
    layer.set_line_dash([5 * FINE, 5 * FINE])
    for tint, width in ((LIGHT, 3), (DARK, 1.5)):
        layer.stroke_style, layer.line_width = css(tint, 0.8), width * FINE
        layer.stroke_lines(points)
    layer.restore()


def ring(layer: Canvas, at: np.ndarray, colour: Colour) -> None:
    """A ring around a number's plate: this stays."""
    for tint, width in ((LIGHT, 5), (colour, 2.5)):
        layer.stroke_style, layer.line_width = css(tint), width * FINE
        layer.stroke_circle(float(at[0]), float(at[1]), TAG + 5 * FINE)


def word(layer: Canvas, corner: tuple[float, float], text: str) -> None:
    """A word on a small plate in the lower right corner of the picture, whose corner is given."""
    wide, tall, gap = (6.6 * len(text) + 12) * FINE, 19 * FINE, 5 * FINE
    left, top = corner[0] - wide - gap, corner[1] - tall - gap
    layer.fill_style = css(DARK, 0.66)
    layer.fill_rect(left, top, wide, tall)
    layer.fill_style = css(LIGHT)
    layer.font = f"{12 * FINE}px system-ui, sans-serif"
    layer.text_align, layer.text_baseline = "center", "middle"
    layer.fill_text(text, left + wide / 2, top + tall / 2 + FINE)


def plate(layer: Canvas, at: np.ndarray, text: str, colour: Colour, page: tuple[int, int]) -> None:
    """A number on a round plate, kept inside a canvas that covers `page` (width, height) pixels of the page."""
    x, y = (float(np.clip(value, TAG, side * FINE - TAG)) for value, side in zip(at, page, strict=True))
    layer.fill_style = css(LIGHT)
    layer.fill_circle(x, y, TAG + 1.5 * FINE)
    layer.fill_style = css(colour)
    layer.fill_circle(x, y, TAG)
    layer.fill_style = css(ink_on(colour))
    layer.font = f"600 {12 * FINE}px system-ui, sans-serif"
    layer.text_align, layer.text_baseline = "center", "middle"
    layer.fill_text(text, x, y + 0.5 * FINE)
