"""The Fréchet distance between two sets of features, the basis of FID and FVD, with an honest interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import LabError
from .intervals import LEVEL, Measured, few, grouped
from .protocol import Protocol

RESAMPLES = 200
WORK = 2e11  # maximum multiplications of the bootstrap; large features get fewer draws


def frechet_of_gaussians(
    mean_a: ArrayLike, covariance_a: ArrayLike, mean_b: ArrayLike, covariance_b: ArrayLike
) -> float:
    """Return the Fréchet distance (squared, like FID) between two Gaussians.

    `|m_a - m_b|^2 + trace(S_a + S_b - 2 (S_a S_b)^(1/2))`. The root's trace is the sum of the roots of the eigenvalues
    of A S_b A with A = S_a^(1/2), which is symmetric: no complex numbers arise, and singular matrices need no
    correction.

    Args:
        mean_a, mean_b: (D,) means.
        covariance_a, covariance_b: (D, D) covariances, symmetric, without negative eigenvalues beyond rounding.

    Raises:
        LabError: The shapes do not match, or numbers are not finite.

    Source: Dowson and Landau, 1982; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, section 3.

    >>> frechet_of_gaussians([0.0], [[1.0]], [3.0], [[4.0]])
    10.0
    """
    (m_a, s_a), (m_b, s_b) = _gaussian(mean_a, covariance_a), _gaussian(mean_b, covariance_b)
    if m_a.shape != m_b.shape:
        raise LabError(f"the Gaussians have {len(m_a)} and {len(m_b)} dimensions", fix="use features of one kind")
    values, vectors = np.linalg.eigh(s_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ s_b @ root).clip(0)).sum()
    return max(0.0, float(((m_a - m_b) ** 2).sum() + np.trace(s_a) + np.trace(s_b) - 2 * cross))


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Return the Fréchet distance between the Gaussians fitted to two sets of features.

    With fewer samples than dimensions the matrices of samples are small but the covariances are not, so the root's
    trace is computed as the nuclear norm of X_a X_b^T, X the centred features over the root of N - 1: the same number.

    Args:
        real: (N, D) features, N >= 2.
        fake: (M, D) features, M >= 2.

    Raises:
        LabError: Features are not finite, there are fewer than two samples, or the dimensions differ.
    """
    a, b = checked_features(real, "real"), checked_features(fake, "fake")
    _check_dimensions(a, b)
    return _distance(a, b)


def frechet(
    real: ArrayLike,
    fake: ArrayLike,
    protocol: Protocol,
    *,
    real_groups: Sequence[Hashable] | None = None,
    fake_groups: Sequence[Hashable] | None = None,
    paired: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    what: str = "clips",
) -> Measured:
    """Return the Fréchet distance with its interval and the necessary notes.

    A finite sample makes the distance too large, and a bootstrap draw, with its repeats, more so: plain percentiles
    would lie above the number itself. So the spread of the draws is centred on the number: the interval says how much
    the number would vary between samples of this size. It does not remove the bias, so the sample count belongs to the
    protocol, and the floor is noted: the distance between two halves of the real set.

    Args:
        real: (N, D) features.
        fake: (M, D) features.
        protocol: Protocol of the features; the counts are added.
        real_groups, fake_groups: Clip that each row comes from, if a clip has several rows (frames): clips are drawn as
            a whole, and clips are counted.
        paired: Whether both sides have the same groups, such as the true and the generated videos of the same scenes:
            each is drawn on both sides together.
        resamples: Number of draws, fewer if the features are large; 0 for no interval.
        seed: Seed of the draws and the halves.
        what: Name of the groups in texts.

    Raises:
        LabError: See `frechet_distance`.
    """
    a, b = checked_features(real, "real"), checked_features(fake, "fake")
    _check_dimensions(a, b)
    value = _distance(a, b)
    if paired:
        real_groups, fake_groups, a, b = _in_one_order(real_groups, fake_groups, a, b)
    parts_a, parts_b = grouped(len(a), real_groups), grouped(len(b), fake_groups)
    counts, dimensions = (len(parts_a), len(parts_b)), a.shape[1]
    notes = list(few(min(counts), what))
    if min(len(a), len(b)) <= dimensions:
        notes.append(
            f"too few: {min(len(a), len(b))} samples for {dimensions} dimensions, so the covariances are singular and "
            "the number is far too large"
        )
    for name, rows in (("real", a), ("fake", b)):
        if not np.ptp(rows, axis=0).any():
            notes.append(f"all {len(rows)} {name} samples have the same features: are the videos black or constant?")
    rng = np.random.default_rng(seed)
    if counts[0] >= 4:
        order = rng.permutation(counts[0])
        halves = [np.concatenate([parts_a[i] for i in half]) for half in np.array_split(order, 2)]
        if min(map(len, halves)) >= 2:
            notes.append(f"two halves of the real {what} are {_distance(a[halves[0]], a[halves[1]]):.3g} apart")
    low = high = float("nan")
    draws = min(resamples, max(20, int(WORK / _cost(len(a), len(b), dimensions))))
    if resamples and min(counts) >= 2:
        drawn = []
        for _ in range(draws):
            first = rng.integers(counts[0], size=counts[0])
            second = first if paired else rng.integers(counts[1], size=counts[1])
            picks = [np.concatenate([p[i] for i in pick]) for p, pick in ((parts_a, first), (parts_b, second))]
            drawn.append(_distance(a[picks[0]], b[picks[1]]))
        spread = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - np.mean(drawn)
        low, high = max(0.0, value + spread[0]), value + spread[1]
    told = protocol.but(real=f"{counts[0]} {what}", generated=f"{counts[1]} {what}")
    return Measured(value, float(low), float(high), min(counts), "", told, what, tuple(notes))


