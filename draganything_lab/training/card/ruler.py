"""Where things are in a generated video, measured against a true one: the ruler of the model card."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...media.picture import psnr
from ...scene.entity import Entity
from ...toyland import ToyClip

LEAST_SEEN = 12  # pixels of a thing that must be seen in a frame of the truth for the frame to count
LEAST_SHARE = 0.25  # and the share of what is seen of it in frame 0
SAME = 10 ** (1 / 10)  # a place fits as well as the best one if its misfit is at most this many times the other's: 1 dB
VALLEY = 3  # pixels around a place that must all fit no better, and one of them worse by more than `SAME`

MOST_DECIBELS = 50.0  # errors of under one level of 255 cannot be seen, and one perfect patch would outweigh all others


def likeness(truth: NDArray[np.uint8], video: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """The PSNR of frames (…, H, W, 3) where a mask (…, H, W) says, in dB, at most `MOST_DECIBELS`."""
    return min(MOST_DECIBELS, psnr(truth, video, where))


def centre_error(video: NDArray[np.uint8], clip: ToyClip, entity: Entity) -> float:
    """How far an entity of a clip's scene is from where it belongs.

    Args:
        video: (T, H, W, 3) the generated frames.
        clip: The truth.
        entity: An entity of `clip.scene()`, which cut it out of frame 0.

    Returns:
        Mean of `off_by` over the frames after the first, in per cent of the diagonal, by those parts of the entity that
        frame 0 shows: no one can know the others. NaN where no frame counts.
    """
    off = off_by(video, clip.video, known(clip, int(clip.labels[0][entity.mask][0])))[1:]
    off = off[np.isfinite(off)]
    return float(100 * off.mean() / np.hypot(*video.shape[1:3])) if len(off) else float("nan")


def known(clip: ToyClip, label: int) -> NDArray[np.bool_]:
    """(T, H, W): where the truth shows what frame 0 already shows of the thing with this label."""
    height, width = clip.labels.shape[1:]
    first = (clip.labels[0] == label).astype(np.uint8)
    size, nearest = (width, height), cv2.INTER_NEAREST
    moved = [cv2.warpAffine(first, matrix[:2], size, flags=nearest) for matrix in clip.motion_matrices[label]]
    return (np.stack(moved) > 0) & (clip.labels == label)


def off_by(video: NDArray[np.uint8], truth: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far a thing is from where it belongs, in every frame.

    What the truth shows of the thing in a frame, turned, grown and covered as it is there, is looked for in the same
    frame of the video: the place where these pixels fit best, in least squares over the whole picture and half the
    thing's size beyond. A copy left behind at the start is found there if it looks better than what arrived, by more
    than 1 dB: of several places apart that fit as well, the nearest to the true one counts. So a thing that stands
    beside a look-alike has not moved there because a pixel at its edge differs.

    Args:
        video: (T, H, W, 3) the generated frames.
        truth: (T, H, W, 3) the true ones.
        masks: (T, H, W) where the truth shows the thing.

    Returns:
        (T,) distance in pixels; NaN where the truth shows too little of the thing to look for.
    """
    least = max(LEAST_SEEN, LEAST_SHARE * float(masks[0].sum()))
    return np.array(
        [_off_by(*frame) if frame[2].sum() >= least else np.nan for frame in zip(video, truth, masks, strict=True)]
    )


def _off_by(frame: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    xs, ys = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    weight = np.repeat(mask[box].astype(np.float32)[..., None], 3, axis=2)
    pad_y, pad_x = weight.shape[0] // 2, weight.shape[1] // 2
    wide = cv2.copyMakeBorder(frame, pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REPLICATE).astype(np.float32)
    misfit = cv2.matchTemplate(wide, truth[box].astype(np.float32), cv2.TM_SQDIFF, mask=weight).clip(0)
    rows, columns = np.indices(misfit.shape)
    off = np.hypot(rows - pad_y - ys[0], columns - pad_x - xs[0])
    best = np.unravel_index(misfit.argmin(), misfit.shape)
    window = np.ones((2 * VALLEY + 1, 2 * VALLEY + 1), np.uint8)
    valleys = (misfit <= cv2.erode(misfit, window)) & (cv2.dilate(misfit, window) > SAME * misfit)
    alike = valleys & (misfit <= SAME * misfit[best])
    return float(min(off[best], off[alike].min(initial=np.inf)))
