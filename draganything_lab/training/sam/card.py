"""The model card of the small SAM: every figure in it is measured, and the best, median and worst masks are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...media.picture import save_picture
from ..card.card import curves, machine, read_log
from .measure import AGAIN, CLICKS, PASTED_SIZE, Trial
from .photos import HELD_OUT as HELD_OUT_PHOTOS
from .photos import TRAINED

GOALS = {"one click": 0.90, "best of the candidates": 0.93, "three clicks": 0.95}
SHOWN = 12  # masks in each gallery
TILE = 176, 264  # pixels
INTRO = """# The small SAM

Click to mask: `segment_anything`'s own classes at a small size, trained by this project. It knows the drawn things of
Toyland, and Scrapbook's cut-outs over drawings and photographs (credits and licences in `../NOTICE`). Objects that
belong to a photograph it has never seen, only shapes cut from a few photographs; for those use `sam_vit_b`.

Trained with `draganything-lab train sam` on Toyland and Scrapbook (seeds from 0) and on shapes cut from the CC0 and
public-domain photographs inside scikit-image; this page, its pictures and `measured.json` come from
`draganything-lab card sam`.
"""


def write_card(
    folder: Path,
    pictures: Path,
    trials: dict[str, list[Trial]],
    measures: dict[str, Any],
    facts: dict[str, Any],
    relative: str,
) -> None:
    """Write `README.md` and `measured.json` into the weights folder, and the galleries beside the docs.

    Args:
        folder: The weights; `training/sam.jsonl` in it is the training's log.
        pictures: Where galleries and curve go.
        trials, measures: What `sam_measure.measure` and `summary` returned.
        facts: How it was measured.
        relative: How the page links to `pictures`.
    """
    kept = folder / "training" / "sam.jsonl"
    log = read_log(kept) if kept.exists() else []
    facts = {**facts, "machine": machine(), "goals": GOALS}
    if log:
        facts |= {"steps": log[-1]["step"], "training minutes": round(log[-1]["seconds"] / 60)}
    (folder / "measured.json").write_text(json.dumps({"protocol": facts, "measures": measures}, indent=1) + "\n")
    lines = [INTRO, *_words(facts), *_table(measures)]
    pictures.mkdir(parents=True, exist_ok=True)
    lines += ["## Best, median and worst\n", "White: the truth's outline. Colour: the mask of one click (the dot).\n"]
    toyland = [trial for trial in trials["toy"] if trial.target.group.startswith("Toyland")]
    for name, chosen in ranked(toyland, SHOWN).items():
        save_picture(gallery(chosen), pictures / f"{name}.png")
        lines.append(f"{name.capitalize()} of {len(toyland)} held-out things\n\n![{name}]({relative}/{name}.png)\n")
    rows = []
    for group in ("outlined", "pasted", "Scrapbook, drawings", "Scrapbook, photographs"):
        for backend in trials:
            own = [trial for trial in trials[backend] if trial.target.group == group]
            middle = own[::AGAIN] if group == "outlined" else own
            if middle:
                rows.append(gallery(middle[:6]))
    if rows:
        width = max(row.shape[1] for row in rows)
        save_picture(
            np.vstack([np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]),
            pictures / "photographs.png",
        )
        backends = " and ".join(trials)
        lines.append(f"Outlined and pasted things, then Scrapbook's drawings and photographs, each by {backends}\n")
        lines.append(f"![photographs]({relative}/photographs.png)\n")
    if log:
        curves(folder / "training", pictures / "curve.png")
        lines += ["## Training\n", f"{took(log)}.\n"]
        if (before := folder / "training" / "before.jsonl").exists():
            lines.append(
                f"It began with earlier weights ({took(read_log(before))}) and lies half way between them and what it "
                "became.\n"
            )
        lines.append(f"![Loss]({relative}/curve.png)\n")
    (folder / "README.md").write_text("\n".join(lines))


def took(log: list[dict[str, Any]]) -> str:
    """How long a training took, in words."""
    where = f" on {log[-1]['on']}" if "on" in log[-1] else ""
    return f"{log[-1]['step']} steps in {log[-1]['seconds'] / 60:.0f} minutes{where}"


def _words(facts: dict[str, Any]) -> list[str]:
    return [
        "## Measured\n",
        f"Mean IoU, 95 % bootstrap interval over pictures, number of things. {facts['pictures']} held-out scenes of "
        f"Toyland at each size (seeds from {facts['first seed']}), each visible thing clicked once in its middle; "
        f"GrabCut on the first {facts['grabcut pictures']} of each. `Scrapbook`: equally many of its pictures "
        "of each kind, made of artwork and photographs that no training sees. `toy` is what the library does: its "
        "mask's outline moved onto the picture's edges by GrabCut in a narrow band; `network alone` is the mask before "
        "that. `Outlined`: six things in four held-out photographs "
        f"({', '.join(HELD_OUT_PHOTOS)}), outlined by hand, {AGAIN} clicks each: few things, so the intervals are "
        f"wide. `Pasted`: shapes cut from those photographs and pasted onto them, {PASTED_SIZE[1]}x{PASTED_SIZE[0]}. "
        f"Of scikit-image's, training sees {', '.join(TRAINED)}. {CLICKS} clicks: each further one in the middle of "
        "the largest error.\n",
    ]


def _table(measures: dict[str, Any]) -> list[str]:
    lines = []
    for group in sorted(measures):
        lines += [
            f"**{group}**\n",
            "| | one click | best of the candidates | three clicks | things |",
            "|---|---|---|---|---|",
        ]
        if group == "Toyland":
            lines.append("| goal | " + " | ".join(f"{goal:.2f}" for goal in GOALS.values()) + " | |")
        for backend, rows in measures[group].items():
            cells = [f"{rows[m]['mean']:.3f} ({rows[m]['low']:.3f} to {rows[m]['high']:.3f})" for m in GOALS]
            lines.append(f"| {backend} | {' | '.join(cells)} | {rows['one click']['count']} |")
        lines.append("")
    return lines


def ranked(trials: list[Trial], count: int) -> dict[str, list[Trial]]:
    """The best, the middle and the worst by the IoU of one click."""
    order = sorted(trials, key=lambda trial: -trial.scored)
    start = max(0, (len(order) - count) // 2)
    return {"best": order[:count], "median": order[start : start + count], "worst": order[-count:]}


def gallery(trials: list[Trial], columns: int = 6) -> np.ndarray:
    """Tiles in rows, each with its IoU: (H, W, 3) uint8."""
    tiles = [tile(trial) for trial in trials]
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def tile(trial: Trial) -> np.ndarray:
    """One picture with the found mask in colour, the truth's outline in white, the click and the IoU."""
    image, truth = trial.target.image, trial.target.mask
    height, width = truth.shape
    scale = min((TILE[0] - 20) / height, (TILE[1] - 4) / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    picture = cv2.resize(image, size, interpolation=way)
    found = cv2.resize(trial.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    wanted = cv2.resize(truth.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    picture[found] = (0.65 * picture[found] + 0.35 * np.array((213, 94, 0))).astype(np.uint8)
    outlines, _ = cv2.findContours(wanted, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (0, 0, 0), 3)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1)
    edges, _ = cv2.findContours(found.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, edges, -1, (213, 94, 0), 2)
    spot = tuple(round((float(value) + 0.5) * scale) for value in trial.target.click)
    cv2.circle(picture, spot, 4, (255, 255, 255), -1)
    cv2.circle(picture, spot, 3, (0, 114, 178), -1)
    out = np.full((*TILE, 3), 255, np.uint8)
    left = (TILE[1] - size[0]) // 2
    out[18 : 18 + size[1], left : left + size[0]] = picture
    text = f"IoU {trial.scored:.2f}"
    cv2.putText(out, text, (left, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
    return out
