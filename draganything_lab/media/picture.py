"""Reading and writing pictures: every kind of file or array becomes (H, W, 3) uint8 RGB. For masks see `mask`.

Whatever a student opens in the lab ends up here: a phone photo turned by EXIF, a 16-bit scan, a transparent sticker, a
400-megapixel poster, a half-finished download. Each is either read as intended or refused with its name.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from ..errors import LabError
from .arrays import is_array, picture_array
from .files import write_whole

Source: TypeAlias = "str | Path | Image.Image | np.ndarray | bytes | Any"

MAX_SIDE = 8192
MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "HEIF")
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
_FIX = "save it as PNG or JPEG and try again"
_SMALLER = "make it smaller first"


def load_picture(source: Source, *, max_side: int = MAX_SIDE, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a picture of any common kind as RGB.

    EXIF rotation is applied, grey and palette become RGB, transparency is laid over white, 16 bits become 8, and an
    animation gives its first frame. Sizes are checked before anything is decoded.

    Args:
        source: A path, the bytes of a file, a PIL image, or an array: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4)
            RGBA; uint8, uint16, bool, or floats in [0, 1]. A PyTorch tensor (any dtype and device, with or without
            gradient) may be (C, H, W) too. A leading axis of 1 or a list of one picture is unwrapped.
        max_side: Longest width or height allowed, in pixels.
        max_pixels: Maximum number of pixels.

    Returns:
        (H, W, 3) uint8 RGB in [0, 255], a new array.

    Raises:
        LabError: The file is missing, empty, truncated, too large or not a picture, or the array is not of such a kind.

    >>> load_picture(np.zeros((2, 3), np.uint8)).shape
    (2, 3, 3)
    """
    image, name = open_source(source, "picture", max_side, max_pixels)
    if isinstance(image, np.ndarray):
        return _picture_from_array(image, name)
    return np.array(mode_image(upright(image, name), name, "white", "RGB"))


def save_picture(image: np.ndarray, path: str | Path) -> Path:
    """Write a picture or a mask to a file, whole or not at all; the suffix chooses the format.

    Args:
        image: (H, W, 3) uint8 RGB, (H, W) uint8 grey, or (H, W) bool, written as 0 and 255.
        path: Ends in .png, .jpg, .jpeg, .webp or .bmp. Masks only go to .png or .bmp: JPEG would blur their edges.

    Returns:
        The path written.

    Raises:
        LabError: The array or the suffix is not supported, or the path cannot be written to.
    """
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise LabError(
            f'"{Path(path).name}" does not have a picture suffix that the lab writes',
            fix="use .png, .jpg, .webp or .bmp",
        )
    image = picture_array(image) if is_array(image) else image
    if isinstance(image, np.ndarray) and image.dtype == bool and kind in ("JPEG", "WEBP"):
        raise LabError(f'a mask saved as "{Path(path).name}" would lose pixels at its edges', fix="use .png")
    return write_whole(path, encode_picture(image, kind))


def encode_picture(image: np.ndarray, kind: str = "PNG") -> bytes:
    """The bytes of a picture file; arguments as for `save_picture`."""
    image = picture_array(image) if is_array(image) else image
    if not isinstance(image, np.ndarray) or image.size == 0:
        raise LabError("nothing to save: the picture is empty or not an array")
    if image.dtype == bool and image.ndim == 2:
        image = image.astype(np.uint8) * 255
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise LabError(
            f"cannot save an array {image.shape} of {image.dtype}", fix="pass (H, W, 3) uint8 or an (H, W) bool mask"
        )
    buffer = io.BytesIO()
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}.get(kind, {})
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def open_source(source: Any, what: str, max_side: int, max_pixels: int) -> tuple[Image.Image | np.ndarray, str]:
    """Return an undecoded PIL image or an array of an allowed size, with its name for error messages."""
    if isinstance(source, (str, Path)):
        return _open_file(source, what, max_side, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source) == 0:
            raise LabError(f"{what} is empty (0 bytes)", fix=_FIX)
        return _open_stream(io.BytesIO(source), what, max_side, max_pixels), what
    if isinstance(source, Image.Image):
        _check_size(source.height, source.width, what, max_side, max_pixels)
        return source, what
    if isinstance(source, (list, tuple)) and any(is_array(item) for item in source):
        if len(source) > 1:
            raise LabError(f"{what} is a list of {len(source)}", fix="pass one at a time")
        return open_source(source[0], what, max_side, max_pixels)
    if is_array(source):
        array = picture_array(source, what)
        if array.ndim not in (2, 3):
            raise LabError(f"{what} has shape {array.shape}", fix="pass (H, W) or (H, W, 3)")
        _check_size(array.shape[0], array.shape[1], what, max_side, max_pixels)
        return array, what
    raise LabError(
        f"{what} cannot be read from a {type(source).__name__}", fix="pass a path, bytes, a PIL image or an array"
    )


