"""The stages that make `toy`, what each is for, and how the minutes are shared out among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import LabError

# Share of the minutes, and what for.
SHARES = {
    "vae": (0.1, "pictures to latents and back: everything else works on latents"),
    "dift": (0.1, "diffusion features: what an entity is"),
    "unet": (0.1, "the video UNet without control: what moves by itself, and how"),
    "control": (0.3, "the ControlNet, with an embedding for each representation: what goes where"),
    "fewstep": (0.1, "the same at the two noise levels of the sampler: videos in two steps"),
    "decoder": (0.05, "the decoder of the VAE once more, on clips"),
    "fill": (0.05, "the network that fills the holes that moved objects leave"),
    "complete": (0.05, "the network that completes partly hidden objects"),
    "sharp": (0.15, "the reference decoder, and the sampler's networks beside it: detail from the picture"),
    "decode": (0.05, "what the reference decoder takes from where, on crops of saved sampler output"),
}
STAGES = tuple(SHARES)
FROZEN = "control-frozen"  # the stage "control" with the video UNet left as it is; not part of the whole


def check_stages(stages: Sequence[str]) -> None:
    """Raise a `LabError` if a stage is unknown."""
    for name in stages:
        if name not in (*STAGES, FROZEN):
            raise LabError(f'stage "{name}" is unknown', fix=f"use one of {', '.join(STAGES)}")


def minutes_of(stages: Sequence[str], minutes: float | None) -> dict[str, float]:
    """How many of the minutes each of some stages gets; {} where no time is given."""
    if minutes is None:
        return {}
    shares = {name: SHARES["control" if name == FROZEN else name][0] for name in stages}
    return {name: minutes * share / sum(shares.values()) for name, share in shares.items()}


def plan_lines(folder: Path, stages: Sequence[str], minutes: float | None, steps: int | None) -> list[str]:
    """What a training would do, before it begins: a line for each stage.

    Args:
        folder: Where the checkpoints lie.
        stages: Some of `STAGES`.
        minutes: For all of them together; None without a limit.
        steps: Total steps of each; None without a limit.
    """
    each = minutes_of(stages, minutes)
    limit = "" if steps is None else f"{steps:,} steps"
    lines = []
    for name in stages:
        long = f"{each[name]:.1f} min" if each else ""
        start = "has a checkpoint" if (folder / f"{name}.pt").exists() else "no checkpoint yet"
        amount = " or ".join(filter(None, (long, limit))) or "no end given"
        lines.append(f"{name:<8} {amount:<24} {start:<18} {SHARES['control' if name == FROZEN else name][1]}")
    return lines
