"""Frames of clips at a wanted size, and their masks: one whole number per pixel says which object it belongs to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from ..errors import LabError
from .folder import shown
from .labels import VOID
from .mask import LOSSY
from .picture import MAX_PIXELS, MAX_SIDE, mode_image, open_source, upright

Box = tuple[int, int, int, int]


def load_ids(file: Path, size: tuple[int, int] | None = None) -> NDArray[np.int32]:
    """Read a mask of ids.

    Args:
        file: A PNG with one number per pixel: 8 or 16 bits, or a palette, of which the indices count.
        size: (H, W) to crop and resize it to, as `load_frame` does with its picture; None for its own.

    Returns:
        (H, W) int32; 0 where there is no object or only the uncertain rim (255 or 65535).

    Raises:
        LabError: The file is damaged, in colour, or a JPEG, which changes numbers.
    """
    name = shown(file.name)
    try:
        with _opened_ids(file) as image:
            image.load()
            if size is not None:
                box = crop_box((image.height, image.width), size)
                image = image.resize((size[1], size[0]), Image.Resampling.NEAREST, box=box)
            ids = np.asarray(image).astype(np.int32)
    except LabError:
        raise
    except Exception as error:  # Pillow's readers fail in many ways on damaged files
        raise LabError(f"mask {name} cannot be read ({error})", fix="download it again") from error
    for void in VOID:
        ids[ids == void] = 0
    return ids


def ids_size(file: Path) -> tuple[int, int]:
    """(H, W) of a mask of ids, from its header alone; a `LabError` if it is not one."""
    with _opened_ids(file) as image:
        return image.height, image.width


def _opened_ids(file: Path) -> Image.Image:
    name = shown(file.name)
    try:
        image = Image.open(file)
    except Exception as error:  # Pillow's readers fail in many ways on damaged files
        raise LabError(f"mask {name} cannot be read ({error})", fix="download it again") from error
    if (image.format or "") in LOSSY:
        raise LabError(f"mask {name} is a {image.format}, which changes numbers", fix="save masks as PNG")
    if image.mode == "F":
        raise LabError(f"mask {name} holds fractions", fix="save whole numbers")
    if len(image.getbands()) > 1:
        raise LabError(f"mask {name} is in colour", fix="use one number per pixel: panomasks/, not panomasksRGB/")
    return image


def load_frame(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a frame of a clip at a size, without distorting it.

    The largest part of the size's shape is cropped from the middle and resized. A JPEG is decoded only as large as
    needed.

    Args:
        file: The picture.
        size: (H, W).

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        LabError: The file is damaged or not a picture.
    """
    image, name = open_source(file, "picture", MAX_SIDE, MAX_PIXELS)
    assert isinstance(image, Image.Image)
    with image:
        own = _shown_size(image)
        scale = size[0] / (crop_box(own, size)[3] - crop_box(own, size)[1])
        image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        whole = mode_image(upright(image, name), name, "white", "RGB")
    box = crop_box((whole.height, whole.width), size)
    return np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=box))


def frame_size(file: Path) -> tuple[int, int]:
    """(H, W) of a picture as it is shown, from its header alone.

    Raises:
        LabError: The file is not a picture.
    """
    image, _ = open_source(file, "picture", MAX_SIDE, MAX_PIXELS)
    assert isinstance(image, Image.Image)
    with image:
        return _shown_size(image)


def _shown_size(image: Image.Image) -> tuple[int, int]:
    turned = image.format == "JPEG" and image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return (image.width, image.height) if turned else (image.height, image.width)


def crop_box(own: tuple[int, int], size: tuple[int, int]) -> Box:
    """The largest part of a picture that has a size's shape, from its middle.

    Args:
        own: (H, W) of the picture.
        size: (H, W) whose shape it should have.

    Returns:
        (left, top, right, bottom) in pixels of the picture.

    >>> crop_box((720, 1280), (320, 576)), crop_box((480, 480), (320, 576))
    ((0, 4, 1280, 715), (0, 106, 480, 373))
    """
    height, width = min(own[0], round(own[1] * size[0] / size[1])), min(own[1], round(own[0] * size[1] / size[0]))
    height, width = max(1, height), max(1, width)
    left, top = (own[1] - width) // 2, (own[0] - height) // 2
    return left, top, left + width, top + height


def cropped_points(points: NDArray, own: tuple[int, int], size: tuple[int, int]) -> NDArray[np.float32]:
    """Points (…, 2) x and y in a picture (H, W), in the pixels of `load_frame`'s picture of a size."""
    left, top, right, bottom = crop_box(own, size)
    scale = np.array([size[1] / (right - left), size[0] / (bottom - top)])
    return ((np.asarray(points, np.float64) + 0.5 - (left, top)) * scale - 0.5).astype(np.float32)
