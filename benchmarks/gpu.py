"""What one GPU makes of the pipeline: the whole run against the released one, and each measure alone.

    python benchmarks/gpu.py --out gpu.jsonl             # the released size; ten minutes on an H100
    python benchmarks/gpu.py --out gpu.jsonl --table     # Markdown of what is there so far
    python benchmarks/gpu.py --out tiny.jsonl --size tiny --device cpu  # the same script at a minute size

Every mode is a process of its own and writes its line when it is done; what is in the file is not measured again, and
a mode whose share of time (`seconds` below, on an H100) no longer fits the budget is left for the next call.

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
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
from pipeline import make_inputs
from released.pipeline import run_as_released

SIZES = {"tiny": (64, 64, 4, 4), "small": (128, 192, 14, 3), "full": (320, 576, 20, 25)}


@dataclass(frozen=True)
class Mode:
    """One way to make the video.

    Attributes:
        what: In words.
        base: The mode that it is compared with, in time and in numbers.
        seconds: Its share of the budget, on an H100 at the released size, its process's start included.
        dtype: "half" for float16 on a GPU and bfloat16 on a CPU, or "float32".
        steps: Share of the steps of a whole run, at least one; whole runs tell the time of a video.
        options: Names that `prepared` understands.
    """

    what: str
    base: str
    seconds: float
    dtype: str = "half"
    steps: float = 1.0
    options: tuple[str, ...] = field(default=())


# Ten minutes in all. A part of the steps tells the time of a step; only whole runs tell that of a video.
MODES = {
    "released": Mode("as released, half precision", "released", 60, options=("released",)),
    "ours": Mode("ours, half precision", "released", 35),
    "released-exact": Mode("as released, float32", "released-exact", 50, "float32", 0.08, ("released",)),
    "ours-exact": Mode("ours, float32", "released-exact", 40, "float32", 0.08),
    "short": Mode("ours, a fifth of the steps: base of what follows", "short", 20, steps=0.2),
    "control-each-step": Mode("control embedded at every step", "short", 25, steps=0.2, options=("control",)),
    "split": Mode("guidance halves in turn", "short", 25, steps=0.2, options=("split",)),
    "channels-last": Mode("channels last", "short", 25, steps=0.2, options=("last",)),
    "attention-math": Mode("attention written out", "short", 30, steps=0.2, options=("MATH",)),
    "attention-flash": Mode("attention: flash", "short", 20, steps=0.2, options=("FLASH_ATTENTION",)),
    "attention-efficient": Mode(
        "attention: memory-efficient", "short", 20, steps=0.2, options=("EFFICIENT_ATTENTION",)
    ),
    "attention-cudnn": Mode("attention: cuDNN", "short", 20, steps=0.2, options=("CUDNN_ATTENTION",)),
    "profile": Mode("where the time goes, two steps", "short", 40, steps=0.08, options=("profile",)),
    "euler-15": Mode("Euler, 15 of 25 steps", "ours", 25, steps=0.6),
    "euler-10": Mode("Euler, 10 of 25 steps", "ours", 20, steps=0.4),
    "dpm-10": Mode("DPM-Solver++ (2M), 10 of 25 steps", "ours", 20, steps=0.4, options=("dpm",)),
    "ays-10": Mode("Euler, Align Your Steps' 10 levels", "ours", 20, steps=0.4, options=("ays",)),
    "compile": Mode("repeated blocks compiled", "short", 90, steps=0.2, options=("compile",)),
    "fp8": Mode("linear layers in FP8", "short", 30, steps=0.2, options=("fp8",)),  # only where it is asked for
}
DEFAULT = [name for name in MODES if name != "fp8"]


def prepared(args: argparse.Namespace, mode: Mode) -> Any:
    """The pipeline of a mode."""
    import torch

    from draganything_lab.models import random_parts
    from draganything_lab.pipeline import DragAnythingPipeline, load_pipeline
    from draganything_lab.pipeline.faster import compile_blocks, use_channels_last

    half = torch.float16 if args.device == "cuda" else torch.bfloat16
    dtype = half if mode.dtype == "half" else torch.float32
    if mode.dtype == "float32":  # TF32 would not be float32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if args.weights:
        pipe = load_pipeline(args.weights, device=args.device, dtype=dtype)
    else:
        pipe = DragAnythingPipeline(**random_parts(args.size, device=args.device, dtype=dtype))
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = scheduler_of(pipe.scheduler, mode.options)
    for net in (pipe.unet, pipe.controlnet):
        if "last" in mode.options:
            use_channels_last(net)
        if "fp8" in mode.options:
            use_fp8(net)
        if "compile" in mode.options:
            compile_blocks(net)
    return pipe


def scheduler_of(usual: Any, options: tuple[str, ...]) -> Any:
    """The pipeline's scheduler, or one of the same noise levels that gets by with fewer steps."""
    from diffusers import EDMDPMSolverMultistepScheduler, EulerDiscreteScheduler
    from diffusers.schedulers import AysSchedules

    if "dpm" in options:
        return EDMDPMSolverMultistepScheduler(
            sigma_min=usual.config.sigma_min,
            sigma_max=usual.config.sigma_max,
            sigma_data=1.0,
            prediction_type="v_prediction",
        )
    if "ays" in options:  # arXiv 2404.14507
        levels = AysSchedules["StableDiffusionVideoSigmas"]

        class Ays(EulerDiscreteScheduler):
            def set_timesteps(self, steps: Any = None, device: Any = None, **_: Any) -> None:
                super().set_timesteps(sigmas=levels, device=device)

        return Ays.from_config(usual.config)
    return usual


