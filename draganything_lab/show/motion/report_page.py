"""The motion report as one self-contained page, readable in light and dark mode."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable

import numpy as np

from ...media.arrays import evenly
from ...media.drawing import entity_colour, ink_on
from ...motion import EntityMotion, MotionReport
from ..page import Markup, document, image, table
from ..parts import Clip
from ..players import Players
from .poses import turn_and_size
from .reports import by_distance, inside_outside, overview
from .trails import matching_clip, report_trails, wanted_clip

HOW = (
    "Points all over the picture and in every mask were followed through the video. A position counts as right within "
    "{tolerance:.1f} px (1 % of the diagonal, at least 1 px). Off by: distance between the target of the dragged spot "
    "and where it was seen. Came along: share of the mask's visible points that went where they should, within the "
    "tolerance or 30 % of the way. Turn and size: those of the one shift, turn and zoom that explains most of these "
    "points, against the wanted ones, mean over the frames; below 6 such points, they are not known. Rigid: share of "
    "the points that it explains. Visible: share of them that was visible. Tracker: {tracker}. Whatever cannot be seen "
    "is left out, never guessed."
)
PLATE = "display:inline-block;min-width:1.5em;border-radius:1em;text-align:center;font-weight:600;margin-right:.5em"


def motion_page(report: MotionReport, video: Clip, fps: float = 8) -> str:
    """Return the report as HTML.

    Args:
        report: Report from `motion.measure`.
        video: (T, H, W, 3) uint8 RGB, the measured video.
        fps: Frames per second of the players.

    Returns:
        A complete page without external links.

    Raises:
        LabError: The video's length differs from the report's.
    """
    frames = matching_clip(video, report.num_frames)
    clips = {"The video": frames, "Wanted and measured": wanted_clip(frames, report)}
    players = Players({**clips, "Trails": report_trails(frames, report)}, fps)
    moving = [e for e in report.entities if e.tracked and e.kind == "foreground" and not e.pinned]
    more = "".join(
        image(f"Distance gone inside and outside of {e.name}", inside_outside(report, frames, e.number))
        + image(f"Motion against distance for {e.name}", by_distance(report.by_distance(e.number), e))
        for e in moving
    )
    turning = ""
    if any(entity.pose.asked for entity in report.entities):
        turning = f"<h2>Turn and size</h2><div>{image('Turn and size', turn_and_size(report))}</div>"
    body = f"""<h1>Motion report</h1>
<p class="lead">{html.escape(report.verdict)}</p>
<ul>{"".join(f"<li>{html.escape(line)}</li>" for line in report.summary[1:])}</ul>
<h2>Watch</h2>
{players.html}
<h2>Wanted against measured</h2>
<div>{image("Paths, errors, what moved, motion against distance", overview(report, frames))}</div>
<h2>In numbers</h2>
{table(ENTITY_HEADS, map(_entity_row, report.entities), ENTITY_HEADS[1:])}
{turning}
<h2>The camera</h2>
<p>{html.escape(_camera_words(report))}</p>
{table(CAMERA_HEADS, _camera_rows(report), CAMERA_HEADS[1:])}
{"<h2>Inside, outside and by distance</h2><div>" + more + "</div>" if more else ""}
<h2>How it was measured</h2>
<p>{html.escape(HOW.format(tolerance=report.tolerance_px, tracker=report.tracker))}</p>
<details><summary>All numbers as JSON</summary><pre>{html.escape(json.dumps(report.as_dict(), allow_nan=False))}</pre>
</details>"""
    return document("Motion report", body)


ENTITY_HEADS = (
    "Entity",
    "Did as asked",
    "Off by, mean px",
    "Off by, % of diagonal",
    "Worst px",
    "Went, % of the way",
    "Came along, %",
    "Turn off by, °",
    "Size off by, %",
    "Rigid, %",
    "Visible, %",
)
CAMERA_HEADS = ("Frame", "Pan x px", "Pan y px", "Zoom", "Roll °", "Background that follows, %")


def _entity_row(entity: EntityMotion) -> tuple[str, ...]:
    colour = entity_colour(entity.number)
    plate = f'<span style="{PLATE};background:rgb{colour};color:rgb{ink_on(colour)}">{entity.number}</span>'
    said = {True: "yes", False: "no", None: "not known"}[entity.obeyed]
    return (
        Markup(f'<span style="white-space:nowrap">{plate}{html.escape(entity.name)}</span>'),
        said,
        _say(entity.mean_error_px, 2),
        _say(entity.mean_error_percent, 2),
        _say(entity.worst_error_px, 2),
        _say(100 * entity.gain) if not entity.pinned else "should stay",
        _say(100 * entity.coverage),
        _say(entity.pose.mean_turn_error, 1),
        _say(entity.pose.mean_size_error_percent, 1),
        _say(100 * entity.rigidity),
        _say(100 * float(entity.visible[1:].mean())),
    )


def _camera_rows(report: MotionReport) -> Iterable[tuple[str, ...]]:
    camera = report.camera
    frames = evenly(report.num_frames, 6)
    for t in frames.tolist():
        values = (camera.pan[t, 0], camera.pan[t, 1], camera.zoom[t], camera.roll[t], 100 * camera.share[t])
        texts = [_say(float(value), digits) for value, digits in zip(values, (1, 1, 3, 1, 0), strict=True)]
        yield (str(t), *texts)


def _camera_words(report: MotionReport) -> str:
    camera = report.camera
    if not camera.measured[1:].any():
        return "Too little of the background could be tracked to say how the camera moved."
    last = int(np.flatnonzero(camera.measured)[-1])
    reach = float(np.hypot(*camera.pan[last]))
    if reach < report.tolerance_px and abs(camera.zoom[last] - 1) < 0.02 and abs(camera.roll[last]) < 1:
        return "The background as a whole stands still."
    return "The background moves as a whole, as it does when the camera moves; from frame 0:"


def _say(value: float, digits: int = 0) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}" if np.isfinite(value) else "–"  # + 0 makes -0 a 0
