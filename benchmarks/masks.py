"""Careless masks: what they cost, in pairs, with outlines that are made to fit the picture and without.

python benchmarks/masks.py [--clips 40] [--way preview|carry] [--off -2 -1 0 1 2] [--quick]

The clips are the model card's, drags of paths alone; every mask is grown or shrunk by some pixels, as with a brush.
Last frames. Scrapbook's clips are left out where its artwork was not fetched.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import cv2
import numpy as np

from draganything_lab.control import cuts
from draganything_lab.control.outlines import Fitted
from draganything_lab.pipeline import load_pipeline, preview
from draganything_lab.scene.scene import Scene
from draganything_lab.toyland.artwork import pack_path
from draganything_lab.training.card.held_out import held_out
from draganything_lab.training.card.samples import Table
from draganything_lab.training.card.videos import BESIDE, LEFT, LOOKS, measure_looks

SIZE, FRAMES = 128, 14
LEAST = 12  # pixels that must remain
PLAIN, FITTED = "as drawn", "fitted"


def off_by(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask (H, W) bool grown, or with a negative number shrunk; one that would vanish stays."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    out = (cv2.dilate if pixels > 0 else cv2.erode)(mask.astype(np.uint8), kernel) > 0
    return out if out.sum() >= LEAST else mask


def careless(scene: Scene, pixels: int) -> Scene:
    """A scene whose objects have such masks."""
    things = [
        one if one.kind != "foreground" else replace(one, mask=off_by(one.mask, pixels)) for one in scene.entities
    ]
    return Scene(scene.image, things)


def as_drawn(picture: np.ndarray, mask: np.ndarray, near: np.ndarray, width: int) -> Fitted:
    """In place of `fitted`: the mask as it is."""
    return Fitted(mask, np.zeros(mask.shape, bool))


def maker(way: str) -> Callable[[Scene], np.ndarray]:
    """What makes a video (T, H, W, 3) of a scene."""
    if way == "preview":
        return lambda scene: preview(scene, FRAMES, label=False)
    pipe = load_pipeline("toy", way)
    pipe.set_progress_bar_config(disable=True)
    return lambda scene: np.asarray(pipe(scene, num_frames=FRAMES, seed=0).frames)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=40, help="of each world (default: 40)")
    parser.add_argument("--way", default="preview", choices=("preview", "carry"))
    parser.add_argument("--off", type=int, nargs="+", default=[-2, -1, 0, 1, 2], help="pixels (default: -2 -1 0 1 2)")
    parser.add_argument("--quick", action="store_true", help="3 clips")
    args = parser.parse_args()
    make, clips = maker(args.way), 3 if args.quick else args.clips
    worlds = (None, "drawing", "photograph") if pack_path().is_file() else (None,)
    print(f"{args.way}, {clips} clips of each world, {SIZE} px; fitted minus as drawn, in pairs, dB")
    print(f"| world | masks off by | {' | '.join((LOOKS, LEFT, BESIDE))} |\n|---|---|---|---|---|")
    for world in worlds:
        tables = {pixels: Table() for pixels in args.off}
        for seed, clip, scene in held_out(clips, SIZE, FRAMES, scrapbook=world):
            for pixels, table in tables.items():
                wanted = careless(scene, pixels)
                measure_looks(table, FITTED, seed, clip, make(wanted))
                with mock.patch.object(cuts, "fitted", as_drawn):
                    measure_looks(table, PLAIN, seed, clip, make(wanted))
        for pixels, table in tables.items():
            cells = []
            for measure in (LOOKS, LEFT, BESIDE):
                means, gap = table.summary()[measure], table.difference(measure, FITTED, PLAIN)
                between = " to ".join(f"{round(gap[end], 1) + 0.0:+.1f}" for end in ("low", "high"))  # + 0 makes -0 a 0
                cells.append(f"{means[PLAIN]['mean']:.1f}, {means[FITTED]['mean']:.1f} ({between})")
            print(f"| {world or 'Toyland'} | {pixels:+d} px | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
