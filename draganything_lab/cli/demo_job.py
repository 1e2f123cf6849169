"""The demo's job: a drawn Toyland scene, or the user's own picture with a click and a path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import LabError
from ..media.mask import mask_file
from ..media.picture import load_picture
from ..scene.checks import parse_points
from ..scene.masks import clean_mask, describe_mask
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..segment import load_segmenter
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

    def at_size(self, size: tuple[int, int] | None = None) -> DemoJob:
        """The job at a size (H, W); None shrinks pictures of more than 768 pixels on a side."""
        height, width = self.scene.size
        scale = min(1.0, MAX_SIDE / max(height, width))
        height, width = size or (max(1, round(height * scale)), max(1, round(width * scale)))
        if (height, width) == self.scene.size:
            return self
        own = f"{self.scene.size[1]}x{self.scene.size[0]}"
        told = f"The {own} picture is shown at {width}x{height}; pixels in the results refer to that."
        return replace(self, scene=self.scene.resized((height, width)), notes=(told, *self.notes))


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
) -> DemoJob:
    """The user's own picture, at its own size, with one object to move.

    Args:
        image: File of the picture.
        path: "x,y x,y …", the object's path, in pixels of the picture; it may leave the picture.
        point: "x,y", the click on the object; where the path starts when None.
        mask: File of the object's mask, at the picture's size; cut out at the click when None.
        label: Label of the object in the mask, "3" or "255,0,0", if the mask has several.
        turn: Degrees by which the object turns on its way, clockwise; None does not turn.
        grow: Its size at the end, as a factor; None keeps its size.

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
    size = f"the {width}x{height} picture"
    for name, (x, y) in (("--path starts at", track[0]), ("--point is", clicks[0])):
        if not inside(x, y, width, height):
            raise LabError(f"{name} ({x:g}, {y:g}), outside {size}", fix="count in its pixels")
    for number, (x, y) in enumerate(track, start=1):
        if not inside(x + width, y + height, 3 * width, 3 * height):
            raise LabError(
                f"--path: point {number} is ({x:g}, {y:g}), more than a picture's size outside {size}",
                fix="count in its pixels; a path may leave it, but not farther than that",
            )
    if point is not None and mask is None and np.hypot(*np.subtract(track[0], clicks[0])) > 0.25 * min(height, width):
        raise LabError(
            f"--path starts at ({track[0][0]:g}, {track[0][1]:g}), far from the click ({clicks[0][0]:g}, "
            f"{clicks[0][1]:g})",
            fix="start the path on the object that you click",
        )
    moves = posed_path(track, turn, grow)
    notes = []
    if mask is None:
        segmenter = load_segmenter("auto")
        segmenter.set_picture(picture)
        cut = clean_mask(segmenter.predict(clicks, [1]).best)
        notes.append(
            f"The mask was cut out from one click, by {segmenter.spoken}: check it, and pass --mask if it is wrong."
        )
    else:
        cut = mask_file(mask, (height, width), label)
    share, pieces = cut.mean(), describe_mask(cut).pieces
    if share > (0.15 if mask is None else 0.5):
        what = "you may have clicked the background, not an object." if mask is None else "is it the object's?"
        notes.append(f"The mask covers {share:.0%} of the picture: {what}")
    if pieces > 1:
        notes.append(f"The mask is in {pieces} pieces, which move together.")
    if not all(inside(x, y, width, height) for x, y in track):
        notes.append(f"The path leaves {size}, and the object goes with it.")
    if len(track) == 1 and turn is None and grow is None:
        notes.append("--path has one point, so the object should stay; pass two or more to move it.")
    scene = Scene(picture)
    scene.add("object", cut, moves)
    return DemoJob(scene, Path(image).name, None, tuple(notes))


def inside(x: float, y: float, width: float, height: float) -> bool:
    """Whether a point (x, y) lies in a picture, all in pixels."""
    return 0 <= x <= width - 1 and 0 <= y <= height - 1


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
