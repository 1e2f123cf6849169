"""Lesson 6's experiment: clips by a rule, errors as the card measures them, words that follow the intervals."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from draganything_lab.lessons import rivals
from draganything_lab.scene import Scene
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
    assert rivals.verdict("a", "b", 1.0, 2.0, more_is_better=True) == "a does better than b"
    assert rivals.verdict("a", "b", -2.0, -1.0, more_is_better=True) == "b does better than a"


def test_likeness_is_taken_inside_what_moves_and_where_it_has_left() -> None:
    clip = named_scene("crossing", (80, 144), 6)
    assert min(rivals.likeness(clip.video, clip)) > 60
    frozen = clip.video[[0] * 6]
    assert max(rivals.likeness(frozen, clip)) < 25
    moving = clip.masks[[thing.role == "moved" for thing in clip.world.things]].any(0)
    wiped = np.where((moving[:1] & ~moving)[..., None], 0, clip.video).astype(np.uint8)
    inside, left = rivals.likeness(wiped, clip)
    assert inside > 60 and left < 15


class Frozen:
    """A pipeline that shows its picture."""

    def __call__(self, scene: Scene, *, num_frames: int, seed: int) -> SimpleNamespace:
        return SimpleNamespace(frames=np.repeat(scene.image[None], num_frames, axis=0))


def test_a_comparison_has_two_baselines_and_three_measures() -> None:
    pytest.importorskip("torch")
    clips = [(clip, clip.scene()) for clip in (named_scene("crossing", (80, 144), rivals.FRAMES),)]
    found = rivals.compare({"carry": Frozen()}, clips, seeds=(0, 1))  # type: ignore[dict-item]
    assert list(found) == ["error", "inside", "left"]
    for values in found.values():
        assert list(values) == ["frozen", "preview", "carry"] and values["carry"].shape == (1,)
        assert values["carry"] == values["frozen"] != values["preview"]
    assert found["error"]["preview"] < 1 and found["inside"]["preview"] > found["inside"]["frozen"]


def test_carry_points_where_the_drag_says_and_the_others_are_measured_by_it() -> None:
    pipes = rivals.pipelines()
    if "carry" not in pipes:
        pytest.skip("these weights do not carry")
    scene = named_scene("crossing", (64, 64), 3).scene()
    off = {name: rivals.pointed_off(pipes[name], scene, 3) for name in ("carry", "entity+gaussian")}
    assert np.median(off["carry"]) < 2 and np.median(off["carry"]) <= np.median(off["entity+gaussian"])
    assert len(off["carry"]) == len(off["entity+gaussian"]) > 4


def test_the_card_calls_its_measures_as_lesson_6_does() -> None:
    pytest.importorskip("torch")
    from draganything_lab.training.card.card import GOALS

    assert {rivals.CARD_MEASURE, rivals.CARD_LOOKS} <= set(GOALS)


def test_the_budget_decides_how_many_clips() -> None:
    assert [rivals.how_many(seconds, 5) for seconds in (0.0, 1.0, 60.0)] == [8, 6, 3]


def test_the_card_is_read_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path))
    assert rivals.card_gaps() == {} and "draganything-lab card" in capsys.readouterr().out
    measures = {rivals.CARD_MEASURE: {"point": {"mean": 4.0, "low": 3.0, "high": 5.0, "clips": 9}}}
    over = {rivals.CARD_LOOKS: {"mean": 0.5, "low": 0.1, "high": 0.9, "clips": 8}}
    (tmp_path / "measured.json").write_text(json.dumps({"differences": measures, "over the preview": over}))
    assert rivals.card_gaps()["point"]["clips"] == 9
    assert rivals.card_gaps(rivals.CARD_LOOKS) == {} and rivals.card_over_preview() == over
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "nowhere"))
    assert rivals.card_gaps() == {} and "does not exist" in capsys.readouterr().out


def test_without_weights_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "nowhere"))
    assert rivals.pipelines() == {}
    assert capsys.readouterr().out.count("needs the small trained weights") == 1
