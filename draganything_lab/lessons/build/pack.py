"""One archive for a room without a network: the project, every wheel it needs, and two scripts that install it."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import LabError
from .build import ROOT

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TOP = "draganything-lab"

UNIX = """#!/bin/sh
# Installs DragAnything Lab from this folder, without a network. Safe to run twice.
set -eu
cd "$(dirname "$0")"
{python} -m venv .venv
.venv/bin/python -m pip install --no-index --find-links wheels "setuptools>=69" wheel
.venv/bin/python -m pip install --no-index --find-links wheels --no-build-isolation -e "project[{extras}]"
.venv/bin/draganything-lab doctor
echo "Now: .venv/bin/draganything-lab lab"
"""

WINDOWS = """@echo off
rem Installs DragAnything Lab from this folder, without a network. Safe to run twice.
cd /d "%~dp0"
py -{python_version} -m venv .venv || exit /b 1
.venv\\Scripts\\python -m pip install --no-index --find-links wheels "setuptools>=69" wheel || exit /b 1
.venv\\Scripts\\python -m pip install --no-index --find-links wheels --no-build-isolation -e "project[{extras}]"
if errorlevel 1 exit /b 1
.venv\\Scripts\\draganything-lab doctor
echo Now: .venv\\Scripts\\draganything-lab lab
"""

READ_ME = """DragAnything Lab, ready to install without a network.

Made for: {system}, Python {python_version}. Other systems and Python versions need their own archive: make it on
one of those machines with the same command, draganything-lab lessons pack.

1. Unpack this archive on each laptop (a USB stick will do).
2. Run install.sh (Linux, macOS) or install.bat (Windows). It needs Python {python_version} and nothing else.
3. Start the lessons: .venv/bin/draganything-lab lab, on Windows .venv\\Scripts\\draganything-lab lab
"""


def pack(
    out: str | Path,
    *,
    extras: str = "all",
    cuda: bool = False,
    root: Path = ROOT,
    say: Callable[[str], None] = print,
    run: Callable[[Sequence[str]], int] | None = None,
) -> Path:
    """Write the archive.

    Args:
        out: Path of the archive; ends in .zip.
        extras: Extras of the project; "all" for everything a lesson needs.
        cuda: Whether to pack PyPI's PyTorch instead of its CPU build, which is about 2 GB smaller on Linux.
        root: The project's folder, a git clone.
        say: Function that receives progress messages.
        run: Function that runs a command and returns its exit code; for tests.

    Returns:
        The path written.

    Raises:
        LabError: This is not a clone, or the wheels could not be downloaded.
    """
    out = Path(out).expanduser()
    if out.suffix != ".zip":
        raise LabError(f"{out.name} does not end in .zip", fix="give the archive a name that ends in .zip")
    files = tracked_files(root)
    command = run or (lambda words: subprocess.run(words, cwd=root).returncode)
    version = "{}.{}".format(*sys.version_info[:2])
    words = {"extras": extras, "python_version": version, "python": f"python{version}"}
    words["system"] = f"{platform.system()} {platform.machine()}"
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        fetch = [sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(wheels)]
        fetch += [f".[{extras}]", "setuptools>=69", "wheel"]
        fetch += [] if cuda else ["--extra-index-url", CPU_INDEX]
        say("Downloading the wheels (a few minutes, a few hundred MB to 3 GB) …")
        if command(fetch) != 0:
            raise LabError("the wheels could not be downloaded, see above", fix="connect to the network once")
        found = sorted(path for path in wheels.glob("*.whl") if not path.name.startswith("draganything_lab-"))
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_suffix(".zip.part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in files:
                archive.write(root / name, f"{TOP}/project/{name}")
            for wheel in found:  # already compressed
                archive.write(wheel, f"{TOP}/wheels/{wheel.name}", compress_type=zipfile.ZIP_STORED)
            for name, text in {"install.sh": UNIX, "install.bat": WINDOWS, "README.txt": READ_ME}.items():
                entry = zipfile.ZipInfo(f"{TOP}/{name}")
                entry.external_attr = (0o755 if name == "install.sh" else 0o644) << 16
                archive.writestr(entry, text.format(**words))
        part.replace(out)
    size = out.stat().st_size / 1e6
    say(f"Wrote {out}: {len(files)} files, {len(found)} wheels, {size:.0f} MB, for {words['system']}")
    return out


def tracked_files(root: Path) -> list[str]:
    """The files of a clone that git tracks and that exist."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    names = [name for name in done.stdout.split("\0") if name and (root / name).is_file()]
    if done.returncode or not names:
        raise LabError(f"{root} is not a clone of the project", fix="run pack in a clone")
    return names
