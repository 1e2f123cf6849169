"""Clicks become masks: the interface with GrabCut behind it, cleaning, measuring, the brush, the choice of backend."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.media import load_mask, save_picture
from draganything_lab.models import zoo
from draganything_lab.scene import clean_mask, describe_mask, paint
from draganything_lab.segment import Found, Proposal, Segmenter, grabcut, load_segmenter
from draganything_lab.segment.base import Prompt
from draganything_lab.segment.load import photo_scores
from draganything_lab.segment.looks_drawn import looks_drawn, texture
from draganything_lab.toyland import gallery, named_scene, sample_clip

DISC = (90, 100)


@pytest.fixture
def truth(photo) -> np.ndarray:
    ys, xs = np.mgrid[: photo.shape[0], : photo.shape[1]]
    return np.hypot(xs - DISC[0], ys - DISC[1]) <= 30


@pytest.fixture
def clicked(photo):
    """GrabCut with the photograph of the disc set."""
    segmenter = load_segmenter("grabcut")
    segmenter.set_picture(photo)
    return segmenter


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


# Finding


def test_a_click_finds_the_thing(clicked, photo, truth) -> None:
    found = clicked.predict(points=[DISC])
    assert found.backend == "grabcut" and found.logits is None
    assert found.masks.dtype == bool and found.masks.shape[1:] == truth.shape and 1 <= len(found.masks) <= 3
    assert found.scores.shape == (len(found.masks),) and (np.diff(found.scores) <= 0).all()
    assert overlap(found.best, truth) > 0.93 and np.array_equal(found.best, found.masks[0])
    assert np.array_equal(found.best, grabcut(photo, DISC))


def test_a_box_finds_the_thing(clicked, truth) -> None:
    found = clicked.predict(box=(55, 65, 126, 136))
    assert len(found.masks) == 1 and overlap(found.best, truth) > 0.93


def test_a_minus_click_takes_away(photo, truth) -> None:
    two = photo.copy()
    cv2.circle(two, (135, 100), 18, (190, 45, 40), -1)  # a second disc of the same colour, touching
    segmenter = load_segmenter("grabcut")
    segmenter.set_picture(two)
    both = segmenter.predict(points=[DISC])
    assert both.best[100, 140]
    one = segmenter.predict([DISC, (140, 100)], [1, 0], previous=both)
    assert not one.best[100, 140] and overlap(one.best, truth) > overlap(both.best, truth)


def test_everything_finds_the_disc(clicked, truth) -> None:
    proposals = clicked.everything()
    assert max(overlap(proposal.mask, truth) for proposal in proposals) > 0.9
    assert all(describe_mask(p.mask).box == p.box for p in proposals)
    assert [p.score for p in proposals] == sorted((p.score for p in proposals), reverse=True)


class Counting(Segmenter):
    """A backend that only counts how often it has to work on a picture."""

    backend = "counting"

    def __init__(self) -> None:
        super().__init__()
        self.worked = 0

    def everything(self) -> list[Proposal]:
        return []

    def _set(self, picture: np.ndarray) -> None:
        self.worked += 1

    def _predict(self, prompt: Prompt) -> Found:
        raise NotImplementedError


def test_the_same_picture_is_not_worked_on_again(photo) -> None:
    segmenter = Counting()
    segmenter.set_picture(photo)
    segmenter.set_picture(photo.copy())
    assert segmenter.worked == 1
    changed = photo.copy()
    changed[0, 0] += 1
    segmenter.set_picture(changed)
    assert segmenter.worked == 2


def test_a_changed_array_does_not_change_the_picture(clicked, photo) -> None:
    before = clicked.predict([DISC]).best
    photo[:] = 0
    assert np.array_equal(clicked.predict([DISC]).best, before)


def test_a_chosen_candidate_comes_first(clicked) -> None:
    found = clicked.predict([DISC])
    last = len(found.masks) - 1
    assert np.array_equal(found.chosen(last).best, found.masks[last])
    assert len(found.chosen(last).masks) == len(found.masks)
    with pytest.raises(LabError, match=f"candidate 9 of {len(found.masks)}"):
        found.chosen(9)


# Bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "nothing was clicked"),
        ({"points": []}, "nothing was clicked"),
        ({"points": [(240, 10)]}, r"click 1 at \(240, 10\) is outside the 240x180 picture"),
        ({"points": [(5, 5), (3, -2)]}, r"click 2 at \(3, -2\) is outside"),
        ({"points": [(float("nan"), 2)]}, "finite"),
        ({"points": [(5, 5, 5)]}, r"shape \(1, 3\)"),
        ({"points": "here"}, "pairs of numbers"),
        ({"points": [(5, 5)], "labels": [1, 0]}, "1 points but 2 labels"),
        ({"points": [(5, 5)], "labels": [2]}, "a label is 2"),
        ({"points": [(5, 5), (5.2, 5)], "labels": [1, 0]}, "clicks 1 and 2 contradict each other"),
        ({"points": [(5, 5)], "labels": [0]}, "all 1 clicks are negative"),
        ({"box": (5, 5, 5, 9)}, "contains no pixel"),
        ({"box": (300, 5, 400, 90)}, "contains no pixel"),
        ({"box": (1, 2, 3)}, "four finite numbers"),
    ],
)
def test_bad_clicks_are_told(clicked, words, message) -> None:
    with pytest.raises(LabError, match=message):
        clicked.predict(**words)


def test_before_a_picture_there_is_nothing_to_click() -> None:
    for call in (lambda s: s.predict([(1, 1)]), lambda s: s.everything()):
        for name in ("grabcut", "auto"):
            with pytest.raises(LabError, match="no picture is set"):
                call(load_segmenter(name))


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (0, 5)])
def test_tiny_pictures_are_refused_by_name(size) -> None:
    with pytest.raises(LabError, match=f"{size[1]}x{size[0]}"):
        load_segmenter("grabcut").set_picture(np.zeros((*size, 3), np.uint8))


def test_a_failed_picture_leaves_none_behind(clicked) -> None:
    with pytest.raises(LabError):
        clicked.set_picture(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(LabError, match="no picture is set"):
        clicked.predict([(1, 1)])


def test_a_mask_of_another_picture_is_no_start(clicked, photo) -> None:
    found = clicked.predict([DISC])
    clicked.set_picture(photo[:-20])
    with pytest.raises(LabError, match="previous belongs to a 240x180 picture, but this one is 240x160"):
        clicked.predict([DISC], previous=found)
    clicked.set_picture(photo[:, ::-1])
    with pytest.raises(LabError, match="previous was found in another picture"):
        clicked.predict([DISC], previous=found)
    clicked.set_picture(photo)
    assert clicked.predict([DISC], previous=found).best.any()


def test_a_huge_picture_gets_a_mask_of_its_own_size(photo, truth) -> None:
    huge = cv2.resize(photo, (2400, 1800), interpolation=cv2.INTER_CUBIC)
    segmenter = load_segmenter("grabcut")
    segmenter.set_picture(huge)
    found = segmenter.predict([(10 * DISC[0], 10 * DISC[1])])
    assert found.best.shape == (1800, 2400)
    assert overlap(found.best, cv2.resize(truth.astype(np.uint8), (2400, 1800)) > 0) > 0.93


def test_unknown_backends_are_told() -> None:
    with pytest.raises(LabError, match="no segmenter is called"):
        load_segmenter("sam2")
    with pytest.raises(LabError, match="takes no checkpoint"):
        load_segmenter("grabcut", checkpoint="x.pth")


# Masks


def test_cleaning_drops_islands_and_fills_holes() -> None:
    block = np.zeros((60, 80), bool)
    block[10:40, 10:50] = True
    mask = block.copy()
    mask[20, 20] = mask[30, 30:33] = False  # holes of 1 and 3 pixels
    mask[5, 70] = mask[50:52, 70] = True  # islands of 1 and 2 pixels
    assert np.array_equal(clean_mask(mask), block)
    assert np.array_equal(clean_mask(mask, 0), mask)
    larger = block.copy()
    larger[30, 30:33] = False
    larger[50:52, 70] = True
    assert np.array_equal(clean_mask(mask, 2), larger)
    alone = np.zeros((60, 80), bool)
    alone[3, 3] = True
    assert clean_mask(alone, 100).sum() == 1 and not clean_mask(np.zeros((9, 9), bool)).any()
    with pytest.raises(LabError, match="min_area is -1"):
        clean_mask(mask, -1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), area=st.integers(0, 30))
def test_cleaning_twice_changes_nothing_more(seed: int, area: int) -> None:
    mask = cv2.GaussianBlur(np.random.default_rng(seed).random((40, 50)), (0, 0), 1.5) > 0.5
    once = clean_mask(mask, area)
    pieces, _, stats, _ = cv2.connectedComponentsWithStats(once.astype(np.uint8), connectivity=8)
    assert pieces == 2 or (stats[1:, cv2.CC_STAT_AREA] >= area).all()
    assert np.array_equal(clean_mask(once, area), once)


def test_a_mask_is_measured(truth) -> None:
    report = describe_mask(truth)
    assert report.area == truth.sum() and report.share == pytest.approx(truth.mean())
    assert report.box == (60, 70, 121, 131) and report.pieces == 1 and report.warnings == ()
    assert report.centre == pytest.approx(DISC, abs=1) and report.radius == pytest.approx(30, abs=1.5)


def test_warnings_say_what_will_go_wrong() -> None:
    mask = np.zeros((64, 64), bool)
    mask[1, 1] = True
    assert "vanishes at the models' latent size (8x8)" in describe_mask(mask).warnings[0]
    mask[30:50, 30:50] = True
    assert "2 pieces" in " ".join(describe_mask(mask).warnings)
    assert "covers 100% of the picture" in " ".join(describe_mask(np.ones((64, 64), bool)).warnings)
    with pytest.raises(LabError, match="mask is empty"):
        describe_mask(np.zeros((9, 9), bool))


def test_the_brush_adds_and_erases() -> None:
    empty = np.zeros((40, 60), bool)
    stroke = paint(empty, [(10, 10), (50, 10), (50, 30)], 3)
    ys, xs = np.mgrid[:40, :60]
    near = np.minimum(
        np.hypot(xs - xs.clip(10, 50), ys - 10), np.hypot(xs - 50, ys - ys.clip(10, 30))
    )  # distance from the two legs
    assert np.array_equal(stroke, near <= 3) and not empty.any()
    assert not paint(stroke, [(10, 10), (50, 10), (50, 30)], 3, add=False).any()
    assert np.array_equal(paint(empty, [(20, 20)], 5), np.hypot(xs - 20, ys - 20) <= 5)
    assert paint(empty, [(-3, 5), (80, 5)], 2)[5].all()  # cut off at the border
    for points, radius in (([], 2), ([(1, 1)], 0), ([(1, float("inf"))], 2)):
        with pytest.raises(LabError):
            paint(empty, points, radius)


# The choice of a backend


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (320, 576)])
def test_toyland_looks_drawn(size) -> None:
    seeds = range(900_500_000, 900_500_020)
    assert np.mean([looks_drawn(sample_clip(seed, size, 1).video[0]) for seed in seeds]) >= 0.95


def test_the_gallery_looks_drawn() -> None:
    assert all(looks_drawn(named_scene(name, (320, 576), 1).video[0]) for name in gallery())


@pytest.mark.parametrize(
    "name", ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "camera.png", "brick.png"]
)
def test_photographs_do_not_look_drawn(name) -> None:
    pytest.importorskip("skimage")
    from draganything_lab.training.sam.photos import photo

    assert not looks_drawn(photo(name)), texture(photo(name))


def test_auto_without_weights_takes_grabcut(photo, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(zoo, "find", lambda name, **_: None)
    auto = load_segmenter("auto")
    assert auto.backend == "auto"
    auto.set_picture(photo)
    assert auto.backend == "grabcut" and "not on this machine" in auto.reason
    assert auto.predict([DISC]).backend == "grabcut"


def test_auto_reads_what_was_measured(tmp_path) -> None:
    assert photo_scores(tmp_path) == {}
    rows = {name: {"one click": {"mean": value}} for name, value in (("toy", 0.2), ("grabcut", 0.4))}
    (tmp_path / "measured.json").write_text(json.dumps({"measures": {"outlined": rows}}))
    assert photo_scores(tmp_path) == {"toy": 0.2, "grabcut": 0.4}


# The command line


def test_the_command_writes_masks(photo, truth, tmp_path, capsys) -> None:
    save_picture(photo, tmp_path / "photo.png")
    out = tmp_path / "masks"
    words = ["segment", str(tmp_path / "photo.png"), "--backend", "grabcut", "--out", str(out)]
    assert cli.main([*words, "--point", "90,100"]) == 0
    said = capsys.readouterr().out
    assert "by grabcut" in said and "mask_01.png: score" in said and "overview.png" in said
    assert overlap(load_mask(out / "mask_01.png"), truth) > 0.93
    assert cli.main([*words, "--point", "here"]) == 2 and "write it as X,Y" in capsys.readouterr().err
    assert cli.main([*words, "--everything", "--point", "1,1"]) == 2
    assert cli.main(words) == 2 and "nothing was clicked" in capsys.readouterr().err
