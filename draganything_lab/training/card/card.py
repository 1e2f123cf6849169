"""The model card of the small weights: every figure in it is measured, from the weights and their training logs."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...media.drawing import enlarged_to
from ...media.picture import save_picture
from ...media.video import frame_strip
from ..toy.stages import REPRESENTATIONS
from .held_out import HELD_OUT
from .measure import ANY_LOOKS
from .retrieval import MEASURE
from .ruler import MOST_DECIBELS
from .samples import Table
from .videos import ALIKE, BESIDE, CENTRE, DENSE, HELD, HIDDEN_LOOKS, LEFT, LOOKS, LOST, NEAR, SHARP, SHIFTED_LOOKS

WIDTH = 1400  # of the strips, in pixels

# The goal of each measure, and the least with which we would call it done: "least" is a bound from below.
GOALS: dict[str, tuple[str, tuple[Literal["least", "most"], float] | None]] = {
    "VAE, PSNR over the picture (dB)": ("36", ("least", 31)),
    "VAE, PSNR inside things (dB)": ("28", ("least", 24)),
    MEASURE: ("above the colour of the cells", None),
    CENTRE: ("1", ("most", 2.5)),
    LOST: ("3", ("most", 10)),
    HELD: ("0", ("most", 0.5)),
    ALIKE: ("none of its own", None),
    LOOKS: ("26", ("least", 23)),
    SHIFTED_LOOKS: ("28", ("least", 25.5)),
    ANY_LOOKS: ("as by the middle", ("least", 22.5)),
    LEFT: ("24, and 4 dB more than the preview", ("least", 20)),
    BESIDE: ("as the preview", None),
    SHARP: ("1", None),
    DENSE: ("1", ("most", 1.5)),
    f"Scrapbook, drawings: {LOOKS}": ("26", ("least", 22)),
    f"Scrapbook, photographs: {LOOKS}": ("25", ("least", 20)),
}
NOTES = "notes.md"  # beside the logs: what was done to the weights by hand
# What "carry" has more than the preview, in pairs, and the least of it; without a floor, for the record.
OVER_PREVIEW = {LOOKS: 0, SHIFTED_LOOKS: None, HIDDEN_LOOKS: None, LEFT: 2, BESIDE: None} | {
    f"Scrapbook, {kind}: {measure}": None
    for kind in ("drawings", "photographs")
    for measure in (LOOKS, HIDDEN_LOOKS, LEFT, BESIDE)
}
PAPER_FLOOR = 18.5  # dB of `LOOKS`, for the paper's own representation
PAIRS = (
    "The last column compares in pairs (same clip and object), so that hard clips do not blur the difference: an "
    "interval without zero tells the two apart. Every value is in `samples.json`."
)
INTRO = """# The `toy` weights

Small weights of every network of DragAnything, trained by this project for lessons on a laptop without a GPU. They
were trained on Toyland, its procedurally drawn world, and on Scrapbook: open artwork and photographs over one another
(credits and licences in `../NOTICE`). Besides the paper's five representations they know `carry`, which gives the whole
mask, moved; and a reference decoder takes from the picture what a frame has in common with it.

