"""Trajectories: key points hit, no overshoot, even speed, easing, edits, presets, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.errors import LabError
from draganything_lab.scene import EASINGS, Trajectory, anchor_grid, arc, circle, hold, pan, shake, straight, zoom
from draganything_lab.scene.curve import monotone_cubic

quick = settings(max_examples=60, deadline=None)
coordinate = st.floats(-2000, 2000, width=32)
point_lists = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=12)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    points = draw(point_lists)
    frames = None
    if draw(st.booleans()):
        steps = draw(st.lists(st.integers(1, 9), min_size=len(points), max_size=len(points)))
        frames = [int(f) for f in np.cumsum(steps) - draw(st.integers(0, 1))]
    return Trajectory(points, frames, draw(st.sampled_from(sorted(EASINGS))), draw(st.sampled_from(["arc", "time"])))


@quick
@given(trajectories(), st.integers(1, 60))
def test_one_finite_point_a_frame_that_never_leaves_the_box_of_its_key_points(path: Trajectory, count: int) -> None:
    at = path.at(count)
    assert at.shape == (count, 2) and at.dtype == np.float32
    assert (at >= path.points.min(axis=0)).all() and (at <= path.points.max(axis=0)).all()


@quick
@given(trajectories())
def test_key_points_are_hit_exactly_in_their_frames_and_held_before_and_after(path: Trajectory) -> None:
    if path.frames is None:
        at = path.at(17)
        np.testing.assert_array_equal(at[0], path.points[0])
        np.testing.assert_array_equal(at[-1], path.points[-1])
        return
    at = path.at(path.frames[-1] + 4)
    np.testing.assert_array_equal(at[list(path.frames)], path.points)
    np.testing.assert_array_equal(at[: path.frames[0]], np.repeat(path.points[:1], path.frames[0], axis=0))
    np.testing.assert_array_equal(at[path.frames[-1] :], np.repeat(path.points[-1:], 4, axis=0))


@quick
@given(trajectories())
def test_between_two_key_frames_each_coordinate_only_goes_one_way(path: Trajectory) -> None:
    if path.frames is None:
        path = Trajectory(path.points, range(0, 7 * len(path.points), 7), path.easing)
    at = path.at(path.frames[-1] + 1).astype(np.float64)
    for k in range(len(path.frames) - 1):
        steps = np.diff(at[path.frames[k] : path.frames[k + 1] + 1], axis=0)
        whole = path.points[k + 1].astype(np.float64) - path.points[k]
        assert (steps * np.sign(whole) >= 0).all()


def test_the_cubic_equals_scipys() -> None:
    interpolate = pytest.importorskip("scipy.interpolate")
    rng = np.random.default_rng(0)
    for count in (2, 3, 4, 9, 40):
        knots = np.cumsum(rng.random(count) + 0.05)
        values = rng.normal(size=(count, 2)) * 100
        values[count // 2] = values[count // 2 - 1]  # a plateau
        at = np.linspace(knots[0], knots[-1], 201)
        expected = interpolate.PchipInterpolator(knots, values)(at)
        np.testing.assert_allclose(monotone_cubic(knots, values, at), expected, atol=1e-10)


def test_arc_spacing_moves_at_even_speed_and_time_spacing_does_not() -> None:
    points = [(0, 0), (5, 0), (10, 20), (200, 100), (210, 300)]
    speed = np.linalg.norm(np.diff(Trajectory(points).at(400), axis=0), axis=1)
    assert speed.max() / speed.min() < 1.05
    speed = np.linalg.norm(np.diff(Trajectory(points, spacing="time").at(401), axis=0), axis=1)
    assert speed.max() / speed.min() > 5
    np.testing.assert_array_equal(Trajectory(points, spacing="time").at(401)[::100], np.float32(points))


@pytest.mark.parametrize(
    ("easing", "quarter"), [("linear", 25), ("ease-in", 6.25), ("ease-out", 43.75), ("ease-in-out", 15.625)]
)
def test_easings_at_a_quarter_of_the_way(easing: str, quarter: float) -> None:
    at = Trajectory([(0, 0), (100, 0)], easing=easing).at(5)[:, 0]
    np.testing.assert_allclose(at[[0, 1, 4]], [0, quarter, 100], atol=1e-4)
    keyed = Trajectory([(0, 0), (100, 0), (100, 50)], [0, 4, 8], easing).at(9)
    assert keyed[4].tolist() == [100, 0]
    if easing == "ease-in-out":  # eased between each two key points
        slow = Trajectory(keyed[[0, 4, 8]], [0, 64, 128]).at(129)
        np.testing.assert_allclose(keyed[[1, 5]], slow[[10, 74]], atol=1e-4)


def test_one_point_holds_still_and_one_frame_is_the_start() -> None:
    assert (Trajectory([(3, 4)]).at(5) == [3, 4]).all()
    assert hold((3, 4)) == Trajectory([(3, 4)])
    assert Trajectory([(1, 2), (9, 9)]).at(1).tolist() == [[1, 2]]
    assert (Trajectory([(1, 2)] * 4).at(3) == [1, 2]).all()


def test_repeated_points_do_not_divide_by_zero() -> None:
    for spacing in ("arc", "time"):
        at = Trajectory([(0, 0), (0, 0), (10, 0), (10, 0), (10, 0)], spacing=spacing).at(11)
        assert np.isfinite(at).all() and at[0].tolist() == [0, 0] and at[-1].tolist() == [10, 0]
    at = Trajectory([(0, 0), (1e-38, 0), (1e6, 0), (1e6, 1e-30)]).at(50)
    assert np.isfinite(at).all()


def test_ten_thousand_frames_and_ten_thousand_points() -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(10_000, 2)), axis=0)
    assert np.isfinite(Trajectory(walk).at(10_000)).all()
    assert Trajectory([(0, 0), (99, 0)]).at(10_000).shape == (10_000, 2)


@pytest.mark.parametrize("count", [0, -1, 100_001, 2.0, "8", True, None])
def test_a_number_of_frames_that_makes_no_sense_is_refused(count: object) -> None:
    with pytest.raises(LabError, match="num_frames"):
        Trajectory([(0, 0)]).at(count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("points", "word"),
    [
        ([], "no points"),
        ([(1, 2), (float("nan"), 3)], r"point 1 is \(nan, 3.0\)"),
        ([(float("inf"), 3)], "point 0"),
        ([(1, 2, 3)], r"shape \(1, 3\)"),
        ([1, 2], "shape"),
        ([(1, 2), (3,)], "not a list"),
        ([("1", "2")], "not a list"),
        ([(None, 2)], "not a list"),
        ([(True, False)], "not a list"),
        ([(10**400, 0)], "not a list"),
        ([(2e6, 0)], "over the limit of 1,000,000"),
        ("hello", "not a list"),
        (None, "not a list"),
        (np.zeros((100_001, 2)), "over the limit of 100,000"),
    ],
)
def test_bad_points_are_refused_by_name(points: object, word: str) -> None:
    with pytest.raises(LabError, match=word):
        Trajectory(points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frames",
    [
        [0],
        [0, 0],
        [3, 1],
        [-1, 4],
        [0, 1.5],
        [0, None],
        [False, True],
        [0, 10**9],
        [0, [1, 2]],
        np.zeros((2, 1), int),
        7,
        "01",
    ],
)
def test_bad_frames_are_refused(frames: object) -> None:
    with pytest.raises(LabError, match="frame"):
        Trajectory([(0, 0), (1, 1)], frames)  # type: ignore[arg-type]


def test_unknown_easing_and_spacing_are_refused_with_what_there_is() -> None:
    with pytest.raises(LabError, match="ease-in-out"):
        Trajectory([(0, 0)], easing="bounce")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="arc, time"):
        Trajectory([(0, 0)], spacing="even")  # type: ignore[arg-type]
    with pytest.raises(LabError):
        Trajectory([(0, 0)], easing=["linear"])  # type: ignore[arg-type]


@quick
@given(trajectories())
def test_equal_by_value_hashable_frozen_and_copied_exactly(path: Trajectory) -> None:
    twin = Trajectory(path.points.tolist(), path.frames, path.easing, path.spacing)
    assert twin == path and hash(twin) == hash(path) and len({twin, path}) == 1
    for other in (copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
        assert other == path and not other.points.flags.writeable
    assert Trajectory(path.points + 1, path.frames, path.easing, path.spacing) != path and path != "path"
    with pytest.raises(ValueError):
        path.points[0] = 0


def test_the_list_that_was_given_is_not_held() -> None:
    points = np.zeros((2, 2), np.float32)
    path = Trajectory(points)
    points[:] = 9
    assert path.points.max() == 0


@quick
@given(trajectories(), st.integers(1, 400), st.integers(1, 400))
def test_clipped_stays_inside(path: Trajectory, height: int, width: int) -> None:
    at = path.clipped((height, width)).at(23)
    assert (at >= 0).all() and (at[:, 0] <= width - 1).all() and (at[:, 1] <= height - 1).all()


def test_scaled_follows_pixel_centres() -> None:
    path = Trajectory([(0, 0), (575, 319)]).scaled((320, 576), (640, 1152))
    np.testing.assert_allclose(path.points, [(0.5, 0.5), (1150.5, 638.5)])  # the middle of 2x2 pixels
    back = path.scaled((640, 1152), (320, 576))
    np.testing.assert_allclose(back.points, [(0, 0), (575, 319)], atol=1e-4)


def test_length_and_repr() -> None:
    assert Trajectory([(0, 0), (3, 4), (3, 10)]).length == 11
    assert hold((5, 5)).length == 0
    text = repr(Trajectory([(0, 1.5), (3, 4)], [0, 9], "ease-in"))
    assert eval(text) == Trajectory([(0, 1.5), (3, 4)], [0, 9], "ease-in")
    assert "20 points" in repr(Trajectory(np.zeros((20, 2))))


def test_straight_and_arc() -> None:
    np.testing.assert_allclose(straight((0, 0), (10, 20)).at(3), [(0, 0), (5, 10), (10, 20)])
    up = arc((0, 100), (100, 100), 30).at(31)  # to the right, thrown up
    np.testing.assert_allclose(up[15], (50, 70), atol=1e-3)
    down = arc((0, 100), (100, 100), -30).at(31)
    np.testing.assert_allclose(down[15], (50, 130), atol=1e-3)
    centre, radius = np.array([50, 70 + (50**2 + 30**2) / 60]), (50**2 + 30**2) / 60
    np.testing.assert_allclose(np.linalg.norm(up - centre, axis=1), radius, atol=0.1)
    deep = arc((0, 0), (10, 0), 40).at(101)  # more than a half circle
    np.testing.assert_allclose(deep[50], (5, -40), atol=1e-2)
    assert arc((0, 0), (9, 0), 0) == straight((0, 0), (9, 0))
    with pytest.raises(LabError, match="circle"):
        arc((5, 5), (5, 5), 10)


def test_circle_turns_clockwise_on_the_screen() -> None:
    at = circle((50, 40), 20).at(101)
    np.testing.assert_allclose(at[[0, 25, 50, 75, 100]], [(70, 40), (50, 60), (30, 40), (50, 20), (70, 40)], atol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(at - (50, 40), axis=1), 20, atol=0.05)
    np.testing.assert_allclose(circle((50, 40), 20, -0.25).at(3)[-1], (50, 20), atol=1e-3)
    for turns in (0, float("nan"), 1e9):
        with pytest.raises(LabError, match="turns"):
            circle((0, 0), 5, turns)


def test_shake_swings_to_both_sides_and_comes_back() -> None:
    at = shake((50, 50), 8, 3).at(121)
    assert at[0].tolist() == at[-1].tolist() == [50, 50]
    assert at[:, 0].max() == 58 and at[:, 0].min() == 42 and np.ptp(at[:, 1]) == 0
    assert (np.diff(np.sign(at[:, 0] - 50)) != 0).sum() >= 5
    with pytest.raises(LabError, match="shakes"):
        shake((0, 0), shakes=0)


@quick
@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 64))
def test_anchors_are_as_many_as_asked_and_inside(height: int, width: int, count: int) -> None:
    points = anchor_grid((height, width), count)
    assert points.shape == (count, 2)
    assert (points >= -0.5).all() and (points[:, 0] <= width).all() and (points[:, 1] <= height).all()


def test_camera_presets() -> None:
    assert [tuple(t.points[0]) for t in pan((320, 576), 10, 0)] == [
        (143.5, 79.5),
        (431.5, 79.5),
        (143.5, 239.5),
        (431.5, 239.5),
    ]
    for track in pan((320, 576), 10, -4, anchors=6):
        np.testing.assert_allclose(track.at(9)[-1] - track.at(9)[0], (10, -4), atol=1e-4)
    for track in zoom((320, 576), 2, anchors=5):
        start, end = track.points
        np.testing.assert_allclose(end - (287.5, 159.5), 2 * (start - np.array((287.5, 159.5))), atol=1e-3)
    with pytest.raises(LabError, match="zoom"):
        zoom((320, 576), 0)
    with pytest.raises(LabError, match="anchors"):
        pan((320, 576), 1, 1, anchors=65)
