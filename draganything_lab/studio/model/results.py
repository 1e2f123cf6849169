"""What is being generated, and what was: told by a worker's thread, read by every view."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import LabError
from ...pipeline.cancel import Cancelled, CancelSwitch
from ...scene.scene import Scene
from .core import action
from .events import Status
from .paths import Paths

MAX_RESULTS = 8


@dataclass(frozen=True, eq=False)
class Result:
    """One finished video.

    Attributes:
        kind: "generated", "preview", …
        title: A few words for lists.
        scene: A copy of the scene it was made from.
        settings: What it was made with.
        frames: (T, H, W, 3) uint8 RGB.
        seconds: How long it took.
        extras: What else belongs to it: "note", a word about it; "shares", where its pixels come from
            (`engine.Made`); "report" …
        number: From 1; the model gives it.
    """

    kind: str
    title: str
    scene: Scene
    settings: dict[str, Any]
    frames: np.ndarray
    seconds: float = 0.0
    extras: dict[str, Any] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, eq=False)
class Job:
    """What is running now.

    Attributes:
        name: What it is, in a word.
        steps: How many steps there are.
        step: How many are done.
        note: What it is doing.
        frames: (T, H, W, 3) uint8, what the frames look like by now, or None.
        started: By `time.monotonic`.
        cancelling: Whether its end was asked for.
        switch: Where the worker looks for that.
    """

    name: str
    steps: int
    step: int = 0
    note: str = ""
    frames: np.ndarray | None = None
    started: float = 0.0
    cancelling: bool = False
    switch: CancelSwitch = field(default_factory=CancelSwitch)

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.step / max(1, self.steps))


class Results(Paths):
    """The part of the model that knows jobs and results."""

    _numbered = 0

    @property
    def results(self) -> tuple[Result, ...]:
        """Finished videos, oldest first."""
        return self._results

    @property
    def shown(self) -> tuple[int, ...]:
        """Numbers of the results to look at."""
        return self._shown

    @property
    def job(self) -> Job | None:
        """What is running now, or None; each step is a new `Job` with the same switch."""
        job: Job | None = self._job
        return job

    def result(self, number: int) -> Result:
        """The result with a number.

        Raises:
            LabError: There is none.
        """
        for result in self._results:
            if result.number == number:
                return result
        raise LabError(
            f"there is no result {number}", fix=f"there are {', '.join(str(r.number) for r in self._results) or 'none'}"
        )

    @action
    def start_job(self, name: str, steps: int) -> Job:
        """Say that something starts; an error status if something runs already."""
        if self._job is not None:
            raise LabError(f"{self._job.name} is still running", fix="wait for it, or cancel it")
        self._job = Job(name, max(1, int(steps)), started=time.monotonic())
        self.say(f"{name.capitalize()} started.")
        return self._job

    def job_step(self, job: Job, step: int, frames: np.ndarray | None = None, note: str | None = None) -> None:
        """Say how far the job is; says nothing if it is not the running one any more."""
        with self._lock:
            if self._running(job):
                now = self._job
                self._job = replace(
                    now,
                    step=int(step),
                    frames=now.frames if frames is None else frames,
                    note=now.note if note is None else note,
                )
                self.tell("job")

    def finish_job(self, job: Job, result: Result | None) -> Result | None:
        """Say that the job is done, and keep and show its result."""
        with self._lock, self.batch():
            if self._running(job):
                self._job = None
                self.tell("job")
            if result is None:
                return None
            kept = self.add_result(result)
            note = kept.extras.get("note", "")
            self.say(f"{kept.title} is ready after {kept.seconds:.1f} s.{note and ' ' + note}")
            return kept

    def fail_job(self, job: Job, error: BaseException) -> None:
        """Say that the job ended without a result: cancelled, or failed with an error and its fix."""
        with self._lock, self.batch():
            if self._running(job):
                self._job = None
                self.tell("job")
            if isinstance(error, Cancelled):
                self.say(f"{job.name.capitalize()} was cancelled.")
            else:
                self._status = Status.of(error)
                self.tell("status")

    def cancel_job(self) -> bool:
        """Ask the running job to end; False if none runs."""
        with self._lock, self.batch():
            if self._job is None:
                return False
            self._job.switch.set()
            self._job = replace(self._job, cancelling=True)
            self.tell("job")
            self.say(f"Cancelling {self._job.name} …")
            return True

    def add_result(self, result: Result) -> Result:
        """Keep a result, the last eight of them, and show it."""
        with self._lock, self.batch():
            self._numbered += 1
            kept = replace(result, number=self._numbered)
            self._results = (*self._results[-(MAX_RESULTS - 1) :], kept)
            self._shown = (kept.number,)
            self.tell("results")
            return kept

    @action
    def remove_result(self, number: int) -> bool:
        """Forget a result."""
        self._results = tuple(result for result in self._results if result is not self.result(number))
        self._shown = tuple(other for other in self._shown if other != number)
        return True

    @action
    def show_results(self, *numbers: int) -> bool:
        """Choose one result to look at, or two to compare."""
        if len(numbers) not in (1, 2):
            raise LabError(f"{len(numbers)} results cannot be shown together", fix="choose one, or two to compare")
        self._shown = tuple(self.result(number).number for number in numbers)
        self.tell("results")
        return True

    def _running(self, job: Job) -> bool:
        return self._job is not None and self._job.switch is job.switch