def use_fp8(net: Any) -> int:
    """Let the linear layers of feed-forwards multiply in FP8, one scale per tensor; returns how many do."""
    import torch
    from torch import nn

    most = torch.finfo(torch.float8_e4m3fn).max

    def quantised(values: Any) -> tuple[Any, Any]:
        scale = values.abs().amax().float().clamp(min=1e-12) / most
        return (values / scale).clamp(-most, most).to(torch.float8_e4m3fn), scale

    class Fp8(nn.Module):
        def __init__(self, layer: nn.Linear) -> None:
            super().__init__()
            weight, scale = quantised(layer.weight.detach())
            self.register_buffer("weight", weight)
            self.register_buffer("scale", scale)
            self.bias = layer.bias

        def forward(self, x: Any) -> Any:
            flat, scale = quantised(x.reshape(-1, x.shape[-1]))
            out = torch._scaled_mm(flat, self.weight.t(), scale, self.scale, bias=self.bias, out_dtype=x.dtype)
            return out.unflatten(0, x.shape[:-1])

    count = 0
    for block in [module for module in net.modules() if type(module).__name__ == "FeedForward"]:
        for parent in list(block.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.Linear and child.in_features % 16 == child.out_features % 16 == 0:
                    setattr(parent, name, Fp8(child))
                    count += 1
    return count


@contextlib.contextmanager
def around(pipe: Any, mode: Mode, maps: Any) -> Iterator[None]:
    """What holds during the run: a kind of attention, or the released way with the control."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with contextlib.ExitStack() as stack:
        kinds = [getattr(SDPBackend, name) for name in mode.options if name in SDPBackend.__members__]
        if kinds:
            stack.enter_context(sdpa_kernel(kinds))
        if "control" in mode.options:

            def embed_again(*_: Any) -> None:
                pipe.controlnet.embed_control(*maps)

            hook = pipe.controlnet.register_forward_pre_hook(embed_again)
            stack.callback(hook.remove)
        yield


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


GROUPS = (
    ("attention", ("attention", "softmax")),
    ("convolutions", ("conv", "cudnn")),
    ("products", ("mm", "linear", "matmul")),
    ("norms", ("norm",)),
    ("copies", ("copy", "clone", "contiguous", "cat", "fill", "zero", "to", "pad")),
)


def profiled(pipe: Any, run: Any, cuda: bool) -> dict[str, float]:
    """Seconds by kind of work: attention by its axis, the VAE, the control's embedding, else by operation."""
    from torch.profiler import ProfilerActivity, profile, record_function

    ranges = {
        "VAE": [pipe.vae.encoder, pipe.vae.decoder],
        "image encoder": [pipe.image_encoder],
        "control embedding": [pipe.controlnet.controlnet_cond_embedding],
    }
    for net in (pipe.unet, pipe.controlnet):
        for block in net.modules():
            axis = {"BasicTransformerBlock": "spatial", "TemporalBasicTransformerBlock": "temporal"}
            if (name := axis.get(type(block).__name__)) is not None:
                ranges.setdefault(f"attention, {name}", []).append(block.attn1)
    hooks: list[Any] = []
    for name, modules in ranges.items():
        for module in modules:
            opened: list[Any] = []

            def begin(*_: Any, name: str = name, opened: list[Any] = opened) -> None:
                opened.append(record_function(name))
                opened[-1].__enter__()

            def end(*_: Any, opened: list[Any] = opened) -> None:
                opened.pop().__exit__(None, None, None)

            hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if cuda else [])
    with profile(activities=kinds) as profiler:
        run()
    for hook in hooks:
        hook.remove()
    seconds: Counter[str] = Counter()
    for event in profiler.events():
        own = event.self_device_time_total if cuda else event.self_cpu_time_total
        if own > 0 and (not cuda or "CPU" in str(event.device_type)):
            seconds[group_of(event, ranges)] += own / 1e6
    return dict(seconds.most_common())


def group_of(event: Any, ranges: Any) -> str:
    """The group of a profiler's event: the named range that it lies in, else that of its operation."""
    above = event
    while above is not None:
        if above.name in ranges:
            return str(above.name)
        above = above.cpu_parent
    name = event.name.lower().removeprefix("aten::")
    for group, words in GROUPS:
        if any(word in name if word != "to" else name in ("to", "_to_copy") for word in words):
            return group
    return "element by element, and the rest"


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
