"""Drags that turn and grow: the preview against Toyland's truth, what each representation says, and the report."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.control.build import build_control
from draganything_lab.control.representations import REPRESENTATIONS
from draganything_lab.control.split import layers_of
from draganything_lab.control.unsaid import unsaid
from draganything_lab.errors import LabError
from draganything_lab.media.picture import psnr
from draganything_lab.motion import measure
from draganything_lab.motion.pose import pose_motion
from draganything_lab.motion.wanted import wanted_places
from draganything_lab.pipeline.preview import preview
from draganything_lab.scene import Scene, Trajectory, spin, straight
from draganything_lab.scene.camera import wanted_view
from draganything_lab.scene.formats import write_demo_folder, write_spline_points, write_wan_tracks
from draganything_lab.scene.poses import motion_matrices
from draganything_lab.show.motion import motion_page, turn_and_size
from draganything_lab.toyland import ToyClip, named_scene, sample_clip
from draganything_lab.tracking import Tracks

FRAMES = 8


def turning(clip: ToyClip) -> list[int]:
    """Labels of the moved things that turn or grow."""
    things = enumerate(clip.world.things, start=1)
    return [k for k, thing in things if thing.role == "moved" and (thing.turn is not None or thing.grow is not None)]


def textured(size: tuple[int, int] = (96, 128), centre: tuple[int, int] = (48, 48), radius: int = 22) -> Scene:
    """A scene of one round object, "disc", with a texture that any turn and growth shows."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(60, 200, (size[0] // 8, size[1] // 8, 3), np.uint8), size[::-1])
    y, x = np.mgrid[: size[0], : size[1]]
    mask = np.hypot(x - centre[0], y - centre[1]) <= radius
    patches = cv2.resize(rng.integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8), size[::-1])
    picture[mask] = patches[mask]
    scene = Scene(picture)
    scene.add("disc", mask)
    return scene


def test_the_preview_of_a_toyland_scene_follows_what_turns_and_grows() -> None:
    """The mean over the pixels of objects that turn or grow, in all frames: below 0.5 px; without poses, more."""
    off: dict[bool, list[float]] = {True: [], False: []}
    looks: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(40):
        clip = sample_clip(900_000_000 + seed, (96, 96), FRAMES)
        for poses in off if turning(clip) else ():
            scene = clip.scene(poses=poses)
            layers, video = layers_of(scene, FRAMES), preview(scene, FRAMES, label=False)
            for mask, motion in zip(layers.masks, layers.motions, strict=True):
                label = int(clip.labels[0][mask][0])
                if label not in turning(clip):
                    continue
                pixels = np.argwhere(mask)[:, ::-1].astype(np.float64)
                places = pixels @ motion[:, :, :2].transpose(0, 2, 1) + motion[:, None, :, 2]
                off[poses].append(float(np.linalg.norm(places - clip.follow(label, pixels), axis=-1)[1:].mean()))
                if (last := clip.labels[-1] == label).sum() >= 12:
                    looks[poses].append(psnr(clip.video[-1], video[-1], last))
    asked, alone = np.mean(off[True]), np.mean(off[False])
    print(f"{len(off[True])} objects: {asked:.4f} px asked, {alone:.2f} px by the path alone;", end=" ")
    print(f"inside them, in the last frame, {np.mean(looks[True]):.1f} and {np.mean(looks[False]):.1f} dB")
    assert len(off[True]) >= 5 and asked < 0.5 < alone
    assert np.mean(looks[True]) > np.mean(looks[False]) + 3


@pytest.mark.parametrize("background", [(0.0, 0.0), (12.0, -4.0)])
def test_what_a_toyland_camera_does_to_a_turning_thing_is_asked_once(background: tuple[float, float]) -> None:
    """With a background drag the scene has no camera, so the thing itself must ask for the zoom."""
    world = replace(named_scene("meadow", (96, 144), FRAMES).world, zoom=1.3, pan=(6.0, 2.0), background=background)
    clip = world.render()
    (label,) = turning(clip)
    layers = layers_of(clip.scene(), FRAMES)
    mask, motion = next(
        pair for pair in zip(layers.masks, layers.motions, strict=True) if clip.labels[0][pair[0]][0] == label
    )
    pixels = np.argwhere(mask)[:, ::-1].astype(np.float64)
    places = pixels @ motion[:, :, :2].transpose(0, 2, 1) + motion[:, None, :, 2]
    np.testing.assert_allclose(places, clip.follow(label, pixels), atol=0.01)


