"""Checkpoints on disk: written beside, checked by a manifest, renamed when whole; a damaged one is noticed.

A training folder holds `checkpoint-00000500/` and so on. Each has a `manifest.json` with the size and SHA-256 of its
files. While one is written, its name ends in `.part`; what a kill leaves under that name is removed by the next run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError

NAME = re.compile(r"checkpoint-(\d{8})")
MANIFEST = "manifest.json"
PART = ".part"


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"checkpoint-{step:08d}"


def step_of(path: Path) -> int:
    """The step of a checkpoint, by its name."""
    found = NAME.fullmatch(path.name)
    if found is None:
        raise LabError(f"{path} is not a checkpoint", fix="pass a folder named like checkpoint-00000500")
    return int(found[1])


def checkpoints(folder: Path) -> list[Path]:
    """The finished checkpoints of a training folder, oldest first; whether they are whole, `damage` says."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))


def begin(folder: Path, step: int) -> Path:
    """Make the empty folder into which a checkpoint is written, and return it."""
    part = checkpoint_path(folder, step).with_suffix(PART)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    return part


def finish(part: Path) -> Path:
    """Write the manifest, bring everything to the disk, and give the checkpoint its name.

    Returns:
        The checkpoint.
    """
    files = {}
    for path in _files(part):
        files[path.relative_to(part).as_posix()] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
        _sync(path)
    manifest = part / MANIFEST
    manifest.write_text(json.dumps({"format": 1, "files": files}, indent=1))
    _sync(manifest)
    for folder in [path for path in part.rglob("*") if path.is_dir()]:
        _sync(folder)
    _sync(part)
    whole = part.with_suffix("")
    if whole.exists():  # a damaged one of the same step
        _remove(whole)
    os.rename(part, whole)
    _sync(whole.parent)
    return whole


def damage(path: Path) -> str:
    """What is wrong with a checkpoint, in words; "" if it is whole. Every byte is read."""
    try:
        files = json.loads((path / MANIFEST).read_text())["files"]
        for name, told in files.items():
            file = path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != told["bytes"]:
                return f"{name} has {file.stat().st_size:,} bytes instead of {told['bytes']:,}"
            if _digest(file) != told["sha256"]:
                return f"{name} has changed since it was written"
    except OSError as error:
        return f"{error.strerror}: {Path(error.filename or path).name}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} cannot be read"
    return ""


def newest(folder: Path, say: Callable[[str], None] = print) -> Path | None:
    """The newest checkpoint that is whole; a damaged one is reported and passed over.

    Returns:
        The checkpoint, or None where there is none at all.

    Raises:
        LabError: There are checkpoints, and all are damaged.
    """
    found = checkpoints(folder)
    for path in reversed(found):
        wrong = damage(path)
        if not wrong:
            return path
        say(f"{path.name} is damaged ({wrong}); looking at the one before it")
    if found:
        raise LabError(
            f"all {len(found)} checkpoints in {folder} are damaged",
            fix="restore one from a backup, or start again in another --folder",
        )
    return None


def clean(folder: Path) -> None:
    """Remove what a kill has left of unfinished checkpoints; only for whoever holds the folder's lock."""
    for path in folder.glob(f"checkpoint-*{PART}"):
        shutil.rmtree(path, ignore_errors=True)


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints."""
    for path in checkpoints(folder)[:-keep]:
        with contextlib.suppress(OSError):  # the next checkpoint tries again
            _remove(path)


def _remove(path: Path) -> None:
    # Under its new name nobody takes what is left for a whole one, if the removal is interrupted.
    gone = path.with_name(f"{path.name}-old{PART}")
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(path, gone)
    shutil.rmtree(gone, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    digest, block = hashlib.sha256(), memoryview(bytearray(2**20))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk; folders cannot be opened on Windows, where a rename waits itself."""
    if path.is_dir() and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
