"""`draganything-lab train controlnet`: train DragAnything's ControlNet on real videos, at full size or in miniature."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import LabError, first_line
from .evaluate import words
from .generate import parse_size

if TYPE_CHECKING:
    from ..training.full.networks import Start
    from ..training.full.options import Options
    from ..training.full.source import Source

FOLDER = "runs/controlnet"
GRACE = "120"  # seconds that the launcher leaves its processes to write a checkpoint before it kills them
# What else a training begins with and --resume goes on with; argument -> where nothing is passed.
NAMES = {"base": "svd", "start": None, "data": None, "features": None, "paths": "tracked", "flip": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    data = parser.add_argument_group("what it learns from")
    data.add_argument("--data", metavar="FOLDER", help="clips in VIPSeg's or YouTube-VOS's layout")
    data.add_argument("--features", metavar="SHARDS", help="what `draganything-lab clips features` wrote for them")
    data.add_argument("--paths", choices=("tracked", "masks"), help="default: tracked, as in the paper")
    data.add_argument("--flip", action="store_true", default=None, help="mirror half of the samples")
    start = parser.add_argument_group("where it starts")
    start.add_argument("--base", help="svd, svd-xt, toy, a folder, or random:tiny|small|full (default: svd)")
    start.add_argument(
        "--start",
        metavar="CONTROLNET",
        help="its folder; draganything, the authors'; own, the base's (default: the UNet)",
    )
    start.add_argument("--download", action="store_true", help="download missing weights; prints their sizes first")
    chosen = parser.add_argument_group("what the result depends on")
    chosen.add_argument("--representation", help="default: entity+gaussian, the paper's")
    chosen.add_argument("--size", metavar="WxH", type=_size, help="of the clips (default: the features', else 576x320)")
    chosen.add_argument("--frames", metavar="N", type=int, help="length of the clips (default: the features', else 14)")
    chosen.add_argument("--batch", metavar="N", type=int, help="clips per step, all processes together (default: 8)")
    chosen.add_argument("--rate", metavar="X", type=float, help="learning rate (default: 1e-5)")
    chosen.add_argument("--warm-up", metavar="N", type=int, help="steps until the rate is reached (default: 500)")
    chosen.add_argument("--optimiser", help="adamw (default) or adamw8bit")
    chosen.add_argument("--precision", help="bf16 (default), fp16 or no")
    chosen.add_argument("--loss", help="masked (default, the paper's), plain or mixed")
    chosen.add_argument("--outside", metavar="X", type=float, help="weight outside entities for mixed (default: 0.3)")
    chosen.add_argument("--drop-representation", metavar="P", type=float, help="share without vectors (default: 0.1)")
    chosen.add_argument("--drop-picture", metavar="P", type=float, help="share without picture (default: 0.1)")
    chosen.add_argument(
        "--sigma", metavar="M,S", type=_pair, help="log noise level, mean and spread (default: 0.7,1.6)"
    )
    chosen.add_argument("--picture-noise", metavar="M,S", type=_pair, help="the same for the picture (default: -3,0.5)")
    chosen.add_argument("--fps", metavar="N", type=int, help="what the model is told (default: 7)")
    chosen.add_argument("--motion-bucket", metavar="N", type=int, help="what the model is told (default: 127)")
    chosen.add_argument("--ema", metavar="X", type=float, help="decay of the weights' average (default: 0.9999)")
    chosen.add_argument("--clip-norm", metavar="X", type=float, help="largest norm of a gradient (default: 1)")
    chosen.add_argument("--seed", metavar="N", type=int, help="order, choice and noise (default: 0)")
    how = parser.add_argument_group("how it is run")
    how.add_argument("--folder", type=Path, default=Path(FOLDER), help=f"checkpoints and log (default: {FOLDER})")
    how.add_argument("--steps", metavar="N", type=int, help="steps in all (default: 100000)")
    how.add_argument("--accumulate", metavar="N", type=int, help="parts of a process's share of a step (default: 1)")
    how.add_argument(
        "--checkpointing",
        action=argparse.BooleanOptionalAction,
        help="compute activations again in the backward pass: less memory, slower (default: yes)",
    )
    how.add_argument("--resume", action="store_true", help="go on with the folder's training, by its own options")
    how.add_argument(
        "--change", metavar="NAME", nargs="+", default=[], help="options that may differ from the folder's"
    )
    how.add_argument(
        "--save-every", metavar="N", type=int, default=500, help="steps between checkpoints (default: 500)"
    )
    how.add_argument("--keep", metavar="N", type=int, default=3, help="checkpoints to keep (default: 3)")
    how.add_argument("--workers", metavar="N", type=int, default=0, help="processes that draw samples (default: 0)")
    how.add_argument(
        "--processes", metavar="N", type=int, default=1, help="launch so many on this machine (default: 1)"
    )
    how.add_argument("--device", choices=("cpu",), help="default: what accelerate finds")
    how.add_argument(
        "--log-with", metavar="A,B", help="none, tensorboard, wandb, … (default: tensorboard if installed)"
    )
    look = parser.add_argument_group("validation")
    look.add_argument(
        "--validate", metavar="WHERE", help="scenes as for evaluate, or none (default: toyland:3 for toy)"
    )
    look.add_argument("--validate-every", metavar="N", type=int, default=1000, help="steps (default: 1000)")
    look.add_argument("--validate-steps", metavar="N", type=int, help="denoising steps (default: the weights' own)")
    look.add_argument(
        "--validate-features", metavar="NAME", help="diffusion features (default: the base's, else svd's)"
    )
    instead = parser.add_argument_group("instead of training")
    instead.add_argument("--dry-run", action="store_true", help="print memory, time and cost, and train nothing")
    instead.add_argument("--gpu", metavar="NAME", help="plan for that GPU, such as A100-80 (default: for this machine)")
    instead.add_argument("--price", metavar="X", type=float, help="of a GPU for an hour, for the cost in all")
    instead.add_argument(
        "--export",
        nargs=2,
        metavar=("CHECKPOINT", "OUT"),
        help="write a pipeline folder from a checkpoint or a training",
    )
    instead.add_argument("--controlnet-only", action="store_true", help="export the ControlNet without the base")


def run(args: argparse.Namespace) -> int:
    """Train, export or estimate."""
    if args.export is not None:
        return _export(args)
    if args.processes < 1:
        raise LabError(f"--processes is {args.processes}", fix="use 1 or more")
    if args.processes > 1 and "RANK" not in os.environ and not args.dry_run:
        return _launch(args.processes, args.folder)
    try:
        return _train(args)
    except LabError as error:
        if int(os.environ.get("RANK", "0")) == 0 or "has died" in str(error):
            raise
        raise LabError(f"process {os.environ['RANK']}: {error.text}", error.fix) from error


def _train(args: argparse.Namespace) -> int:
    from ..training.full.export import export
    from ..training.full.loop import train
    from ..training.full.networks import load_start
    from ..training.full.run import Run, Stopped
    from ..training.full.validation import Validation

    options, names = _choices(args)
    main = os.environ.get("RANK", "0") == "0"
    say: Any = (lambda line: print(line, flush=True)) if main else (lambda line: None)
    passed = {name for name in ("size", "frames") if getattr(args, name) is not None}
    source = None
    if not args.dry_run or names["data"]:
        source, options = _source(names, options, passed)
    start = load_start(
        names["base"],
        names["start"],
        options.representation,
        seed=options.seed,
        download=args.download,
        device="meta" if args.dry_run else "cpu",
        say=say,
    )
    if args.dry_run or source is None:
        say(_plan(args, start, options))
        return 0
    if main:
        try:
            say(_plan(args, start, options))
        except Exception as error:  # an estimate must not keep a training from starting
            say(f"costs could not be estimated ({first_line(error)})")
    validate = None
    if where := _scenes(args.validate, names["base"]):
        validate = Validation(
            where, start, options, args.folder / "validation", args.validate_steps, args.validate_features
        )
    run = Run(
        args.folder,
        resume=args.resume,
        change=tuple(args.change),
        save_every=args.save_every,
        keep=args.keep,
        validate_every=args.validate_every,
        workers=args.workers,
        device=args.device,
        log_with=None if args.log_with is None else words(args.log_with),
    )
    try:
        last = train(source, start, options, run, names=names, validate=validate, say=say)
    except Stopped as stopped:
        say(f"{stopped}; --resume goes on from there")
        return 128 + stopped.number
    if main:
        out = args.folder / ("controlnet" if args.controlnet_only else "pipeline")
        export(last, out, names["base"], controlnet_only=args.controlnet_only, replace=True, say=say)
    return 0


def _plan(args: argparse.Namespace, start: Start, options: Options) -> str:
    """What the training needs: memory of each process, time of a step, time and cost of all."""
    from ..models.device import best_device
    from ..training.full.estimate import estimate_training

    shared = {"ACCELERATE_USE_FSDP": "fsdp", "ACCELERATE_USE_DEEPSPEED": "deepspeed"}
    kinds = [kind for name, kind in shared.items() if os.environ.get(name, "").lower() == "true"]
    plan = estimate_training(
        {**start.parts, "controlnet": start.controlnet},
        options,
        processes=int(os.environ.get("WORLD_SIZE", args.processes)),
        device=args.gpu or best_device(args.device),
        price_per_hour=args.price,
        sharded=kinds[0] if kinds else "none",
    )
    return str(plan)


def _choices(args: argparse.Namespace) -> tuple[Options, dict[str, Any]]:
    """Options and names: as passed; what is not passed, as the folder's training began, where one is resumed."""
    from ..training.full.options import FREE, Options
    from ..training.full.record import CHOICES, NAMES_OF, read_record

    former = (read_record(args.folder) or {}) if args.resume else {}
    if args.resume and not former and not (args.data and args.features):
        raise LabError(
            f"there is no training in {args.folder}",
            fix="check --folder, or pass --data and --features to begin one there",
        )
    names = dict(former.get(NAMES_OF, {}))
    before = {**former.get(CHOICES, {}), **names}
    options: dict[str, Any] = {}
    for field in fields(Options):
        value = getattr(args, field.name)
        value = before.get(field.name) if value is None else value
        if value is not None:
            options[field.name] = tuple(value) if isinstance(value, list) else value
    for name, otherwise in NAMES.items():
        value = getattr(args, name)
        names[name] = value if value is not None else names.get(name, otherwise)
    chosen = Options(**options).checked()
    return chosen, names | {name: getattr(chosen, name) for name in FREE}