def test_training_goes_on_with_the_same_scenes() -> None:
    pytest.importorskip("torch")
    from draganything_lab.training.toy.clips import ClipSize, usable_clip

    seen = 0
    for seed in range(6):
        clip, scene = usable_clip(seed, ClipSize(64, 6))
        assert not any(entity.posed for entity in scene)
        seen += len(turning(clip))
    assert seen, "some of them turn"


def test_what_a_camera_adds_comes_on_top_of_an_objects_own_turn() -> None:
    scene = textured()
    scene.update("disc", trajectory=straight((48, 48), (70, 48)).turned(90).grown(1.5))
    scene.drag_camera(zoom=1.2)
    motion = layers_of(scene, 5).motions[0]
    np.testing.assert_allclose(motion[-1, :, :2], 1.2 * 1.5 * np.array([[0, -1], [1, 0]]), atol=1e-3)
    np.testing.assert_allclose(motion[-1] @ (48, 48, 1), (70, 48), atol=1e-3)
    pixels = np.array([[40.0, 40], [60, 50]])
    wanted = wanted_places(scene["disc"], pixels, wanted_view(scene, 5))
    np.testing.assert_allclose(wanted, pixels @ motion[:, :, :2].transpose(0, 2, 1) + motion[:, None, :, 2])
    scene.pin("disc")
    np.testing.assert_array_equal(layers_of(scene, 5).motions[0][-1], np.eye(2, 3))


def test_a_background_may_turn_and_what_has_a_path_of_its_own_does_not_turn_with_it() -> None:
    scene = textured()
    scene.update("disc", trajectory=[(48, 48), (60, 48)])
    scene.drag_background(spin((64, 48), 0.25))
    layers = layers_of(scene, 5)
    np.testing.assert_allclose(layers.view[-1], [[0, -1, 112], [1, 0, -16]], atol=1e-6)
    np.testing.assert_allclose(layers.motions[0][-1], [[1, 0, 12], [0, 1, 0]], atol=1e-6)


@given(st.floats(-180, 180), st.floats(0.6, 3))  # below, it is blurred first
@settings(max_examples=15, deadline=None)
def test_the_preview_draws_the_object_turned_and_grown(degrees: float, factor: float) -> None:
    scene = textured()
    scene.update("disc", trajectory=Trajectory([(48, 48)]).turned(degrees).grown(factor))
    last = preview(scene, 3, label=False)[-1].astype(int)
    matrix = motion_matrices(np.array([[48, 48]] * 2), [0, degrees], [1, factor])[1]
    expected = cv2.warpAffine(scene.image, matrix, (128, 96)).astype(int)
    inner = cv2.erode(scene["disc"].mask.astype(np.uint8), np.ones((5, 5), np.uint8))  # its edge is soft
    inside = cv2.warpAffine(inner * 255, matrix, (128, 96)) == 255
    assert np.abs(last - expected)[inside].max(initial=0) <= 2


def test_shrinking_an_object_does_not_skip_its_pixels() -> None:
    """Stripes of one pixel, made a third as large, are an even grey; sampled at single pixels they would be stripes."""
    picture = np.full((96, 128, 3), 100, np.uint8)
    picture[20:80, 20:80:2], picture[20:80, 21:80:2] = 255, 0
    mask = np.zeros((96, 128), bool)
    mask[20:80, 20:80] = True
    scene = Scene(picture)
    scene.add("stripes", mask, Trajectory([(50, 50)]).grown(1 / 3))
    inside = preview(scene, 2, label=False)[-1, 44:56, 44:56].astype(int)
    assert np.abs(inside - 127).max() < 25


# Control


