"""What is being generated, and what was: written by a worker's thread, read by every view."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import LabError
from ...pipeline.cancel import Cancelled, CancelSwitch
from ...scene.entity import Entity
from ...scene.scene import Scene
from .events import Part, Watchers, action

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
class Draft:
    """A few frames of a video, made in one step after a drag.

    Attributes:
        frames: (K, H, W, 3) uint8 RGB at the size that the networks see.
        entities: Those of the scene it shows, the same object as there.
        seconds: How long it took.
        fps: Frames a second with which it lasts as long as the video.
    """

    frames: np.ndarray
    entities: tuple[Entity, ...]
    seconds: float
    fps: float


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


class Results(Part):
    """The running job and the finished videos.

    Args:
        watchers: What all parts share.

    Attributes:
        videos: Finished videos, oldest first; at most the last eight.
        shown: Numbers of the results to look at.
        job: What is running now, or None; each step is a new `Job` with the same switch.
        draft: The draft that was made last, or None.
    """

    def __init__(self, watchers: Watchers) -> None:
        super().__init__(watchers)
        self.videos: tuple[Result, ...] = ()
        self.shown: tuple[int, ...] = ()
        self.job: Job | None = None
        self.draft: Draft | None = None
        self._drafting: CancelSwitch | None = None
        self._numbered = 0

    def facts(self) -> dict[str, object]:
        return {"results": self.videos, "job": self.job, "draft": self.draft}

    def numbered(self, number: int) -> Result:
        """The result with a number.

        Raises:
            LabError: There is no such video.
        """
        for result in self.videos:
            if result.number == number:
                return result
        raise LabError(
            f"there is no result {number}", fix=f"there are {', '.join(str(r.number) for r in self.videos) or 'none'}"
        )

    @action
    def start_job(self, name: str, steps: int) -> Job:
        """Announce that something starts; an error status if something runs already."""
        if self.job is not None:
            raise LabError(f"{self.job.name} is still running", fix="wait for it, or cancel it")
        self.cancel_draft()
        self.job = Job(name, max(1, int(steps)), started=time.monotonic())
        self.say(f"{name.capitalize()} started.")
        return self.job

    def start_draft(self) -> CancelSwitch:
        """Announce that a draft is being made; returns what stops it."""
        with self.watchers.lock:
            self.cancel_draft()
            self._drafting = CancelSwitch()
            return self._drafting

    def finish_draft(self, switch: CancelSwitch, draft: Draft | None) -> None:
        """Show a draft, unless it was given up."""
        with self.watchers.lock:
            if self._drafting is switch:
                self._drafting = None
                if draft is not None:
                    self.draft = draft
                    self.watchers.tell("draft")

    def cancel_draft(self) -> None:
        """Give up the draft that is being made, and forget the one that was made."""
        with self.watchers.lock:
            if self._drafting is not None:
                self._drafting.set()
                self._drafting = None
            if self.draft is not None:
                self.draft = None
                self.watchers.tell("draft")

    def job_step(self, job: Job, step: int, frames: np.ndarray | None = None, note: str | None = None) -> None:
        """Report how far the job is; ignored if it is no longer the running one."""
        with self.watchers.lock:
            now = self.job
            if now is not None and now.switch is job.switch:
                frames, note = now.frames if frames is None else frames, now.note if note is None else note
                self.job = replace(now, step=int(step), frames=frames, note=note)
                self.watchers.tell("job")

    def finish_job(self, job: Job, result: Result | None) -> Result | None:
        """End the job, and keep and show its result."""
        with self.watchers.batch():
            self._end(job)
            if result is None:
                return None
            kept = self.add(result)
            note = kept.extras.get("note", "")
            self.say(f"{kept.title} is ready after {kept.seconds:.1f} s.{note and ' ' + note}")
            return kept

    def fail_job(self, job: Job, error: BaseException) -> None:
        """End the job without a result: cancelled, or failed with an error and its fix."""
        with self.watchers.batch():
            self._end(job)
            if isinstance(error, Cancelled):
                self.say(f"{job.name.capitalize()} was cancelled.")
            else:
                self.watchers.say_error(error)

    def cancel_job(self) -> bool:
        """Ask the running job to end; False if none runs."""
        with self.watchers.batch():
            if self.job is None:
                return False
            self.job.switch.set()
            self.job = replace(self.job, cancelling=True)
            self.watchers.tell("job")
            self.say(f"Cancelling {self.job.name} …")
            return True

    def add(self, result: Result) -> Result:
        """Keep a result, the last eight of them, and show it."""
        with self.watchers.batch():
            self._numbered += 1
            kept = replace(result, number=self._numbered)
            self.videos = (*self.videos[-(MAX_RESULTS - 1) :], kept)
            self.shown = (kept.number,)
            self.cancel_draft()  # here is the whole
            self.watchers.tell("results")
            return kept

    @action
    def show(self, *numbers: int) -> bool:
        """Choose one result to look at, or two to compare."""
        if len(numbers) not in (1, 2):
            raise LabError(f"{len(numbers)} results cannot be shown together", fix="choose one, or two to compare")
        self.shown = tuple(self.numbered(number).number for number in numbers)
        self.watchers.tell("results")
        return True

    def _end(self, job: Job) -> None:
        if self.job is not None and self.job.switch is job.switch:
            self.job = None
            self.watchers.tell("job")
