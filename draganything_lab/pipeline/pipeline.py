"""From a picture and a control signal to a video: SVD's sampling, steered by the DragAnything ControlNet."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import AutoencoderKLTemporalDecoder
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from ..control.paper_or_release import Behaviour, behaviour
from ..control.signal import ControlSignal
from ..errors import LabError
from ..models import DragAnythingControlNet, DragAnythingUNet, ReferenceDecoder
from ..models.shortcuts import take_shortcuts
from . import parts
from .cancel import Cancelled, CancelSwitch, stop_at
from .checks import LIMITS, check_callback, check_number, check_output_type, given_noise
from .control import DenseControl, check_control, control_of, control_of_scene, embed_control
from .cut_and_drag import CLOCKS, check_dragged, checked_steering, dual_clock, steps_of
from .decoding import Sources, decode, decode_with, reference_size, references
from .denoising import conditions_of, denoise
from .dryrun import DryRun
from .inputs import picture_of, resized_picture, resolve_size
from .output import DragAnythingOutput
from .plan import RunPlan, announce, plan_run, prepare
from .sampling import (
    RELEASED_TIME_IDS,
    Generators,
    clip_values,
    draw_noise,
    encoder_pixels,
    guidance_scales,
    make_generators,
    model_pixels,
    stacked,
    to_frames,
)
from .size import video_size

if TYPE_CHECKING:
    from ..models.dift import DiffusionFeatures

__all__ = ["Cancelled", "DragAnythingOutput", "DragAnythingPipeline"]


class DragAnythingPipeline(DiffusionPipeline):
    """A diffusers pipeline: picture and control signal, or a scene, to frames.

    Everything that diffusers' pipelines do works: `from_pretrained`, `save_pretrained`, `to`,
    `enable_model_cpu_offload`, `set_progress_bar_config`, callbacks. A stock SVD UNet is taken over as it is.

    Args:
        vae: SVD's video VAE, or a small one of the same class.
        image_encoder: CLIP's vision model.
        unet: The video UNet; it shares its layout with the ControlNet.
        controlnet: DragAnything's ControlNet.
        scheduler: diffusers' `EulerDiscreteScheduler`.
        feature_extractor: Holds CLIP's mean and standard deviation.
        decoder: Decodes with the picture at hand, in place of the VAE; the released weights have none.

    Raises:
        LabError: Parts that do not fit each other.

    Example:
        >>> pipe = DragAnythingPipeline.from_pretrained(folder)                    # doctest: +SKIP
        >>> video = pipe(scene, num_frames=14, seed=0, features=features).frames   # doctest: +SKIP
        >>> video.shape, video.dtype                                               # doctest: +SKIP
        ((14, 320, 576, 3), dtype('uint8'))

    Source:
        Paper, section 3; the released code's `StableVideoDiffusionPipeline`.
    """

    # The ControlNet and the UNet take turns at every step, so the ControlNet is not part of this chain.
    model_cpu_offload_seq = "image_encoder->unet->vae"  # type: ignore[assignment]
    _callback_tensor_inputs = ["latents", "noise_prediction"]  # noqa: RUF012

    vae: Any
    image_encoder: Any
    unet: Any
    controlnet: Any
    scheduler: Any
    feature_extractor: Any
    decoder: Any
    _optional_components = ["decoder"]  # noqa: RUF012

    def __init__(
        self,
        vae: AutoencoderKLTemporalDecoder,
        image_encoder: CLIPVisionModelWithProjection,
        unet: UNetSpatioTemporalConditionModel,
        controlnet: DragAnythingControlNet,
        scheduler: EulerDiscreteScheduler,
        feature_extractor: CLIPImageProcessor,
        decoder: ReferenceDecoder | None = None,
        default_steps: int = 25,
        default_guidance: float = 3.0,
        default_steering: str = "control",
        default_clocks: Sequence[float] = CLOCKS,
    ) -> None:
        super().__init__()
        self.register_to_config(
            default_steps=default_steps,
            default_guidance=default_guidance,
            default_steering=default_steering,
            default_clocks=tuple(default_clocks),
        )
        if type(unet) is UNetSpatioTemporalConditionModel:
            unet = DragAnythingUNet.from_stock(unet)
        parts.check_parts(vae, image_encoder, unet, controlnet)
        take_shortcuts(vae, unet, controlnet)
        stop_at(parts.watched_layers(vae, unet, controlnet, decoder))
        self.register_modules(
            vae=vae,
            image_encoder=image_encoder,
            unet=unet,
            controlnet=controlnet,
            scheduler=copy.copy(scheduler),  # it counts the steps of a run: pipelines must not share it
            feature_extractor=feature_extractor,
            decoder=decoder,
        )
        self.vae_scale_factor = parts.vae_factor(vae)
        self.features: DiffusionFeatures | None = None
        self._switch = CancelSwitch()
        self._running = False
        self._interrupt = False
        self._num_timesteps = 0
        self.plan: RunPlan | None = None
        self._speeds: dict[tuple[str, torch.dtype], float] = {}
        self._dry: tuple[Any, DryRun] | None = None

    @property
    def size_multiple(self) -> int:
        """What height and width must be multiples of: 64 at the released size."""
        return self.vae_scale_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)

    @property
    def interrupt(self) -> bool:
        """Whether denoising shall end early; what is there is decoded. A callback sets it: `pipe._interrupt = True`."""
        return self._interrupt

    @property
    def num_timesteps(self) -> int:
        """Number of steps of the run."""
        return self._num_timesteps

    def cancel(self) -> None:
        """Stop the run that another thread has under way, within a step. That run raises `Cancelled`."""
        if self._running:
            self._switch.set()

    def prepare(self, size: tuple[int, int] = (320, 576), num_frames: int = 14, **options: Any) -> RunPlan:
        """Choose device, precision and settings for runs of a size, and print their cost; see `plan.prepare`.

        >>> pipe.prepare((320, 576), num_frames=20)                                # doctest: +SKIP
        20 frames of 576x320, 25 steps, float16 on cuda: about 10.1 of 14.6 GiB and roughly 2.1 min; …
        """
        return prepare(self, size, num_frames, **options)

    def estimate(self, size: tuple[int, int] = (320, 576), num_frames: int = 14, **options: Any) -> RunPlan:
        """Say what a run would cost, where the pipeline is now; see `plan.plan_run`."""
        return plan_run(self, size, num_frames, **options)

    @torch.no_grad()
    def __call__(
        self,
        image: Any,
        control: ControlSignal | DenseControl | tuple[Any, Any] | None = None,
        *,
        num_frames: int | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int | None = None,
        min_guidance_scale: float = 1.0,
        max_guidance_scale: float | None = None,
        fps: int = 7,
        motion_bucket_id: int = 127,
        noise_aug_strength: float = 0.02,
        conditioning_scale: float | None = None,
        steering: str | None = None,
        clocks: Sequence[float] | None = None,
        preset: str | Behaviour = "paper",
        features: "DiffusionFeatures | None" = None,
        vectors: np.ndarray | None = None,
        seed: int | Sequence[int] | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        num_videos_per_prompt: int | None = None,
        latents: torch.Tensor | None = None,
        control_chunk_size: int | None = None,
        decode_chunk_size: int | None = None,
        decode_size: tuple[int, int] | None = None,
        with_reference: bool | None = None,
        split_guidance: bool | None = None,
        output_type: str = "np",
        callback_on_step_end: Callable[..., dict[str, Any] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        return_dict: bool = True,
    ) -> DragAnythingOutput | tuple[Any]:
        """Make a video.

        Args:
            image: A `Scene`; or a picture: anything `load_picture` takes, or a tensor (3, H, W) in 0..1.
            control: What `build_control` returns, or a pair of maps (image (F, 3, H, W) in 0..255, entity map
                (F, C, H, W) or None). None: it is built from the scene.
            num_frames: F; None for the control's, else the UNet's own.
            height: Height of the video, a multiple of `size_multiple`; None for the control's, else the
                shape of the picture, as large as the weights were trained at (`size.video_size`).
            width: Width of the video, as for `height`.
            num_inference_steps: Steps of the scheduler; None for what the weights were tuned for (25 for SVD's).
            min_guidance_scale: Guidance of the first frame; in equal steps to the last's. 1 for both: none.
            max_guidance_scale: Guidance of the last frame; None for what the weights were tuned for (3 for SVD's).
            fps: Frames per second that the model is told (less one, as SVD was trained). Not with preset "release".
            motion_bucket_id: How much motion the model is told. Not with preset "release".
            noise_aug_strength: Noise on the picture, and what the model is told of it (told: not with "release").
            conditioning_scale: Factor on the ControlNet's residuals; 0 leaves the ControlNet out. None for 1, and for 0
                with cut-and-drag, which needs none.
            steering: "control", by a control signal, or "cut-and-drag", by a scene that was carried out roughly
                (`cut_and_drag`); None for what the pipeline was loaded for.
            clocks: For cut-and-drag: for which share of the steps the reference is followed, everywhere and inside what
                moves, from 0 (never) to 1 (to the end); None for what suits the weights.
            preset: "paper", "release", or a `Behaviour` of your own.
            features: Where the entity vectors come from, for a scene; None for the pipeline's own `features`.
            vectors: (N, C), the entity vectors themselves, for a scene.
            seed: One seed, or one for each video. None draws one; the output tells which.
            generator: A `torch.Generator`, or one for each video, instead of `seed`. The picture's noise is drawn
                first, the latents after it.
            num_videos_per_prompt: How many videos; None for one, or for as many as there are seeds.
            latents: (F, C, h, w) or (V, F, C, h, w) standard normal noise, instead of drawing it.
            control_chunk_size: Frames of control that are written out at a time; None for what fits 512 MiB.
            decode_chunk_size: Frames that the VAE decodes at a time; fewer need less memory, and change the frames
                slightly, since the decoder looks at neighbours in time. None for the plan's, else all.
            decode_size: (H, W) of the frames, where the reference decoder makes them: up to the picture's own size,
                whatever the networks' is (`size.frame_size`). None for the networks'.
            with_reference: Whether the reference decoder makes the frames, with the picture at hand, or the VAE, from
                the latents alone. None: where the weights have such a decoder.
            split_guidance: Run the two halves of guidance one after the other: less memory, slower. None for the
                plan's, else together.
            output_type: "np" (uint8), "pil", "pt" (float32, 0..1, channels first) or "latent".
            callback_on_step_end: Called as `callback(pipe, step, timestep, tensors)`; it may return tensors to use.
            callback_on_step_end_tensor_inputs: Which tensors it sees: "latents", "noise_prediction".
            return_dict: Whether to return a `DragAnythingOutput` or `(frames,)`.

        Returns:
            `.frames` (T, H, W, 3) uint8 for "np"; with several videos (V, T, H, W, 3).

        Raises:
            LabError: Anything asked for that cannot be done; nothing has run then.
            Cancelled: `cancel` was called.
        """
        # 0. What the weights were tuned for, where the call does not say
        rules = behaviour(preset)
        steps = self.config["default_steps"] if num_inference_steps is None else num_inference_steps
        most = self.config["default_guidance"] if max_guidance_scale is None else max_guidance_scale
        clocks = checked_steering(steering or self.config["default_steering"], clocks, self.config["default_clocks"])
        scale = conditioning_scale if conditioning_scale is not None else 1.0 if clocks is None else 0.0

        # 1. Check inputs; nothing has run if one is wrong
        self.check_inputs(
            output_type,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
            num_videos_per_prompt=num_videos_per_prompt,
            num_inference_steps=steps,
            num_frames=num_frames,
            control_chunk_size=control_chunk_size,
            decode_chunk_size=decode_chunk_size,
            min_guidance_scale=min_guidance_scale,
            max_guidance_scale=most,
            conditioning_scale=scale,
            noise_aug_strength=noise_aug_strength,
            fps=fps,
            motion_bucket_id=motion_bucket_id,
        )
        check_dragged(clocks, image, control)
        picture = picture_of(image)  # (1, 3, H0, W0)
        maps = None if control is None else control_of(control)

        # 2. Define call parameters
        generators, videos, seeds = make_generators(seed, generator, num_videos_per_prompt)
        usual = video_size(self, (picture.shape[-2], picture.shape[-1]))
        size = resolve_size(height, width, None if maps is None else maps.size, picture, self.size_multiple, usual)
        frames = num_frames or (self.unet.config.num_frames if maps is None else maps.num_frames)
        frame_size = reference_size(self, size, decode_size, with_reference, scale != 0 or clocks is not None)
        cells = [side // self.vae_scale_factor for side in size]
        shape = (videos, frames, self.vae.config.latent_channels, *cells)
        noise = given_noise(latents, shape)
        guidance = guidance_scales(min_guidance_scale, most, frames)  # (1, F, 1, 1, 1) or None

        # 3. Build the control signal, where a scene asks for one
        if maps is None and (scale != 0 or clocks is None):
            features = features if features is not None else self.features
            maps = control_of_scene(self.controlnet.config, image, frames, size, rules, features, vectors)
        if maps is not None:
            check_control(maps, self.controlnet.config, frames)

        with self._alone():
            parts.avoid_half_precision_on_cpu(self)
            plan = announce(self, size, frames, steps, videos, guidance is not None)
            if plan is not None:
                decode_chunk_size = decode_chunk_size or plan.decode_chunk
                split_guidance = plan.split_guidance if split_guidance is None else split_guidance
            device, dtype = self._execution_device, self.unet.dtype

            # 4. Encode the picture, for the cross-attention and as latents
            seen = resized_picture(picture, size) if rules.resized_first else picture
            image_embeddings = self.encode_image(seen, normalised=rules.clip_normalised)
            grain = draw_noise((videos, 3, *size), generators, once=True)  # drawn before the latents, as released
            image_latents = self.encode_vae_image(model_pixels(seen, size) + noise_aug_strength * grain)

            # 5. Embed the control, once for all steps
            embedding = None
            if maps is not None and scale != 0:
                embedding = embed_control(self.controlnet, maps, device, control_chunk_size)

            # 6. Prepare timesteps and latents
            self.scheduler.set_timesteps(steps, device=device)
            noise = draw_noise(shape, generators) if noise is None else noise
            current = self.prepare_latents(shape, generators, noise)
            clock = None if clocks is None else dual_clock(self, image, picture, noise, steps_of(clocks, steps))
            self._num_timesteps = steps - (0 if clock is None else clock.first)

            # 7. Denoise; in float32, since half precision would lose what a step changes
            told = (fps - 1, motion_bucket_id, noise_aug_strength)  # SVD was told one less than the frames per second
            ids = torch.tensor([told if rules.time_ids_from_call else RELEASED_TIME_IDS], device=device, dtype=dtype)
            given = (
                image_latents.to(device, dtype).expand(videos, -1, -1, -1),
                image_embeddings.to(device, dtype).expand(videos, -1, -1),
            )
            conditions = conditions_of(self, given, ids, embedding, scale, guidance is not None)
            told_of = (callback_on_step_end, callback_on_step_end_tensor_inputs)
            begin = time.perf_counter()
            current = denoise(self, current, conditions, guidance, bool(split_guidance), told_of, clock)
            parts.check_result(current, dtype)
            if plan is not None and self._num_timesteps:
                speed = plan.step_flops * self._num_timesteps / (time.perf_counter() - begin)
                self._speeds[torch.device(device).type, dtype] = speed

            # 8. Decode the latents
            made: list[Any] = list(current)
            shares: list[np.ndarray] = []
            if output_type != "latent":
                parts.offload(self, "unet", "controlnet")
                sources = None
                if frame_size is not None:
                    sources = references(self, model_pixels(picture, frame_size), clock or maps, embedding)
                for index, one in enumerate(made):
                    pixels, share = self.decode_latents(one, decode_chunk_size, sources)
                    made[index] = to_frames(pixels, output_type)
                    shares += [] if share is None else [share]

        one_of = stacked if isinstance(generators, list) or videos > 1 else itemgetter(0)
        output = DragAnythingOutput(one_of(made), seeds, maps, one_of(shares) if shares else None)
        return output if return_dict else (output.frames,)

    def check_inputs(
        self, output_type: Any = "np", callback: Any = None, callback_tensors: Any = (), **numbers: Any
    ) -> None:
        """Check arguments of a call that need neither picture nor control; numbers by `checks.LIMITS`, None is allowed.

        Raises:
            LabError: One is wrong.
        """
        check_output_type(output_type)
        check_callback(callback, callback_tensors, self._callback_tensor_inputs)
        for name, value in numbers.items():
            if value is not None:
                low, high = LIMITS[name]
                check_number(name, value, low, high, whole=isinstance(low, int))

    def encode_image(self, picture: torch.Tensor, *, normalised: bool = True) -> torch.Tensor:
        """Embed a picture (1, 3, H0, W0) in 0..1 for the cross-attention: (1, 1, D).

        Args:
            picture: The picture.
            normalised: Whether the encoder gets CLIP's mean and standard deviation; the released code leaves them out.
        """
        values = clip_values(self.feature_extractor) if normalised else None
        pixels = encoder_pixels(picture, self.image_encoder.config.image_size, values)
        embeddings = self.image_encoder(pixels.to(self._execution_device, self.image_encoder.dtype)).image_embeds
        return embeddings.unsqueeze(1)

    def encode_vae_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode pictures (V or 1, 3, H, W) in about -1..1 to latents (V or 1, C, h, w).

        They are the mode of the posterior, not scaled by the VAE's factor, as SVD was trained.
        """
        device, vae = self._execution_device, self.vae
        with parts.in_float32(vae, vae.dtype == torch.float16 and vae.config.force_upcast):
            latents = [vae.encode(one[None].to(device, vae.dtype)).latent_dist.mode() for one in pixels]
        parts.offload(self, "vae")
        return torch.cat(latents)

    def prepare_latents(
        self, shape: tuple[int, ...], generator: Generators, latents: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Draw latents (V, F, C, h, w) float32, or take given noise, at the scale that the scheduler begins with."""
        noise = draw_noise(shape, generator) if latents is None else latents
        return (noise * self.scheduler.init_noise_sigma).to(self._execution_device)

    def decode_latents(
        self, latents: torch.Tensor, decode_chunk_size: int | None = None, sources: Sources | None = None
    ) -> tuple[torch.Tensor, np.ndarray | None]:
        """Decode one video's latents (F, C, h, w).

        Args:
            latents: The latents.
            decode_chunk_size: Frames that the VAE decodes at a time; None for all.
            sources: What the picture offers; then the reference decoder decodes, else the VAE.

        Returns:
            Pixels (F, 3, H, W) in -1..1, float32, on the CPU; and, from the reference decoder, where they come from
            (F, H, W, 4).
        """
        if sources is None:
            return decode(self.vae, latents, decode_chunk_size, self._execution_device), None
        return decode_with(self.decoder, latents, sources, self._execution_device)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time, that can be cancelled, and that leaves everything as it was, however it ends."""
        if self._running:
            raise LabError("this pipeline is making a video already", fix="wait for it, or stop it with .cancel()")
        self._running, self._interrupt = True, False
        self._switch.clear()
        watched = parts.watched_layers(self.vae, self.unet, self.controlnet, self.decoder)
        try:
            with self._switch.watching(watched):
                yield
        finally:
            self._running = False
            self.maybe_free_model_hooks()
