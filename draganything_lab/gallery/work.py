"""Making the videos and following their points: one file per video, so that a stopped run goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError, first_line
from ..evaluate.entrants import weights_fingerprint
from ..evaluate.progress import Progress
from ..evaluate.sources import fit
from ..evaluate.store import Store, file_name, fingerprint
from ..motion import MotionReport, measure
from ..motion.measure import motion_queries
from ..pipeline.scene_video import generated
from ..pipeline.size import video_size
from ..tracking import Tracks, track
from .cases import Case
from .settings import Extent, Settings

VERSION = 1  # of what a row's files hold; changing it makes all of them anew
TRACKER = "opencv"


@dataclass(frozen=True, eq=False)
class Job:
    """A drag, and the representation in which a model is told of it."""

    case: Case
    representation: str


@dataclass(frozen=True, eq=False)
class Row:
    """A video that was made and measured.

    Attributes:
        job: What was asked for.
        frames: (T, H, W, 3) uint8, as it is shown.
        report: Its measurement, at the networks' size.
        seconds: What it took to make and to follow, in seconds of this machine's cores.
        problem: Why there is no video; then `frames` and `report` are None.
    """

    job: Job
    frames: NDArray[np.uint8] | None = field(default=None, repr=False)
    report: MotionReport | None = None
    seconds: float = 0.0
    problem: str = ""


class Workshop:
    """Makes rows, and keeps them in a folder.

    Args:
        settings: What to make, and how.
        extent: What the weights' files say.
        store: Where the results are kept.
        say: Function that receives a line for everything that goes wrong.
    """

    def __init__(self, settings: Settings, extent: Extent, store: Store, say: Callable[[str], None] = print) -> None:
        self.settings, self.extent, self.store, self.say = settings, extent, store, say
        self.weights = weights_fingerprint(settings.model)
        self.made = 0
        self._problems: dict[str, str] = {}
        self._pipes: dict[str, Any] = {}

    def name(self, job: Job) -> str:
        """Name of a row's files, which says all that they depend on."""
        told = self.settings
        content = [VERSION, told.model, self.weights, job.representation, told.seed, told.steps, self.frames(job.case)]
        words = file_name(f"{job.case.key}--{job.representation}")
        return f"{words}--{fingerprint([*content, TRACKER, job.case.fingerprint])}"

    def frames(self, case: Case) -> int:
        """Number of frames of a case's videos."""
        return case.frames or self.extent.frames

    def done(self, job: Job) -> bool:
        """Whether a row is there already, whole."""
        name = self.name(job)
        parts = (("made", ".png"), ("rows", ".npz"), ("rows", ".json"))
        return all(self.store.has(kind, name, suffix) for kind, suffix in parts)

    def work(self, jobs: Iterable[Job], bar: bool = True) -> None:
        """Make the rows that are not there, one representation after the other, each once.

        Raises:
            LabError: The results cannot be written; what is written is kept.
        """
        every = list({self.name(job): job for job in jobs if not job.case.problem}.values())
        waiting = sorted((job for job in every if not self.done(job)), key=lambda job: job.representation)
        progress, start = Progress(len(every)) if bar and waiting else None, time.monotonic()
        while waiting:
            busy = []
            for place, job in enumerate(waiting):
                if progress:
                    left = (time.monotonic() - start) / max(place, 1) * (len(waiting) - place) if place else None
                    progress.show(len(every) - len(waiting) + place, left, f"{job.case.title}, {job.representation}")
                with self.store.claim(self.name(job)) as mine:
                    if not mine:
                        busy.append(job)
                    elif not self.done(job):
                        self._make(job)
            waiting = [job for job in busy if not self.done(job)]
            if waiting:
                time.sleep(0.5)  # another process is at work on them
        if progress:
            progress.show(len(every), 0, "")
            progress.end()
        self._pipes.clear()

    def row(self, job: Job) -> Row:
        """A row that was made, measured; or why there is none."""
        if job.case.problem:
            return Row(job, problem=job.case.problem)
        name = self.name(job)
        about, arrays = self.store.read_json("rows", name), self.store.read_arrays("rows", name)
        frames = None if about is None else self.store.read_frames(name, int(about["frames"]))
        if about is None or arrays is None or frames is None:
            self.store.path("rows", name, ".json").unlink(missing_ok=True)  # damaged: the next run makes it
            return Row(job, problem=self._problems.get(name, "it was not made; run the command again"))
        small = np.stack([fit(frame, (int(about["height"]), int(about["width"]))) for frame in frames])
        tracks = Tracks(arrays["points"], arrays["visible"])
        return Row(job, frames, measure(small, job.case.truth, TRACKER, tracks), float(about["seconds"]))

    def pipe(self, representation: str) -> Any:
        """A pipeline, kept until another one is asked for.

        Raises:
            LabError: It cannot be loaded.
        """
        if representation not in self._pipes:
            self._pipes.clear()  # release the last one first
            self._pipes[representation] = self.load(representation)
        return self._pipes[representation]

    def load(self, representation: str) -> Any:
        """A pipeline of the caller's own.

        Raises:
            LabError: It cannot be loaded.
        """
        from ..control.representations import shows_vectors
        from ..pipeline.load import load_pipeline

        told, features = self.settings, shows_vectors(representation)
        pipe: Any = load_pipeline(told.model, representation, download=told.download, features=features)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def _make(self, job: Job) -> None:
        name, start = self.name(job), time.process_time()
        pipe = self.pipe(job.representation)
        try:
            told, count = self.settings, self.frames(job.case)
            frames = generated(pipe, job.case.scene, num_frames=count, seed=told.seed, steps=told.steps)
            height, width = video_size(pipe, job.case.scene.size)
            small = np.stack([fit(frame, (height, width)) for frame in frames])
            tracks = track(small, motion_queries(job.case.truth.resized((height, width))), TRACKER)
        except (LabError, RuntimeError, ValueError, MemoryError, ArithmeticError) as error:
            self._problems[name] = str(error) if isinstance(error, LabError) else first_line(error)
            self.say(f"skipped {job.case.title}, {job.representation}: {self._problems[name]}")
            return
        self.store.write_frames(name, frames)
        self.store.write_arrays("rows", name, points=tracks.points, visible=tracks.visible)
        about = {"frames": len(frames), "height": height, "width": width, "seconds": time.process_time() - start}
        self.store.write_json("rows", name, about)  # last: with it, the row is done
        self.made += 1
