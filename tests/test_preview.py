"""The preview: every pixel obeys, holes are filled, order and camera are kept, and every frame says what it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.errors import LabError
from draganything_lab.media.filling import fill_holes
from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene, fit_similarity

SKY, RED, BLUE = (120, 160, 200), (220, 40, 30), (20, 40, 220)


def picture(size: tuple[int, int], *boxes: tuple[int, int, int, tuple[int, int, int]]) -> np.ndarray:
    """A plain sky with squares (left, top, side, colour)."""
    image = np.full((*size, 3), SKY, np.uint8)
    for left, top, side, colour in boxes:
        image[top : top + side, left : left + side] = colour
    return image


def box_mask(size: tuple[int, int], left: int, top: int, side: int) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def add_box(scene: Scene, name: str, left: int, top: int, side: int, points=None, **more) -> None:
    scene.add(name, box_mask(scene.size, left, top, side), points, **more)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for a few grey levels, by which a filled hole may be off."""
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=4)


def test_the_thing_is_where_its_path_says_and_the_hole_is_filled():
    size = (40, 64)
    scene = Scene(picture(size, (6, 10, 9, RED)))
    add_box(scene, "box", 6, 10, 9, [(10, 14), (40, 20)])
    video = preview(scene, 4, label=False)
    assert video.shape == (4, 40, 64, 3) and video.dtype == np.uint8
    for frame in range(4):
        assert_same(video[frame], picture(size, (6 + 10 * frame, 10 + 2 * frame, 9, RED)))


def test_only_the_step_counts_not_where_the_thing_is_held():
    scene = Scene(picture((40, 64), (6, 10, 9, RED)))
    add_box(scene, "box", 6, 10, 9, [(6, 18), (26, 18)])
    assert_same(preview(scene, 3, label=False)[2], picture((40, 64), (26, 10, 9, RED)))


def test_frame_0_is_the_picture_itself():
    image = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    scene = Scene(image)
    add_box(scene, "box", 20, 10, 15, [(25, 15), (60, 40)])
    scene.drag_camera(pan=(10, 5), zoom=1.3)
    video = preview(scene, 3, label=False)
    np.testing.assert_array_equal(video[0], image)
    assert (video[1] != image).any()


@pytest.mark.parametrize("front, colour", [("red", RED), ("blue", BLUE)])
def test_later_entities_are_nearer(front: str, colour):
    size = (40, 64)
    scene = Scene(picture(size, (4, 10, 10, RED), (44, 10, 10, BLUE)))
    add_box(scene, "red", 4, 10, 10, [(9, 15), (29, 15)])
    add_box(scene, "blue", 44, 10, 10, [(49, 15), (29, 15)])
    scene.reorder(front, 1)
    last = preview(scene, 3, label=False)[-1]
    assert last[15, 29].tolist() == list(colour)


def test_something_uncontrolled_in_front_stays_in_front():
    size = (40, 64)
    scene = Scene(picture(size, (4, 10, 10, RED), (30, 5, 20, BLUE)))
    add_box(scene, "red", 4, 10, 10, [(9, 15), (39, 15)])
    add_box(scene, "blue", 30, 5, 20)
    last = preview(scene, 3, label=False)[-1]
    assert_same(last, picture(size, (30, 5, 20, BLUE)))


def test_uncontrolled_behind_is_passed_in_front_of():
    size = (40, 64)
    scene = Scene(picture(size, (4, 10, 10, RED), (30, 5, 20, BLUE)))
    add_box(scene, "blue", 30, 5, 20)
    add_box(scene, "red", 4, 10, 10, [(9, 15), (39, 15)])
    last = preview(scene, 3, label=False)[-1]
    assert_same(last, picture(size, (30, 5, 20, BLUE), (34, 10, 10, RED)))


