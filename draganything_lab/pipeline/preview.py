"""The preview: cut out, move, scale, fill. No network, instant, and what "perfect obedience" looks like.

The picture is taken apart into a backdrop, whose holes behind moving things are filled once, and one cut-out for each
thing that moves, stands in front of one that does, or is partly hidden by one. Frame by frame the backdrop follows the
camera (or the background's trajectory), and the cut-outs are laid over it, farthest first.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..control.cuts import Cut, cut_layers, place_cut
from ..control.split import layers_of
from ..errors import LabError
from ..media import drawing
from ..media.filling import fill_holes
from ..scene.checks import checked_num_frames
from ..scene.scene import Scene

MAX_BYTES = 2**30


def preview(scene: Scene, num_frames: int = 14, *, label: bool = True) -> np.ndarray:
    """Show at once how a scene would move if every pixel obeyed.

    Foreground moves by path[t] - path[0] of its trajectory, turns and grows about path[0] as the trajectory says, and
    takes on the camera's zoom and roll; what is pinned stays; what is uncontrolled rides with the camera. Camera
    entities together give the camera: the shift, zoom and roll that fit their tracks best. Without them, the largest
    background entity with a trajectory moves the backdrop.

    Args:
        scene: The scene; its picture can be a photograph.
        num_frames: How many frames T, 1 or more.
        label: Whether every frame carries the word "preview". Leave it on wherever people look; False is for the
            baseline of metrics.

    Returns:
        (T, H, W, 3) uint8 at the scene's size. Frame 0 is the picture itself.

    Raises:
        LabError: The frame count is wrong or the video would need more than 1 GiB.

    >>> video = preview(scene, 14)  # doctest: +SKIP
    >>> video.shape                 # doctest: +SKIP
    (14, 320, 576, 3)
    """
    if not isinstance(scene, Scene):
        raise LabError(f"preview needs a Scene, not {type(scene).__name__}", fix="read a file with Scene.load(path)")
    count = checked_num_frames(num_frames)
    need, limit = count * scene.image.nbytes, MAX_BYTES // scene.image.nbytes
    if need > MAX_BYTES:
        raise LabError(
            f"a preview of {count:,} frames at {scene.size[1]}x{scene.size[0]} needs {need / 2**30:.1f} GiB, the limit "
            f"is {MAX_BYTES / 2**30:.0f} GiB: at most {limit} frames fit",
            fix="ask for fewer frames or use scene.resized()",
        )
    layers = layers_of(scene, count)
    cut_up = cut_layers(scene.image, layers.masks, layers.moving)
    backdrop = cut_up.behind(fill_holes)
    frames = np.empty((count, *scene.image.shape), np.uint8)
    for frame in range(count):
        frames[frame] = _warped_backdrop(backdrop, layers.view[frame])
        for cut, motion in zip(cut_up.cuts, layers.motions, strict=True):
            _lay_over(frames[frame], cut, motion[frame])
    frames[0] = scene.image  # every motion starts at rest
    if label:
        drawing.word_in_corner(frames, "preview")
    return frames


def _warped_backdrop(backdrop: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The backdrop moved. Where the view runs out of picture, its edge is drawn out: a mirror shows things twice."""
    if np.array_equal(matrix, np.eye(2, 3)):
        return backdrop
    size = backdrop.shape[1], backdrop.shape[0]
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom < 0.6:  # shrinking much would skip pixels
        backdrop = cv2.GaussianBlur(backdrop, (0, 0), 0.35 / zoom)
    return cv2.warpAffine(backdrop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _lay_over(picture: np.ndarray, cut: Cut, motion: np.ndarray) -> None:
    """Lay a cut-out over a frame, in place, touching only the box it covers there."""
    window, moved = place_cut(cut, motion, (picture.shape[0], picture.shape[1]))
    if window is not None:
        picture[window] = (picture[window] * (1 - moved[..., 3:]) + moved[..., :3] + 0.5).astype(np.uint8)
