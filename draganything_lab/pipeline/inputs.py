"""The picture of a run, brought to one form, and the size of its video."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import LabError
from ..media.arrays import is_array
from ..media.picture import load_picture
from ..scene.scene import Scene
from .checks import check_finite, check_number
from .size import stretch, stretched

logger = logging.getLogger(__name__)


def picture_of(image: Any) -> torch.Tensor:
    """Turn whatever holds a picture into (1, 3, H, W) float32 in 0..1.

    Args:
        image: A `Scene`, anything `load_picture` takes, or a tensor (3, H, W) or (1, 3, H, W) in 0..1; a list of one.

    Raises:
        LabError: No picture, several pictures, NaN, or values outside 0..1.
    """
    if isinstance(image, Scene):
        image = image.image
    if isinstance(image, (list, tuple)) and len(image) == 1 and is_array(image[0]):
        image = image[0]
    if isinstance(image, torch.Tensor) and image.is_floating_point():
        picture = image.detach().float().cpu()
        picture = picture[None] if picture.ndim == 3 else picture
        if picture.ndim == 4 and picture.shape[1] != 3 and picture.shape[3] == 3:
            picture = picture.permute(0, 3, 1, 2)
        if picture.ndim != 4 or picture.shape[:2] != (1, 3):
            raise LabError(
                f"the picture is a tensor {tuple(image.shape)}", fix="give (3, height, width), values in 0..1"
            )
        check_finite("the picture", picture)
        if picture.min() < 0 or picture.max() > 1:
            low, high = picture.min().item(), picture.max().item()
            raise LabError(f"the picture's values go from {low:.3g} to {high:.3g}", fix="scale them to 0..1")
        return picture
    if isinstance(image, (list, tuple)):
        raise LabError(f"a list of {len(image)} pictures was given", fix="call the pipeline once for each picture")
    return torch.from_numpy(load_picture(image)).permute(2, 0, 1)[None].float() / 255


def resized_picture(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """A picture (1, 3, H0, W0) in 0..1 at a size (H, W) as the released code resizes it: Pillow's way, in 8 bits."""
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    values = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    small = Image.fromarray(values).resize((size[1], size[0]))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255


def resolve_size(
    height: int | None,
    width: int | None,
    control: tuple[int, int] | None,
    picture: torch.Tensor,
    multiple: int,
    usual: tuple[int, int],
) -> tuple[int, int]:
    """Choose the size of the video.

    Args:
        height: The height asked for, or None for the control's, else `usual`.
        width: The width asked for, or None.
        control: (H, W) of the control maps, if they are made already; then the size is theirs.
        picture: (1, 3, H0, W0).
        multiple: Number that both must be multiples of.
        usual: (H, W) where neither is asked for, from `size.video_size`.

    Returns:
        (H, W).

    Raises:
        LabError: Not a multiple, or another size than the control's.
    """
    if control is not None:
        asked = (height or control[0], width or control[1])
        if asked != control:
            raise LabError(
                f"the control signal is for {control[1]}x{control[0]} and the video for {asked[1]}x{asked[0]}",
                fix=f"build it with size=({asked[0]}, {asked[1]})",
            )
    elif height is None and width is None:
        return usual
    else:
        own = (picture.shape[-2], picture.shape[-1])
        asked = (
            height if height is not None else _nearest(round(own[0] * int(width or 0) / own[1]), multiple),
            width if width is not None else _nearest(round(own[1] * int(height or 0) / own[0]), multiple),
        )
    _say_shape((picture.shape[-2], picture.shape[-1]), (int(asked[0]), int(asked[1])), multiple)
    for name, value in zip(("height", "width"), asked, strict=True):
        check_number(name, value, multiple, 8192, whole=True)
        if value % multiple:
            below = max(value // multiple, 1) * multiple
            raise LabError(f"{name} {value} is not a multiple of {multiple}", fix=f"use {below} or {below + multiple}")
    return int(asked[0]), int(asked[1])


def _say_shape(own: tuple[int, int], asked: tuple[int, int], multiple: int) -> None:
    """Warn where a picture would be stretched by more than rounding to whole cells explains."""
    if min(asked) < 1:
        return
    if stretch(own, asked) > max(0.02, 1.5 * multiple / min(asked)):
        logger.warning("%s", stretched(own, asked))


def _nearest(value: int, multiple: int) -> int:
    return max(round(value / multiple), 1) * multiple
