"""The stages that make `toy`, in order, and how their checkpoints become the folder that is shipped."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ...errors import LabError
from ...media.files import write_whole
from ...models import AmodalCompleter, HoleFiller, ReferenceDecoder
from ...models.completer import COMPLETER_BLOCKS, COMPLETER_WIDTHS
from ...models.filler import FILLER_BLOCKS, FILLER_WIDTHS
from ...toyland import Artwork
from ..engine.loop import Settings, load_average, processes, run
from ..engine.stage import Stage
from .clips import WORLDS, ClipSize
from .complete import CompleteStage
from .decode import DecodeStage
from .dift import Denoiser, DiftStage, build_scheduler
from .fewstep import FewStepStage
from .fill import FillStage
from .networks import ENTITY_CHANNELS, ENTITY_LAYER, ENTITY_TIMESTEP, PICTURE, build_feature_extractor, fold
from .networks import build_scheduler as build_video_scheduler
from .plan import STAGES, check_stages, minutes_of
from .sharp import SharpStage
from .vae import DecoderStage, VaeStage, load_vae
from .video import Animator, Controlled, ControlStage, UnetStage

# Clips per step on a GPU (pictures for "vae", "dift", "fill"; things for "complete"); on a CPU each has its own number.
# Small: for these networks a step's kernels take hardly less time for less, and it is steps that they learn by.
GPU_BATCH = {
    "vae": 48,
    "dift": 32,
    "unet": 15,
    "control": 15,
    "control-frozen": 15,
    "fewstep": 15,
    "decoder": 6,
    "fill": 48,
    "complete": 64,
    "sharp": 20,
    "decode": 20,
}
REPRESENTATIONS = ("entity+gaussian", "entity", "gaussian", "trajectory", "point", "carry")
SAFE: dict[str, Any] = {"max_shard_size": "15MB", "safe_serialization": True}
# What the pipeline takes when a call does not say; the clocks are cut-and-drag's (benchmarks/ways.md).
SAMPLING = {"steps": 2, "guidance": 1.0, "clocks": [0.5, 1.0]}
LARGE = 4096  # a weight with at least this many values is stored in 8 bits
LOG_LINES = 300
# How far the stage "decode" takes the reference decoder from where it began. All the way it is a little nearer to the
# truth on average, but smears edges in pictures of other sizes (weights averaged as in arXiv 2109.01903).
DECODED = 0.5
GUESSERS = {"fill": HoleFiller, "complete": AmodalCompleter}  # trained without the sampler, shipped with the decoder
SIZE = "size.json"  # what the checkpoints of a folder were trained at


def build_stage(
    name: str,
    folder: Path,
    *,
    batch: int | None = None,
    picture: int = PICTURE,
    representations: tuple[str, ...] = REPRESENTATIONS,
    worlds: tuple[str, ...] = ("toyland",),
) -> Stage:
    """Build a stage on top of the checkpoints of the stages before it.

    Args:
        name: One of `STAGES`, or "control-frozen", which leaves the video UNet as it was.
        folder: Where the checkpoints lie.
        batch: Clips per step and process (pictures for "vae", "dift" and "fill", things for "complete"); None for the
            stage's own number.
        picture: Side of the pictures in pixels.
        representations: For the control stages and "fewstep": a first part of `REPRESENTATIONS`; they share
            the batch.
        worlds: Some of `WORLDS`; "scrapbook" needs its artwork when batches are drawn.

    Raises:
        LabError: The name is unknown or an earlier stage has not been trained.
    """
    if not representations or representations != REPRESENTATIONS[: len(representations)]:
        raise LabError(
            f"representations are {', '.join(representations) or 'none'}",
            fix=f"use a first part of {', '.join(REPRESENTATIONS)}",
        )
    check_names((name,), worlds)
    torch.manual_seed(0)
    size: dict[str, Any] = {} if batch is None else {"batch": batch}
    clips = ClipSize(picture=picture, worlds=worlds)
    if name == "vae":
        return VaeStage(picture=picture, worlds=worlds, **size)
    if name == "fill":
        return FillStage(picture, worlds, **size)
    if name == "complete":
        return CompleteStage(worlds, **size)
    vae = load_vae(folder / "vae.pt")
    if name == "decoder":
        return DecoderStage(vae, size=clips, **size)
    if name == "dift":
        return DiftStage(vae, picture=picture, worlds=worlds, **size)
    if name == "unet":
        return UnetStage(vae, size=clips, **size)
    animator, denoiser = Animator(picture), Denoiser()
    load_average(animator, folder / "unet.pt")
    load_average(denoiser, folder / "dift.pt")
    size |= {"size": clips, "representations": representations}
    if name in ("control", "control-frozen"):
        return ControlStage(vae, animator, denoiser, train_unet=name == "control", **size)
    guessing: dict[str, Any] = {"filler": load_guesser(folder, "fill"), "completer": load_guesser(folder, "complete")}
    if name == "fewstep":
        stage = FewStepStage(vae, animator, denoiser, **size)
    elif name == "sharp":
        stage = SharpStage(vae, animator, denoiser, **guessing, **size)
    else:
        stage = DecodeStage(vae, animator, denoiser, shards=folder / "decode", **guessing, **size)
    order = {"fewstep": ("control",), "sharp": ("control", "fewstep")}.get(name, ("control", "fewstep", "sharp"))
    earlier = [path for one in order if (path := folder / f"{one}.pt").exists()]
    if not earlier:
        raise LabError(f"{folder / 'control.pt'} does not exist", fix="train the stage control first")
    stage.go_on_from(earlier[-1])
    return stage


def check_names(stages: tuple[str, ...], worlds: tuple[str, ...]) -> None:
    """Raise a `LabError` if stages or worlds are unknown."""
    check_stages(stages)
    unknown = [world for world in worlds if world not in WORLDS]
    if unknown or not worlds:
        raise LabError(f"worlds: {', '.join(unknown) or 'none'}", fix=f"use some of {', '.join(WORLDS)}")


def train(
    folder: Path,
    settings: Settings,
    *,
    stages: tuple[str, ...] = STAGES,
    resume: bool = False,
    batch: int | None = None,
    picture: int = PICTURE,
    representations: tuple[str, ...] = REPRESENTATIONS,
    worlds: tuple[str, ...] = ("toyland",),
    report: Callable[[str], Any] = print,
) -> None:
    """Train stages in their order; minutes are shared out by `minutes_of`, steps are each stage's own.

    Args:
        folder: Gets a checkpoint and a log for each stage.
        settings: How long, where, how; see `loop.Settings`.
        stages: Which of `STAGES`.
        resume: Go on from the checkpoints that are there.
        batch, picture, representations, worlds: As for `build_stage`.
        report: Gets lines of progress.
    """
    check_names(stages, worlds)
    size = folder / SIZE
    if resume and size.exists() and (before := json.loads(size.read_text())["picture"]) != picture:
        raise LabError(f"{folder} was trained at {before} pixels", fix=f"give --picture {before}, or another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(size, (json.dumps({"picture": picture}) + "\n").encode())  # other processes of this run read it too
    minutes = minutes_of(stages, settings.minutes)
    for name in stages:
        own = replace(settings, minutes=minutes.get(name))
        if name == "control":
            for later in ("fewstep", "sharp", "decode"):  # they went on from what this stage changes
                (folder / f"{later}.pt").unlink(missing_ok=True)
        if name in ("control", "fewstep", "fill", "complete", "sharp") and processes()[0] == 0:
            shutil.rmtree(folder / "decode", ignore_errors=True)  # clips sampled by what this stage changes
        count = GPU_BATCH[name] if batch is None and settings.device == "cuda" else batch
        stage = build_stage(name, folder, batch=count, picture=picture, representations=representations, worlds=worlds)
        if "scrapbook" in worlds:
            Artwork.load()  # before the workers begin, which share it
        if isinstance(stage, DecodeStage) and not (resume and (folder / "decode.pt").exists() and stage.sampled):
            start = time.perf_counter()
            stage.sample(settings.device, None if own.minutes is None else own.minutes / 2, report)
            if own.minutes is not None:  # what sampling has left of them
                own = replace(own, minutes=max(own.minutes / 4, own.minutes - (time.perf_counter() - start) / 60))
        run(stage, folder, own, resume=resume, report=report)


def assemble(folder: Path) -> tuple[Animator, Controlled]:
    """Load the averaged weights of the video UNet and its ControlNets."""
    animator = Animator(json.loads((folder / SIZE).read_text())["picture"])
    load_average(animator, folder / "unet.pt")
    (last,) = [path for name in ("sharp", "fewstep", "control") if (path := folder / f"{name}.pt").exists()][:1]
    values = torch.load(last, map_location="cpu", weights_only=True)["average"]
    values = {name.removeprefix("whole."): value for name, value in values.items()}
    embeddings = {name.split(".")[1] for name in values if name.startswith("embeddings.")}
    whole = Controlled(animator, REPRESENTATIONS[: 1 + len(embeddings)], train_unet=True)
    whole.load_state_dict(values, strict=False)
    for index in range(1 + len(embeddings)):
        fold(whole.embedding(index))
    return animator, whole


def export(folder: Path, out: Path, stages: tuple[str, ...] = STAGES) -> None:
    """Write the shipped folder from the checkpoints: safetensors, float16, the video UNet's float8; none over 15 MB.

    Args:
        folder: Where the checkpoints lie.
        out: Becomes `vae/ dift/ training/` (the logs) and, with "control" or a later stage that makes videos, `unet/
            image_encoder/ scheduler/ feature_extractor/ controlnet/`, `sampling.json` and perhaps `decoder/`.
            The ControlNets share one trunk: `controlnet/trunk/` and for each representation its embedding,
            `controlnet/<name>.safetensors`.
        stages: Which to write; with none of these, what reads pictures, and nothing that makes videos.
    """
    video = bool({"control", "fewstep", "fill", "complete", "sharp", "decode"} & set(stages))
    vae, denoiser = load_vae(folder / "vae.pt"), Denoiser()
    load_average(denoiser, folder / "dift.pt")
    if video and not (folder / "control.pt").exists():
        raise LabError(f"{folder} has no control.pt", fix="train the stage control first, or export --stages vae,dift")
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    vae.half().save_pretrained(part / "vae", **SAFE)
    denoiser.unet.half().save_pretrained(part / "dift" / "unet", **SAFE)
    build_scheduler().save_pretrained(part / "dift" / "scheduler")
    prompt = {"null_prompt": denoiser.null_prompt.detach().half().contiguous()}
    save_file(prompt, part / "dift" / "null_prompt.safetensors")
    projection = {"projection": denoiser.projection.weight.detach().contiguous()}
    save_file(projection, part / "dift" / "projection.safetensors")  # float32: it is small
    defaults = {
        "timestep": ENTITY_TIMESTEP,
        "up_block": 1,
        "up_layer": ENTITY_LAYER,
        "draws": 8,
        "channels": ENTITY_CHANNELS,
    }
    (part / "dift" / "dift.json").write_text(json.dumps(defaults) + "\n")
    if video:
        _export_video(folder, part)
    (part / "training").mkdir()
    for log in folder.glob("*.jsonl"):
        if log.stem in stages:
            lines = log.read_text().splitlines(keepends=True)
            (part / "training" / log.name).write_text("".join(lines[:: 1 + len(lines) // LOG_LINES]))
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)


def load_guesser(folder: Path, name: str) -> Any:
    """What one of the stages `GUESSERS` has trained, or None."""
    if not (folder / f"{name}.pt").exists():
        return None
    network = GUESSERS[name]()
    load_average(network, folder / f"{name}.pt")
    return network.eval()


def eight_bits(module: torch.nn.Module) -> Any:
    """Turn a network's large weights into float8 (e4m3), which `from_pretrained` reads as any other type, for half the
    size. On 24 held-out clips the video UNet's made no difference to what it generates (0.02 dB at most)."""
    for weight in module.parameters():
        if weight.ndim > 1 and weight.numel() >= LARGE:
            weight.data = weight.data.to(torch.float8_e4m3fn)
    return module


