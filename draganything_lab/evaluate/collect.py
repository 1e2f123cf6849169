"""From the files of an evaluation to numbers: one record per video, one summary per model and representation."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import LabError
from ..motion import MotionReport
from ..pipeline.size import stretch
from .clip_sets import ClipSets
from .distances import distance, read_features
from .makers import feature_names
from .metrics import Measured, ObjMC, Protocol, Row, Table, mean_of, pooled
from .paper import departures, missing_tracker
from .plan import BASELINES, REFERENCE, Plan
from .record import Record, name_of
from .store import Store

MOTION = {
    "coverage": "share of the mask that followed",
    "leakage": "share of the outside that moved but should not have",
    "rigidity": "share of the mask that moved as one whole",
}
POSE = {  # of objects that should turn or grow: what, unit
    "turn": ("how far off the angle of such objects is", "°"),
    "size": ("how far off the size of such objects is, in % of the wanted size", "%"),
}
ORDER = (REFERENCE, "preview", "frozen")  # order of the baselines in tables


@dataclass(frozen=True)
class Summary:
    """One model with one representation, over all scenes and seeds.

    Attributes:
        maker: (model, representation).
        records: Its videos.
        numbers: "mean", "median", "trimmed", "obeyed", "seen", "released", and one per kind of features.
    """

    maker: tuple[str, str]
    records: tuple[Record, ...]
    numbers: dict[str, Measured]

    @property
    def who(self) -> str:
        """Model and representation as text."""
        return name_of(*self.maker)


@dataclass(frozen=True)
class Results:
    """All results of an evaluation.

    Attributes:
        plan: The plan that was carried out.
        summaries: One per model and representation, baselines first.
        records: All videos.
        failed: What caused failures -> the reason, and the number of videos lost.
        total: Number of jobs.
    """

    plan: Plan
    summaries: tuple[Summary, ...]
    records: tuple[Record, ...]
    failed: dict[str, tuple[str, int]]
    total: int
    notes: tuple[str, ...] = field(default=())

    def table(self) -> Table:
        """All measured numbers by protocol."""
        rows = []
        for name in dict.fromkeys(name for summary in self.summaries for name in summary.numbers):
            better_high = name in ("obeyed", "seen", "coverage", "rigidity")
            rows += [
                Row.measured(summary.who, summary.numbers[name], higher_is_better=better_high)
                for summary in self.summaries
                if name in summary.numbers
            ]
        return Table(rows)

    def csv(self) -> str:
        """Return one line per video, for a spreadsheet."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        heads = [
            "scene",
            "model",
            "representation",
            "seed",
            "mean_percent",
            "median_percent",
            "trimmed_percent",
            "asked_percent",
            "obeyed",
            "seen",
            "released_px",
            *MOTION,
            "turn_degrees",
            "size_percent",
            "seconds",
            "video",
        ]
        writer.writerow(heads)
        for record in self.records:
            one = record.objmc
            numbers = (
                one.mean,
                one.median,
                one.trimmed,
                one.asked,
                one.obeyed,
                one.seen,
                one.released,
                *record.motion.values(),
            )
            told = ["" if np.isnan(number) else f"{number:.6g}" for number in numbers]
            job = record.job
            writer.writerow(
                [
                    job.source.name,
                    job.model,
                    job.representation,
                    job.seed if job.representation else "",
                    *told,
                    record.about.get("seconds", ""),
                    f"videos/{job.name}.mp4",
                ]
            )
        return buffer.getvalue()

    def as_dict(self) -> dict[str, Any]:
        """Return the results for JSON."""
        return {
            "settings": json.loads(json.dumps(vars(self.plan.settings))),
            "size": f"{self.plan.size[1]}x{self.plan.size[0]}",
            "frames": self.plan.frames,
            "videos": len(self.records),
            "jobs": self.total,
            "departures": [vars(one) for one in departures(self.plan)]
            if self.plan.settings.protocol == "paper"
            else [],
            "failed": {about: {"why": why, "jobs": jobs} for about, (why, jobs) in self.failed.items()},
            "models": [
                {"model": s.maker[0], "representation": s.maker[1], "videos": len(s.records)}
                | {name: number.as_dict() for name, number in s.numbers.items()}
                for s in self.summaries
            ],
        }


