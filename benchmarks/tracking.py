"""Trackers against known motion, with TAP-Vid's measures, and motion reports against known obedience.

python benchmarks/tracking.py [--quick] [--trackers opencv lucas-kanade dis] [--first 7000000]

Protocol: the points are an even grid of 32x32 in frame 0 (queries in the first frame), moved to whole pixels; frame 0
itself is left out. "Moving" are the points that truly go 0.5 px or more. δ are TAP-Vid's thresholds of 1, 2, 4, 8 and
16 px after scaling to 256x256; at 64x64 the first is a quarter of a pixel. "δ px" takes them in pixels of the clip.
Each number is the mean over clips of a clip's number, with a 95 % bootstrap interval over clips where one stands.
"Stand still" says that nothing moves and all is seen: what a tracker must beat.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np

from draganything_lab.motion import measure
from draganything_lab.pipeline import preview
from draganything_lab.toyland import gallery, named_scene, sample_clip
from draganything_lab.tracking import Accuracy, Tracks, grid_queries, track, tracking_accuracy

FIRST = 7_000_000  # Toyland's seeds from here on were never looked at while the tracker was made
LEAST_MOVING = 20  # visible places that a clip needs to count among the moving


class StandStill:
    """The baseline."""

    def track(self, video: np.ndarray, queries: np.ndarray) -> Tracks:
        """Say that nothing moves."""
        return Tracks(np.repeat(queries[None], len(video), axis=0), np.ones((len(video), len(queries)), bool))


Case = tuple[np.ndarray, np.ndarray, np.ndarray]  # video, true places (T, H, W, 2), visible (T, H, W)


def toyland(first: int, count: int, side: int, num_frames: int) -> Iterator[Case]:
    """Random clips of Toyland with their truth."""
    for seed in range(first, first + count):
        clip = sample_clip(seed, (side, side), num_frames)
        yield clip.video, *clip.motion()


def wobbling(first: int, count: int, side: int, num_frames: int) -> Iterator[Case]:
    """Clips as unlike Toyland as can be: noise like a photograph's, soft motion, grain, and light that changes."""
    for seed in range(first, first + count):
        yield wobble(np.random.default_rng(seed), (side, side), num_frames)


