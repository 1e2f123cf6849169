"""A draft of the video, for whoever has just let go: a few frames, one step, at the size that the networks see."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...control.representations import CUT_AND_DRAG
from ...media.arrays import evenly
from ...pipeline.cancel import CancelSwitch
from ...scene.scene import Scene
from ...scene.trajectory import Trajectory
from .costs import at_hand, recorded

if TYPE_CHECKING:
    from ..model.model import StudioModel
    from .worker import Worker

SECONDS = 1.5  # from letting go to the draft
ROOM = 0.15  # seconds of these for the page
LEAST, MOST = 3, 8  # frames of a draft
FIXED = 3.0  # reading the picture and loading the page take as long as about so many frames (toy weights, measured)


def thinned(scene: Scene, num_frames: int, kept: np.ndarray) -> Scene:
    """A scene in which some frames of a clip follow directly on each other.

    Args:
        scene: The scene.
        num_frames: T of the clip.
        kept: (K,) int, the frames to keep, increasing, 0 first.
    """
    few = scene.copy()
    entities = []
    for entity in scene:
        path = entity.trajectory
        if path is not None:
            angles, sizes = (values[kept] for values in path.poses(num_frames))
            places, frames = path.at(num_frames)[kept], range(len(kept))
            path = Trajectory(places, list(frames), angles=angles, sizes=sizes)
        entities.append(replace(entity, trajectory=path))
    few.replace_entities(entities)
    return few


class Drafter:
    """Makes drafts where this computer is quick enough; how many frames there is time for is measured.

    Args:
        model: Whose scene it is, and where drafts go.
        worker: What runs the networks, and knows sizes.
    """

    def __init__(self, model: StudioModel, worker: Worker) -> None:
        self.model, self.worker = model, worker
        self._each: dict[tuple[str, str], float] = {}  # seconds per frame, as the last draft took
        self._thread: threading.Thread | None = None

    def frames(self) -> int:
        """How many frames a draft has now; 0 where it would take too long, or nothing is known."""
        each = self._seconds_each()
        if each is None:
            return 0
        most = int((SECONDS - ROOM) / max(each, 1e-6) - FIXED)
        return min(most, MOST, self.model.settings.num_frames) if most >= LEAST else 0

    @property
    def words(self) -> str:
        """Whether there are drafts, and why not."""
        settings, each = self.model.settings, self._seconds_each()
        if not settings["draft"]:
            return "No draft is made after a drag."
        if os.environ.get("DRAGANYTHING_LAB_TURNS"):
            return "In a class, computing time is for videos: no drafts."
        if not at_hand(str(settings["weights"])) or not self.worker.engine.is_loaded(settings) or each is None:
            return "Drafts begin after the first video, when the weights are loaded and measured."
        if not self.frames():
            return f"A draft would take about {each * (LEAST + FIXED):.1f} s here, so none is made."
        return f"After a drag: a draft of {self.frames()} frames, about {each * (self.frames() + FIXED):.1f} s."

    def start(self) -> bool:
        """Begin a draft of the scene as it is; one that is being made is given up. Whether it began."""
        model, results = self.model, self.model.results
        results.cancel_draft()
        settings, scene = {**model.settings}, model.editor.scene
        if os.environ.get("DRAGANYTHING_LAB_TURNS") or not settings["draft"] or results.job is not None:
            return False
        if not scene.controlled or settings["num_frames"] < LEAST or not self.worker.engine.is_loaded(settings):
            return False
        count = self.frames()
        if not count:
            return False
        kept, entities, switch = evenly(settings["num_frames"], count), scene.entities, results.start_draft()
        few = thinned(scene, settings["num_frames"], kept)
        fps = settings["fps"] * (count - 1) / max(1, settings["num_frames"] - 1)
        steps = 2 if settings["representation"] == CUT_AND_DRAG else 1  # the first of which is not denoised
        quick = {**settings, "steps": steps, "guidance": 1.0, "num_frames": count, "fps": max(1, round(fps))}
        self._thread = threading.Thread(
            target=self._work, args=(few, quick, entities, fps, switch), name="studio-draft", daemon=True
        )
        self._thread.start()
        return True

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the draft that is being made."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self, scene: Scene, settings: dict[str, Any], entities: Any, fps: float, switch: CancelSwitch) -> None:
        from ..model.results import Draft

        start, results = time.perf_counter(), self.model.results
        try:
            made = self.worker.engine.run(scene, settings, switch, lambda *_: None, drafts=False, fine=False)
        except BaseException:  # cancelled, or what generating will say, too: errors wait for the video
            results.finish_draft(switch, None)
            return
        seconds = time.perf_counter() - start
        key = settings["weights"], settings["representation"]
        self._each[key] = seconds / (settings["num_frames"] + FIXED)
        results.finish_draft(switch, Draft(made.frames, entities, seconds, fps))

    def _seconds_each(self) -> float | None:
        """Seconds for a frame of a draft: as the last draft took, else from the last video on this computer."""
        settings = self.model.settings
        measured = self._each.get((settings["weights"], settings["representation"]))
        if measured is not None:
            return measured
        cost = recorded(str(settings["weights"]))
        if cost is None:
            return None
        height, width = self.worker.size()
        count = settings["num_frames"]
        whole = count * height * width * (cost.step + cost.rest + cost.decode)
        return whole / (count + FIXED)
