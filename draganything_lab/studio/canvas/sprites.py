"""Little pictures with transparency that the canvas keeps and only moves: masks, ghosts, Gaussians. Pure numpy."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ...control.cuts import cut_layers
from ...media.drawing import entity_colour
from ...scene.entity import Entity

FINEST = 1600  # longest side of a sprite, in its own pixels
HEAT_SIDE = 192
DARK, LIGHT = (20, 22, 26), (255, 255, 255)


def css(colour: tuple[int, int, int], alpha: float = 1.0) -> str:
    """A colour as canvases take it.

    >>> css((230, 159, 0), 0.5)
    'rgba(230, 159, 0, 0.5)'
    """
    return f"rgba({colour[0]}, {colour[1]}, {colour[2]}, {alpha:g})"


class Sprite:
    """Pixels, and where they belong.

    Attributes:
        pixels: (h, w, 4) uint8 RGBA.
        corner: (x, y) of its top left corner in pixels of the picture (corner, not centre, of a pixel).
        size: (width, height) that it covers there.
    """

    def __init__(self, pixels: np.ndarray, corner: tuple[float, float], size: tuple[float, float]) -> None:
        self.pixels, self.corner, self.size = pixels, corner, size


def mask_sprite(entity: Entity, number: int, fine: float, *, selected: bool) -> Sprite:
    """An entity's mask in its colour, with an outline.

    Args:
        entity: The entity.
        number: Counted from 1; gives the colour.
        fine: Pixels of the sprite for a pixel of the picture.
        selected: Whether it is drawn stronger, with a white rim.
    """
    area, corner, size, fine = _cover(entity, fine)
    colour = np.array(entity_colour(number), np.float32)
    line = 2.2 if selected else 1.5
    depth = _depth(area)  # device pixels inside; negative outside
    inside = np.clip(depth + 0.5, 0, 1)
    edge = inside * np.clip(2 * line + 0.5 - depth, 0, 1)
    rim = (1 - inside) * np.clip(2.0 * line + 0.5 + depth, 0, 1) * (0.95 if selected else 0.0)
    fill = inside * (0.34 if selected else 0.2)
    if entity.kind == "background":
        fill = inside * _hatch(area.shape) * (0.3 if selected else 0.16)
        edge, rim = edge * (0.6 if selected else 0.0), rim * 0
    return Sprite(_layered([(LIGHT, rim), (tuple(colour), np.maximum(fill, edge))]), corner, size)


def ghost_sprite(entity: Entity, number: int, image: np.ndarray, fine: float) -> Sprite:
    """An entity cut out of the picture, half transparent, with an outline in its colour.

    Args:
        entity: The entity.
        number: Counted from 1.
        image: (H, W, 3) uint8, the picture.
        fine: Pixels of the sprite for a pixel of the picture.
    """
    area, corner, size, fine = _cover(entity, fine)
    depth = _depth(area)
    inside = np.clip(depth + 0.5, 0, 1)
    edge = inside * np.clip(3.5 - depth, 0, 1)
    left, top = (round(value) for value in corner)
    right, bottom = left + round(size[0]), top + round(size[1])
    room = [max(0, -top), max(0, bottom - image.shape[0]), max(0, -left), max(0, right - image.shape[1])]
    part = image[max(0, top) : bottom, max(0, left) : right]
    part = cv2.copyMakeBorder(part, room[0], room[1], room[2], room[3], cv2.BORDER_REPLICATE)
    part = cv2.resize(part, (area.shape[1], area.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    colour = np.array(entity_colour(number), np.float32)
    rgb = part + (colour - part) * edge[..., None]
    alpha = np.maximum(inside * 0.82, edge)
    return Sprite(np.dstack([rgb, alpha * 255]).astype(np.uint8), corner, size)


def opaque(image: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 as (H, W, 4), as canvases take it."""
    return np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])


def cut_sprite(mask: np.ndarray, image: np.ndarray, moves: bool = True) -> Sprite:
    """What a mask (H, W) bool cuts out of a picture (H, W, 3) uint8, with soft edges if it moves, as in the preview."""
    cut = cut_layers(image, [mask], [moves])[0][0]
    alpha = cut.colour[1:-1, 1:-1, 3:]
    colours = cut.colour[1:-1, 1:-1, :3] / np.maximum(alpha, 1e-3)
    pixels = (np.dstack([colours, 255 * alpha]) + 0.5).clip(0, 255).astype(np.uint8)
    return Sprite(pixels, (cut.corner[0] + 1, cut.corner[1] + 1), (pixels.shape[1], pixels.shape[0]))


@lru_cache(maxsize=1)
def heat_pixels() -> np.ndarray:
    """One Gaussian as the model sees it, sigma 0.4 of the radius, cut off at the circle: (s, s, 4) uint8, viridis."""
    ahead = (np.arange(HEAT_SIDE) + 0.5) / HEAT_SIDE * 2 - 1
    squared = ahead[:, None] ** 2 + ahead[None, :] ** 2
    heat = np.exp(-squared / (2 * 0.4**2)).astype(np.float32)
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    rim = np.clip((1 - np.sqrt(squared)) * HEAT_SIDE / 2 + 0.5, 0, 1)
    alpha = rim * (0.5 + 0.4 * heat)
    return np.dstack([colours, (alpha * 255).astype(np.uint8)]).astype(np.uint8)


def _cover(entity: Entity, fine: float) -> tuple[np.ndarray, tuple[float, float], tuple[float, float], float]:
    """The mask's box with a border, (h, w) float32 in 0..1 at `fine` pixels per pixel; its corner and size; `fine`."""
    left, top, right, bottom = entity.box
    fine = min(fine, FINEST / max(right - left, bottom - top))
    border = max(2, int(np.ceil(6 / fine)))
    part: np.ndarray = entity.mask[top:bottom, left:right].astype(np.float32)
    part = cv2.copyMakeBorder(part, border, border, border, border, cv2.BORDER_CONSTANT, value=0)
    wide, tall = max(1, round(part.shape[1] * fine)), max(1, round(part.shape[0] * fine))
    if fine > 1:
        part = cv2.GaussianBlur(part, (0, 0), 0.6)  # stairs of the picture's pixels become a line
    area = cv2.resize(part, (wide, tall), interpolation=cv2.INTER_LINEAR if fine >= 1 else cv2.INTER_AREA)
    size = right - left + 2 * border, bottom - top + 2 * border
    return area, (left - border, top - border), size, fine


def _depth(area: np.ndarray) -> np.ndarray:
    """(h, w) float32: how far inside the outline a pixel is; negative outside."""
    inside = (area > 0.5).astype(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where(inside > 0, within - 0.5, 0.5 - beyond)


def _hatch(shape: tuple[int, ...]) -> np.ndarray:
    """Diagonal stripes, (h, w) float32 in 0..1."""
    along = np.arange(shape[0])[:, None] + np.arange(shape[1])
    return np.clip(np.abs(along % 24 - 12) - 7.5, 0, 1).astype(np.float32)


def _layered(layers: list[tuple[tuple[float, ...], np.ndarray]]) -> np.ndarray:
    """Colours with alphas (h, w) in 0..1, laid over each other: (h, w, 4) uint8, not premultiplied."""
    shape = layers[0][1].shape
    colour, alpha = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 1), np.float32)
    for tint, over in layers:
        a = over[..., None].astype(np.float32)
        colour = colour * (1 - a) + np.array(tint, np.float32) * a
        alpha = alpha * (1 - a) + a
    colour = colour / np.maximum(alpha, 1e-4)
    return np.dstack([colour.clip(0, 255), alpha * 255]).astype(np.uint8)