def collect(plan: Plan, store: Store, preflight: Mapping[str, str] | None = None) -> Results:
    """Read all results that belong to a plan; missing and damaged ones are left out.

    Args:
        plan: The plan.
        store: Store of its results.
        preflight: What could not run -> why, from `Worker.preflight`.

    Raises:
        LabError: There are no results.
    """
    records: list[Record] = []
    failed: dict[str, tuple[str, int]] = {}
    for job in plan.jobs:
        arrays = store.read_arrays("measured", f"{job.name}--{plan.settings.tracker}")
        about = store.read_json("made", job.name)
        if arrays is not None and about is not None:
            try:
                motion = dict.fromkeys((*MOTION, *POSE), math.nan)  # older results have no poses
                motion |= dict(zip(motion, arrays["motion"].tolist(), strict=False))
                records.append(Record(job, about, ObjMC.from_arrays(arrays), motion))
                continue
            except (LabError, KeyError, ValueError):
                pass
        failure = store.failure(job.name)
        if failure is not None:
            who, why = failure
            failed[who] = (why, failed.get(who, (why, 0))[1] + 1)
    sets = ClipSets(plan, records)
    features = {name: read_features(plan, store, records, key) for name, key in feature_names(plan.settings).items()}
    missing: dict[str, tuple[str, int]] = {}
    makers = dict.fromkeys(record.job.maker for record in records)
    order = {name: place for place, name in enumerate(ORDER)}
    summaries = []
    for maker in sorted(makers, key=lambda maker: order.get(maker[0], len(ORDER))):
        mine = tuple(record for record in records if record.job.maker == maker)
        data = sets.data(maker)
        numbers = _numbers(mine, data, plan)
        for name, (protocol, known) in features.items():
            if protocol is not None and maker[0] != REFERENCE:
                remainder = plan.settings.fvd_remainder if name == "fvd" else ""
                found = distance(mine, records, known, protocol.but(data=data), remainder)
                if isinstance(found, Measured):
                    numbers[name] = found
                elif found:
                    missing[f"{name_of(*maker)}, {name}"] = (found, 0)
        summaries.append(Summary(maker, mine, numbers))
    if not records:
        raise LabError(
            f"no video was made: {'; '.join(f'{who}: {why}' for who, (why, _) in failed.items()) or 'no jobs are done'}"
        )
    notes = dict.fromkeys(sets.notes())
    notes |= dict.fromkeys(record.job.source.note for record in records if record.job.source.note)
    if other := _stretched(records, plan.size):
        notes[other] = None
    missing = {about: (why, 0) for about, why in (preflight or {}).items() if about not in failed} | missing
    if tracker := missing_tracker(plan):
        missing["ObjMC by the paper's tracker"] = (tracker, 0)
    return Results(plan, tuple(summaries), tuple(records), missing | failed, len(plan.jobs), tuple(notes))


def _stretched(records: Sequence[Record], size: tuple[int, int]) -> str:
    """The note about scenes whose pictures have another aspect ratio than the videos."""
    sizes = {record.job.source.name: str(record.about.get("picture", "")) for record in records}
    other = {}
    for name, text in sizes.items():
        width, _, height = text.partition("x")
        if width.isdigit() and height.isdigit() and stretch((int(height), int(width)), size) > 0.02:
            other[name] = text
    if not other:
        return ""
    name, text = next(iter(other.items()))
    return (
        f"{len(other)} of {len(sizes)} pictures have an aspect ratio other than {size[1]}x{size[0]} and were stretched "
        f"(the first: {name}, {text}); --size sets another size."
    )


def _numbers(records: Sequence[Record], data: str, plan: Plan) -> dict[str, Measured]:
    """ObjMC by both protocols; scenes are resampled as a whole, because seeds of one scene are not independent."""
    scenes = [record.job.source.name for record in records]
    numbers = pooled([record.objmc for record in records], scenes, data=data)
    protocol = numbers["mean"].protocol.but(unit="share of what was asked", summary="1 - mean error / frozen error")
    shares = [record.objmc.obeyed for record in records]
    obeyed = mean_of([100 * share for share in shares], protocol, unit="%", groups=scenes)
    rows = [(name, words, "%", 100) for name, words in MOTION.items()]
    rows += [(name, words, unit, 1) for name, (words, unit) in POSE.items() if _measured(records, name)]
    motion = {
        name: mean_of(
            [scale * record.motion[name] for record in records],
            Protocol.of(
                "motion report",
                what=words,
                unit=unit,
                tracker=plan.settings.tracker,
                frames=plan.frames,
                size=f"{plan.size[1]}x{plan.size[0]}",
                data=data,
            ),
            unit=unit,
            groups=scenes,
        )
        for name, words, unit, scale in rows
    }
    return {name: numbers[name] for name in ("mean", "median", "trimmed")} | {
        "obeyed": obeyed,
        **motion,
        "seen": numbers["seen"],
        "released": numbers["released"],
    }


def motion_numbers(report: MotionReport) -> np.ndarray:
    """The numbers kept from a motion report: means over entities, NaN if unseen.

    In the order of `MOTION`, 0..1, and of `POSE`, over those entities that should turn or grow.
    """

    def mean(values: list[float]) -> float:
        there = [value for value in values if not np.isnan(value)]
        return float(np.mean(there)) if there else float("nan")

    coverage, rigidity = ([getattr(e, name) for e in report.entities] for name in ("coverage", "rigidity"))
    poses = [entity.pose for entity in report.entities if entity.pose.asked]
    turn, size = ([getattr(p, name) for p in poses] for name in ("mean_turn_error", "mean_size_error_percent"))
    return np.array([mean(coverage), report.leakage.mean_share, mean(rigidity), mean(turn), mean(size)])


def _measured(records: Sequence[Record], name: str) -> bool:
    return any(np.isfinite(record.motion[name]) for record in records)


def baseline(summary: Summary) -> bool:
    """Whether a summary is a baseline or the true videos."""
    return summary.maker[0] in (*BASELINES, REFERENCE)
