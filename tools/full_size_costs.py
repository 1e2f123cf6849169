"""Write the table of costs in docs/full-size.md, from the trainer's own estimate; `--check` only compares.

python tools/full_size_costs.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

GUIDE = Path(__file__).parents[1] / "docs" / "full-size.md"
BEGIN, END = "<!-- costs: written by tools/full_size_costs.py -->\n", "<!-- end of costs -->\n"
# GPU, processes, clips per step, parts of a process's share, how weights are shared out
PLANS = (
    ("A100-80", 1, 8, 8, "none"),
    ("A100-80", 8, 8, 1, "none"),
    ("A100-80", 8, 8, 1, "fsdp"),
    ("H100", 8, 8, 1, "none"),
    ("H100", 64, 64, 1, "none"),
    ("A100-40", 8, 8, 1, "none"),
    ("A100-40", 8, 8, 1, "fsdp"),
)
STEPS = 100_000


def rows() -> Iterator[str]:
    """The table, line by line."""
    import torch

    from draganything_lab.models import random_parts
    from draganything_lab.pipeline.machine import GIB
    from draganything_lab.training.full.estimate import estimate_training
    from draganything_lab.training.full.options import Options

    parts = random_parts("full", device="meta", dtype=torch.float32)
    yield "| GPUs | weights | clips per step | memory of each GPU | | time per step | all steps | GPU hours |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    for gpu, processes, batch, accumulate, sharded in PLANS:
        options = Options(batch=batch, accumulate=accumulate, steps=STEPS)
        plan = estimate_training(parts, options, processes=processes, device=gpu, sharded=sharded)
        kept = {"none": "whole", "fsdp": "FSDP"}[sharded]
        memory = f"{plan.memory / GIB:.1f} of {plan.available / GIB:.1f} GiB"
        fits = "fits" if plan.fits else "too large"
        days = plan.seconds / 86_400
        yield (
            f"| {processes} x {gpu} | {kept} | {batch} | {memory} | {fits} | {plan.step_seconds:.1f} s | "
            f"{days:.1f} days | {plan.gpu_hours:,.0f} |\n"
        )


def main() -> int:
    text = GUIDE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    new = before + BEGIN + "\n" + "".join(rows()) + "\n" + END + rest.split(END)[1]
    if "--check" in sys.argv:
        return int(new != text)
    GUIDE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