def _open_file(source: str | Path, what: str, max_side: int, max_pixels: int) -> tuple[Image.Image, str]:
    if re.match(r"[a-z]+://", str(source)):
        raise LabError(f'{what} "{source}" is a web address', fix="download it and pass the path of the file")
    path = Path(source).expanduser()
    name = f'{what} "{path.name}"'
    try:
        if path.is_dir():
            raise LabError(f'{what} "{source}" is a folder', fix="pass the path of a file in it")
        if not path.is_file():
            raise LabError(f'{what} "{source}" does not exist', fix=f"check the path (working folder: {Path.cwd()})")
        if path.stat().st_size == 0:
            raise LabError(f"{name} is empty (0 bytes)", fix=_FIX)
        return _open_stream(path, name, max_side, max_pixels), name
    except (OSError, ValueError) as error:
        if isinstance(error, LabError):
            raise
        raise LabError(f"{name} cannot be opened ({error})") from error


def _open_stream(stream: Path | io.BytesIO, name: str, max_side: int, max_pixels: int) -> Image.Image:
    Image.init()
    formats = [kind for kind in FORMATS if kind in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about large pictures; our own limit covers them
            image = Image.open(stream, formats=formats)
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        count = f"{int(found[0]):,}" if found else "too many"
        limit = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise LabError(f"{name} has {count} pixels, over the limit of {limit:,} pixels", fix=_SMALLER) from error
    except Exception as error:  # Pillow's readers fail in many ways on files that are not pictures
        raise LabError(f"{name} is not a picture that can be read ({type(error).__name__})", fix=_FIX) from error
    _check_size(image.height, image.width, name, max_side, max_pixels)
    return image


def _check_size(height: int, width: int, name: str, max_side: int, max_pixels: int) -> None:
    if height < 1 or width < 1:
        raise LabError(f"{name} is empty ({width}x{height})", fix="pass one of at least 1x1")
    if max(height, width) > max_side:
        raise LabError(f"{name} is {width}x{height}, over the limit of {max_side:,} pixels per side", fix=_SMALLER)
    if height * width > max_pixels:
        raise LabError(f"{name} is {width}x{height}, over the limit of {max_pixels:,} pixels", fix=_SMALLER)


def upright(image: Image.Image, name: str) -> Image.Image:
    """Decode a picture and turn it as its EXIF block says.

    Raises:
        LabError: The picture is damaged.
    """
    try:
        image.load()
        with contextlib.suppress(Exception):  # a broken EXIF block says nothing about the pixels
            image = ImageOps.exif_transpose(image)
    except Exception as error:
        raise _damaged(name, error) from error
    return image


def mode_image(image: Image.Image, name: str, paper: str, mode: str) -> Image.Image:
    """Convert a decoded picture to 8 bits per channel, lay it over `paper` and convert it to `mode`."""
    try:
        if image.mode.startswith(("I", "F")):
            image = Image.fromarray(eight_bits(np.asarray(image), name))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, paper), image)
        return image.convert(mode)
    except LabError:
        raise
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> LabError:
    return LabError(f"{name} is damaged or cut short ({error})", fix=f"download it again, or {_FIX}")


def eight_bits(values: np.ndarray, name: str) -> np.ndarray:
    """Convert grey or colour values of any number type to uint8 in [0, 255]."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype.kind not in "iuf":
        raise LabError(f"{name} holds {values.dtype}", fix="pass uint8 in [0, 255] or floats in [0, 1]")
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise LabError(f"{name} holds NaN or infinity", fix="fix it with np.nan_to_num")
    if values.dtype.kind == "f":
        if low < 0 or high > 1:
            raise LabError(f"{name} holds floats from {low:.4g} to {high:.4g}", fix="scale them to [0, 1]")
        return np.rint(values * 255.0).astype(np.uint8)
    top = 65535 if values.dtype == np.uint16 or high > 255 else 255
    if low < 0 or high > top:
        raise LabError(f"{name} holds whole numbers from {low} to {high}", fix="pass uint8 in [0, 255] or uint16")
    return values.astype(np.uint8) if top == 255 else np.rint(values / 257.0).astype(np.uint8)


def _picture_from_array(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        raise LabError(f"{name} has shape {array.shape}", fix="pass (H, W), (H, W, 3) RGB or (H, W, 4) RGBA")
    array = eight_bits(array, name)
    if array.ndim == 3 and array.shape[2] == 4:
        sticker = Image.fromarray(np.ascontiguousarray(array))
        return load_picture(sticker, max_side=max(array.shape), max_pixels=array.size)
    if array.ndim == 2:
        array = array[..., None]
    return np.array(np.broadcast_to(array, (*array.shape[:2], 3)), order="C")


def psnr(wanted: np.ndarray, got: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of uint8 pictures (…, 3), within a mask (…) or over the whole picture."""
    error = (wanted.astype(np.float32) - got.astype(np.float32)) ** 2
    error = error if mask is None else error[mask]
    return float(-10 * np.log10(max(float(error.mean()), 1e-6) / 255**2)) if error.size else float("nan")
