"""What one step costs at the released size, really, with random weights, and what the estimates say of it.

    python benchmarks/full_size.py measure step --frames 14 --halves 2    # one process, one stage, one line of JSON
    python benchmarks/full_size.py estimate step --frames 14 --halves 2   # the same without numbers
    python benchmarks/full_size.py table measured.jsonl estimates.jsonl earlier.jsonl     # Markdown

Memory is measured twice in the same run. "tensors": the bytes of all tensors that are alive, operation by operation
(exact, without weights and without what happens inside an operation). "process": how far the peak of the process's
resident memory rises over what it was before the stage, so with workspaces, reordered copies and gaps.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEIGHT, WIDTH = 320, 576
STAGES = ("encode", "see", "embed", "step", "decode", "train")


def resident() -> int:
    """Bytes of resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def forget_peak() -> None:
    """Let the kernel count the peak of this process's resident memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Peak of the resident memory in bytes since `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def fill(network: Any, device: str) -> None:
    """Give a network without numbers small random ones."""
    import torch

    positions = [
        (module, len(module.position_ids[0])) for module in network.modules() if hasattr(module, "position_ids")
    ]
    network.to_empty(device=device)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    for module, count in positions:
        module.position_ids = torch.arange(count, device=device)[None]


def stage_of(args: argparse.Namespace) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Build what a stage needs. Returns what runs it and what its dry run is, given a `DryRun`."""
    import torch

    from draganything_lab.models import random_parts
    from draganything_lab.pipeline import DragAnythingPipeline
    from draganything_lab.pipeline.decoding import decode
    from draganything_lab.pipeline.denoising import Conditions, predict_noise

    dtype = getattr(torch, args.dtype)
    # What a stage does not need stays without numbers: its memory is not this stage's.
    pipe = DragAnythingPipeline(**random_parts(args.size, device="meta", dtype=dtype))
    needed = {"encode": ["vae"], "decode": ["vae"], "see": ["image_encoder"], "embed": ["controlnet"]}
    for name in needed.get(args.stage, ["unet", "controlnet"]):
        fill(getattr(pipe, name), args.device)
    size, frames = (args.height, args.width), args.frames
    cells = [side // pipe.vae_scale_factor for side in size]
    latent = pipe.vae.config.latent_channels
    net = pipe.controlnet
    side = pipe.image_encoder.config.image_size
    channels = net.config.entity_embedding_out_channels[0]

    def rand(*shape: int, kind: Any = dtype) -> Any:
        return torch.rand(shape, device=args.device, dtype=kind)

    def step() -> Any:
        embedding = rand(1, frames, net.conv_in.out_channels, *cells)
        ids = torch.tensor([[6.0, 127.0, 0.02]], device=args.device, dtype=dtype)
        halves = [
            Conditions(rand(1, latent, *cells), rand(1, 1, pipe.unet.config.cross_attention_dim), ids, embedding, 1.0)
            for _ in range(2)
        ]
        pipe.scheduler.set_timesteps(25, device=args.device)
        guidance = torch.linspace(1, 3, frames).view(1, -1, 1, 1, 1)
        start = rand(1, frames, latent, *cells, kind=torch.float32)
        split = args.halves == 1  # both halves, one after the other
        return predict_noise(pipe, start, pipe.scheduler.timesteps[0], *halves, guidance, split)

    runs: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
        "encode": (lambda: pipe.vae.encode(rand(1, 3, *size)).latent_dist.mode(), lambda dry: dry.encode(size)),
        "see": (lambda: pipe.image_encoder(rand(1, 3, side, side)).image_embeds, lambda dry: dry.see(size)),
        "embed": (
            lambda: net.embed_control(rand(1, frames, 3, *size), rand(1, frames, channels, *size)),
            lambda dry: dry.embed(size, frames),
        ),
        "step": (step, lambda dry: dry.step(size, frames, args.halves)),
        "decode": (
            lambda: decode(pipe.vae, rand(frames, latent, *cells, kind=torch.float32), frames, args.device),
            lambda dry: dry.decode(size, frames),
        ),
    }
    return runs[args.stage]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run one stage and return its numbers; the first run is the one whose memory counts."""
    import torch

    from draganything_lab.pipeline.metering import Meter, counting

    if args.threads:
        torch.set_num_threads(args.threads)
    began, empty = time.perf_counter(), resident()
    run = train_step(args) if args.stage == "train" else stage_of(args)[0]
    built = time.perf_counter() - began
    seconds, cpu_seconds, resting = [], [], resident()
    for repeat in range(args.repeats):
        meter = Meter()
        if repeat == 0:
            forget_peak()
        start, used = time.perf_counter(), time.process_time()
        with torch.set_grad_enabled(args.stage == "train"), counting(meter):
            result = run()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - used)
        if repeat == 0:
            tensors, process = meter.peak, peak() - resting
        del result
    return {
        **case_of(args),
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
        "tensors": tensors,
        "process": process,
        "weights": resting - empty,
        "built": built,
        "threads": torch.get_num_threads(),
    }


def case_of(args: argparse.Namespace) -> dict[str, Any]:
    """What tells one measurement from another."""
    names = ["stage", "size", "height", "width", "dtype", "device", "frames"]
    names += {"step": ["halves"], "train": ["checkpointing", "optimiser", "precision"]}.get(args.stage, [])
    return {name: getattr(args, name) for name in names}


def train_step(args: argparse.Namespace) -> Callable[[], Any]:
    """Build one training step of the ControlNet: forward, backward and, if asked for, AdamW."""
    import torch

    from draganything_lab.models import random_parts
    from draganything_lab.training.full import step
    from draganything_lab.training.full.dry import sample_batch

    options = train_options(args)
    parts = random_parts(args.size, device="meta", dtype=getattr(torch, args.dtype))
    for name in ("unet", "controlnet", "vae", "image_encoder"):
        fill(parts[name], args.device)
    frozen = step.Frozen.of(parts, options, args.device)
    net = step.prepare_controlnet(parts.pop("controlnet"), options, args.device)
    del parts
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    adam = torch.optim.AdamW(trained, lr=options.rate) if args.optimiser == "adamw" else None

    def run() -> Any:
        batch, noise = sample_batch(frozen, net, options, 1, args.device)
        losses = step.forward(net, frozen, batch, noise, options)
        losses["loss"].backward()
        if adam is not None:
            adam.step()
        for parameter in trained:
            parameter.grad = None
        return losses["loss"].item()

    return run


def train_options(args: argparse.Namespace) -> Any:
    """The choices of the measured training step."""
    from draganything_lab.training.full.options import Options

    return Options(
        size=(args.height, args.width),
        frames=args.frames,
        batch=1,
        checkpointing=bool(args.checkpointing),
        precision=args.precision,
    )


def estimate(args: argparse.Namespace) -> dict[str, Any]:
    """The same case without numbers."""
    import torch

    from draganything_lab.models import random_parts
    from draganything_lab.pipeline import DragAnythingPipeline
    from draganything_lab.pipeline.dryrun import DryRun

    began = time.perf_counter()
    case, dtype = case_of(args), getattr(torch, args.dtype)
    parts = random_parts(args.size, device="meta", dtype=dtype)
    if args.stage == "train":
        from draganything_lab.training.full.dry import dry_step

        step = dry_step(parts, train_options(args), 1, norms_in_float32=False)
        state = 8 * step.trained if args.optimiser == "adamw" else 0
        memory, flops = step.memory + state, step.flops
    else:
        args.device = "meta"
        cost = stage_of(args)[1](DryRun(DragAnythingPipeline(**parts), dtype, cpu=True))
        memory, flops = cost.memory, cost.flops
    return {**case, "memory": memory, "flops": flops, "took": time.perf_counter() - began}


def table(files: list[str]) -> str:
    """Markdown: measured, estimated now and, where a third file says so, estimated before."""
    lines = [[json.loads(line) for line in Path(name).read_text().splitlines()] for name in files]
    measured, *estimated = lines

    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return all(one[name] == other[name] for name in set(one) & set(other))

    titles = (
        "stage",
        "process GiB",
        "tensors GiB",
        "estimated",
        "of the process's",
        "before",
        "CPU seconds",
        "GFLOP/s",
    )
    rows = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for line in measured:
        now, before = (next((one for one in kind if same(one, line)), None) for kind in [*estimated, [], []][:2])
        cells = [words(line), f"{line['process'] / 2**30:.2f}", f"{line['tensors'] / 2**30:.2f}"]
        cells += [f"{now['memory'] / 2**30:.2f}", f"{now['memory'] / line['process']:.0%}"] if now else ["", ""]
        cells += [f"{before['memory'] / 2**30:.2f}" if before else "", f"{line['cpu_seconds']:.1f}"]
        times = 2 if line.get("halves") == 1 else 1  # both halves were run
        cells += [f"{times * now['flops'] / line['cpu_seconds'] / 1e9:.0f}" if now else ""]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def words(line: dict[str, Any]) -> str:
    """What was measured."""
    what = [line["stage"]] + ([f"{line['frames']} frames"] if line["stage"] not in ("encode", "see") else [])
    if (line["height"], line["width"]) != (HEIGHT, WIDTH):
        what.append(f"{line['width']}x{line['height']}")
    if line["stage"] == "step":
        what.append("halves in turn" if line["halves"] == 1 else "halves together")
    if line["stage"] == "train":
        what.append("checkpointing" if line["checkpointing"] else "nothing computed again")
        what.append("AdamW" if line["optimiser"] == "adamw" else "no optimiser")
    return ", ".join(what)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("measure", help="one stage, here")
    same = kinds.add_parser("estimate", help="its estimate")
    for sub in (one, same):
        sub.add_argument("stage", choices=STAGES)
        sub.add_argument("--size", choices=("tiny", "small", "full"), default="full")
        sub.add_argument("--height", type=int, default=HEIGHT)
        sub.add_argument("--width", type=int, default=WIDTH)
        sub.add_argument("--frames", type=int, default=1)
        sub.add_argument("--halves", type=int, choices=(1, 2), default=2, help="of guidance, at a time")
        sub.add_argument("--dtype", choices=("bfloat16", "float32", "float16"), default="bfloat16")
        sub.add_argument("--device", default="cpu")
        sub.add_argument("--threads", type=int, default=0, help="0 for torch's choice")
        sub.add_argument("--repeats", type=int, default=1)
        sub.add_argument("--checkpointing", type=int, choices=(0, 1), default=1)
        sub.add_argument("--optimiser", choices=("none", "adamw"), default="none")
        sub.add_argument("--precision", choices=("no", "bf16"), default="bf16")
    kinds.add_parser("table", help="Markdown").add_argument("files", nargs="+")
    args = parser.parse_args()
    if args.kind == "table":
        print(table(args.files))
        return
    print(json.dumps(measure(args) if args.kind == "measure" else estimate(args)))


if __name__ == "__main__":
    main()
