"""`draganything-lab generate`: a scene file becomes a video, with a DragAnything model."""

from __future__ import annotations

import argparse

from ..control.representations import CUT_AND_DRAG, shows_vectors
from ..control.unsaid import unsaid
from ..errors import LabError
from ..media.video import checked_video_name, write_video
from ..pipeline.familiar import stranger_note
from ..pipeline.scene_video import generated
from ..scene.scene import Scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--scene", required=True, metavar="FILE", help="scene: a .zip or a folder")
    parser.add_argument("--model", default="toy", metavar="NAME", help="toy (comes with the lab), svd, or a folder")
    parser.add_argument(
        "--representation",
        metavar="NAME",
        help="default: carry (ours) with toy, else entity+gaussian (the paper's); cut-and-drag uses no control signal",
    )
    parser.add_argument(
        "--clocks",
        metavar="A,B",
        help="for cut-and-drag: the share of steps that follow the cut-out and moved picture, everywhere and inside "
        "what moves (default: the weights' own)",
    )
    parser.add_argument("--download", action="store_true", help="download missing weights; prints their sizes first")
    parser.add_argument(
        "--size", metavar="WxH", help="size of the video (default: the picture's shape, the model's size)"
    )
    parser.add_argument("--frames", type=int, metavar="N", help="length (default: what the model was trained at)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the weights' own)")
    presets = ("paper", "release")
    parser.add_argument(
        "--preset", default="paper", choices=presets, help="follow the paper (default) or its released code"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same machine: same video")
    parser.add_argument("--fps", type=float, default=8, metavar="N", help="frames per second (default: 8)")
    parser.add_argument("--out", default="outputs/generated.mp4", metavar="FILE", help="default: outputs/generated.mp4")


def run(args: argparse.Namespace) -> int:
    """Write the video; return 0."""
    out = checked_video_name(args.out)
    scene = Scene.load(args.scene)
    size = parse_size(args.size) if args.size else None
    clocks = parse_clocks(args.clocks) if args.clocks else None
    from ..pipeline.load import load_pipeline

    args.representation = args.representation or ("carry" if args.model == "toy" else "entity+gaussian")
    entity = shows_vectors(args.representation)  # then it needs the entities' vectors, and the network that makes them
    if clocks is not None and args.representation != CUT_AND_DRAG:
        raise LabError(f"--clocks is for {CUT_AND_DRAG} only", fix=f"add --representation {CUT_AND_DRAG}")
    pipe = load_pipeline(args.model, args.representation, download=args.download, features=entity)
    options = {"seed": args.seed, "steps": args.steps, "preset": args.preset, "clocks": clocks}
    frames = generated(pipe, scene, size, args.frames, **options)
    path = write_video(out, frames, args.fps)
    height, width = frames.shape[1:3]
    print(f"Wrote {path}: {len(frames)} frames of {width}x{height}, model {args.model}, seed {args.seed}")
    if note := unsaid(scene, args.representation, args.preset):
        print(f"Note: {note}")
    if note := stranger_note(pipe, scene.image, (height, width)):
        print(f"Note: {note}")
    return 0


def parse_clocks(text: str) -> tuple[float, float]:
    """(0.32, 0.42) from "0.32,0.42"."""
    try:
        weak, strong = (float(share) for share in text.split(","))
    except ValueError:
        raise LabError(f'--clocks is "{text}"', fix="write two shares of the steps, such as 0.32,0.42") from None
    return weak, strong


def parse_size(text: str) -> tuple[int, int]:
    """(H, W) from "WxH"."""
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise LabError(f'--size is "{text}"', fix="write it as WIDTHxHEIGHT, such as 576x320") from None
    return height, width
