"""`draganything-lab clips`: folders of video clips with masks, to train and evaluate on at full size."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LabError
from ..media.clip_folders import SPLITS
from .generate import parse_size

if TYPE_CHECKING:
    from ..tracking import Tracker

SHOWN = 20  # problems printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="read every file of a folder of clips once, and say what can be used")
    _add_folder(check)
    check.add_argument("--quick", action="store_true", help="read only the headers of files")
    _add_windows(check)
    check.add_argument("--threads", type=int, help="files read at a time (default: one per core)")
    check.add_argument("--all", action="store_true", help=f"list every problem, not only the first {SHOWN}")

    toyland = actions.add_parser("toyland", help="write drawn clips to a folder in VIPSeg's layout")
    toyland.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    toyland.add_argument("--clips", type=int, default=24, metavar="N", help="number of clips (default: 24)")
    toyland.add_argument("--size", default="576x320", metavar="WxH", help="default: 576x320")
    toyland.add_argument("--frames", type=int, default=24, metavar="F", help="frames per clip (default: 24)")
    toyland.add_argument("--held-out", type=int, default=0, metavar="N", help="list the last N in val.txt (default: 0)")
    toyland.add_argument("--seed", type=int, default=0, help="the first clip's number (default: 0)")
    toyland.add_argument(
        "--world", default="toyland", choices=("toyland", "scrapbook"), help="scrapbook needs its artwork"
    )

    features = actions.add_parser(
        "features", help="compute once what each training step needs: entities, trajectories, entity vectors"
    )
    _add_folder(features)
    features.add_argument("--out", type=Path, required=True, metavar="SHARDS", help="folder of the results")
    features.add_argument("--model", default="toy", help="toy, svd, or a folder of weights (default: toy)")
    features.add_argument("--size", default="576x320", metavar="WxH", help="default: 576x320")
    _add_windows(features)
    features.add_argument("--entities", type=int, default=16, metavar="N", help="at most N per window, 1 to 16")
    features.add_argument("--no-stuff", action="store_true", help="leave out sky, grass, road and the like")
    features.add_argument(
        "--paths", default="tracked", choices=("tracked", "masks"), help="masks leaves the tracker out: faster"
    )
    features.add_argument("--tracker", default="opencv", metavar="NAME", help="default: opencv")
    features.add_argument(
        "--retrack", action="store_true", help="track even where trajectories/CLIP.json has the paths"
    )
    features.add_argument("--channels", type=int, help="channels of the ControlNet's vectors (default: the weights')")
    features.add_argument("--device", help="cpu or cuda (default: a GPU if there is one)")
    features.add_argument("--download", action="store_true", help="download missing weights")

    show = actions.add_parser("show", help="draw training samples: frames, paths, control and loss mask")
    show.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of clips")
    show.add_argument("--features", type=Path, required=True, metavar="SHARDS", help="what `clips features` wrote")
    show.add_argument("--samples", default="0,1", metavar="N,N", help="numbers of samples (default: 0,1)")
    show.add_argument("--representation", default="entity+gaussian", metavar="NAME", help="default: entity+gaussian")
    show.add_argument("--paths", default="tracked", choices=("tracked", "masks"), help="default: tracked")
    show.add_argument("--seed", type=int, default=0, help="seed of their order (default: 0)")
    show.add_argument("--out", type=Path, default=Path("outputs/clips.png"), metavar="PNG", help="the picture")


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; return the exit code."""
    return {"check": _check, "toyland": _toyland, "features": _features, "show": _show}[args.action](args)


def checked_size(text: str) -> tuple[int, int]:
    """(H, W) from "WxH", each a multiple of 8 from 64 to 4096 pixels."""
    size = parse_size(text)
    if not all(64 <= side <= 4096 and side % 8 == 0 for side in size):
        raise LabError(f'--size is "{text}"', fix="use multiples of 8 from 64 to 4096, such as 576x320")
    return size


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the data set's folder (VIPSeg or YouTube-VOS)")
    parser.add_argument("--split", default="train", choices=SPLITS, help="which part of it (default: train)")


def _add_windows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=14, metavar="F", help="frames per window (default: 14)")
    parser.add_argument("--stride", type=int, default=1, metavar="N", help="take every Nth frame (default: 1)")
    parser.add_argument("--hop", type=int, metavar="N", help="frames between windows' starts (default: half a window)")


def _check(args: argparse.Namespace) -> int:
    from ..training.full.report import check_folder

    report = check_folder(
        args.folder,
        args.split,
        quick=args.quick,
        extent=(args.frames, args.stride, args.hop),
        threads=args.threads,
        say=lambda words: print(words, file=sys.stderr, flush=True),
    )
    print(report.text(None if args.all else SHOWN))
    return 0 if report.usable else 1


def _toyland(args: argparse.Namespace) -> int:
    from ..toyland.clip_folder import write_clips

    size = checked_size(args.size)
    write_clips(
        args.out,
        args.clips,
        size,
        args.frames,
        world=args.world,
        seed=args.seed,
        held_out=args.held_out,
        say=lambda words: print(words, file=sys.stderr, flush=True),
    )
    print(f"{args.out}: {args.clips} clips of {args.frames} frames at {size[1]}x{size[0]}")
    return 0


def _features(args: argparse.Namespace) -> int:
    from ..evaluate.work import Processes
    from ..models import load_features
    from ..training.full.prepare import prepare
    from ..training.full.shards import Recipe, Shards

    processes = Processes.from_environment()
    recipe = Recipe(
        size=checked_size(args.size),
        frames=args.frames,
        stride=args.stride,
        hop=args.hop,
        most=args.entities,
        stuff=not args.no_stuff,
        paths=args.paths,
        tracker=args.tracker if args.paths == "tracked" else "",
        retrack=args.retrack,
        split=args.split,
        features={} if args.channels is None else {"channels": args.channels},
    )
    features = load_features(args.model, args.device or processes.device(), download=args.download)
    say = f"[{processes.rank}] " if processes.world > 1 else ""
    prepare(
        args.folder,
        args.out,
        recipe,
        features,
        tracker=_tracker(args.tracker, args.download) if args.paths == "tracked" else None,
        processes=processes,
        say=lambda words: print(say + words, flush=True),
    )
    if processes.rank == 0:
        shards = Shards(args.out)
        windows = sum(len(clip.windows) for clip in shards.clips)
        left = f", {len(shards.left_out)} clips left out" if shards.left_out else ""
        print(f"{args.out}: {len(shards.clips)} clips, {windows} windows, vectors of {shards.channels} channels{left}")
    return 0


def _tracker(name: str, download: bool) -> str | Tracker:
    from .track import _tracker as tracker_of

    return tracker_of(name, download)


def _show(args: argparse.Namespace) -> int:
    from .. import show
    from ..training.full.samples import ClipSamples

    try:
        numbers = [int(part) for part in args.samples.split(",")]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 8 or min(numbers) < 0:
        raise LabError(f'--samples is "{args.samples}"', fix="write 1 to 8 numbers from 0, such as 0,1")
    source = ClipSamples(
        args.folder, args.features, representation=args.representation, paths=args.paths, seed=args.seed
    )
    figure = show.training_samples(source, numbers)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, bbox_inches="tight", facecolor="white")
    print(args.out)
    return 0
