"""The things that live in Toyland. Each kind turns two colours and a random generator into coloured parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .shapes import Colour, Part, box, ellipse, mix, polygon, shade, stroke

WHITE, CREAM, INK, GLASS, WOOD = (250, 250, 248), (252, 240, 214), (52, 48, 66), (190, 226, 244), (140, 96, 62)
Maker = Callable[[Colour, Colour, np.random.Generator], list[Part]]


def _boat(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    sail = CREAM if rng.random() < 0.6 else shade(other, 0.5)
    return [
        stroke(0.0, -0.95, 0.0, 0.35, 0.09, WOOD),
        polygon([(0.07, -0.85), (0.75, 0.2), (0.07, 0.2)], sail),
        polygon([(-0.07, -0.65), (-0.07, 0.2), (-0.6, 0.2)], shade(other, 0.15)),
        polygon([(0.0, -1.0), (0.32, -0.9), (0.0, -0.8)], main),
        polygon([(-0.98, 0.3), (0.98, 0.3), (0.66, 0.86), (-0.62, 0.86)], main),
        polygon([(-0.86, 0.5), (0.86, 0.5), (0.78, 0.63), (-0.77, 0.63)], WHITE),
        polygon([(-0.69, 0.75), (0.73, 0.75), (0.66, 0.86), (-0.62, 0.86)], shade(main, -0.25)),
    ]


def _cloud(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    light = mix(WHITE, main, 0.08)
    dark = mix((206, 220, 236), main, 0.15)
    puff = 0.36 + 0.1 * rng.random()
    return [
        ellipse(-0.55, 0.2, 0.42, 0.32, dark),
        ellipse(0.55, 0.22, 0.42, 0.3, dark),
        ellipse(0.0, 0.25, 0.6, 0.3, dark),
        ellipse(-0.52, 0.1, 0.4, 0.3, light),
        ellipse(0.5, 0.12, 0.4, 0.28, light),
        ellipse(-0.12, -0.14, puff + 0.06, puff, light),
        ellipse(0.26, 0.0, 0.36, 0.32, WHITE),
    ]


def _balloon(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    trim = CREAM if rng.random() < 0.5 else shade(other, 0.25)
    return [
        stroke(-0.36, 0.2, -0.14, 0.72, 0.06, WOOD),
        stroke(0.36, 0.2, 0.14, 0.72, 0.06, WOOD),
        ellipse(0, -0.3, 0.68, 0.7, main),
        polygon([(-0.58, 0.05), (0.58, 0.05), (0.2, 0.52), (-0.2, 0.52)], main),
        ellipse(0, -0.3, 0.44, 0.7, trim),
        polygon([(-0.37, 0.05), (0.37, 0.05), (0.13, 0.52), (-0.13, 0.52)], trim),
        ellipse(0, -0.3, 0.19, 0.7, main),
        polygon([(-0.16, 0.05), (0.16, 0.05), (0.06, 0.52), (-0.06, 0.52)], main),
        box(-0.2, 0.7, 0.2, 0.98, shade(WOOD, 0.15)),
        box(-0.22, 0.68, 0.22, 0.77, shade(WOOD, -0.2)),
    ]


def _wheel(x: float, y: float, radius: float) -> list[Part]:
    return [ellipse(x, y, radius, radius, INK), ellipse(x, y, 0.5 * radius, 0.5 * radius, (214, 214, 222))]


def _car(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    roof = main if rng.random() < 0.5 else shade(other, 0.1)
    return [
        polygon([(-0.55, -0.02), (-0.36, -0.5), (0.3, -0.5), (0.58, -0.02)], roof),
        polygon([(-0.43, -0.04), (-0.29, -0.39), (-0.04, -0.39), (-0.04, -0.04)], GLASS),
        polygon([(0.04, -0.04), (0.04, -0.39), (0.25, -0.39), (0.45, -0.04)], GLASS),
        polygon([(-0.98, 0.05), (-0.9, -0.06), (0.75, -0.06), (0.97, 0.1), (0.98, 0.42), (-0.98, 0.42)], main),
        polygon([(-0.98, 0.28), (0.98, 0.28), (0.98, 0.42), (-0.98, 0.42)], shade(main, -0.22)),
        ellipse(0.9, 0.15, 0.09, 0.09, (255, 236, 150)),
        *_wheel(-0.52, 0.42, 0.25),
        *_wheel(0.55, 0.42, 0.25),
    ]


def _bus(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    parts = [
        polygon([(-0.98, -0.55), (0.9, -0.55), (0.98, -0.4), (0.98, 0.45), (-0.98, 0.45)], main),
        box(-0.98, 0.1, 0.98, 0.24, CREAM if rng.random() < 0.5 else shade(other, 0.3)),
        box(-0.98, 0.33, 0.98, 0.45, shade(main, -0.25)),
    ]
    parts += [box(x, -0.4, x + 0.3, -0.02, GLASS) for x in (-0.85, -0.43, -0.01)]
    parts += [box(0.45, -0.4, 0.9, -0.02, shade(GLASS, 0.3)), *_wheel(-0.55, 0.46, 0.22), *_wheel(0.55, 0.46, 0.22)]
    return parts


def _ball(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    parts = [ellipse(0, 0, 0.85, 0.85, main)]
    colours = (WHITE, shade(other, 0.1)) if rng.random() < 0.6 else (WHITE, WHITE)
    for index in range(3):
        angles = np.linspace(0, np.pi / 3, 8) + index * 2 * np.pi / 3
        rim = [(0.85 * float(np.cos(a)), 0.85 * float(np.sin(a))) for a in angles]
        parts.append(polygon([(0.0, 0.0), *rim], colours[index % 2]))
    return [*parts, ellipse(0, 0, 0.17, 0.17, WHITE)]


def _fish(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    fin = shade(main, -0.22)
    stripes = shade(other, 0.2)
    return [
        polygon([(-0.45, 0.0), (-0.98, -0.46), (-0.84, 0.0), (-0.98, 0.46)], fin),
        polygon([(-0.2, -0.35), (0.1, -0.78), (0.35, -0.3)], fin),
        polygon([(-0.1, 0.35), (0.1, 0.7), (0.3, 0.3)], fin),
        ellipse(0.1, 0.0, 0.78, 0.5, main),
        ellipse(-0.12, 0.0, 0.09, 0.43, stripes),
        ellipse(0.2, 0.0, 0.08, 0.46, stripes),
        ellipse(0.55, -0.12, 0.14, 0.14, WHITE),
        ellipse(0.59, -0.12, 0.075, 0.075, INK),
    ]


def _bird(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    wing = shade(other, 0.1) if rng.random() < 0.5 else shade(main, -0.25)
    return [
        polygon([(-0.5, 0.05), (-0.98, -0.18), (-0.95, 0.2), (-0.45, 0.3)], wing),
        ellipse(-0.02, 0.14, 0.62, 0.42, main),
        ellipse(0.5, -0.2, 0.32, 0.3, main),
        ellipse(0.05, 0.28, 0.4, 0.24, shade(main, 0.45)),
        polygon([(-0.35, 0.1), (0.3, 0.05), (-0.25, -0.85), (-0.5, -0.55)], wing),
        polygon([(0.78, -0.3), (1.05, -0.16), (0.76, -0.06)], (246, 160, 40)),
        ellipse(0.57, -0.26, 0.08, 0.08, INK),
    ]


def _rocket(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    body = CREAM if rng.random() < 0.6 else shade(other, 0.5)
    return [
        polygon([(-0.2, 0.6), (0.0, 1.08), (0.2, 0.6)], (255, 150, 50)),
        polygon([(-0.11, 0.6), (0.0, 0.9), (0.11, 0.6)], (255, 226, 110)),
        polygon([(-0.3, 0.15), (-0.66, 0.72), (-0.24, 0.6)], main),
        polygon([(0.3, 0.15), (0.66, 0.72), (0.24, 0.6)], main),
        polygon([(-0.32, -0.35), (0.32, -0.35), (0.34, 0.2), (0.24, 0.64), (-0.24, 0.64), (-0.34, 0.2)], body),
        polygon([(0.0, -1.0), (0.2, -0.7), (0.32, -0.33), (-0.32, -0.33), (-0.2, -0.7)], main),
        ellipse(0.0, 0.0, 0.2, 0.2, main),
        ellipse(0.0, 0.0, 0.13, 0.13, GLASS),
    ]


def _star(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2 == 0, 1.0, 0.46)
    outline = [(float(r * np.cos(a)), float(r * np.sin(a)) + 0.05) for r, a in zip(radii, angles, strict=True)]
    inner = [(0.66 * x, 0.66 * y) for x, y in outline]
    gold = mix((255, 205, 60), main, 0.25 + 0.5 * rng.random())
    return [
        polygon(outline, gold),
        polygon(inner, shade(gold, 0.35)),
        ellipse(-0.15, -0.02, 0.065, 0.085, INK),
        ellipse(0.15, -0.02, 0.065, 0.085, INK),
    ]


def _house(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    wall = CREAM if rng.random() < 0.5 else shade(other, 0.45)
    return [
        box(0.32, -0.85, 0.54, -0.3, shade(main, -0.35)),
        box(-0.7, -0.2, 0.7, 0.85, wall),
        polygon([(-0.95, -0.15), (0.0, -0.95), (0.95, -0.15)], main),
        box(-0.16, 0.28, 0.16, 0.85, shade(main, -0.3)),
        box(-0.57, 0.08, -0.26, 0.42, GLASS),
        box(0.26, 0.08, 0.57, 0.42, GLASS),
        ellipse(0.0, -0.42, 0.14, 0.14, GLASS),
    ]


def _tree(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    leaf = mix((76, 150, 76), main, 0.35)
    trunk = box(-0.11, 0.3, 0.11, 0.98, WOOD)
    if rng.random() < 0.5:
        tiers = [(0.45, 0.72, -0.12), (0.05, 0.58, -0.5), (-0.35, 0.44, -0.98)]
        return [trunk] + [
            polygon([(-w, y), (w, y), (0.0, top)], shade(leaf, 0.1 * i)) for i, (y, w, top) in enumerate(tiers)
        ]
    blobs = [(0.0, 0.02, 0.62, -0.12), (-0.36, -0.1, 0.42, 0.0), (0.38, -0.12, 0.42, 0.05), (0.0, -0.5, 0.48, 0.12)]
    return [trunk] + [ellipse(x, y, r, r * 0.92, shade(leaf, tone)) for x, y, r, tone in blobs]


def _butterfly(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    dots = shade(other, 0.35)
    parts = []
    for side in (-1, 1):
        parts += [
            ellipse(side * 0.5, -0.32, 0.5, 0.42, main, turn=side * -0.5),
            ellipse(side * 0.4, 0.4, 0.36, 0.36, shade(main, -0.15)),
            ellipse(side * 0.56, -0.36, 0.2, 0.17, dots),
            ellipse(side * 0.42, 0.42, 0.13, 0.13, dots),
        ]
    return [*parts, ellipse(0, 0.05, 0.1, 0.6, INK), ellipse(0, -0.58, 0.14, 0.14, INK)]


def _ufo(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    parts = [
        ellipse(0, -0.2, 0.46, 0.5, GLASS),
        ellipse(0.0, -0.18, 0.16, 0.24, (120, 196, 110)),
        ellipse(0, 0.16, 0.98, 0.34, main),
        ellipse(0, 0.1, 0.98, 0.22, shade(main, 0.3)),
    ]
    return parts + [ellipse(x, 0.26, 0.1, 0.09, shade(other, 0.4)) for x in (-0.58, -0.2, 0.2, 0.58)]


def _flower(main: Colour, other: Colour, rng: np.random.Generator) -> list[Part]:
    stem = (84, 154, 78)
    count = int(rng.integers(5, 8))
    turns = np.arange(count) * 2 * np.pi / count + rng.random()
    petals = [
        ellipse(0.36 * float(np.cos(a)), -0.34 + 0.36 * float(np.sin(a)), 0.3, 0.21, main, turn=float(a)) for a in turns
    ]
    return [
        stroke(0.0, -0.2, 0.0, 0.98, 0.12, stem),
        ellipse(0.24, 0.55, 0.26, 0.11, shade(stem, 0.15), turn=-0.5),
        ellipse(-0.24, 0.68, 0.26, 0.11, stem, turn=0.5),
        *petals,
        ellipse(0, -0.34, 0.21, 0.21, mix((255, 210, 70), other, 0.2)),
    ]


MAKERS: dict[str, Maker] = {
    "boat": _boat,
    "cloud": _cloud,
    "balloon": _balloon,
    "car": _car,
    "bus": _bus,
    "ball": _ball,
    "fish": _fish,
    "bird": _bird,
    "rocket": _rocket,
    "star": _star,
    "house": _house,
    "tree": _tree,
    "butterfly": _butterfly,
    "ufo": _ufo,
    "flower": _flower,
}
KINDS = tuple(MAKERS)

COLOURS: dict[str, Colour] = {
    "red": (222, 72, 62),
    "orange": (242, 140, 52),
    "yellow": (246, 200, 70),
    "green": (92, 172, 92),
    "teal": (42, 160, 152),
    "blue": (62, 118, 202),
    "navy": (58, 70, 138),
    "purple": (142, 92, 182),
    "pink": (236, 122, 160),
    "brown": (158, 104, 70),
    "grey": (126, 134, 148),
    "lime": (166, 204, 72),
}


def parts(kind: str, main: Colour, other: Colour, seed: int) -> list[Part]:
    """The coloured parts of a thing, back to front; the same arguments give the same parts."""
    return MAKERS[kind](main, other, np.random.default_rng(seed))
