"""Things cut from photographs: the public-domain and CC0 pictures inside scikit-image, cut along drawn shapes."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ...errors import LabError
from ...media.picture import load_picture

# Only what scikit-image's own documentation calls CC0 or public domain.
TRAINED = (
    "astronaut.png",
    "chelsea.png",
    "brick.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "retina.jpg",
)
HELD_OUT = ("coffee.png", "rocket.jpg", "camera.png", "cell.png")
SILHOUETTE = "horse.png"
MOST_SIDE = 512


def photo_folder() -> Path:
    """Where scikit-image keeps the pictures that its wheel brings.

    Raises:
        LabError: It is not installed.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise LabError(
            "scikit-image, whose photographs it is trained on, is missing",
            fix="run: pip install 'draganything-lab[train]'",
        )
    return Path(spec.origin).parent / "data"


@lru_cache(maxsize=32)
def photo(name: str) -> np.ndarray:
    """(H, W, 3) uint8: one of the photographs, its longer side 512 pixels at most."""
    picture = load_picture(photo_folder() / name)
    scale = min(1.0, MOST_SIDE / max(picture.shape[:2]))
    out = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    out.flags.writeable = False
    return out


def crop(rng: np.random.Generator, picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A random part of a photograph at a size (H, W), sometimes mirrored, its colours a little changed."""
    height, width = picture.shape[:2]
    scale = rng.uniform(0.35, 1.0) * min(height / size[0], width / size[1])
    tall, wide = max(8, int(size[0] * scale)), max(8, int(size[1] * scale))
    top, left = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    part = picture[top : top + tall, left : left + wide]
    way = cv2.INTER_AREA if tall > size[0] else cv2.INTER_LINEAR
    part = cv2.resize(part, (size[1], size[0]), interpolation=way)
    part = part[:, ::-1] if rng.random() < 0.5 else part
    out = part.astype(np.float32) * rng.uniform(0.6, 1.3, 3 if rng.random() < 0.6 else 1) + rng.uniform(-30, 30)
    return np.clip(out, 0, 255)


def shape(rng: np.random.Generator, side: int) -> np.ndarray:
    """(side, side) float32 in [0, 1]: a soft-edged shape: a blob, a polygon, an ellipse, a box, or a horse."""
    fine = 3 * side
    kind = int(rng.integers(6))
    canvas: np.ndarray = np.zeros((fine, fine), np.uint8)
    middle, reach = fine / 2, fine * 0.48
    if kind == 5:
        dark = 255 - photo(SILHOUETTE)[..., 0]  # black on white
        canvas = np.asarray(cv2.resize(dark, (fine, fine), interpolation=cv2.INTER_AREA), np.uint8)
    else:
        if kind <= 1:  # a smooth blob
            turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
            wave = sum(rng.normal(0, 0.3 / k) * np.cos(k * turn + rng.uniform(0, 6.3)) for k in range(1, 6))
            far = reach * np.clip(0.7 + 0.5 * np.asarray(wave), 0.2, 1)
        elif kind == 2:  # a polygon with corners
            turn = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
            far = reach * rng.uniform(0.4, 1, len(turn))
        elif kind == 3:
            turn, far = np.linspace(0, 2 * np.pi, 48, endpoint=False), np.full(48, reach)
        else:
            turn, far = np.pi / 4 + np.arange(4) * np.pi / 2, np.full(4, reach)
        spots = np.stack([np.cos(turn) * far, np.sin(turn) * far * rng.uniform(0.4, 1)], axis=1)
        spin = rng.uniform(0, 2 * np.pi)
        turned = spots @ np.array([[np.cos(spin), -np.sin(spin)], [np.sin(spin), np.cos(spin)]])
        cv2.fillPoly(canvas, [np.rint(turned + middle).astype(np.int32)], 255)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def composite(
    seed: int, size: tuple[int, int], names: tuple[str, ...] = TRAINED, most: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """A photograph with things pasted on that are cut from others.

    Args:
        seed: The same seed and arguments give the same picture.
        size: (H, W) in pixels.
        names: Photographs to take from.
        most: One to this many things.

    Returns:
        image (H, W, 3) uint8, labels (H, W) uint8: 0 is ground, k the k-th thing where it is seen.
    """
    rng = np.random.default_rng((seed, 20260101))
    ground = names[int(rng.integers(len(names)))]
    image = crop(rng, photo(ground), size)
    labels = np.zeros(size, np.uint8)
    for label in range(1, 1 + int(rng.integers(1, most + 1))):
        side = max(8, int(min(size) * rng.uniform(0.2, 0.6)))
        cover = shape(rng, side)
        source = names[int(rng.integers(len(names)))]
        texture = crop(rng, photo(source), (side, side))
        if source == ground:  # the same ground would hide it
            texture = np.clip(texture * 0.6 + rng.uniform(0, 255, 3) * 0.4, 0, 255)
        top = int(rng.integers(-side // 3, size[0] - side + side // 3 + 1))
        left = int(rng.integers(-side // 3, size[1] - side + side // 3 + 1))
        rows = slice(max(0, top), min(size[0], top + side))
        columns = slice(max(0, left), min(size[1], left + side))
        inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        alpha = cover[inner][..., None]
        image[rows, columns] = image[rows, columns] * (1 - alpha) + texture[inner] * alpha
        labels[rows, columns][alpha[..., 0] >= 0.5] = label
    return np.rint(image).astype(np.uint8), labels
