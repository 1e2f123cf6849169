"""Numbers from papers, each with its protocol as far as it was stated. They are quoted, not measured here."""

from __future__ import annotations

from .protocol import Protocol
from .table import Row

PAPER = "Wu et al., DragAnything, ECCV 2024 (arXiv 2403.07420)"
LATER = "a later paper's reading of DragAnything; its protocol differs and is not stated here"

_VIPSEG = Protocol.of("", data="VIPSeg validation set", size="256x256", frames=14)


def _on_vipseg(name: str, **choices: str) -> Protocol:
    return Protocol(name, _VIPSEG.choices).but(**choices)


FID = _on_vipseg("FID", features="Inception v3", real="not stated", generated="not stated")
FVD = _on_vipseg(
    "FVD",
    features="I3D, TensorFlow",
    input="GIF, 256 colours",
    batches="16, a remainder dropped",
    generated="not stated",
)
OBJMC = _on_vipseg(
    "ObjMC, released",
    unit="px",
    points="of a 100x100 grid, the nearest to the inscribed circle's centre",
    counted="all points and frames",
    tracker="CoTracker 2",
)
STUDY = Protocol.of("user study", pictures="30", raters="3", ties="not stated")

TABLE_2 = (
    Row("DragAnything", 33.5, FID, source=PAPER),
    Row("DragNUWA", 39.8, FID, source=PAPER),
    Row("DragAnything", 494.8, FVD, source=PAPER),
    Row("DragNUWA", 519.3, FVD, source=PAPER),
    Row("DragAnything", 305.7, OBJMC, "px", source=PAPER),
    Row("DragNUWA", 324.6, OBJMC, "px", source=PAPER),
)
"""The paper's comparison with DragNUWA."""

ABLATION = (
    *(
        Row(f"DragAnything, {without}", value, OBJMC, "px", source=PAPER)
        for without, value in (
            ("neither entity nor Gaussian", 410.7),
            ("entity only", 318.4),
            ("Gaussian only", 339.3),
            ("both, without loss mask", 311.1),
        )
    ),
    TABLE_2[4],
)
"""The paper's ablation; the whole model last."""

USER_STUDY = tuple(
    Row(model, value, STUDY.but(question=question), "%", source=PAPER, higher_is_better=True)
    for question, shares in {"motion": (63.0, 37.0), "quality": (56.0, 44.0)}.items()
    for model, value in zip(("DragAnything", "DragNUWA"), shares, strict=True)
)
"""The paper's user study: share of votes that preferred each."""

SAME_MODEL_ELSEWHERE = tuple(
    Row(
        "DragAnything",
        value,
        Protocol.of("ObjMC, as another paper measured it", data="not stated", unit="not stated", reading=number),
        source=LATER,
    )
    for number, value in enumerate((236.0, 91.1, 11.6), start=1)
)
"""ObjMC of the very same model in later papers: the number means little without its protocol."""

PUBLISHED = tuple(dict.fromkeys((*TABLE_2, *ABLATION, *USER_STUDY, *SAME_MODEL_ELSEWHERE)))
"""Everything above."""
