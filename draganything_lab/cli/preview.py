"""`draganything-lab preview`: turn a scene file into a preview video, quickly and without a model."""

from __future__ import annotations

import argparse

from ..media.video import checked_video_name, write_video
from ..pipeline.preview import preview
from ..scene.scene import Scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--scene", required=True, metavar="FILE", help="scene: a .zip or a folder")
    parser.add_argument("--frames", type=int, metavar="N", help="length (default: the scene's own, else 14)")
    parser.add_argument("--fps", type=float, default=8, metavar="N", help="frames per second (default: 8)")
    parser.add_argument("--out", default="outputs/preview.mp4", metavar="FILE", help="default: outputs/preview.mp4")


def run(args: argparse.Namespace) -> int:
    """Write the preview; return 0."""
    out = checked_video_name(args.out)
    scene = Scene.load(args.scene)
    frames = args.frames if args.frames is not None else scene.settings.get("num_frames", 14)
    clip = preview(scene, frames)
    path = write_video(out, clip, args.fps)
    print(f"Wrote {path}: {len(clip)} frames of {clip.shape[2]}x{clip.shape[1]}, a preview")
    return 0
