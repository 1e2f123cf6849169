"""One training in a folder at a time: a lock that ends with its process, however that ends."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from ...errors import LabError

LOCK, OWNER = "training.lock", "training.owner"
PATIENCE = 20.0  # seconds for which the helpers of a killed process may still hold its lock


class FolderLock:
    """Holds a training folder until `release`, or until this process ends.

    Args:
        folder: The training folder; made if it is missing.

    Raises:
        LabError: Another process trains there (its computer and number are named), or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / LOCK)
            self._acquire(folder)
            # Beside the lock, which others may be unable to read while it is held.
            (folder / OWNER).write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        except OSError as error:
            raise LabError(f"{folder} cannot be written to ({error.strerror})", fix="pass another --folder") from error

    def _acquire(self, folder: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._lock.acquire(blocking=False)
                return
            except Timeout:
                host, pid = _owner(folder)
                if not (_is_gone(host, pid) and time.monotonic() < deadline):
                    raise LabError(
                        f"another training is running in {folder} (process {pid} on {host})",
                        fix="wait for it, stop it, or pass another --folder",
                    ) from None
                time.sleep(0.2)

    def release(self) -> None:
        """Let others train here."""
        self._lock.release()


def _owner(folder: Path) -> tuple[str, str]:
    try:
        told = json.loads((folder / OWNER).read_text())
        return str(told["host"]), str(told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return "a computer that is not named", "of unknown number"


def _is_gone(host: str, pid: str) -> bool:
    if host != socket.gethostname() or not pid.isdigit() or os.name == "nt":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
