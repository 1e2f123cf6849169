"""From a scene and settings to a video: loads weights once, runs them so that they can be watched and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...errors import LabError
from ...pipeline.cancel import CancelSwitch
from ...pipeline.size import video_size
from ...scene.scene import Scene

if TYPE_CHECKING:
    from ...models.dift import DiffusionFeatures
    from ...pipeline.pipeline import DragAnythingPipeline

MOST_LOADED = 2


class Watch(Protocol):
    """Is told how a run gets on."""

    def __call__(self, step: int, frames: np.ndarray | None, note: str) -> None:
        """Take the number of steps done, a few frames as they are by now (or None), and what is being done."""


class Engine:
    """Keeps the weights that were used last. One for a process; one run at a time."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], DragAnythingPipeline] = {}
        self._load_seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_loaded(self, settings: Mapping[str, Any]) -> bool:
        """Whether the weights for some settings are in memory."""
        return (settings["weights"], settings["representation"]) in self._loaded

    def load(self, weights: str, representation: str, say: Callable[[str], None] = lambda text: None) -> Any:
        """The pipeline of some weights, quiet; loaded once.

        Raises:
            LabError: They are not there, or PyTorch is not; the message says what to do.
        """
        key = (weights, representation)
        with self._lock:
            if key in self._loaded:
                self._loaded[key] = self._loaded.pop(key)  # the last used stays longest
                return self._loaded[key]
            first = "" if self._loaded else " with PyTorch, which takes a while the first time"
            say(f"loading {weights}, {representation}{first}")
            start = time.perf_counter()
            from ...pipeline.load import load_pipeline

            while len(self._loaded) >= MOST_LOADED:
                self._loaded.pop(next(iter(self._loaded)))
            features = True if "entity" in representation else None
            pipe = load_pipeline(weights, representation, features=features, say=say)
            pipe.set_progress_bar_config(disable=True)
            self._load_seconds[weights] = time.perf_counter() - start
            self._loaded[key] = pipe
            return pipe

    def features(self, weights: str) -> DiffusionFeatures | None:
        """The diffusion features that came with loaded weights, or None."""
        for (name, _), pipe in reversed(self._loaded.items()):
            if name == weights and pipe.features is not None:
                return pipe.features
        return None

    def run(
        self, scene: Scene, settings: Mapping[str, Any], switch: CancelSwitch, watch: Watch, *, drafts: bool = True
    ) -> np.ndarray:
        """Make a video.

        Args:
            scene: What is to move, where to.
            settings: The model's.
            switch: Stops the run between two layers of a network.
            watch: Is told after every step.
            drafts: Whether `watch` gets frames as they take shape.

        Returns:
            (T, H, W, 3) uint8 RGB at `video_size`.

        Raises:
            LabError: What cannot be done; nothing has run then.
            Cancelled: `switch` was set.
        """
        if not scene.controlled:
            raise LabError("nothing is to move yet", fix="draw a path for a thing, or pin it, and generate again")
        switch.check()
        pipe = self.load(
            settings["weights"], settings["representation"], lambda text: watch(0, None, text.splitlines()[0][:100])
        )
        switch.check()
        from ...pipeline.stages import watched_layers
        from .drafts import Drafts

        size = video_size(pipe, scene.size)
        _make_room(pipe, size, settings)
        watch(0, None, "reading the picture")
        look, start, steps = Drafts(), time.perf_counter(), settings["steps"]
        marks: list[float] = []

        def after_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> None:
            before = (marks[-1] if marks else start) + 0.0
            taken = time.perf_counter() - before
            frames = look.look(pipe, step, tensors, taken) if drafts else None
            marks.append(time.perf_counter())
            watch(step + 1, frames, "decoding the frames" if step + 1 == steps else "denoising")

        with switch.watching(watched_layers(pipe.vae, pipe.unet, pipe.controlnet)):
            result = pipe(
                scene, **call_options(settings, size), callback_on_step_end=after_step,
                callback_on_step_end_tensor_inputs=("latents", "noise_prediction"),
            )  # fmt: skip
        self._keep_cost(pipe, settings, size, marks, look.seconds, time.perf_counter() - start)
        return result.frames

    def _keep_cost(
        self, pipe: Any, settings: Mapping[str, Any], size: tuple[int, int], marks: list[float], drafts: float,
        seconds: float,
    ) -> None:  # fmt: skip
        """Remember what this run took, for the next estimate."""
        from ...pipeline.plan import plan_run
        from .costs import Cost, record

        if len(marks) < 2:
            return
        guided = settings["guidance"] != 1
        pixels, halves = settings["num_frames"] * size[0] * size[1], 2 if guided else 1
        step = max(0.0, marks[-1] - marks[0] - drafts * (len(marks) - 1) / len(marks)) / (len(marks) - 1)
        rest = max(0.0, seconds - drafts - step * len(marks))
        plan = plan_run(pipe, size, settings["num_frames"], steps=settings["steps"], guided=guided)
        weights = sum(
            value.numel() * value.element_size()
            for net in (pipe.unet, pipe.controlnet, pipe.vae, pipe.image_encoder)
            for value in net.parameters()
        )
        record(
            str(settings["weights"]),
            Cost(
                step=step / pixels / halves, rest=rest / pixels, load=self._load_seconds.get(settings["weights"], 0.0),
                weights=weights, work=max(0, plan.memory - weights) / pixels / halves, device=plan.device,
            ),
        )  # fmt: skip


ENGINE = Engine()


def call_options(settings: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """What the pipeline is called with, beside the scene; the recipe in five lines says the same."""
    return {
        "num_frames": settings["num_frames"], "height": size[0], "width": size[1],
        "num_inference_steps": settings["steps"], "max_guidance_scale": settings["guidance"], "fps": settings["fps"],
        "motion_bucket_id": settings["motion_bucket"], "preset": settings["preset"], "seed": settings["seed"],
    }  # fmt: skip


def _make_room(pipe: Any, size: tuple[int, int], settings: Mapping[str, Any]) -> None:
    """Settings with which a large run fits, or a `LabError`; a small one needs none."""
    from ...pipeline.pipeline import LARGE

    if sum(parameter.numel() for parameter in pipe.unet.parameters()) >= LARGE:
        guided = settings["guidance"] != 1
        pipe.prepare(size, settings["num_frames"], steps=settings["steps"], guided=guided, show=False)
