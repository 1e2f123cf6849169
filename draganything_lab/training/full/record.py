"""What a training's result depends on, kept in its folder, so that nobody goes on with something else unawares."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import write_whole
from .checkpoint import checkpoints

RECORD = "training.json"
CHOICES, NAMES_OF = "choices", "names"  # in it: what must not differ, and where things lie


def read_record(folder: Path) -> dict[str, Any] | None:
    """What the training in a folder began with; None where there is none.

    Raises:
        LabError: The file is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise ValueError("it is not a table")
        return found
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read ({error})", fix="restore it, or start in another --folder") from None


def check_record(
    folder: Path,
    choices: Mapping[str, Any],
    names: Mapping[str, Any],
    *,
    resume: bool,
    change: Collection[str] = (),
) -> list[str]:
    """Compare a training with the one in its folder, and write down what it is.

    Args:
        folder: The training folder.
        choices: Whatever the result depends on, by name, as JSON stores it.
        names: What is needed to begin the same training again but does not decide the result, such as paths of files.
        resume: Whether to go on with the folder's training, if it has one.
        change: Names that may differ.

    Returns:
        What has been changed, in words.

    Raises:
        LabError: The folder has a training, and `resume` is false or something else differs.
    """
    unknown = [name for name in change if name not in choices]
    if unknown:
        raise LabError(f'--change {unknown[0]}: there is no "{unknown[0]}"', fix=f"use some of {', '.join(choices)}")
    former, there = read_record(folder), checkpoints(folder)
    if (former is not None or there) and not resume:
        last = f", up to step {int(there[-1].name.rpartition('-')[2])}" if there else ""
        raise LabError(
            f"{folder} has a training already{last}", fix="pass --resume to go on with it, or another --folder"
        )
    if former is None and there:
        raise LabError(f"{folder} has checkpoints but no {RECORD}", fix="restore it, or start in another --folder")
    old = choices if former is None else former.get(CHOICES, {})
    other = {
        name: f"{name} was {_word(old.get(name))} and is {_word(choices[name])}"
        for name in choices
        if old.get(name) != choices[name]
    }
    refused = [text for name, text in other.items() if name not in change]
    if refused:
        listed = " ".join(name for name in other if name not in change)
        raise LabError(
            f"the training in {folder} began with other options: {'; '.join(refused)}",
            fix=f"leave them as they were, or go on differently with --change {listed}",
        )
    record = {CHOICES: dict(choices), NAMES_OF: dict(names)}
    if former != record:
        write_whole(folder / RECORD, json.dumps(record, indent=1).encode())
    return list(other.values())


def _word(value: Any) -> str:
    return "not set" if value is None else "x".join(map(str, value)) if isinstance(value, list) else str(value)
