"""`draganything-lab train toy|sam|controlnet`: train the small weights, or the ControlNet on real videos."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LabError
from . import train_controlnet

if TYPE_CHECKING:
    from ..training.engine.loop import Settings


WHATS = {
    "toy": "train the small VAE, diffusion features, video UNet and ControlNets",
    "sam": "train the small network from a click to a mask",
    "controlnet": "train the ControlNet on real videos, at full size or in miniature, on any number of GPUs",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the arguments of each subcommand."""
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, line in WHATS.items():
        one = whats.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        (train_controlnet.add_arguments if name == "controlnet" else _add_small)(one)


def _add_small(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="time for all stages together")
    parser.add_argument("--steps", type=int, help="total steps of each stage (with --minutes: whichever comes first)")
    parser.add_argument(
        "--stages",
        help="comma-separated (default: all): vae, dift, unet, control, fewstep, decoder, fill, complete, sharp, "
        "decode",
    )
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--processes", type=int, default=1, help="training processes that share each step")
    parser.add_argument("--workers", type=int, default=0, help="extra processes that draw batches")
    parser.add_argument("--batch", type=int, help="clips (for sam, pictures) per step and process")
    parser.add_argument(
        "--representations",
        help="how many of the six representations the control stage trains: 1 to 6",
        type=int,
        default=6,
    )
    parser.add_argument(
        "--picture", type=int, help="side of the pictures, a multiple of 16 (for sam, of 32; default: 128)"
    )
    parser.add_argument("--rate", type=float, help="learning rate (default: each stage's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--worlds",
        default="toyland,scrapbook",
        help="what the clips show: toyland, scrapbook or both (sam needs toyland)",
    )
    parser.add_argument("--folder", type=Path, help="checkpoints and logs (default: runs/toy or runs/sam)")
    parser.add_argument("--resume", action="store_true", help="resume from existing checkpoints")
    parser.add_argument(
        "--start", type=Path, help="weights to start from: an exported folder; for sam, a training folder"
    )
    parser.add_argument("--export", type=Path, help="write the weights folder here at the end")
    parser.add_argument(
        "--plan", action="store_true", help="print the stages of toy, their minutes and what each is for"
    )


def run(args: argparse.Namespace) -> int:
    """Train what was chosen."""
    if args.what == "controlnet":
        return train_controlnet.run(args)
    if args.plan:
        return _plan(args)
    if args.minutes is None and args.steps is None and args.export is None:
        raise LabError(
            "there is nothing to do",
            fix="say how long: --minutes 60 or --steps 1000; or pass --export FOLDER to write what is trained",
        )
    args.folder = args.folder or Path("runs") / args.what
    args.picture = args.picture or 128
    step = {"toy": 16, "sam": 32}[args.what]
    if args.picture < 48 or args.picture % step:
        raise LabError(f"--picture {args.picture} is not a multiple of {step} from 48 up", fix="use 64 or 128")
    if args.processes > 1 and "RANK" not in os.environ:
        words = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={args.processes}"]
        # After "--" the launcher leaves our options alone; otherwise it would take --start for its own.
        return subprocess.call([sys.executable, *words, "-m", "--", "draganything_lab.cli", *sys.argv[1:]])

    import cv2
    import torch
    import torch.distributed as dist

    from ..training.engine.loop import Settings
    from ..training.toy import stages as toy

    if args.device == "cuda" and not torch.cuda.is_available():
        raise LabError("--device cuda: no GPU is visible to torch", fix="use --device cpu")
    stages = tuple(args.stages.split(",")) if args.stages else toy.STAGES
    shared = "RANK" in os.environ
    if shared:
        dist.init_process_group("gloo" if args.device == "cpu" else "nccl")
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // dist.get_world_size()))
    cv2.setNumThreads(1)
    try:
        shares = ("minutes", "steps", "device", "workers", "seed", "rate")
        settings = Settings(**{name: getattr(args, name) for name in shares})
        trains = args.minutes is not None or args.steps is not None
        if args.what == "sam":
            _train_sam(args, settings if trains else None)
            return 0
        if trains:
            if args.start is not None and not (args.resume and (args.folder / "control.pt").exists()):
                _begin_toy(args)
            toy.train(
                args.folder,
                settings,
                stages=stages,
                resume=args.resume or args.start is not None,
                batch=args.batch,
                picture=args.picture,
                representations=toy.REPRESENTATIONS[: args.representations],
                worlds=tuple(args.worlds.split(",")),
                report=lambda line: print(line, flush=True),
            )
        if args.export is not None and (not shared or dist.get_rank() == 0):
            toy.export(args.folder, args.export, stages)
            print(f"wrote {args.export}")
    finally:
        if shared:
            dist.destroy_process_group()
    return 0


def _plan(args: argparse.Namespace) -> int:
    """Print what would be trained, and train nothing."""
    from ..training.toy.plan import STAGES, check_stages, plan_lines

    if args.what != "toy":
        raise LabError("--plan: sam is trained in one stage", fix="leave --plan out")
    stages = tuple(args.stages.split(",")) if args.stages else STAGES
    check_stages(stages)
    print("\n".join(plan_lines(args.folder or Path("runs/toy"), stages, args.minutes, args.steps)))
    return 0


def _begin_toy(args: argparse.Namespace) -> None:
    """Write the shipped weights as checkpoints in the first process; the others wait for them."""
    import torch.distributed as dist

    from ..training.toy import stages as toy
    from ..training.toy.begin import begin

    if not dist.is_initialized() or dist.get_rank() == 0:
        begin(args.folder, args.start, toy.REPRESENTATIONS)
    if dist.is_initialized():
        dist.barrier()


def _train_sam(args: argparse.Namespace, settings: Settings | None) -> None:
    import torch.distributed as dist

    from ..training.sam import stage as sam

    if settings is not None:
        sam.train(
            args.folder,
            settings,
            resume=args.resume,
            start=args.start,
            batch=args.batch,
            picture=args.picture,
            worlds=tuple(args.worlds.split(",")),
            report=lambda line: print(line, flush=True),
        )
    if args.export is not None and (not dist.is_initialized() or dist.get_rank() == 0):
        step = sam.export(args.folder, args.export, args.start)
        print(f"wrote {args.export} from step {step}")
