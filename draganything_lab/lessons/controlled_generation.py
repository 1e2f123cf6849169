"""Exercises of lesson 4, controlled generation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _levels(count: int, low: float, high: float, rho: float) -> np.ndarray:
    share = np.linspace(0, 1, count)
    return np.asarray((high ** (1 / rho) + share * (low ** (1 / rho) - high ** (1 / rho))) ** rho)


def _ranges(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (5, 10, 25, 3):
        yield count, float(rng.uniform(0.002, 0.1)), float(rng.uniform(10, 700)), float(rng.choice([3.0, 5.0, 7.0]))


def _euler(x: np.ndarray, clean: np.ndarray, sigma: float, next_sigma: float) -> np.ndarray:
    return x + (x - clean) / sigma * (next_sigma - sigma)


def _steps(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for shape in ((4, 5), (3, 8, 8), (2,), (6, 6)):
        sigma = float(rng.uniform(1, 20))
        yield rng.normal(size=shape) * sigma, rng.normal(size=shape), sigma, sigma * float(rng.uniform(0, 0.8))


def _guided(without: np.ndarray, with_: np.ndarray, low: float, high: float) -> np.ndarray:
    scales = np.linspace(low, high, len(without)).reshape(-1, *[1] * (without.ndim - 1))
    return np.asarray(without + scales * (with_ - without))


def _guesses(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames in (2, 4, 7, 14):
        yield (*rng.normal(size=(2, frames, 3, 4)), float(rng.uniform(0.5, 1.5)), float(rng.uniform(2, 6)))


def _zero_gradient(given: np.ndarray, back: np.ndarray) -> np.ndarray:
    return np.asarray(back.reshape(len(back), -1) @ given.reshape(len(given), -1).T)


def _signals(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for inside, outside in ((2, 3), (4, 4), (3, 5), (1, 2)):
        yield rng.normal(size=(inside, 6, 5)), rng.normal(size=(outside, 6, 5))


def _times_added(counts: list[int]) -> list[int]:
    return [len(counts) - block for block, count in enumerate(counts) for _ in range(count)]


def _blocks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield ([4, 3, 3, 2],)
    for blocks in (2, 3, 5):
        yield ([int(n) for n in rng.integers(1, 5, blocks)],)


EXERCISES = {
    "levels": Exercise(
        _levels,
        _ranges,
        mistakes=(
            Mistake(
                "Your levels rise. Sampling begins with the most noise: from high to low.",
                lambda count, low, high, rho: _levels(count, low, high, rho)[::-1],
            ),
            Mistake(
                "Evenly spaced levels: that is rho = 1. Take the 1/rho-th power first, space those evenly, and take "
                "the rho-th power of the result.",
                lambda count, low, high, rho: np.linspace(high, low, count),
            ),
            Mistake(
                "The last power is missing: raise everything to the power rho at the end.",
                lambda count, low, high, rho: np.linspace(high ** (1 / rho), low ** (1 / rho), count),
            ),
            Mistake(
                "Even steps of the logarithm are another schedule. Here the 1/rho-th power is evenly spaced.",
                lambda count, low, high, rho: np.geomspace(high, low, count),
            ),
        ),
        hints=(
            "np.linspace(high ** (1 / rho), low ** (1 / rho), count) is evenly spaced on the bent scale.",
            "Then raise everything to the power rho: ** rho.",
        ),
        praise="A few large steps at high noise, many small ones at low noise. Section 3 shows what each kind does.",
        tolerance=1e-6,
    ),
    "euler_step": Exercise(
        _euler,
        _steps,
        mistakes=(
            Mistake(
                "You walk away from the clean picture: the step is next_sigma - sigma, which is negative.",
                lambda x, clean, sigma, next_sigma: x + (x - clean) / sigma * (sigma - next_sigma),
            ),
            Mistake(
                "You jump to the clean guess at once. Go only as far as the noise falls in this step.",
                lambda x, clean, sigma, next_sigma: clean,
            ),
            Mistake(
                "The direction is (x - clean) / sigma: you forgot to divide by sigma.",
                lambda x, clean, sigma, next_sigma: x + (x - clean) * (next_sigma - sigma),
            ),
            Mistake(
                "You divide by the next sigma; the direction is taken where you are: (x - clean) / sigma.",
                lambda x, clean, sigma, next_sigma: x + (x - clean) / max(next_sigma, 1e-9) * (next_sigma - sigma),
            ),
        ),
        hints=(
            "The direction is (x - clean) / sigma: where the noise points.",
            "The step's length is next_sigma - sigma. Add their product to x.",
        ),
        praise="This is the whole sampler of Stable Video Diffusion.",
        tolerance=1e-6,
    ),
    "guided": Exercise(
        _guided,
        _guesses,
        mistakes=(
            Mistake(
                "You mixed up the two: start from the guess *without* the condition, and go towards the one with it.",
                lambda without, with_, low, high: _guided(with_, without, low, high),
            ),
            Mistake(
                "You use one scale for all frames. Here it rises evenly from low in the first frame to high in the "
                "last.",
                lambda without, with_, low, high: without + high * (with_ - without),
            ),
            Mistake(
                "You start from the guess with the condition and add the difference on top: that adds it once too "
                "often.",
                lambda without, with_, low, high: _guided(without, with_, low, high) + (with_ - without),
            ),
        ),
        hints=(
            "np.linspace(low, high, len(without)) are the scales, one for each frame.",
            "Give them as many axes as the arrays have: scales[:, None, None].",
            "without + scales * (with_ - without).",
        ),
        praise="A scale of 1 is the plain condition; above it, the condition is exaggerated.",
    ),
    "zero_gradient": Exercise(
        _zero_gradient,
        _signals,
        mistakes=(
            Mistake(
                "Zeros? The weights are zero, their gradient is not: it is made of the input, not of the weights.",
                lambda given, back: np.zeros((len(back), len(given))),
            ),
            Mistake(
                "Rows and columns are swapped: the weights are (outputs, inputs).",
                lambda given, back: _zero_gradient(given, back).T,
            ),
            Mistake(
                "You take the mean over the pixels. Every pixel adds to the gradient: take the sum.",
                lambda given, back: _zero_gradient(given, back) / given[0].size,
            ),
        ),
        hints=(
            "For one pixel, the gradient is the outer product of `back` and `given`.",
            "Sum over all pixels: np.einsum('ohw,ihw->oi', back, given).",
        ),
        praise="So it learns from the first step on, although it is silent at first.",
        tolerance=1e-6,
    ),
    "times_added": Exercise(
        _times_added,
        _blocks,
        mistakes=(
            Mistake(
                "Adding each once is what the usual ControlNet does. Here each later block adds again to everything "
                "collected so far.",
                lambda counts: [1] * sum(counts),
            ),
            Mistake(
                "It is the other way round: the first ones are there longest, so they are added most often.",
                lambda counts: [block + 1 for block, count in enumerate(counts) for _ in range(count)],
            ),
            Mistake(
                "You return one number per block; a block has several residuals, so return one number for each of "
                "them.",
                lambda counts: [len(counts) - block for block in range(len(counts))],
            ),
        ),
        hints=(
            "A residual of the first block is there in all passes; one of the last block only in the last.",
            "With B blocks, residuals of block b (from 0) are added B - b times.",
        ),
        praise="This list is not in the paper, but the released weights work only with it.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