def _source(names: dict[str, Any], options: Options, passed: set[str]) -> tuple[Source, Options]:
    """The samples, and the options with what the features decide: size and length of the clips."""
    from ..training.full.samples import ClipSamples

    for name, what in (("data", "the folder of clips"), ("features", "what `draganything-lab clips features` wrote")):
        if not names[name]:
            raise LabError(f"--{name} is missing", fix=f"pass {what}")
    source = ClipSamples(
        names["data"],
        names["features"],
        representation=options.representation,
        paths=names["paths"],
        seed=options.seed,
        flip=names["flip"],
    )
    if "size" not in passed:
        options = replace(options, size=source.size)
    if "frames" not in passed:
        options = replace(options, frames=source.frames)
    return source, options


def _scenes(asked: str | None, base: str) -> str | None:
    """Where validation's scenes come from; None for no validation."""
    if asked is None:
        return "toyland:3" if base == "toy" or base.startswith("random:") else None
    return None if asked == "none" else asked


def _export(args: argparse.Namespace) -> int:
    from ..training.full.export import export

    source, out = map(Path, args.export)
    export(source, out, args.base, controlnet_only=args.controlnet_only, download=args.download)
    return 0


def _launch(processes: int, folder: Path) -> int:
    """Run this command in several processes; signals are passed on, so that they can save a checkpoint."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    # After "--" the launcher leaves our options alone; otherwise it would take --start for its own.
    command = [*launcher, "-m", "--", "draganything_lab.cli", *sys.argv[1:]]
    environment = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": GRACE} | dict(os.environ)
    got: list[int] = []
    with subprocess.Popen(command, env=environment) as process:

        def pass_on(number: int, frame: FrameType | None) -> None:
            got.append(number)
            process.send_signal(number)

        former = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            code = process.wait()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
    if got:
        return 128 + got[0]
    if code:
        again = shlex.join(["draganything-lab", *sys.argv[1:]])
        print(
            f"error: the training in {folder} has ended with code {code}: one of its {processes} processes failed, as "
            f"told above; go on from its last checkpoint with: {again}{'' if '--resume' in sys.argv else ' --resume'}",
            file=sys.stderr,
        )
    return code


def _size(text: str) -> tuple[int, int]:
    """(H, W) from "WxH"."""
    try:
        return parse_size(text)
    except LabError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _pair(text: str) -> tuple[float, float]:
    """(0.7, 1.6) from "0.7,1.6"."""
    try:
        first, second = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not two numbers with a comma between, such as 0.7,1.6') from None
    return first, second
