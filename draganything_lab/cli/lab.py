"""`draganything-lab lab`: open JupyterLab on the first notebook."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from ..errors import LabError

MAX_MESSAGE = 96 * 2**20  # bytes; the studio's own limit is 32 MiB
FIRST = "00_drag_anything.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--no-browser", action="store_true", help="only print the address to open")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on (default: JupyterLab's)")
    parser.add_argument(
        "more", nargs="*", metavar="-- OPTIONS", help="options of JupyterLab itself, such as -- --allow-root"
    )


def run(args: argparse.Namespace) -> int:
    """Run JupyterLab until it is stopped; return its exit code."""
    notebook = find_notebooks() / FIRST
    if importlib.util.find_spec("jupyterlab") is None:
        raise LabError("JupyterLab is not installed", fix='pip install -e ".[notebook]", or make lab')
    command = [sys.executable, "-m", "jupyter", "lab", str(notebook)]
    command += ["--no-browser"] if args.no_browser else []
    command += [f"--port={args.port}"] if args.port is not None else []
    # JupyterLab's server silently closes the connection on a message over 10 MiB, such as an opened photograph.
    command.append(f"--ServerApp.tornado_settings={{'websocket_max_message_size': {MAX_MESSAGE}}}")
    command += args.more
    print(f"Opening {notebook} in JupyterLab; press Ctrl-C here twice to stop it", flush=True)
    with subprocess.Popen(command) as server:
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:
                continue  # JupyterLab gets it too, asks, and ends on its own.


def find_notebooks() -> Path:
    """The project's folder of notebooks: beside the package, or in the working folder.

    Raises:
        LabError: It is in neither place.
    """
    for folder in (Path(__file__).parents[2] / "notebooks", Path.cwd() / "notebooks"):
        if (folder / FIRST).is_file():
            return folder
    raise LabError(
        f"notebooks/{FIRST} is neither beside the package nor in {Path.cwd()}", fix="go to the project's folder"
    )
