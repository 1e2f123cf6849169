"""Turns: how many videos are generated at once on one machine, over all visitors of a class.

A lock on a file goes with its process, however that ends; so nobody waits for a visitor who has left.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ...pipeline.cancel import CancelSwitch

PAUSE = 0.2


@contextlib.contextmanager
def turn(
    switch: CancelSwitch, say: Callable[[str], None], folder: str | Path | None = None, runs: int | None = None
) -> Iterator[None]:
    """Wait for a turn, and keep it for the length of a `with` block.

    Args:
        switch: Ends the waiting with `Cancelled`.
        say: Is told how many are waiting, whenever that changes.
        folder: Where the locks lie; None for what the server for a class has set, and without one nobody waits.
        runs: How many turns there are at once; None for what the server has set.
    """
    folder = folder or os.environ.get("DRAGANYTHING_LAB_TURNS")
    if not folder:
        yield
        return
    runs = runs or int(os.environ.get("DRAGANYTHING_LAB_RUNS", "1"))
    place = Path(folder)
    with contextlib.ExitStack() as stack:
        ticket = stack.enter_context(_ticket(place))
        before, told = 0, -1
        while True:
            waiting = _live_tickets(place)
            before = waiting.index(ticket.name) if ticket.name in waiting else 0
            held = _any_lock(place, runs) if before == 0 else None  # first come, first served
            if held is not None:
                break
            if before != told:
                told = before
                say(f"waiting for a turn, {before} before you" if before else "waiting for a turn, you are next")
            switch.check()
            time.sleep(PAUSE)
        stack.callback(held.close)
        ticket.close()
        yield


@contextlib.contextmanager
def _ticket(place: Path) -> Iterator[_Ticket]:
    ticket = _Ticket(place / f"wait-{time.time_ns():020d}-{os.getpid()}")
    try:
        yield ticket
    finally:
        ticket.close()


class _Ticket:
    """A locked file, whose name says since when its owner has been waiting."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._file: IO[bytes] | None = path.open("wb")
        _lock(self._file)

    def close(self) -> None:
        """Leave the row."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)


def _live_tickets(place: Path) -> list[str]:
    """Names of the tickets whose owners are alive, the longest waiting first; others are thrown away."""
    names = []
    for path in sorted(place.glob("wait-*")):
        if path.name.endswith(f"-{os.getpid()}"):
            names.append(path.name)
            continue
        try:
            with path.open("rb+") as file:
                if _lock(file):
                    path.unlink(missing_ok=True)  # nobody holds it any more
                else:
                    names.append(path.name)
        except OSError:
            continue
    return names


def _any_lock(place: Path, runs: int) -> IO[bytes] | None:
    for number in range(runs):
        file = (place / f"run-{number}").open("ab")
        if _lock(file):
            return file
        file.close()
    return None


def _lock(file: IO[bytes]) -> bool:
    """Lock a file without waiting; whether that was possible."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
