"""The preview: cut out, move, scale, fill. No network, instant, and what "perfect obedience" looks like.

The picture is taken apart into a backdrop, whose holes behind moving things are filled once, and one cut-out for each
thing that moves or stands in front of one. Frame by frame the backdrop follows the camera (or the background's
trajectory), and the cut-outs are laid over it, farthest first.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import LabError
from ..media import drawing
from ..scene.camera import wanted_view
from ..scene.checks import checked_num_frames
from ..scene.entity import Entity
from ..scene.scene import Scene

MAX_BYTES = 2**30
FILL_SIDE = 320  # holes are filled on a picture of at most this side: they are soft anyway, and it bounds the time
# … and squeezed in width: a hole is then filled mostly from its sides, so that horizons, shores and roads go on.
FILL_SQUEEZE = 5


@dataclass(frozen=True)
class _Cut:
    """A thing cut out of the picture: colour times alpha, and alpha, in its own box with a clear border."""

    colour: np.ndarray  # (h, w, 4) float32: RGB times alpha, alpha in 0..1
    corner: tuple[int, int]  # x and y of its top-left pixel in the picture
    motion: np.ndarray  # (T, 2, 3): from places in the picture to places in frame t


def preview(scene: Scene, num_frames: int = 14, *, label: bool = True) -> np.ndarray:
    """Show at once how a scene would move if every pixel obeyed.

    Foreground moves by path[t] - path[0] of its trajectory (and takes on the camera's zoom and roll); what is pinned
    stays; what is uncontrolled rides with the camera. Camera entities together give the camera: the shift, zoom and
    roll that fit their tracks best. Without them, the largest background entity with a trajectory moves the backdrop.

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
    view, mover = _view(scene, count)  # (T, 2, 3)
    layers, moved = _layers(scene, count, view, mover)
    backdrop = fill_holes(scene.image, moved)
    cuts = [_cut_out(scene.image, entity.mask, motion) for entity, motion in layers]
    frames = np.empty((count, *scene.image.shape), np.uint8)
    for frame in range(count):
        frames[frame] = _warped_backdrop(backdrop, view[frame])
        for cut in cuts:
            _lay_over(frames[frame], cut, frame)
    frames[0] = scene.image  # every motion starts at rest
    if label:
        drawing.word_in_corner(frames, "preview")
    return frames


def fill_holes(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes in a picture from their surroundings, once for all frames.

    Args:
        image: (H, W, 3) uint8.
        holes: (H, W) bool; a margin is added, because the edge of a thing still has some of its colour.

    Returns:
        (H, W, 3) uint8.
    """
    if not holes.any():
        return image
    height, width = holes.shape
    margin = max(2, round(min(height, width) / 110))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    wide = cv2.dilate(holes.astype(np.uint8), kernel)
    if wide.all():
        return np.broadcast_to(image.mean(axis=(0, 1)), image.shape).astype(np.uint8)
    scale = min(1.0, FILL_SIDE / max(height, width))
    small = max(1, round(width * scale / FILL_SQUEEZE)), max(1, round(height * scale))
    # What is known is averaged with its weight, so that no colour of the hole leaks into the smaller picture.
    known = (1 - wide).astype(np.float32)
    weight = cv2.resize(known, small, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(image * known[..., None], small, interpolation=cv2.INTER_AREA)
    colours = (colours / np.maximum(weight, 1e-6)[..., None] + 0.5).clip(0, 255).astype(np.uint8)
    unknown = weight < 0.5
    _draw_through_rows(colours, unknown)
    # cv2.inpaint reads beyond a picture of one row or column, so those get a second one.
    room = ((0, int(colours.shape[0] == 1)), (0, int(colours.shape[1] == 1)))
    colours = np.pad(colours, (*room, (0, 0)), mode="edge")
    filled = cv2.inpaint(colours, np.pad(unknown, room, mode="edge").astype(np.uint8), 3, cv2.INPAINT_NS)
    filled = np.ascontiguousarray(filled[: small[1], : small[0]])
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(wide[..., None] > 0, filled, image)


def _draw_through_rows(colours: np.ndarray, unknown: np.ndarray) -> None:
    """Bridge holes from left to right, in place. OpenCV 4.9 lets a hole's own colour leak in at the border."""
    columns = np.arange(unknown.shape[1])
    colours[unknown.all(axis=1)] = colours[~unknown].mean(axis=0) if not unknown.all() else 128
    for row in np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1)):
        known = np.flatnonzero(~unknown[row])
        for channel in range(3):
            colours[row, :, channel] = np.interp(columns, known, colours[row, known, channel])


