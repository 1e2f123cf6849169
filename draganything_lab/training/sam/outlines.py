"""Things in the held-out photographs, outlined by hand: what the segmenters are measured on, never trained on."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .photos import photo

Outline = tuple[tuple[int, int], ...]
CUP: Outline = (
    (150, 75),
    (160, 55),
    (180, 34),
    (205, 21),
    (235, 15),
    (265, 17),
    (295, 27),
    (320, 42),
    (337, 60),
    (346, 80),
    (348, 100),
    (345, 120),
    (338, 140),
    (330, 165),
    (322, 186),
    (305, 200),
    (280, 205),
    (271, 213),
    (276, 222),
    (280, 228),
    (278, 236),
    (262, 242),
    (240, 243),
    (225, 240),
    (214, 228),
    (205, 232),
    (199, 247),
    (192, 261),
    (178, 258),
    (168, 246),
    (168, 232),
    (175, 215),
    (185, 200),
    (178, 194),
    (163, 172),
    (152, 140),
    (148, 110),
)
SPOON: Outline = (
    (297, 205),
    (310, 202),
    (319, 200),
    (323, 190),
    (332, 160),
    (345, 120),
    (350, 100),
    (346, 80),
    (341, 62),
    (352, 57),
    (362, 65),
    (357, 85),
    (350, 110),
    (340, 145),
    (329, 190),
    (328, 203),
    (337, 213),
    (345, 226),
    (346, 240),
    (338, 260),
    (325, 272),
    (310, 277),
    (295, 272),
    (283, 260),
    (279, 245),
    (281, 228),
    (288, 215),
)
SAUCER: Outline = (
    (355, 93),
    (380, 118),
    (398, 152),
    (408, 185),
    (404, 222),
    (387, 262),
    (352, 295),
    (310, 318),
    (265, 330),
    (225, 330),
    (180, 316),
    (140, 293),
    (105, 264),
    (80, 230),
    (67, 195),
    (70, 160),
    (82, 130),
    (105, 100),
    (130, 78),
    (152, 65),
    (250, 120),
)
ROCKET: Outline = (
    (257, 101),
    (263, 108),
    (266, 118),
    (267, 140),
    (265, 146),
    (265, 324),
    (250, 324),
    (250, 146),
    (249, 140),
    (249, 118),
    (252, 108),
)
MAN: Outline = (
    (185, 72),
    (200, 64),
    (215, 65),
    (230, 72),
    (245, 80),
    (255, 92),
    (265, 102),
    (270, 115),
    (268, 128),
    (258, 132),
    (250, 145),
    (254, 165),
    (247, 176),
    (240, 190),
    (240, 205),
    (245, 222),
    (249, 246),
    (262, 238),
    (275, 243),
    (287, 262),
    (303, 255),
    (304, 272),
    (290, 285),
    (270, 300),
    (247, 312),
    (225, 303),
    (207, 295),
    (190, 320),
    (170, 345),
    (142, 382),
    (148, 410),
    (150, 450),
    (149, 511),
    (141, 511),
    (135, 495),
    (120, 470),
    (99, 447),
    (95, 480),
    (90, 511),
    (0, 511),
    (0, 260),
    (15, 240),
    (30, 220),
    (50, 180),
    (60, 160),
    (75, 145),
    (100, 130),
    (125, 124),
    (132, 122),
    (145, 110),
    (158, 105),
    (163, 95),
    (172, 85),
)
CELL: Outline = tuple(
    (round(332 + 49 * float(np.cos(turn))), round(290.5 + 48.5 * float(np.sin(turn))))
    for turn in np.linspace(0, 2 * np.pi, 40, endpoint=False)
)
# Thing, its outline in pixels of `photo(name)`, and what lies before it.
OUTLINED: dict[str, tuple[tuple[str, Outline, tuple[Outline, ...]], ...]] = {
    "coffee.png": (("cup", CUP, (SPOON,)), ("spoon", SPOON, ()), ("saucer", SAUCER, (CUP, SPOON))),
    "rocket.jpg": (("rocket", ROCKET, ()),),
    "camera.png": (("man", MAN, ()),),
    "cell.png": (("cell", CELL, ()),),
}


def outlined() -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Photograph, thing, picture (H, W, 3) uint8 and mask (H, W) bool of every outline."""
    for name, things in OUTLINED.items():
        picture = photo(name)
        for thing, outline, before in things:
            mask = _filled(outline, picture.shape[:2])
            for other in before:
                mask &= ~_filled(other, picture.shape[:2])
            yield name, thing, picture, mask


def _filled(outline: Outline, size: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.array(outline, np.int32)], 1)
    return canvas.astype(bool)
