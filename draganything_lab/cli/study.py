"""`draganything-lab study`: make a blind study from an evaluation, or analyse its votes."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..media.files import write_whole
from ..media.text import utf8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = actions.add_parser("make", help="pair the videos of an evaluation: one page for the raters, one key for you")
    make.add_argument("evaluation", metavar="FOLDER", help="where `draganything-lab evaluate` put its results")
    make.add_argument("--model", action="append", metavar="NAME", help='such as "toy, gaussian"; repeat for each model')
    make.add_argument("--pairs", type=int, metavar="N", help="at most N, with every two models equally often")
    make.add_argument("--title", default="Which video is better?", help="what raters read first")
    make.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the draw (default: 0)")
    make.add_argument("--out", default="outputs/study", metavar="FOLDER", help="default: outputs/study")
    results = actions.add_parser("results", help="win rates, their intervals, agreement between raters, a sign test")
    results.add_argument("key", metavar="KEY", help='the file "... key.json" beside the study')
    results.add_argument("votes", nargs="+", metavar="FILE", help="files of votes (.jsonl), or folders of them")
    results.add_argument("--out", default="outputs/study-results", metavar="FOLDER", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Make a study or analyse its votes; return 0."""
    return make_it(args) if args.action == "make" else results_of(args)


def make_it(args: argparse.Namespace) -> int:
    """Write a study and its key."""
    from ..evaluate.study import candidates_of, make_study, write_study

    found = candidates_of(args.evaluation, args.model)
    study, key = make_study(found, pairs=args.pairs, title=args.title, seed=args.seed)
    folder, beside = write_study(study, key, args.out)
    print(f"Wrote study {study.name}: {len(study.pairs)} pairs, {len(study.questions)} questions each")
    print(f"Hand out {folder / 'index.html'}: it opens in any browser and names no model.")
    print(f"Keep {beside} to yourself: it says which video is whose.")
    return 0


def results_of(args: argparse.Namespace) -> int:
    """Merge votes and analyse them."""
    from ..evaluate.metrics.published import USER_STUDY
    from ..evaluate.study import Key, analyse, merge_votes, results_page

    key = Key.load(args.key)
    out = Path(args.out)
    votes = merge_votes(args.votes, out / "merged.jsonl")
    results = analyse(votes, key)
    write_whole(out / "results.csv", utf8(results.csv()))
    write_whole(out / "votes.csv", utf8(results.votes_csv()))
    write_whole(out / "table.csv", utf8((results.table() + USER_STUDY).csv()))
    write_whole(out / "index.html", utf8(results_page(results)))
    print(results)
    print(f"Wrote index.html, results.csv, votes.csv, merged.jsonl and table.csv to {out}/")
    return 0