def checked_features(features: ArrayLike, name: str = "") -> NDArray[np.float64]:
    """Return features as (N, D) float64 after checking them.

    Raises:
        LabError: The features are not (N, D), fewer than two samples, or not finite.
    """
    rows = np.asarray(features, np.float64)
    called = f"{name} features".strip()
    if rows.ndim != 2 or 0 in rows.shape:
        raise LabError(f"the {called} have shape {rows.shape}", fix="pass (N, D), one row per sample")
    if len(rows) < 2:
        raise LabError(f"the {called} have {len(rows)} sample", fix="pass two or more")
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise LabError(
            f"the {called} are not finite in {int(bad.sum())} of {len(rows)} samples (sample {int(bad.argmax())} "
            "first)",
            fix="look at those videos, or run the network in float32",
        )
    return rows


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    means = a.mean(axis=0), b.mean(axis=0)
    x, y = (a - means[0]) / np.sqrt(len(a) - 1), (b - means[1]) / np.sqrt(len(b) - 1)
    apart = ((means[0] - means[1]) ** 2).sum() + (x**2).sum() + (y**2).sum()
    if min(len(a), len(b)) <= a.shape[1]:
        return max(0.0, float(apart - 2 * np.linalg.svd(x @ y.T, compute_uv=False).sum()))
    # trace (S_a S_b)^(1/2) is the nuclear norm of R_a R_b^T for any R with R^T R = S: here the triangles of QR.
    r_a, r_b = (np.asarray(np.linalg.qr(rows, mode="r")) for rows in (x, y))
    return max(0.0, float(apart - 2 * np.linalg.svd(r_a @ r_b.T, compute_uv=False).sum()))


def _in_one_order(
    real: Sequence[Hashable] | None,
    fake: Sequence[Hashable] | None,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> tuple[list[Hashable], list[Hashable], NDArray[np.float64], NDArray[np.float64]]:
    """Return groups and rows of both sides sorted by group, if both have the same groups."""
    keys_a, keys_b = list(range(len(a)) if real is None else real), list(range(len(b)) if fake is None else fake)
    if set(keys_a) != set(keys_b):
        raise LabError("the paired sets have different groups", fix="leave out groups that only one side has")
    order = {key: place for place, key in enumerate(dict.fromkeys(keys_a))}
    rows = sorted(range(len(b)), key=lambda row: order[keys_b[row]])
    return keys_a, [keys_b[row] for row in rows], a, b[rows]


def _cost(n: int, m: int, dimensions: int) -> float:
    side = min(n, m, dimensions)
    return float(side) * max(n, m) * dimensions + 10 * side**3


def _check_dimensions(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    if a.shape[1] != b.shape[1]:
        raise LabError(
            f"real features have {a.shape[1]} dimensions, fake ones {b.shape[1]}", fix="use features of one kind"
        )


def _gaussian(mean: ArrayLike, covariance: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    m, s = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if m.ndim != 1 or s.shape != (len(m), len(m)):
        raise LabError(f"mean and covariance have shapes {m.shape} and {s.shape}", fix="pass (D,) and (D, D)")
    if not (np.isfinite(m).all() and np.isfinite(s).all()):
        raise LabError("the mean or the covariance is not finite", fix="check the features that they come from")
    return m, (s + s.T) / 2
