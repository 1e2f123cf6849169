"""For tests of the studio: a quick segmenter whose answer is known."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from draganything_lab.errors import LabError
from draganything_lab.segment import Found


def choose_file(upload: Any, name: str, data: bytes) -> None:
    """Put a file into a `FileUpload`, as a browser does, in either generation of ipywidgets."""
    about = {"name": name, "type": "", "size": len(data)}
    if hasattr(upload, "metadata"):  # 7
        upload.set_state({"metadata": [about], "data": [memoryview(data)], "_counter": upload._counter + 1})
    else:
        now = datetime.datetime.now(datetime.timezone.utc)
        upload.value = ({**about, "content": memoryview(data), "last_modified": now},)


class Discs:
    """Discs about each click, of a ninth, a seventh or a fifth of the picture's height; minus points cut."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self.pictures = 0

    def set_picture(self, image: np.ndarray) -> None:
        self.pictures += 1
        self.size = (image.shape[0], image.shape[1])

    def predict(self, points: Any, labels: Any, box: Any = None, previous: Any = None) -> Found:
        y, x = np.mgrid[: self.size[0], : self.size[1]]
        masks = []
        for part in (9, 7, 5):
            mask = np.zeros(self.size, bool)
            for (px, py), label in zip(points, labels, strict=True):
                near = np.hypot(x - px, y - py) <= self.size[0] / part
                mask = mask | near if label else mask & ~near
            masks.append(mask)
        if not all(mask.any() for mask in masks):
            raise LabError("nothing is left of it", fix="take a minus point back")
        return Found(np.stack(masks), np.array([0.9, 0.7, 0.5], np.float32), "discs")
