"""One row of the page as a moving picture, for a README or a talk."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..evaluate.sources import fit
from .pictures import control_clip, masks, motion_picture, picture, twentieth
from .work import Row

GAP = 8  # white pixels between two columns


def row_clip(row: Row, side: int = 192) -> NDArray[np.uint8]:
    """The columns of a row beside each other, moving: picture, mask, Gaussian trajectory, video, pixel motion.

    Args:
        row: A row whose video was made.
        side: Height of a column in pixels.

    Returns:
        (T, side, W, 3) uint8 RGB.
    """
    assert row.frames is not None and row.report is not None
    case, count = row.job.case, len(row.frames)
    size = (side, round(side * row.frames.shape[2] / row.frames.shape[1]))
    still = [picture(case), masks(case)]
    motion = motion_picture(row.frames, row.report, twentieth(count))
    control = control_clip(case, "gaussian", count)
    out = []
    for told, made in zip(control, row.frames, strict=True):
        cells = [fit(one, size) for one in (*still, told, made, motion)]
        spaced = [cv2.copyMakeBorder(one, 0, 0, 0, GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for one in cells]
        out.append(np.hstack([*spaced[:-1], cells[-1]]))
    return np.stack(out)
