"""The paper's protocol: its settings, and where an evaluation departs from it or fills in what it does not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tracking.cotracker import missing_cotracker
from .plan import Plan
from .vipseg import LEAST_SHARE, MOST_ENTITIES

SIZE, FRAMES = (256, 256), 14
TRACKER, WITHOUT = "cotracker3-offline", "opencv"


@dataclass(frozen=True)
class Departure:
    """One choice: what the paper or its code says, and what was done here."""

    what: str
    paper: str
    here: str


def preset(protocol: str, *, download: bool = False) -> dict[str, Any]:
    """Return the `Settings` that belong to a protocol.

    Args:
        protocol: "lab": ours, which are the defaults. "paper": 256x256, 14 frames, CoTracker, FID, and FVD from GIFs in
            batches of 16.
        download: Whether CoTracker may be downloaded if it is missing. Without it, motion is measured with OpenCV,
            which `departures` says.
    """
    if protocol != "paper":
        return {"protocol": protocol}
    missing = missing_cotracker("offline", download=download)
    return {
        "protocol": protocol,
        "size": SIZE,
        "frames": FRAMES,
        "tracker": WITHOUT if missing else TRACKER,
        "features": (),
        "fid": "",
        "fvd": "",
        "fvd_input": "gif",
        "fvd_remainder": "released",
    }


def missing_tracker(plan: Plan) -> str:
    """Why the paper's protocol measures with another tracker than CoTracker, and what to do; "" where it does not."""
    if plan.settings.protocol != "paper" or plan.settings.tracker.startswith("cotracker"):
        return ""
    why = missing_cotracker("offline", download=False)
    other = f"ObjMC is measured with {plan.settings.tracker} and cannot be ranked with published numbers"
    return f"{other}: {why}" if why else f"{other}; use --tracker {TRACKER}"


def departures(plan: Plan) -> list[Departure]:
    """Every choice that the paper or its code does not state, or that was made differently here.

    Empty for a plan that does not follow the paper's protocol.
    """
    settings = plan.settings
    if settings.protocol != "paper":
        return []
    changed = [
        Departure(what, paper, here)
        for what, paper, here in (
            ("size", f"{SIZE[1]}x{SIZE[0]}", f"{plan.size[1]}x{plan.size[0]}"),
            ("frames", str(FRAMES), str(plan.frames)),
        )
        if paper != here
    ]
    followed = sum(source.note != "" for source in plan.sources)
    paths = f"files in trajectories/ for {len(plan.sources) - followed} of {len(plan.sources)} clips"
    if followed:
        paths += f"; read from the true clips with {settings.tracker} for {followed}"
    steps = "the weights' own steps" if settings.steps is None else f"{settings.steps} steps"
    rows = [
        ("tracker", "CoTracker 2", settings.tracker),
        ("clips", "VIPSeg val; which of them is not stated", f"{len(plan.sources)} of {settings.where}, by name"),
        ("frames of a clip", "not stated", "the first ones, from the first picture with a mask"),
        ("way to the size", "not stated", "stretched, averaging over areas"),
        (
            "entities",
            "not stated; the script follows every id of the mask, the unlabelled too",
            f"segments of at least {LEAST_SHARE:.1%} of the picture, at most the {MOST_ENTITIES} largest",
        ),
        ("trajectories", "of the released script", paths),
        ("seeds", "not stated", ", ".join(map(str, settings.seeds))),
        ("sampling", "not stated", f"{steps}, the weights' own guidance"),
        ("ObjMC's start", "both paths start at a grid point", "the wanted path is moved to start at the tracked point"),
    ]
    if settings.fid is not None:
        rows.append(("FID", "implementation and number of frames not stated", "torch-fidelity, every frame"))
    if settings.fvd is not None:
        rows.append(("FVD's network", "I3D in TensorFlow", "its TorchScript export"))
        if settings.fvd_input == "gif":
            rows.append(("FVD's GIFs", "encoder not stated", "Pillow's 256 colours, chosen for each frame"))
        else:
            rows.append(("FVD's input", "GIFs", "frames as they are"))
        what = {
            "kept": "all clips count",
            "dropped": "whole batches count, clips ordered by name",
            "released": "as released: whole batches count, and none at all if nothing remains; clips ordered by name",
        }
        rows.append(("FVD's batches", "of 16; the order is the folder's", what[settings.fvd_remainder]))
    return [*changed, *(Departure(*row) for row in rows)]
