"""The places of Toyland: skies, seas, hills, roads, space, a pond; wider than the picture, so the camera can move."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from .shapes import Colour, fill, mix, shade, unit_circle

Canvas = NDArray[np.uint8]
# Sky from top to horizon, then the sun's colour.
SKIES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((112, 184, 232), (214, 238, 246), (255, 236, 160)),
    ((84, 150, 216), (182, 222, 240), (255, 240, 190)),
    ((250, 178, 122), (255, 228, 186), (255, 244, 200)),
    ((152, 140, 206), (250, 196, 186), (255, 226, 170)),
    ((44, 54, 104), (110, 118, 172), (246, 240, 214)),
    ((150, 214, 206), (236, 246, 226), (255, 220, 140)),
    ((206, 216, 226), (240, 240, 236), (255, 250, 236)),
)


def _gradient(canvas: Canvas, top: int, bottom: int, colours: tuple[Colour, ...]) -> None:
    """Fill rows top..bottom with a smooth gradient from top to bottom colours."""
    top, bottom = max(top, 0), min(bottom, canvas.shape[0])
    if bottom > top:
        stops = np.asarray(colours, np.uint8)[:, None]
        rows = cv2.resize(stops, (1, bottom - top), interpolation=cv2.INTER_LINEAR)
        canvas[top:bottom] = rows.reshape(bottom - top, 1, 3)


def _blob(canvas: Canvas, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
    """An ellipse in pixels, with only as many corners as its size can show."""
    fill(canvas, unit_circle(28 if rx > 6 else 12) * (rx, ry) + (x, y), colour)


def _ridge(canvas: Canvas, rng: np.random.Generator, base: float, height: float, unit: float, colour: Colour) -> None:
    """A ridge across the canvas: a sum of two waves, filled to the bottom."""
    rows, width = canvas.shape[:2]
    xs = np.linspace(-2, width + 2, 40)
    phase = rng.random(2) * 6.3
    waves = np.sin(xs / unit * (2.2 + rng.random()) + phase[0]) + 0.5 * np.sin(
        xs / unit * (5 + rng.random()) + phase[1]
    )
    line = np.stack([xs, base - height * (0.6 + 0.4 * waves)], axis=1)
    fill(canvas, np.vstack([line, [[width + 2, rows + 2], [-2, rows + 2]]]), colour)


def _sky(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> Colour:
    top, low, sun = SKIES[rng.integers(len(SKIES))]
    _gradient(canvas, 0, int(horizon) + 2, (top, mix(top, low, 0.5), low))
    width = canvas.shape[1]
    if rng.random() < 0.7:
        x, y, r = rng.uniform(0.2, 0.8) * width, horizon - rng.uniform(0.3, 0.55) * unit, rng.uniform(0.05, 0.1) * unit
        _blob(canvas, x, y, 1.6 * r, 1.6 * r, mix(low, sun, 0.35))
        _blob(canvas, x, y, r, r, sun)
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(0, width), horizon - rng.uniform(0.15, 0.75) * unit
        size = rng.uniform(0.1, 0.22) * unit
        _blob(canvas, x, y, size, 0.16 * size, mix(low, (255, 255, 255), 0.45))
    return low


def _sea(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    low = _sky(canvas, rng, horizon, unit)
    if rng.random() < 0.5:
        _ridge(canvas, rng, horizon + 0.02 * unit, 0.1 * unit, unit, mix((104, 150, 150), low, 0.35))
    deep = ((46, 112, 168), (34, 134, 154), (62, 104, 160))[rng.integers(3)]
    _gradient(canvas, round(horizon), canvas.shape[0], (mix(deep, low, 0.45), deep, shade(deep, -0.2)))
    _waves(canvas, rng, horizon, unit, deep)


def _waves(canvas: Canvas, rng: np.random.Generator, top: float, unit: float, deep: Colour) -> None:
    height, width = canvas.shape[:2]
    for y in np.arange(top + 0.06 * unit, height, 0.09 * unit):
        near = (y - top) / max(height - top, 1)
        for x in np.arange(rng.random() * 0.2 * unit, width, 0.28 * unit):
            size = unit * (0.03 + 0.05 * near) * rng.uniform(0.6, 1.4)
            _blob(canvas, x + rng.uniform(-0.1, 0.1) * unit, y, size, 0.2 * size + 0.3, shade(deep, 0.35))


def _hills(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    low = _sky(canvas, rng, horizon, unit)
    green = ((122, 184, 98), (150, 190, 96), (96, 168, 108), (214, 188, 112), (226, 232, 240))[rng.integers(5)]
    _ridge(canvas, rng, horizon, 0.16 * unit, unit, mix(green, low, 0.55))
    _ridge(canvas, rng, horizon + 0.1 * unit, 0.12 * unit, unit, mix(green, low, 0.25))
    _ridge(canvas, rng, horizon + 0.2 * unit, 0.06 * unit, unit, green)
    _tufts(canvas, rng, horizon + 0.22 * unit, unit, green)


def _tufts(canvas: Canvas, rng: np.random.Generator, top: float, unit: float, ground: Colour) -> None:
    """Grass and small flowers, so that motion of the ground is visible."""
    height, width = canvas.shape[:2]
    if height <= top:
        return
    for index in range(int(10 * width * (height - top) / unit**2) + 4):
        x, y = rng.uniform(0, width), rng.uniform(top, height)
        size = unit * rng.uniform(0.012, 0.028)
        dots = ((255, 246, 214), (250, 196, 90), (240, 150, 160))
        colour = dots[index % 3] if index % 2 else shade(ground, -0.22)
        _blob(canvas, x, y, size, size * (1.0 if index % 2 else 0.5), colour)


def _road(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    low = _sky(canvas, rng, horizon + 0.04 * unit, unit)
    green = ((122, 184, 98), (150, 190, 96), (206, 180, 116))[rng.integers(3)]
    _ridge(canvas, rng, horizon, 0.14 * unit, unit, mix(green, low, 0.5))
    height, width = canvas.shape[:2]
    _gradient(canvas, int(horizon + 0.03 * unit), height, (shade(green, 0.15), green, shade(green, -0.1)))
    _tufts(canvas, rng, horizon + 0.06 * unit, unit, green)
    top, bottom = round(horizon + 0.14 * unit), round(horizon + 0.42 * unit)
    grey = ((108, 112, 124), (128, 124, 126))[rng.integers(2)]
    canvas[top:bottom] = grey
    edge = max(1, round(0.014 * unit))
    canvas[top : top + edge] = canvas[bottom - edge : bottom] = shade(grey, 0.5)
    middle = 0.5 * (top + bottom)
    for x in np.arange(rng.random() * 0.2 * unit, width, 0.24 * unit):
        corners = [[x, middle - 0.013 * unit], [x + 0.12 * unit, middle - 0.013 * unit]]
        corners += [[x + 0.12 * unit, middle + 0.013 * unit], [x, middle + 0.013 * unit]]
        fill(canvas, np.asarray(corners), (250, 244, 214))


def _space(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    tops = ((24, 26, 62), (44, 26, 74), (16, 40, 66))
    lows = ((70, 58, 122), (122, 62, 116), (40, 96, 116))
    pick = rng.integers(3)
    height, width = canvas.shape[:2]
    _gradient(canvas, 0, height, (tops[pick], mix(tops[pick], lows[pick], 0.4), lows[pick]))
    for _ in range(int(14 * height * width / unit**2)):
        size = unit * rng.uniform(0.006, 0.018)
        colour = mix((255, 255, 255), ((255, 226, 160), (176, 206, 255))[rng.integers(2)], rng.random())
        _blob(canvas, rng.uniform(0, width), rng.uniform(0, height), size, size, colour)
    for _ in range(int(rng.integers(1, 3))):
        colour = ((206, 132, 92), (132, 162, 206), (196, 172, 122), (150, 196, 160))[rng.integers(4)]
        x, y, r = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height, unit * rng.uniform(0.07, 0.16)
        _blob(canvas, x, y, r, r, shade(colour, -0.3))
        _blob(canvas, x - 0.12 * r, y - 0.12 * r, 0.86 * r, 0.86 * r, colour)
        _blob(canvas, x - 0.3 * r, y - 0.2 * r, 0.22 * r, 0.22 * r, shade(colour, -0.2))
        _blob(canvas, x + 0.25 * r, y + 0.2 * r, 0.16 * r, 0.16 * r, shade(colour, -0.2))


def _pond(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    tops = ((136, 216, 226), (112, 190, 222), (142, 220, 196))
    lows = ((30, 106, 146), (36, 84, 140), (28, 118, 122))
    pick = rng.integers(3)
    height, width = canvas.shape[:2]
    _gradient(canvas, 0, height, (tops[pick], mix(tops[pick], lows[pick], 0.6), lows[pick]))
    for x in np.arange(rng.random() * 0.4 * unit, width, 0.5 * unit):
        ray = [[x, -2], [x + 0.12 * unit, -2], [x - 0.15 * unit, 0.75 * height], [x - 0.34 * unit, 0.75 * height]]
        fill(canvas, np.asarray(ray), shade(mix(tops[pick], lows[pick], 0.25), 0.12))
    sand = ((236, 214, 158), (214, 190, 150))[rng.integers(2)]
    floor = 0.5 * height + 0.36 * unit
    for x in np.arange(rng.random() * 0.2 * unit, width, 0.3 * unit):
        weed = ((66, 150, 96), (54, 128, 104), (178, 96, 112))[rng.integers(3)]
        for step in range(5):
            sway = 0.025 * unit * np.sin(step * 1.4 + x)
            _blob(canvas, x + sway, floor - step * 0.045 * unit, 0.022 * unit, 0.035 * unit, shade(weed, 0.05 * step))
    _ridge(canvas, rng, floor + 0.03 * unit, 0.04 * unit, unit, sand)
    for _ in range(int(8 * width / unit)):
        size = unit * rng.uniform(0.01, 0.024)
        y = rng.uniform(floor + 0.05 * unit, max(height, floor + 0.06 * unit))
        _blob(canvas, rng.uniform(0, width), y, 1.4 * size, size, shade(sand, -0.18))


def _open_sky(canvas: Canvas, rng: np.random.Generator, horizon: float, unit: float) -> None:
    height, width = canvas.shape[:2]
    _sky(canvas, rng, height, unit)
    for _ in range(int(5 * height * width / unit**2) + 2):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size = rng.uniform(0.05, 0.13) * unit
        tone = mix(canvas[min(int(y), height - 1), min(int(x), width - 1)].tolist(), (255, 255, 255), 0.35)
        _blob(canvas, x, y, size, 0.4 * size, tone)
        _blob(canvas, x + 0.5 * size, y - 0.25 * size, 0.55 * size, 0.4 * size, tone)


PLACES: dict[str, Callable[[Canvas, np.random.Generator, float, float], None]] = {
    "sea": _sea,
    "hills": _hills,
    "road": _road,
    "space": _space,
    "pond": _pond,
    "sky": _open_sky,
}


def draw_backdrop(place: str, seed: int, size: tuple[int, int], margin: int, horizon: float) -> Canvas:
    """Draw a place with a margin on every side.

    Args:
        place: A key of `PLACES`.
        seed: Fixes sky, colours and details.
        size: (H, W) of the picture.
        margin: Pixels drawn beyond each side, for camera and background motion.
        horizon: Row of the horizon as a fraction of the picture's height.

    Returns:
        (H + 2 * margin, W + 2 * margin, 3) uint8 RGB.
    """
    height, width = size
    canvas = np.zeros((height + 2 * margin, width + 2 * margin, 3), np.uint8)
    PLACES[place](canvas, np.random.default_rng(seed), margin + horizon * height, float(min(height, 0.75 * width)))
    return canvas
