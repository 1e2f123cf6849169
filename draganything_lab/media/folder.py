"""Folders of files from elsewhere: natural order, hidden and unrelated files skipped, partners matched by name."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path

from ..errors import LabError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def natural_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort key that orders names as people count: frame2 before frame10.

    >>> sorted(["frame10", "frame2", "Frame1"], key=natural_key)
    ['Frame1', 'frame2', 'frame10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return tuple((not part[0].isdigit(), int(part) if part[0].isdigit() else 0, part.lstrip("0")) for part in parts)


def hidden(path: Path) -> bool:
    """Whether a file or folder is the system's, not the user's: .DS_Store, ._picture.jpg, __MACOSX, Thumbs.db."""
    return path.name.startswith((".", "__MACOSX", "@eaDir")) or path.name.lower() in ("thumbs.db", "desktop.ini")


def listed(folder: Path) -> list[Path]:
    """The visible contents of a folder in natural order; empty if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if not hidden(path)), key=lambda path: natural_key(path.name))


def numbered(folder: Path, suffixes: Collection[str] = PICTURE_SUFFIXES) -> list[Path]:
    """The files in a folder with given suffixes, in frame order.

    Args:
        folder: A folder; a missing one counts as empty.
        suffixes: Lower-case suffixes with the dot; other files are skipped.

    Returns:
        Files in natural order of their names: by their numbers, with or without leading zeros.

    Raises:
        LabError: Two files have the same place in that order ("1.jpg" and "01.jpg", or "1.jpg" and "1.png").
    """
    files = [path for path in listed(folder) if path.suffix.lower() in suffixes and path.is_file()]
    files.sort(key=lambda path: natural_key(path.stem))
    for before, after in pairwise(files):
        if natural_key(before.stem) == natural_key(after.stem):
            raise LabError(
                f'the order of "{shown(before.name)}" and "{shown(after.name)}" in {shown(folder.name)} is ambiguous',
                fix="keep one of the two, or give them different numbers",
            )
    return files


def partners(files: list[Path], others: list[Path]) -> dict[Path, Path]:
    """Match files by their names: the same stem, else the same last number, if all files of both kinds have one.

    Args:
        files: Files to match, for example pictures.
        others: Possible partners, for example masks; each belongs to at most one file.

    Returns:
        File -> its partner, for the files that have one, in the order of `files`.
    """
    for key in (lambda path: path.stem.casefold(), lambda path: natural_key(path.stem), _last_number):
        known = {key(path): path for path in others}
        mine = [key(path) for path in files]
        if None in known or None in mine or len(known) < len(others) or len(set(mine)) < len(mine):
            continue
        found = {path: known[name] for path, name in zip(files, mine, strict=True) if name in known}
        if found:
            return found
    return {}


def shown(name: str | Path) -> str:
    """A file's name, safe to show and write anywhere: whatever is not UTF-8 becomes a question mark.

    >>> shown("M\\udcf6we.zip")
    'M\\ufffdwe.zip'
    """
    return os.fspath(name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _last_number(path: Path) -> int | None:
    numbers = re.findall(r"[0-9]+", path.stem)
    return int(numbers[-1]) if numbers else None
