"""What one GPU makes of the pipeline: the whole run against the released one, and each measure alone.

    python benchmarks/gpu.py --out gpu.jsonl             # the released size; ten minutes on an H100
    python benchmarks/gpu.py --out gpu.jsonl --table     # Markdown of what is there so far
    python benchmarks/gpu.py --out tiny.jsonl --size tiny --device cpu  # the same script at a minute size

Every mode is a process of its own and writes its line when it is done; what is in the file is not measured again, and
a mode whose share of time (`seconds` in gpu_ways.py, on an H100) no longer fits the budget is left for the next call.

Weights are random unless `--weights` names some: times and memory do not depend on them, but how a shorter schedule
changes the frames does, so that comparison means little with random weights.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
from gpu_ways import DEFAULT, MODES, around, prepared, profiled
from pipeline import make_inputs
from released.pipeline import run_as_released

SIZES = {"tiny": (64, 64, 4, 4), "small": (128, 192, 14, 3), "full": (320, 576, 20, 25)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run one mode, after one step to warm up, and return its numbers."""
    import torch

    from draganything_lab.control import build_control

    began = time.perf_counter()
    mode, cuda = MODES[args.mode], args.device == "cuda"
    pipe = prepared(args, mode)
    channels = pipe.controlnet.config.entity_embedding_out_channels[0]
    picture, scene, vectors = make_inputs(channels, args.height, args.width, args.frames)
    control = build_control(scene, args.frames, vectors=vectors, preset="release")
    image, entity_map = (torch.from_numpy(maps).permute(0, 3, 1, 2) for maps in (control.image(), control.entity_map()))
    kind = next(pipe.controlnet.parameters())
    # Both halves of guidance, all frames, as released.
    maps = [torch.stack([one, one]).to(kind) for one in (image, entity_map)] if "control" in mode.options else None
    stamps: list[float] = []

    def tick(*_: Any) -> None:
        if cuda:
            torch.cuda.synchronize()
        stamps.append(time.perf_counter())

    def once(steps: int) -> tuple[Any, Any]:
        stamps.clear()
        generator, caught = torch.Generator().manual_seed(0), []
        tick()
        if "released" in mode.options:
            hook = pipe.unet.register_forward_hook(tick)
            with torch.no_grad():
                latents, pixels = run_as_released(pipe, picture, image, entity_map, steps=steps, generator=generator)
            hook.remove()
            frames = (pixels.permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
        else:

            def step_end(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> None:
                caught[:] = [tensors["latents"]]
                tick()

            made: Any = pipe(
                picture,
                control,
                num_inference_steps=steps,
                generator=generator,
                preset="release",
                decode_chunk_size=8,
                split_guidance="split" in mode.options,
                callback_on_step_end=step_end,
            )
            latents, frames = caught[0], np.asarray(made.frames)
        tick()
        return latents.float().cpu().numpy(), frames

    steps = max(1, round(args.steps * mode.steps))
    result: dict[str, Any] = {"mode": args.mode, "steps": steps}
    with around(pipe, mode, maps):
        if "profile" in mode.options:
            once(1)
            return result | {"groups": profiled(pipe, lambda: once(steps), cuda)} | where_of(args)
        once(1)
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        latents, frames = once(steps)
    # The first step also waits for what is done once a video.
    steady = np.diff(stamps[1:-1]) if steps > 1 else np.diff(stamps[:2])
    folder = Path(args.out).with_suffix(".d")
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{args.mode}.npz", latents=latents, frames=frames)
    result["steps"] = len(stamps) - 2  # "ays" has its own number
    result |= {"step": float(np.median(steady)), "video": stamps[-1] - stamps[0]}
    if cuda:
        result |= {"memory": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}
    if "released" not in mode.options:
        size = (args.height, args.width)
        plan = pipe.estimate(size, args.frames, steps=steps, offload=False, memory=2**60)
        result |= {"estimate": plan.memory, "flops": plan.step_flops}
    return result | where_of(args) | {"process": time.perf_counter() - began}


def where_of(args: argparse.Namespace) -> dict[str, Any]:
    """Size and machine of a measurement."""
    import torch

    card = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    names = ("size", "height", "width", "frames", "weights")
    return {name: getattr(args, name) for name in names} | {"card": card, "torch": torch.__version__}


def run_all(args: argparse.Namespace) -> None:
    """Measure what is missing, as long as the budget lasts."""
    out, began = Path(args.out), time.perf_counter()
    done = {line["mode"] for line in lines_of(out)}
    for name in args.modes.split(",") if args.modes else DEFAULT:
        if name not in MODES:
            raise SystemExit(f'mode "{name}" is unknown; use one of {", ".join(MODES)}')
        if name in done:
            continue
        left = args.budget - (time.perf_counter() - began)
        if MODES[name].seconds > left and args.size == "full":
            print(f"{name} needs about {MODES[name].seconds:.0f} s and {left:.0f} s are left: not measured now")
            continue
        command = [sys.executable, __file__, "--mode", name]
        for option in ("out", "size", "device", "height", "width", "frames", "steps", "weights"):
            command += [f"--{option}", str(getattr(args, option))]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=max(left, 1))
        except subprocess.TimeoutExpired:
            print(f"{name} was stopped: the budget of {args.budget:.0f} s is used up")
            break
        if run.returncode:
            print(f"{name} failed: {(run.stderr.strip().splitlines() or ['no message'])[-1]}")
            continue
        line = run.stdout.strip().splitlines()[-1]
        with out.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(f"{name}: {time.perf_counter() - began:.0f} s so far", flush=True)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The measurements in a file; a line that a kill has cut off is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def table(args: argparse.Namespace) -> str:
    """Markdown of what was measured."""
    from draganything_lab.media.picture import psnr

    out = Path(args.out)
    found = {line["mode"]: line for line in lines_of(out)}
    if not found:
        raise SystemExit(f"{out} holds no measurement yet")
    first = next(iter(found.values()))
    rows = [
        f"{first['card']}, PyTorch {first['torch']}, {first['size']}: {first['frames']} frames of "
        f"{first['width']}x{first['height']}, guidance 1 to 3, weights: {first['weights'] or 'random'}",
        "",
        "| mode | steps | s/step | s/video | peak GiB | estimated | step against base | base | latents differ | PSNR |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    made = {name: np.load(path) for name in found if (path := out.with_suffix(".d") / f"{name}.npz").exists()}
    for name, line in found.items():
        if "step" not in line:
            continue
        mode, base = MODES[name], found.get(MODES[name].base)
        gain = differ = near = ""
        if base is not None and mode.base in made and name in made:
            gain = f"{base['step'] / line['step']:.2f}x"
            own, other = made[name], made[mode.base]
            differ = f"{np.abs(own['latents'] - other['latents']).max():.1e}"
            near = f"{psnr(other['frames'], own['frames']):.1f} dB" if name != mode.base else ""
        memory, estimate = (f"{line[key] / 2**30:.2f}" if key in line else "" for key in ("memory", "estimate"))
        rows.append(
            f"| {mode.what} | {line['steps']} | {line['step']:.3f} | {line['video']:.2f} | {memory} | {estimate} "
            f"| {gain} | {mode.base} | {differ} | {near} |"
        )
    if "profile" in found:
        groups = found["profile"]["groups"]
        total = sum(groups.values())
        rows += ["", "| where the time goes | share |", "|---|---|"]
        rows += [f"| {name} | {seconds / total:.1%} |" for name, seconds in groups.items()]
    return "\n".join(rows)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="file of JSON lines; arrays go into a folder beside it")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--height", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--steps", type=int, help="of a whole run")
    parser.add_argument("--weights", default="", help="a folder of weights or a name, instead of random ones")
    parser.add_argument("--budget", type=float, default=600, help="seconds for this call")
    parser.add_argument("--modes", help=f"comma-separated, of {', '.join(MODES)}")
    parser.add_argument("--mode", choices=sorted(MODES), help="measure this one here and print JSON")
    args = parser.parse_args()
    height, width, frames, steps = SIZES[args.size]
    args.height, args.width = args.height or height, args.width or width
    args.frames, args.steps = args.frames or frames, args.steps or steps
    if args.table:
        print(table(args))
    elif args.mode:
        print(json.dumps(measure(args)))
    else:
        run_all(args)


if __name__ == "__main__":
    main()
