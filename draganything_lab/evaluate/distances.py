"""Fréchet distances of an evaluation, from the features that are kept for each video."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from .metrics import Measured, Protocol, frechet
from .metrics.extractors import stacked
from .metrics.released_fvd import BATCHES, counted, no_batch
from .plan import REFERENCE, Plan
from .record import Record
from .store import Store


def read_features(
    plan: Plan, store: Store, records: Sequence[Record], key: str
) -> tuple[Protocol | None, dict[str, np.ndarray]]:
    """One kind of features of all videos: the protocol, and the rows per job."""
    protocol, rows = None, {}
    for record in records:
        found = store.read_arrays("features", f"{record.job.name}--{key}")
        if found is not None and "rows" in found and "about" in found:
            rows[record.job.name] = found["rows"]
            protocol = protocol or Protocol.from_dict(json.loads(str(found["about"])))
    if protocol is not None:
        protocol = protocol.but(frames=plan.frames, size=f"{plan.size[1]}x{plan.size[0]}")
    return protocol, rows


def distance(
    mine: Sequence[Record],
    records: Sequence[Record],
    known: dict[str, np.ndarray],
    protocol: Protocol,
    remainder: str = "",
) -> Measured | str:
    """Fréchet distance between a model's videos and the true videos of the same scenes.

    Args:
        mine: The model's videos.
        records: All videos, the true ones among them.
        known: Features of each job.
        protocol: Protocol of the features.
        remainder: What becomes of scenes that do not fill a batch, see `counted`; "" where there are no batches.

    Returns:
        The distance; a text that says why there is none, "" where there are fewer than two videos.
    """
    made = [record for record in mine if record.job.name in known]
    if remainder:
        names = sorted({record.job.source.name for record in made})
        chosen = names[: counted(len(names), remainder)]
        protocol = protocol.but(batches=BATCHES[remainder])
        if names and not chosen:
            return no_batch(len(names))
        made = [record for record in made if record.job.source.name in chosen]
    scenes = {record.job.source.name for record in made}
    true = [r for r in records if r.job.model == REFERENCE and r.job.source.name in scenes and r.job.name in known]
    if len(true) < 2 or len(made) < 2:
        return ""
    there = {record.job.source.name for record in true}
    made = [record for record in made if record.job.source.name in there]
    real, real_clips = stacked([known[record.job.name] for record in true])
    fake, clips = stacked([known[record.job.name] for record in made])
    fake_scenes = [made[int(str(clip))].job.source.name for clip in clips]
    if min(len(real), len(fake)) < 2:
        return ""
    real_names = [true[int(str(clip))].job.source.name for clip in real_clips]
    return frechet(real, fake, protocol, real_groups=real_names, fake_groups=fake_scenes, paired=True, what="scenes")
