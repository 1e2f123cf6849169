"""`draganything-lab studio`: the studio on its own, for a class or for yourself."""

from __future__ import annotations

import argparse
import dataclasses

from ..errors import LabError
from ..studio.classroom.room import Classroom


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--ip", default="127.0.0.1", help="address to listen on; 0.0.0.0 for the whole network")
    parser.add_argument("--port", type=int, default=8866, metavar="N", help="default: 8866; 0 takes any free one")
    parser.add_argument("--token", metavar="WORD", help="token that visitors need (default: a new random one)")
    parser.add_argument("--no-token", action="store_true", help="let in everybody who can reach the port")
    parser.add_argument("--visitors", type=int, default=20, metavar="N", help="maximum at once (default: 20)")
    parser.add_argument(
        "--idle-minutes", type=float, default=30, metavar="N", help="idle time after which a process ends (default: 30)"
    )
    parser.add_argument(
        "--keep-minutes",
        type=float,
        default=60,
        metavar="N",
        help="how long a scene is kept for a visitor who has left (default: 60)",
    )
    parser.add_argument(
        "--upload-mb", type=float, default=16, metavar="N", help="largest upload (default: 16, at most 32)"
    )
    parser.add_argument(
        "--memory-gb", type=float, default=4, metavar="N", help="memory limit per visitor (default: 4; 0: no limit)"
    )
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="videos generated at once (default: 1)")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; return 0."""
    names = {field.name for field in dataclasses.fields(Classroom)} - {"token"}
    options = {name: getattr(args, name) for name in names}
    if args.no_token:
        options["token"] = ""
    elif args.token is not None:
        options["token"] = args.token
    room = Classroom(**options)
    try:
        from ..studio.classroom.server import serve
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix='pip install "draganything-lab[notebook]"') from error
    return serve(room)
