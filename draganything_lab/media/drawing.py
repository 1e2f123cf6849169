"""Drawing on pictures with plain NumPy and OpenCV: numbered colours, heat, arrows and short labels."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's palette without black: its colours can be told apart with every kind of colour vision.
OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)

# Each letter in six rows, because a font rendered this small is a blur.
TINY_LETTERS = {
    "p": "... ##. #.# #.# ##. #..",
    "r": ".. ## #. #. #. ..",
    "e": "... .#. ### #.. .## ...",
    "v": "... #.# #.# #.# .#. ...",
    "i": "# . # # # .",
    "w": "..... #...# #.#.# #.#.# .#.#. .....",
}


def entity_colour(number: int) -> tuple[int, int, int]:
    """Return the RGB colour of the k-th entity, counted from 1; the seven colours repeat."""
    return OKABE_ITO[(number - 1) % len(OKABE_ITO)]


def ink_on(ground: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return near-black or white, whichever reads better on an RGB colour."""
    return (16, 16, 16) if 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2] > 120 else (255, 255, 255)


def repeated(pictures: np.ndarray, times: int) -> np.ndarray:
    """Repeat every pixel of a mask (H, W), a picture (H, W, 3) or a clip (T, H, W, 3) across and down."""
    down = max(0, pictures.ndim - 3)
    return pictures if times == 1 else pictures.repeat(times, axis=down).repeat(times, axis=down + 1)


