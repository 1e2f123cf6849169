"""Several processes in one training: where one decides, where all agree, and how an end from outside reaches all."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import (
    DistributedType,
    GradientAccumulationPlugin,
    InitProcessGroupKwargs,
    broadcast_object_list,
)

from ...errors import LabError, first_line
from .options import Options

Result = TypeVar("Result")
PATIENCE = timedelta(hours=2)  # for which processes wait while one writes a checkpoint or makes videos
LOST = ("Connection closed by peer", "Connection reset", "Broken pipe", "NCCL", "gloo", "DistBackendError")


def build_accelerator(options: Options, device: str | None, trackers: list[str], folder: Any) -> Accelerator:
    """What runs the training here: device, processes and precision, by accelerate's own configuration where it is
    launched with one.

    Raises:
        LabError: The precision does not run here, or the configuration of FSDP or DeepSpeed does not suit the training.
    """
    if options.precision == "fp16" and (device == "cpu" or not torch.cuda.is_available()):
        raise LabError("--precision fp16 needs a GPU", fix="use bf16 or no")
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision=options.precision,
        # As a plugin: accelerate fails on a DeepSpeed configuration's "auto" otherwise.
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=options.accumulate),
        log_with=trackers or None,  # type: ignore[arg-type]
        project_dir=folder,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
    )
    with one_voice(accelerator):
        if accelerator.distributed_type == DistributedType.FSDP:
            _configure_fsdp(accelerator.state.fsdp_plugin)
        elif accelerator.distributed_type == DistributedType.DEEPSPEED:
            _configure_deepspeed(accelerator.state.deepspeed_plugin, options, accelerator.num_processes)
    return accelerator


def _configure_fsdp(plugin: Any) -> None:
    """Make FSDP train as everything else does: weights and gradients in float32, halves by autocast alone."""
    if plugin.fsdp_version != 1:
        raise LabError(f"FSDP's version {plugin.fsdp_version} is not supported", fix="use fsdp_version: 1")
    if not plugin.use_orig_params:
        raise LabError(
            "FSDP must train all parameters or none, and a part of the ControlNet stays as it is",
            fix="use fsdp_use_orig_params: true",
        )
    plugin.mixed_precision_policy = None  # it would round noise levels and gradients, too


def _configure_deepspeed(plugin: Any, options: Options, processes: int) -> None:
    """Make DeepSpeed train as everything else does: weights in float32, halves by autocast, our clipping and parts."""
    if plugin.zero_stage == 3:
        raise LabError("DeepSpeed's stage 3 is not supported", fix="use zero_stage: 2, or FSDP")
    if options.precision == "fp16":
        raise LabError("--precision fp16 does not go with DeepSpeed", fix="use bf16, or FSDP")
    config = plugin.deepspeed_config
    config.pop("bf16", None)
    # Without the list it would send the gradients of linear layers and convolutions in halves, too.
    config["torch_autocast"] = {
        "enabled": options.precision == "bf16",
        "dtype": "bfloat16",
        "lower_precision_safe_modules": [],
    }
    config["gradient_clipping"] = options.clip_norm
    config["gradient_accumulation_steps"] = options.accumulate
    config["train_micro_batch_size_per_gpu"] = options.share(processes)  # else it asks a data loader for this


def forget_accelerator() -> None:
    """Let the next training in this process choose device and precision anew."""
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    GradientState._reset_state()


@contextmanager
def one_voice(accelerator: Accelerator) -> Iterator[None]:
    """A block that goes the same way in all processes: its error is reported by the main one alone."""
    try:
        yield
    except LabError:
        if accelerator.is_main_process:
            raise
        raise SystemExit(2) from None


def by_main(accelerator: Accelerator, work: Callable[[], Result]) -> Result:
    """Let the main process do something, and give all processes its result or its error."""
    box: list[Any] = [None, None]
    if accelerator.is_main_process:
        try:
            box[0] = work()
        except LabError as error:
            box[1] = error
    broadcast_object_list(box)
    with one_voice(accelerator):
        if box[1] is not None:
            raise box[1]
    return box[0]


def succeeded(accelerator: Accelerator, work: Callable[[], Any]) -> str:
    """Let every process do its part of something that a full disk may stop; return why it failed, "" if it did not."""
    wrong = ""
    try:
        work()
    except Exception as error:  # safetensors and PyTorch have their own types for a write that failed
        if not is_disk_error(error):
            raise
        wrong = first_line(error)
    if accelerator.num_processes > 1:
        failed = accelerator.reduce(torch.tensor(float(bool(wrong)), device=accelerator.device), "sum")
        if failed.item() and not wrong:
            wrong = "another process could not write its part"
    return wrong


def is_disk_error(error: Exception) -> bool:
    """Whether an error is one of writing files."""
    words = ("No space left", "I/O error", "writing file", "unexpected pos", "write failed", "file too large")
    return isinstance(error, OSError) or any(word.lower() in str(error).lower() for word in words)


@contextmanager
def naming_the_dead() -> Iterator[None]:
    """Say what it means when the processes of a training lose each other."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, LabError) or not any(word in f"{type(error).__name__} {error}" for word in LOST):
            raise
        raise LabError(
            f"another process of this training has died ({first_line(error)})",
            fix="look for its own message above; --resume goes on from the last checkpoint",
        ) from error


class StopSignal:
    """Notes SIGTERM and SIGINT for the length of a `with` block, so that a step can be finished and saved.

    The second SIGINT ends a process that trains alone at once; a launcher passes on to its own what they have got.

    Attributes:
        number: The signal's number; 0 for none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT and "RANK" not in os.environ:
            raise KeyboardInterrupt
        self.number = number
