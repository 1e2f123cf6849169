"""The training loop that every stage shares: time limit, moving average, checkpoints, exact resume, a log."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from ...errors import LabError
from .data import batches
from .muon import Optimiser
from .quick import no_denormals
from .replay import Replay
from .stage import Stage


@dataclass(frozen=True)
class Settings:
    """How a stage is run; what it trains is the stage's own.

    Attributes:
        minutes: Time to train in this call, in minutes; the rate cools down over the last fifth of it.
        steps: Stop after this many steps in all instead; then the rate cools down over the last fifth of them.
        device: "cpu" or "cuda".
        workers: Processes that draw batches; 0 draws in this one.
        save_every: Minutes between checkpoints.
        ema: Decay of the moving average of the weights, reached after a warm-up.
        seed: Fixes data and noise.
        rate: Learning rate; None for the stage's own.
        stop_after: Stop early after this many steps, with a checkpoint, as if interrupted.
    """

    minutes: float | None = None
    steps: int | None = None
    device: str = "cpu"
    workers: int = 0
    save_every: float = 4.0
    ema: float = 0.999
    seed: int = 0
    rate: float | None = None
    stop_after: int | None = None


class MovingAverage:
    """An exponential moving average of a module's trainable parameters, warmed up over the first steps.

    Attributes:
        values: The averages by the parameters' names.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.named, self.decay = trainable(module), decay
        self.values = {name: param.detach().clone() for name, param in self.named.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.values.values()), list(self.named.values()), 1 - decay)


def noise_seed(seed: int, number: int) -> int:
    """The seed of a batch's noise, in 32 bits, as PyTorch on a CPU ignores the others."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """A module's trainable parameters by name."""
    return {name: param for name, param in module.named_parameters() if param.requires_grad}


def factor(step: int, share: float, warm_up: int = 100) -> float:
    """The learning rate's factor: a short warm-up, then 1, then down to 0.02 over the last fifth."""
    cool = 1.0 if share < 0.8 else max(0.02, 1 - math.sqrt((share - 0.8) / 0.2))
    return min(1.0, (step + 1) / warm_up) * cool


