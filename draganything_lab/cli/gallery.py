"""`draganything-lab gallery`: one page that shows what DragAnything does, every video generated and measured here."""

from __future__ import annotations

import argparse
import shlex
import sys

from ..gallery import QUICK, Settings, make_gallery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--model", default="toy", metavar="NAME", help="toy (comes with the lab), svd, or a folder")
    parser.add_argument("--scenes", metavar="FOLDER", help="your own scenes, or released demo folders (default: drawn)")
    parser.add_argument("--rows", type=int, metavar="N", help="scenes in the first section (default: 8)")
    parser.add_argument("--clips", type=int, metavar="N", help="clips to compare with pixel dragging (default: 24)")
    parser.add_argument("--frames", type=int, metavar="N", help="length (default: what the model was trained at)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the weights' own)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of every video (default: 0)")
    parser.add_argument("--quick", action="store_true", help="a small page in a few minutes: 2 rows, 3 clips, 6 frames")
    parser.add_argument("--download", action="store_true", help="download missing weights; prints their sizes first")
    parser.add_argument("--out", default="outputs/gallery", metavar="FOLDER", help="default: outputs/gallery")


def run(args: argparse.Namespace) -> int:
    """Make the page; return 0, or 1 if something is missing on it."""
    named = {name: getattr(args, name) for name in ("rows", "clips", "frames") if getattr(args, name) is not None}
    numbers = {**(QUICK if args.quick else {}), **named}
    settings = Settings(args.model, args.scenes, seed=args.seed, steps=args.steps, download=args.download, **numbers)
    command = shlex.join(["draganything-lab", *sys.argv[1:]])
    try:
        made = make_gallery(settings, args.out, command=command)
    except KeyboardInterrupt:
        print("\nStopped. Finished videos are kept; the same command goes on from here.", file=sys.stderr)
        return 130
    kept = f"{made.new} results made now, the rest were there" if made.new else "everything was there already"
    print(f"Wrote {made.rows} videos to {made.page.parent}/ ({made.bytes / 1e6:.1f} MB): {kept}.")
    print(f"This run took {made.seconds / 60:.1f} minutes of processor time.")
    print(f"Open {made.page} in a browser.")
    return 1 if made.missing else 0