def _export_video(folder: Path, part: Path) -> None:
    animator, whole = assemble(folder)
    eight_bits(animator.unet.half()).save_pretrained(part / "unet", **SAFE)
    animator.image_encoder.half().save_pretrained(part / "image_encoder", **SAFE)
    build_video_scheduler().save_pretrained(part / "scheduler")
    build_feature_extractor().save_pretrained(part / "feature_extractor")
    whole.controlnet.half().save_pretrained(part / "controlnet" / "trunk", **SAFE)
    for index, representation in enumerate(REPRESENTATIONS[: 1 + len(whole.embeddings)]):
        weights = {k: v.half().contiguous() for k, v in whole.embedding(index).state_dict().items()}
        save_file(weights, part / "controlnet" / f"{representation.replace('+', '_')}.safetensors")
    if (folder / "sharp.pt").exists():
        decoder = ReferenceDecoder()
        found: dict[str, Any] = {}
        for name in ("sharp", "decode"):
            if (path := folder / f"{name}.pt").exists():
                values = torch.load(path, map_location="cpu", weights_only=True)["average"]
                made = {k.removeprefix("decoder."): v for k, v in values.items() if k.startswith("decoder.")}
                found |= {k: torch.lerp(found[k], v, DECODED) if k in found else v for k, v in made.items()}
        decoder.load_state_dict(found)
        decoder.half()  # before the parts with 8 bits come in
        if (filler := load_guesser(folder, "fill")) is not None:
            decoder.filler = eight_bits(filler.half())
            decoder.register_to_config(filler_widths=FILLER_WIDTHS, filler_blocks=FILLER_BLOCKS)
        if (completer := load_guesser(folder, "complete")) is not None:
            decoder.completer = eight_bits(completer.half())
            decoder.register_to_config(completer_widths=COMPLETER_WIDTHS, completer_blocks=COMPLETER_BLOCKS)
        decoder.save_pretrained(part / "decoder", **SAFE)
    (part / "sampling.json").write_text(json.dumps(SAMPLING) + "\n")
