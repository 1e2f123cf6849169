"""Generation beside the interface: one thread that tells the model how it gets on, and that a click stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...control.representations import CUT_AND_DRAG
from ...errors import LabError
from ...pipeline.familiar import stranger_note
from ...pipeline.size import RELEASED_SIZE, fitted_size, larger_size, trained_size, video_size
from .costs import Estimate, estimate
from .engine import ENGINE, Engine
from .offers import has_decoder, is_released, representations
from .turns import turn

if TYPE_CHECKING:
    from ..model.model import StudioModel

UNKNOWN_SIDE, UNKNOWN_MULTIPLE = 128, 16  # the small weights'; asked of the weights themselves once they are loaded
KINDS = ("nothing", "representation", "seed")


@dataclass(frozen=True)
class Beside:
    """What a second video is to differ in.

    Attributes:
        kind: "nothing" (one video only), "representation" or "seed".
        value: The other representation, or the other seed.
    """

    kind: str = "nothing"
    value: Any = None

    def variants(self, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Settings of every video to make.

        Raises:
            LabError: The second would be the first once more.
        """
        first = dict(settings)
        if self.kind == "nothing":
            return [first]
        if first[self.kind] == self.value:
            raise LabError(f"both videos would have the {self.kind} {self.value}", fix="choose another for the second")
        return [first, {**first, self.kind: self.value}]


class Worker:
    """Makes videos of a model's scene, one order at a time.

    Args:
        model: Where the scene and settings come from, and where results and errors go.
        engine: What runs the networks; by default the process's own.
    """

    def __init__(self, model: StudioModel, engine: Engine = ENGINE) -> None:
        self.model, self.engine = model, engine
        self._thread: threading.Thread | None = None
        self._sizes: dict[str, tuple[int, int]] = {}  # weights: shorter side and multiple

    def start(self, beside: Beside | None = None) -> bool:
        """Begin to generate with the model's settings; whether it began (else the status says why not)."""
        model = self.model
        settings = {**model.settings}
        if not model.editor.scene.controlled:
            model.watchers.say_error(LabError("nothing moves yet", fix="draw a path for an object, or pin it"))
            return False
        try:
            variants = (beside or Beside()).variants(settings)
        except LabError as error:
            model.watchers.say_error(error)
            return False
        job = model.results.start_job("generate", steps=sum(variant["steps"] for variant in variants))
        if job is None:
            return False
        scene = model.editor.scene.copy()
        self._thread = threading.Thread(target=self._work, args=(job, scene, variants), name="studio", daemon=True)
        self._thread.start()
        return True

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of what is running; whether it has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def estimate(self, beside: Beside | None = None) -> Estimate:
        """What generating now would cost; at once, without any network."""
        settings = self.model.settings
        videos = 1 if (beside or Beside()).kind == "nothing" else 2
        loaded = self.engine.is_loaded(settings)
        return estimate(settings, self.size(), self.frame_size(), loaded=loaded, videos=videos)

    def size(self) -> tuple[int, int]:
        """(H, W) that the networks see; as is usual for such weights while they have not been loaded."""
        weights = self.model.settings["weights"]
        unknown = (min(RELEASED_SIZE), 64) if is_released(weights) else (UNKNOWN_SIDE, UNKNOWN_MULTIPLE)
        return fitted_size(*self._sizes.get(weights, unknown), self.model.editor.scene.size)

    def frame_size(self) -> tuple[int, int]:
        """(H, W) of the video."""
        size = self.size()
        return larger_size(size, self.model.editor.scene.size) if has_decoder(self.model.settings["weights"]) else size

    def measure(self) -> bool:
        """Run two steps with the model's settings, for the next estimate; whether it began."""
        model = self.model
        if not model.editor.scene.controlled:
            model.watchers.say_error(LabError("nothing moves yet", fix="draw a path for an object, or pin it"))
            return False
        settings = {**model.settings, "steps": 2}
        if settings["representation"] == CUT_AND_DRAG:  # which takes no more than with a control signal
            settings["representation"] = representations(settings["weights"])[0]
        job = model.results.start_job("measure", steps=2)
        if job is None:
            return False
        scene = model.editor.scene.copy()

        def work() -> None:
            def watch(step: int, frames: np.ndarray | None, note: str) -> None:
                model.results.job_step(job, step=step, note=note)

            try:
                with turn(job.switch, lambda words: model.results.job_step(job, step=0, note=words)):
                    self.engine.run(scene, settings, job.switch, watch, drafts=False)
                    self._learn_size(settings)
                model.results.finish_job(job, None)
            except BaseException as error:
                model.results.fail_job(job, error)

        self._thread = threading.Thread(target=work, name="studio-measure", daemon=True)
        self._thread.start()
        return True

    def _work(self, job: Any, scene: Any, variants: Sequence[dict[str, Any]]) -> None:
        from ..model.results import Result

        model, done, made = self.model, 0, []
        try:
            with turn(job.switch, lambda words: model.results.job_step(job, step=0, note=words)):
                for number, settings in enumerate(variants):
                    which = f"video {number + 1} of {len(variants)}: " if len(variants) > 1 else ""

                    def watch(
                        step: int, frames: np.ndarray | None, note: str, base: int = done, which: str = which
                    ) -> None:
                        model.results.job_step(job, step=base + step, frames=frames, note=which + note)

                    start = time.perf_counter()
                    video = self.engine.run(scene, settings, job.switch, watch)
                    pipe = self._learn_size(settings)
                    scene.settings = settings
                    extras = {"note": stranger_note(pipe, scene.image, video_size(pipe, scene.size))}
                    made.append(
                        Result(
                            kind="generated",
                            title=title_of(settings, variants),
                            scene=scene.copy(),
                            settings=settings,
                            frames=video.frames,
                            seconds=time.perf_counter() - start,
                            extras={**extras, "shares": video.shares},
                        )
                    )
                    done += settings["steps"]
            with model.watchers.batch():
                numbers = [model.results.add(result).number for result in made[:-1]]
                model.results.finish_job(job, made[-1])
                if numbers:
                    model.results.show(*numbers, model.results.videos[-1].number)
        except BaseException as error:  # The thread must not die silently: whatever happened is said.
            model.results.fail_job(job, error)

    def _learn_size(self, settings: Mapping[str, Any]) -> Any:
        pipe = self.engine.load(settings["weights"], settings["representation"])
        self._sizes[settings["weights"]] = (min(trained_size(pipe)), pipe.size_multiple)
        return pipe


def title_of(settings: Mapping[str, Any], variants: Sequence[Mapping[str, Any]] = ()) -> str:
    """A result's name: what it was made with, and what sets it apart from the one beside it comes first."""
    apart = [name for name in ("representation", "seed") if len({str(one[name]) for one in variants}) > 1]
    parts = {
        "representation": str(settings["representation"]),
        "seed": f"seed {settings['seed']}",
        "weights": str(settings["weights"]),
        "steps": f"{settings['steps']} steps",
    }
    return ", ".join(parts[name] for name in [*apart, *(name for name in parts if name not in apart)])
