"""The interface of every backend: a picture is set once, clicks are answered many times; all input is checked here."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import LabError
from ..media.arrays import plain_array
from ..media.picture import load_picture

Points = Sequence[tuple[float, float]] | np.ndarray


@dataclass(frozen=True, eq=False)
class Prompt:
    """Clicks and box that have been checked.

    Attributes:
        points: (N, 2) float32 (x, y) in pixels of the picture; N may be 0.
        labels: (N,) int64, 1 on the object, 0 off it.
        box: (4,) float32 left, top, right, bottom, right and bottom exclusive; or None.
        previous: Result of an earlier call to refine; or None.
    """

    points: np.ndarray
    labels: np.ndarray
    box: np.ndarray | None
    previous: Found | None


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a click: candidates, best first.

    Attributes:
        masks: (K, H, W) bool.
        scores: (K,) float32, higher is better: SAM's own estimate of the IoU (0 to 1, sometimes a little above); for
            GrabCut, how well the outline follows edges of the picture (0 to 1).
        backend: The backend that found it: "toy", "grabcut", "sam_vit_b", …
        logits: (K, h, w) float32 at the network's own size, the starting point for refinement; None without a network.
        picture: Checksum of the picture in which it was found; None if unknown.
    """

    masks: np.ndarray
    scores: np.ndarray
    backend: str
    logits: np.ndarray | None = None
    picture: int | None = None

    @property
    def best(self) -> np.ndarray:
        """(H, W) bool: the mask with the highest score."""
        return self.masks[0]

    def chosen(self, index: int) -> Found:
        """The same result with candidate `index` moved to the front, so that refinement starts from it.

        Raises:
            LabError: There is no such candidate.
        """
        if not 0 <= index < len(self.masks):
            raise LabError(
                f"candidate {index} of {len(self.masks)} does not exist", fix=f"pass 0 to {len(self.masks) - 1}"
            )
        order = [index, *(i for i in range(len(self.masks)) if i != index)]
        logits = None if self.logits is None else self.logits[order]
        return replace(self, masks=self.masks[order], scores=self.scores[order], logits=logits)


@dataclass(frozen=True, eq=False)
class Proposal:
    """An object found without a click.

    Attributes:
        mask: (H, W) bool.
        score: As in `Found.scores`.
        box: (left, top, right, bottom) of the mask, for mask[top:bottom, left:right].
    """

    mask: np.ndarray
    score: float
    box: tuple[int, int, int, int]


