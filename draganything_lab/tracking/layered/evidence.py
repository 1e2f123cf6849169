"""Evidence from pixels: how much a position in another frame differs from a pixel of frame 0, and where patches fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ..flow import Chain, field_at, inside

Float: TypeAlias = "NDArray[Any]"  # float32
MOST_NOISE = 8.0  # grey levels; positions that differ more are not the same
SHARP, SOFT = 0.8, 1.6  # pixels of blur; a softer picture attracts from farther away


class Evidence:
    """Blurred frames of a clip, their gradients, and the differences to tolerate.

    Args:
        video: (T, H, W, 3) uint8 RGB.
        chain: Flow of the clip, which separates noise and changes of light from motion.

    Attributes:
        size: (H, W).
        pixel: Unit for distances: 1 pixel up to a side of 128, more in larger pictures.
        texture: (H, W) float64, 0..1: how well a pixel of frame 0 can be told from its neighbours, in all directions.
        tolerance: (H, W) float32, grey levels: a difference of three times this is a miss.
    """

    def __init__(self, video: NDArray[np.uint8], chain: Chain) -> None:
        self.count, height, width = video.shape[:3]
        self.size = height, width
        self.pixel = max(1.0, max(self.size) / 128)
        ys, xs = np.mgrid[:height, :width]
        self.grid: NDArray[np.intp] = np.stack([xs, ys], axis=-1)  # (H, W, 2)
        frames, noise = _evenly_lit(video, chain)
        self._pictures: dict[bool, list[Float]] = {}
        self._slopes: dict[tuple[int, bool], tuple[Float, Float]] = {}
        for soft, blur in ((False, SHARP), (True, SOFT * self.pixel)):
            self._pictures[soft] = [cv2.GaussianBlur(frame, (0, 0), blur) for frame in frames]
        across, down = self.slopes(0, soft=False)
        tensor = [
            cv2.GaussianBlur((a * b).mean(axis=-1), (0, 0), 1.5)
            for a, b in ((across, across), (across, down), (down, down))
        ]
        middle, half = (tensor[0] + tensor[2]) / 2, (tensor[0] - tensor[2]) / 2
        corner = np.sqrt(np.maximum(middle - np.hypot(half, tensor[1]), 0))  # root of the smaller eigenvalue
        self.texture = np.minimum(corner / max(6.0, 2 * noise), 1).astype(np.float64)
        steep = np.sqrt((across**2 + down**2).mean(axis=-1))
        # Between pixels, values are less certain where the gradient is strong.
        self.tolerance = max(6.0, 2.5 * noise) + 0.35 * cv2.dilate(steep, np.ones((3, 3)))

    def picture(self, frame: int, *, soft: bool) -> Float:
        """Return a blurred frame, (H, W, 3) float32 in grey levels."""
        return self._pictures[soft][frame]

    def slopes(self, frame: int, *, soft: bool) -> tuple[Float, Float]:
        """Return its derivatives across and down, (H, W, 3) float32 each, in grey levels per pixel."""
        if (frame, soft) not in self._slopes:
            picture = self.picture(frame, soft=soft)
            self._slopes[frame, soft] = (
                cv2.Sobel(picture, -1, 1, 0, scale=1 / 8),
                cv2.Sobel(picture, -1, 0, 1, scale=1 / 8),
            )
        return self._slopes[frame, soft]

    def misfit(self, frame: int, points: Float, pixels: NDArray[np.intp]) -> Float:
        """Return how much positions in another frame differ from pixels of frame 0.

        Args:
            frame: Frame number t.
            points: (..., 2) positions in frame t.
            pixels: (..., 2) whole (x, y) in frame 0, the pixels supposed to be there.

        Returns:
            (...) float32: 0 if equal, 1 for a difference of three tolerances or more.
        """
        xs, ys = pixels[..., 0], pixels[..., 1]
        off = field_at(self.picture(frame, soft=False), points) - self.picture(0, soft=False)[ys, xs]
        return np.minimum(np.sqrt((off**2).mean(axis=-1)) / (3 * self.tolerance[ys, xs]), 1)


def _evenly_lit(video: NDArray[np.uint8], chain: Chain) -> tuple[Sequence[Float], float]:
    """Return the frames as float32, adjusted to the light of frame 0, and the noise in grey levels."""
    height, width = video.shape[1:3]
    step = max(1, round((height * width / 1500) ** 0.5))
    start = np.stack(np.meshgrid(np.arange(0, width, step), np.arange(0, height, step)), axis=-1).reshape(-1, 2)
    points, gaps = chain.follow(start.astype(np.float32))
    kept = np.logical_and.accumulate(inside(points, (height, width)) & (gaps < 0.5), axis=0)
    frames = [frame.astype(np.float32) for frame in video]
    first = frames[0][start[:, 1], start[:, 0]]  # (N, 3)
    noise = 0.0
    for t in range(1, len(frames)):
        use = kept[t]
        if use.sum() < 30:
            break
        seen = field_at(frames[t], points[t])[use]
        gain, offset = _light(seen, first[use])
        lit = seen * gain + offset
        off, left = (float(np.median(np.abs(colours - first[use]))) for colours in (seen, lit))
        # A change of light explains most of the difference; noise or another picture does not.
        if np.abs(lit - seen).mean() > 1.5 and left < min(0.6 * off, 15):
            frames[t], off = frames[t] * gain + offset, left
        if t == 1:
            noise = min(off * 1.48 / 2**0.5, MOST_NOISE)
    return frames, noise


def _light(seen: Float, wanted: Float) -> tuple[Float, Float]:
    """Gain and offset (3,) for each channel that map the seen values (N, 3) to the wanted ones, without outliers."""
    gain, offset = np.ones(3, np.float32), np.zeros(3, np.float32)
    for channel in range(3):
        a, b = seen[:, channel].astype(np.float64), wanted[:, channel].astype(np.float64)
        g, o = 1.0, float(np.median(b - a))
        for _ in range(4):
            miss = np.abs(g * a + o - b)
            weight = 1 / (1 + (miss / max(2.0, 2 * float(np.median(miss)))) ** 2) ** 2
            mean_a, mean_b = np.average(a, weights=weight), np.average(b, weights=weight)
            spread = float((weight * (a - mean_a) ** 2).sum()) + 400.0 * weight.sum()
            g = (float((weight * (a - mean_a) * (b - mean_b)).sum()) + 400.0 * weight.sum()) / spread
            o = mean_b - g * mean_a
        gain[channel], offset[channel] = g, o
    return gain, offset