def enlarged(pictures: np.ndarray, most: int = 256) -> np.ndarray:
    """Repeat the pixels of a small picture or clip while its longer side is within `most`: crisp, colours kept.

    Args:
        pictures: (H, W, 3) or (T, H, W, 3).
        most: Longest side in pixels; what is more than half of it is returned as it is.
    """
    return repeated(pictures, max(1, most // max(pictures.shape[-3:-1])))


def enlarged_to(pictures: np.ndarray, width: int) -> np.ndarray:
    """As `enlarged`, until a picture is about so many pixels wide."""
    return repeated(pictures, max(1, width // pictures.shape[-2]))


@lru_cache(maxsize=256)
def tag(
    text: str, height: int, text_colour: tuple[int, int, int], ground: tuple[int, int, int], opacity: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a word on a small rounded plate.

    Args:
        text: One short line.
        height: Height of the letters' line in pixels; 9 is the smallest that reads well.
        text_colour, ground: RGB.
        opacity: Opacity of the plate, 0..1; the letters are opaque.

    Returns:
        colour: (h, w, 3) float32, 0..255.
        alpha: (h, w, 1) float32, 0..1.
    """
    font = ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(text)
    aside, above = max(2, round(height * 0.35)), max(1, round(height * 0.18))
    width, tall = int(right - left) + 2 * aside, int(bottom - top) + 2 * above
    width = max(width, tall)  # a single digit gets a round plate
    fine = 4  # the plate is drawn larger and shrunk, for smooth corners
    plate = Image.new("L", (width * fine, tall * fine), 0)
    ImageDraw.Draw(plate).rounded_rectangle(
        (0, 0, width * fine - 1, tall * fine - 1), radius=tall * fine * 0.42, fill=255
    )
    letters = Image.new("L", (width, tall), 0)
    at = ((width - (right - left)) / 2 - left, above - top)
    ImageDraw.Draw(letters).text((round(at[0]), at[1]), text, font=font, fill=255)
    ink = np.asarray(letters, np.float32)[..., None] / 255
    under = np.asarray(plate.resize((width, tall), Image.Resampling.BOX), np.float32)[..., None] / 255 * opacity
    colour = ink * np.array(text_colour, np.float32) + (1 - ink) * np.array(ground, np.float32)
    return colour, np.maximum(ink, under)


def paste(picture: np.ndarray, colour: np.ndarray, alpha: np.ndarray, left: int, top: int) -> None:
    """Blend a small picture into a larger one, in place; whatever lies outside is cropped.

    Args:
        picture: (H, W, 3) uint8, changed in place.
        colour: (h, w, 3) float32, 0..255.
        alpha: (h, w, 1) float32, 0..1.
        left, top: Position of its top-left pixel, in pixels.
    """
    height, width = picture.shape[:2]
    y0, y1 = max(top, 0), min(top + colour.shape[0], height)
    x0, x1 = max(left, 0), min(left + colour.shape[1], width)
    if y0 < y1 and x0 < x1:
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        under = picture[y0:y1, x0:x1]
        picture[y0:y1, x0:x1] = (under + (colour[part] - under) * alpha[part] + 0.5).astype(np.uint8)


def word_in_corner(frames: np.ndarray, word: str) -> None:
    """Write a small word into the lower right corner of every frame, in place.

    Args:
        frames: (T, H, W, 3) uint8.
        word: A short word. Small pictures use a tiny six-row alphabet that has only a few letters.
    """
    height, width = frames.shape[1:3]
    letters = round(min(height, width) * 0.045)
    if letters < 9 and set(word) <= set(TINY_LETTERS):
        ink = np.concatenate([_tiny_letter(letter) for letter in word], axis=1)[:, 1:]
        ink = np.pad(ink, ((1, 1), (2, 2)))[..., None]  # the plate's border
        colour, alpha, margin = ink * np.float32(255) + (1 - ink) * np.float32(28), np.maximum(ink, np.float32(0.5)), 1
    else:
        colour, alpha = tag(word, max(letters, 9), (255, 255, 255), (24, 28, 34), 0.62)
        margin = max(letters, 9) // 3
    left, top = max(width - colour.shape[1] - margin, 0), max(height - colour.shape[0] - margin, 0)
    for frame in frames:
        paste(frame, colour, alpha, left, top)


def _tiny_letter(letter: str) -> np.ndarray:
    """Return a letter with a clear column before it: (6, w) float32, 0 or 1."""
    rows = TINY_LETTERS[letter].split()
    return np.pad(np.array([[mark == "#" for mark in row] for row in rows], np.float32), ((0, 0), (1, 0)))


def muted(picture: np.ndarray) -> np.ndarray:
    """Return a picture darker and greyer, (H, W, 3) uint8, so that whatever is drawn over it stands out."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    return (picture * np.float32(0.42) + grey * np.float32(0.26)).astype(np.uint8)


def heat_over(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Overlay a heat map on a picture in the viridis colours.

    Args:
        picture: (H, W, 3) uint8.
        heat: (h, w) uint8, any size; 0 leaves the picture unchanged.

    Returns:
        (H, W, 3) uint8.
    """
    heat = cv2.resize(heat, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap(heat, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32)  # BGR -> RGB
    # Weak heat must still be visible (the released Gaussian ends at 11); its edge is a step, as the network sees it.
    alpha = np.minimum(heat.astype(np.float32) / 11, 1)[..., None] * (0.5 + 0.45 * heat[..., None] / np.float32(255))
    return (picture + (colours - picture) * alpha + 0.5).astype(np.uint8)


def labels_over(picture: np.ndarray, labels: np.ndarray, *, filled: bool) -> np.ndarray:
    """Overlay labels on a picture in the entities' colours, as filled areas or as outlines.

    Args:
        picture: (H, W, 3) uint8.
        labels: (h, w) uint8, any size; 0 is the background.
        filled: Whether the areas are filled; their outlines are always drawn.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = picture.shape[:2]
    result = picture.astype(np.float32)
    line = max(1.0, min(height, width) / 160)
    for number in np.unique(labels[labels > 0]).tolist():
        colour = np.array(entity_colour(number), np.float32)
        area = cv2.resize((labels == number).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        inside = (area > 0.5).astype(np.uint8)
        framed = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        edge = np.clip(line + 0.5 - depth, 0, 1) * inside
        alpha = np.maximum(edge, 0.55 * inside if filled else 0.0)[..., None]
        result += (colour - result) * alpha
    return (result + 0.5).astype(np.uint8)


def holes_over(picture: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Mark unknown areas with pale stripes inside a pale outline.

    Args:
        picture: (H, W, 3) uint8.
        holes: (h, w) bool, any size.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = picture.shape[:2]
    inside = cv2.resize(holes.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    line = max(1, round(min(height, width) / 160))
    edge = inside & (cv2.erode(inside.astype(np.uint8), np.ones((2 * line + 1, 2 * line + 1), np.uint8)) == 0)
    ys, xs = np.mgrid[:height, :width]
    stripes = inside & ((xs + ys) % (6 * line) < 2 * line)
    result = picture.astype(np.float32)
    result += (np.float32(235) - result) * (0.75 * (edge | stripes))[..., None]
    return (result + 0.5).astype(np.uint8)


def arrows_over(picture: np.ndarray, starts: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Draw an arrow for each entity's step to the next frame, lengthened so that it is visible.

    Args:
        picture: (H, W, 3) uint8.
        starts: (N, 2) x and y in pixels.
        steps: (N, 2) x and y in pixels; drawn three times as long.

    Returns:
        (H, W, 3) uint8.
    """
    result = picture.copy()
    fine = 16  # OpenCV takes subpixel positions in sixteenths
    line = max(1, round(min(picture.shape[:2]) / 110))
    for number, (start, step) in enumerate(zip(starts, 3 * steps, strict=True), start=1):
        reach = float(np.hypot(*step))
        if reach < 0.5 or np.abs(start).max() > 1e5 or reach > 1e5:
            continue
        end, along = start + step, step / reach
        head = min(reach * 0.5, 5.0 * line)
        sides = [end - head * (along + turn * 0.6 * np.array([-along[1], along[0]])) for turn in (1, -1)]
        strokes = [np.array([start, end]), np.array([sides[0], end, sides[1]])]
        lines = [np.round(stroke * fine).astype(np.int32) for stroke in strokes]
        for colour, width in (((255, 255, 255), line + 2), (entity_colour(number), line)):
            cv2.polylines(result, lines, False, colour, width, cv2.LINE_AA, shift=4)
    return result


def paths_over(picture: np.ndarray, paths: np.ndarray, frame: int) -> np.ndarray:
    """Draw each entity's whole path as a thin line, brighter up to a frame.

    Args:
        picture: (H, W, 3) uint8.
        paths: (T, N, 2) x and y in pixels.
        frame: Frame up to which the path is bright.

    Returns:
        (H, W, 3) uint8.
    """
    width = max(1, round(min(picture.shape[:2]) / 200))
    points = np.round(np.clip(paths, -1e5, 1e5) * 16).astype(np.int32)  # sixteenths of a pixel
    ahead, behind = picture.copy(), picture.copy()
    for layer, chosen in ((ahead, points[frame:]), (behind, points[: frame + 1])):
        for index in range(points.shape[1]):
            line = np.ascontiguousarray(chosen[:, index])
            cv2.polylines(layer, [line], False, entity_colour(index + 1), width, cv2.LINE_AA, shift=4)
    mixed = cv2.addWeighted(picture, 0.6, ahead, 0.4, 0)
    return np.where(behind != picture, behind, mixed)


def numbers_over(picture: np.ndarray, centres: np.ndarray, radii: np.ndarray | None = None) -> np.ndarray:
    """Write each entity's number on a plate of its colour, beside its circle.

    Args:
        picture: (H, W, 3) uint8.
        centres: (N, 2) x and y in pixels; entities wholly outside get no number.
        radii: (N,) distance of the number from the centre, up and to the left, in pixels; None writes at the centre.

    Returns:
        (H, W, 3) uint8.
    """
    result = picture.copy()
    height, width = picture.shape[:2]
    letters = max(9, round(min(height, width) * 0.045))
    away = np.zeros(len(centres)) if radii is None else np.asarray(radii) * 0.71
    for number, ((x, y), reach) in enumerate(zip(np.clip(centres, -1e6, 1e6), away, strict=True), start=1):
        if x + reach < 0 or y + reach < 0 or x - reach > width or y - reach > height:
            continue
        ground = entity_colour(number)
        colour, alpha = tag(str(number), letters, ink_on(ground), ground, 0.95)
        tall, wide = colour.shape[:2]
        left, top = round(x - reach - wide / 2), round(y - reach - tall / 2)
        paste(result, colour, alpha, min(max(left, 0), width - wide), min(max(top, 0), height - tall))
    return result
