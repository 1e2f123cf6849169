"""What the pipeline saves, against a loop that does what the released pipeline does, at the same random weights.

    python benchmarks/pipeline.py --size small                     # a fifth of the released widths, on a CPU
    python benchmarks/pipeline.py --size full --device cuda        # the released size, on a GPU
    python benchmarks/pipeline.py --size full --steps 1 --frames 2 --height 64 --width 128 --modes ours-bfloat16

Every mode runs in a process of its own, in turns, so that peaks of memory are its own; the table shows medians.

"released" is: float32; control maps dense, for all frames and both guidance halves; their embedding computed at every
step; cross-attention with queries and keys.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from released.pipeline import run_as_released

MODES = {
    "released-float32": "as released, float32",
    "released-float16": "as released, float16",
    "ours-float32": "ours, float32",
    "ours-float16": "ours, float16",
    "ours-bfloat16": "ours, bfloat16",
    "ours-float16-compile": "ours, float16, compiled",
    "ours-float32-split": "ours, float32, halves in turn",
    "ours-float32-last": "ours, float32, channels last",
    "ours-float16-last": "ours, float16, channels last",
    "ours-float16-split": "ours, float16, halves in turn",
}
DEFAULT_MODES = {
    "cpu": ["released-float32", "ours-float32", "ours-float32-last", "ours-float32-split"],
    "cuda": [
        "released-float32",
        "ours-float32",
        "released-float16",
        "ours-float16",
        "ours-float16-last",
        "ours-float16-compile",
    ],
}
SIZES = {"tiny": (64, 64, 4, 4), "small": (128, 192, 14, 3), "full": (320, 576, 20, 5)}


def make_inputs(channels: int, height: int, width: int, frames: int) -> tuple[np.ndarray, Any, np.ndarray]:
    """Return a picture (H, W, 3) uint8, a scene with two entities, and their vectors (2, C)."""
    from draganything_lab.scene import Scene

    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    scene = Scene(picture)
    for number, (x, y) in enumerate(((0.25, 0.3), (0.6, 0.6))):
        mask = np.zeros((height, width), bool)
        rows = slice(int((y - 0.15) * height), int((y + 0.15) * height))
        mask[rows, int((x - 0.1) * width) : int((x + 0.1) * width)] = True
        scene.add(f"thing {number}", mask, [(x * width, y * height), ((x + 0.15) * width, (y + 0.1) * height)])
    return picture, scene, rng.normal(size=(2, channels)).astype(np.float32)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run one mode once, after one short run to warm up, and return its numbers."""
    import torch

    from draganything_lab.control import build_control
    from draganything_lab.models import random_parts
    from draganything_lab.pipeline import DragAnythingPipeline
    from draganything_lab.pipeline.faster import compile_blocks, use_channels_last

    if args.threads:
        torch.set_num_threads(args.threads)
    way, precision, *more = args.mode.split("-")
    dtype = getattr(torch, precision)
    cuda = args.device == "cuda"
    pipe = DragAnythingPipeline(**random_parts(args.size, device=args.device, dtype=dtype))
    pipe.set_progress_bar_config(disable=True)
    if "last" in more:
        for net in (pipe.unet, pipe.controlnet):
            use_channels_last(net)
    if "compile" in more:
        for net in (pipe.unet, pipe.controlnet):
            compile_blocks(net)
    channels = pipe.controlnet.config.entity_embedding_out_channels[0]
    picture, scene, vectors = make_inputs(channels, args.height, args.width, args.frames)
    control = build_control(scene, args.frames, vectors=vectors, preset="release")

    stamps: list[float] = []

    def tick(*_: Any) -> None:
        if cuda:
            torch.cuda.synchronize()
        stamps.append(time.process_time() if args.clock == "process" else time.perf_counter())

    def once(steps: int) -> Any:
        stamps.clear()
        generator = torch.Generator().manual_seed(0)
        tick()
        if way == "released":
            image = torch.from_numpy(control.image()).permute(0, 3, 1, 2)
            entity_map = torch.from_numpy(control.entity_map()).permute(0, 3, 1, 2)
            hook = pipe.unet.register_forward_hook(tick)
            with torch.no_grad():
                latents, _ = run_as_released(pipe, picture, image, entity_map, steps=steps, generator=generator)
            hook.remove()
        else:
            caught = []

            def step_end(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> None:
                caught[:] = [tensors["latents"]]
                tick()

            pipe(
                picture,
                control,
                num_inference_steps=steps,
                generator=generator,
                preset="release",
                decode_chunk_size=8,
                split_guidance="split" in more,
                callback_on_step_end=step_end,
            )
            latents = caught[0]
        tick()
        return latents.float().cpu().numpy()

    if cuda or args.warm:
        once(1)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    resting = _resident()
    latents = once(args.steps)
    # The first step also waits for what is done once a video; the steps after it do not.
    steady = np.diff(stamps[1:-1]) if args.steps > 1 else np.diff(stamps[:2])
    if args.out:
        np.save(args.out, latents)
    return {
        "step": float(np.median(steady)),
        "video": stamps[-1] - stamps[0],
        "memory": torch.cuda.max_memory_allocated() if cuda else _peak(),
        "resting": torch.cuda.memory_allocated() if cuda else resting,
        "estimate": 0
        if way == "released"
        else pipe.estimate(
            (args.height, args.width), args.frames, steps=args.steps, offload=False, memory=2**60
        ).memory,
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def compare(args: argparse.Namespace) -> None:
    """Run all modes in turns and print the table."""
    modes = args.modes.split(",") if args.modes else DEFAULT_MODES[args.device]
    results: dict[str, list[dict[str, Any]]] = {mode: [] for mode in modes}
    latents: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.repeats):
            for mode in modes:
                out = Path(folder, f"{mode}.npy")
                command = [sys.executable, __file__, "--mode", mode, "--out", str(out)]
                for name in ("size", "device", "height", "width", "frames", "steps", "threads", "clock"):
                    command += [f"--{name}", str(getattr(args, name))]
                command += ["--warm"] if args.warm else []
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    print(f"{mode} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
                    continue
                results[mode].append(json.loads(done.stdout.strip().splitlines()[-1]))
                latents[mode] = np.load(out)
    print(
        f"{args.size}, {args.width}x{args.height}, {args.frames} frames, {args.steps} steps, guidance 1 to 3, "
        f"{args.device}, {args.clock} clock; medians of {args.repeats} (smallest to largest)\n"
    )
    print("| mode | s/step | s/video | peak GiB | of these at rest | estimated | step | video | latents differ by |")
    print("|---|---|---|---|---|---|---|---|---|")
    first = next((mode for mode in modes if results[mode]), None)
    for mode in modes:
        if not results[mode] or first is None:
            print(f"| {MODES[mode]} | failed | | | | | | | |")
            continue
        median = {key: statistics.median(one[key] for one in results[mode]) for key in results[mode][0]}
        base = {key: statistics.median(one[key] for one in results[first]) for key in median}
        low, high = (pick(one["step"] for one in results[mode]) for pick in (min, max))
        differ = np.abs(latents[mode] - latents[first]).max()
        print(
            f"| {MODES[mode]} | {median['step']:.3f} ({low:.3f} to {high:.3f}) | {median['video']:.2f} "
            f"| {median['memory'] / 2**30:.2f} | {median['resting'] / 2**30:.2f} "
            f"| {median['estimate'] / 2**30:.2f} "
            f"| {base['step'] / median['step']:.2f}x | {base['video'] / median['video']:.2f}x | {differ:.1e} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--height", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for torch's choice")
    parser.add_argument(
        "--clock",
        choices=("wall", "process"),
        default="wall",
        help="process: CPU seconds of the process itself, for a machine that others use too (with --threads 1)",
    )
    parser.add_argument("--warm", action="store_true", help="one step to warm up before the measured run, on a CPU too")
    parser.add_argument("--modes", help=f"comma-separated, of {', '.join(MODES)}")
    parser.add_argument("--mode", choices=sorted(MODES), help="measure this one here and print JSON")
    parser.add_argument("--out", help="with --mode: where the latents go")
    args = parser.parse_args()
    height, width, frames, steps = SIZES[args.size]
    args.height, args.width = args.height or height, args.width or width
    args.frames, args.steps = args.frames or frames, args.steps or steps
    if args.mode:
        print(json.dumps(measure(args)))
    else:
        compare(args)


if __name__ == "__main__":
    main()