def test_the_background_moves_and_what_is_pinned_stays():
    size = (40, 64)
    image = picture(size, (24, 12, 12, RED))
    image[:, 50:53] = BLUE  # a pole in the background
    scene = Scene(image)
    add_box(scene, "box", 24, 12, 12)
    scene.drag_background([(10, 10), (2, 10)])
    last = preview(scene, 3, label=False)[-1]
    assert scene["box"].pinned
    np.testing.assert_array_equal(last[12:24, 24:36], np.full((12, 12, 3), RED))
    np.testing.assert_array_equal(last[:, 42:45], np.full((40, 3, 3), BLUE))
    assert (last[5, 10] == SKY).all() and (last[30:, 20:40] == SKY).all()


def test_a_camera_pan_carries_what_is_uncontrolled_and_leaves_what_is_not():
    size = (48, 80)
    scene = Scene(picture(size, (10, 10, 10, RED), (40, 20, 10, BLUE)))
    add_box(scene, "rides", 10, 10, 10)
    add_box(scene, "own way", 40, 20, 10, [(45, 25), (45, 31)])
    scene.drag_camera(pan=(12, 0))
    last = preview(scene, 4, label=False)[-1]
    expected = picture(size, (22, 10, 10, RED), (40, 26, 10, BLUE))
    assert_same(last[:, 12:], expected[:, 12:])  # beyond, the picture is mirrored


def test_a_camera_zoom_enlarges_the_picture_and_what_goes_its_own_way():
    size = (60, 60)
    scene = Scene(picture(size, (10, 10, 10, RED), (36, 36, 10, BLUE)))
    add_box(scene, "own way", 36, 36, 10, [(40.5, 40.5), (40.5, 30.5)])
    scene.drag_camera(zoom=2)
    last = preview(scene, 5, label=False)[-1].astype(int)
    red, blue = (last - RED).__abs__().sum(-1) < 60, (last - BLUE).__abs__().sum(-1) < 60
    assert 320 <= blue.sum() <= 400, "ten by ten, twice as large each way, with soft edges"
    y, x = np.argwhere(blue).mean(axis=0)
    assert abs(x - 40.5) < 1 and abs(y - 30.5) < 1, "and where its own path ends"
    assert red[:8, :8].any() and not red[25:, 25:].any()


@pytest.mark.parametrize("zoom, roll, shift", [(1, 0, (5, -3)), (1.5, 0, (0, 0)), (0.7, 25, (10, 4)), (1, -90, (0, 0))])
def test_fit_finds_shift_zoom_and_roll(zoom: float, roll: float, shift):
    start = np.random.default_rng(2).uniform(0, 100, (6, 2))
    angle = np.deg2rad(roll)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = fit_similarity(start, start @ turn.T + shift)
    np.testing.assert_allclose(found, np.column_stack([turn, shift]), atol=1e-9)


def test_fit_of_one_point_is_a_shift_and_of_noise_the_least_squares_one():
    assert fit_similarity(np.array([[3.0, 4]]), np.array([[8.0, 2]])).tolist() == [[1, 0, 5], [0, 1, -2]]
    random = np.random.default_rng(4)
    start, end = random.uniform(0, 50, (8, 2)), random.uniform(0, 50, (8, 2))
    matrix = fit_similarity(start, end)

    def error(values: np.ndarray) -> float:
        a, b, x, y = values
        return float((((start @ np.array([[a, b], [-b, a]])) + (x, y) - end) ** 2).sum())

    best = np.array([matrix[0, 0], matrix[1, 0], matrix[0, 2], matrix[1, 2]])
    for nudge in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert error(best) <= error(best + nudge)


def test_holes_are_filled_from_their_surroundings_and_nothing_else_changes():
    shade = np.repeat(np.linspace(40, 200, 60).astype(np.uint8)[:, None, None], 90, axis=1).repeat(3, axis=2)
    damaged = shade.copy()
    hole = box_mask((60, 90), 30, 20, 20)
    damaged[hole] = RED
    filled = fill_holes(damaged, hole)
    assert np.abs(filled.astype(int) - shade).max() < 14, "the gradient goes on through the hole"
    far = cv2.dilate(hole.astype(np.uint8), np.ones((9, 9))) == 0
    np.testing.assert_array_equal(filled[far], damaged[far])
    np.testing.assert_array_equal(fill_holes(damaged, np.zeros((60, 90), bool)), damaged)


