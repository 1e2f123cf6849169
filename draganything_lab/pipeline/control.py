"""The control of a run: checked or built from a scene, then embedded once for all steps."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..control.build import build_control
from ..control.paper_or_release import Behaviour
from ..control.representations import shows_vectors
from ..control.signal import ControlSignal
from ..control.vectors import entity_vectors
from ..errors import LabError
from ..media.arrays import frames_of, plain_array
from ..scene.scene import Scene
from .checks import check_finite
from .plan import control_chunk_size

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


def control_of_scene(
    config: Any,
    scene: Any,
    frames: int,
    size: tuple[int, int],
    rules: Behaviour,
    features: Any,
    vectors: np.ndarray | None,
) -> ControlSignal:
    if not isinstance(scene, Scene):
        raise LabError("nothing to animate", fix="pass a Scene, or a control signal as the second argument")
    channels = config.entity_embedding_out_channels[0]
    if shows_vectors(config.representation) and vectors is None and scene.controlled:
        if features is None:
            raise LabError(
                f'these weights are for "{config.representation}" and need an entity vector for each entity: give '
                f"features= (load_features) or vectors= ({len(scene.controlled)}, {channels})"
            )
        # The released code keeps the first of all channels, before any averaging.
        kept = features.feature_channels if rules.entity_vector == "first_channel" else channels
        # "carry" says of small things, too, where all of their pixels go: they must not fail for want of a feature.
        vectors = entity_vectors(scene, features, kept, size=size, middle=config.representation == "carry")
    return build_control(
        scene, frames, representation=config.representation, vectors=vectors, channels=channels, size=size, preset=rules
    )


def check_control(control: ControlSignal | DenseControl, config: Any, frames: int) -> None:
    """Check a control signal against a ControlNet's configuration and the number of frames.

    Raises:
        LabError: The frames or the length of the entity vectors differ.
    """
    if control.num_frames != frames:
        raise LabError(
            f"the control signal has {control.num_frames} frames but the video should have {frames}",
            fix=f"build it with num_frames={frames}",
        )
    wanted = config.entity_embedding_out_channels[0]
    if isinstance(control, DenseControl):
        channels = wanted if control.entity_map is None else control.entity_map.shape[1]
    else:
        channels = control.vectors.shape[1] if control.shows_vectors else wanted
        if control.representation != config.representation:
            logger.warning(
                'the control signal is "%s" and the weights were trained with "%s"; expect little obedience',
                control.representation,
                config.representation,
            )
    if channels != wanted:
        raise LabError(
            f"the entity vectors have {channels} channels and this ControlNet takes {wanted}",
            fix=f"build the control with channels={wanted}",
        )


def embed_control(
    controlnet: Any, control: ControlSignal | DenseControl, device: Any, chunk: int | None = None
) -> torch.Tensor:
    """Embed the control of a whole video, some frames at a time, once for all steps and both guidance halves.

    Args:
        controlnet: The ControlNet.
        control: Compact, or dense maps.
        device: Where the ControlNet runs.
        chunk: Frames at a time; None for what fits 512 MiB.

    Returns:
        (1, F, `controlnet.embedding_channels`, H / 8, W / 8).
    """
    dtype = controlnet.dtype
    chunk = chunk or control_chunk_size(controlnet, control.size, dtype)
    parts = []
    for start in range(0, control.num_frames, chunk):
        image, entity_map = _dense(control, start, start + chunk, device, dtype)
        ways = None
        if isinstance(control, ControlSignal):
            ways = control.ways(controlnet.control_factor, start, start + chunk)
        parts.append(
            controlnet.embed_control(
                image[None],
                None if entity_map is None else entity_map[None],
                None if ways is None else torch.from_numpy(ways).to(device, dtype)[None],
            )
        )
    return torch.cat(parts, dim=1)


def _dense(
    control: ControlSignal | DenseControl, start: int, stop: int, device: Any, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Write out (t, 3, H, W) and (t, C, H, W), or None for zeros, on the device."""
    if isinstance(control, DenseControl):
        entity_map = control.entity_map
        maps = None if entity_map is None else entity_map[start:stop].to(device, dtype)
        return control.image[start:stop].to(device, dtype), maps
    image = torch.from_numpy(control.image(start, stop)).to(device, dtype).permute(0, 3, 1, 2)
    if not control.shows_vectors:
        return image, None
    # The same as control.entity_map(start, stop), but only labels and a small table travel to the device.
    table = torch.tensor(control.vectors, device=device, dtype=dtype)
    labels = torch.tensor(control.labels[start:stop], device=device).long()
    return image, table[labels].permute(0, 3, 1, 2)
