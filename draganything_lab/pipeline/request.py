"""What one run of the pipeline is asked for, checked before any network runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..control.build import build_control
from ..control.presets import Behaviour
from ..control.signal import ControlSignal, shows_vectors
from ..control.vectors import entity_vectors
from ..errors import LabError
from ..scene.scene import Scene
from .inputs import DenseControl, check_finite, check_number, control_of, picture_of, resized_picture, resolve_size
from .sampling import Generators, guidance_scales, make_generators
from .size import video_size

logger = logging.getLogger(__name__)
RELEASED_TIME_IDS = [6.0, 128.0, 0.02]


@dataclass(frozen=True)
class Request:
    """One run, checked.

    Attributes:
        picture: (1, 3, H0, W0) in 0..1, at its own size.
        seen: What CLIP and the VAE get to see of it; the picture itself, or, as released, resized to the video first.
        control: The control maps.
        size: (H, W) of the video.
        frames: F.
        videos: V.
        several: Whether the answer gets an axis for videos.
        generators: Where noise comes from.
        seeds: The seed of each video, where it is known.
        noise: (V, F, C, h, w) given by the caller, or None.
        noise_shape: (V, F, C, h, w).
        steps: Steps of the scheduler.
        guidance: (1, F, 1, 1, 1), or None for no guidance.
        time_ids: Frames a second less one, motion bucket, noise strength.
        noise_strength: Of the noise on the picture.
        conditioning_scale: Factor on the ControlNet's residuals.
        clip_normalised: Whether the image encoder gets CLIP's mean and standard deviation.
    """

    picture: torch.Tensor
    seen: torch.Tensor
    control: ControlSignal | DenseControl
    size: tuple[int, int]
    frames: int
    videos: int
    several: bool
    generators: Generators
    seeds: list[int] | None
    noise: torch.Tensor | None
    noise_shape: tuple[int, ...]
    steps: int
    guidance: torch.Tensor | None
    time_ids: list[float]
    noise_strength: float
    conditioning_scale: float
    clip_normalised: bool


def make_request(
    pipe: Any,
    image: Any,
    control: Any,
    *,
    rules: Behaviour,
    size: tuple[int | None, int | None],
    num_frames: int | None,
    steps: int,
    guidance: tuple[float, float],
    time_ids: tuple[float, float, float],
    conditioning_scale: float,
    seed: Any,
    generator: Any,
    videos: int | None,
    latents: torch.Tensor | None,
    features: Any,
    vectors: np.ndarray | None,
) -> Request:
    """Check everything that was asked for, and build the control signal if a scene asks for one.

    Args:
        pipe: The pipeline; its configurations say what fits.
        image: A scene or a picture.
        control: Control maps, or None to build them from the scene.
        rules: The switches between paper and released code.
        size: Height and width as asked for.
        time_ids: Frames a second, motion bucket, noise strength as asked for.
        guidance: Of the first and of the last frame.
        num_frames, steps, conditioning_scale, seed, generator, videos, latents, features, vectors: As the pipeline's.

    Raises:
        LabError: Whatever cannot be done.
    """
    if videos is not None:
        check_number("num_videos_per_prompt", videos, 1, 1000, whole=True)
    generators, count, seeds = make_generators(seed, generator, videos)
    steps = check_number("num_inference_steps", steps, 1, 1000, whole=True)
    low = check_number("min_guidance_scale", guidance[0], 0, 100)
    high = check_number("max_guidance_scale", guidance[1], 0, 100)
    conditioning_scale = check_number("conditioning_scale", conditioning_scale, -100, 100)
    strength = check_number("noise_aug_strength", time_ids[2], 0, 100)
    told = RELEASED_TIME_IDS
    if rules.time_ids_from_call:
        # SVD was told one less than the frames a second.
        fps = check_number("fps", time_ids[0], 1, 1000) - 1
        told = [fps, check_number("motion_bucket_id", time_ids[1], 0, 1000), strength]

    picture = picture_of(image)
    given = None if control is None else control_of(control)
    usual = video_size(pipe, (picture.shape[-2], picture.shape[-1]))
    final = resolve_size(*size, given, picture, pipe.size_multiple, usual)
    if num_frames is None:
        num_frames = pipe.unet.config.num_frames if given is None else given.num_frames
    frames = check_number("num_frames", num_frames, 1, 1000, whole=True)
    factor = pipe.vae_scale_factor
    shape = (count, frames, pipe.vae.config.latent_channels, final[0] // factor, final[1] // factor)
    noise = _given_noise(latents, shape)
    if given is None:
        given = _control_from_scene(pipe.controlnet.config, image, frames, final, rules, features, vectors)
    check_control(given, pipe.controlnet.config, frames)
    return Request(
        picture=picture,
        seen=resized_picture(picture, final) if rules.resized_first else picture,
        control=given,
        size=final,
        frames=frames,
        videos=count,
        several=isinstance(generators, list) or count > 1,
        generators=generators,
        seeds=seeds,
        noise=noise,
        noise_shape=shape,
        steps=steps,
        guidance=guidance_scales(low, high, frames),
        time_ids=told,
        noise_strength=strength,
        conditioning_scale=conditioning_scale,
        clip_normalised=rules.clip_normalised,
    )


def _control_from_scene(
    config: Any,
    scene: Any,
    frames: int,
    size: tuple[int, int],
    rules: Behaviour,
    features: Any,
    vectors: np.ndarray | None,
) -> ControlSignal:
    if not isinstance(scene, Scene):
        raise LabError("nothing is to move: give a Scene, or a control signal as the second argument")
    channels = config.entity_embedding_out_channels[0]
    if shows_vectors(config.representation) and vectors is None and scene.controlled:
        if features is None:
            raise LabError(
                f'these weights are for "{config.representation}" and need an entity vector for each entity: give '
                f"features= (load_features) or vectors= ({len(scene.controlled)}, {channels})"
            )
        # The released code keeps the first of all channels, before any averaging.
        kept = features.feature_channels if rules.entity_vector == "first_channel" else channels
        vectors = entity_vectors(scene, features, kept, size=size)
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
            f"the control signal has {control.num_frames} frames and the video is to have {frames}",
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


def _given_noise(latents: torch.Tensor | None, shape: tuple[int, ...]) -> torch.Tensor | None:
    """Return given noise as (V, F, C, h, w), or raise a `LabError`."""
    if latents is None:
        return None
    noise = torch.as_tensor(latents)
    noise = noise[None] if noise.ndim == len(shape) - 1 else noise
    if tuple(noise.shape) != shape:
        raise LabError(
            f"latents are {tuple(latents.shape)}", fix=f"give {shape} (videos, frames, channels, height, width)"
        )
    check_finite("latents", noise)
    return noise.float()
