"""The results on disk: one file per step of each job, written completely, so that a kill loses only the current step.

A step is done when its file exists. The file's name contains a fingerprint of everything that its content depends on:
other settings give other files, so an existing file is never wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..media.files import write_whole

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def fingerprint(content: Any) -> str:
    """Fingerprint of anything that JSON can store: 10 hex digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def file_name(text: str) -> str:
    """Convert a text to a part of a file name: letters, digits, '.', '_', '+' and '-'; at most 60 of them."""
    return re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII).strip("-.")[:60] or "unnamed"


class Store:
    """Results in a folder.

    Args:
        folder: Folder of the results; created if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(
                f"{self.folder} cannot be used for results ({error.strerror})", fix="choose another folder"
            ) from error

    def path(self, kind: str, name: str, suffix: str) -> Path:
        """Path of a result; `kind` is the folder."""
        return self.folder / kind / f"{name}{suffix}"

    def has(self, kind: str, name: str, suffix: str = ".json") -> bool:
        """Whether a result exists."""
        return self.path(kind, name, suffix).is_file()

    def write_json(self, kind: str, name: str, content: dict[str, Any]) -> None:
        """Write a result, completely or not at all."""
        text = json.dumps(content, indent=1, allow_nan=False)
        write_whole(self.path(kind, name, ".json"), text.encode())

    def read_json(self, kind: str, name: str) -> dict[str, Any] | None:
        """Read a result; None if it is missing or damaged (it is then made again)."""
        try:
            content = json.loads(self.path(kind, name, ".json").read_text())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write_arrays(self, kind: str, name: str, **arrays: NDArray[Any]) -> None:
        """Write arrays of numbers as .npz."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_whole(self.path(kind, name, ".npz"), buffer.getvalue())

    def read_arrays(self, kind: str, name: str) -> dict[str, NDArray[Any]] | None:
        """Read arrays; None if they are missing or damaged."""
        try:
            with np.load(self.path(kind, name, ".npz"), allow_pickle=False) as found:
                return {key: found[key] for key in found.files}
        except Exception:  # zipfile, zlib and numpy fail in many ways on a damaged file
            return None

    def write_frames(self, name: str, frames: NDArray[np.uint8]) -> None:
        """Write a video losslessly, as one tall PNG of its frames."""
        count, height, width, _ = frames.shape
        tall = frames.reshape(count * height, width, 3)
        _, data = cv2.imencode(".png", tall[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])
        write_whole(self.path("made", name, ".png"), data.tobytes())

    def read_frames(self, name: str, count: int) -> NDArray[np.uint8] | None:
        """Read the frames (T, H, W, 3); None if they are missing or damaged."""
        try:
            data = np.frombuffer(self.path("made", name, ".png").read_bytes(), np.uint8)
        except OSError:
            return None
        tall = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
        if tall is None or len(tall) % count:
            return None
        frames = np.ascontiguousarray(tall[..., ::-1], np.uint8)
        return frames.reshape(count, len(tall) // count, tall.shape[1], 3)

    def fail(self, name: str, about: str, error: str) -> None:
        """Record why a job failed; `about` is the scene, model or job that caused it."""
        self.write_json("failed", name, {"about": about, "error": error, "time": time.time()})

    def failure(self, name: str, since: float = 0.0) -> tuple[str, str] | None:
        """The cause and reason of a job's failure, if it failed after the time `since`."""
        found = self.read_json("failed", name)
        if found is None or float(found.get("time", 0)) < since:
            return None
        return str(found.get("about", name)), str(found.get("error", "unknown"))

    def forget_failure(self, name: str) -> None:
        """Delete the record of a failure, because the job succeeded after all."""
        with contextlib.suppress(OSError):
            self.path("failed", name, ".json").unlink(missing_ok=True)

    @contextlib.contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Try to become the only process on this machine that works on a job; yields whether that succeeded.

        The lock is released when the process ends, however it ends.
        """
        path = self.path("locks", name, "")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:
            mine = _lock(file.fileno())
            try:
                yield mine
            finally:
                if mine:
                    _unlock(file.fileno())


def _lock(number: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unlock(number: int) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            msvcrt.locking(number, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(number, fcntl.LOCK_UN)
