"""The same things drawn twice, in two pictures: to learn which features tell things apart, whatever is around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...scene.masks import latent_mask
from ...toyland import World
from .clips import any_world

MOST_THINGS = 5  # of a picture
ELSEWHERE = 500_000_000  # added to a picture's seed: the other backdrop and the other places
SHARPNESS = 10.0  # of the cosines that are compared
LEAST_SPREAD = 0.03  # share of the mean that is added to each direction's, so that noise is not blown up


def elsewhere(world: World, seed: int, worlds: tuple[str, ...] = ("toyland",)) -> World:
    """The same things at other places, up to 15 % larger or smaller, over another backdrop.

    Args:
        world: A world of one frame.
        seed: The same seed gives the same world.
        worlds: Where the backdrop may come from; see `clips.WORLDS`.
    """
    rng = np.random.default_rng((seed, 20240312))
    other, (height, width) = any_world(seed, world.size, 1, worlds, max_things=1), world.size
    things = [
        replace(
            thing,
            path=rng.uniform((0.1, 0.1), (0.9, 0.88), (1, 2)) * (width, height),
            radius=thing.radius * float(rng.uniform(0.85, 1.15)),
        )
        for thing in world.things
    ]
    return replace(other, things=tuple(things))


def same_things(first: Tensor, second: Tensor, who: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """How badly things are found again among all things of a batch (InfoNCE, both ways).

    Args:
        first, second: (N, C): a thing's vector in its first and in its second picture.
        who: (N,) int: equal for things that cannot be told apart.
        seen: (2, N) bool: whether the thing is seen there at all.

    Returns:
        The loss, and the share of things whose nearest is the right one.

    Source: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018 (equation 4).
    """
    scores = SHARPNESS * F.normalize(first.float(), dim=1) @ F.normalize(second.float(), dim=1).mT  # (N, N)
    right = who[:, None] == who[None]
    both = seen.all(0).float()
    losses, found = [], []
    for table, there in ((scores, seen[1]), (scores.mT, seen[0])):
        table = table.masked_fill(~there[None], -1e4)
        rightly = table.masked_fill(~right, -1e4)
        losses.append(table.logsumexp(1) - rightly.logsumexp(1))
        found.append((rightly.amax(1) >= table.amax(1)).float())
    count = both.sum().clamp(min=1)
    loss, share = ((both * (one + other)).sum() / (2 * count) for one, other in (losses, found))
    return loss, share


def draw_again(number: int, batch: int, picture: int, worlds: tuple[str, ...] = ("toyland",)) -> dict[str, Tensor]:
    """Pictures, and the same things elsewhere.

    Args:
        number: Number of the batch: picture i of it has the seed `number * batch + i`.
        batch: How many pictures B.
        picture: Side in pixels.
        worlds: Where they come from; see `clips.WORLDS`.

    Returns:
        pictures (2 B, H, W, 3) uint8, all the first ones, then the others; cells (2 B, E, h * w) float32, the things'
        masks at latent size, each summing to one, or zero where a thing is not seen; who (B, E) int64, equal for things
        of a picture that cannot be told apart.
    """
    side = picture // 8
    pictures = np.empty((2, batch, picture, picture, 3), np.uint8)
    cells = np.zeros((2, batch, MOST_THINGS, side * side), np.float32)
    who = np.arange(batch * MOST_THINGS).reshape(batch, MOST_THINGS)
    for index in range(batch):
        seed = number * batch + index
        world = any_world(seed, (picture, picture), 1, worlds, max_things=MOST_THINGS)
        known: dict[Any, int] = {}
        for place, thing in enumerate(world.things):
            looks = (thing.kind, thing.main, thing.other, thing.seed, id(thing.image))
            who[index, place] = known.setdefault(looks, who[index, place])
        for view, one in enumerate((world, elsewhere(world, ELSEWHERE + seed, worlds))):
            clip = one.render()
            pictures[view, index] = clip.video[0]
            for place in range(len(world.things)):
                mask = latent_mask(clip.labels[0] == place + 1, (side, side)).ravel()
                cells[view, index, place] = mask / max(1, mask.sum())
    flat = {"pictures": pictures.reshape(-1, *pictures.shape[2:]), "cells": cells.reshape(-1, *cells.shape[2:])}
    return {key: torch.from_numpy(value) for key, value in (flat | {"who": who}).items()}


def telling_apart(first: Tensor, second: Tensor) -> Tensor:
    """The linear map that makes vectors of the same thing alike and those of different things different.

    What differs between two pictures of one thing becomes equally small in every direction, and each direction is kept
    by how much of it is the thing's own (linear discriminant analysis, its directions weighted as by Wiener's filter).

    Args:
        first, second: (N, C): a thing's vector in its first and in its second picture.

    Returns:
        (C, C) float32; mapped vectors have a mean square of one.
    """
    first, second = first.double(), second.double()
    middle = (first + second) / 2
    middle = middle - middle.mean(0)
    within = (first - second).mT @ (first - second) / (2 * len(first))
    within += LEAST_SPREAD * within.diagonal().mean() * torch.eye(len(within), dtype=within.dtype)
    power, directions = torch.linalg.eigh(within)
    level = directions * power.rsqrt()
    own, turn = torch.linalg.eigh(level.mT @ (middle.mT @ middle / len(middle)) @ level)
    own = (own - 0.5).clamp(min=0.02)  # the mean of two still has half of what differs
    matrix = (level @ turn * (own / (1 + own)).sqrt()).mT
    everything = torch.cat([first, second]) @ matrix.mT
    return (matrix / everything.square().mean().sqrt()).float()
