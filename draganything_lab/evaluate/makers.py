"""From a scene to frames: the baselines, and models from the zoo, one of them in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..control.representations import shows_vectors
from ..errors import LabError
from ..models.device import best_device
from ..pipeline.preview import preview
from ..tracking import Tracker
from .entrants import Entrant, weights_fingerprint
from .metrics.extractors import Extractor, diffusion_features, thumbnails, vae_latents
from .metrics.released_fvd import with_input
from .plan import REFERENCE, Job, Plan, Settings
from .sources import Loaded
from .store import fingerprint

FEATURES = ("thumbnails", "toy-vae", "toy-dift")


class ModelMissing(LabError):
    """A model that cannot be loaded: none of its jobs can run."""


class Makers:
    """Makes videos.

    Args:
        plan: Plan of the evaluation: steps, whether weights may be downloaded, and who takes part.
        device: "cuda:1", "cpu"; None for a GPU if there is one.
    """

    def __init__(self, plan: Plan, device: str | None = None) -> None:
        self.settings, self.device = plan.settings, device
        self.entrants = {(one.model, one.representation): one for one in plan.entrants}
        self._loaded: tuple[tuple[str, str], Any] | None = None
        self._missing: dict[tuple[str, str], str] = {}

    def make(self, job: Job, loaded: Loaded, frames: int) -> NDArray[np.uint8]:
        """Return the job's video: (T, H, W, 3) uint8.

        Raises:
            ModelMissing: The model cannot be loaded.
            LabError: A video of this scene cannot be made.
        """
        scene = loaded.scene
        if job.model == "frozen":
            return np.repeat(scene.image[None], frames, axis=0)
        if job.model == "preview":
            return preview(scene, frames, label=False)
        if job.model == REFERENCE:
            if loaded.reference is None:
                raise LabError("the scene has no true video")
            return loaded.reference
        pipe = self._pipe(job.maker)
        height, width = scene.size
        made: Any = pipe(
            scene,
            height=height,
            width=width,
            num_frames=frames,
            num_inference_steps=self.settings.steps,
            seed=job.seed,
        )
        return np.asarray(made.frames)

    def check(self, maker: tuple[str, str]) -> None:
        """Look whether everything that a model needs is there, without loading it; download it where allowed.

        Raises:
            ModelMissing: Something is missing; the message says what to do.
        """
        if maker in self._missing:
            raise ModelMissing(self._missing[maker])
        missing = {}
        for look in self._needs(self.entrants[maker]):
            try:
                look()
            except (LabError, ImportError) as error:
                missing[str(error)] = error
        if missing:
            self._missing[maker] = "; also: ".join(missing)
            raise ModelMissing(self._missing[maker]) from next(iter(missing.values()))

    def _needs(self, entrant: Entrant) -> list[Callable[[], object]]:
        """Functions that look for all that an entrant needs."""
        from ..models import zoo
        from ..models.load import features_folder
        from ..pipeline import find_parts

        base, own, download = entrant.base, entrant.controlnet, self.settings.download
        load = partial(find_parts, base, entrant.representation, device=self.device)
        needs: list[Callable[[], object]] = [partial(load, download=download, controlnet=own)]
        if base in ("svd", "svd-xt") and own is None:
            needs.append(partial(zoo.weights_folder, "draganything", download=download))
        if shows_vectors(entrant.representation) and base != "toy" and not (Path(base) / "dift").is_dir():
            needs.append(partial(features_folder, base, download=download))
        return needs

    def _pipe(self, maker: tuple[str, str]) -> Any:
        if maker in self._missing:
            raise ModelMissing(self._missing[maker])
        if self._loaded is None or self._loaded[0] != maker:
            self._loaded = None  # release the last one first
            try:
                self._loaded = (maker, self._load(self.entrants[maker]))
            except (LabError, ImportError) as error:
                self._missing[maker] = str(error)
                raise ModelMissing(self._missing[maker]) from error
        return self._loaded[1]

    def _load(self, entrant: Entrant) -> Any:
        from ..models import load_features
        from ..pipeline import load_pipeline

        download = self.settings.download
        pipe = load_pipeline(
            entrant.base,
            entrant.representation,
            device=self.device,
            download=download,
            controlnet=entrant.controlnet,
        )
        if shows_vectors(entrant.representation) and pipe.features is None:
            pipe.features = load_features(entrant.base, self.device, download=download)
        pipe.set_progress_bar_config(disable=True)
        return pipe


def make_tracker(settings: Settings, device: str | None) -> str | Tracker:
    """The tracker: its name if it is cheap to create, else the object itself, created once.

    Raises:
        LabError: Its weights or its code are missing.
    """
    name = settings.tracker
    if not name.startswith("cotracker3"):
        return name
    from ..tracking.cotracker import CoTracker

    return CoTracker("online" if name.endswith("online") else "offline", download=settings.download, device=device)


def feature_names(settings: Settings) -> dict[str, str]:
    """Name of each requested kind of features -> what their file name must say about them."""
    unknown = [name for name in settings.features if name not in FEATURES]
    if unknown:
        raise LabError(f'features "{unknown[0]}" are unknown', fix=f"use {', '.join(FEATURES)}")
    out = {name: name if name == "thumbnails" else f"{name}-{weights_fingerprint('toy')}" for name in settings.features}
    for name, weights in (("fid", settings.fid), ("fvd", settings.fvd), ("videomae", settings.videomae)):
        if weights is not None:
            gif = "-gif" if name == "fvd" and settings.fvd_input == "gif" else ""
            out[name] = f"{name}-{fingerprint(weights)}{gif}"
    return out


def make_extractor(name: str, settings: Settings, device: str | None) -> Extractor:
    """Return the feature extractor of a name.

    Raises:
        LabError: Its weights or its library are missing.
    """
    from .metrics import networks

    if name == "thumbnails":
        return thumbnails()
    if name == "fid":
        return networks.inception(settings.fid or None, download=settings.download, device=device)
    if name == "fvd":
        return with_input(networks.i3d(settings.fvd or None, device=device), settings.fvd_input)
    if name == "videomae":
        weights = settings.videomae or networks.VIDEOMAE
        return networks.videomae(weights, download=settings.download, device=device)
    from ..models import load_features, zoo

    if name == "toy-dift":
        return diffusion_features(load_features("toy", device))
    import diffusers

    from ..models.dift_folder import load_model

    where = zoo.weights_folder("toy") / "vae"
    import torch

    vae = load_model(diffusers.AutoencoderKLTemporalDecoder, where, ("AutoencoderKLTemporalDecoder",), torch.float32)
    return vae_latents(vae.to(best_device(device)))