Made with `draganything-lab train toy`; this page, its pictures and `measured.json` with `draganything-lab card`.
"""


def write_card(
    folder: Path, pictures: Path, table: Table, extra: dict[str, Any], facts: dict[str, Any], relative: str
) -> None:
    """Write `README.md` and `measured.json` into the weights folder, and the pictures beside the docs.

    Args:
        folder: The weights; `training/*.jsonl` in it are their logs.
        pictures: Where the strips and curves go.
        table, extra: What `measure` returned; without videos only "kept".
        facts: How it was measured: clips, seeds, steps; without videos clips and size.
        relative: How the page links to `pictures`.
    """
    summary = table.summary()
    facts = {**facts, "machine": machine(facts.setdefault("processes", 1)), "first seed": HELD_OUT}
    lines = [INTRO, "## Measured\n"]
    if "seconds" in extra:
        facts["seconds per video"] = round(extra["seconds"], 2)
        fewer = "" if facts["rivals"] == facts["clips"] else f" (the rivals' on the first {facts['rivals']} of them)"
        lines.append(
            f"On {facts['clips']} held-out clips{fewer}, videos per clip: {facts['seeds']} of "
            f"{facts['representation']}, 1 of others; "
            f"{facts['steps']} steps, {facts['frames']} frames of {facts['size']}x{facts['size']}, guidance "
            f"{facts['guidance']}. Median {facts['seconds per video']} s of processor time per video on "
            f"{machine(facts['processes'])}. An object "
            "is located by searching for those of its true parts that the first picture also shows; of places that fit "
            "alike, to 1 dB, the nearest to the true one counts. Background and camera are measured by points that the "
            f"tracker follows in the true video, to {NEAR:.0%} of the diagonal, so the truth has less by choice; clips "
            "with fewer than 10 of them are left out. Of things and of what they leave, a PSNR over "
            f"{MOST_DECIBELS:g} dB counts as {MOST_DECIBELS:g}: nobody sees such errors. It counts all of the object, "
            "including what is uncovered from behind others, turned and grown as in the truth. Drags say neither, so "
            'objects that do neither are also listed separately; rows that end in "asked" are of drags that say both. '
            "The preview cuts out, moves, and fills holes from around. Entity features were trained "
            "to find the same object again over another backdrop, which is nearly what is measured here; the mean "
            "colour of the exact mask finds nearly all of Toyland's objects."
            + (f" From an earlier run on the same clips: {', '.join(facts['kept'])}.\n" if facts.get("kept") else "\n")
        )
    else:
        lines.append(
            f"On {facts['clips']} held-out pictures of {facts['size']}x{facts['size']}. These are the networks that "
            "read pictures; those that make videos are still being trained and are not in this folder.\n"
        )
    over = over_preview(table)
    lines.append(short_of(summary, over))
    lines.append(f"Mean, 95 % bootstrap interval over clips, number of values; seeds from {HELD_OUT}. {PAIRS}\n")
    gaps = differences(table)
    told = {"protocol": facts, "measures": summary, "differences": gaps, "over the preview": over}
    (folder / "measured.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "samples.json").write_text(json.dumps(table.as_dict()) + "\n")
    pictures.mkdir(parents=True, exist_ok=True)
    for measure, makers in summary.items():
        goal, floor = GOALS.get(measure, ("none", None))
        least = "" if floor is None else f", at {floor[0]} {floor[1]:g}"
        lines += [f"**{measure}**, goal {goal}{least}\n", *rows_of(makers, gaps.get(measure, {})), ""]
    if over:
        lines += ["**carry, more than the preview, in pairs**\n", *rows_of(over, {}), ""]
    save_picture(enlarged_to(extra["kept"], WIDTH), pictures / "kept.png")
    lines += ["## What the VAE keeps\n", "Above: held-out pictures. Below: what comes back from their latents.\n"]
    lines.append(f"![kept]({relative}/kept.png)\n")
    if "strips" in extra:
        lines += ["## Best, median and worst\n", "Above: the truth. Below: the generated video. Every second frame.\n"]
    for name, clips in extra.get("strips", {}).items():
        picture = np.vstack([strip(truth, video) for _, truth, video in clips])
        save_picture(picture, pictures / f"{name}.png")
        seeds = ", ".join(str(seed) for seed, _, _ in clips)
        lines.append(f"{name.capitalize()} (seeds {seeds})\n\n![{name}]({relative}/{name}.png)\n")
    lines += ["## Training\n", *training_lines(folder / "training")]
    curves(folder / "training", pictures / "curves.png")
    if (notes := folder / "training" / NOTES).is_file():
        lines.append("\n" + notes.read_text())
    lines.append(f"\n![Losses]({relative}/curves.png)\n")
    (folder / "README.md").write_text("\n".join(lines))


def differences(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """{measure: {representation: how much more it has than the first one, in pairs}}."""
    first, *others = REPRESENTATIONS
    return {
        measure: {maker: table.difference(measure, maker, first) for maker in others if maker in makers}
        for measure, makers in table.values.items()
        if first in makers
    }


def over_preview(table: Table) -> dict[str, dict[str, float]]:
    """{measure: what "carry" has more than the preview, in pairs}, of `OVER_PREVIEW` what was measured."""
    return {
        measure: table.difference(measure, "carry", "preview")
        for measure in OVER_PREVIEW
        if {"carry", "preview"} <= table.values.get(measure, {}).keys()
    }


def rows_of(makers: dict[str, dict[str, float]], gaps: dict[str, dict[str, float]]) -> list[str]:
    """The lines of one measure's table, with the differences where there are any."""
    lines = ["| | mean | 95 % | n |", "|---|---|---|---|"]
    if gaps:
        lines = [f"{lines[0]} more than {REPRESENTATIONS[0]}, in pairs |", f"{lines[1]}---|"]
    for maker, row in makers.items():
        line = f"| {maker} | {row['mean']:.2f} | {between(row, '.2f')} | {row['count']} |"
        if gap := gaps.get(maker):
            line += f" {gap['mean']:+.2f} ({between(gap, '+.2f')}) |"
        elif gaps:
            line += " |"
        lines.append(line)
    return lines


