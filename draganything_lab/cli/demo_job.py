"""The demo's job: a drawn Toyland scene, or the user's own picture with a click and a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import LabError
from ..media.mask import mask_file
from ..media.picture import load_picture
from ..scene.checks import parse_points
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..segment import grabcut
from ..toyland import named_scene

MAX_SIDE = 768


@dataclass(frozen=True)
class DemoJob:
    """A scene to run.

    Attributes:
        scene: What to move, and where.
        source: Where the picture comes from, in a few words.
        truth: (T, H, W, 3) uint8, the true video if it is known, else None.
        notes: What the reader of the result must know.
    """

    scene: Scene
    source: str
    truth: np.ndarray | None
    notes: tuple[str, ...]


def toyland_job(name: str, size: tuple[int, int], num_frames: int) -> DemoJob:
    """A scene of Toyland's gallery, with the truth beside it.

    Args:
        name: One of `toyland.gallery()`.
        size: (H, W) in pixels.
        num_frames: Number of frames T.
    """
    clip = named_scene(name, size, num_frames)
    return DemoJob(clip.scene(), f"Toyland, {name}", clip.video, ())


def photo_job(
    image: str,
    path: str | None,
    point: str | None = None,
    mask: str | None = None,
    label: str | None = None,
    *,
    turn: float | None = None,
    grow: float | None = None,
    size_of: Callable[[tuple[int, int]], tuple[int, int]] | None = None,
) -> DemoJob:
    """The user's own picture with one object to move.

    Args:
        image: File of the picture.
        path: "x,y x,y …", the object's path, in pixels of the picture.
        point: "x,y", the click on the object; where the path starts when None.
        mask: File of the object's mask, at the picture's size; cut out at the click when None.
        label: Label of the object in the mask, "3" or "255,0,0", if the mask has several.
        turn: Degrees by which the object turns on its way, clockwise; None does not turn.
        grow: Its size at the end, as a factor; None keeps its size.
        size_of: The size (H, W) at which a model shows a picture of some size, and the scene is then; None leaves the
            size as it is, up to 768 pixels.

    Raises:
        LabError: One of them cannot be used.
    """
    if path is None:
        raise LabError('--image needs --path: where the object should go, such as --path "320,180 420,150 500,140"')
    picture = load_picture(image)
    track = parse_points(path, "--path: ")
    clicks = track[:1] if point is None else parse_points(point, "--point: ")
    if len(clicks) != 1:
        raise LabError(f'--point is "{point}", {len(clicks)} points', fix="pass one, the click on the object")
    height, width = picture.shape[:2]
    for name, (x, y) in (("--point is", clicks[0]), ("--path starts at", track[0])):
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            raise LabError(f"{name} ({x:g}, {y:g}), outside the {width}x{height} picture", fix="count in its pixels")
    for number, (x, y) in enumerate(track, start=1):
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            raise LabError(
                f"--path: point {number} is ({x:g}, {y:g}), outside the {width}x{height} picture",
                fix=f"x runs to {width - 1}, y to {height - 1}",
            )
    if point is not None and mask is None and np.hypot(*np.subtract(track[0], clicks[0])) > 0.25 * min(height, width):
        raise LabError(
            f"--path starts at ({track[0][0]:g}, {track[0][1]:g}), far from the click ({clicks[0][0]:g}, "
            f"{clicks[0][1]:g})",
            fix="start the path on the object that you click",
        )
    cut = grabcut(picture, clicks[0]) if mask is None else mask_file(mask, (height, width), label)
    scene = Scene(picture)
    scene.add("object", cut, posed_path(track, turn, grow))
    scale = min(1.0, MAX_SIDE / max(height, width))
    wanted = size_of((height, width)) if size_of else (max(1, round(height * scale)), max(1, round(width * scale)))
    notes = []
    if size_of is None:
        notes.append("This is only the preview, and the error is the preview's own.")
    if wanted != scene.size:
        scene = scene.resized(wanted)
        notes.append(
            f"The {width}x{height} picture is shown at {wanted[1]}x{wanted[0]}; pixels in the results refer to that."
        )
    share = cut.mean()
    if mask is None and share > 0.15:
        notes.append(f"The mask covers {share:.0%} of the picture: you may have clicked the background, not an object.")
    if len(track) == 1 and turn is None and grow is None:
        notes.append("--path has one point, so the object should stay; pass two or more to move it.")
    if mask is None:
        notes.append("The mask was cut out by GrabCut from one click: check it, and pass --mask if it is wrong.")
    return DemoJob(scene, Path(image).name, None, tuple(notes))


def posed_path(points: list[tuple[float, float]], turn: float | None, grow: float | None) -> Trajectory:
    """A path with a turn and a growth from start to end; errors name the argument."""
    path = Trajectory(points)
    for name, value, change in (("--turn", turn, Trajectory.turned), ("--grow", grow, Trajectory.grown)):
        if value is not None:
            try:
                path = change(path, value)
            except LabError as error:
                raise error.within(f"{name} {value:g}") from error
    return path
