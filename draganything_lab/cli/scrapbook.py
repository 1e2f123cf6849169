"""`draganything-lab scrapbook`: download the artwork of the wider world, look at clips made from it, list credits."""

from __future__ import annotations

import argparse
import shutil
import time
from collections import Counter
from pathlib import Path

from ..errors import LabError
from ..toyland.archives import ARCHIVES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    get = actions.add_parser(
        "fetch", help="download cut-outs and photographs (220 MB), keep a pack of 28 MB in the cache"
    )
    get.add_argument(
        "--without",
        action="append",
        default=[],
        choices=tuple(ARCHIVES),
        metavar="NAME",
        help=f"leave a collection out; repeatable: {', '.join(ARCHIVES)}",
    )
    get.add_argument("--again", action="store_true", help="rebuild the pack even if there is one")
    get.add_argument("--keep", action="store_true", help="keep the downloaded archives")
    show = actions.add_parser("show", help="draw clips of it into one picture: first, middle and last frame, and masks")
    show.add_argument("count", nargs="?", type=int, default=8, metavar="N", help="number of clips (default: 8)")
    show.add_argument("--seed", type=int, default=0, help="seed of the first clip (default: 0)")
    show.add_argument("--kind", choices=("drawing", "photograph"), help="only this kind of clip (default: both)")
    show.add_argument("--held-out", action="store_true", help="use the artwork that training never sees")
    show.add_argument("--out", type=Path, default=Path("outputs/scrapbook.png"), metavar="FILE", help="the picture")
    actions.add_parser("credits", help="list sources, licences and the authors of the photographs")


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; return the exit code."""
    return {"fetch": _fetch, "show": _show, "credits": _credits}[args.action](args)


def _fetch(args: argparse.Namespace) -> int:
    from ..toyland.artwork import Artwork, pack_path
    from ..toyland.gather import make_pack

    if pack_path().is_file() and not args.again:
        print(f"{pack_path()} exists already; --again rebuilds it")
        return 0
    names = [name for name in ARCHIVES if name not in args.without]
    if not names:
        raise LabError("--without leaves no collection", fix="leave out fewer")
    start = time.monotonic()
    path = make_pack(pack_path(), names, print)
    if not args.keep:
        shutil.rmtree(pack_path().parent / "archives", ignore_errors=True)
        shutil.rmtree(pack_path().parent / "parts", ignore_errors=True)
    counts = Counter((entry.kind, entry.held_out) for entry in Artwork.load(path).entries)
    for kind in ("cutout", "photograph"):
        print(f"{kind}s: {counts[kind, False]} to train on, {counts[kind, True]} held out")
    print(f"{path} ({path.stat().st_size / 1e6:.0f} MB), in {time.monotonic() - start:.0f} s")
    return 0


def _show(args: argparse.Namespace) -> int:
    import numpy as np

    from ..media.drawing import labels_over
    from ..media.picture import save_picture
    from ..toyland import sample_scrapbook

    if not 1 <= args.count <= 100:
        raise LabError(f"N is {args.count}", fix="use 1 to 100")
    rows = []
    for seed in range(args.seed, args.seed + args.count):
        clip = sample_scrapbook(seed, kind=args.kind, held_out=args.held_out, frames=(0, 7, 13))
        rows.append(np.hstack([*clip.video, labels_over(clip.video[0], clip.labels[0], filled=True)]))
    print(save_picture(np.vstack(rows), args.out))
    return 0


def _credits(args: argparse.Namespace) -> int:
    from ..toyland.artwork import Artwork

    artwork = Artwork.load()
    groups = Counter((entry.source, entry.licence, entry.author) for entry in artwork.entries if entry.kind == "cutout")
    for (source, licence, author), count in sorted(groups.items()):
        print(f"{count} cut-outs: {source}, {licence}" + (f", {author}" if author else ""))
    for entry in artwork.entries:
        if entry.kind == "photograph":
            print(f'photograph "{entry.name}": {entry.author}, {entry.licence} ({entry.source})')
    return 0