@pytest.mark.parametrize("left, top", [(0, 0), (1, 8), (6, 10), (54, 30), (30, 0), (54, 0)])
def test_a_hole_at_the_border_does_not_leak(left: int, top: int):
    image = picture((40, 64), (left, top, 10, RED))
    assert_same(fill_holes(image, box_mask((40, 64), left, top, 10)), picture((40, 64)))


@pytest.mark.parametrize("size", [(64, 64), (320, 576), (96, 40)])
def test_every_frame_carries_the_word(size):
    rows = np.linspace(0, 255, size[0]).astype(np.uint8)
    scene = Scene(np.broadcast_to(rows[:, None, None], (*size, 3)).copy())
    plain, labelled = preview(scene, 3, label=False), preview(scene, 3)
    changed = (plain != labelled).any(axis=(0, 3))
    assert changed[size[0] // 2 :, :].any() and not changed[: size[0] // 2].any(), "at the bottom"
    assert changed.mean() < 0.08, "small"
    where = np.argwhere(changed)
    (top, left), (bottom, right) = where.min(axis=0), where.max(axis=0) + 1
    assert right >= size[1] - 6
    for frame in labelled:
        part = frame[top:bottom, left:right].min(axis=-1)
        light, dark = (part > 215).mean(), (part < 150).mean()
        assert light > 0.08 and dark > 0.4, "light letters on a dark plate"


def test_the_word_reads_as_drawn_in_small_pictures():
    scene = Scene(np.full((64, 64, 3), 128, np.uint8))
    frame = preview(scene, 1)[0]
    rows, columns = np.nonzero((frame == 255).all(axis=-1))
    word = (frame[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == 255).all(axis=-1)
    drawn = ["".join("#" if dot else "." for dot in row) for row in word]
    assert drawn == [
        "...............#..........",
        "##..##..#..#.#....#..#...#",
        "#.#.#..###.#.#.#.###.#.#.#",
        "#.#.#..#...#.#.#.#...#.#.#",
        "##..#...##..#..#..##..#.#.",
        "#.........................",
    ]


@pytest.mark.parametrize(
    "frames, message", [(0, "num_frames is 0"), (10_000, "10,000 frames at 576x320 needs? 5.1 GiB")]
)
def test_bad_frame_counts_are_named(frames: int, message: str):
    with pytest.raises(LabError, match=message):
        preview(Scene(picture((320, 576))), frames)


def test_a_scene_without_entities_stands_still():
    scene = Scene(picture((30, 40), (5, 5, 5, RED)))
    np.testing.assert_array_equal(preview(scene, 3, label=False), np.stack([scene.image] * 3))


def test_a_thing_that_covers_everything_and_leaves():
    scene = Scene(np.full((20, 30, 3), RED, np.uint8))
    scene.add("all", np.ones((20, 30), bool), [(0, 0), (30, 0)])
    assert preview(scene, 3, label=False).shape == (3, 20, 30, 3)


@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    points=st.lists(st.tuples(st.floats(-0.9, 1.9), st.floats(-0.9, 1.9)), min_size=1, max_size=4),
    zoom=st.floats(0.01, 100),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_any_size_any_path_any_zoom(size, points, zoom: float, seed: int):
    random = np.random.default_rng(seed)
    scene = Scene(random.integers(0, 256, (*size, 3), np.uint8))
    mask = random.random(size) < 0.3
    mask[0, 0] = True
    path = [(x * size[1], y * size[0]) for x, y in points]
    scene.add("thing", mask, path)
    if not mask.all():
        scene.drag_camera(pan=(3, -2), zoom=zoom)
    first, again = preview(scene, 3), preview(scene, 3)
    assert first.shape == (3, *size, 3)
    np.testing.assert_array_equal(first, again)
