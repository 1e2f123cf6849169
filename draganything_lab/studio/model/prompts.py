"""The clicks behind a mask. They belong to the mask itself, so that undo, redo and renaming never part them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ...segment import Found

MAX_KEPT = 120  # prompts; a mask of a large picture is a megabyte
ALIKE = 0.97  # IoU from which two candidates are one to the eye


@dataclass(frozen=True, eq=False)
class Prompt:
    """Clicks on an object, and what they found.

    Attributes:
        points: (x, y) of each click, in pixels.
        labels: 1 (plus) or 0 (minus) for each.
        masks: Candidates (H, W) bool, read-only, best first.
        scores: One a candidate, higher is better.
        chosen: The candidate that is the entity's mask.
        backend: Who found them.
        found: What the segmenter said, to be refined.
    """

    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    masks: tuple[np.ndarray, ...]
    scores: tuple[float, ...]
    chosen: int
    backend: str
    found: Found | None = None


def distinct(masks: np.ndarray) -> list[int]:
    """Which of some masks (K, H, W), best first, differ from all better ones: nobody can choose between equals."""
    kept: list[int] = []
    for k, mask in enumerate(masks):
        # Not `iou`, to which two empty masks are not alike.
        if all((mask & masks[i]).sum() < ALIKE * (mask | masks[i]).sum() for i in kept):
            kept.append(k)
    return kept or [0]


class PromptBook:
    """Remembers which prompt a mask came from, by the mask object."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[np.ndarray, Prompt]] = OrderedDict()

    def keep(self, points: list[tuple[float, float]], labels: list[int], found: Found) -> tuple[Prompt, ...]:
        """Remember what clicks found: one prompt for each candidate that can be told from the better ones."""
        which = distinct(found.masks)
        logits = None if found.logits is None else found.logits[which]
        found = replace(found, masks=found.masks[which], scores=found.scores[which], logits=logits)
        masks = []
        for mask in found.masks:
            own = np.array(mask, bool)
            own.flags.writeable = False
            masks.append(own)
        scores = tuple(float(score) for score in found.scores)
        return self._all(tuple(points), tuple(labels), tuple(masks), scores, found.backend, found)

    def recall(self, mask: np.ndarray, points: list[tuple[float, float]], labels: list[int]) -> None:
        """Remember clicks read from a session; their candidates are gone."""
        self._all(tuple(points), tuple(labels), (mask,), (float("nan"),), "session", None)

    def of(self, mask: np.ndarray) -> Prompt | None:
        """The prompt that a mask came from."""
        entry = self._kept.get(id(mask))
        return entry[1] if entry is not None and entry[0] is mask else None

    def _all(
        self,
        points: tuple[tuple[float, float], ...],
        labels: tuple[int, ...],
        masks: tuple[np.ndarray, ...],
        scores: tuple[float, ...],
        backend: str,
        found: Found | None,
    ) -> tuple[Prompt, ...]:
        prompts = tuple(Prompt(points, labels, masks, scores, k, backend, found) for k in range(len(masks)))
        for mask, prompt in zip(masks, prompts, strict=True):
            self._kept[id(mask)] = (mask, prompt)
        while len(self._kept) > 3 * MAX_KEPT:
            self._kept.popitem(last=False)
        return prompts
