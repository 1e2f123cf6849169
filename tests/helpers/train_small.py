"""A training of a few seconds in a process of its own: `python -m helpers.train_small FOLDER STEPS …`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType

from draganything_lab.errors import LabError
from draganything_lab.training.full.log import read_log
from draganything_lab.training.full.loop import train
from draganything_lab.training.full.networks import load_start
from draganything_lab.training.full.options import Options
from draganything_lab.training.full.run import Run, Stopped
from helpers.toyland_samples import ToylandSamples

OPTIONS = Options(
    size=(32, 32), frames=4, batch=4, steps=12, rate=1e-3, warm_up=3, precision="no", checkpointing=False, ema=0.9
)
SHARED = next((kind for kind in ("FSDP", "DEEPSPEED") if os.environ.get(f"ACCELERATE_USE_{kind}") == "true"), "")


def curve(folder: Path) -> list[list[float]]:
    """What a training's log says of each step, without the time that it took."""
    lines = [line for line in read_log(folder / "log.jsonl") if "loss" in line]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "each step once, in order"
    return [[line[name] for name in ("loss", "inside", "everywhere", "norm", "rate")] for line in lines]


def small(folder: Path, *words: str, processes: int = 1, **environment: str) -> subprocess.Popen[str]:
    """Start a small training in processes of its own; what it prints goes to `folder`.txt."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root / "tests"), str(root)])
    with told(folder).open("a") as out:
        return subprocess.Popen(
            [*launcher, "helpers.train_small", str(folder), *words],
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )


def told(folder: Path) -> Path:
    """What the trainings in a folder have printed."""
    return folder.with_name(folder.name + ".txt")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--log-with", default="none")
    parser.add_argument("--validate", action="store_true", help="log the sum of the averaged weights, at both ends")
    parser.add_argument("--precision", default="no")
    parser.add_argument("--optimiser", default="adamw")
    parser.add_argument("--die-at", type=int, help="sample whose drawing ends the process of rank 1")
    args = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {name: getattr(args, name) for name in ("steps", "accumulate", "precision", "optimiser")}
    options = Options(**{**vars(OPTIONS), **chosen})
    if SHARED:
        claim_gpus()
    how = Run(
        args.folder,
        args.resume,
        save_every=args.save_every,
        workers=args.workers,
        device=None if SHARED == "DEEPSPEED" else "cpu",
        log_with=(args.log_with,),
    )
    source = ToylandSamples(options.size, options.frames)
    if args.die_at is not None:
        source = Dying(args.die_at)
    try:
        train(
            source,
            load_start("random:tiny", None, options.representation),
            options,
            how,
            validate=total if args.validate else None,
        )
    except Stopped as stopped:
        print(stopped)
        return 128 + stopped.number
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def total(weights: Mapping[str, torch.Tensor], step: int, stop: Any) -> dict[str, float]:
    """A validation that looks at every weight."""
    return {"total": float(sum(value.double().abs().sum() for value in weights.values()))}


def claim_gpus() -> None:
    """Let accelerate share a training out among CPUs: it does so for GPUs only, though what it uses can do both."""
    kind = DistributedType.DEEPSPEED if SHARED == "DEEPSPEED" else DistributedType.MULTI_GPU
    PartialState(cpu=True)
    PartialState._shared_state |= {"distributed_type": kind, "device": torch.device("cpu")}


class Dying(ToylandSamples):
    """A source that ends the second process, as a fault of the machine would."""

    def __new__(cls, at: int) -> Dying:
        return super().__new__(cls)

    def __init__(self, at: int) -> None:
        super().__init__(OPTIONS.size, OPTIONS.frames)
        object.__setattr__(self, "at", at)

    def fingerprint(self) -> str:
        return ToylandSamples(self.size, self.frames).fingerprint()

    def draw(self, number: int):  # type: ignore[no-untyped-def]
        if number >= self.at and os.environ.get("RANK") == "1":
            os._exit(9)
        return super().draw(number)


if __name__ == "__main__":
    sys.exit(main())
