"""From a picture and a control signal to a video: SVD's sampling, steered by the DragAnything ControlNet."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import AutoencoderKLTemporalDecoder
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.utils import BaseOutput
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from ..control.presets import Behaviour, behaviour
from ..control.signal import ControlSignal
from ..errors import LabError
from ..models import DragAnythingControlNet, DragAnythingUNet, ReferenceDecoder
from ..models.shortcuts import take_shortcuts
from . import stages
from .cancel import Cancelled, CancelSwitch, stop_at
from .decoding import check_decoding, decode_videos
from .dryrun import DryRun
from .inputs import DenseControl, check_callback, check_number, check_output_type
from .plan import RunPlan, plan_run, prepare
from .request import Request, make_request
from .sampling import draw_noise, model_pixels, to_frames

if TYPE_CHECKING:
    from ..models.dift import DiffusionFeatures

__all__ = ["Cancelled", "DragAnythingOutput", "DragAnythingPipeline"]

# Parameters of a UNet from which on a run is long enough to be announced.
LARGE = 500_000_000


@dataclass
class DragAnythingOutput(BaseOutput):
    """What a run returns.

    Attributes:
        frames: The video; its form is `output_type`'s. With several videos, one more axis (or list) in front.
        seeds: The seed of each video, where it is known; None when a generator was given.
        control: The control signal that was used.
        shares: (T, H, W, 4) float32 in 0..1; with several videos, one more axis in front. How much of each pixel the
            reference decoder carried along from the picture, left as it is in that place of the picture, generated,
            and filled in from around; None where the VAE decoded.
    """

    frames: Any
    seeds: list[int] | None = None
    control: Any = None
    shares: np.ndarray | None = None


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

    # The ControlNet and the UNet take turns at every step, so the ControlNet is no link of this chain.
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
    ) -> None:
        super().__init__()
        self.register_to_config(default_steps=default_steps, default_guidance=default_guidance)
        if type(unet) is UNetSpatioTemporalConditionModel:
            unet = DragAnythingUNet.from_stock(unet)
        stages.check_parts(vae, image_encoder, unet, controlnet)
        take_shortcuts(vae, unet, controlnet)
        stop_at(stages.watched_layers(vae, unet, controlnet))
        self.register_modules(
            vae=vae,
            image_encoder=image_encoder,
            unet=unet,
            controlnet=controlnet,
            scheduler=copy.copy(scheduler),  # it counts the steps of a run: pipelines must not share it
            feature_extractor=feature_extractor,
            decoder=decoder,
        )
        self.vae_scale_factor = stages.vae_factor(vae)
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
        """Whether denoising is to end early; what is there is decoded. A callback sets it: `pipe._interrupt = True`."""
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
        conditioning_scale: float = 1.0,
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
            height: Of the video, a multiple of `size_multiple`; None for the control's, else the
                shape of the picture, as large as the weights were trained at (`size.video_size`).
            width: Likewise.
            num_inference_steps: Steps of the scheduler; None for what the weights were tuned for (25 for SVD's).
            min_guidance_scale: Guidance of the first frame; in equal steps to the last's. 1 for both: none.
            max_guidance_scale: Guidance of the last frame; None for what the weights were tuned for (3 for SVD's).
            fps: Frames a second that the model is told (less one, as SVD was trained). Not with preset "release".
            motion_bucket_id: How much motion the model is told. Not with preset "release".
            noise_aug_strength: Noise on the picture, and what the model is told of it (told: not with "release").
            conditioning_scale: Factor on the ControlNet's residuals; 0 leaves the ControlNet out.
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
        check_output_type(output_type)
        check_callback(callback_on_step_end, callback_on_step_end_tensor_inputs, self._callback_tensor_inputs)
        for name, chunk in (("control_chunk_size", control_chunk_size), ("decode_chunk_size", decode_chunk_size)):
            check_number(name, 1 if chunk is None else chunk, 1, whole=True)
        request = make_request(
            self,
            image,
            control,
            rules=behaviour(preset),
            size=(height, width),
            num_frames=num_frames,
            steps=self.config["default_steps"] if num_inference_steps is None else num_inference_steps,
            guidance=(
                min_guidance_scale,
                self.config["default_guidance"] if max_guidance_scale is None else max_guidance_scale,
            ),
            time_ids=(fps, motion_bucket_id, noise_aug_strength),
            conditioning_scale=conditioning_scale,
            seed=seed,
            generator=generator,
            videos=num_videos_per_prompt,
            latents=latents,
            features=features if features is not None else self.features,
            vectors=vectors,
        )
        frame_size = check_decoding(self, request, decode_size, with_reference)
        with self._alone():
            stages.avoid_half_precision_on_cpu(self)
            plan = self._plan_for(request)
            if plan is not None:
                decode_chunk_size = decode_chunk_size or plan.decode_chunk
                split_guidance = plan.split_guidance if split_guidance is None else split_guidance
            start, run = self._prepare_run(request, control_chunk_size, bool(split_guidance))
            begin = time.perf_counter()
            result = self._denoise(start, run, callback_on_step_end, callback_on_step_end_tensor_inputs)
            stages.check_result(result, self.unet.dtype)
            if plan is not None:
                speed = plan.step_flops * self.num_timesteps / (time.perf_counter() - begin)
                self._speeds[torch.device(self._execution_device).type, self.unet.dtype] = speed
            made: list[Any] = list(result)
            shares: list[np.ndarray] = []
            if output_type != "latent":
                stages.offload(self, "unet", "controlnet")
                videos, shares = decode_videos(self, request, result, run.embedding, frame_size, decode_chunk_size)
                made = [to_frames(video, output_type) for video in videos]
        one = stages.stacked if request.several else itemgetter(0)
        output = DragAnythingOutput(one(made), request.seeds, request.control, one(shares) if shares else None)
        return output if return_dict else (output.frames,)

    def _plan_for(self, request: Request) -> RunPlan | None:
        """Estimate a large run and say so; a small one is over before one has read it."""
        plan, asked = self.plan, (request.size, request.frames, request.steps, request.videos)
        if plan is not None and (plan.size, plan.num_frames, plan.steps, plan.videos) == asked:
            return plan
        if sum(parameter.numel() for parameter in self.unet.parameters()) < LARGE:
            return None
        size, frames, steps, videos = asked
        guided, offloaded = request.guidance is not None, bool(getattr(self, "_all_hooks", ()))
        self.plan = plan_run(self, size, frames, steps=steps, videos=videos, guided=guided, offload=offloaded)
        print(self.plan if self.plan.fits else f"{self.plan}: this may not fit; pipe.prepare(...) chooses what does")
        return self.plan

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time, that can be cancelled, and that leaves everything as it was, however it ends."""
        if self._running:
            raise LabError("this pipeline is making a video already", fix="wait for it, or stop it with .cancel()")
        self._running, self._interrupt = True, False
        self._switch.clear()
        watched = stages.watched_layers(self.vae, self.unet, self.controlnet)
        try:
            with self._switch.watching(watched):
                yield
        finally:
            self._running = False
            self.maybe_free_model_hooks()

    def _prepare_run(self, request: Request, control_chunk: int | None, split: bool) -> tuple[torch.Tensor, stages.Run]:
        """Do what is done once a video: encode the picture, draw the noise, embed the control."""
        device, dtype = self._execution_device, self.unet.dtype
        context = stages.encode_for_attention(self, request.seen, device, normalised=request.clip_normalised)
        # The order of the draws is the released one: the picture's noise first, the latents second.
        grain = draw_noise((request.videos, 3, *request.size), request.generators, once=True)
        pixels = model_pixels(request.seen, request.size) + request.noise_strength * grain
        image_latents = stages.encode_for_latents(self, pixels, device)
        noise = request.noise
        if noise is None:
            noise = draw_noise(request.noise_shape, request.generators)
        embedding = None
        if request.conditioning_scale != 0:
            embedding = stages.embed_control(self.controlnet, request.control, device, control_chunk)
        self.scheduler.set_timesteps(request.steps, device=device)
        run = stages.Run(
            image_latents=image_latents.to(device, dtype).expand(request.videos, -1, -1, -1),
            context=context.to(device, dtype).expand(request.videos, -1, -1),
            time_ids=torch.tensor([request.time_ids], device=device, dtype=dtype),
            embedding=embedding,
            conditioning_scale=request.conditioning_scale,
            guidance=request.guidance,
            split=split,
        )
        return (noise * self.scheduler.init_noise_sigma).to(device), run

    def _denoise(
        self,
        latents: torch.Tensor,
        run: stages.Run,
        callback: Callable[..., dict[str, Any] | None] | None,
        seen: Sequence[str],
    ) -> torch.Tensor:
        """Go from noise (V, F, C, h, w) to latents, both in float32: half precision would lose what a step changes."""
        timesteps = self.scheduler.timesteps
        self._num_timesteps = len(timesteps)
        with self.progress_bar(total=len(timesteps)) as bar:
            for step, timestep in enumerate(timesteps):
                self._switch.check()
                prediction = stages.predict(self, latents, timestep, run)
                latents = self.scheduler.step(prediction, timestep, latents, return_dict=False)[0]
                if callback is not None:
                    tensors = {"latents": latents, "noise_prediction": prediction}
                    changed = callback(self, step, timestep, {name: tensors[name] for name in seen}) or {}
                    latents = changed.get("latents", latents)
                bar.update()
                if self._interrupt:
                    break
        return latents
