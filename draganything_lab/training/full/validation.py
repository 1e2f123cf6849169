"""Validation: videos of a few fixed scenes with the weights of the moment, measured beside two baselines.

The error of the frozen video is that of doing nothing, the preview's that of the tracker itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...control.representations import shows_vectors
from ...errors import LabError
from ...evaluate.metrics import ObjMC, objmc
from ...evaluate.sources import Loaded, find_sources
from ...evaluate.store import file_name
from ...media.picture import psnr
from ...media.writing import write_video
from ...models import DragAnythingControlNet
from ...models.load import load_features
from ...motion import measure
from ...pipeline import DragAnythingPipeline
from ...pipeline.load import usual_sampling
from ...pipeline.preview import preview
from .networks import Start
from .options import Options

FPS = 8


@dataclass
class Validation:
    """Makes and measures the videos of a training; `train` calls it in the main process.

    Attributes:
        where: The scenes: anything `evaluate` takes, such as "toyland:3" or a folder of scenes.
        start: The training's networks; the frozen ones are used where they are.
        options: Size, frames and representation.
        folder: Gets `step-00000500/<scene>.mp4` and so on.
        steps: Denoising steps; None for what the weights were tuned for.
        features: Where entity vectors come from: as for `load_features`; None for what comes with the base. Random
            networks have none: there the vectors are random, too, the same every time.
        limit: Largest number of scenes; the first ones are used.
    """

    where: str
    start: Start
    options: Options
    folder: Path
    steps: int | None = None
    features: str | None = None
    limit: int = 4
    _baselines: dict[str, tuple[ObjMC, ObjMC]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        find_sources(self.where, limit=self.limit)  # a wrong one is an error at once, not after an hour

    def __call__(self, weights: Mapping[str, Any], step: int, stop: Callable[[], bool]) -> dict[str, float]:
        """Make the videos of a step and measure them.

        Args:
            weights: The ControlNet's, averaged.
            step: Steps done.
            stop: Says whether to end early.

        Returns:
            "obeyed", the share of the wanted motion that happened (0 to 1), and the preview's; "seen", the
            share of entities and frames that could be measured; ObjMC of the videos, of frozen ones and of the preview,
            in % of the diagonal, by our protocol; "error", the motion report's mean, in % of the diagonal; "psnr" to
            the true video, in dB, where there is one. Means over scenes; {} if stopped.
        """
        pipe = self._pipeline(weights)
        rows: list[dict[str, float]] = []
        for name, loaded in self.scenes.items():
            if stop():
                return {}
            frames = self._make(pipe, loaded)
            write_video(self.folder / f"step-{step:08d}" / f"{file_name(name)}.mp4", frames, FPS)
            rows.append(self._measure(name, loaded, frames))
        return _means(rows)

    @cached_property
    def scenes(self) -> dict[str, Loaded]:
        """The scenes by name."""
        sources = find_sources(self.where, limit=self.limit)
        return {one.name: one.load(self.options.size, self.options.frames, "opencv") for one in sources}

    def _pipeline(self, weights: Mapping[str, Any]) -> DragAnythingPipeline:
        parts = self.start.parts
        unet = parts["unet"]
        controlnet: Any = DragAnythingControlNet.from_config(self.start.controlnet.config)
        controlnet.load_state_dict({name: value.detach() for name, value in weights.items()})
        torch.nn.Module.to(controlnet.eval().requires_grad_(False), device=unet.device, dtype=unet.dtype)
        usual = {} if self.start.folder is None else usual_sampling(self.start.folder)
        pipe = DragAnythingPipeline(
            **parts, controlnet=controlnet, **{f"default_{name}": value for name, value in usual.items()}
        )
        pipe.set_progress_bar_config(disable=True)
        return pipe

    @cached_property
    def _features(self) -> Any:
        """The diffusion features; None where the networks are random."""
        folder = self.start.folder
        if self.features is None and folder is None:
            return None
        own = folder is not None and (folder / "dift").is_dir()
        source = self.features or (str(folder) if own else "svd")
        return load_features(source, self.start.parts["unet"].device)

    def _make(self, pipe: DragAnythingPipeline, loaded: Loaded) -> NDArray[np.uint8]:
        height, width = self.options.size
        given: dict[str, Any] = {}
        if shows_vectors(self.options.representation):
            given = {"features": self._features}
            if self._features is None:
                shape = len(loaded.scene.controlled), self.start.vector_length
                given = {"vectors": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
        made: Any = pipe(
            loaded.scene,
            height=height,
            width=width,
            num_frames=self.options.frames,
            num_inference_steps=self.steps,
            fps=self.options.fps,
            motion_bucket_id=self.options.motion_bucket,
            seed=0,
            **given,
        )
        return np.asarray(made.frames)

    def _measure(self, name: str, loaded: Loaded, frames: NDArray[np.uint8]) -> dict[str, float]:
        scene = loaded.scene
        if name not in self._baselines:
            still = np.repeat(scene.image[None], len(frames), axis=0)
            self._baselines[name] = objmc(still, scene), objmc(preview(scene, len(frames), label=False), scene)
        frozen, perfect = self._baselines[name]
        one = objmc(frames, scene)
        row = {"obeyed": one.obeyed, "obeyed preview": perfect.obeyed, "seen": one.seen}
        row |= {"ObjMC": one.mean, "ObjMC frozen": frozen.mean, "ObjMC preview": perfect.mean}
        row["error"] = measure(frames, scene).mean_error_percent
        if loaded.reference is not None:
            row["psnr"] = psnr(loaded.reference, frames)
        return row


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """The means over scenes of what was measured."""
    if not rows:
        raise LabError("there is no scene to validate with", fix="pass another --validate")
    means = {}
    for name in {name: None for row in rows for name in row}:
        values = [row[name] for row in rows if name in row and np.isfinite(row[name])]
        means[name] = float(np.mean(values)) if values else float("nan")
    return means