def test_discs_grow_and_do_not_turn_and_the_release_ignores_both() -> None:
    scene, vectors = textured(), np.ones((1, 4))
    plain = {kind: build_control(_moved(scene, straight((48, 48), (70, 48))), 5, representation=kind, vectors=vectors)
             for kind in REPRESENTATIONS}  # fmt: skip
    grown = _moved(scene, straight((48, 48), (70, 48)).grown(0.5))
    turned = _moved(scene, straight((48, 48), (70, 48)).turned(180))
    for kind in ("gaussian", "entity", "entity+gaussian"):
        small = build_control(grown, 5, representation=kind, vectors=vectors)
        area = (small.labels > 0).sum(axis=(1, 2)) / (plain[kind].labels > 0).sum(axis=(1, 2))
        np.testing.assert_allclose(area, 0.5 ** (2 * np.linspace(0, 1, 5)), rtol=0.1)
        np.testing.assert_array_equal(small.heat[0], plain[kind].heat[0])
        same = build_control(turned, 5, representation=kind, vectors=vectors)
        np.testing.assert_array_equal(same.labels, plain[kind].labels)
    for kind in ("point", "trajectory"):
        np.testing.assert_array_equal(build_control(grown, 5, representation=kind).heat, plain[kind].heat)
    old, new = (build_control(s, 5, vectors=vectors, preset="release") for s in
                (_moved(scene, straight((48, 48), (70, 48))), grown))  # fmt: skip
    np.testing.assert_array_equal(old.heat, new.heat)
    np.testing.assert_array_equal(old.labels, new.labels)


def test_carry_turns_and_grows_the_mask_and_the_way_back() -> None:
    scene, vectors = textured(), np.ones((1, 4))
    control = build_control(
        _moved(scene, Trajectory([(48, 48)]).turned(90).grown(1.5)), 3, representation="carry", vectors=vectors
    )
    assert (control.labels[-1] > 0).sum() == pytest.approx(1.5**2 * scene["disc"].area, rel=0.05)
    ways = control.ways(8)
    assert ways is not None
    row, column = 6, 8  # the cell with its middle (68, 52): to the right of the object's
    back = (np.array([68, 52]) - 48) @ np.array([[0, -1], [1, 0]]) / 1.5  # turned back and made smaller again
    np.testing.assert_allclose(ways[-1, :2, row, column] * 8, 48 + back - (68, 52), atol=1e-3)


def _moved(scene: Scene, path: Trajectory) -> Scene:
    other = scene.copy()
    other.update("disc", trajectory=path)
    return other


def test_what_cannot_be_said_is_said_in_one_sentence() -> None:
    scene = textured()
    assert all(unsaid(_moved(scene, straight((48, 48), (60, 48))), kind) == "" for kind in REPRESENTATIONS)
    both = _moved(scene, spin((48, 48)).grown(2))
    assert unsaid(both, "carry") == "" == unsaid(scene, "point")
    assert unsaid(both, "gaussian") == (
        '"gaussian" does not say that disc should turn: a disc looks the same however it turns.'
    )
    assert "disc should turn and grow: it says only where a point goes" in unsaid(both, "trajectory")
    assert unsaid(_moved(scene, Trajectory([(48, 48)]).grown(0.5)), "entity") == ""
    shrinks = unsaid(_moved(scene, Trajectory([(48, 48)]).grown(0.5)), "entity", "release")
    assert shrinks.startswith('The preset "release" does not say that disc should shrink')
    for n in range(4):
        both.add(f"d{n}", scene["disc"].mask, spin((48, 48)))
    assert "d0, d1, d2 and 1 more should turn" in unsaid(both, "point")
    with pytest.raises(LabError, match="unknown"):
        unsaid(both, "words")


def test_formats_that_only_hold_points_say_what_they_leave_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, posed = _moved(textured(), straight((48, 48), (60, 48))), _moved(textured(), spin((48, 48)))
    writers = (
        lambda scene: write_demo_folder(scene, tmp_path / "demo"),
        lambda scene: write_wan_tracks(scene, tmp_path / "a_tracks.npy"),
        write_spline_points,
    )
    with caplog.at_level(logging.WARNING):
        for write in writers:
            write(plain)
        assert not caplog.messages
        for write in writers:
            write(posed)
    assert len(caplog.messages) == 3
    assert all("only hold" in text and "the turn and size of disc are left out" in text for text in caplog.messages)


# The report


def tracks_of(motion: np.ndarray, count: int, spread: float, loose: int = 0) -> Tracks:
    rng = np.random.default_rng(1)
    start = 50 + spread * rng.normal(size=(count, 2))
    points = (start @ motion[:, :, :2].transpose(0, 2, 1) + motion[:, None, :, 2]).astype(np.float32)
    points[1:, :loose] += rng.normal(size=(len(points) - 1, loose, 2)) * 30
    return Tracks(points, np.ones(points.shape[:2], bool))


