"""How the first layers of the ControlNet start: by what they will see, so that none has to wait for its scale."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...models.lookup import WIDTH

LEAST_POWER = 1e-3  # share of the mean that is added to each direction's, so that noise is not blown up


def whitening(vectors: Tensor) -> Tensor:
    """The (C, C) that takes entity vectors (N, C) to equal size in every direction; rows of zeros are left out.

    As they are they are nearly alike (lesson 2 measures how much); what tells entities apart is small in them.
    """
    vectors = vectors[vectors.any(1)]
    power, directions = torch.linalg.eigh(vectors.mT @ vectors / len(vectors))
    return (directions * (power + LEAST_POWER * power.mean()).rsqrt()) @ directions.mT


@torch.no_grad()
def whiten(embedding: Any, matrix: Tensor) -> None:
    """Make the layers of a `ControlEmbedding` that see entity vectors see them multiplied with a (C, C) matrix."""
    for layer in (embedding.blocks_feature[0], embedding.place.entity):
        layer.weight.copy_(torch.einsum("oihw,ij->ojhw", layer.weight, matrix))


@torch.no_grad()
def level_places(embedding: Any, places: Tensor) -> None:
    """Scale a `ControlEmbedding`'s place tower so that squared distances in a head are about 1, whatever it is shown.

    Args:
        embedding: Gave `places`.
        places: (B, F, P, h, w), the place tower's channels.
    """
    out = embedding.place.out
    level = places.unflatten(2, (len(out.weight), -1)).movedim(2, 0).flatten(1).var(1).mean()
    for value in out.parameters():
        value.mul_((WIDTH * level).rsqrt())