def between(row: dict[str, float], form: str) -> str:
    """An interval; of a single clip there is none."""
    return f"{row['low']:{form}} to {row['high']:{form}}" if np.isfinite(row["low"]) else "one clip"


def short_of(
    summary: dict[str, dict[str, dict[str, float]]], over: dict[str, dict[str, float]], maker: str = "carry"
) -> str:
    """One paragraph: which floors these weights do not reach, with the numbers.

    Args:
        summary: `Table.summary`.
        over: `over_preview`.
        maker: Whose floors they are.
    """
    short, reached = [], 0
    for measure, (_, bound) in GOALS.items():
        row = summary.get(measure, {}).get(maker) or summary.get(measure, {}).get("VAE")
        if row is None or bound is None:
            continue
        side, floor = bound
        if (row["mean"] < floor) if side == "least" else (row["mean"] > floor):
            short.append(f"{measure}: {row['mean']:.1f}, wanted at {side} {floor:g}")
        else:
            reached += 1
    if (own := summary.get(LOOKS, {}).get(REPRESENTATIONS[0])) is not None:
        if own["mean"] < PAPER_FLOOR:
            short.append(f"{LOOKS}, {REPRESENTATIONS[0]}: {own['mean']:.1f}, wanted at least {PAPER_FLOOR}")
        else:
            reached += 1
    for measure, row in over.items():
        if (least := OVER_PREVIEW[measure]) is None:
            continue
        if row["mean"] < least:
            short.append(f"{measure}, more than the preview: {row['mean']:+.2f}, wanted at least {least:+g}")
        else:
            reached += 1
    if not short:
        return f"All {reached} floors are reached.\n"
    return f"**Not there yet** ({maker}; {reached} other floors are reached):\n\n" + "".join(f"- {s}\n" for s in short)


def machine(processes: int = 1) -> str:
    """What the numbers were measured on, by processes that shared its cores."""
    import os

    import torch

    name = platform.processor() or platform.machine()
    threads = torch.get_num_threads() if processes == 1 else max(1, (os.cpu_count() or 1) // processes)
    return f"{threads} of {os.cpu_count()} cores ({name}), torch {torch.__version__}"


def strip(truth: np.ndarray, video: np.ndarray) -> np.ndarray:
    """Truth above, generated below."""
    rows = [frame_strip(clip[::2], count=(len(clip) + 1) // 2) for clip in (truth, video)]
    return enlarged_to(np.vstack(rows), WIDTH)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a training log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def training_lines(folder: Path) -> list[str]:
    """A table of the stages: steps, time, last loss."""
    lines = ["| stage | steps | minutes | first loss | last loss | last on |", "|---|---|---|---|---|---|"]
    for path in sorted(folder.glob("*.jsonl")):
        log = read_log(path)
        first, last = log[0]["loss"], float(np.mean([row["loss"] for row in log[-5:]]))
        numbers = f"{log[-1]['step']} | {log[-1]['seconds'] / 60:.0f} | {first:.3f} | {last:.3f}"
        lines.append(f"| {path.stem} | {numbers} | {log[-1].get('on', '')} |")
    return lines


def curves(folder: Path, out: Path) -> None:
    """The stages' losses over their steps, smoothed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    logs = sorted(folder.glob("*.jsonl"))
    figure, axes = plt.subplots(1, max(1, len(logs)), figsize=(3.0 * max(1, len(logs)), 2.4), layout="constrained")
    for ax, path in zip(np.atleast_1d(axes), logs, strict=False):
        log = read_log(path)
        steps, loss = [row["step"] for row in log], np.array([row["loss"] for row in log])
        ax.plot(steps, loss, color="#56B4E9", lw=0.8, alpha=0.6)
        width = max(1, len(loss) // 20)
        smooth = np.convolve(loss, np.ones(width) / width, mode="valid")
        ax.plot(steps[width - 1 :], smooth, color="#0072B2", lw=1.6)
        ax.set(title=path.stem, xlabel="step", yscale="log")
    np.atleast_1d(axes)[0].set_ylabel("loss")
    figure.savefig(out, dpi=110)
    plt.close(figure)
