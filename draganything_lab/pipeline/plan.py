"""How much memory and time a run needs, and the settings with which it fits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import torch

from ..errors import LabError
from ..models.device import best_device
from .decoding import reference_chunk, reference_size
from .dryrun import Cost, DryRun
from .faster import compile_blocks, use_channels_last
from .machine import GIB, device_memory, duration, product_speed

# Beyond its tensors a GPU holds its driver's context, convolution workspaces and gaps between blocks of memory.
GPU_CONTEXT = GIB // 2
GPU_GAPS = 1.15
# Python, PyTorch, diffusers and transformers, before any weights.
CPU_CONTEXT = 300 * 2**20
CONTROL_CHUNK_BYTES = 512 * 2**20
# How much of a plain matrix product's speed denoising reaches. Assumed until the first run of a pipeline measures it.
SHARE_OF_PRODUCT = 0.4
LARGE = 500_000_000  # UNets with at least this many parameters announce the cost of a run before it starts


@dataclass(frozen=True)
class RunPlan:
    """Settings for a run, and what it will cost with them. `print` it.

    Attributes:
        size: (H, W).
        num_frames: F.
        steps: Steps of the scheduler.
        videos: V.
        device: Where it runs.
        dtype: Data type of weights and activations.
        offload: Whether networks that are not at work wait in the computer's memory.
        split_guidance: Whether the halves of guidance run one after the other.
        control_chunk: Frames of control at a time.
        decode_chunk: Frames that the VAE decodes at a time.
        memory: Peak on the device, in bytes.
        fixed: What of this does not depend on the video: weights, and what a process or a GPU holds besides.
        available: What the device has, in bytes.
        flops: Floating-point operations of the run.
        step_flops: Floating-point operations of one step.
        seconds: How long it will take.
        measured: Whether `seconds` comes from an earlier run of this pipeline, or from a guess.
    """

    size: tuple[int, int]
    num_frames: int
    steps: int
    videos: int
    device: str
    dtype: torch.dtype
    offload: bool
    split_guidance: bool
    control_chunk: int
    decode_chunk: int
    memory: int
    fixed: int
    available: int
    flops: float
    step_flops: float
    seconds: float
    measured: bool

    @property
    def fits(self) -> bool:
        """Whether the device has enough memory."""
        return self.memory <= self.available

    def __str__(self) -> str:
        videos = f"{self.videos} videos of " if self.videos > 1 else ""
        kind = str(self.dtype).removeprefix("torch.")
        where = "the network at work on the device" if self.offload else "all networks on the device"
        halves = "in turn" if self.split_guidance else "together"
        about = "about" if self.measured else "roughly"
        return (
            f"{videos}{self.num_frames} frames of {self.size[1]}x{self.size[0]}, {self.steps} steps, {kind} on "
            f"{self.device}: about {self.memory / GIB:.1f} of {self.available / GIB:.1f} GiB and {about} "
            f"{duration(self.seconds)}; {where}, guidance halves {halves}, {self.control_chunk} frames of control and "
            f"{self.decode_chunk} of decoding at a time"
        )


def plan_run(
    pipe: Any,
    size: tuple[int, int],
    num_frames: int,
    *,
    steps: int = 25,
    videos: int = 1,
    guided: bool = True,
    offload: bool | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    memory: float | None = None,
    decode_size: tuple[int, int] | None = None,
    with_reference: bool | None = None,
    speed: float | None = None,
) -> RunPlan:
    """Choose the fastest settings that fit.

    The order of trial: everything on the device and all frames decoded at a time; fewer frames decoded at a time;
    guidance halves one after the other; the same with the networks offloaded. Where nothing fits, the last is returned
    and its `fits` is False.

    Args:
        pipe: A `DragAnythingPipeline`.
        size: (H, W) of the video.
        num_frames: F.
        steps: Steps of the scheduler.
        videos: V.
        guided: Whether there is guidance.
        offload: Whether networks wait in the computer's memory; None to choose.
        device: Where it is to run; None for the pipeline's own.
        dtype: Data type of weights and activations; None for the UNet's own.
        memory: Bytes of memory to plan for; None for what the device has in all. (Not what is free at the moment: the
            same call shall make the same video.)
        decode_size: (H, W) of the frames, where the reference decoder makes them; None for the networks'.
        with_reference: Whether it makes them, or the VAE; None: where the weights have such a decoder.
        speed: Operations per second that the device reaches; None for what an earlier run measured, else a share of a
            matrix product's. With `memory` and this, `device` need not be at hand.

    Returns:
        The plan.

    Raises:
        LabError: A reference decoder is asked for, and there is none.
    """
    where = torch.device(device if device is not None else pipe._execution_device)
    dry = _dry(pipe, dtype, where.type == "cpu")
    frame_size = reference_size(pipe, size, decode_size, with_reference, controlled=True)
    available = int(device_memory(where) if memory is None else memory)
    control_chunk = min(num_frames, control_chunk_size(pipe.controlnet, size, dry.dtype))
    decode_chunks = [num_frames, *(chunk for chunk in (8, 4, 2, 1) if chunk < num_frames)]
    if frame_size is not None:
        decode_chunks = [min(num_frames, reference_chunk(frame_size))]
    offloads = (offload,) if offload is not None else (False,) if where.type == "cpu" else (False, True)
    splits = (False, True) if guided else (False,)
    for away, split, decode_chunk in product(offloads, splits, decode_chunks):
        halves = 2 if guided else 1
        step = dry.step(size, num_frames, videos if split else videos * halves)
        costs = {
            "see": dry.see(),
            "encode": dry.encode(size),
            "embed": dry.embed(size, control_chunk),
            "meet": dry.meet(size, num_frames, videos),
            "step": step,
            "decode": dry.decode(size, decode_chunk)
            if frame_size is None
            else dry.decode_with_picture(size, frame_size, decode_chunk),
        }
        need = _need(costs, dry.weights, offload=away) + dry.held(size, num_frames, videos)
        if where.type == "cpu":
            need += CPU_CONTEXT + _frames_in_memory(frame_size or size, num_frames * videos, frame_size is not None)
        else:
            need = int(need * GPU_GAPS) + GPU_CONTEXT
        if need <= available:
            break
    step_flops = step.flops * (halves if split else 1)
    flops = (
        costs["see"].flops
        + costs["encode"].flops
        + costs["embed"].flops * num_frames / control_chunk
        + costs["meet"].flops * halves
        + costs["decode"].flops * videos * num_frames / decode_chunk
        + step_flops * steps
    )
    known = pipe._speeds.get((where.type, dry.dtype))
    speed = speed or known
    return RunPlan(
        size=size,
        num_frames=num_frames,
        steps=steps,
        videos=videos,
        device=str(where),
        dtype=dry.dtype,
        offload=away,
        split_guidance=split,
        control_chunk=control_chunk,
        decode_chunk=decode_chunk,
        memory=need,
        fixed=(0 if away else sum(dry.weights.values())) + (CPU_CONTEXT if where.type == "cpu" else GPU_CONTEXT),
        available=available,
        flops=flops,
        step_flops=step_flops,
        seconds=flops / (speed or product_speed(where, dry.dtype) * SHARE_OF_PRODUCT),
        measured=known is not None and speed == known,
    )


def announce(
    pipe: Any, size: tuple[int, int], num_frames: int, steps: int, videos: int, guided: bool
) -> RunPlan | None:
    """Estimate a large run and print it; a small one is over before one has read it, and has no plan."""
    plan, asked = pipe.plan, (size, num_frames, steps, videos)
    if plan is not None and (plan.size, plan.num_frames, plan.steps, plan.videos) == asked:
        return plan
    if sum(parameter.numel() for parameter in pipe.unet.parameters()) < LARGE:
        return None
    offloaded = bool(getattr(pipe, "_all_hooks", ()))
    pipe.plan = plan_run(pipe, size, num_frames, steps=steps, videos=videos, guided=guided, offload=offloaded)
    print(pipe.plan if pipe.plan.fits else f"{pipe.plan}: this may not fit; pipe.prepare(...) chooses what does")
    return pipe.plan


def _need(costs: dict[str, Cost], weights: dict[str, int], *, offload: bool) -> int:
    """Return the bytes that the largest stage needs, with its own weights or with all."""
    if not offload:
        return sum(weights.values()) + max(cost.memory for cost in costs.values())
    at_work = {
        "see": weights["image_encoder"],
        "encode": weights["vae"],
        "embed": weights["controlnet"],
        "meet": weights["controlnet"],
        "step": weights["unet"] + weights["controlnet"],
        "decode": weights["vae"] + weights.get("decoder", 0),
    }
    return max(at_work[name] + cost.memory for name, cost in costs.items())


def prepare(
    pipe: Any,
    size: tuple[int, int],
    num_frames: int,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    compile: bool = False,
    channels_last: bool = False,
    show: bool = True,
    **options: Any,
) -> RunPlan:
    """Bring a pipeline to a device with the settings that fit, and print what a run will cost.

    Args:
        pipe: A `DragAnythingPipeline`.
        size: (H, W) of the videos to come.
        num_frames: Their F.
        device: None for a GPU if there is one.
        dtype: None for float16 on a GPU and float32 on a CPU.
        compile: Compile the repeated blocks; the first step then takes minutes, the later ones less.
        channels_last: Lay out convolutions as GPUs prefer in half precision, and CPUs.
        show: Whether to print the plan.
        **options: As for `plan_run`: steps, videos, guided, memory.

    Returns:
        The plan; the pipeline's calls use its chunks.

    Raises:
        LabError: It fits with no settings; the message says what would.
    """
    where = torch.device(best_device(device))
    dtype = dtype or (torch.float32 if where.type == "cpu" else torch.float16)
    if where.type == "cpu" and dtype == torch.float16:
        raise LabError("float16 is slow and incomplete on a CPU", fix="use torch.float32 or torch.bfloat16")
    plan = plan_run(pipe, size, num_frames, device=where, dtype=dtype, **options)
    if not plan.fits:
        raise LabError(
            f"{num_frames} frames of {size[1]}x{size[0]} need about {plan.memory / GIB:.1f} GiB on {where}, which has "
            f"{plan.available / GIB:.1f} GiB",
            fix="use fewer frames or a smaller picture",
        )
    for name in ("vae", "image_encoder", "unet", "controlnet"):
        # Not diffusers' own .to(), which warns about a dtype without cause.
        torch.nn.Module.to(getattr(pipe, name), dtype=dtype)
    pipe.remove_all_hooks()
    if plan.offload:
        pipe.enable_model_cpu_offload(device=where)
    else:
        pipe.to(where)
    for net in (pipe.unet, pipe.controlnet):
        if channels_last:
            use_channels_last(net)
        if compile:
            compile_blocks(net)
    pipe.plan = plan
    if show:
        print(plan)
    return plan


def control_chunk_size(controlnet: Any, size: tuple[int, int], dtype: torch.dtype) -> int:
    """Return how many frames of control, written out and embedded, fit into 512 MiB; at least one."""
    channels = controlnet.config.entity_embedding_out_channels[0]
    return max(1, CONTROL_CHUNK_BYTES // (3 * channels * size[0] * size[1] * dtype.itemsize))


def _frames_in_memory(size: tuple[int, int], frames: int, shares: bool) -> int:
    """Bytes of decoded frames in float32 while they are put together, and of where their pixels come from."""
    floats = 2 * (3 + 4 * shares)
    return frames * size[0] * size[1] * floats * torch.float32.itemsize


def _dry(pipe: Any, dtype: torch.dtype | None, cpu: bool) -> DryRun:
    """Return the pipeline's dry run, made once for its parts, dtype and kind of device."""
    names = ("unet", "controlnet", "vae", "image_encoder", "decoder")
    key = (dtype or pipe.unet.dtype, cpu, *(id(getattr(pipe, name)) for name in names))
    if pipe._dry is None or pipe._dry[0] != key:
        pipe._dry = (key, DryRun(pipe, dtype, cpu=cpu))
    return pipe._dry[1]