class Segmenter(ABC):
    """Turns clicks into masks. `set_picture` once, then `predict` as often as the user clicks."""

    name: str

    def __init__(self) -> None:
        self._picture: np.ndarray | None = None
        self._checksum = 0

    @property
    def backend(self) -> str:
        """Name of the backend that answers the next click."""
        return self.name

    @property
    def spoken(self) -> str:
        """The backend in words, for sentences."""
        return {"toy": "our small SAM", "grabcut": "GrabCut"}.get(self.backend, self.backend)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the picture that is set.

        Raises:
            LabError: No picture is set.
        """
        if self._picture is None:
            raise LabError("no picture is set", fix="call set_picture(image) before the first click")
        return self._picture.shape[0], self._picture.shape[1]

    def set_picture(self, image: np.ndarray) -> None:
        """Set the picture; its preparation is done once, and not repeated for the same picture.

        Args:
            image: (H, W, 3) uint8 RGB, or anything else that `load_picture` reads.

        Raises:
            LabError: The image is not a picture, or the backend cannot use it.
        """
        if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3):
            image = load_picture(image)
        if image.size == 0:
            raise LabError(f"the picture is empty ({image.shape[1]}x{image.shape[0]})", fix="pass one of at least 1x1")
        if self._picture is not None and np.array_equal(self._picture, image):
            return
        self._picture = None  # if the new picture fails, none is set
        picture = image.copy()
        self._set(picture)
        self._picture, self._checksum = picture, zlib.crc32(picture.tobytes())

    def predict(
        self,
        points: Points | None = None,
        labels: Sequence[int] | np.ndarray | None = None,
        box: Sequence[float] | np.ndarray | None = None,
        previous: Found | None = None,
    ) -> Found:
        """Find the clicked object.

        Args:
            points: (x, y) of each click so far, in pixels of the picture.
            labels: For each click 1 (on the object) or 0 (off it); None means all 1.
            box: (left, top, right, bottom) around the object, in pixels; right and bottom are exclusive.
            previous: Result of the last call, to refine it; pass it together with all clicks so far.

        Returns:
            One or several candidates, best first. A single click can mean an object, its part or its group, so it gets
            three candidates from SAM; more input gets one.

        Raises:
            LabError: There is no picture, no click, a click outside, clicks that contradict each other, or nothing is
                found.

        Source: Kirillov et al., "Segment Anything", 2023, section 3.
        """
        height, width = self.size
        if previous is not None and not isinstance(previous, Found):
            raise LabError(f"previous is {previous!r}", fix="pass the result of the last predict, or leave it out")
        if previous is not None and previous.masks.shape[1:] != (height, width):
            was = f"{previous.masks.shape[2]}x{previous.masks.shape[1]}"
            raise LabError(
                f"previous belongs to a {was} picture, but this one is {width}x{height}",
                fix="start again without previous",
            )
        spots, marks = _checked_points(points, labels, (height, width))
        frame = _checked_box(box, (height, width))
        if previous is not None and previous.picture not in (None, self._checksum):
            raise LabError("previous was found in another picture", fix="start again without previous")
        if not len(spots) and frame is None:
            raise LabError("nothing was clicked", fix="pass at least one point on the object, or a box around it")
        if not marks.any() and frame is None and previous is None:
            raise LabError(
                f"all {len(marks)} clicks are negative, so nothing says what the object is",
                fix="add a positive click on it",
            )
        found = self._predict(Prompt(spots, marks, frame, previous))
        order = np.argsort(-found.scores, kind="stable")
        logits = None if found.logits is None else found.logits[order]
        masks, scores = found.masks[order], found.scores[order]
        return replace(found, masks=masks, scores=scores, logits=logits, picture=self._checksum)

    @abstractmethod
    def everything(self) -> list[Proposal]:
        """Find all objects in the picture without a click, best first."""

    @abstractmethod
    def _set(self, picture: np.ndarray) -> None:
        """Do the work needed once per picture."""

    @abstractmethod
    def _predict(self, prompt: Prompt) -> Found:
        """Answer checked clicks; the candidates may be in any order."""


def _checked_points(
    points: Points | None, labels: Sequence[int] | np.ndarray | None, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    try:
        spots = plain_array([] if points is None else points, "points").astype(np.float32)
    except (TypeError, ValueError) as error:
        raise LabError(f"points is {points!r:.80}", fix="pass (x, y) pairs of numbers") from error
    spots = spots.reshape(0, 2) if spots.size == 0 else spots
    if spots.ndim != 2 or spots.shape[1] != 2:
        raise LabError(f"points has shape {spots.shape}", fix="pass (N, 2), one (x, y) per click")
    height, width = size
    for number, (x, y) in enumerate(spots.tolist(), start=1):
        if not (np.isfinite(x) and np.isfinite(y)):
            raise LabError(f"click {number} is ({x:g}, {y:g})", fix="pass finite numbers")
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise LabError(
                f"click {number} at ({x:g}, {y:g}) is outside the {width}x{height} picture", fix="click on the object"
            )
    marks = np.ones(len(spots), np.int64) if labels is None else plain_array(labels, "labels").ravel()
    if len(marks) != len(spots):
        raise LabError(f"{len(spots)} points but {len(marks)} labels", fix="pass one label (1 or 0) per point")
    bad = [label for label in marks.tolist() if label not in (0, 1)]
    if bad:
        raise LabError(f"a label is {bad[0]}", fix="use 1 (on the object) or 0 (off it)")
    marks = marks.astype(np.int64)
    for first in np.flatnonzero(marks == 1):
        for second in np.flatnonzero(marks == 0):
            if np.abs(spots[first] - spots[second]).max() < 0.5:
                x, y = spots[first].tolist()
                raise LabError(
                    f"clicks {first + 1} and {second + 1} contradict each other: both signs at ({x:g}, {y:g})",
                    fix="remove one of them",
                )
    spots = np.clip(spots, 0, [width - 1, height - 1]).astype(np.float32)
    return spots, marks


def _checked_box(box: Sequence[float] | np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    if box is None:
        return None
    try:
        edges = plain_array(box, "box").astype(np.float32).ravel()
    except (TypeError, ValueError) as error:
        raise LabError(f"box is {box!r:.80}", fix="pass (left, top, right, bottom)") from error
    if edges.shape != (4,) or not np.isfinite(edges).all():
        raise LabError(f"box is {box!r:.80}", fix="pass four finite numbers (left, top, right, bottom)")
    height, width = size
    edges = np.clip(edges, 0, [width, height, width, height]).astype(np.float32)
    left, top, right, bottom = edges.tolist()
    if right - left < 1 or bottom - top < 1:
        raise LabError(
            f"box {tuple(np.asarray(box).tolist())} contains no pixel of the {width}x{height} picture",
            fix="pass (left, top, right, bottom) with left < right and top < bottom",
        )
    return edges
