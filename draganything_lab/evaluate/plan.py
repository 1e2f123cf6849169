"""The plan of an evaluation: settings, and jobs whose names encode everything that their results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..control.representations import checked_way
from ..errors import LabError
from ..tracking import TRACKERS
from .entrants import Entrant, entrants, weights_fingerprint
from .metrics.released_fvd import INPUTS, REMAINDERS
from .sources import Source, default_extent, find_sources
from .store import file_name, fingerprint

VERSION = 1  # of what a job does; changing it makes all earlier results outdated
BASELINES = ("frozen", "preview")
REFERENCE = "reference"
PROTOCOLS = ("lab", "paper")


@dataclass(frozen=True)
class Settings:
    """What to evaluate, and how. All numbers of an evaluation follow the same protocol.

    Attributes:
        where: Folder of scenes, or "toyland:20"; see `find_sources`.
        models: "toy", "svd", or folders of weights, each with "=representation" where it takes part with that one; see
            `entrants`. Baselines and true videos are always included.
        representations: Representations of the control signal, or "cut-and-drag", for every model that does not say its
            own.
        base: What a folder with nothing but a ControlNet drives: "svd", "toy" or a folder; None to choose by its size.
        protocol: "lab" or "paper", for the page; `preset` has the settings that belong to each.
        seeds: Seeds for every model, scene and representation.
        size: (H, W) in pixels; None for the models' own size.
        frames: Number of frames; None for the models' own number.
        steps: Steps of the scheduler; None for the number the weights were tuned for.
        tracker: A name of `tracking.TRACKERS`.
        features: Features for Fréchet distances: "thumbnails", "toy-vae", "toy-dift".
        fid: File of Inception's weights, "" to look in torch's folder; None for no FID.
        fvd: File of I3D's weights (TorchScript), "" to look in torch's folder; None for no FVD.
        fvd_input: "frames", or "gif" for frames of 256 colours, as released.
        fvd_remainder: What becomes of clips that do not fill a batch of 16: "kept"; "dropped"; or "released", dropped
            with the released code's bug, which leaves no clip at all where nothing remains.
        videomae: Folder of VideoMAE's weights, or its name; None to skip it.
        download: Whether to download missing weights; sizes are printed first.
        limit: Maximum number of scenes; None for all.
    """

    where: str
    models: tuple[str, ...] = ()
    representations: tuple[str, ...] = ("entity+gaussian",)
    base: str | None = None
    protocol: str = "lab"
    seeds: tuple[int, ...] = (0,)
    size: tuple[int, int] | None = None
    frames: int | None = None
    steps: int | None = None
    tracker: str = "opencv"
    features: tuple[str, ...] = ("thumbnails",)
    fid: str | None = None
    fvd: str | None = None
    fvd_input: str = "frames"
    fvd_remainder: str = "kept"
    videomae: str | None = None
    download: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.tracker not in TRACKERS:
            raise LabError(f'there is no tracker "{self.tracker}"', fix=f"use one of {', '.join(TRACKERS)}")
        for name, values in (("models", self.models), ("representations", self.representations), ("seeds", self.seeds)):
            if len(set(values)) != len(values):
                raise LabError(f"{name} has a value twice: {', '.join(map(str, values))}", fix="list each once")
        for name in self.representations:
            checked_way(name)
        for name, value, known in (
            ("protocol", self.protocol, PROTOCOLS),
            ("FVD's input", self.fvd_input, INPUTS),
            ("FVD's remainder", self.fvd_remainder, REMAINDERS),
        ):
            if value not in known:
                raise LabError(f'{name} is "{value}"', fix=f"use {' or '.join(known)}")
        if not self.representations or not self.seeds:
            raise LabError("there is no representation or no seed", fix="pass at least one of each")
        if self.frames is not None and not 2 <= self.frames <= 1000:
            raise LabError(f"frames is {self.frames}", fix="use 2 to 1000")
        if self.size is not None and not all(16 <= side <= 4096 for side in self.size):
            raise LabError(f"the size is {self.size[1]}x{self.size[0]}", fix="use sides of 16 to 4096 pixels")
        if self.steps is not None and not 1 <= self.steps <= 1000:
            raise LabError(f"steps is {self.steps}", fix="use 1 to 1000")


@dataclass(frozen=True)
class Job:
    """One video to make and measure.

    Attributes:
        source: Source it is made from.
        model: Name of the model or baseline, or "reference".
        representation: Representation; "" for baselines.
        seed: Seed; 0 for baselines.
        name: Name of its results.
    """

    source: Source
    model: str
    representation: str
    seed: int
    name: str

    @property
    def maker(self) -> tuple[str, str]:
        """The model and representation that make it."""
        return self.model, self.representation

    def __str__(self) -> str:
        words = [self.model, self.representation, f"seed {self.seed}" if self.representation else ""]
        return f"{self.source.name}: {', '.join(word for word in words if word)}"


@dataclass(frozen=True)
class Plan:
    """Fully resolved settings, the sources, and the jobs in the order in which a single process does them."""

    settings: Settings
    sources: tuple[Source, ...]
    jobs: tuple[Job, ...]
    size: tuple[int, int]
    frames: int
    weights: dict[str, str] = field(default_factory=dict)
    prints: dict[str, str] = field(default_factory=dict)
    entrants: tuple[Entrant, ...] = ()

    def entrant(self, maker: tuple[str, str]) -> Entrant:
        """The entrant of a model and representation."""
        return next(one for one in self.entrants if (one.model, one.representation) == maker)

    def asked_name(self, source: Source) -> str:
        """Name of the picture with a source's wanted paths."""
        content = [self.prints[source.name], self.size, self.frames]
        return f"{file_name(source.name)}--{fingerprint(content)}"


