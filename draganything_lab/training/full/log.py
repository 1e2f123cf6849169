"""The log of a training, one line of JSON per step; and the trackers that accelerate knows, TensorBoard and others."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import write_whole

LOG = "log.jsonl"
TRACKERS = {  # name for --log-with -> the module that it needs
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "comet_ml": "comet_ml",
    "aim": "aim",
    "mlflow": "mlflow",
    "clearml": "clearml",
    "dvclive": "dvclive",
    "swanlab": "swanlab",
    "trackio": "trackio",
}


class Log:
    """`log.jsonl` in a training folder. Lines that a full disk refuses are kept and written with the next ones.

    Args:
        folder: The training folder.
        say: Gets a line where the log cannot be written.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = print) -> None:
        self.path, self.say = folder / LOG, say
        self._waiting: list[str] = []

    def cut(self, step: int) -> None:
        """Drop the lines after a step, which are done again, and what a kill has left of a line."""
        if self.path.exists():
            kept = [line for line in read_log(self.path) if line["step"] <= step]
            write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line; numbers that are not finite become null."""
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in line.items()
        }
        self._waiting.append(json.dumps(plain) + "\n")
        if len(self._waiting) == 1 or len(self._waiting) % 100 == 0:  # a full disk is not asked at every step
            self.flush()

    def flush(self, *, sync: bool = False) -> None:
        """Write what waits; with `sync`, wait until it is on the disk."""
        try:
            size = self.path.stat().st_size if self.path.exists() else 0
            with self.path.open("r+b" if size else "wb") as file:
                file.seek(size)
                try:
                    file.write("".join(self._waiting).encode())
                    file.flush()
                except OSError:
                    file.truncate(size)  # no half lines
                    raise
                if sync:
                    os.fsync(file.fileno())
            self._waiting.clear()
        except OSError as error:
            self.say(f"{self.path} cannot be written ({error.strerror}); {len(self._waiting)} lines are kept for later")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; what is not a line is left out."""
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def chosen_trackers(names: Sequence[str] | None) -> list[str]:
    """The trackers to use.

    Args:
        names: Their names; None for TensorBoard if it is installed; ("none",) for none.

    Raises:
        LabError: One is unknown or not installed.
    """
    if names is None:
        return ["tensorboard"] if importlib.util.find_spec("tensorboard") else []
    if tuple(names) == ("none",):
        return []
    for name in names:
        if name not in TRACKERS:
            raise LabError(f'--log-with "{name}" is unknown', fix=f"use none, or some of {', '.join(TRACKERS)}")
        if importlib.util.find_spec(TRACKERS[name]) is None:
            raise LabError(f"--log-with {name}: {name} is not installed", fix=f"run: pip install {TRACKERS[name]}")
    return list(names)
