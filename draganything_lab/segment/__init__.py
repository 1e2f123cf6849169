"""From clicks to a mask: one small interface, several backends.

>>> from draganything_lab.segment import load_segmenter
>>> segmenter = load_segmenter("auto")
>>> segmenter.set_picture(image)  # doctest: +SKIP
>>> found = segmenter.predict(points=[(120, 80)])  # doctest: +SKIP
>>> found.best  # doctest: +SKIP
"""

from .base import Found, Proposal, Segmenter
from .grabcut import GrabCutSegmenter, grabcut
from .load import BACKENDS, load_segmenter

__all__ = [
    "BACKENDS",
    "Found",
    "GrabCutSegmenter",
    "Proposal",
    "Segmenter",
    "grabcut",
    "load_segmenter",
]
