"""The pictures and clips in a row's columns."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..control.build import build_control
from ..control.representations import shows_vectors
from ..media.drawing import OKABE_ITO, enlarged, entity_colour, labels_over, numbers_over
from ..motion import MotionReport
from ..show.motion.trails import thinned, trails
from ..tracking import Tracks
from .cases import Case

SHOWN = 512  # pixels: smaller pictures are enlarged by whole factors up to this


def picture(case: Case) -> NDArray[np.uint8]:
    """The scene's picture, with a ring where each object was clicked: (H', W', 3) uint8."""
    image = enlarged(case.scene.image, SHOWN)
    times = len(image) / case.scene.size[0]
    out = image.copy()
    clicks = np.zeros((0, 2)) if case.clicks is None else (np.asarray(case.clicks) + 0.5) * times - 0.5
    line = max(2, round(min(out.shape[:2]) / 130))
    for number, click in enumerate(clicks, start=1):
        if np.isfinite(click).all():
            x, y = (round(16 * value) for value in np.clip(click, -1e5, 1e5).tolist())
            for colour, width in (((255, 255, 255), 2 * line), (entity_colour(number), line)):
                cv2.circle(out, (x, y), 16 * 4 * line, colour, width, cv2.LINE_AA, shift=4)
                cv2.circle(out, (x, y), 16 * line // 2, colour, -1, cv2.LINE_AA, shift=4)
    return out


def masks(case: Case) -> NDArray[np.uint8]:
    """What each click cut out, in the objects' colours with their numbers: (H', W', 3) uint8."""
    image = enlarged(case.scene.image, SHOWN)
    times = len(image) / case.scene.size[0]
    labels = np.zeros(case.scene.size, np.uint8)
    centres = []
    for number, entity in enumerate(case.scene.controlled, start=1):
        if entity.kind == "foreground":
            labels[entity.mask] = number
        nowhere = np.full(2, -1e6)  # a background and a camera have no outline, and get no number
        centres.append((np.asarray(entity.centre) + 0.5) * times - 0.5 if entity.kind == "foreground" else nowhere)
    return numbers_over(labels_over(image, labels, filled=True), np.array(centres).reshape(-1, 2))


def control_clip(case: Case, representation: str, num_frames: int) -> NDArray[np.uint8]:
    """What the network is told in every frame, drawn over the picture: (T, H', W', 3) uint8."""
    vectors = None
    if shows_vectors(representation):  # where they are written does not depend on what they are
        vectors = np.stack([case.scene.image[entity.mask].mean(axis=0) for entity in case.scene.controlled])
    control = build_control(case.scene, num_frames, representation=representation, vectors=vectors)
    ground = enlarged(case.scene.image, SHOWN)
    return np.stack([control.preview(ground, frame) for frame in range(num_frames)])


def motion_picture(frames: NDArray[np.uint8], report: MotionReport, frame: int) -> NDArray[np.uint8]:
    """Where points went up to a frame, the dragged objects' in their colours: (H', W', 3) uint8.

    Args:
        frames: (T, H, W, 3) uint8, the clip as it is shown.
        report: Its measurement, at any size.
        frame: Frame number.
    """
    clip = enlarged(frames, SHOWN)
    places = thinned(report)
    times = np.float32(clip.shape[1] / report.size[0])
    points = (report.tracks.points[:, places] + np.float32(0.5)) * times - np.float32(0.5)
    tracks = Tracks(points, report.tracks.visible[:, places])
    return trails(clip, tracks, frame, owners=report.regions[places])


def twentieth(num_frames: int) -> int:
    """The frame whose motion is shown, as on the paper's page: the 20th, or the last of a shorter video.

    >>> twentieth(14), twentieth(25)
    (13, 19)
    """
    return min(19, num_frames - 1)


def stripe(values: NDArray[np.floating], height: int = 24, width: int = 480) -> NDArray[np.uint8]:
    """A vector as a stripe of cells, orange for positive and blue for negative numbers: (height, width, 3) uint8."""
    share = np.clip(values / max(float(np.abs(values).max()), 1e-9), -1, 1)[:, None]
    ends = np.where(share > 0, np.array(OKABE_ITO[0], float), np.array(OKABE_ITO[4], float))
    cells = (255 + (ends - 255) * np.abs(share)).astype(np.uint8)[None]
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
