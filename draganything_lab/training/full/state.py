"""What a training carries from step to step: weights, their moving average, the optimiser; saved and loaded exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import LabError
from ...models import DragAnythingControlNet
from .options import Options

WEIGHTS = "diffusion_pytorch_model.safetensors"
STATE, COUNTERS = "state.pt", "counters.json"
AVERAGE, LATEST, SHARDS = "average", "latest", "shards"  # folders of a checkpoint
SHARED = {DistributedType.FSDP: "FSDP", DistributedType.DEEPSPEED: "DeepSpeed"}


class State:
    """The ControlNet in training, whatever accelerate wraps around it.

    Args:
        accelerator: This process's.
        controlnet: From `prepare_controlnet`.
        options: Optimiser, rate and decay of the average.

    Attributes:
        model: The ControlNet as accelerate runs it.
        optimiser: As accelerate runs it.
        step: Steps done.
        unusable: How many of the last ones, in a row, had no finite gradient.
    """

    def __init__(self, accelerator: Accelerator, controlnet: Any, options: Options) -> None:
        self.accelerator = accelerator
        optimiser = build_optimiser([p for p in controlnet.parameters() if p.requires_grad], options)
        self.model, self.optimiser = accelerator.prepare(controlnet, optimiser)
        self.average = EMAModel(self.trained(), decay=options.ema, foreach=True)
        self.average.to(dtype=torch.float32)
        self.step, self.unusable = 0, 0

    @property
    def shared(self) -> str:
        """What shares the training's state out among processes: "FSDP" (all of it), "DeepSpeed" (the optimiser), or
        "" where each process has its own copy."""
        return SHARED.get(self.accelerator.distributed_type, "")

    @property
    def controlnet(self) -> Any:
        """The ControlNet itself."""
        return self.accelerator.unwrap_model(self.model)

    def trained(self) -> list[nn.Parameter]:
        """The parameters that are trained, as this process holds them."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def averaged(self) -> dict[str, Tensor]:
        """All weights of the ControlNet, the trained ones averaged; every process must call it.

        The main process gets them; with FSDP, the others may get nothing.
        """
        if self.shared == "FSDP":
            self.average.store(self.trained())
            self.average.copy_to(self.trained())
            try:
                return self.accelerator.get_state_dict(self.model)
            finally:
                self.average.restore(self.trained())
        return self.controlnet.state_dict() | dict(zip(self._names(), self.average.shadow_params, strict=True))

    def save(self, part: Path) -> None:
        """Write everything into a folder; every process must call it, and sees the same folder."""
        if self.shared == "DeepSpeed":  # first: processes wait for each other in it, so none may have failed before
            self.accelerator.save_state(str(part / SHARDS))
        average, main = self.averaged(), self.accelerator.is_main_process
        if main:
            _write_controlnet(self.controlnet, average, part / AVERAGE)
            counters = {
                "step": self.step,
                "unusable": self.unusable,
                "averaged": self.average.optimization_step,
                "processes": self.accelerator.num_processes,
                "shared": self.shared,
            }
            (part / COUNTERS).write_text(json.dumps(counters))
        if self.shared == "DeepSpeed":
            return
        scaler = self.accelerator.scaler
        state = {"optimiser": self.optimiser.state_dict(), "scaler": None if scaler is None else scaler.state_dict()}
        if self.shared == "FSDP":
            # accelerate's load_state silently forgets the optimiser's moments with FSDP.
            state |= {"weights": [p.detach() for p in self.model.parameters()], "average": self.average.shadow_params}
            torch.save(state, part / self._own())
        elif main:
            _write_controlnet(self.controlnet, self.controlnet.state_dict(), part / LATEST)
            torch.save(state, part / STATE)

    def load(self, path: Path) -> None:
        """Go on from a whole checkpoint, exactly; every process must call it.

        Raises:
            LabError: It is of processes that share the state, and these are not as many that do so in the same way.
        """
        counters = json.loads((path / COUNTERS).read_text())
        then = counters.get("shared", "FSDP or DeepSpeed" if counters.get("sharded") else "")  # the former name
        self._check(path, then, counters["processes"])
        if self.shared == "DeepSpeed":
            self.accelerator.load_state(str(path / SHARDS))
            self.accelerator.step = 0  # it counts parts of steps, which a resumed run may cut differently
        else:
            self._load_state(path)
        if self.shared != "FSDP":
            averages = load_file(path / AVERAGE / WEIGHTS)
            for shadow, name in zip(self.average.shadow_params, self._names(), strict=True):
                shadow.copy_(averages[name])
        self.average.optimization_step = counters["averaged"]
        self.step, self.unusable = counters["step"], counters["unusable"]

    def _load_state(self, path: Path) -> None:
        name = self._own() if self.shared else STATE
        kept = torch.load(path / name, map_location="cpu", weights_only=True)
        if self.shared:
            for p, value in zip(self.model.parameters(), kept["weights"], strict=True):
                p.data.copy_(value)
            for shadow, value in zip(self.average.shadow_params, kept["average"], strict=True):
                shadow.copy_(value)
        else:
            self.controlnet.load_state_dict(load_file(path / LATEST / WEIGHTS))
        self.optimiser.load_state_dict(kept["optimiser"])
        if self.accelerator.scaler is not None and kept["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(kept["scaler"])

    def _check(self, path: Path, shared: str, processes: int) -> None:
        here = self.shared, self.accelerator.num_processes
        if (shared or self.shared) and (shared, processes) != here:
            then, now = (_processes(count, way) for way, count in ((shared, processes), here))
            raise LabError(
                f"{path.name} was saved by {then}, and this training runs on {now}",
                fix=f"resume it as it was, or begin another --folder with --start {path / AVERAGE}",
            )

    def _own(self) -> str:
        return f"state-{self.accelerator.process_index}.pt"

    def _names(self) -> list[str]:
        return [name for name, p in self.controlnet.named_parameters() if p.requires_grad]


def build_optimiser(params: list[nn.Parameter], options: Options) -> torch.optim.Optimizer:
    """AdamW, or its 8-bit form.

    Raises:
        LabError: The library for that is missing, or does not run here.
    """
    if options.optimiser == "adamw":
        return torch.optim.AdamW(params, lr=options.rate)
    try:
        import bitsandbytes
    except ImportError as error:
        raise LabError(
            f'the optimiser "{options.optimiser}" needs bitsandbytes ({error})',
            fix="run: pip install 'draganything-lab[gpu]', or use --optimiser adamw",
        ) from None
    return bitsandbytes.optim.AdamW8bit(params, lr=options.rate)


def load_averaged(path: Path) -> Any:
    """The ControlNet of a checkpoint, its trained weights averaged: what a training is for."""
    return DragAnythingControlNet.from_pretrained(path / AVERAGE)


def _processes(count: int, shared: str) -> str:
    many = "1 process" if count == 1 else f"{count} processes"
    return f"{many} with {shared}" if shared else f"{many} without FSDP or DeepSpeed"


def _write_controlnet(controlnet: Any, weights: dict[str, Tensor], folder: Path) -> None:
    """Write a folder that `DragAnythingControlNet.from_pretrained` loads, with given weights."""
    controlnet.save_config(folder)
    whole = {name: value.detach().to("cpu").contiguous() for name, value in weights.items()}
    save_file(whole, folder / WEIGHTS, metadata={"format": "pt"})
