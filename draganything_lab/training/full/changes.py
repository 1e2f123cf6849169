"""Whether a clip's files have changed since something was computed from them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ...errors import LabError
from ...evaluate.store import fingerprint
from ...media.clip_folders import ClipFolder
from ...media.folder import numbered


def stamp(clip: ClipFolder) -> str:
    """Changes with the name, size or time of any of a clip's files, and so whenever one is written: 10 hex digits."""
    return fingerprint([(os.fspath(file.relative_to(clip.root)), *_status(file)) for file in _files(clip)])


def content(clip: ClipFolder) -> str:
    """Changes with the name or any byte of a clip's files, but not where they are copied: 64 hex digits."""
    digest = hashlib.sha256()
    for file in _files(clip):
        try:
            found = hashlib.sha256(file.read_bytes()).digest()
        except OSError as error:  # the clip is left out with its reason when it is read
            found = str(error.errno).encode()
        digest.update(os.fsencode(file.relative_to(clip.root)) + b"\0" + found)
    return digest.hexdigest()


def _files(clip: ClipFolder) -> list[Path]:
    """The pictures, the masks, and the file of trajectories."""
    files = [*_numbered_or_none(clip.pictures), *_numbered_or_none(clip.masks)]
    return [*files, clip.paths_file] if clip.paths_file else files


def _numbered_or_none(folder: Path) -> list[Path]:
    """A folder's files in order; none if it cannot be listed."""
    try:
        return numbered(folder)
    except (LabError, OSError):
        return []


def _status(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
