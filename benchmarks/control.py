"""Control signals: CPU time and memory of the library against a plain loop that does what the released code does.

    python benchmarks/control.py [--quick]

Both build the Gaussian picture and the entity map of the "release" preset from the same masks and trajectories, on one
thread. The plain loop writes every frame's entity map pixel by pixel and keeps all of them, as released; the library
keeps labels and a table, and writes the map out a frame at a time, which is measured as well. The tests prove both
equal, number by number.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from released.control import plain_loop


def example(size: tuple[int, int], num_frames: int, count: int, channels: int) -> tuple[list, list, np.ndarray]:
    """Return masks, trajectories and pooled features of `count` ellipses that cross the picture."""
    height, width = size[0] * 2, size[1] * 2  # the picture is larger than the model's size
    random = np.random.default_rng(7)
    masks, trajectories = [], []
    for index in range(count):
        x, y = int(width * (0.15 + 0.7 * index / max(count - 1, 1))), int(height * random.uniform(0.25, 0.75))
        axes = int(height * random.uniform(0.18, 0.3)), int(height * random.uniform(0.18, 0.3))
        masks.append(cv2.ellipse(np.zeros((height, width), np.uint8), (x, y), axes, 0, 0, 360, 255, -1))
        step = random.uniform(-0.015, 0.015, 2) * (width, height)
        trajectories.append([(x + frame * step[0], y + frame * step[1]) for frame in range(num_frames)])
    return masks, trajectories, random.normal(size=(count, channels)).astype(np.float32)


def _peak_megabytes(work: Callable[[], object]) -> float:
    """Return by how much the process's peak memory grew while working; nan where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = work()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit
    del kept
    return grown


def _measure(task: tuple[str, tuple[int, int], int, int, int]) -> tuple[float, float]:
    """Return CPU seconds and grown peak memory in MiB of one job, in a process of its own."""
    from draganything_lab.control import control_from_tracks

    name, size, num_frames, count, channels = task
    cv2.setNumThreads(1)
    masks, trajectories, pooled = example(size, num_frames, count, channels)

    def library() -> object:
        return control_from_tracks(
            masks,
            trajectories,
            size=size,
            num_frames=num_frames,
            vectors=pooled,
            channels=channels // 2,
            preset="release",
        )

    def dense() -> object:
        control = library()
        for frame in range(num_frames):
            control.image(frame, frame + 1), control.entity_map(frame, frame + 1)  # type: ignore[attr-defined]
        return control

    def plain() -> object:
        return plain_loop(masks, trajectories, pooled, size, num_frames)

    work = {"library": library, "library, written out": dense, "plain loop": plain}[name]
    small = example((32, 48), 1, 1, channels)  # wakes up the libraries, so that only the work is measured
    control_from_tracks(small[0], small[1], size=(32, 48), vectors=small[2], preset="release")
    spent: list[float] = []

    def timed() -> object:
        start = time.process_time()
        result = work()
        spent.append(time.process_time() - start)
        return result

    grown = _peak_megabytes(timed)
    return spent[0], grown


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small case, once")
    quick = parser.parse_args().quick
    size, num_frames, count, channels = ((128, 192), 6, 2, 64) if quick else ((320, 576), 20, 5, 320)
    repeats = {"library": 2 if quick else 9, "library, written out": 1 if quick else 3, "plain loop": 1 if quick else 3}
    print(f"{count} entities, {num_frames} frames at {size[1]}x{size[0]}, {channels // 2} channels, one thread")
    print(f"{'':22}{'CPU, median':>13}{'fastest':>11}{'slowest':>11}{'more memory':>14}{'runs':>6}")
    seconds = {}
    context = multiprocessing.get_context("spawn")
    for name, times in repeats.items():
        runs = []
        for _ in range(times):
            with context.Pool(1) as pool:  # a fresh process each time: peak memory never goes down
                runs += pool.map(_measure, [(name, size, num_frames, count, channels)])
        spent = sorted(run[0] for run in runs)
        seconds[name] = spent
        memory = max(run[1] for run in runs)
        print(
            f"{name:22}{np.median(spent) * 1e3:10.1f} ms{spent[0] * 1e3:8.1f} ms{spent[-1] * 1e3:8.1f} ms"
            f"{memory:10.1f} MiB{times:6d}"
        )
    fast, slow = seconds["library"], seconds["plain loop"]
    print(
        f"the library takes {np.median(slow) / np.median(fast):.0f} times less CPU time than the plain loop "
        f"(median; slowest library against fastest loop: {slow[0] / fast[-1]:.0f} times)"
    )


if __name__ == "__main__":
    main()
