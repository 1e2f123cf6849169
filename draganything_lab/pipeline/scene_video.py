"""From a scene to its video in one call, at the size at which a pipeline shows it best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..scene.scene import Scene
from .size import frame_size, video_size

if TYPE_CHECKING:
    from .pipeline import DragAnythingPipeline


def generated(
    pipe: DragAnythingPipeline,
    scene: Scene,
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    *,
    seed: int = 0,
    steps: int | None = None,
    preset: str = "paper",
    clocks: tuple[float, float] | None = None,
) -> np.ndarray:
    """Run a pipeline on a scene.

    Args:
        pipe: Pipeline from `load_pipeline`.
        scene: Scene; its masks and paths are scaled to the size.
        size: (H, W) of the video; None for the shape of the picture, as large as the model was trained at.
        num_frames: Number of frames T; None for what the model was trained at.
        seed: Same seed, same machine: same video.
        steps: Denoising steps; None for what the weights were tuned for.
        preset: "paper", or "release" for what the released code does.
        clocks: For a pipeline that was loaded for cut-and-drag, its two clocks; None for what suits the weights.

    Returns:
        (T, H, W, 3) uint8 RGB, larger than the model was trained at if it has a reference decoder (`frame_size`).
    """
    height, width = video_size(pipe, scene.size) if size is None else size
    result: Any = pipe(
        scene,
        height=height,
        width=width,
        num_frames=num_frames,
        num_inference_steps=steps,
        seed=seed,
        preset=preset,
        clocks=clocks,
        decode_size=frame_size(pipe, scene.size) if size is None else None,
    )
    return result.frames
