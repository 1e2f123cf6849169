"""From a scene and settings to a video: loads weights once, runs them so that they can be watched and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...control.representations import CUT_AND_DRAG, shows_vectors
from ...errors import LabError
from ...pipeline.cancel import CancelSwitch
from ...pipeline.size import frame_size, video_size
from ...scene.scene import Scene

if TYPE_CHECKING:
    from ...models.dift import DiffusionFeatures
    from ...pipeline.pipeline import DragAnythingPipeline

MOST_LOADED = 2


class Watch(Protocol):
    """Is told how a run gets on."""

    def __call__(self, step: int, frames: np.ndarray | None, note: str) -> None:
        """Take the number of steps done, a few frames as they are by now (or None), and what is being done."""


@dataclass(frozen=True, eq=False)
class Made:
    """A video, and where its pixels come from.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB at `frame_size`.
        shares: (T, H, W, 4) uint8, 255 for all of a pixel, as `DragAnythingOutput.shares`; None where the VAE decoded.
    """

    frames: np.ndarray
    shares: np.ndarray | None = None


class Engine:
    """Keeps the weights that were used last. One for a process; one run at a time."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], DragAnythingPipeline] = {}
        self._load_seconds: dict[str, float] = {}
        self._lock, self._running = threading.Lock(), threading.Lock()

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
            features = True if shows_vectors(representation) else None
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
        self,
        scene: Scene,
        settings: Mapping[str, Any],
        switch: CancelSwitch,
        watch: Watch,
        *,
        drafts: bool = True,
        fine: bool = True,
    ) -> Made:
        """Make a video.

        Args:
            scene: The scene, with its trajectories.
            settings: The model's.
            switch: Stops the run between two layers of a network.
            watch: Is told after every step.
            drafts: Whether `watch` gets frames as they take shape.
            fine: Whether frames come at the size of the video; else at the one that the networks see.

        Returns:
            The video.

        Raises:
            LabError: What cannot be done; nothing has run then.
            Cancelled: `switch` was set.
        """
        if not scene.controlled:
            raise LabError("nothing moves yet", fix="draw a path for an object, or pin it, and generate again")
        switch.check()
        pipe = self.load(
            settings["weights"], settings["representation"], lambda text: watch(0, None, text.splitlines()[0][:100])
        )
        switch.check()
        from ...pipeline.parts import watched_layers
        from .drafts import Drafts, draft_references

        size = video_size(pipe, scene.size)
        shown = frame_size(pipe, scene.size) if fine else size
        _make_room(pipe, size, settings)
        watch(0, None, "reading the picture")
        look = Drafts(references=draft_references(pipe, scene, settings["num_frames"], size))
        start, steps = time.perf_counter(), settings["steps"]
        marks: list[float] = []

        def after_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> None:
            before = (marks[-1] if marks else start) + 0.0
            taken = time.perf_counter() - before
            frames = look.look(pipe, step, tensors, taken) if drafts else None
            marks.append(time.perf_counter())
            watch(step + 1, frames, "decoding the frames" if step + 1 == steps else "denoising")

        with self._running, switch.watching(watched_layers(pipe.vae, pipe.unet, pipe.controlnet, pipe.decoder)):
            result = pipe(
                scene,
                **call_options(settings, shown),
                callback_on_step_end=after_step,
                callback_on_step_end_tensor_inputs=("latents", "noise_prediction"),
            )
        self._keep_cost(pipe, settings, (size, shown), (start, *marks, time.perf_counter()), look.seconds)
        return Made(result.frames, None if result.shares is None else as_bytes(result.shares))

    def _keep_cost(
        self,
        pipe: Any,
        settings: Mapping[str, Any],
        sizes: tuple[tuple[int, int], tuple[int, int]],
        times: tuple[float, ...],
        drafts: float,
    ) -> None:
        """Remember what a run took, for the next estimate: `times` are its start, the end of each step, its end."""
        from ...pipeline.plan import plan_run
        from .costs import Cost, record

        start, *marks, end = times
        if len(marks) < 2 or settings["representation"] == CUT_AND_DRAG:  # which leaves the ControlNet and steps out
            return
        guided = settings["guidance"] != 1
        pixels, shown = (settings["num_frames"] * height * width for height, width in sizes)
        halves = 2 if guided else 1
        step = max(0.0, marks[-1] - marks[0] - drafts * (len(marks) - 1) / len(marks)) / (len(marks) - 1)
        decode = end - marks[-1]
        rest = max(0.0, end - start - decode - drafts - step * len(marks))
        decoder = None if pipe.decoder is None else sizes[1]
        plan = plan_run(
            pipe, sizes[0], settings["num_frames"], steps=settings["steps"], guided=guided, decode_size=decoder
        )
        record(
            str(settings["weights"]),
            Cost(
                step=step / pixels / halves,
                decode=decode / shown,
                rest=rest / pixels,
                load=self._load_seconds.get(settings["weights"], 0.0),
                weights=plan.fixed,
                work=max(0, plan.memory - plan.fixed) / pixels / halves,
                device=plan.device,
            ),
        )


ENGINE = Engine()


def call_options(settings: Mapping[str, Any], frame_size: tuple[int, int]) -> dict[str, Any]:
    """What the pipeline is called with, beside the scene; the recipe in five lines says the same.

    The networks see the picture at its `video_size`, which the pipeline knows by itself.
    """
    return {
        "num_frames": settings["num_frames"],
        "decode_size": (int(frame_size[0]), int(frame_size[1])),
        "num_inference_steps": settings["steps"],
        "max_guidance_scale": settings["guidance"],
        "fps": settings["fps"],
        "motion_bucket_id": settings["motion_bucket"],
        "preset": settings["preset"],
        "seed": settings["seed"],
    }


def as_bytes(shares: np.ndarray) -> np.ndarray:
    """Shares (T, H, W, 4) float in 0..1 as uint8, a frame at a time: a quarter of the memory."""
    kept = np.empty(shares.shape, np.uint8)
    for frame, share in zip(kept, shares, strict=True):
        frame[:] = np.rint(255 * share)
    return kept


def _make_room(pipe: Any, size: tuple[int, int], settings: Mapping[str, Any]) -> None:
    """Settings with which a large run fits, or a `LabError`; a small one needs none."""
    from ...pipeline.plan import LARGE

    if sum(parameter.numel() for parameter in pipe.unet.parameters()) >= LARGE:
        guided = settings["guidance"] != 1
        pipe.prepare(size, settings["num_frames"], steps=settings["steps"], guided=guided, show=False)
