"""`draganything-lab card`: measure the small weights on held-out clips and write their model card."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import LabError

WEIGHTS = Path(__file__).parents[1] / "weights"
PICTURES = Path("docs/images")
LINK = "../../../docs/images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("toy", "sam"), default="toy", help="which weights (default: toy)")
    parser.add_argument("--weights", type=Path, help="the weights folder (default: the package's)")
    parser.add_argument(
        "--clips", type=int, default=200, help="held-out clips; for sam, scenes per size (default: 200)"
    )
    parser.add_argument(
        "--rivals",
        type=int,
        help="clips for representations other than carry and entity+gaussian, for drags by any pixel, and for each of "
        "Scrapbook's kinds (default: as many as --clips)",
    )
    parser.add_argument("--grabcut", type=int, default=20, help="for sam: scenes per size for GrabCut (default: 20)")
    parser.add_argument(
        "--seeds", type=int, default=3, help="videos per clip of the first representation, 1 of others (default: 3)"
    )
    parser.add_argument("--processes", type=int, default=1, help="processes that share the clips (default: 1)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: the weights' own)")
    parser.add_argument("--guidance", type=float, help="guidance in the last frame (default: the weights' own)")
    parser.add_argument("--representations", help="comma-separated (default: all)")
    parser.add_argument(
        "--keep", action="store_true", help="keep the weights' earlier figures of all that is not in --representations"
    )
    parser.add_argument("--pictures", type=Path, help="folder for the pictures (default: docs/images/toy or sam)")


def run(args: argparse.Namespace) -> int:
    for name, least in (("clips", 3), ("rivals", 3), ("seeds", 1), ("steps", 1), ("processes", 1)):
        given = getattr(args, name)
        if given is not None and given < least:
            raise LabError(f"--{name} is {given}", fix=f"use {least} or more")
    if args.rivals is not None and args.rivals > args.clips:
        raise LabError(
            f"--rivals is {args.rivals}, but only --clips {args.clips} are measured", fix="use at most as many"
        )
    if args.what == "sam" and (args.processes > 1 or args.keep):
        name = "--keep" if args.keep else "--processes"
        raise LabError(f"{name} is for the toy weights", fix="leave it out")
    args.weights = args.weights or WEIGHTS / args.what
    args.pictures = args.pictures or PICTURES / args.what
    if args.what == "sam":
        return _sam(args)
    from ..control.representations import CUT_AND_DRAG
    from ..models import load_features
    from ..training.card.card import write_card
    from ..training.card.measure import measure, measure_parts
    from ..training.card.samples import Table
    from ..training.toy.stages import REPRESENTATIONS

    if not (args.weights / "unet").is_dir():
        from diffusers import AutoencoderKLTemporalDecoder

        table, vae = Table(), AutoencoderKLTemporalDecoder.from_pretrained(args.weights / "vae")
        size = int(vae.config["sample_size"])
        kept = measure_parts(table, vae, load_features(args.weights), args.clips, size)
        told = {"clips": args.clips, "size": size}
        write_card(args.weights, args.pictures, table, {"kept": kept}, told, f"{LINK}/toy")
        return _told(args)
    ours = ("carry", *(name for name in REPRESENTATIONS if name != "carry"), CUT_AND_DRAG)
    chosen = tuple(args.representations.split(",")) if args.representations else ours

    load = partial(_pipeline, args.weights)
    pipe = load(chosen[0])
    args.steps = args.steps or pipe.config["default_steps"]
    args.guidance = pipe.config["default_guidance"] if args.guidance is None else args.guidance
    made = {"frames": pipe.unet.config.num_frames, "size": pipe.unet.config.sample_size * 8}
    del pipe
    facts: dict[str, Any] = {
        "clips": args.clips,
        "rivals": args.rivals or args.clips,
        "seeds": args.seeds,
        "representation": chosen[0],
        "processes": args.processes,
        "steps": args.steps,
        "guidance": args.guidance,
        **made,
    }
    earlier = _earlier(args.weights, facts) if args.keep else {}
    table, extra = measure(
        load,
        chosen,
        clips=args.clips,
        rivals=args.rivals,
        seeds=args.seeds,
        vae_pictures=args.clips,
        steps=args.steps,
        options={"max_guidance_scale": args.guidance},
        processes=args.processes,
        report=_say,
    )
    if args.keep:
        facts["kept"] = table.keep(earlier)
    write_card(args.weights, args.pictures, table, extra, facts, f"{LINK}/toy")
    return _told(args)


def _earlier(weights: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The values of an earlier card of these weights, if it was measured by the same protocol."""
    try:
        protocol = json.loads((weights / "measured.json").read_text())["protocol"]
        earlier: dict[str, Any] = json.loads((weights / "samples.json").read_text())
    except (OSError, ValueError, KeyError) as error:
        raise LabError(f"--keep: {weights} has no earlier card ({error})", fix="leave it out") from error
    for name in ("clips", "rivals", "steps", "guidance", "frames", "size"):
        if protocol.get(name) != facts[name]:
            raise LabError(
                f"--keep: the earlier card has {name} {protocol.get(name)}, this one {facts[name]}",
                fix=f"measure with the same {name}, or leave --keep out",
            )
    return earlier


def _pipeline(weights: Path, representation: str) -> Any:
    from ..pipeline import load_pipeline

    pipe = load_pipeline(weights, representation, features=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _say(line: str) -> None:
    print(line, flush=True)


def _told(args: argparse.Namespace) -> int:
    print(f"wrote {args.weights / 'README.md'}, measured.json and the pictures in {args.pictures}")
    return 0


def _sam(args: argparse.Namespace) -> int:
    from itertools import chain

    from ..segment import Segmenter, load_segmenter
    from ..segment.sam import load_toy
    from ..toyland.artwork import pack_path
    from ..training.card.held_out import HELD_OUT
    from ..training.sam.card import write_card
    from ..training.sam.measure import measure, photo_targets, scrapbook_targets, summary, toyland_targets

    toy, alone = load_toy(args.weights), load_toy(args.weights, snap=False)
    both: dict[str, Segmenter] = {"toy": toy, "network alone": alone, "grabcut": load_segmenter("grabcut")}
    few = min(args.grabcut, args.clips)

    targets = [toyland_targets(few), photo_targets(few)]
    if pack_path().is_file():
        targets.append(scrapbook_targets(few))
    else:
        _say("Scrapbook is left out: there is no artwork (draganything-lab scrapbook fetch)")
    trials = measure(both, chain(*targets), _say)
    more = measure({"toy": toy, "network alone": alone}, toyland_targets(args.clips - few, HELD_OUT + few), _say)
    for name, rows in more.items():
        trials[name] += rows
    facts = {"pictures": args.clips, "grabcut pictures": few, "first seed": HELD_OUT}
    write_card(args.weights, args.pictures, trials, summary(trials), facts, f"{LINK}/sam")
    return _told(args)
