"""`draganything-lab evaluate`: turn scenes x models x representations x seeds into videos, numbers and one page."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

from ..errors import LabError
from .generate import parse_size

if TYPE_CHECKING:
    from ..evaluate import Settings

PROTOCOLS = ("lab", "paper")
INPUTS = ("frames", "gif")
REMAINDERS = ("kept", "dropped", "released")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument(
        "where",
        metavar="WHERE",
        nargs="?",
        default="toyland:12",
        help="folder of scenes, of released demo folders, or in VIPSeg's layout; or toyland:20 for 20 drawn clips "
        "(default: toyland:12)",
    )
    parser.add_argument(
        "--models",
        metavar="A,B",
        default="",
        help="toy, svd, or folders: whole pipelines, or ControlNets of your own; FOLDER=gaussian takes part with that "
        "representation (default: none)",
    )
    parser.add_argument(
        "--base", metavar="NAME", help="what a folder with only a ControlNet drives: svd, toy, a folder"
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="lab",
        help="paper: 256x256, 14 frames, CoTracker, FID, and FVD from GIFs; other options still change single settings",
    )
    parser.add_argument(
        "--representations",
        metavar="A,B",
        default="entity+gaussian",
        help="for models that do not have their own; cut-and-drag uses no control signal (default: entity+gaussian)",
    )
    parser.add_argument("--seeds", metavar="N|A,B", default="1", help="number of seeds, or a list: 3, or 0,5,7")
    parser.add_argument("--size", metavar="WxH", help="size of all videos (default: what the models know)")
    parser.add_argument("--frames", type=int, metavar="N", help="length of all videos (default: what the models know)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the weights' own)")
    parser.add_argument("--tracker", metavar="NAME", help="default: opencv, which needs no weights")
    parser.add_argument("--limit", type=int, metavar="N", help="use at most N scenes")
    parser.add_argument(
        "--features",
        metavar="A,B",
        help="Fréchet distances on thumbnails, toy-vae, toy-dift, or none (default: thumbnails)",
    )
    parser.add_argument("--fid", nargs="?", const="", metavar="FILE", help="also compute FID, with Inception's weights")
    parser.add_argument(
        "--fvd", nargs="?", const="", metavar="FILE", help="also compute FVD, with I3D's weights (i3d_torchscript.pt)"
    )
    parser.add_argument("--fvd-input", choices=INPUTS, help="gif: through 256 colours, as released (default: frames)")
    parser.add_argument(
        "--fvd-remainder",
        choices=REMAINDERS,
        help="clips that do not fill a batch of 16: kept, dropped, or as released, with its bug (default: kept)",
    )
    parser.add_argument("--videomae", nargs="?", const="", metavar="FOLDER", help="also compute FVD on VideoMAE")
    parser.add_argument("--download", action="store_true", help="download missing weights; prints their sizes first")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and what is missing; start nothing")
    parser.add_argument("--out", default="outputs/evaluate", metavar="FOLDER", help="default: outputs/evaluate")


def run(args: argparse.Namespace) -> int:
    """Do what is left to do and write the page; return 0, or 1 if something was skipped."""
    from ..evaluate import Settings, evaluate, preset

    given = {
        "size": parse_size(args.size) if args.size else None,
        "frames": args.frames,
        "tracker": args.tracker,
        "features": None if args.features is None else tuple(word for word in words(args.features) if word != "none"),
        "fid": args.fid,
        "fvd": args.fvd,
        "fvd_input": args.fvd_input,
        "fvd_remainder": args.fvd_remainder,
    }
    chosen = preset(args.protocol, download=args.download) | {k: v for k, v in given.items() if v is not None}
    settings = Settings(
        where=args.where,
        models=words(args.models),
        representations=words(args.representations),
        seeds=parse_seeds(args.seeds),
        base=args.base,
        steps=args.steps,
        videomae=args.videomae,
        download=args.download,
        limit=args.limit,
        **chosen,
    )
    if args.dry_run:
        return dry_run(settings, args.out)
    command = shlex.join(["draganything-lab", *sys.argv[1:]])
    try:
        results = evaluate(settings, args.out, command=command)
    except KeyboardInterrupt:
        print("\nStopped. Finished work is kept; the same command resumes from here.", file=sys.stderr)
        return 130
    if results is None:
        return 0
    print()
    for summary in results.summaries:
        mean, obeyed = summary.numbers["mean"], summary.numbers["obeyed"]
        print(f"  {summary.who:<32}  ObjMC {mean.short():<24} % of the diagonal   obeyed {obeyed.short()} %")
    for note in results.notes:
        print(f"Note: {note}")
    print(f"Wrote {len(results.records)} of {results.total} videos, results.csv and table.csv to {args.out}/")
    print(f"Open {args.out}/index.html in a browser.")
    return 1 if results.failed else 0


def dry_run(settings: Settings, out: str) -> int:
    """Print what would run; return 0, or 1 if something is missing."""
    from ..evaluate import departures, rehearse

    plan, missing = rehearse(settings, out)
    makers = dict.fromkeys(f"{job.model} {job.representation}".strip() for job in plan.jobs)
    size = f"{plan.size[1]}x{plan.size[0]}"
    print(f"{len(plan.sources)} scenes, {len(plan.jobs)} videos of {plan.frames} frames at {size}: {', '.join(makers)}")
    for one in departures(plan):
        print(f"  {one.what}: {one.paper} -> {one.here}")
    print(f"{len(missing)} missing, see above; the rest would run." if missing else "Nothing is missing.")
    return 1 if missing else 0


def words(text: str) -> tuple[str, ...]:
    """The words between commas or blanks."""
    return tuple(text.replace(",", " ").split())


def parse_seeds(text: str) -> tuple[int, ...]:
    """(0, 1, 2) from "3", (0, 5) from "0,5"; a `LabError` for anything else."""
    try:
        numbers = [int(word) for word in words(text)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or max(numbers) >= 2**63:
        raise LabError(f'--seeds is "{text}"', fix="pass a number of seeds, such as 3, or a list, such as 0,5,7")
    if len(numbers) == 1 and "," not in text:
        if not 1 <= numbers[0] <= 10_000:
            raise LabError(f"--seeds {text} asks for {text} seeds", fix=f"use 1 to 10000, or one seed as {text},")
        return tuple(range(numbers[0]))
    return tuple(numbers)
