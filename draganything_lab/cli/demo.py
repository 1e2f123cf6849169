"""`draganything-lab demo`: from a picture and a drag to a video, a strip, a report and the numbers."""

from __future__ import annotations

import argparse
import html
import json
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .. import __version__
from ..errors import LabError
from ..media import drawing
from ..media.drawing import enlarged
from ..media.files import write_whole
from ..media.text import utf8
from ..media.video import write_video
from ..motion import MotionReport, measure
from ..motion.camera import plain
from ..pipeline.preview import preview
from ..pipeline.scene_video import generated
from ..pipeline.size import frame_size
from .demo_job import DemoJob, photo_job, toyland_job

if TYPE_CHECKING:
    from ..pipeline.pipeline import DragAnythingPipeline

PREVIEW_SIZE, PREVIEW_FRAMES = (320, 576), 14
DRAWN_SIZE = (256, 384)  # size of the scene from which a model makes a video
TITLES = {
    "carry": "Generated from the whole mask (carry, ours)",
    "entity+gaussian": "Generated from a disc (entity + Gaussian, the paper's)",
    "preview": "Wanted: the preview, cut out and moved",
    "truth": "Truth: drawn by Toyland",
}
HOW = (
    "Points in every mask were followed through the video, as draganything-lab track does. The error is the distance "
    "between where the dragged spot should be and where it was seen, averaged over the frames after the first. What "
    "cannot be seen is left out, never guessed."
)
GENERATED = ("carry", "entity+gaussian")
OF_PHOTO = ("path", "point", "mask", "label", "turn", "grow")  # arguments that belong to --image
NO_MODEL = (
    "This is only the preview, not a generated video: the objects are cut out and moved, and the holes are filled."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the command's arguments."""
    parser.add_argument("--toyland", metavar="NAME", help="drawn scene to use (default: harbour)")
    parser.add_argument("--image", metavar="FILE", help="your own picture instead")
    parser.add_argument("--point", metavar="X,Y", help="click on the object to move (default: where the path starts)")
    parser.add_argument("--path", metavar='"X,Y X,Y …"', help="its path, in pixels of your picture")
    parser.add_argument("--turn", type=float, metavar="DEGREES", help="how far it turns on its way, clockwise")
    parser.add_argument("--grow", type=float, metavar="FACTOR", help="its size at the end: 2 is twice as large")
    parser.add_argument("--mask", metavar="FILE", help="its mask, if the click does not cut it out well")
    parser.add_argument("--label", metavar="N", help="label of the object in the mask, if it has several")
    parser.add_argument("--frames", type=int, metavar="N", help="length of the video (default: 14, or the model's own)")
    parser.add_argument("--fps", type=float, default=8, metavar="N", help="frames per second (default: 8)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for the model (default: 0)")
    parser.add_argument("--preview", action="store_true", help="make only the preview, even if a model is available")
    parser.add_argument("--out", default="outputs/demo", metavar="FOLDER", help="default: outputs/demo")


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0."""
    check(args)
    print("DragAnything Lab demo", flush=True)
    clock = Clock()
    photo: DemoJob | None = None
    if args.image is not None:  # before the model is loaded: most mistakes are here
        with clock.step("picture and mask"):
            photo = photo_job(args.image, **{name: getattr(args, name) for name in OF_PHOTO})
    pipes: dict[str, DragAnythingPipeline] = {}
    if not args.preview and toy_is_here():
        with clock.step("load the toy model"):
            pipes = load_toy()
    with clock.step("scene"):
        job, frames = make_job(args, photo, pipes)
    clips: dict[str, np.ndarray] = {}
    for name, pipe in pipes.items():
        try:
            with clock.step(f"generate, {name}"):
                clips[name] = generated(pipe, job.scene, num_frames=frames, seed=args.seed)
        except LabError as error:  # what is too small for the paper's representation is still carried
            if not clips:
                raise
            job = replace(job, notes=(*job.notes, f"There is no video with {name}: {error}."))
    with clock.step("preview"):
        clips["preview"] = preview(job.scene, frames, label=False)
    if job.truth is not None:
        clips["truth"] = job.truth
    with clock.step("measure"):
        reports = {name: measure(clip, job.scene) for name, clip in clips.items()}
    folder = Path(args.out)
    with clock.step("write"):
        write_pictures(folder, job, clips, reports, args.fps)
    numbers = numbers_of(job, clips, reports, args, clock.seconds)
    write_whole(folder / "numbers.json", (json.dumps(numbers, indent=2) + "\n").encode())
    for line in columns([heads(clips), *cells(reports)]):
        print(f"  {line}")
    for note in notes_of(job, clips):
        print(f"Note: {note}")
    print(f"Wrote video.mp4, strip.png, report.html, numbers.json and scene.zip to {folder}/")
    print(f"Open {folder / 'report.html'} in a browser.")
    return 0


def check(args: argparse.Namespace) -> None:
    """Refuse arguments that do not go together, before doing anything."""
    if args.frames is not None and not 2 <= args.frames <= 240:
        raise LabError(f"--frames is {args.frames}", fix="use 2 to 240")
    if not 0 < args.fps <= 240:
        raise LabError(f"--fps is {args.fps:g}", fix="use more than 0 and at most 240")
    if args.image is not None and args.toyland is not None:
        raise LabError("--toyland and --image exclude each other", fix="use one of them")
    out = Path(args.out)
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise LabError(f"--out {place} is a file", fix="pass a folder")
    for name in OF_PHOTO:
        if args.image is None and getattr(args, name) is not None:
            raise LabError(f"--{name} needs a picture of your own", fix="pass --image FILE, too")


def toy_is_here() -> bool:
    """Whether this installation has the toy weights and what runs them."""
    try:
        from ..models import zoo

        folder = zoo.find("toy")
    except ImportError:
        return False
    return folder is not None and (folder / "unet").is_dir()


def load_toy() -> dict[str, DragAnythingPipeline]:
    """The toy pipelines of `GENERATED`, without progress bars; your own weights may only have the paper's."""
    from ..models import zoo
    from ..pipeline.load import load_pipeline

    folder, pipes = zoo.find("toy"), {}
    several = folder is not None and (folder / "controlnet" / "carry.safetensors").is_file()
    for name in GENERATED if several else GENERATED[1:]:
        pipes[name] = load_pipeline("toy", name)
        pipes[name].set_progress_bar_config(disable=True)
    return pipes


def make_job(
    args: argparse.Namespace, photo: DemoJob | None, pipes: Mapping[str, DragAnythingPipeline]
) -> tuple[DemoJob, int]:
    """The job and its number of frames, at the size and length of the model or of the preview."""
    model = next(iter(pipes.values()), None)
    frames = args.frames or (model.unet.config.num_frames if model else PREVIEW_FRAMES)
    if photo is not None:
        return photo.at_size(frame_size(model, photo.scene.size) if model else None), frames
    size = frame_size(model, DRAWN_SIZE) if model else PREVIEW_SIZE
    return toyland_job(args.toyland or "harbour", size, frames), frames


def write_pictures(
    folder: Path, job: DemoJob, clips: Mapping[str, np.ndarray], reports: Mapping[str, MotionReport], fps: float
) -> None:
    """Write the scene, the video (the generated one, or the preview), the strip and the report."""
    from ..show import figures, page

    shown = {TITLES[name]: labelled(clip) if name == "preview" else enlarged(clip) for name, clip in clips.items()}
    frames = len(clips["preview"])
    job.scene.save(folder / "scene.zip")
    write_video(folder / "video.mp4", next(iter(shown.values())), fps)
    strip = figures.strip(shown)
    write_whole(folder / "strip.png", page.figure_png(strip))
    masks, paths = figures.masks(job.scene), figures.trajectories(job.scene, frames)
    columns = heads(clips)
    say, title = html.escape, f"DragAnything Lab: {job.source}"
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, OpenCV {cv2.__version__}"
    body = f"""<h1>{say(title)}</h1>
<p class="lead">{say(f"Controlled in each of {frames} frames: {names_of(job)}.")}</p>
{page.notes(notes_of(job, clips))}
<h2>Asked for</h2>
<div class="asked">{page.image("Masks", masks)}{page.image("Trajectories", paths)}</div>
<h2>Watch</h2>
{figures.side_by_side(shown, fps).html}
<h2>Frame by frame</h2>
<div>{page.image("Frames of each clip", strip)}</div>
<h2>Measured</h2>
<p>{say(HOW)}</p>
{page.table(columns, cells(reports), [head for head in columns if head.endswith("px")])}
<h2>Reproduce this page</h2>
<pre>{say(shlex.join(["draganything-lab", *sys.argv[1:]]))}</pre>
<footer>{say(f"DragAnything Lab {__version__}, {versions}")}</footer>"""
    write_whole(folder / "report.html", utf8(page.document(title, body)))


def labelled(clip: np.ndarray) -> np.ndarray:
    """A copy of a preview, enlarged if it is tiny, with the word "preview" on every frame."""
    clip = enlarged(clip).copy()
    drawing.word_in_corner(clip, "preview")
    return clip


def notes_of(job: DemoJob, clips: Mapping[str, np.ndarray]) -> list[str]:
    """What the reader must know."""
    return [*([] if any(name in clips for name in GENERATED) else [NO_MODEL]), *job.notes]


def names_of(job: DemoJob) -> str:
    """The controlled objects with their numbers, as a list in words."""
    return ", ".join(f"{number} {entity.name}" for number, entity in enumerate(job.scene.controlled, start=1))


def heads(clips: Mapping[str, np.ndarray]) -> list[str]:
    """Column heads of the table of errors."""
    return ["", "object", "wanted", *(f"{name}: error, px" for name in clips)]


def cells(reports: Mapping[str, MotionReport]) -> list[list[str]]:
    """The lines of the table of errors, one for each controlled object."""
    lines = []
    for several in zip(*(report.entities for report in reports.values()), strict=True):
        thing = several[0]
        asked = "to stay" if thing.wanted_way < 0.5 else f"{thing.wanted_way:.0f} px along its path"
        asked = ", ".join(filter(None, (asked, thing.pose.words)))
        errors = (
            f"{found.mean_error_px:.2f} (worst {found.worst_error_px:.2f})"
            if np.isfinite(found.mean_error_px)
            else "not seen"
            for found in several
        )
        lines.append([str(thing.number), thing.name, asked, *errors])
    return lines


def columns(lines: list[list[str]]) -> Iterator[str]:
    """The lines of a table as text, each column as wide as its widest cell."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def numbers_of(
    job: DemoJob,
    clips: Mapping[str, np.ndarray],
    reports: Mapping[str, MotionReport],
    args: argparse.Namespace,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Everything measured, for numbers.json."""
    frames, height, width, _ = clips["preview"].shape
    numbers: dict[str, Any] = {
        "version": __version__,
        "source": job.source,
        "made_by": "toy" if set(GENERATED) & set(clips) else "preview",
        "seed": args.seed,
        "num_frames": frames,
        "height": height,
        "width": width,
        "fps": args.fps,
        "entities": [
            {
                "number": several[0].number,
                "name": several[0].name,
                "distance_px": several[0].wanted_way,
                "mean_px": {name: plain(found.mean_error_px) for name, found in zip(reports, several, strict=True)},
                "worst_px": {name: plain(found.worst_error_px) for name, found in zip(reports, several, strict=True)},
            }
            for several in zip(*(report.entities for report in reports.values()), strict=True)
        ],
        "how": HOW,
        "seconds": dict(seconds),
    }
    if job.truth is not None:
        truth = job.truth.astype(np.int16)
        numbers["mean_difference_from_truth"] = {
            name: float(np.abs(clip - truth).mean()) for name, clip in clips.items() if name != "truth"
        }
    return numbers


class Clock:
    """Prints and keeps how long each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        yield
        self.seconds[words] = round(time.perf_counter() - start, 3)
        print(f"  {words:<20}{self.seconds[words]:7.2f} s", flush=True)
