"""The ways of making a video that `gpu.py` measures, and where the time of one goes."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


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
