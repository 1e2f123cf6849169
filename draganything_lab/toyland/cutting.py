"""Turn artwork into the parts of a Scrapbook world: sprites, patches of photographs, and backdrops."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .shapes import SUPERSAMPLING

RIM = 2  # transparent pixels around a sprite, so that its edge is blended wherever it is placed


def fitted(image: NDArray[np.uint8], radius: float, turn: float = 0.0) -> tuple[NDArray[np.uint8], float]:
    """Resize a cut-out to the size at which it is placed, turn it, and add a transparent rim.

    Args:
        image: (h, w, 4) uint8, RGB multiplied by alpha.
        radius: Half its longer side in pixels of the picture, before turning.
        turn: Angle in radians, clockwise.

    Returns:
        The sprite, (h', w', 4) uint8, RGB multiplied by alpha, `SUPERSAMPLING` times the size at which it is placed,
        but at most 1.25 times the size of `image`; and half its longer side in pixels of the picture, a thing's
        `radius`.
    """
    longest = max(image.shape[:2])
    scale = min(1.25, 2 * SUPERSAMPLING * radius / longest)
    size = max(3, round(image.shape[1] * scale)), max(3, round(image.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)
    if not turn:
        sprite = np.asarray(cv2.copyMakeBorder(image, RIM, RIM, RIM, RIM, cv2.BORDER_CONSTANT, value=0), np.uint8)
        return sprite, max(sprite.shape[:2]) * radius / (scale * longest)
    c, s = np.cos(turn), np.sin(turn)
    wide = int(np.ceil(abs(c) * size[0] + abs(s) * size[1])) + 2 * RIM
    high = int(np.ceil(abs(s) * size[0] + abs(c) * size[1])) + 2 * RIM
    matrix = np.array([[c, -s, 0.0], [s, c, 0.0]])
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    matrix[:, 2] = np.array([(wide - 1) / 2, (high - 1) / 2]) - matrix[:, :2] @ middle
    sprite = trimmed(np.asarray(cv2.warpAffine(image, matrix, (wide, high), flags=cv2.INTER_LINEAR), np.uint8))
    return sprite, max(sprite.shape[:2]) * radius / (scale * longest)


def trimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop the fully transparent border of a sprite (h, w, 4), except for a rim."""
    x, y, width, height = cv2.boundingRect(image[..., 3])
    inner = image[y : y + height, x : x + width]
    return np.asarray(cv2.copyMakeBorder(inner, RIM, RIM, RIM, RIM, cv2.BORDER_CONSTANT, value=0), np.uint8)


def recoloured(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A sprite (h, w, 4) with its hue, saturation and brightness changed at random.

    Every step is linear in the colours, so it works on colours multiplied by alpha.
    """
    hue = float(rng.uniform(-np.pi, np.pi)) if rng.random() < 0.35 else float(rng.normal(0, 0.15))
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    spin = grey + np.cos(hue) * (np.eye(3) - grey) + np.sin(hue) * cross
    matrix = float(rng.uniform(0.75, 1.12)) * (grey + float(rng.uniform(0.6, 1.3)) * (spin - grey))
    whole = np.zeros((4, 4))
    whole[:3, :3], whole[3, 3] = matrix, 1
    out = np.asarray(cv2.transform(image, whole), np.uint8)
    np.minimum(out[..., :3], out[..., 3:], out=out[..., :3])
    return out


def crop(
    rng: np.random.Generator, photograph: NDArray[np.uint8], size: tuple[int, int], least: float = 0.4
) -> NDArray[np.uint8]:
    """Take a random part of a photograph, mirrored half of the time, with slightly changed light and colours.

    Args:
        photograph: (H, W, 3) uint8 RGB.
        size: (h, w) of the result.
        least: Smallest part to take, as a share of the largest that fits; enlarging more than twice is avoided.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    height, width = photograph.shape[:2]
    most = min(height / size[0], width / size[1])
    scale = most * float(rng.uniform(min(1.0, max(least, 0.5 / most)), 1.0))
    tall, wide = min(height, max(2, round(size[0] * scale))), min(width, max(2, round(size[1] * scale)))
    top, left = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    part = photograph[top : top + tall, left : left + wide]
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    part = np.asarray(cv2.resize(part, (size[1], size[0]), interpolation=way), np.uint8)
    part = part[:, ::-1] if rng.random() < 0.5 else part
    gain = rng.uniform(0.75, 1.2) * (rng.uniform(0.85, 1.15, 3) if rng.random() < 0.6 else np.ones(3))
    bend, lift = float(rng.uniform(0.8, 1.25)), float(rng.uniform(-20, 20))
    curve = 255 * (np.arange(256)[:, None] / 255) ** bend * gain + lift
    table = np.clip(np.rint(curve), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(part), table[None]), np.uint8)


def outline(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """A random shape: a smooth blob, a polygon, an ellipse or a box, (side, side) uint8 alpha with a soft edge."""
    kind = int(rng.integers(5))
    if kind <= 1:  # a smooth blob
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        far = np.full(60, 0.72)
        for k in range(1, 6):
            far = far + rng.normal(0, 0.22 / k) * np.cos(k * turn + rng.uniform(0, 6.3))
        far = np.clip(far, 0.2, 1)
    elif kind == 2:  # a polygon
        turn = np.linspace(0, 2 * np.pi, int(rng.integers(3, 9)), endpoint=False)
        turn = turn + rng.uniform(-0.3, 0.3, len(turn))
        far = rng.uniform(0.5, 1, len(turn))
    elif kind == 3:
        turn, far = np.linspace(0, 2 * np.pi, 60, endpoint=False), np.ones(60)
    else:
        turn, far = np.pi / 4 + np.arange(4) * np.pi / 2, np.ones(4)
    spots = np.stack([np.cos(turn) * far, np.sin(turn) * far * rng.uniform(0.35, 1)], axis=1)
    if rng.random() < 0.7:
        spin = rng.uniform(0, 2 * np.pi)
        spots = spots @ np.array([[np.cos(spin), np.sin(spin)], [-np.sin(spin), np.cos(spin)]])
    low, high = spots.min(0), spots.max(0)
    spots = (spots - (low + high) / 2) / max(high - low) * (side - 3) + (side - 1) / 2
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.rint(spots * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return canvas


def patch(rng: np.random.Generator, photograph: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut a random part of a photograph (H, W, 3) along a shape, alpha (h, w); returns RGB times alpha, (h, w, 4)."""
    colour = crop(rng, photograph, alpha.shape[:2], least=0.25)
    out = np.empty((*alpha.shape, 4), np.uint8)
    out[..., :3] = (colour.astype(np.uint16) * alpha[..., None] + 127) // 255
    out[..., 3] = alpha
    return out
