"""Trackers against Toyland's known motion, by TAP-Vid's measures, on held-out clips.

python benchmarks/tracking.py [--quick]
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from draganything_lab.toyland import sample_clip
from draganything_lab.tracking import Tracks, grid_queries, track
from draganything_lab.tracking.accuracy import Accuracy, tracking_accuracy

FIRST = 900_000_000  # held-out seeds, as in the model card
TRACKERS = ("opencv", "dis", "lucas-kanade")


def measured(tracker: str, size: tuple[int, int], num_frames: int, clips: int) -> tuple[list[Accuracy], list[float]]:
    """One `Accuracy` for each clip, and seconds of CPU time."""
    found, spent = [], []
    for seed in range(FIRST, FIRST + clips):
        clip = sample_clip(seed, size, num_frames)
        queries = grid_queries(size, 16, 16)
        columns, rows = np.rint(queries).astype(int).T
        paths, visible = clip.motion()
        truth = Tracks(paths[:, rows, columns] + (queries - np.rint(queries)), visible[:, rows, columns])
        start = time.process_time()
        tracks = track(clip.video, queries, tracker)
        spent.append(time.process_time() - start)
        found.append(tracking_accuracy(tracks, truth, size))
    return found, spent


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer clips")
    parser.add_argument("--clips", type=int, default=60)
    args = parser.parse_args()
    clips = 6 if args.quick else args.clips
    cv2.setNumThreads(1)
    print(f"{clips} held-out clips (seeds from {FIRST}), 256 points each; means over clips")
    print(f"{'':32}{'median px':>10}{'delta':>8}{'delta, px':>10}{'seen/hidden':>12}{'AJ':>8}{'CPU s':>8}")
    for size, frames in (((64, 64), 8), ((128, 128), 14)):
        for tracker in TRACKERS:
            found, spent = measured(tracker, size, frames, clips)
            row = np.mean(
                [
                    (a.median_px, a.delta_average, a.delta_average_px, a.occlusion_accuracy, a.jaccard_average)
                    for a in found
                ],
                axis=0,
            )
            name = f"{tracker}, {size[1]}x{size[0]}, {frames} frames"
            print(
                f"{name:32}{row[0]:10.3f}{row[1]:8.3f}{row[2]:10.3f}{row[3]:12.3f}{row[4]:8.3f}{np.median(spent):8.2f}"
            )


if __name__ == "__main__":
    main()
