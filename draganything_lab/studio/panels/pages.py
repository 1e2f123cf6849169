"""What there is to look at: the control signal, the videos, the motion of their pixels, the report; each as HTML."""

from __future__ import annotations

import html
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...control.build import build_control
from ...control.representations import moves_masks, shows_vectors
from ...control.signal import ControlSignal
from ...errors import LabError
from ...media.drawing import entity_colour, ink_on
from ...pipeline.preview import preview
from ...scene.scene import Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...motion import MotionReport
    from ..model.model import StudioModel

NOT_YET = "Nothing moves yet: click an object in the picture and draw where it goes, or pin it."
PREVIEW_WORDS = (
    "This is the preview, cut out and moved without any model: what perfect obedience looks like. Generate a video, "
    "and it stands here in its place."
)
_drawing = threading.Lock()  # matplotlib draws one figure at a time


@dataclass(frozen=True, eq=False)
class Clip:
    """One video to look at.

    Attributes:
        title: What it is called.
        scene: What was asked.
        settings: What it was made with.
        frames: (T, H, W, 3) uint8.
        generated: Whether a model made it; else it is the preview.
        kept: What was worked out about it already.
    """

    title: str
    scene: Scene
    settings: Mapping[str, Any]
    frames: np.ndarray
    generated: bool
    kept: dict[str, Any] = field(default_factory=dict)

    def report(self) -> MotionReport:
        """Its motion, measured once."""
        if "report" not in self.kept:
            from ...motion import measure

            self.kept["report"] = measure(self.frames, self.scene)
        report: MotionReport = self.kept["report"]
        return report


def clips_of(model: StudioModel, numbers: Sequence[int]) -> list[Clip]:
    """The videos of some results; without any, the preview of the scene as it is.

    Raises:
        LabError: There is no result, and nothing moves in the scene.
    """
    chosen = [model.results.numbered(number) for number in numbers]
    if chosen:
        return [
            Clip(f"{one.number}: {one.title}", one.scene, one.settings, one.frames, True, one.extras) for one in chosen
        ]
    if not model.editor.scene.controlled:
        raise LabError(NOT_YET)
    scene, settings = model.editor.scene.copy(), dict(model.settings)
    return [Clip("Wanted: the preview", scene, settings, preview(scene, settings["num_frames"], label=False), False)]


def signal_page(clips: Sequence[Clip]) -> str:
    """The control signals that the clips were, or will be, made from."""
    signals = {}
    for clip in clips:
        name = str(clip.settings["representation"])
        signals[name if len(clips) == 1 else f"{clip.title.partition(':')[0]}: {name}"] = drawn_signal(clip)
    from ...show.figures import control_stack

    names = [f"{number} {entity.name}" for number, entity in enumerate(clips[0].scene.controlled, start=1)]
    return (
        _figure(
            "The control signal over the picture in some of the frames",
            lambda: control_stack(signals, clips[0].scene.image),
        )
        + _words(f"What the ControlNet is shown beside the picture, frame by frame, of: {', '.join(names)}.")
        + _words(SIGNAL_WORDS[str(clips[0].settings["representation"])])
    )


SIGNAL_WORDS = {
    "point": "Point: a small dot where each object should be, the same for all; an object's size is not told.",
    "trajectory": "Trajectory map: each object's step to the next frame, blurred around its point, as in DragNUWA.",
    "gaussian": "2D Gaussian: as wide as the object is large, so that nearer its middle means more surely it.",
    "entity": "Entity: in a disc as large as the object, the features by which the model recognises it.",
    "entity+gaussian": "Entity and Gaussian: the object's features in its disc, a Gaussian over it, as in the paper.",
    "carry": "Carry, ours: the whole mask moved along, filled with the object's features. So the model knows how far "
    "the object reaches and where each of its pixels was in the picture. Striped are the holes that objects have left: "
    "the picture shows nothing there, and the model has to make something up.",
    "cut-and-drag": "Cut-and-drag shows no control signal. These are the masks inside which the video follows the "
    "preview longest; striped are the holes that objects have left, which are filled from around and then denoised.",
}


