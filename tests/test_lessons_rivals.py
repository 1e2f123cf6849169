"""Lesson 6's experiment: clips by a rule, errors as the card measures them, words that follow the intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from draganything_lab.lessons import rivals
from draganything_lab.toyland import named_scene


def test_the_large_boat_is_dragged_by_a_pixel_of_its_left_end() -> None:
    boat = rivals.large_at_its_edge((64, 64), 6)["boat"]
    path = boat.path(6)
    assert path is not None
    x, y = path[0].round().astype(int)
    assert boat.mask[y, x] and not boat.mask[y, :x].any() and boat.area > 64 * 64 / 12
    assert path[-1, 0] - path[0, 0] == pytest.approx(0.26 * 64, abs=0.1)


def test_crowded_clips_have_two_dragged_things_and_a_still_camera() -> None:
    pytest.importorskip("torch")
    found = rivals.crowded(3, (48, 48), 4)
    assert len(found) == 3
    for clip, scene in found:
        assert sum(entity.trajectory is not None for entity in scene.entities) >= 2
        assert not clip.world.camera_moves and clip.world.background == (0.0, 0.0)


def test_the_error_of_truth_is_nothing_and_of_a_frozen_video_large() -> None:
    clip = named_scene("crossing", (80, 144), 6)
    pytest.importorskip("torch")
    assert rivals.dragged_error(clip.video, clip, clip.scene()) == 0
    assert rivals.dragged_error(clip.video[[0] * 6], clip, clip.scene()) > 5


def test_words_follow_the_intervals() -> None:
    rng = np.random.default_rng(0)
    hard = rng.uniform(1, 9, 8)
    errors = {"a": hard + 2 + rng.normal(0, 0.2, 8), "b": hard, "c": hard + rng.normal(0, 0.2, 8)}
    rows = {(a, b): rivals.verdict(a, b, low, high) for a, b, low, high in rivals.differences(errors)}
    assert len(rows) == 3 and rows["a", "b"] == "b does better than a"
    assert rivals.verdict("a", "b", -2.0, -1.0) == "a does better than b"
    assert rivals.verdict("a", "b", -1.0, 1.0) == "a and b are not told apart"


def test_the_budget_decides_how_many_clips() -> None:
    assert [rivals.how_many(seconds, 5) for seconds in (0.0, 1.0, 60.0)] == [8, 6, 3]


def test_the_card_is_read_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path))
    assert rivals.card_gaps() == {} and "draganything-lab card" in capsys.readouterr().out
    measures = {rivals.CARD_MEASURE: {"point": {"mean": 4.0, "low": 3.0, "high": 5.0, "clips": 9}}}
    (tmp_path / "measured.json").write_text(json.dumps({"differences": measures}))
    assert rivals.card_gaps()["point"]["clips"] == 9
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "nowhere"))
    assert rivals.card_gaps() == {} and "does not exist" in capsys.readouterr().out


def test_without_weights_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "nowhere"))
    assert rivals.pipelines() == {}
    assert capsys.readouterr().out.count("needs the small trained weights") == 1
