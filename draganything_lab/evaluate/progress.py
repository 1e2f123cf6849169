"""A bar with the time left, on a terminal; a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

EVERY = 15.0  # seconds between lines where there is no terminal


class Progress:
    """Says how far the work is.

    Args:
        total: Number of jobs.
        out: Where to; standard error by default.
    """

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self.total = total
        self.out = out or sys.stderr
        self.live = self.out.isatty()
        self._last = -EVERY

    def show(self, done: int, left: float | None, now: str) -> None:
        """Draw the bar.

        Args:
            done: Jobs that are done.
            left: Seconds left; None if unknown.
            now: What is being done.
        """
        if not self.live and time.monotonic() - self._last < EVERY and done < self.total:
            return
        self._last = time.monotonic()
        rest = "time left unknown" if left is None else f"{in_words(left)} left"
        words = f"{done} of {self.total}, {rest if done < self.total else 'done'}"
        if self.live:
            filled = 24 * done // max(1, self.total)
            line = f"[{'#' * filled}{'.' * (24 - filled)}] {words}  {now}"
            self.out.write(f"\r{line[:119]:<119}")
        else:
            self.out.write(f"{words}  {now}\n")
        self.out.flush()

    def end(self) -> None:
        """Leave the line."""
        if self.live:
            self.out.write("\r" + " " * 119 + "\r")
            self.out.flush()


def time_left(waiting: Mapping[str, int], seconds: Mapping[str, float], processes: int) -> float | None:
    """Seconds left, from how many jobs of each model wait and how long one of it takes; None where that is unknown.

    >>> time_left({"toy": 3, "preview": 2}, {"toy": 10.0, "preview": 1.0}, 2)
    16.0
    """
    if any(count and model not in seconds for model, count in waiting.items()):
        return None
    return sum(count * seconds[model] for model, count in waiting.items() if count) / max(1, processes)


def in_words(seconds: float) -> str:
    """A length of time: "under a minute", "12 min", "3 h 5 min"."""
    if seconds < 60:
        return "under a minute"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
