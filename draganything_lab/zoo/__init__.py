"""The zoo of weights: which exist, where they are, what they cost, and how to load them.

Nothing here touches the network unless the caller says `download=True`.

>>> from draganything_lab import zoo
>>> print(zoo.describe("svd"))  # doctest: +SKIP
>>> pipe = zoo.load_pipeline("toy")  # doctest: +SKIP
"""

from .fetch import find, status_table, verify, weights_file, weights_folder
from .files import load_state_dict
from .ledger import home
from .load import load_features, load_pipeline
from .registry import MODELS, Model, describe, lookup

__all__ = [
    "MODELS",
    "Model",
    "describe",
    "find",
    "home",
    "load_features",
    "load_pipeline",
    "load_state_dict",
    "lookup",
    "status_table",
    "verify",
    "weights_file",
    "weights_folder",
]
