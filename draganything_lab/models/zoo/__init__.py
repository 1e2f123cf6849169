"""The zoo of weights: which sets exist, where they are, what they cost, and how to find them.

Nothing here touches the network unless the caller says `download=True`.

>>> from draganything_lab.models import zoo
>>> print(zoo.describe("svd"))  # doctest: +SKIP
"""

from .find import find, weights_file, weights_folder
from .registry import MODELS, Model, describe, lookup
from .state_dict import load_state_dict

__all__ = [
    "MODELS",
    "Model",
    "describe",
    "find",
    "load_state_dict",
    "lookup",
    "weights_file",
    "weights_folder",
]