def run(stage: Stage, folder: Path, settings: Settings, *, resume: bool = False, report: Any = print) -> Path:
    """Train a stage until its time or its steps are up.

    Args:
        stage: What to train.
        folder: Gets `<stage>.pt` (weights, average, optimiser, step) and `<stage>.jsonl`, one line every 20 steps.
        settings: How long, where, how.
        resume: Go on from `<stage>.pt` where there is one.
        report: Gets a line of progress now and then.

    Returns:
        The checkpoint's path.

    Raises:
        LabError: Neither minutes nor steps are given, or the loss is not finite.
    """
    if settings.minutes is None and settings.steps is None:
        raise LabError("training needs an end: give minutes or steps")
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / f"{stage.name}.pt", folder / f"{stage.name}.jsonl"
    stage.to(settings.device)
    module = stage.trained()
    step, spent, born = 0, 0.0, 0
    kept: dict[str, Any] = {"average": {}, "optimiser": {}}
    if resume and path.exists():
        kept = torch.load(path, map_location="cpu", weights_only=True)
        stage.grown(module.load_state_dict(kept["weights"], strict=False).missing_keys)
        step, spent = kept["step"], kept["seconds"]
        born = kept["born"] if kept["optimiser"] else step
        report(f"{stage.name}: going on from step {step}")
    else:
        stage.fresh()
    named, rate = trainable(module), settings.rate or stage.rate
    optimiser = Optimiser(named, stage.factor)
    optimiser.load(kept["optimiser"])
    average = MovingAverage(module, settings.ema)
    for name, value in average.values.items():
        value.copy_(kept["average"].get(name, value))
    gradients = [param.grad for param in named.values() if param.grad is not None]
    rank, world = processes()
    supply = batches(lambda number: stage.draw(number * world + rank), step, settings.workers, settings.device)
    generator = torch.Generator(settings.device)
    replay = Replay(stage, generator) if settings.device == "cuda" and stage.static else None
    start = saved = time.perf_counter()
    machine = torch.cuda.get_device_name() if settings.device == "cuda" else f"{os.cpu_count()} CPU cores"
    share = 0.0
    # Sums since the last line of the log, and how many steps had a finite loss; reading one would wait for the GPU.
    sums: dict[str, Tensor] = kept.get("sums", {})

    def save() -> None:
        state = {
            "weights": {name: param.detach() for name, param in named.items()},
            "average": average.values,
            "optimiser": optimiser.state(),
            "step": step,
            "seconds": spent + time.perf_counter() - start,
            "sums": sums,
            "born": born,  # the step at which the optimiser began; its rate warms up from there
        }
        torch.save(state, part := path.with_suffix(".part"))
        os.replace(part, path)

    if rank == 0:
        _cut_log(log, step)
    while share < 1.0:
        now = time.perf_counter()
        by_time = (now - start) / 60 / settings.minutes if settings.minutes else 0.0
        by_step = step / settings.steps if settings.steps else 0.0
        share = max(by_time, by_step)
        if world > 1:  # all stop together
            share = _mean(torch.tensor(share, dtype=torch.float64, device=settings.device)).item()
        if share >= 1.0 or step == settings.stop_after:
            break
        batch = {
            k: v.to(settings.device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in next(supply).items()
        }
        generator.manual_seed(noise_seed(settings.seed, step * world + rank))
        with no_denormals():
            if replay is not None:
                losses = replay(batch)
            else:
                losses = stage.loss(batch, generator)
                module.zero_grad(set_to_none=False)
                losses["loss"].backward()
        if world > 1:
            mean = _mean(torch.cat([gradient.flatten() for gradient in gradients]))
            for gradient, part in zip(gradients, mean.split([one.numel() for one in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))
        norm = clip_grad_norm_(named.values(), 1.0)
        usable = bool(norm.isfinite())  # the same in every process; a loss that is not finite has no finite gradient
        if usable:  # a step with a gradient of zeros would still follow its momentum
            optimiser.step(rate * factor(step - born, share))
            average.update(step + 1 - born)
            for key, value in {**losses, "norm": norm, "steps": torch.ones(())}.items():
                sums[key] = sums.get(key, torch.zeros(())) + value.detach().float().cpu()
        step += 1
        if step % 20 == 0 and rank == 0:
            done, sums = sums, {}
            summed = done.pop("steps", None)
            if summed is None:
                save()
                raise LabError(f"{stage.name}: no finite loss at step {step}", fix="resume with a smaller --rate")
            means = {k: round(float(v / summed), 6) for k, v in done.items()}
            seconds = spent + time.perf_counter() - start
            with log.open("a") as file:
                file.write(json.dumps({"step": step, "seconds": round(seconds, 1), **means, "on": machine}) + "\n")
            if step % 100 == 0:
                report(f"{stage.name}: step {step}, {seconds / 60:.1f} min, {means}")
        if rank == 0 and time.perf_counter() - saved > settings.save_every * 60:
            save()
            saved = time.perf_counter()
    if rank == 0:
        save()
        report(f"{stage.name}: {step} steps, saved to {path}")
    if world > 1:
        dist.barrier()  # the next stage reads the checkpoint in every process
    return path


def processes() -> tuple[int, int]:
    """This process's number, and how many train together."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def _cut_log(log: Path, step: int) -> None:
    """Drop the lines after the checkpoint that a run goes on from: those steps are done again."""
    if log.exists():
        lines = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in lines))


def _mean(tensor: Tensor) -> Tensor:
    """The mean over all processes, in place."""
    dist.all_reduce(tensor)
    return tensor.div_(dist.get_world_size())


def load_average(module: nn.Module, path: Path) -> int:
    """Load a checkpoint's averaged weights into a module and return the step they come from."""
    if not path.exists():
        raise LabError(f"{path} does not exist", fix="train its stage first")
    state = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(state["average"], strict=False)
    return int(state["step"])
