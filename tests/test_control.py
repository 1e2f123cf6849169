"""Control signals: equal to the released code, true to the paper, compact, and clear about bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.recordings import FOLDER, Recording
from hypothesis import given, settings
from hypothesis import strategies as st
from released.control import plain_loop

from draganything_lab.control import (
    RELEASE,
    REPRESENTATIONS,
    ControlSignal,
    build_control,
    control_from_tracks,
    pool_over_mask,
    stamps,
)
from draganything_lab.errors import LabError
from draganything_lab.scene import Scene, Trajectory

ROOT = Path(__file__).resolve().parents[1]
CONDITION = FOLDER / "condition"
RELEASE_WHOLE = replace(RELEASE, entity_vector="whole")


def disc_mask(size: tuple[int, int], x: int, y: int, radius: int) -> np.ndarray:
    """A mask (H, W) uint8 of 0 and 255."""
    return cv2.circle(np.zeros(size, np.uint8), (x, y), radius, 255, -1)


def square_mask(size: tuple[int, int], side: int) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[10 : 10 + side, 10 : 10 + side] = 255
    return mask


def assert_equals_plain_loop(masks, trajectories, size: tuple[int, int], num_frames: int) -> ControlSignal:
    """Both tables of the released code, number by number; returns the signal for more questions."""
    pooled = np.random.default_rng(5).normal(size=(len(masks), 6)).astype(np.float32)
    for preset, whole in (("release", False), (RELEASE_WHOLE, True)):
        grey, entity_map = plain_loop(masks, trajectories, pooled, size, num_frames, whole_vector=whole)
        control = control_from_tracks(
            masks, trajectories, size=size, num_frames=num_frames, vectors=pooled, channels=3, preset=preset
        )
        np.testing.assert_array_equal(control.heat, grey)
        np.testing.assert_array_equal(control.image(), np.repeat(grey[..., None], 3, -1))
        np.testing.assert_allclose(control.entity_map(), entity_map, rtol=0, atol=1e-6)
    return control


# The released code


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording("condition")


def recorded_entities() -> tuple[list[np.ndarray], list]:
    """The masks (H, W) uint8 and the trajectories of the recorded demo folder."""
    told = json.loads((CONDITION / "demo.json").read_text()).values()
    masks = [cv2.imread(str(CONDITION / entity["mask_name"]), cv2.IMREAD_GRAYSCALE) for entity in told]
    return masks, [entity["trajectory"] for entity in told]


@pytest.mark.parametrize("preset", ["release", RELEASE_WHOLE])
def test_equals_the_recording_of_the_released_code(recording: Recording, preset):
    masks, trajectories = recorded_entities()
    control = control_from_tracks(
        masks,
        trajectories,
        size=tuple(recording["target_size"].tolist()),
        num_frames=int(recording["frame_number"]),
        vectors=recording["object_vectors"],
        channels=160,
        preset=preset,
    )
    np.testing.assert_array_equal(control.heat, recording["images_gray"])
    if preset == "release":  # one number for all of a pixel's channels
        expected = recording["numbers"][recording["number_labels"]][..., None]
    else:
        expected = recording["table"][recording["labels"]]
    for frame in range(6):
        assert np.abs(control.entity_map(frame, frame + 1)[0] - expected[frame]).max() < 1e-6


def test_a_scene_of_the_recorded_masks_and_points_equals_the_recording_too(recording: Recording):
    scene = Scene(np.zeros((*recording["original_size"].tolist(), 3), np.uint8))
    for number, (mask, points) in enumerate(zip(*recorded_entities(), strict=True)):
        scene.add(f"thing {number}", mask == 255, Trajectory(points, frames=range(6)))
    features = recording["features"].astype(np.float32)
    vectors = np.stack([pool_over_mask(features, entity.mask) for entity in scene.controlled])
    channels = len(features)
    np.testing.assert_allclose(vectors, recording["object_vectors"][:, :channels], rtol=0, atol=1e-6)
    size = tuple(recording["target_size"].tolist())
    control = build_control(scene, 6, vectors=vectors, channels=channels // 2, size=size, preset="release")
    np.testing.assert_array_equal(control.heat, recording["images_gray"])
    expected = recording["numbers"][recording["number_labels"][5]][..., None]
    assert np.abs(control.entity_map(5)[0] - expected).max() < 1e-6


def test_the_plain_loop_equals_the_recording_too(recording: Recording):
    grey, entity_map = plain_loop(*recorded_entities(), recording["object_vectors"][:, :2], (128, 192), 6)
    np.testing.assert_array_equal(grey, recording["images_gray"])
    np.testing.assert_array_equal(entity_map[..., 0], recording["numbers"][recording["number_labels"]])


def test_release_later_box_overwrites_with_its_dark_corners():
    masks = [disc_mask((80, 120), 40, 40, 24), disc_mask((80, 120), 80, 40, 10)]
    control = assert_equals_plain_loop(masks, [[(40, 40)] * 5, [(80 - 10 * k, 40) for k in range(5)]], (80, 120), 5)
    box = stamps.squashed_box(control.centres[4, 1], int(control.radii[1]), (80, 120))
    assert control.heat[0][box][0, 0] > 0 == control.heat[4][box][0, 0], (
        "the corner of the second box has put out the first Gaussian"
    )
    assert control.labels[4][box][0, 0] == 1, "but the first disc is still there"


@pytest.mark.parametrize(
    "start, step", [((6, 40), (-4, 0)), ((112, 40), (4, 0)), ((60, 6), (0, -4)), ((60, 74), (0, 4))]
)
def test_release_borders_are_squashed_and_outside_draws_nothing(start, step):
    track = [(start[0] + k * step[0], start[1] + k * step[1]) for k in range(8)]
    control = assert_equals_plain_loop([disc_mask((80, 120), 60, 40, 15)], [track], (80, 120), 8)
    assert not control.heat[-1].any() and control.heat[0].any()


def test_release_last_row_and_column_never_get_a_gaussian():
    corner = [[(119, 79)], [(118, 78)]]
    control = assert_equals_plain_loop([disc_mask((80, 120), 60, 40, 20)] * 2, corner, (80, 120), 1)
    assert not control.heat[:, -1].any() and not control.heat[:, :, -1].any()
    assert control.labels[0, -1, -1] == 2, "the disc reaches them"


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_release_small_radii(side: int):
    control = assert_equals_plain_loop([square_mask((60, 60), side)], [[(30, 30), (31, 30), (0, 59)]], (60, 60), 3)
    assert control.radii[0] == (side + 1) // 2
    assert control.heat[0].any() == (control.radii[0] >= 2), "a box of 3 pixels or less draws nothing"


def test_release_caps_the_radius_at_50():
    control = assert_equals_plain_loop([disc_mask((160, 200), 100, 80, 70)], [[(100, 80), (20, 150)]], (160, 200), 2)
    assert control.radii[0] == 50 and control.heat[0].max() >= 250
    assert int((control.labels[0] > 0).any(axis=0).sum()) == 101


def test_release_a_mask_of_the_whole_picture_is_capped_too():
    assert_equals_plain_loop([np.full((120, 130), 255, np.uint8)], [[(60, 60)]], (120, 130), 1)


def test_release_scales_masks_and_points_and_lets_only_255_through():
    soft = disc_mask((123, 217), 100, 60, 30)
    soft[:, 80:] = np.minimum(soft[:, 80:], 254)
    tracks = [[(100.7, 60.9), (-0.4, -0.9), (216.9, 122.9)]]
    control = assert_equals_plain_loop([soft], tracks, (64, 96), 3)
    assert control.centres[1, 0].tolist() == [0, 0], "cut towards zero"
    assert control.radii[0] < 0.4 * 30


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 4),
    size=st.tuples(st.integers(20, 70), st.integers(20, 70)),
    old=st.tuples(st.integers(30, 90), st.integers(30, 90)),
)
@settings(max_examples=15, deadline=None)
def test_release_equals_the_plain_loop_whatever_comes(seed: int, count: int, size, old):
    random = np.random.default_rng(seed)
    masks = [
        disc_mask(old, int(random.integers(0, old[1])), int(random.integers(0, old[0])), int(random.integers(6, 60)))
        for _ in range(count)
    ]
    tracks = [random.uniform(-0.4, 1.4, (2, 2)) * (old[1], old[0]) for _ in range(count)]
    assert_equals_plain_loop(masks, tracks, size, 2)


def test_disc_equals_opencv_for_every_radius():
    for radius in range(70):
        side, middle = 2 * radius + 1, (radius, radius)
        drawn = cv2.circle(np.zeros((side, side), np.uint8), middle, radius, 1, -1) > 0
        np.testing.assert_array_equal(stamps.whole_disc(radius), drawn)


# The paper


def test_paper_gaussian_is_the_formula_at_every_pixel():
    mask = disc_mask((60, 90), 30, 30, 12) > 0
    control = control_from_tracks([mask], [[(31.25, 28.5)]], size=(60, 90), representation="gaussian")
    radius = control.radii[0]
    expected = np.zeros((60, 90))
    for y in range(60):
        for x in range(90):
            squared = (x - 31.25) ** 2 + (y - 28.5) ** 2
            if squared <= radius**2:
                expected[y, x] = round(255 * np.exp(-squared / (2 * (0.4 * radius) ** 2)))
    np.testing.assert_array_equal(control.heat[0], expected)
    np.testing.assert_array_equal(control.labels[0] > 0, expected > 0)


def test_paper_crops_at_the_border_and_draws_on_the_last_row():
    size = (60, 90)
    mask = disc_mask(size, 45, 30, 14) > 0
    inside = control_from_tracks([mask], [[(45, 30)]], size=size, representation="gaussian").heat[0]
    corner = control_from_tracks([mask], [[(85, 55)]], size=size, representation="gaussian").heat[0]
    np.testing.assert_array_equal(corner[25:, 40:], inside[:-25, :-40])
    assert corner[-1].any() and corner[:, -1].any()


def test_paper_does_not_cap_the_radius_and_writes_the_whole_vector():
    mask = disc_mask((200, 240), 120, 100, 80) > 0
    control = control_from_tracks([mask], [[(120, 100)]], size=(200, 240), vectors=np.arange(1.0, 5.0)[None])
    assert control.radii[0] > 75
    assert control.entity_map()[0, 100, 120].tolist() == [1, 2, 3, 4]
    assert control.entity_map()[0, 0, 0].tolist() == [0, 0, 0, 0]


def test_paper_later_entity_overwrites_only_inside_its_circle():
    size = (60, 90)
    masks = [disc_mask(size, 40, 30, 16) > 0, disc_mask(size, 60, 30, 10) > 0]
    tracks = [[(40, 30)], [(52, 30)]]
    both = control_from_tracks(masks, tracks, size=size, representation="gaussian")
    alone = [
        control_from_tracks([m], [t], size=size, representation="gaussian") for m, t in zip(masks, tracks, strict=True)
    ]
    second = alone[1].labels[0] > 0
    np.testing.assert_array_equal(both.heat[0], np.where(second, alone[1].heat[0], alone[0].heat[0]))
    np.testing.assert_array_equal(both.labels[0], np.where(second, 2, alone[0].labels[0]))
    assert (alone[0].heat[0] > 0)[second].any(), "they do meet"


def test_paper_radius_is_the_entitys_own_and_scales_with_the_size():
    scene = Scene(np.zeros((64, 96, 3), np.uint8))
    entity = scene.add("boat", disc_mask((64, 96), 40, 30, 14) > 0, [(40, 30), (60, 30)])
    here = build_control(scene, 2, representation="gaussian")
    twice = build_control(scene, 2, representation="gaussian", size=(128, 192))
    assert here.radii[0] == entity.radius
    # Distances are counted from pixel centre to pixel centre, so that half a pixel does not grow.
    assert twice.radii[0] == pytest.approx(2 * (entity.radius - 0.5) + 0.5, abs=1)
    np.testing.assert_allclose(twice.centres, 2 * here.centres + 0.5)


def test_a_mask_that_vanishes_works_on_paper_and_is_named_for_the_release():
    mask = np.zeros((300, 300), bool)
    mask[101, 101] = True
    control = control_from_tracks([mask], [[(101, 101)]], size=(30, 30), representation="gaussian")
    assert control.heat.any()
    with pytest.raises(LabError, match=r'entity 1 \("bee"\): its mask of 1 pixels in a 300x300 .* vanishes at 30x30'):
        control_from_tracks(
            [mask], [[(101, 101)]], size=(30, 30), preset="release", vectors=np.ones((1, 4)), names=["bee"]
        )


# The four representations, on one grid


@pytest.fixture(scope="module")
def scene() -> Scene:
    scene = Scene(np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8))
    scene.add("boat", disc_mask((64, 96), 30, 40, 10) > 0, [(30, 40), (58, 33)])
    scene.add("rock", disc_mask((64, 96), 60, 12, 6) > 0)  # uncontrolled: not drawn
    scene.add("house", disc_mask((64, 96), 75, 20, 8) > 0, pinned=True)
    return scene


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("preset", ["paper", "release"])
def test_every_representation(scene: Scene, representation: str, preset: str):
    vectors = np.array([[1.0, 2, 3], [4, 5, 6]])
    control = build_control(scene, 8, representation=representation, vectors=vectors, preset=preset)
    image, entity_map = control.image(), control.entity_map()
    assert image.shape == (8, 64, 96, 3) and image.dtype == np.float32
    assert entity_map.shape == (8, 64, 96, 3) and entity_map.dtype == np.float32
    assert image.any() == (representation != "entity")
    assert entity_map.any() == ("entity" in representation or representation == "carry")
    assert set(np.unique(control.labels)) == {0, 1, 2}
    for frame in (0, 7):
        for k, (x, y) in enumerate(control.centres[frame].round().astype(int), start=1):
            assert control.labels[frame, y, x] == k
    np.testing.assert_array_equal(control.image(2, 5), image[2:5])
    np.testing.assert_array_equal(control.entity_map(2, 5), entity_map[2:5])
    assert control.nbytes < 8 * 64 * 96 * 2 + 1000


def test_point_is_a_dot_of_the_same_size_for_all(scene: Scene):
    control = build_control(scene, 3, representation="point", size=(320, 480))
    areas = [(control.labels[0] == k).sum() for k in (1, 2)]
    assert control.heat.max() == 255 and abs(int(areas[0]) - int(areas[1])) <= 4 and 15 < areas[0] < 50


def test_trajectory_map_holds_signed_steps_and_occupancy(scene: Scene):
    control = build_control(scene, 8, representation="trajectory")
    image = control.image()
    x, y = control.centres[3, 0].round().astype(int)
    step = control.centres[4, 0] - control.centres[3, 0]
    unit = 255 / (96 / 8)
    np.testing.assert_allclose(image[3, y, x, :2], step * unit * image[3, y, x, 2] / 255, rtol=1e-5)
    assert step[0] > 0 > step[1] and image[3, y, x, 0] > 0 > image[3, y, x, 1]
    np.testing.assert_array_equal(image[..., 2], control.heat)
    x, y = control.centres[3, 1].round().astype(int)
    assert image[3, y, x, :2].tolist() == [0, 0] and image[3, y, x, 2] > 200, "pinned: there, and it does not move"
    assert not control.displacement[-1].any()


def test_where_two_blurs_meet_the_nearer_point_owns_the_pixel():
    size = (40, 60)
    masks = [disc_mask(size, 20, 20, 5) > 0] * 2
    for order in (1, -1):
        tracks = [[(20, 20)], [(30, 20)]][::order]
        control = control_from_tracks(masks, tracks, size=size, representation="trajectory")
        left, right = (1, 2) if order == 1 else (2, 1)
        assert control.labels[0, 20, 23] == left and control.labels[0, 20, 27] == right


def test_a_scene_gives_what_its_arrays_give(scene: Scene):
    vectors = np.arange(8, dtype=np.float32).reshape(2, 4)
    for preset in ("paper", "release"):
        one = build_control(scene, 5, vectors=vectors, channels=2, size=(40, 64), preset=preset)
        masks, paths = [entity.mask for entity in scene.controlled], scene.paths(5)
        two = control_from_tracks(
            masks, paths.transpose(1, 0, 2), size=(40, 64), vectors=vectors, channels=2, preset=preset
        )
        np.testing.assert_array_equal(one.heat, two.heat)
        np.testing.assert_array_equal(one.labels, two.labels)
        np.testing.assert_array_equal(one.vectors, two.vectors)
    assert two.vectors.tolist() == [[0, 0], [0, 0], [4, 4]]


def test_frames_beyond_the_asked_ones_are_left_out_and_none_means_all():
    mask, track = disc_mask((40, 60), 30, 20, 8) > 0, [(10 + 3 * k, 20) for k in range(9)]
    every = control_from_tracks([mask], [track], size=(40, 60), representation="gaussian")
    some = control_from_tracks([mask], [track], size=(40, 60), num_frames=4, representation="gaussian")
    assert every.num_frames == 9
    np.testing.assert_array_equal(some.heat, every.heat[:4])


def test_preview_picture(scene: Scene):
    for representation in REPRESENTATIONS:
        control = build_control(scene, 4, representation=representation, vectors=np.ones((2, 3)), size=(32, 48))
        picture = control.preview(scene.image, 2)
        assert picture.shape == (64, 96, 3) and picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, control.preview(scene.image, -2))
        other = control.preview(scene.image, 0)
        assert (picture != other).any(), "the boat has moved on"
    with pytest.raises(LabError, match="frame 4 of 4"):
        control.preview(scene.image, 4)
    with pytest.raises(LabError, match="uint8"):
        control.preview(scene.image[..., 0], 0)


def test_nothing_can_be_written_into_a_signal(scene: Scene):
    control = build_control(scene, 2, representation="gaussian")
    with pytest.raises(ValueError):
        control.heat[0, 0, 0] = 1


# Bad input

MASK = disc_mask((40, 60), 30, 20, 8) > 0
TRACK = [(30, 20), (34, 20)]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_frames": 0}, "num_frames is 0"),
        ({"num_frames": 2.5}, "whole number"),
        ({"num_frames": 3}, "2 points for 3 frames"),
        ({"size": (0, 60)}, "size"),
        ({"size": "big"}, "size"),
        ({"representation": "arrow"}, '"arrow" is unknown; use one of point'),
        ({"preset": "thesis"}, '"thesis" is unknown'),
        ({"masks": []}, "0 controlled entities"),
        ({"masks": [MASK] * 256}, "256 controlled entities"),
        ({"masks": [MASK] * 2}, "2 masks but 1 trajectories"),
        ({"masks": [~MASK & MASK]}, "entity 1: its mask is empty"),
        ({"masks": [MASK[..., None]]}, "mask has shape"),
        ({"trajectories": [[(1, 2, 3)] * 2]}, r"shape \(2, 3\)"),
        ({"trajectories": [[(1, 2), (np.nan, 3)]]}, "nan, 3.0\\) in frame 1"),
        ({"trajectories": [["a", "b"]]}, "not a list of"),
        ({"vectors": None}, r"needs `vectors` of shape \(1, C\)"),
        ({"vectors": np.ones((2, 4))}, r"shape \(2, 4\); pass \(1, C\)"),
        ({"vectors": np.ones(4)}, r"shape \(4,\); pass \(1, C\)"),
        ({"vectors": np.array([[1, np.inf]])}, "inf for entity 1, channel 1"),
        ({"channels": 3}, "4 channels, but the model takes 3; pass 3 or 6"),
    ],
)
def test_bad_input_is_named(changes: dict, message: str):
    good = {"masks": [MASK], "trajectories": [TRACK], "size": (40, 60), "vectors": np.ones((1, 4))}
    assert control_from_tracks(**good).num_frames == 2
    with pytest.raises(LabError, match=message):
        control_from_tracks(**{**good, **changes})


def test_ten_thousand_frames_are_refused_with_the_memory_named_or_work():
    scene = Scene(np.zeros((320, 576, 3), np.uint8))
    scene.add("boat", disc_mask((320, 576), 100, 100, 30) > 0, [(100, 100), (200, 100)])
    with pytest.raises(
        LabError, match=r"10,000 frames at 576x320 need 3.4 GiB, the limit is 1 GiB: at most 2908 frames"
    ):
        build_control(scene, 10_000, representation="gaussian")
    assert build_control(scene, 10_000, representation="gaussian", size=(4, 6)).heat.shape == (10_000, 4, 6)


def test_dense_maps_are_refused_when_too_large_and_say_how_many_fit():
    control = control_from_tracks(
        [MASK], [[(30, 20)] * 7000], size=(16, 24), vectors=np.ones((1, 400)), representation="entity"
    )
    assert control.entity_map(6990).shape == (10, 16, 24, 400)
    with pytest.raises(LabError, match="at most 6990 frames"):
        control.entity_map()


def test_nothing_controlled_is_named():
    scene = Scene(np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(LabError, match="none of the scene's 0 entities"):
        build_control(scene)
    scene.add("boat", np.ones((20, 20), bool))
    with pytest.raises(LabError, match="none of the scene's 1 entities is controlled"):
        build_control(scene)


def test_zeros_without_vectors_have_the_models_channels(scene: Scene):
    control = build_control(scene, 2, representation="gaussian")
    assert control.entity_map().shape == (2, 64, 96, 0)
    assert control.entity_map(0, 1, channels=7).shape == (1, 64, 96, 7)
    assert build_control(scene, 2, representation="gaussian", channels=7).entity_map().shape == (2, 64, 96, 7)
    with pytest.raises(LabError, match="have 3 channels, but 7 were requested"):
        build_control(scene, 2, vectors=np.ones((2, 3))).entity_map(channels=7)


@given(
    points=st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=4),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    representation=st.sampled_from(REPRESENTATIONS),
    preset=st.sampled_from(["paper", "release"]),
)
@settings(max_examples=40, deadline=None)
def test_any_finite_points_and_any_size_work_or_are_named(points, size, representation: str, preset: str):
    try:
        control = control_from_tracks(
            [MASK], [points], size=size, vectors=np.ones((1, 2)), representation=representation, preset=preset
        )
    except LabError as error:
        assert preset == "release" and "vanishes" in str(error)
        return
    assert control.heat.shape == (len(points), *size)
    assert np.isfinite(control.image()).all()
    assert control.preview(np.zeros((20, 30, 3), np.uint8), 0).shape == (20, 30, 3)


def test_no_torch_is_needed():
    code = "import sys, draganything_lab.control, draganything_lab.pipeline.preview; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_carry_is_drawn_as_whole_masks_and_striped_holes() -> None:
    mask = np.zeros((60, 90), bool)
    mask[20:40, 10:30] = True
    signal = control_from_tracks(
        [mask], [[(20, 30), (70, 30)]], size=(60, 90), representation="carry", vectors=np.ones((1, 4), np.float32)
    )
    image = np.full((120, 180, 3), 90, np.uint8)
    first, last = (signal.preview(image, frame).astype(int) for frame in (0, 1))
    ground = last[5, 175]
    assert not np.array_equal(first[75, 50], ground), "the mask's corner is filled, not a disc alone"
    assert not np.array_equal(last[75, 150], ground), "and goes along whole"
    hole = last[44:76, 24:56]
    pale = (hole.min(axis=2) > 150).mean()
    assert 0.2 < pale < 0.6 and (hole == ground).all(axis=2).any(), "stripes with the picture between them"
