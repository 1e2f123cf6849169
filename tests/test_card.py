"""What the model card is made of: the ruler on videos whose truth is known, and values with their intervals."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from draganything_lab.errors import LabError
from draganything_lab.media.filling import fill_holes
from draganything_lab.toyland import sample_clip
from draganything_lab.training.card.card import differences, over_preview, rows_of
from draganything_lab.training.card.hidden import COLOURS, SHAPE, measure_hidden
from draganything_lab.training.card.holes import HOLES, measure_holes
from draganything_lab.training.card.ruler import centre_error, known, likeness, off_by
from draganything_lab.training.card.samples import Table
from draganything_lab.training.card.videos import HIDDEN_LOOKS, LOOKS, measure_looks
from draganything_lab.training.toy.complete import hidden_thing


@given(seed=st.integers(0, 500))
@settings(max_examples=12, deadline=None)
def test_the_truth_is_where_it_belongs(seed):
    clip = sample_clip(seed, (64, 64), 5)
    for index in range(len(clip.world.things)):
        off = off_by(clip.video, clip.video, clip.labels == index + 1)
        assert not off[np.isfinite(off)].any()


@given(seed=st.integers(0, 500))
@example(seed=7).via("a tree comes out from behind another thing")
@example(seed=409).via("likewise, a boat")
@settings(max_examples=25, deadline=None)
def test_held_things_of_a_frozen_video_do_not_move(seed):
    clip = sample_clip(seed, (64, 64), 5)
    still = not clip.world.camera_moves and clip.world.background == (0.0, 0.0)
    frozen = np.repeat(clip.video[:1], 5, axis=0)
    for entity in clip.scene().entities if still else ():
        if entity.kind == "foreground" and entity.trajectory is None:
            assert not centre_error(frozen, clip, entity) > 0.5, "NaN where it is hidden all the time"


@given(seed=st.integers(0, 500))
@settings(max_examples=25, deadline=None)
def test_what_frame_0_shows_is_what_its_pixels_become(seed):
    clip = sample_clip(seed, (64, 64), 5)
    tracks, visible = clip.motion()
    for label in np.unique(clip.labels[0][clip.labels[0] > 0]):
        seen = known(clip, int(label))
        assert (seen[0] == (clip.labels[0] == label)).all()
        assert not (seen & (clip.labels != label)).any()
        for frame, places, here in zip(seen, tracks, visible, strict=True):
            x, y = np.rint(places[(clip.labels[0] == label) & here]).astype(int).T
            near = cv2.dilate(frame.astype(np.uint8), np.ones((3, 3)))  # both round to a pixel
            assert (near[y, x] == 0).sum() <= 2


@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_thing_elsewhere_is_as_far_off_as_it_was_moved(dx, dy, seed):
    thing = np.random.default_rng(seed).integers(0, 256, (9, 13, 3), np.uint8)
    truth, video = (np.full((1, 64, 64, 3), 90, np.uint8) for _ in range(2))
    truth[0, 28:37, 24:37] = thing
    video[0, 28 + dy : 37 + dy, 24 + dx : 37 + dx] = thing
    mask = np.zeros((1, 64, 64), bool)
    mask[0, 28:37, 24:37] = True
    assert off_by(video, truth, mask)[0] == pytest.approx(np.hypot(dx, dy))


@given(far=st.integers(16, 40), noise=st.integers(0, 12), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_look_alike_is_not_where_a_thing_that_stands_went(far, noise, seed):
    """Whether its own pixels or those of its twin are a little nearer to the truth says nothing of where it is."""
    rng = np.random.default_rng(seed)
    thing = rng.integers(0, 256, (11, 11, 3), np.uint8)
    truth = np.full((1, 64, 64, 3), 90, np.uint8)
    truth[0, 8:19, 8:19] = truth[0, 8:19, 8 + far : 19 + far] = thing
    mask = np.zeros((1, 64, 64), bool)
    mask[0, 8:19, 8:19] = True
    video = truth.copy()
    for left, more in ((8, 1.05), (8 + far, 1.0)):
        off = (more * noise * rng.choice([-1.0, 1.0], thing.shape)).round()
        video[0, 8:19, left : left + 11] = (thing + off).clip(0, 255)
    assert off_by(video, truth, mask)[0] == 0
    video[0, 8:19, 8:19] = 90  # gone, and only the twin is left
    assert off_by(video, truth, mask)[0] == pytest.approx(far, abs=1)


@given(dx=st.integers(2, 8), noise=st.floats(0, 30), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_poor_picture_of_a_thing_is_not_found_nearer_than_it_is(dx, noise, seed):
    rng = np.random.default_rng(seed)
    truth = np.full((1, 96, 96, 3), 200, np.uint8)
    video, mask = truth.copy(), np.zeros((1, 96, 96), np.uint8)
    cv2.circle(mask[0], (40, 48), 12, 1, -1)
    truth[mask > 0] = (60, 80, 160)
    video[np.roll(mask, dx, 2) > 0] = (60, 80, 160)
    video = (video + rng.normal(0, noise, video.shape)).clip(0, 255).astype(np.uint8)
    assert abs(off_by(video, truth, mask > 0)[0] - dx) <= 1


def test_errors_that_nobody_sees_do_not_outweigh_all_others():
    truth, where = np.full((8, 8, 3), 90, np.uint8), np.ones((8, 8), bool)
    assert likeness(truth, truth, where) == 50
    assert likeness(truth, truth + np.uint8(1), where) == pytest.approx(48.13, abs=0.01)


def test_a_thing_that_vanished_is_not_where_it_belongs():
    truth, mask = np.full((1, 64, 64, 3), 90, np.uint8), np.zeros((1, 64, 64), bool)
    mask[0, 40:52, 40:52] = True
    video = truth.copy()
    truth[mask] = (240, 30, 30)
    assert off_by(video, truth, mask)[0] > 10


def test_the_camera_is_measured_by_points_that_the_tracker_follows(monkeypatch):
    from draganything_lab.training.card import videos

    clip = next(c for seed in range(200) if (c := sample_clip(seed, (64, 64), 5)).world.camera_moves)
    queries = videos.grid_queries((64, 64), 10, 10)
    rows, columns = np.rint(queries[:, 1]).astype(int), np.rint(queries[:, 0]).astype(int)
    true = clip.motion()[0][-1][rows, columns]
    lost = np.arange(len(true)) % 3 == 0  # in every video, the true one, too

    def track(video, _):
        off = 20.0 * lost + (0.0 if video is clip.video else 2.0)
        return type("Tracks", (), {"points": (true + off[:, None] * [1, 0])[None]})()

    monkeypatch.setattr(videos, "track", track)
    table = Table()
    for maker, video in (("truth", clip.video), ("other", clip.video.copy())):
        videos.measure_dense(table, maker, 0, video, videos.followed(clip))
    row = table.summary()[videos.DENSE]
    assert row["truth"]["mean"] == 0
    assert row["other"]["mean"] == pytest.approx(100 * 2 / np.hypot(64, 64))


class Still:
    """A pipeline whose videos stand still."""

    features = decoder = None

    class unet:
        class config:
            sample_size, num_frames = 8, 4

    def __call__(self, scene, num_frames, seed, **_):
        frames = np.repeat(scene.image[None], num_frames, axis=0) ^ np.uint8(seed)
        return type("Output", (), {"frames": frames})()


def test_processes_share_the_clips_and_measure_the_same(monkeypatch, tmp_path):
    from draganything_lab.training.card import measure as card

    monkeypatch.setattr(card, "measure_parts", lambda table, *_: np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setattr(card, "pack_path", lambda: tmp_path / "none")
    plan = card.Plan(lambda name: Still(), ("carry", "point", "gaussian"), 7, 5, 2, 3, 1, 3, {}, str)
    monkeypatch.setattr(Still, "vae", None, raising=False)
    one = card.measure_share(plan, 0, 1)
    many = [card.measure_share(plan, rank, 3) for rank in range(3)]
    assert Table.merged([share.table for share in many]).values == one.table.values
    order = lambda shares: sorted(row for share in shares for row in share.ranked)  # noqa: E731
    assert order(many) == order([one]) and sum(len(share.seconds) for share in many) == len(one.seconds) == 14
    assert [share.kept is None for share in many] == [False, True, True]


def test_a_frame_in_which_the_truth_hides_a_thing_does_not_count():
    truth = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    masks = np.zeros((3, 32, 32), bool)
    masks[0, 4:16, 4:16] = masks[1, 4:10, 4:10] = masks[2, 4:9, 4:10] = True  # a quarter of 144 is 36
    assert np.isfinite(off_by(truth, truth, masks)).tolist() == [True, True, False]


def measured(gap: float) -> Table:
    """Clips of very different difficulty, on which one maker is always off by a bit more than the other."""
    table, rng = Table(), np.random.default_rng(0)
    for clip, hard in enumerate(rng.uniform(0, 20, 40)):
        for _ in range(2):
            table.add("error", "entity+gaussian", clip, hard + rng.normal(0, 0.3))
            table.add("error", "point", clip, hard + gap + rng.normal(0, 0.3))
    return table


def test_pairs_tell_apart_what_hard_clips_blur():
    table = measured(1.0)
    ours, theirs = (table.summary()["error"][name] for name in ("entity+gaussian", "point"))
    assert ours["high"] > theirs["low"], "the means cannot be told apart"
    gap = table.difference("error", "point", "entity+gaussian")
    assert 0.8 < gap["low"] < 1.0 < gap["high"] < 1.2 and gap["count"] == 80 and gap["clips"] == 40
    assert measured(0.0).difference("error", "point", "entity+gaussian")["low"] < 0
    lines = rows_of(table.summary()["error"], differences(table)["error"])
    assert "in pairs" in lines[0] and "(+0." in lines[3] and lines[2].endswith("| |")


def test_only_clips_on_which_both_were_measured_are_paired():
    table = measured(1.0)
    before = table.difference("error", "point", "entity+gaussian")
    table.add("error", "point", 99, 50.0)
    table.add("error", "entity+gaussian", 98, -50.0)
    assert table.difference("error", "point", "entity+gaussian") == before
    table.add("error", "point", 3, 1.0)
    with pytest.raises(LabError, match="not measured on the same clips"):
        table.difference("error", "point", "entity+gaussian")
    table.add("error", "gaussian", 77, 1.0)
    with pytest.raises(LabError, match="not measured on the same clips"):
        table.difference("error", "gaussian", "entity+gaussian")


def test_what_cannot_be_measured_is_left_out():
    table = Table()
    table.add("error", "point", 1, float("nan"))
    assert not table.values and table.summary() == {} and table.as_dict() == {}
    table.add("error", "point", 1, 2.0)
    assert table.as_dict() == {"error": {"point": [[1, 2.0]]}}


def test_the_preview_is_compared_with_every_video_of_the_same_clip():
    table = Table()
    for clip, things in ((1, (20.0, 30.0)), (2, (25.0,))):
        for value in things:
            table.add(LOOKS, "preview", clip, value)
        for more in (1.0, 3.0):  # two videos
            for value in things:
                table.add(LOOKS, "carry", clip, value + more)
    row = over_preview(table)[LOOKS]
    assert row["mean"] == pytest.approx(2.0) and row["count"] == 6
    table.values[LOOKS]["carry"].pop(0)  # one of the two videos lacks a thing
    with pytest.raises(LabError, match="not measured on the same clips and things"):
        over_preview(table)


def test_holes_are_measured_where_a_thing_was():
    table, truth = Table(), []

    class Knowing:
        def fill(self, image, holes):
            truth.append(holes.mean())
            return np.where(holes[..., None], 0, fill_holes(image, holes)).astype(np.uint8)

    measure_holes(table, Knowing(), 6, 64, 5)
    black, simple = (table.summary()[HOLES][maker] for maker in ("a network", "without a network"))
    assert black["count"] == simple["count"] == len(truth) and 0 < max(truth) < 0.5
    assert black["mean"] < simple["mean"] - 6


def test_hidden_parts_are_measured_by_their_true_shape_and_colours():
    class Nothing:
        def complete(self, seen, where):
            return np.zeros_like(seen)

    class Everything:
        def complete(self, seen, where):
            return np.ones_like(seen) * np.float32([0, 0, 0, 1])

    true = {}  # by what is seen

    class Knowing:
        def complete(self, seen, where):
            return true[seen[..., 3].sum()] * np.float32([255, 255, 255, 1])

    for seed in range(5, 60):
        if (drawn := hidden_thing(seed, ("toyland",))) is not None:
            true[np.moveaxis(drawn[0], 0, 2).astype(np.float32)[..., 3].sum()] = np.moveaxis(drawn[2], 0, 2)
    rows = {}
    for name, maker in (("nothing", Nothing()), ("everything", Everything()), ("truth", Knowing())):
        table = Table()
        measure_hidden(table, maker, 8, 5)
        rows[name] = table.summary()
        assert rows[name][SHAPE]["a network"]["count"] == rows[name][COLOURS]["without a network"]["count"] == 8
    assert rows["nothing"][SHAPE]["a network"]["mean"] == 0 < rows["everything"][SHAPE]["a network"]["mean"] < 100
    hulls = [rows[name][SHAPE]["without a network"]["mean"] for name in rows]
    assert rows["truth"][SHAPE]["a network"]["mean"] == 100 and rows["truth"][COLOURS]["a network"]["mean"] == 50
    assert hulls[0] == hulls[1] > rows["everything"][SHAPE]["a network"]["mean"], "a hull is nearer than everything"
    assert rows["everything"][COLOURS]["a network"]["mean"] < rows["everything"][COLOURS]["without a network"]["mean"]


def test_things_that_come_to_light_are_told_from_those_that_were_whole():
    from dataclasses import replace

    from draganything_lab.toyland import Thing, World

    def clip(offset: float):
        stay, goes = np.array([[20.0, 40.0]] * 3), np.array([[20.0 + offset, 40.0], [34.0, 40.0], [56.0, 40.0]])
        ball = Thing("ball", (200, 40, 40), (240, 240, 240), 1, 9.0, goes, role="moved")
        return World("hills", 1, (80, 80), 3, (ball, replace(ball, path=stay, role="pinned"))).render()

    for offset, hidden in ((8.0, 1), (30.0, 0)):
        table = Table()
        measure_looks(table, "truth", 0, clip(offset), clip(offset).video)
        assert len(table.values[LOOKS]["truth"]) == 1
        assert len(table.values.get(HIDDEN_LOOKS, {}).get("truth", [])) == hidden


def test_what_is_not_measured_anew_is_kept():
    earlier = measured(1.0)
    for name in ("carry", "carry, asked", "preview"):
        earlier.add("error", name, 1, 7.0)
    table = Table()
    for name in ("carry", "preview"):
        table.add("error", name, 1, 3.0)
    assert table.keep(earlier.as_dict()) == ["entity+gaussian", "point"]
    found = table.as_dict()["error"]
    assert found["carry"] == found["preview"] == [[1, 3.0]] and "carry, asked" not in found
    assert found["point"] == earlier.as_dict()["error"]["point"]


def test_figures_of_another_protocol_are_not_kept(tmp_path):
    from draganything_lab.cli.card import _earlier

    facts = {"clips": 5, "rivals": 3, "steps": 2, "guidance": 1.0, "frames": 14, "size": 128}
    with pytest.raises(LabError, match="no earlier card"):
        _earlier(tmp_path, facts)
    (tmp_path / "measured.json").write_text(json.dumps({"protocol": facts | {"seeds": 9}}))
    (tmp_path / "samples.json").write_text(json.dumps(measured(1.0).as_dict()))
    assert _earlier(tmp_path, facts) == measured(1.0).as_dict()
    for name in facts:
        with pytest.raises(LabError, match=f"has {name} {facts[name]}, this one 7"):
            _earlier(tmp_path, facts | {name: 7})
