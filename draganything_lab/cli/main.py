"""The command line, `draganything-lab COMMAND …`.

Each command is a module of this folder with two functions, `add_arguments(parser)` and `run(args) -> int` (the exit
code), and has a line of help in the table below. Only the module of the chosen command is imported.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import LabError

PACKAGE = __package__.partition(".")[0]
COMMANDS = {
    "demo": "run the demo on the built-in picture or on yours: makes a video, a strip, a report and the numbers",
    "segment": "cut out an object by clicks, or everything in a picture; writes masks as PNG files",
    "preview": "turn a scene file into a preview video, quickly and without a model",
    "generate": "turn a scene file into a video, with a DragAnything model",
    "train": "train the small weights, on this machine's CPU or faster on a GPU; or the ControlNet on real videos",
    "clips": "check, write, prepare and look at folders of video clips with masks, for full-size training",
    "card": "measure the small weights on held-out clips and write their model card",
    "scrapbook": "download artwork and photographs for a wider world, or look at clips made from them",
    "track": "show where every pixel of a video went and, with a scene, whether that was wanted",
    "evaluate": "turn scenes x models x seeds into videos, numbers and one page; can be stopped and resumed",
    "gallery": "make the page that shows what DragAnything does, with every video generated and measured here",
    "study": "run a blind study: make its page from an evaluation, or analyse the votes",
    "lessons": "write the lessons' notebooks from their sources, or list those that are out of date",
    "lab": "open JupyterLab on the first notebook",
    "studio": "open the studio on its own in a browser, for yourself or for a class",
    "doctor": "check what is installed, and say what to do about anything missing",
}


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command gets its own arguments."""
    top = argparse.ArgumentParser(
        prog="draganything-lab",
        description="Click an object in a picture, drag it, generate the video, see where every pixel went.",
    )
    top.add_argument("--version", action="version", version=f"draganything-lab {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_line in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, description=help_line[0].upper() + help_line[1:] + ".")
        if name == chosen:
            importlib.import_module(f".{name}", __package__).add_arguments(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments after the program's name; those of this process when None.

    Returns:
        The exit code: 0 for success, 1 if the command found a problem, 2 if it could not use its arguments.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot print a character shows a question mark; the work continues.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        parser().print_help(sys.stderr)
        return 2
    chosen = next((word for word in words if not word.startswith("-")), None)
    try:
        args = parser(chosen).parse_args(words)
        return importlib.import_module(f".{args.command}", __package__).run(args)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", PACKAGE):
            raise
        print(f"error: {error.name} is not installed; `pip install -e '.[all]'` installs everything", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