def drawn_signal(clip: Clip, size: tuple[int, int] | None = None) -> ControlSignal:
    """A clip's control signal with stand-ins for the entity vectors, which pictures do not show."""
    settings, count = clip.settings, len(clip.scene.controlled)
    name = "carry" if moves_masks(settings["representation"]) else str(settings["representation"])
    return build_control(
        clip.scene,
        settings["num_frames"],
        representation=name,
        size=size,
        preset=settings["preset"],
        vectors=np.ones((count, 2), np.float32) if shows_vectors(name) else None,
    )


def video_page(clips: Sequence[Clip], fps: float) -> str:
    """Players on one clock: the wanted preview, what was generated, and the motion in it."""
    from ...show.figures import side_by_side
    from ...show.motion import wanted_clip

    first = clips[0]
    shown: dict[str, np.ndarray] = {"Wanted: the preview": preview(first.scene, len(first.frames))}
    for clip in clips:
        if clip.generated:
            shown[f"Generated, {clip.title}"] = clip.frames
            key = "Wanted (ring) and measured (dot)" + (f", {clip.title.partition(':')[0]}" if len(clips) > 1 else "")
            shown[key] = wanted_clip(clip.frames, clip.report())
    notes = "" if first.generated else _words(PREVIEW_WORDS)
    return side_by_side(shown, fps).html + notes


def motion_page(clips: Sequence[Clip], fps: float) -> str:
    """Where every pixel went: trails as a film, and flow and distance up to the last frame."""
    from ...show.figures import side_by_side
    from ...show.motion import motion_of_frame, report_trails

    films = {f"Trails, {clip.title}": report_trails(clip.frames, clip.report()) for clip in clips}
    parts = [side_by_side(films, fps).html]
    for clip in clips:
        parts.append(f"<h4>{html.escape(clip.title)}</h4>")
        parts.append(
            _figure("First frame, last frame, trails, flow, distance", lambda clip=clip: motion_of_frame(clip.frames))
        )
        parts.append(_words(clip.report().attribution().sentence))
    return "".join(parts) + ("" if clips[0].generated else _words(PREVIEW_WORDS))


def report_page(clips: Sequence[Clip]) -> str:
    """How well each clip did what was asked."""
    from ...show.motion import overview

    parts = []
    for clip in clips:
        report = clip.report()
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in report.summary[1:])
        parts.append(
            f'<section><h4>{html.escape(clip.title)}</h4><p class="dal-verdict">{html.escape(report.verdict)}</p>'
            f"<ul>{lines}</ul>{entity_table(report)}"
            + _figure(
                "Paths, errors, what moved, motion against distance",
                lambda clip=clip, report=report: overview(report, clip.frames),
            )
            + _words(f"Pixels are those of the video, {report.size[1]}x{report.size[0]}; tracker: {report.tracker}.")
            + "</section>"
        )
    return "".join(parts) + ("" if clips[0].generated else _words(PREVIEW_WORDS))


def entity_table(report: MotionReport) -> str:
    """A line for each entity: whether it did as asked, and how far it was off."""
    heads = ("Entity", "Did as asked", "Off by, mean px", "Worst px", "Came along, %")
    rows = []
    for entity in report.entities:
        said = {True: "yes", False: "no", None: f"not known: {entity.why_not}"}[entity.obeyed]
        numbers = (entity.mean_error_px, entity.worst_error_px, 100 * entity.coverage)
        digits = (2, 2, 0)
        cells = "".join(
            f'<td class="dal-number">{_number(value, d)}</td>' for value, d in zip(numbers, digits, strict=True)
        )
        rows.append(
            f"<tr><th scope='row'>{plate(entity.number)} {html.escape(entity.name)}</th><td>{said}</td>{cells}</tr>"
        )
    head = "".join(
        f'<th scope="col"{" class=dal-number" if place > 1 else ""}>{text}</th>' for place, text in enumerate(heads)
    )
    return f'<div class="dal-scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def plate(number: int) -> str:
    """An entity's number on a plate of its colour."""
    ground = entity_colour(number)
    return f'<span class="dal-plate" style="background:rgb{ground};color:rgb{ink_on(ground)}">{number}</span>'


def _figure(words: str, draw: Any) -> str:
    from ...show.page import picture_address

    with _drawing:
        figure: Figure = draw()
        return f'<img class="dal-figure" alt="{html.escape(words)}" src="{picture_address(figure)}">'


def _words(text: str) -> str:
    return f'<p class="dal-words dal-quiet">{html.escape(text)}</p>'


def _number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}" if np.isfinite(value) else "–"
