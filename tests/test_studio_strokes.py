"""What a hand draws is what the thing follows: quick strokes keep their shape, slow ones lose their jitter only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.studio.model import strokes
from draganything_lab.studio.model.model import StudioModel

SIZE = (320, 480)
samples = st.lists(st.tuples(st.integers(0, 479), st.integers(0, 319)), min_size=2, max_size=strokes.MAX_KEYS)
# Slow strokes: many small steps, with a turn now and then.
turns = st.lists(st.floats(-0.6, 0.6), min_size=20, max_size=150)


def off_path(path: np.ndarray, drawn: np.ndarray) -> float:
    """How far the farthest sample (K, 2) is from the path as it will be followed, in pixels."""
    pieces = list(pairwise(path))
    starts, ends = np.array([a for a, _ in pieces]), np.array([b for _, b in pieces])
    along, there = ends - starts, drawn[:, None] - starts  # (pieces, 2), (K, pieces, 2)
    share = np.clip((there * along).sum(2) / np.maximum((along**2).sum(1), 1e-12), 0, 1)
    return float(np.linalg.norm(there - share[..., None] * along, axis=2).min(axis=1).max())


def follows(drawn: np.ndarray) -> None:
    path, _ = strokes.checked_stroke(drawn, None)
    found = strokes.drawn(path, None, SIZE, 14, rhythm=False)
    assert np.allclose(found.points[[0, -1]], path[[0, -1]], atol=1e-3), "the ends are kept"
    if len(path) > 1:
        assert off_path(found.at(3000), path) <= strokes.tolerance(SIZE) + 0.3  # 3000 straight pieces are no curve


def test_a_quick_stroke_of_three_samples_is_an_arc() -> None:
    """The README's example."""
    model = StudioModel()
    assert model.click(115, 211) and model.stroke([(115, 211), (190, 170), (280, 205)])
    path = model.paths.selected
    assert path is not None and len(path.points) == 3
    start = path.points[0]
    assert np.allclose(path.points - start, [(0, 0), (75, -41), (165, -6)], atol=1e-3), "the far point is in it"


@settings(max_examples=200, deadline=None)
@given(samples)
def test_few_samples_are_followed(drawn: list[tuple[int, int]]) -> None:
    follows(np.array(drawn, np.float64))


@settings(max_examples=100, deadline=None)
@given(turns, st.floats(0.5, 4))
def test_many_samples_are_followed(turned: list[float], step: float) -> None:
    angle = np.cumsum(turned)
    follows(240 + step * np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0))


def test_a_closed_stroke_and_a_corner() -> None:
    angle = np.linspace(0, 2 * np.pi, 60)
    follows(np.stack([240 + 90 * np.cos(angle), 160 + 90 * np.sin(angle)], axis=1))
    follows(np.array([(50 + 3 * min(k, 60), 100 + 3 * max(0, k - 60)) for k in range(120)], np.float64))


def test_a_scribble_has_no_more_key_points_than_it_may() -> None:
    wild = np.random.default_rng(0).uniform(0, 300, (4000, 2))
    assert len(strokes.drawn(wild, None, SIZE, 14, rhythm=False).points) == strokes.MAX_KEYS
