"""A progress bar with the time left, on a terminal; elsewhere, a line from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

EVERY = 15.0  # seconds between lines without a terminal


class Progress:
    """Reports how far the work has got.

    Args:
        total: Number of jobs.
        out: Stream to write to; standard error by default.
    """

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self.total = total
        self.out = out or sys.stderr
        self.live = self.out.isatty()
        self._last = -EVERY

    def show(self, done: int, left: float | None, now: str) -> None:
        """Draw the bar.

        Args:
            done: Number of finished jobs.
            left: Seconds left; None if unknown.
            now: Description of the current job.
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
        """End the line."""
        if self.live:
            self.out.write("\r" + " " * 119 + "\r")
            self.out.flush()


def time_left(waiting: Mapping[str, int], seconds: Mapping[str, float], processes: int) -> float | None:
    """Seconds left, from the waiting jobs and seconds per job of each model; None if unknown.

    >>> time_left({"toy": 3, "preview": 2}, {"toy": 10.0, "preview": 1.0}, 2)
    16.0
    """
    if any(count and model not in seconds for model, count in waiting.items()):
        return None
    return sum(count * seconds[model] for model, count in waiting.items() if count) / max(1, processes)


def in_words(seconds: float) -> str:
    """Format a duration: "under a minute", "12 min", "3 h 5 min"."""
    if seconds < 60:
        return "under a minute"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
