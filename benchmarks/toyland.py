"""Toyland: CPU time to draw clips, on one core.

python benchmarks/toyland.py [--quick]
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from draganything_lab.toyland import sample_clip


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer clips")
    repeats, count = (2, 20) if parser.parse_args().quick else (7, 200)
    cv2.setNumThreads(1)
    print(f"{count} random clips, {repeats} runs, one thread; CPU time a clip")
    print(f"{'':28}{'median':>12}{'fastest':>12}{'slowest':>12}")
    for title, size, frames in (
        ("64x64, 8 frames", (64, 64), 8),
        ("128x128, 14 frames", (128, 128), 14),
        ("576x320, 14 frames", (320, 576), 14),
    ):
        clips = count if size[0] < 300 else max(2, count // 20)
        spent = []
        for _ in range(repeats):
            start = time.process_time()
            for seed in range(clips):
                sample_clip(seed, size, frames)
            spent.append((time.process_time() - start) / clips * 1e3)
        print(f"{title:28}{np.median(spent):9.2f} ms{min(spent):9.2f} ms{max(spent):9.2f} ms")


if __name__ == "__main__":
    main()
