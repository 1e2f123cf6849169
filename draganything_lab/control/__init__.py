"""A scene becomes a control signal: the input that steers a model."""

from .build import build_control, control_from_tracks
from .paper_or_release import PAPER, RELEASE, Behaviour
from .representations import REPRESENTATIONS
from .signal import ControlSignal
from .vectors import cosine_similarity, entity_vectors, fit_channels, pair_average, pool_over_mask, similarity_map

__all__ = [
    "PAPER",
    "RELEASE",
    "REPRESENTATIONS",
    "Behaviour",
    "ControlSignal",
    "build_control",
    "control_from_tracks",
    "cosine_similarity",
    "entity_vectors",
    "fit_channels",
    "pair_average",
    "pool_over_mask",
    "similarity_map",
]
