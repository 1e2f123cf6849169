"""`draganything-lab lessons`: write the notebooks from their sources, list them, or say which are out of date."""

from __future__ import annotations

import argparse

from ..errors import LabError

HELP = (
    "build: run and write what is out of date; list: list the lessons; stale: list those out of date; pack: make one "
    "archive with everything, to install laptops without a network"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("what", choices=("build", "list", "stale", "pack"), help=HELP)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="by number or name (default: all)")
    parser.add_argument("--out", default="outputs/draganything-lab-offline.zip", help="pack: default %(default)s")
    parser.add_argument("--cuda", action="store_true", help="pack: PyTorch with CUDA, which is much larger on Linux")
    parser.add_argument("--force", action="store_true", help="run everything again, even if it is up to date")


def run(args: argparse.Namespace) -> int:
    """Build, list, check, or pack."""
    if args.what == "pack":
        from ..lessons.build.pack import pack

        pack(args.out, cuda=args.cuda)
        return 0
    try:
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix='pip install -e ".[notebook]", or make lab') from error
    from ..lessons.build.build import ROOT, build, chosen
    from ..lessons.build.notebook import stale
    from ..lessons.build.source import read_lesson

    if args.what == "build":
        build(args.lessons, force=args.force, say=lambda words: print(words, flush=True))
        print(f"students' and teachers' notebooks are in {ROOT / 'outputs' / 'lessons'}")
        return 0
    old = 0
    for path in chosen(args.lessons):
        lesson = read_lesson(path)
        target = ROOT / "notebooks" / f"{lesson.name}.ipynb"
        why = stale(nbformat.read(target, as_version=4), lesson) if target.is_file() else "not built yet"
        old += bool(why)
        if args.what == "list":
            print(f"{lesson.name:34} {lesson.head['title']} ({len(lesson.exercises)} exercises)")
        elif why:
            print(f"{lesson.name}: {why}")
    return 1 if args.what == "stale" and old else 0
