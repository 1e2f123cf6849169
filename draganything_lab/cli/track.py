"""`draganything-lab track`: where every pixel of a video went and, with a scene, whether that was wanted."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import LabError
from ..media.files import write_whole
from ..media.text import utf8
from ..media.video import read_video, write_video
from ..motion import measure
from ..scene.scene import Scene
from ..show.motion import motion_of_frame, motion_page, trail_clip
from ..show.motion.trails import checked_frame
from ..tracking import TRACKERS, Tracker, grid_queries, track


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument(
        "--video", required=True, metavar="FILE", help="video: .mp4, .gif, or anything else ffmpeg reads"
    )
    parser.add_argument("--scene", metavar="FILE", help="the scene of the video: adds the motion report")
    parser.add_argument("--tracker", default="opencv", metavar="NAME", help=f"{', '.join(TRACKERS)} (default: opencv)")
    parser.add_argument(
        "--download", action="store_true", help="download CoTracker if it is missing; prints the licence first"
    )
    parser.add_argument("--frame", type=int, default=-1, metavar="N", help="frame of the picture (default: the last)")
    parser.add_argument(
        "--grid", type=int, default=20, metavar="N", help="rows of tracked points to save (default: 20)"
    )
    parser.add_argument(
        "--fps", type=float, default=8, metavar="N", help="frames per second of the trails (default: 8)"
    )
    parser.add_argument("--out", default="outputs/track", metavar="FOLDER", help="default: outputs/track")


def run(args: argparse.Namespace) -> int:
    """Write tracks, trails, a picture and, with a scene, the report; return 0."""
    frames = read_video(args.video)
    scene = Scene.load(args.scene) if args.scene else None
    frame = checked_frame(args.frame, len(frames))
    tracker = _tracker(args.tracker, args.download)
    height, width = frames.shape[1:3]
    queries = grid_queries((height, width), args.grid, max(1, round(args.grid * width / height)))
    tracks = track(frames, queries, tracker)
    folder, buffer = Path(args.out), io.BytesIO()
    np.savez_compressed(buffer, points=tracks.points, visible=tracks.visible)
    written = [write_whole(folder / "tracks.npz", buffer.getvalue())]
    written.append(write_video(folder / "trails.mp4", trail_clip(frames, tracks), args.fps))
    figure, image = motion_of_frame(frames, frame, tracker), io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight", transparent=True)
    written.append(write_whole(folder / "motion.png", image.getvalue()))
    if scene is not None:
        report = measure(frames, scene, tracker)
        written.append(write_whole(folder / "report.html", utf8(motion_page(report, frames))))
        written.append(write_whole(folder / "report.json", report.json().encode()))
        print(report)
    seen = 100 * float(tracks.visible[-1].mean())
    print(f"Tracked {len(tracks)} points over {len(frames)} frames of {width}x{height}; {seen:.0f} % seen in the last")
    for path in written:
        print(f"Wrote {path}")
    return 0


def _tracker(name: str, download: bool) -> str | Tracker:
    if name not in TRACKERS:
        raise LabError(f'there is no tracker "{name}"', fix=f"use {', '.join(TRACKERS)}")
    if not name.startswith("cotracker3-"):
        return name
    from ..tracking.cotracker import CoTracker

    kind: Literal["offline", "online"] = "online" if name.endswith("online") else "offline"
    return CoTracker(kind, download=download, say=lambda words: print(words, file=sys.stderr))
