"""Where training clips' entities go, by `--paths tracked` and by `--paths masks`, against Toyland's true motion.

python benchmarks/paths.py [--quick] [--clips 60] [--size 576x320] [--frames 14] [--tracker opencv]

Clips are written in VIPSeg's layout and read again, with pictures as JPEG. Entities and paths are made by the
training's own functions, without the file of true paths. The error of an entity is the mean over those frames after the
first in which it is seen, in % of the diagonal, to one of two truths: where the point at which its path begins truly
goes, and the middle (the mean of the pixels) of what is seen of it. Published in benchmarks/paths.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from draganything_lab.cli.generate import parse_size
from draganything_lab.evaluate.metrics.intervals import bootstrap
from draganything_lab.media.clip_folders import STUFF, find_clips
from draganything_lab.toyland import ToyClip, sample_clip
from draganything_lab.toyland.clip_folder import BACKDROP, write_clip
from draganything_lab.training.full.entities import choose_entities
from draganything_lab.training.full.paths import tracked_paths
from draganything_lab.training.full.reading import read_window

FIRST = 7_500_000  # Toyland's seeds, used for nothing else
OBJECT = 100 * (STUFF + 1)  # the id of the first object, less one
WHOLE = 0.8  # an object is partly covered or outside where less is seen of it than this share of its largest view
LOST = 5.0  # % of the diagonal: an entity whose mean error is larger
FAR = 0.02  # of the diagonal: an object that goes less far does not count as moving
ALL, PLAIN, CUT, TURNS = (
    "all objects",
    "move, seen whole, no turn or growth",
    "partly covered or outside",
    "turn or grow",
)
BACK, GONE = "the backdrop", "objects, while nothing is seen"
WAYS = ("tracked", "masks")


class Row(NamedTuple):
    """An entity: the clip's number, what kind it is, and the errors of each way to the point and to the middle."""

    clip: int
    kind: str
    point: tuple[float, float]
    middle: tuple[float, float]


def kinds_of(clip: ToyClip, label: int, truth: np.ndarray, pixels: np.ndarray) -> list[str]:
    """The kinds that an entity is of, by its true path (F, 2) and by how many pixels (F,) are seen of it."""
    if label == 0:
        return [BACK]
    grown = np.linalg.det(clip.motion_matrices[label][:, :2, :2])
    whole = pixels / grown >= WHOLE * (pixels / grown).max()
    thing = clip.world.things[label - 1]
    turns = thing.turn is not None or bool(np.ptp(grown) > 1e-6)
    moves = np.linalg.norm(truth - truth[0], axis=1).max() >= FAR * np.hypot(*clip.video.shape[1:3])
    found = {CUT: not whole.all(), TURNS: turns, PLAIN: bool(whole.all()) and moves and not turns}
    return [ALL, *(kind for kind, there in found.items() if there)]


def middle_of(mask: np.ndarray) -> np.ndarray:
    """(x, y), the mean of a mask's pixels; NaN where it is empty."""
    return np.argwhere(mask)[:, ::-1].mean(axis=0) if mask.any() else np.full(2, np.nan)


def measured(number: int, clip: ToyClip, tracker: str) -> Iterator[Row]:
    """The entities of a clip."""
    size, names = clip.video.shape[1:3], [BACKDROP, *(OBJECT + k + 1 for k in range(len(clip.kinds)))]
    with tempfile.TemporaryDirectory() as folder:
        write_clip(clip, Path(folder), "clip", names, paths=False)
        (found,) = find_clips(Path(folder), "train")
        video, ids = read_window(found.frames, (size[0], size[1]))
    entities = choose_entities(ids, found.is_stuff)
    paths = tracked_paths(video, entities, tracker), entities.points
    for place, entity in enumerate(entities.ids.tolist()):
        seen, label = entities.seen[1:, place], names.index(entity)
        truth = clip.follow(label, entities.points[0, place, None])[:, 0]
        middles = np.stack([middle_of(one == entity) for one in ids])

        def errors(to: np.ndarray, frames: np.ndarray, place: int = place) -> tuple[float, float]:
            off = [np.linalg.norm(path[1:, place] - to[1:], axis=-1)[frames].mean() for path in paths]
            return tuple(100 * np.array(off) / np.hypot(*size))  # type: ignore[return-value]

        for kind in kinds_of(clip, label, truth, (ids == entity).sum(axis=(1, 2))):
            yield Row(number, kind, errors(truth, seen), errors(middles, seen))
        if label and not seen.all():
            yield Row(number, GONE, errors(truth, ~seen), (np.nan, np.nan))


def table(rows: list[Row], kind: str, truth: str) -> str:
    """A row in Markdown."""
    kept = [row for row in rows if row.kind == kind]
    groups = [row.clip for row in kept]
    off = np.array([getattr(row, truth) for row in kept]).reshape(-1, len(WAYS))
    cells = [kind, str(len(kept)), str(len(set(groups)))]
    for values in (*off.T, off[:, 0] - off[:, 1]):
        low, high = bootstrap(values, groups=groups)
        interval = f" ({low:.2f} to {high:.2f})" if np.isfinite(low) else ""
        cells.append(f"{values.mean():.2f}{interval}; {np.median(values):.2f}")
    cells.append(" and ".join(str(count) for count in (off > LOST).sum(axis=0)))
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small clips: whether it runs")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--size", type=parse_size, default=(320, 576), metavar="WxH", help="default: 576x320")
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--tracker", default="opencv")
    args = parser.parse_args()
    if args.quick:
        args.clips, args.size = 4, (64, 64)
    cv2.setNumThreads(1)
    began, rows = time.process_time(), []
    for number in range(args.clips):
        rows += measured(number, sample_clip(FIRST + number, args.size, args.frames), args.tracker)
    height, width = args.size
    print(f"{args.clips} clips, {width}x{height}, {args.frames} frames, tracker {args.tracker}, seeds from {FIRST}")
    print(f"{(time.process_time() - began) / args.clips:.1f} s of one core per clip, with drawing and reading it")
    for truth, name in (("point", "where its first point truly goes"), ("middle", "the middle of what is seen")):
        print(f"\nTo {name}, % of the diagonal: mean (95 % interval over clips); median\n")
        print(f"| entities | n | clips | tracked | masks | tracked less masks | over {LOST:g} % |\n|{'---|' * 7}")
        there = {row.kind for row in rows if np.isfinite(getattr(row, truth)).all()}
        for kind in (ALL, PLAIN, CUT, TURNS, BACK, GONE):
            if kind in there:
                print(table(rows, kind, truth))


if __name__ == "__main__":
    main()
