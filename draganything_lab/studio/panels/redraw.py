"""Draw the newest state, no more often than eyes can see: many asks become one draw, in the kernel's own thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

MOST_A_SECOND = 40.0


class Pacer:
    """Runs a function soon after it is asked to, at most N times per second.

    The first ask is answered at once, those that follow too closely are put together. Without a running event loop
    (scripts, tests) everything is answered at once.

    Args:
        work: Called without arguments, always in the thread that made the pacer.
        most_a_second: At most so often.
    """

    def __init__(self, work: Callable[[], None], most_a_second: float = MOST_A_SECOND) -> None:
        self._work, self._interval = work, 1.0 / most_a_second
        self._last, self._waiting, self._closed = -1e9, False, False
        self._thread = threading.get_ident()
        self._loop = running_loop()

    def ask(self) -> None:
        """Have the work done soon."""
        if threading.get_ident() != self._thread:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.ask)
            return
        if self._waiting or self._closed:
            return
        wait = self._last + self._interval - time.monotonic()
        if wait <= 0 or self._loop is None or not self._loop.is_running():
            self.now()
        else:
            self._waiting = True
            self._loop.call_later(wait, self.now)

    def now(self) -> None:
        """Do the work at once."""
        self._waiting = False
        if not self._closed:
            self._work()
            self._last = time.monotonic()  # after the work: slow work leaves time for what the user does next

    def close(self) -> None:
        """Do no more work."""
        self._closed = True


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if one does (in a kernel it does, while a cell runs)."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def later(seconds: float, work: Callable[[], None]) -> Callable[[], None]:
    """Call something in a while; returns what calls it off. Without a loop it is never called."""
    loop = running_loop()
    if loop is None:
        return lambda: None
    return loop.call_later(seconds, work).cancel
