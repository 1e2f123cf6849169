"""What a training will need before it starts: memory of each GPU, time, money; and with which options it fits.

Memory comes from a dry run of the trainer's own step (`dry`), not from a formula. Not measured, for want of GPUs: what
FSDP and DeepSpeed save (by their documentation), how much of a GPU's speed a training reaches (assumed), and the time
that processes wait for each other (left out).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...errors import LabError
from ...pipeline.machine import GIB, device_memory, duration, product_speed
from ...pipeline.plan import GPU_CONTEXT, GPU_GAPS, SHARE_OF_PRODUCT
from .dry import StepCost, dry_step
from .gpus import GPUS, named_gpu
from .options import Options
from .step import HALVES

SHARDED = ("none", "fsdp", "deepspeed")
BLOCK = 256  # values that share one float32 scale in an 8-bit optimiser (bitsandbytes)
REAL = ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class TrainingPlan:
    """What a training costs. `print` it.

    Attributes:
        options: The options of the training.
        processes: How many processes, one on each GPU.
        sharded: "none", "fsdp" or "deepspeed".
        device: Where it runs, in words.
        clips: Clips that one process computes at a time.
        parts: Bytes of each process by what they are for; what GPUs hold besides is the last part.
        available: Bytes of each GPU, or of the computer's memory for each process.
        step_flops: Floating-point operations of one step, all processes together.
        step_seconds: How long one step takes.
        measured: Whether that comes from a speed that was measured in a training, or from an assumed one.
        price_per_hour: Price of one GPU, in any currency; None if unknown.
        remedy: What would make it fit, in words; empty where it fits.
    """

    options: Options
    processes: int
    sharded: str
    device: str
    clips: int
    parts: Mapping[str, int]
    available: int
    step_flops: float
    step_seconds: float
    measured: bool
    price_per_hour: float | None
    remedy: str

    @property
    def memory(self) -> int:
        """Peak of each process, in bytes."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """Whether each GPU has enough memory."""
        return self.memory <= self.available

    @property
    def seconds(self) -> float:
        """How long all steps take, without validation, checkpoints and reading."""
        return self.step_seconds * self.options.steps

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return self.seconds * self.processes / 3600

    @property
    def cost(self) -> float | None:
        """Price of these hours; None if unknown."""
        return None if self.price_per_hour is None else self.price_per_hour * self.gpu_hours

    def __str__(self) -> str:
        options, (height, width) = self.options, self.options.size
        share = {"none": "", "fsdp": ", weights shared out by FSDP", "deepspeed": ", shared out by DeepSpeed"}
        times = f" in {options.accumulate} parts" if options.accumulate > 1 else ""
        several = f"{self.processes} processes" if self.processes > 1 else "1 process"
        clips = f"{self.clips} clips" if self.clips > 1 else "1 clip"
        lines = [
            f"{options.steps:,} steps of {options.batch} clips of {options.frames} frames of {width}x{height}, "
            f"{several} on {self.device}{share[self.sharded]}: {clips} at a time{times}",
            *(f"  {name:28} {size / GIB:8.2f} GiB" for name, size in self.parts.items()),
            f"  {'together, per process':28} {self.memory / GIB:8.2f} of {self.available / GIB:.1f} GiB: "
            + ("fits" if self.fits else "too large"),
        ]
        if self.remedy:
            lines.append(f"  {self.remedy}")
        about = "about" if self.measured else "roughly"
        lines.append(
            f"  {self.step_flops / 1e12:.4g} TFLOP and {about} {duration(self.step_seconds)} per step; "
            f"{duration(self.seconds)} in all, {self.gpu_hours:,.1f} GPU hours"
            + ("" if self.cost is None else f", which cost {self.cost:,.2f}")
        )
        if not self.measured:
            lines.append(f"  (time assumes {SHARE_OF_PRODUCT:.0%} of a matrix product's speed)")
        return "\n".join(lines)


def estimate_training(
    networks: Mapping[str, Any],
    options: Options,
    *,
    processes: int = 1,
    device: str | torch.device = "cpu",
    price_per_hour: float | None = None,
    sharded: str = "none",
    speed: float | None = None,
    memory: float | None = None,
) -> TrainingPlan:
    """Estimate a training of the ControlNet.

    Args:
        networks: unet, vae, image_encoder, controlnet and feature_extractor, as `random_parts` names them; only their
            configurations are read, so the meta device will do.
        options: The training's options.
        processes: How many processes, one on each GPU.
        device: "cpu", "cuda" or "mps", whose matrix product is measured here; or a name of `gpus.GPUS`.
        price_per_hour: Price of one GPU.
        sharded: How weights, gradients and optimiser are shared out: "none", "fsdp" (all of them) or "deepspeed" (its
            stage 2: gradients, the optimiser, and the optimiser's copy of the weights).
        speed: Operations per second that a process reached in an earlier training; None for an assumed share of a
            matrix product's.
        memory: Bytes of each process to plan for; None for what the device has.

    Returns:
        The plan.

    Raises:
        LabError: An impossible option, or one that the device cannot do.
    """
    options.checked()
    clips = _check(options, processes, price_per_hour, sharded, speed)
    costs = _Costs(networks, on_gpu=str(device) != "cpu")
    available, rate, name = _device(device, options, processes)
    available = available if memory is None else int(memory)
    parts = costs.parts(options, processes, sharded)
    cost = costs.step(options, clips)
    flops = cost.flops * options.accumulate
    remedy = ""
    if sum(parts.values()) > available:
        remedy = _remedy(costs, options, processes, sharded, available)
    return TrainingPlan(
        options=options,
        processes=processes,
        sharded=sharded,
        device=name,
        clips=clips,
        parts=parts,
        available=available,
        step_flops=flops * processes,
        step_seconds=flops / (speed or rate * SHARE_OF_PRODUCT),
        measured=speed is not None,
        price_per_hour=price_per_hour,
        remedy=remedy,
    )


class _Costs:
    """Dry runs of some networks, each made once."""

    def __init__(self, networks: Mapping[str, Any], *, on_gpu: bool) -> None:
        self.networks, self.on_gpu = networks, on_gpu
        self._known: dict[Any, StepCost] = {}

    def step(self, options: Options, clips: int) -> StepCost:
        """Cost of one part of a step in one process."""
        kept = options.accumulate > 1
        fields = (options.size, options.frames, options.precision, options.checkpointing, options.representation)
        key = (*fields, clips, kept)
        if key not in self._known:
            self._known[key] = dry_step(
                self.networks, options, clips, norms_in_float32=self.on_gpu, gradients_kept=kept
            )
        return self._known[key]

    def parts(self, options: Options, processes: int, sharded: str) -> dict[str, int]:
        """Bytes of a process by what they are for."""
        cost = self.step(options, options.share(processes))
        whole = 4 * cost.trained
        shares = 1 if sharded == "none" else processes
        # Two moments in float32, or in 8 bits with a scale for each block.
        state = 2 * whole if options.optimiser == "adamw" else int(2 * cost.trained * (1 + 4 / BLOCK))
        # What a step needs besides weights and gradients; autocast's copies in half precision are part of it.
        work = cost.memory - (0 if options.accumulate > 1 else whole) - cost.batch
        weights = cost.weights
        if sharded == "fsdp":
            weights = cost.weights // shares + cost.weights  # gathered to compute with, in float32
        elif sharded == "deepspeed":
            weights += whole // shares  # the optimiser's own
        # PyTorch's AdamW on GPUs takes all parameters at a time, and a copy of them.
        update = whole // shares if self.on_gpu and options.optimiser == "adamw" else 0
        # Between the parts of a step, FSDP keeps gradients whole.
        gradients = whole if sharded == "fsdp" and options.accumulate > 1 else whole // shares
        parts = {
            "frozen networks": cost.frozen,
            "trained ControlNet": weights,
            "gradients": gradients,
            "gradients sent to others": whole if processes > 1 and sharded == "none" else 0,
            f"optimiser ({options.optimiser})": state // shares,
            "moving average": whole // shares if sharded == "fsdp" else whole,
            "batch and noise": cost.batch,
            "activations and workspaces": max(work, update, 0),
        }
        parts = {name: size for name, size in parts.items() if size}
        if self.on_gpu:
            parts["driver and gaps"] = int(sum(parts.values()) * (GPU_GAPS - 1)) + GPU_CONTEXT
        return parts


def _check(options: Options, processes: Any, price: Any, sharded: Any, speed: Any) -> int:
    """Return how many clips each process computes at a time."""
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise LabError(f"processes is {processes!r}", fix="use a whole number of at least 1")
    for name, value in (("price_per_hour", price), ("speed", speed)):
        good = value is None or (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0)
        if not good or (name == "speed" and value == 0):
            raise LabError(f"{name} is {value!r}", fix="use a number above 0")
    if sharded not in SHARDED:
        raise LabError(f'sharded "{sharded}" is unknown', fix=f"use one of {', '.join(SHARDED)}")
    if sharded != "none" and processes == 1:
        raise LabError(
            f"one process has nobody to share with by {sharded}", fix='use sharded="none", or more processes'
        )
    return options.share(processes)


def _device(device: str | torch.device, options: Options, processes: int) -> tuple[int, float, str]:
    """Bytes for each process, operations per second of a matrix product, and the name."""
    kind = str(device)
    dtype = HALVES[options.precision]
    if kind.split(":")[0] not in REAL:
        gpu = named_gpu(kind)
        if options.precision == "bf16" and not gpu.bf16:
            raise LabError(f"a {gpu.name} does not compute in bfloat16", fix='use precision "fp16"')
        return gpu.memory, gpu.single if dtype == torch.float32 else gpu.half, gpu.name
    where = torch.device(kind)
    if where.type == "cpu" and options.precision == "fp16":
        raise LabError("float16 is slow and incomplete on a CPU", fix='use precision "bf16" or "no"')
    if where.type == "cuda" and not torch.cuda.is_available():
        raise LabError("there is no GPU here", fix=f'name the one to plan for, such as device="{list(GPUS)[-1]}"')
    if where.type == "mps" and not torch.backends.mps.is_available():
        raise LabError("there is no Apple GPU here", fix=f"use cpu or one of {', '.join(GPUS)}")
    shared = processes if where.type == "cpu" else 1
    return device_memory(where) // shared, product_speed(where, dtype) / shared, kind


def _remedy(costs: _Costs, options: Options, processes: int, sharded: str, available: int) -> str:
    """What would make a training fit: the first single change, else the shortest series of changes."""

    def need(options: Options, sharded: str) -> int:
        return sum(costs.parts(options, processes, sharded).values())

    tried: list[str] = []
    for name, changed, kind in _changes(costs, options, processes, sharded):
        if (size := need(changed, kind)) <= available:
            return f"it fits with {name}: {size / GIB:.2f} GiB"
    for name, changed, kind in _changes(costs, options, processes, sharded, add_up=True):
        tried.append(name)
        if (size := need(changed, kind)) <= available:
            return f"it fits with {', '.join(tried)}: {size / GIB:.2f} GiB"
    return "no option makes it fit: use GPUs with more memory"


def _changes(
    costs: _Costs, options: Options, processes: int, sharded: str, *, add_up: bool = False
) -> Iterator[tuple[str, Options, str]]:
    """Changes that save memory, those first that change least: in words, as options, and how it is shared out."""
    (height, width), multiple = options.size, 64
    smaller = tuple(max(multiple, side // 2 // multiple * multiple) for side in (height, width))
    steps: list[tuple[str, dict[str, Any], str | None]] = []
    if not options.checkpointing:
        steps.append(("checkpointing", {"checkpointing": True}, None))
    if options.share(processes) > 1:
        parts = options.batch // processes
        steps.append((f"accumulate {parts}", {"accumulate": parts}, None))
    if processes > 1 and sharded == "none":
        steps.append(("FSDP", {}, "fsdp"))
    if options.optimiser == "adamw" and costs.on_gpu:
        steps.append(("optimiser adamw8bit", {"optimiser": "adamw8bit"}, None))
    if options.frames > 8:
        steps.append(("frames 8", {"frames": 8}, None))
    if smaller != options.size:
        steps.append((f"size {smaller[1]}x{smaller[0]}", {"size": smaller}, None))
    for name, change, kind in steps:
        changed, chosen = replace(options, **change), kind or sharded
        yield name, changed, chosen
        if add_up:
            options, sharded = changed, chosen