@given(st.floats(-900, 900), st.floats(0.3, 3), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_turn_and_size_are_measured_whatever_else_a_third_of_the_points_do(
    degrees: float, factor: float, loose: int
) -> None:
    share = np.linspace(0, 1, 6)
    motion = motion_matrices(np.stack([50 + 20 * share, 50 + 0 * share], axis=1), degrees * share, factor**share)
    found = pose_motion(tracks_of(motion, 40, 10, loose), motion, 1.0)
    assert found.mean_turn_error < 0.5 and found.mean_size_error_percent < 1
    wrong = motion_matrices(np.zeros((6, 2)), degrees * share + 10 * share, factor**share * 1.1**share)
    off = pose_motion(tracks_of(motion, 40, 10), wrong, 1.0)
    np.testing.assert_allclose(off.turn_error, 10 * share, atol=0.01)
    np.testing.assert_allclose(off.size_error_percent, 100 * (1 - 1.1**-share), atol=0.1)


def test_too_few_points_say_nothing() -> None:
    motion = motion_matrices(np.full((4, 2), 50.0), [0, 10, 20, 30], [1, 1, 1, 1])
    for tracks in (tracks_of(motion, 5, 10), tracks_of(motion, 40, 0.5), tracks_of(motion, 40, 10, 30)):
        found = pose_motion(tracks, motion, 1.0)
        assert np.isnan(found.measured_turn[1:]).all() and np.isnan(found.mean_size_error_percent)
        assert found.asked and found.as_dict()["mean_turn_error_degrees"] is None
    hidden = tracks_of(motion, 40, 10)
    found = pose_motion(Tracks(hidden.points, hidden.visible & (np.arange(4) < 2)[:, None]), motion, 1.0)
    assert np.isfinite(found.measured_turn[:2]).all() and np.isnan(found.measured_turn[2:]).all()


def test_the_report_of_a_video_that_turns_and_of_one_that_only_moves(tmp_path: Path) -> None:
    path = straight((48, 48), (74, 48)).turned(40).grown(1.3)
    scene = _moved(textured(), path)
    good = measure(preview(scene, FRAMES, label=False), scene)
    stiff = preview(_moved(scene, straight((48, 48), (74, 48))), FRAMES, label=False)
    bad = measure(stiff, scene)
    print(f"obeying: {good['disc'].pose.mean_turn_error:.2f}°, {good['disc'].pose.mean_size_error_percent:.2f} %")
    assert good["disc"].pose.mean_turn_error < 1 and good["disc"].pose.mean_size_error_percent < 1.5
    assert bad["disc"].pose.turn_error[-1] == pytest.approx(40, abs=2)
    assert bad["disc"].pose.size_error_percent[-1] == pytest.approx(100 * (1 - 1 / 1.3), abs=2)
    assert "it should turn 40°, grow to 1.30, and is off by" in str(bad)
    assert "Turn off by, °" in (page := motion_page(bad, stiff)) and "<h2>Turn and size</h2>" in page
    assert turn_and_size(bad).axes and '"measured_turn_degrees"' in bad.json()
    plain = _moved(scene, straight((48, 48), (74, 48)))
    assert "<h2>Turn and size</h2>" not in motion_page(measure(stiff, plain), stiff)


def test_an_object_that_should_turn_on_the_spot_did_not_if_it_stands_still() -> None:
    scene = _moved(textured(), spin((48, 48), 0.25))
    report = measure(np.repeat(scene.image[None], FRAMES, axis=0), scene)
    assert report.obeyed is False and "should stay in place" in str(report) and "turn 90°" in str(report)
    assert measure(preview(scene, FRAMES, label=False), scene).obeyed


def test_the_card_measures_what_turns_asked_and_not_asked() -> None:
    pytest.importorskip("torch")
    from draganything_lab.training.card.asked import ASKED, SIZE_ERROR, TURN_ERROR, TURNING_LOOKS, measure_asked
    from draganything_lab.training.card.samples import Table

    table = Table()
    clip = named_scene("meadow", (96, 144), FRAMES)  # its ball rolls
    for maker, scene in (("preview", clip.scene(poses=False)), ("preview" + ASKED, clip.scene())):
        measure_asked(table, maker, 0, clip, preview(scene, FRAMES, label=False))
    rows = table.summary()
    assert rows[TURN_ERROR]["preview, asked"]["mean"] < 3 < rows[TURN_ERROR]["preview"]["mean"]
    assert rows[TURNING_LOOKS]["preview, asked"]["mean"] > rows[TURNING_LOOKS]["preview"]["mean"]
    assert SIZE_ERROR not in rows, "nothing in it grows"
