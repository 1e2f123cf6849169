"""What a caller may hand to the pipeline, brought to one form and checked: pictures, control maps, sizes, numbers."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..control.signal import ControlSignal
from ..errors import LabError
from ..media.arrays import frames_of, is_array, plain_array
from ..media.picture import load_picture
from ..scene.scene import Scene
from .sampling import OUTPUT_TYPES
from .size import stretch, stretched

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DenseControl:
    """Control maps that the caller has made: tensors instead of a compact `ControlSignal`.

    Attributes:
        image: (F, 3, H, W) float32, 0..255, not normalised.
        entity_map: (F, C, H, W) float32, or None for zeros.
    """

    image: torch.Tensor
    entity_map: torch.Tensor | None

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return self.image.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.image.shape[-2], self.image.shape[-1]


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


def control_of(control: Any) -> ControlSignal | DenseControl:
    """Check a control signal, or make one of a pair of maps.

    Args:
        control: A `ControlSignal`, or `(image, entity_map)`: (F, 3, H, W) or (F, H, W, 3), 0..255, and (F, C, H, W),
            (F, H, W, C) or None; tensors, arrays or PIL images, alone or in lists; a leading axis of 1 is allowed.

    Raises:
        LabError: Another kind of thing, shapes that do not fit each other, or NaN.
    """
    if isinstance(control, ControlSignal):
        check_finite("the control signal's entity vectors", control.vectors)
        check_finite("the control signal's displacements", control.displacement)
        return control
    if isinstance(control, DenseControl):
        control = (control.image, control.entity_map)
    if not isinstance(control, (tuple, list)) or len(control) != 2:
        raise LabError(
            f"control is a {type(control).__name__}",
            fix="give what build_control returns, or a pair (image, entity_map)",
        )
    image = _channels_first("the control image", control[0], 3)
    if control[1] is None:
        return DenseControl(image, None)
    entity_map = torch.from_numpy(np.array(plain_array(control[1], "the entity map"), np.float32))
    entity_map = entity_map[0] if entity_map.ndim == 5 and entity_map.shape[0] == 1 else entity_map
    if entity_map.ndim == 4 and entity_map.shape[1:3] == image.shape[2:]:
        entity_map = entity_map.permute(0, 3, 1, 2)
    if entity_map.ndim != 4 or (entity_map.shape[0], *entity_map.shape[2:]) != (image.shape[0], *image.shape[2:]):
        raise LabError(
            f"the entity map is {tuple(entity_map.shape)}",
            fix=f"the control image needs ({image.shape[0]}, channels, {image.shape[2]}, {image.shape[3]})",
        )
    check_finite("the entity map", entity_map)
    return DenseControl(image, entity_map)


def _channels_first(what: str, values: Any, channels: int) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        tensor = values.detach().cpu().float()
    else:
        tensor = torch.from_numpy(np.array(frames_of(values, what), np.float32))
    tensor = tensor[0] if tensor.ndim == 5 and tensor.shape[0] == 1 else tensor
    if tensor.ndim == 4 and tensor.shape[1] != channels and tensor.shape[3] == channels:
        tensor = tensor.permute(0, 3, 1, 2)
    if tensor.ndim != 4 or tensor.shape[1] != channels:
        raise LabError(f"{what} is {tuple(tensor.shape)}", fix=f"give (frames, {channels}, height, width), 0..255")
    check_finite(what, tensor)
    return tensor


def check_finite(what: str, values: np.ndarray | torch.Tensor) -> None:
    """Raise a `LabError` that counts NaN and infinity, if there are any."""
    tensor = torch.as_tensor(np.array(values)) if isinstance(values, np.ndarray) else values
    bad = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
    if bad:
        raise LabError(
            f"{what}: {bad:,} of {tensor.numel():,} values are NaN or infinite", fix="make it again without them"
        )


def check_number(name: str, value: Any, low: float, high: float = math.inf, *, whole: bool = False) -> Any:
    """Return a number if it lies in `low`..`high`, or raise a `LabError` that says so."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        limit = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise LabError(f"{name} is {value!r}", fix=f"give {kind} {limit}")
    return int(value) if whole else float(value)


def resolve_size(
    height: int | None,
    width: int | None,
    control: ControlSignal | DenseControl | None,
    picture: torch.Tensor,
    multiple: int,
    usual: tuple[int, int],
) -> tuple[int, int]:
    """Choose the size of the video.

    Args:
        height: As asked for, or None for the control's, else `usual`.
        width: Likewise.
        control: The control maps, if they are made already; then the size is theirs.
        picture: (1, 3, H0, W0).
        multiple: What both must be multiples of.
        usual: (H, W) that nobody asked for, from `size.video_size`.

    Returns:
        (H, W).

    Raises:
        LabError: Not a multiple, or another size than the control's.
    """
    if control is not None:
        asked = (height or control.size[0], width or control.size[1])
        if asked != tuple(control.size):
            raise LabError(
                f"the control signal is for {control.size[1]}x{control.size[0]} and the video is to be "
                f"{asked[1]}x{asked[0]}",
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
            raise LabError(f"{name} {value} is no multiple of {multiple}", fix=f"use {below} or {below + multiple}")
    return int(asked[0]), int(asked[1])


def _say_shape(own: tuple[int, int], asked: tuple[int, int], multiple: int) -> None:
    """Warn where a picture would be stretched by more than rounding to whole cells explains."""
    if min(asked) < 1:
        return
    if stretch(own, asked) > max(0.02, 1.5 * multiple / min(asked)):
        logger.warning("%s", stretched(own, asked))


def _nearest(value: int, multiple: int) -> int:
    return max(round(value / multiple), 1) * multiple


def check_output_type(output_type: Any) -> None:
    """Check what form the frames are asked for in."""
    if output_type not in OUTPUT_TYPES:
        raise LabError(f'output_type "{output_type}" is unknown', fix=f"use one of {', '.join(OUTPUT_TYPES)}")


def check_callback(callback: Callable | None, names: Any, allowed: list[str]) -> None:
    """Check what a step's callback asks to see."""
    if callback is not None and not callable(callback):
        raise LabError(
            f"callback_on_step_end is a {type(callback).__name__}", fix="give a function (pipe, step, t, tensors)"
        )
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise LabError(f'a callback cannot see "{unknown[0]}"', fix=f"it can see {', '.join(allowed)}")
