"""The ControlNet on a frozen video UNet, as in the paper, against both trained together, as `toy` is.

python benchmarks/frozen.py [--quick] [--minutes 33] [--picture 64] [--processes 2]
python benchmarks/frozen.py --device cuda --minutes 8 --picture 128 --processes 1 --workers 12 --batch 15

A video UNet is trained from nothing on Toyland, then goes on in two ways, for the same steps, clips, noise and rates:
with its ControlNet, or frozen under it. Both make videos of the same held-out clips. What makes pictures into latents
and entity vectors is `toy`'s. Published in benchmarks/frozen.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from draganything_lab.media import save_picture
from draganything_lab.models import zoo
from draganything_lab.pipeline import load_pipeline
from draganything_lab.training.card.card import strip
from draganything_lab.training.card.held_out import held_out
from draganything_lab.training.card.measure import measure
from draganything_lab.training.toy import stages as toy
from draganything_lab.training.toy.begin import begin

OUT = Path(__file__).parents[1] / "outputs" / "frozen"
STEPS = 10  # of the sampler: these stages learn every noise level
BOTH, FROZEN = "both trained", "UNet frozen"
SHARES = {"unet": 0.4, "control": 0.33}  # of the minutes; the frozen way takes the steps that "control" had time for


def train(stage: str, folder: Path, args: argparse.Namespace, *length: str) -> tuple[int, float]:
    """Train a stage as a user would; return its steps, and the seconds that one took."""
    words = [sys.executable, "-m", "draganything_lab.cli", "train", "toy", "--stages", stage, "--folder", str(folder)]
    words += ["--picture", str(args.picture), "--processes", str(args.processes), "--batch", str(args.batch)]
    words += ["--device", args.device, "--workers", str(args.workers), "--representations", "1", *length]
    if code := subprocess.call(words):
        sys.exit(code)  # the command has said why
    state = torch.load(folder / f"{stage}.pt", map_location="cpu", weights_only=True)
    return state["step"], state["seconds"] / max(1, state["step"])


def train_both_ways(args: argparse.Namespace) -> dict[str, Path]:
    """Train, and return where the weights of each way are; say how many steps each had, and how long one took."""
    shutil.rmtree(OUT, ignore_errors=True)
    folders = {BOTH: OUT / "both", FROZEN: OUT / "frozen"}
    begin(folders[BOTH], zoo.weights_folder("toy"), toy.REPRESENTATIONS)
    for later in ("unet", "control", "fewstep"):  # these begin with nothing
        (folders[BOTH] / f"{later}.pt").unlink(missing_ok=True)
    minutes = {stage: f"{share * args.minutes:.3f}" for stage, share in SHARES.items()}
    first, _ = train("unet", folders[BOTH], args, "--minutes", minutes["unet"])
    shutil.copytree(folders[BOTH], folders[FROZEN])
    steps, both = train("control", folders[BOTH], args, "--minutes", minutes["control"])
    _, frozen = train("control-frozen", folders[FROZEN], args, "--steps", str(steps))
    (folders[FROZEN] / "control-frozen.pt").rename(folders[FROZEN] / "control.pt")
    clips = args.batch * args.processes
    print(f"{args.picture}x{args.picture}; UNet {first} steps, then {steps} steps each way, of about {clips} clips")
    print(f"seconds a step: {BOTH} {both:.1f}, {FROZEN} {frozen:.1f}")
    made = {}
    for name, folder in folders.items():
        made[name] = folder / "weights"
        toy.export(folder, made[name])
    return made


def main() -> None:
    """Train, measure, print a table, keep a picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a minute in all: whether it runs, not what comes out")
    parser.add_argument("--minutes", type=float, default=10, help="of training (default: %(default)s)")
    parser.add_argument("--picture", type=int, default=64, help="side in pixels (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0, help="extra processes that draw clips")
    parser.add_argument("--batch", type=int, default=16, help="clips a step and process")
    parser.add_argument("--clips", type=int, default=40, help="held-out clips")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    if args.quick:
        args.minutes, args.picture, args.batch, args.clips = 0.6, 48, 2, 4
    pipes: dict[str, Any] = {name: load_pipeline(path) for name, path in train_both_ways(args).items()}
    for pipe in pipes.values():
        pipe.set_progress_bar_config(disable=True)
    table, _ = measure(pipes.__getitem__, pipes, clips=args.clips, seeds=1, vae_pictures=20, steps=STEPS, keep=1)
    print(f"\n{args.clips} held-out clips, one video each, {STEPS} steps; mean (95 %), and the difference in pairs\n")
    print(f"| | frozen video | {BOTH} | {FROZEN} | {FROZEN} more by |\n|---|---|---|---|---|")
    for measured, makers in table.summary().items():
        if BOTH in makers:
            more = table.difference(measured, FROZEN, BOTH)
            rows = [*(makers[name] for name in ("frozen", BOTH, FROZEN)), more]
            cells = [f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})" for row in rows]
            print(f"| {measured} | {' | '.join(cells)} |")
    pictures = []
    for _, clip, scene in held_out(3, args.picture, pipes[BOTH].unet.config.num_frames):
        frames = len(clip.video)
        videos = [pipe(scene, num_frames=frames, num_inference_steps=STEPS, seed=0).frames for pipe in pipes.values()]
        pictures.append(np.vstack([strip(clip.video, videos[0]), strip(clip.video, videos[1])]))
    print(f"\n{save_picture(np.vstack(pictures), OUT / 'strips.png')}: each truth, {BOTH}; truth, {FROZEN}")


if __name__ == "__main__":
    main()