def _view(scene: Scene, count: int) -> tuple[np.ndarray, Entity | None]:
    """Return how the backdrop moves, (T, 2, 3), and the background entity that moves it, if it is one that does."""
    if any(entity.kind == "camera" for entity in scene.controlled):
        return wanted_view(scene, count), None
    grounds = [entity for entity in scene.controlled if entity.kind == "background"]
    mover = max(grounds, key=lambda entity: entity.area, default=None)
    path = None if mover is None else mover.path(count)
    return _shifts(np.zeros((count, 2)) if path is None else path - path[0]), mover


def _shifts(steps: np.ndarray) -> np.ndarray:
    """Return shifts (T, 2) as matrices (T, 2, 3)."""
    matrices = np.zeros((len(steps), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1
    matrices[:, :, 2] = steps
    return matrices


def _layers(
    scene: Scene, count: int, view: np.ndarray, mover: Entity | None
) -> tuple[list[tuple[Entity, np.ndarray]], np.ndarray]:
    """Return what is laid over the backdrop, farthest first, each with its motion, and the mask of what left it."""
    layers: list[tuple[Entity, np.ndarray]] = []
    left = np.zeros(scene.size, bool)
    # A background that does not carry the backdrop lies behind all foreground, wherever it stands in the list.
    for entity in sorted(scene.entities, key=lambda entity: entity.kind == "foreground"):
        if entity.kind == "camera" or entity is mover:
            continue
        path, motion = entity.path(count), view
        if path is not None:
            motion = _shifts(path - path[0])
            if not entity.pinned:  # its own way, but with the camera's zoom and roll about its point
                motion[:, :, :2] = view[:, :, :2]
                motion[:, :, 2] = path - view[:, :, :2] @ path[0].astype(np.float64)
        if not np.allclose(motion, view, atol=1e-3):
            layers.append((entity, motion))
            left |= entity.mask
        elif layers and entity.kind == "foreground":
            layers.append((entity, motion))  # rides with the backdrop, but may stand in front of something that moves
    return layers, left


def _cut_out(image: np.ndarray, mask: np.ndarray, motion: np.ndarray) -> _Cut:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    box = (slice(top, int(rows[-1]) + 1), slice(left, int(columns[-1]) + 1))
    alpha = cv2.copyMakeBorder(mask[box].astype(np.float32), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    colour = cv2.copyMakeBorder(image[box].astype(np.float32), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return _Cut(np.dstack([colour * alpha[..., None], alpha]), (left - 1, top - 1), motion)


def _warped_backdrop(backdrop: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The backdrop moved. Where the view runs out of picture, its edge is drawn out: a mirror shows things twice."""
    if np.array_equal(matrix, np.eye(2, 3)):
        return backdrop
    size = backdrop.shape[1], backdrop.shape[0]
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom < 0.6:  # shrinking much would skip pixels
        backdrop = cv2.GaussianBlur(backdrop, (0, 0), 0.35 / zoom)
    return cv2.warpAffine(backdrop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _lay_over(picture: np.ndarray, cut: _Cut, frame: int) -> None:
    """Lay a cut-out over a frame, in place, touching only the box it covers there."""
    tall, wide = cut.colour.shape[:2]
    matrix = cut.motion[frame] @ np.array([[1, 0, cut.corner[0]], [0, 1, cut.corner[1]], [0, 0, 1]])
    corners = matrix @ np.array([[-1, wide, -1, wide], [-1, -1, tall, tall], [1, 1, 1, 1]])  # (2, 4)
    (x0, y0), (x1, y1) = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1)) + 1
    x0, y0 = int(max(x0, 0)), int(max(y0, 0))
    x1, y1 = int(min(x1, picture.shape[1])), int(min(y1, picture.shape[0]))
    if x0 >= x1 or y0 >= y1:
        return
    matrix[:, 2] -= (x0, y0)
    moved = cv2.warpAffine(
        cut.colour, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    under = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = (under * (1 - moved[..., 3:]) + moved[..., :3] + 0.5).astype(np.uint8)
