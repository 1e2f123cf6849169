"""Ways to steer `toy`, in pairs on held-out Toyland clips: cut-and-drag beside the preview, the paper's way and ours.

python benchmarks/ways.py [--quick] [--clips 24] [--seeds 1]
python benchmarks/ways.py --search [--clips 8]
python benchmarks/ways.py --card

The clips are the model card's (`draganything-lab card --clips N`), drags of paths alone. --search tries clocks and
steps on other clips, and so chose those that stand in the weights' sampling.json. Published in benchmarks/ways.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from statistics import fmean, median
from typing import Any

import numpy as np

from draganything_lab.cli.card import WEIGHTS
from draganything_lab.control.representations import CUT_AND_DRAG
from draganything_lab.pipeline import load_pipeline, preview
from draganything_lab.training.card.held_out import HELD_OUT, held_out
from draganything_lab.training.card.samples import Table
from draganything_lab.training.card.videos import CENTRE, DENSE, LEFT, LOOKS, LOST, SHARP, followed, measure_video

MEASURES = {CENTRE: 2, LOST: 0, LOOKS: 1, SHARP: 2, LEFT: 1, DENSE: 2}  # and the digits of their numbers
OTHER_CLIPS = 920_000_000  # the search's: neither the card's nor the lessons'
VAE = {"with_reference": False}
GRID = [(2, 0, 2), (2, 1, 1), (2, 1, 2), (2, 2, 2), (4, 2, 2), (4, 2, 4), (8, 6, 8)]  # steps, and when the clocks end
WITH_CONTROL = [(2, 0, 2), (2, 1, 1), (2, 1, 2)]

Ways = dict[str, Callable[[Any, int], np.ndarray]]


def loaded(representation: str) -> Any:
    """A quiet pipeline."""
    pipe: Any = load_pipeline("toy", representation)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def compared() -> Ways:
    """What is compared, by name: a function from a scene and a seed to frames."""
    pipes = {name: loaded(name) for name in (CUT_AND_DRAG, "entity+gaussian", "carry")}

    def way(name: str, **options: Any) -> Callable[[Any, int], np.ndarray]:
        return lambda scene, seed: pipes[name](scene, seed=seed, **options).frames

    return {
        "preview": lambda scene, seed: preview(scene, 14, label=False),
        "the reference, through the VAE": way(CUT_AND_DRAG, clocks=(1, 1), **VAE),
        "cut-and-drag, VAE": way(CUT_AND_DRAG, **VAE),
        "entity+gaussian, VAE": way("entity+gaussian", **VAE),
        "cut-and-drag": way(CUT_AND_DRAG),
        "entity+gaussian": way("entity+gaussian"),
        "carry": way("carry"),
    }


def searched() -> Ways:
    """The search's settings of cut-and-drag, as `compared`; by the VAE, since the reference decoder hides much."""
    pipe = loaded("entity+gaussian")

    def way(steps: int, weak: int, strong: int, scale: float) -> Callable[[Any, int], np.ndarray]:
        options: dict[str, Any] = {"num_inference_steps": steps, "clocks": (weak / steps, strong / steps), **VAE}
        options |= {"steering": CUT_AND_DRAG, "conditioning_scale": scale}
        return lambda scene, seed: pipe(scene, seed=seed, **options).frames

    settings = [(one, 0.0) for one in GRID] + [(one, 1.0) for one in WITH_CONTROL]
    return {"preview": lambda scene, seed: preview(scene, 14, label=False)} | {
        f"{steps} steps, clocks {weak} and {strong}{', with entity+gaussian' if scale else ''}": way(
            steps, weak, strong, scale
        )
        for (steps, weak, strong), scale in settings
    }


def rows(table: Table, seconds: dict[str, list[float]], ways: Ways) -> Iterator[str]:
    """A table in Markdown, and below it cut-and-drag minus the others, in pairs."""
    heads = [f"{measure} (n = {len(next(iter(table.values[measure].values())))})" for measure in table.values]
    yield f"| way | {' | '.join(heads)} | seconds |"
    yield "|---" * (len(heads) + 2) + "|"
    summary = table.summary()
    for name in ways:
        cells = [f"{summary[measure][name]['mean']:.{MEASURES[measure]}f}" for measure in summary]
        yield f"| {name} | {' | '.join(cells)} | {median(seconds[name]):.1f} |"
    for ours in ("cut-and-drag", "cut-and-drag, VAE"):
        for measure in (CENTRE, LOOKS, LEFT):
            for other in ways:
                if ours in ways and ours != other:
                    gap = table.difference(measure, ours, other)
                    line = f"{gap['mean']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f}), {gap['clips']} clips"
                    yield f"{measure}: {ours} minus {other}: {line}"


def of_card() -> None:
    """Print the ways that the model card has measured, on the clips on which it has cut-and-drag."""
    samples = json.loads((WEIGHTS / "toy" / "samples.json").read_text())
    for measure, digits in MEASURES.items():
        clips = {clip for clip, _ in samples[measure].get(CUT_AND_DRAG, ())}
        for name in ("preview", CUT_AND_DRAG, "entity+gaussian", "carry") if clips else ():
            values = [value for clip, value in samples[measure][name] if clip in clips]
            print(f"{measure}: {name} {fmean(values):.{digits}f} ({len(values)} values, {len(clips)} clips)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, help="default: 24; 8 for the search")
    parser.add_argument("--seeds", type=int, default=1, help="videos of each clip and way (default: 1)")
    parser.add_argument("--search", action="store_true", help="try clocks and steps instead")
    parser.add_argument("--quick", action="store_true", help="3 clips")
    parser.add_argument("--card", action="store_true", help="make nothing: what the model card has of its first clips")
    args = parser.parse_args()
    if args.card:
        of_card()
        return
    ways = searched() if args.search else compared()
    clips = args.clips or (3 if args.quick else 8 if args.search else 24)
    table, seconds = Table(), {name: [] for name in ways}  # type: tuple[Table, dict[str, list[float]]]
    seeds = []
    for seed, clip, scene in held_out(clips, 128, 14, OTHER_CLIPS if args.search else HELD_OUT):
        seeds.append(seed)
        points = followed(clip)
        for name, make in ways.items():
            for run in range(args.seeds):
                start = time.perf_counter()
                video = make(scene, run)
                seconds[name].append(time.perf_counter() - start)
                measure_video(table, name, seed, clip, scene, video, None, points)
    table.values = {measure: table.values[measure] for measure in MEASURES if measure in table.values}
    print(f"{clips} clips, seeds {seeds[0]} to {seeds[-1]}, {args.seeds} video(s) of each")
    for row in rows(table, seconds, ways):
        print(row)


if __name__ == "__main__":
    main()