def wobble(rng: np.random.Generator, size: tuple[int, int], num_frames: int, pad: int = 40) -> Case:
    """A textured blob over a textured ground; both shift, turn, zoom and bend smoothly, with grain of 4 grey levels."""
    height, width = size
    wide = (height + 2 * pad, width + 2 * pad)
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    middle = rng.uniform(0.35, 0.65, 2) * (width, height)
    angle = np.arctan2(grid[..., 1] - middle[1], grid[..., 0] - middle[0])
    reach = rng.uniform(0.16, 0.26) * height * (1 + 0.25 * np.sin(3 * angle + rng.uniform(0, 6)))
    mask = np.hypot(grid[..., 0] - middle[0], grid[..., 1] - middle[1]) < reach
    layers = []
    for front in (False, True):
        bend = _smooth(rng, wide, height / (4 if front else 2), 2) * (0.03 if front else 0.02) * height
        shift = rng.normal(0, (0.2 if front else 0.06) * height, 2)
        turn, zoom = rng.normal(0, 0.2 if front else 0.03), np.exp(rng.normal(0, 0.1 if front else 0.04))
        layers.append((_texture(rng, wide), bend.astype(np.float32), shift, turn, zoom))

    def carried(front: bool, places: np.ndarray, share: float) -> np.ndarray:
        _, bend, shift, turn, zoom = layers[front]
        centre = middle if front else np.array([width / 2, height / 2])
        spun = (places - centre) @ np.array([1, 1j]) * (np.exp(1j * turn * share) * zoom**share)
        at = (places + pad).astype(np.float32)
        bent = cv2.remap(bend, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.stack([spun.real, spun.imag], axis=-1) + centre + share * (shift + bent)

    frames, covers = [], []
    for t in range(num_frames):
        share, picture = t / (num_frames - 1), np.zeros((*size, 3), np.float32)
        for front in (False, True):
            source = grid.astype(np.float64)
            for _ in range(30):  # where each pixel of the frame comes from: the inverse, by fixed point
                source += grid - carried(front, source, share)
            at = (source + pad).astype(np.float32)
            colours = cv2.remap(layers[front][0], at[..., 0], at[..., 1], cv2.INTER_CUBIC)
            cover = np.ones(size, np.float32)
            if front:
                cover = cv2.remap(np.pad(mask, pad).astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_LINEAR)
                covers.append(cover > 0.5)
            picture += (colours - picture) * cover[..., None]
        picture = picture * (1 + 0.1 * np.sin(t)) + 8 * np.sin(2 * t) + rng.normal(0, 4, picture.shape)
        frames.append(picture.clip(0, 255).astype(np.uint8))
    shares = np.linspace(0, 1, num_frames)
    places = np.stack([np.where(mask[..., None], carried(True, grid, s), carried(False, grid, s)) for s in shares])
    near = np.rint(places).astype(int)
    inside = ((near >= 0) & (near < (width, height))).all(axis=-1)
    x, y = np.clip(near, 0, (width - 1, height - 1)).transpose(3, 0, 1, 2)
    seen = np.stack(covers)[np.arange(num_frames)[:, None, None], y, x] == mask
    return np.stack(frames), places.astype(np.float32), inside & seen


def _smooth(rng: np.random.Generator, size: tuple[int, int], wave: float, channels: int) -> np.ndarray:
    coarse = rng.normal(0, 1, (int(size[0] / wave) + 3, int(size[1] / wave) + 3, channels)).astype(np.float32)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    parts = [
        amount * _smooth(rng, size, wave, 3)
        for wave, amount in ((64, 50), (32, 40), (16, 30), (8, 20), (4, 12), (2, 6))
    ]
    return np.clip(sum(parts) + rng.uniform(90, 160, 3), 0, 255).astype(np.float32)


def compare(title: str, cases: Iterator[Case], trackers: list[str]) -> None:
    """Print a table of trackers over clips."""
    every: dict[str, list[Accuracy]] = {name: [] for name in ("stand still", *trackers)}
    moving: dict[str, list[Accuracy]] = {name: [] for name in every}
    spent = dict.fromkeys(every, 0.0)
    clips = 0
    for video, places, visible in cases:
        clips += 1
        size = video.shape[1], video.shape[2]
        queries = grid_queries(size, 32, 32).round()
        x, y = queries.astype(int).T
        truth = Tracks(places[:, y, x], visible[:, y, x])
        goes = np.linalg.norm(truth.points - truth.points[0], axis=-1).max(axis=0) >= 0.5
        for name in every:
            start = time.process_time()
            found = track(video, queries, StandStill() if name == "stand still" else name)
            spent[name] += time.process_time() - start
            every[name].append(tracking_accuracy(found, truth, size))
            if truth.visible[1:, goes].sum() >= LEAST_MOVING:
                moving[name].append(tracking_accuracy(found.chosen(goes), truth.chosen(goes), size))
    heads = f"{'median px':>11}{'δ avg (95 %)':>22}{'δ px':>8}{'occlusion':>11}{'AJ':>8}"
    for kind, scores in (("all points", every), ("moving points", moving)):
        print(f"\n{title}, {kind}, {len(scores['stand still'])} of {clips} clips")
        print(f"{'':18}{heads}{'CPU s/clip':>12}")
        for name, kept in scores.items():
            if kept:
                print(f"{name:18}{_row(kept)}{spent[name] / clips:12.2f}")


def _row(scores: list[Accuracy]) -> str:
    delta = np.array([score.delta_average for score in scores])
    rng = np.random.default_rng(0)
    means = delta[rng.integers(0, len(delta), (2000, len(delta)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    mean = {
        name: float(np.mean([getattr(score, name) for score in scores]))
        for name in ("delta_average_px", "occlusion_accuracy", "jaccard_average")
    }
    middle = float(np.median([score.median_px for score in scores]))
    return (
        f"{middle:11.3f}{delta.mean():10.3f} ({low:.3f}-{high:.3f}){mean['delta_average_px']:8.3f}"
        f"{mean['occlusion_accuracy']:11.3f}{mean['jaccard_average']:8.3f}"
    )


def obedience(first: int, count: int, size: tuple[int, int], num_frames: int) -> None:
    """Print how often reports call previews obedient, and frozen videos not."""
    scenes = {f"Toyland {name}": named_scene(name, size, num_frames).scene() for name in gallery()}
    for seed in range(first, first + count):
        scenes[f"seed {seed}"] = sample_clip(seed, (64, 64), 8).scene()
    right = {"preview": 0, "frozen": 0}
    asked = {"preview": 0, "frozen": 0}
    wrong = []
    for name, scene in scenes.items():
        frames = num_frames if name.startswith("Toyland") else 8
        ways = [np.ptp(entity.path(frames), axis=0).max() for entity in scene.controlled]
        if not ways:
            continue
        video = preview(scene, frames, label=False)
        clips = {"preview": (video, True)}
        if max(ways) > 3:  # where something is to move a little at least
            clips["frozen"] = (np.repeat(video[:1], frames, axis=0), False)
        for kind, (clip, expected) in clips.items():
            asked[kind] += 1
            told = measure(clip, scene).obeyed
            right[kind] += told is expected
            if told is not expected:
                wrong.append(f"{name} ({kind}: {told})")
    print(
        f"\nReports, {len(scenes)} scenes: previews called obedient {right['preview']} of {asked['preview']}, "
        f"frozen videos called disobedient {right['frozen']} of {asked['frozen']}"
    )
    print(f"wrong: {', '.join(wrong) or 'none'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few clips only")
    parser.add_argument("--trackers", nargs="+", default=["opencv", "lucas-kanade", "dis"], metavar="NAME")
    parser.add_argument("--first", type=int, default=FIRST, metavar="SEED")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    some, few, scenes = (4, 2, 4) if args.quick else (200, 40, 60)
    print((__doc__ or "").split("\n\n", 2)[2].strip())
    compare("Toyland 64x64, 8 frames", toyland(args.first, some, 64, 8), args.trackers)
    compare("Toyland 128x128, 14 frames", toyland(args.first + 10_000, few, 128, 14), args.trackers)
    compare("Wobbling 96x96, 8 frames", wobbling(args.first + 20_000, few, 96, 8), args.trackers)
    obedience(args.first + 30_000, scenes, (80, 144), 14)


if __name__ == "__main__":
    main()
