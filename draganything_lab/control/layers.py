"""A backdrop and layers over it, each with its motion, and what a drag carries along.

This is what a drag determines for *pixels*: which layer each pixel of a frame belongs to, where in the picture its
content was, and where something has left and the picture shows nothing. The preview draws it; the control signal
"carry" and the reference decoder take it as given and make the rest. For the decoder, a network may complete what the
picture shows in part (`hidden`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from ..media.filling import Complete, Fill, fill_holes
from .cuts import Cut, cut_layers, edge_width, place_cut, without_overshoot
from .hidden import completed

SHARPEST = cv2.INTER_CUBIC  # blurs least for shifts of half a pixel
STRONG = 0.6  # shrinking more than to this would skip pixels, so the picture is blurred first
HOLE = 255  # in `Carried.sources`: the picture does not show what belongs there


@dataclass(frozen=True, eq=False)
class Carried:
    """Frames as far as the picture and the drag determine them; (t, H, W) each, for t requested frames.

    Attributes:
        pictures: (t, H, W, 3) uint8: the picture's content, carried along, and what was completed of it; black where it
            is unknown.
        filled: (t, H, W, 3) uint8: the backdrop without whatever has left it, its holes filled; where the view extends
            beyond the picture, its edge pixels are repeated.
        known: uint8, 255 where the content is known or completed, 0 in holes, in between at edges.
        over: uint8, 255 where something lies that the picture does not show there: it has moved, or was completed.
        sources: uint8, 0 for the backdrop, k for the k-th layer, `HOLE` where the content is unknown.
        guessed: uint8, 255 where the content was hidden in the picture, and was completed.
    """

    pictures: np.ndarray
    filled: np.ndarray
    known: np.ndarray
    over: np.ndarray
    sources: np.ndarray
    guessed: np.ndarray


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers over the backdrop, farthest first.

    Attributes:
        size: (H, W) of the picture.
        view: (T, 2, 3) float64: matrices from positions (x, y, 1) in the picture to positions in frame t, for the
            backdrop.
        masks: L masks (H, W) bool, in frame 0.
        motions: L times (T, 2, 3) float64, as `view`.
        moving: L bools: whether a layer moves against the backdrop (others stand in front of one that does, or are
            hidden by it in part).
        owners: L numbers: k for the k-th controlled entity, 0 for an uncontrolled one.
        things: L bools: whether a layer is an object, which may be completed, and not a part of the background.
    """

    size: tuple[int, int]
    view: np.ndarray
    masks: tuple[np.ndarray, ...]
    motions: tuple[np.ndarray, ...]
    moving: tuple[bool, ...]
    owners: tuple[int, ...]
    things: tuple[bool, ...]

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.view)

    @cached_property
    def left(self) -> np.ndarray:
        """(H, W) bool: the picture's pixels of layers that move."""
        left = np.zeros(self.size, bool)
        for mask, moves in zip(self.masks, self.moving, strict=True):
            if moves:
                left |= mask
        return left

    def take(self, frames: Sequence[int] | np.ndarray) -> Layers:
        """The layers restricted to some of the frames."""
        where = list(frames)
        return replace(self, view=self.view[where], motions=tuple(motion[where] for motion in self.motions))

    def resized(self, size: tuple[int, int]) -> _Scaled:
        """The layers for the picture resized to (H, W), ready to be drawn."""
        return _Scaled.of(self, size)

    def carry(
        self,
        picture: np.ndarray,
        frames: Sequence[int],
        size: tuple[int, int] | None = None,
        fill: Fill = fill_holes,
        complete: Complete | None = None,
    ) -> Carried:
        """Carry the picture's content along.

        Args:
            picture: (H', W', 3) uint8, the picture at any size.
            frames: Which of the T frames to draw.
            size: (H, W) of the result; None for the picture's.
            fill: What fills the holes that layers leave.
            complete: What completes layers that others hide in part, or the picture's border; None leaves them so.

        Returns:
            The frames. Frame 0, where nothing has moved yet, equals the picture.
        """
        size = (picture.shape[0], picture.shape[1]) if size is None else size
        if picture.shape[:2] != size:
            smaller = size[0] < picture.shape[0] or size[1] < picture.shape[1]
            how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            picture = cv2.resize(picture, (size[1], size[0]), interpolation=how)
        scaled = self.resized(size)
        out = Carried(
            *(np.empty((len(frames), *size, 3), np.uint8) for _ in range(2)),
            *(np.empty((len(frames), *size), np.uint8) for _ in range(4)),
        )
        width = edge_width(size, max(size[0] / self.size[0], size[1] / self.size[1]))
        seen = bool(picture.any())  # shapes alone are asked of a black picture
        cut_up = cut_layers(picture, scaled.masks, self.moving, width, soft=seen)
        behind = cut_up.behind(fill) if seen else picture
        cuts = cut_up.cuts
        whole = list(cuts)
        guesses: list[Cut | None] = [None] * len(cuts)
        if complete is not None:
            nearer = np.zeros(size, np.float32)
            for index in reversed(range(len(cuts))):
                if self.things[index] and any(self.moving[index:]):
                    whole[index], guesses[index] = completed(picture, cuts[index], nearer, complete, width)
                nearer = np.maximum(nearer, scaled.masks[index])
        ground = np.dstack([cut_up.clean * cut_up.stays[..., None], cut_up.stays]).astype(np.float32)
        for place, frame in enumerate(frames):
            out.filled[place] = _warped(behind, scaled.view[frame], size, cv2.BORDER_REPLICATE)
            drawn = without_overshoot(_warped(ground, scaled.view[frame], size, cv2.BORDER_CONSTANT))  # (H, W, 4)
            started = any(_moves(motion[frame]) for motion in scaled.motions)
            still = not (started or _moves(scaled.view[frame]))
            over, guessed = np.zeros(size, np.float32), np.zeros(size, np.float32)
            sources = np.where(still | (drawn[..., 3] > 0.5), np.uint8(0), np.uint8(HOLE))
            parts = whole if started else cuts  # beneath soft edges a guess would show at once
            for index, (motion, moves) in enumerate(zip(scaled.motions, self.moving, strict=True), start=1):
                window, moved = place_cut(parts[index - 1], motion[frame], size, SHARPEST)
                if window is None:
                    continue
                alpha = moved[..., 3:]
                drawn[window] = drawn[window] * (1 - alpha) + moved
                over[window] = over[window] * (1 - alpha[..., 0]) + moves * alpha[..., 0]
                sources[window][alpha[..., 0] > 0.5] = index
                guessed[window] *= 1 - alpha[..., 0]
                if started and (guess := guesses[index - 1]) is not None:
                    part, more = place_cut(guess, motion[frame], size, SHARPEST)
                    guessed[part] += more
                    over[part] = np.maximum(over[part], more)
            if still:  # where a mask is in doubt, something would be missing
                drawn[..., :3], drawn[..., 3] = picture, 1
            known = drawn[..., 3]
            colours = drawn[..., :3] / np.maximum(known, 1e-3)[..., None]
            out.pictures[place] = (colours + 0.5).clip(0, 255) * (known > 0.02)[..., None]
            out.known[place], out.over[place] = (known * 255 + 0.5).clip(0, 255), over * 255 + 0.5
            out.sources[place], out.guessed[place] = sources, guessed.clip(0, 1) * 255 + 0.5
        return out

    def ways(self, sources: np.ndarray, frames: Sequence[int], cell: int) -> np.ndarray:
        """For each latent cell, where its content was in the picture.

        Args:
            sources: (t, H, W) uint8 from `carry`, at the networks' size.
            frames: Numbers of these frames.
            cell: Side of a latent cell in pixels.

        Returns:
            (t, 3, h, w) float32: steps in x and y from the cell's centre to where its content was, in cells, and 1
            where that is known, else 0 (with zero steps).
        """
        size, middle = sources.shape[1:], cell // 2
        scaled = self.resized((size[0], size[1]))
        at = sources[:, middle::cell, middle::cell]
        rows, columns = np.meshgrid(*(middle + cell * np.arange(n) for n in at.shape[1:]), indexing="ij")
        places = np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float64)  # (h, w, 3)
        out = np.zeros((len(frames), 3, *at.shape[1:]), np.float32)
        for number, frame in enumerate(frames):
            for index in np.unique(at[number]):
                if index == HOLE:
                    continue
                motion = (scaled.view if index == 0 else scaled.motions[index - 1])[frame]
                back = np.linalg.inv(np.vstack([motion, (0, 0, 1)]))[:2]
                here = at[number] == index
                out[number, :2, here] = (places[here] @ back.T - places[here, :2]) / cell
                out[number, 2, here] = 1
        return out


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Layers at another size: soft masks (H, W) float32 in 0..1, and matrices for its pixels."""

    masks: tuple[np.ndarray, ...]
    view: np.ndarray
    motions: tuple[np.ndarray, ...]

    @staticmethod
    def of(layers: Layers, size: tuple[int, int]) -> _Scaled:
        if size == layers.size:
            soft = tuple(mask.astype(np.float32) for mask in layers.masks)
            return _Scaled(soft, layers.view, layers.motions)
        smaller = size[0] < layers.size[0] or size[1] < layers.size[1]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        masks: list[np.ndarray] = [
            cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=how) for mask in layers.masks
        ]
        x, y = size[1] / layers.size[1], size[0] / layers.size[0]
        there = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])  # pixels are squares
        back = np.linalg.inv(there)
        moved = [
            there[:2, :2] @ motion @ back + np.pad(there[:2, 2:], ((0, 0), (2, 0)))
            for motion in (layers.view, *layers.motions)
        ]
        return _Scaled(tuple(masks), moved[0], tuple(moved[1:]))


def _moves(matrix: np.ndarray) -> bool:
    return not np.allclose(matrix, np.eye(2, 3), atol=1e-3)


def _warped(ground: np.ndarray, matrix: np.ndarray, size: tuple[int, int], border: int) -> np.ndarray:
    """Move the backdrop (H, W, C) by a matrix."""
    if np.allclose(matrix, np.eye(2, 3), atol=1e-6):
        return ground.copy()
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom < STRONG:
        ground = cv2.GaussianBlur(ground, (0, 0), 0.35 / zoom)
    wide = size[1], size[0]
    return np.asarray(cv2.warpAffine(ground, matrix, wide, flags=SHARPEST, borderMode=border))
