"""Doing the jobs, alone or beside other processes: interruptible, with nothing lost and nothing done twice."""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import LabError
from ..media.drawing import enlarged
from ..media.files import write_whole
from ..media.picture import encode_picture
from ..media.video import write_video
from ..motion import MotionReport, measure
from ..motion.measure import motion_queries
from ..scene.scene import Scene
from ..tracking import track
from .collect import motion_numbers
from .makers import Makers, ModelMissing, feature_names, make_extractor, make_tracker
from .metrics import ObjMC, objmc
from .metrics.extractors import Extractor
from .metrics.objmc import fitted, objmc_queries
from .plan import Job, Plan, in_turn
from .plots import asked_picture
from .progress import Progress, time_left
from .sources import Loaded, Source
from .store import Store

KEPT = 16  # loaded scenes in memory
FPS = 8


@dataclass(frozen=True)
class Processes:
    """Which of several processes this is, as set in the environment by `accelerate launch`, `torchrun` and others."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @classmethod
    def from_environment(cls) -> Processes:
        """Read RANK, WORLD_SIZE and LOCAL_RANK; a `LabError` names an invalid one."""
        numbers = {}
        for name, otherwise in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)):
            text = os.environ.get(name, str(otherwise))
            if not text.isdigit():
                raise LabError(f"{name} is {text!r} in the environment", fix="set it to a number, or unset it")
            numbers[name] = int(text)
        if numbers["RANK"] >= numbers["WORLD_SIZE"]:
            raise LabError(f"RANK is {numbers['RANK']} of WORLD_SIZE {numbers['WORLD_SIZE']}", fix="count it from 0")
        return cls(numbers["RANK"], numbers["WORLD_SIZE"], numbers["LOCAL_RANK"])

    def device(self) -> str | None:
        """The GPU of this process, if there are several processes and a GPU; else None."""
        if self.world == 1:
            return None
        try:
            import torch
        except ImportError:
            return None
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"cuda:{self.local % count}" if count else "cpu"


class SceneBroken(LabError):
    """A scene that cannot be loaded: none of its jobs can run."""


class Worker:
    """Does a plan's jobs in one process.

    Args:
        plan: The plan to carry out.
        store: Store of the results, shared by all processes.
        processes: Which of several processes this is.
        say: Function that receives a line for everything that goes wrong.
    """

    def __init__(
        self, plan: Plan, store: Store, processes: Processes | None = None, say: Callable[[str], None] = print
    ) -> None:
        self.plan, self.store, self.say = plan, store, say
        self.processes = processes or Processes()
        self.features = feature_names(plan.settings)
        self.makers = Makers(plan, self.processes.device())
        self.tracker = make_tracker(plan.settings, self.makers.device)
        self.started = time.time()
        self.failed: dict[str, str] = {}
        self._loaded: OrderedDict[str, Loaded | str] = OrderedDict()
        self._own: dict[str, tuple[int, int]] = {}
        self._extractors: dict[str, Extractor | str] = {}
        self._seconds = self._seconds_so_far()

    def preflight(self) -> dict[str, str]:
        """Look, before anything starts, for whatever the open jobs need: weights of models, networks of features.

        Returns:
            What cannot run -> why, and what to do. Everything else runs without it.
        """
        waiting = [job for job in self.plan.jobs if not self.done(job)]
        for maker in dict.fromkeys(job.maker for job in waiting if job.representation):
            try:
                self.makers.check(maker)
            except ModelMissing as error:
                self._note(" ".join(maker), str(error))
        for feature in self.features if waiting else ():
            self._extractor(feature)
        return dict(self.failed)

    def run(self, progress: Progress | None = None) -> None:
        """Do every open job; return when all are done or have failed.

        The first process also waits for the others, and does the jobs left by any that died.
        """
        jobs = in_turn(self.plan.jobs, self.processes.rank, self.processes.world)
        waiting = [job for job in jobs if not self.done(job)]
        while waiting:
            busy: list[Job] = []
            for place, job in enumerate(waiting):
                if progress:
                    rest = [*busy, *waiting[place:]]
                    progress.show(len(jobs) - len(rest), self._time_left(rest), str(job))
                if not self._settled(job) and not self._try(job):
                    busy.append(job)
            waiting = [job for job in busy if not self._settled(job)]
            if waiting and self.processes.rank:
                break  # others are working on the rest
            if waiting:
                time.sleep(0.2)
        if progress:
            progress.show(len(jobs), 0, "")
            progress.end()

    def done(self, job: Job) -> bool:
        """Whether the job's video has been made and measured and has all its features."""
        has = self.store.has
        asked = self.plan.asked_name(job.source)
        if not (has("made", job.name) and has("measured", self.measured_name(job)) and has("asked", asked, ".png")):
            return False
        return all(self.store.has("features", f"{job.name}--{key}", ".npz") for key in self._wanted().values())

    def measured_name(self, job: Job) -> str:
        """Name of the job's measurement, which also depends on the tracker."""
        return f"{job.name}--{self.plan.settings.tracker}"

    def _settled(self, job: Job) -> bool:
        return self.done(job) or self.store.failure(job.name, self.started) is not None

    def _try(self, job: Job) -> bool:
        """Do a job unless another process is working on it; return whether it is settled now."""
        with self.store.claim(job.name) as mine:
            if not mine:
                return False
            if self._settled(job):  # settled in the meantime
                return True
            try:
                self._do(job)
            except ModelMissing as error:
                self._fail(job, str(error), " ".join(job.maker))
            except SceneBroken as error:
                self._fail(job, str(error), job.source.name)
            except (LabError, RuntimeError, ValueError, MemoryError, OSError, ArithmeticError) as error:
                kind = "" if isinstance(error, LabError) else f"{type(error).__name__}: "
                self._fail(job, kind + (str(error).strip() or "no message"), str(job))
            else:
                self.store.forget_failure(job.name)
        return True

    def _fail(self, job: Job, error: str, about: str) -> None:
        self.store.fail(job.name, about, error)
        self._note(about, error)

    def _note(self, about: str, error: str) -> None:
        if self.failed.get(about) != error:  # reported once for all jobs of a model or scene
            self.failed[about] = error
            self.say(f"skipped {about}: {error}")

    def _do(self, job: Job) -> None:
        loaded = self._load(job.source)
        store, name = self.store, job.name
        about = store.read_json("made", name)
        frames = None if about is None else store.read_frames(name, int(about["frames"]))
        if frames is None:
            start = time.perf_counter()
            frames = self.makers.make(job, loaded, self.plan.frames)
            seconds = time.perf_counter() - start
            self._seconds.setdefault(job.model, []).append(seconds)
            store.write_frames(name, frames)
            write_video(store.path("videos", name, ".mp4"), enlarged(frames), FPS)
            store.write_json("made", name, self._about(job, seconds, frames.shape))
        asked = self.plan.asked_name(job.source)
        if not store.has("asked", asked, ".png"):
            write_whole(store.path("asked", asked, ".png"), encode_picture(asked_picture(loaded.scene, len(frames))))
        measured = self.measured_name(job)
        if not store.has("measured", measured):
            start = time.perf_counter()
            one, report = self._measured(frames, loaded.scene)
            store.write_arrays("measured", measured, **one.arrays(), motion=motion_numbers(report))
            content = {"job": name, "tracker": one.tracker, "seconds": time.perf_counter() - start}
            store.write_json("measured", measured, content | one.as_dict() | {"motion": report.summary})
        for feature, key in self._wanted().items():
            if not store.has("features", f"{name}--{key}", ".npz"):
                extractor = self._extractor(feature)
                if extractor is None:
                    continue
                text = json.dumps(extractor.protocol().as_dict())
                store.write_arrays("features", f"{name}--{key}", rows=extractor(frames), about=np.array(text))

    def _measured(self, frames: NDArray[np.uint8], scene: Scene) -> tuple[ObjMC, MotionReport]:
        """Both measurements from one pass of the tracker, which is what takes the time."""
        sized = fitted(scene, frames)
        queries, others = objmc_queries(sized, self.tracker), motion_queries(sized)
        tracks = track(frames, np.concatenate([queries, others]), self.tracker)
        of_objmc, of_motion = (tracks.chosen(part) for part in np.split(np.arange(len(tracks)), [len(queries)]))
        one = objmc(frames, scene, tracker=self.tracker, tracker_name=self.plan.settings.tracker, tracks=of_objmc)
        return one, measure(frames, scene, self.tracker, of_motion)

    def _wanted(self) -> dict[str, str]:
        """The features that can be computed; the weights of the others are missing."""
        return {name: key for name, key in self.features.items() if not isinstance(self._extractors.get(name), str)}

    def _extractor(self, name: str) -> Extractor | None:
        if name not in self._extractors:
            try:
                self._extractors[name] = make_extractor(name, self.plan.settings, self.makers.device)
            except (LabError, ImportError) as error:
                self._extractors[name] = str(error)
                self._note(f"features {name}", str(error))
        found = self._extractors[name]
        return None if isinstance(found, str) else found

    def _load(self, source: Source) -> Loaded:
        """Load a scene, from memory if it was loaded recently; a broken one stays broken."""
        if source.name in self._loaded:
            self._loaded.move_to_end(source.name)
        else:
            try:
                found: Loaded | str = source.load(self.plan.size, self.plan.frames, self.tracker)
            except (LabError, OSError, ValueError, MemoryError) as error:
                found = str(error)
            if isinstance(found, Loaded) and found.own is not None:
                self._own[source.name] = found.own
            self._loaded[source.name] = found
            if len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
        loaded = self._loaded[source.name]
        if isinstance(loaded, str):
            raise SceneBroken(loaded)
        return loaded

    def _about(self, job: Job, seconds: float, shape: tuple[int, ...]) -> dict[str, Any]:
        return {
            "scene": job.source.name,
            "model": job.model,
            "representation": job.representation,
            "seed": job.seed,
            "frames": shape[0],
            "size": f"{shape[2]}x{shape[1]}",
            "steps": self.plan.settings.steps,
            "picture": "x".join(map(str, reversed(self._own.get(job.source.name, self.plan.size)))),
            "weights": self.plan.weights.get(job.model, ""),
            "seconds": round(seconds, 3),
            "version": __version__,
            "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "asked": self.plan.asked_name(job.source),
        }

    def _time_left(self, waiting: list[Job]) -> float | None:
        counts: dict[str, int] = {}
        for job in waiting:
            counts[job.model] = counts.get(job.model, 0) + 1
        seconds = {model: float(np.median(values[-20:])) for model, values in self._seconds.items()}
        return time_left(counts, seconds, self.processes.world)

    def _seconds_so_far(self) -> dict[str, list[float]]:
        """Seconds per video of each model in earlier runs."""
        out: dict[str, list[float]] = {}
        for job in self.plan.jobs:
            if job.model not in out and (about := self.store.read_json("made", job.name)) is not None:
                out[job.model] = [float(about.get("seconds", 0))]
        return out
