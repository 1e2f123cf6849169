"""A video's ObjMC beside those of a frozen video and the preview, without which the number says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...media.video import checked_frames
from ...pipeline.preview import preview
from ...scene.scene import Scene
from ...tracking import Tracker
from .objmc import ObjMC, fitted, objmc


@dataclass(frozen=True)
class Obedience:
    """A video's ObjMC with its two baselines.

    Attributes:
        video: ObjMC of the video.
        frozen: ObjMC of the repeated first frame: the error of doing nothing.
        preview: ObjMC of the preview, where every pixel obeys: the error of the tracker itself.
    """

    video: ObjMC
    frozen: ObjMC
    preview: ObjMC

    def rows(self) -> dict[str, ObjMC]:
        """All three by name."""
        return {"video": self.video, "frozen": self.frozen, "preview": self.preview}

    def __str__(self) -> str:
        lines = [f"{'':9}{'mean':>8}{'median':>8}{'trimmed':>9}{'obeyed':>8}{'seen':>7}{'released':>11}"]
        for name, row in self.rows().items():
            numbers = f"{row.mean:8.2f}{row.median:8.2f}{row.trimmed:9.2f}{row.obeyed:8.0%}{row.seen:7.0%}"
            lines.append(f"{name:9}{numbers}{row.released:8.1f} px")
        return "\n".join([*lines, "mean, median, trimmed: % of the diagonal, where seen; released: every frame, px"])


def with_baselines(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], scene: Scene, *, tracker: str | Tracker = "opencv"
) -> Obedience:
    """Measure a video, the frozen video and the preview; same arguments as `objmc`.

    >>> print(with_baselines(video, scene))  # doctest: +SKIP
    """
    frames = checked_frames(video)
    scene = fitted(scene, frames)
    still = np.broadcast_to(scene.image, frames.shape)
    perfect = preview(scene, len(frames), label=False)
    return Obedience(*(objmc(clip, scene, tracker=tracker) for clip in (frames, still, perfect)))
