"""How long a picture and a click take on one core, network by network, as medians and as ratios to GrabCut.

Run: OMP_NUM_THREADS=1 python benchmarks/segment.py [--runs 20] [--checkpoint sam_vit_b_01ec64.pth]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from draganything_lab.models import zoo
from draganything_lab.segment import Segmenter, load_segmenter
from draganything_lab.toyland import named_scene

SIZES = ((64, 64), (320, 576), (1080, 1920))


def median_ms(call: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median milliseconds of a call, by the clock and by the processor's time."""
    wall, own = [], []
    for _ in range(runs):
        start, spent = time.perf_counter(), time.process_time()
        call()
        wall.append(1e3 * (time.perf_counter() - start))
        own.append(1e3 * (time.process_time() - spent))
    return statistics.median(wall), statistics.median(own)


def times(segmenter: Segmenter, size: tuple[int, int], runs: int) -> dict[str, tuple[float, float]]:
    """Setting a new picture, one click, a correction with the previous mask."""
    clip = named_scene("harbour", size, 1)
    pictures = [clip.video[0].copy() for _ in range(2)]
    pictures[1][0, 0] ^= 1  # another picture, so that nothing is kept
    turn = iter(range(10**9))
    segmenter.set_picture(pictures[1])
    setting = median_ms(lambda: segmenter.set_picture(pictures[next(turn) % 2]), runs)
    click = clip.centres[int(np.argmax(clip.masks[:, 0].sum((1, 2))))].tolist()
    found = segmenter.predict([click])
    away = (2.0, 2.0)
    return {
        "picture": setting,
        "click": median_ms(lambda: segmenter.predict([click]), runs),
        "correction": median_ms(lambda: segmenter.predict([click, away], [1, 0], previous=found), runs),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--checkpoint", type=Path, help="a file of sam_vit_b: measure it, too (one run)")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    start = time.perf_counter()
    segmenters = {"grabcut": load_segmenter("grabcut"), "toy": load_segmenter("toy")}
    print(f"loading the small SAM, torch's import included: {time.perf_counter() - start:.2f} s")
    loading = median_ms(lambda: load_segmenter("toy"), 5)
    size = zoo.MODELS["sam-toy"].bytes() / 1e6
    print(f"loading it again: {loading[0]:.0f} ms (median of 5), {size:.1f} MB in its folder\n")
    if args.checkpoint:
        segmenters["sam_vit_b"] = load_segmenter("sam_vit_b", args.checkpoint)
    print("median milliseconds by the clock (of the processor), and how many times GrabCut's")
    for size_hw in SIZES:
        base = None
        for name, segmenter in segmenters.items():
            runs = 1 if name == "sam_vit_b" else args.runs
            rows = times(segmenter, size_hw, runs)
            base = base or rows
            cells = [
                f"{key} {wall:7.1f} ({own:7.1f}) x{own / max(base[key][1], 1e-3):.2f}"
                for key, (wall, own) in rows.items()
            ]
            print(f"{size_hw[1]:>4}x{size_hw[0]:<4} {name:<9} {runs:>3} runs  {'   '.join(cells)}")
    load = os.getloadavg()[0]
    print(f"\nload of the machine at the end: {load:.1f} on {os.cpu_count()} cores; processor times are the fair ones")


if __name__ == "__main__":
    main()