def make_plan(settings: Settings) -> Plan:
    """Find the sources and list the jobs.

    Raises:
        LabError: There are no sources, or the models use different sizes.
    """
    strict = settings.protocol == "paper"
    sources = find_sources(settings.where, tracker=settings.tracker, limit=settings.limit, released_paths=strict)
    everyone = entrants(settings.models, settings.representations, settings.base)
    size, frames = settings.size, settings.frames
    if size is None or frames is None:
        known_size, known_frames = default_extent(settings.where, list(dict.fromkeys(one.base for one in everyone)))
        size, frames = size or known_size, frames or known_frames
    weights = {one.model: weights_fingerprint(one) for one in everyone}
    prints = {source.name: source.fingerprint() for source in sources}

    def job(source: Source, model: str, representation: str = "", seed: int = 0) -> Job:
        content: dict[str, Any] = {
            "version": VERSION,
            "source": prints[source.name],
            "model": model,
            "representation": representation,
            "seed": seed,
            "size": size,
            "frames": frames,
        }
        if representation:
            content |= {"weights": weights[model], "steps": settings.steps}
        words = [source.name, Path(model).name, representation, str(seed) if representation else ""]
        readable = "--".join(file_name(word) for word in words if word)
        return Job(source, model, representation, seed, f"{readable}--{fingerprint(content)}")

    jobs = [job(source, baseline) for baseline in BASELINES for source in sources]
    jobs += [job(source, REFERENCE) for source in sources if source.reference]
    jobs += [
        job(source, one.model, one.representation, seed)
        for one in everyone
        for source in sources
        for seed in settings.seeds
    ]
    return Plan(settings, tuple(sources), tuple(jobs), size, frames, weights, prints, everyone)


def in_turn(jobs: Sequence[Job], rank: int, world: int) -> list[Job]:
    """The jobs in the order for one of several processes: each starts at another point of each model's list."""
    makers: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        makers.setdefault(job.maker, []).append(job)
    out = []
    for group in makers.values():
        start = rank * len(group) // max(world, 1)
        out += group[start:] + group[:start]
    return out
