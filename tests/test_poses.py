"""Turn, size and pace of a trajectory: reached with the key points, frame 0 as in the picture, and what is refused."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.errors import LabError
from draganything_lab.scene import (
    EASINGS,
    Entity,
    Scene,
    Trajectory,
    approach,
    bounce,
    hand_pace,
    recede,
    spin,
    straight,
    sway,
)
from draganything_lab.scene.poses import angles_and_sizes, motion_matrices

quick = settings(max_examples=80, deadline=None)
coordinate = st.floats(-2000, 2000, width=32)
BACKWARDS = [(0, 0), (0.5, 1), (1, 0.2)]


@st.composite
def posed(draw: st.DrawFn) -> Trajectory:
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=8))
    some = len(points)
    if draw(st.booleans()):  # key points that coincide: on the spot
        points[some // 2] = points[some // 2 - 1]
    frames = None
    if draw(st.booleans()):
        frames = [int(f) for f in np.cumsum(draw(st.lists(st.integers(1, 9), min_size=some, max_size=some)))]
    return Trajectory(
        points,
        frames,
        draw(st.sampled_from(sorted(EASINGS))),
        draw(st.sampled_from(["arc", "time"])),
        angles=draw(st.none() | st.lists(st.floats(-4000, 4000), min_size=some, max_size=some)),
        sizes=draw(st.none() | st.lists(st.floats(0.3, 3), min_size=some, max_size=some)),
        pace=draw(st.sampled_from([None, BACKWARDS, [(0, 0), (0.4, 0), (1, 1)]])) if frames is None else None,
    )


@quick
@given(posed(), st.integers(1, 50))
def test_frame_0_is_the_picture_and_no_pose_overshoots_its_key_points(path: Trajectory, count: int) -> None:
    angles, sizes = path.poses(count)
    assert angles.shape == sizes.shape == (count,) and angles[0] == 0 and sizes[0] == 1
    keys = path.angles or (0.0,)
    assert min(keys) - 1e-9 <= angles.min() and angles.max() <= max(keys) + 1e-9
    keys = path.sizes or (1.0,)
    assert min(keys) * (1 - 1e-9) <= sizes.min() and sizes.max() <= max(keys) * (1 + 1e-9)
    motion = path.motion(count)
    np.testing.assert_array_equal(motion[0], np.eye(2, 3))
    np.testing.assert_allclose(motion @ np.append(path.at(count)[0], 1), path.at(count), atol=2e-3)


@quick
@given(posed())
def test_poses_are_reached_with_their_key_points(path: Trajectory) -> None:
    if path.frames is None:
        path = replace(path, frames=range(0, 5 * len(path.points), 5), pace=None)
    angles, sizes = path.poses(path.frames[-1] + 3)
    for got, keys in ((angles, path.angles), (sizes, path.sizes)):
        if keys is not None:
            np.testing.assert_allclose(got[list(path.frames)], keys, rtol=1e-12)
            assert (got[path.frames[-1] :] == got[-1]).all()


@quick
@given(posed())
def test_all_of_it_is_kept_by_copies_and_changes(path: Trajectory) -> None:
    for twin in (copy.deepcopy(path), pickle.loads(pickle.dumps(path)), replace(path)):
        assert twin == path and hash(twin) == hash(path)
    fields = (path.angles, path.sizes, path.pace)
    for other in (path.clipped((100, 100)), path.scaled((10, 10), (20, 30))):
        assert (other.angles, other.sizes, other.pace) == fields
    assert path.turned(33) != path and path.grown(1.5) != path
    slow = Trajectory(path.points[:3], angles=[0, 90.5, -3][: len(path.points[:3])], pace=BACKWARDS)
    assert slow == Trajectory(slow.points, angles=slow.angles, pace=slow.pace) and "pace=[(0, 0), (0.5, 1)" in repr(
        slow
    )


def test_repr_can_be_read_back() -> None:
    path = Trajectory([(0, 1.5), (3, 4)], angles=[0, 90], sizes=[1, 0.5], pace=[(0, 0), (0.5, 0.25), (1, 1)])
    assert eval(repr(path)) == path


def test_what_counts_is_the_change_against_the_first_key_point() -> None:
    path = Trajectory([(0, 0), (9, 9)], angles=[90, 180], sizes=[4, 2])
    assert path.angles == (0, 90) and path.sizes == (1, 0.5)
    same = Trajectory([(0, 0), (9, 9)], angles=[45, 45], sizes=[3, 3])
    assert same == Trajectory([(0, 0), (9, 9)]) and not same.posed


def test_sizes_grow_by_the_same_percentage_in_every_frame_and_backwards_the_same() -> None:
    sizes = straight((0, 0), (90, 0)).grown(4).poses(9)[1]
    np.testing.assert_allclose(sizes[1:] / sizes[:-1], 2**0.25)
    back = straight((0, 0), (90, 0)).grown(0.25).poses(9)[1]
    np.testing.assert_allclose(back, sizes[::-1] / 4)


def test_a_single_point_turns_and_grows_on_the_spot() -> None:
    path = Trajectory([(5, 6)], angles=[0, 90, 0], sizes=[1, 2, 1])
    assert path.points.tolist() == [[5, 6]] * 3 and path.length == 0
    np.testing.assert_allclose(path.poses(5)[0][[0, 2, 4]], [0, 90, 0])
    turning = Trajectory([(5, 6)]).turned(720)
    np.testing.assert_allclose(turning.poses(5)[0], [0, 180, 360, 540, 720])
    np.testing.assert_allclose(turning.grown(4).poses(3)[1], [1, 2, 4])
    assert (turning.at(7) == [5, 6]).all() and turning == spin((5, 6), 2)
    timed = Trajectory([(5, 6)], frames=[2, 6], angles=[0, 40])
    np.testing.assert_allclose(timed.poses(9)[0], [0, 0, 0, 10, 20, 30, 40, 40, 40])


def test_turning_on_the_spot_takes_as_long_as_an_average_stretch() -> None:
    path = Trajectory([(0, 0), (10, 0), (10, 0), (20, 0)], angles=[0, 0, 360, 360])
    np.testing.assert_allclose(path.at(7)[:, 0], [0, 5, 10, 10, 10, 15, 20])
    np.testing.assert_allclose(path.poses(7)[0], [0, 0, 0, 180, 360, 360, 360])
    assert Trajectory([(0, 0), (10, 0), (10, 0), (20, 0)]).at(3)[1].tolist() == [10, 0]  # no turn, no wait


def test_turned_and_grown_go_on_from_what_there_is() -> None:
    path = Trajectory([(0, 0), (10, 0), (40, 0)], angles=[0, 20, 20]).turned(40).grown(2).grown(2)
    np.testing.assert_allclose(path.angles, [0, 30, 60])
    np.testing.assert_allclose(path.sizes, [1, 2**0.5, 4])
    keyed = Trajectory([(0, 0), (10, 0), (40, 0)], [2, 4, 10]).turned(80)
    assert keyed.angles == (0, 20, 80) and keyed.frames == (2, 4, 10)
    assert straight((0, 0), (9, 9)).turned(90).turned(-90) == straight((0, 0), (9, 9))


@pytest.mark.parametrize("spacing", ["arc", "time"])
def test_a_pace_replaces_the_easing_and_may_go_back(spacing: str) -> None:
    waits = Trajectory([(0, 0), (100, 0)], spacing=spacing, easing="ease-in", pace=[(0, 0), (0.5, 0), (1, 1)])
    at = waits.at(101)[:, 0]
    assert (at[:51] == 0).all() and at[-1] == 100 and (np.diff(at[50:]) > 0).all()
    np.testing.assert_allclose(waits.progress(101) * 100, at, atol=1e-4)
    there_and_back = Trajectory([(0, 0), (100, 0)], spacing=spacing, pace=BACKWARDS).turned(90)
    at, (angles, _) = there_and_back.at(101)[:, 0], there_and_back.poses(101)
    assert at[0] == 0 and at[50] == 100 and at[100] == pytest.approx(20) and (np.diff(at[50:]) < 0).all()
    np.testing.assert_allclose(angles, at * 0.9, atol=1e-4)


def test_progress_is_the_speed_curve_of_frames_and_spacing_too() -> None:
    timed = Trajectory([(0, 0), (10, 0), (40, 0)], [0, 5, 10])
    np.testing.assert_allclose(timed.progress(11), timed.at(11)[:, 0] / 40, atol=2e-3)
    even = Trajectory([(0, 0), (10, 0), (40, 0)])
    np.testing.assert_allclose(even.progress(11), np.linspace(0, 1, 11))
    assert (Trajectory([(3, 3)]).progress(4) == 0).all()
    np.testing.assert_allclose(spin((3, 3)).progress(5), np.linspace(0, 1, 5))


@quick
@given(posed(), st.integers(2, 40))
def test_a_timing_written_as_a_pace_reaches_the_key_points_at_the_same_time(path: Trajectory, count: int) -> None:
    paced = path.paced(count)
    assert paced.frames is None and paced.points is not None and paced.pace is not None
    if path.frames is None:
        if path.easing == "linear" or path.pace:
            np.testing.assert_allclose(paced.at(count), path.at(count), atol=1e-2)
        return
    reached = [frame for frame in path.frames if frame < count]
    np.testing.assert_allclose(paced.at(count)[reached], path.at(count)[reached], atol=1e-2)
    np.testing.assert_allclose(paced.poses(count)[0][reached], path.poses(count)[0][reached], atol=1e-4)


@quick
@given(posed(), st.data())
def test_a_key_point_put_in_and_taken_out_again_leaves_the_path(path: Trajectory, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(path.points)))
    frame = None
    if path.frames is not None:
        path = replace(path, frames=tuple(2 * frame for frame in path.frames))
        frame = path.frames[place - 1] + 1
    more = path.with_key(place, (3, 4), frame)
    assert len(more.points) == len(path.points) + 1 and more.points[place].tolist() == [3, 4]
    assert more.without_key(place) == path
    for values in (more.angles, more.sizes):
        if values is not None and place < len(path.points):
            low, high = sorted((values[place - 1], values[place + 1]))
            assert low - 1e-9 <= values[place] <= high + 1e-9
    for wrong in (
        lambda: path.with_key(99, (1, 1)),
        lambda: path.without_key(-1),
        lambda: path.with_key(0, (0, 0), -5),
    ):
        with pytest.raises(LabError):
            wrong()


def test_the_pace_of_a_hand_that_waits_then_runs() -> None:
    times = np.linspace(0, 3, 301)
    x = np.where(times < 1, 0, np.where(times < 2, 100 * (times - 1), 100 + 300 * (times - 2)))
    points = np.stack([x, 0 * x], axis=1)
    pace = hand_pace(points, times)
    at = Trajectory([(0, 0), (400, 0)], pace=pace).at(301)[:, 0]
    np.testing.assert_allclose(at, x, atol=0.012 * 400)
    assert len(pace) < 20
    assert hand_pace(points[:50], times[:50]) is None and hand_pace(points, 0 * times) is None
    with pytest.raises(LabError, match="one finite time per point"):
        hand_pace(points, times[:-1])


@quick
@given(st.lists(st.tuples(coordinate, coordinate, st.floats(0, 0.2)), min_size=1, max_size=60))
def test_any_hand_has_a_pace_or_none(samples: list[tuple[float, float, float]]) -> None:
    rows = np.array(samples)
    pace = hand_pace(rows[:, :2], np.cumsum(rows[:, 2]))
    assert pace is None or Trajectory([(0, 0), (1, 0)], pace=pace).at(9)[-1, 0] == pytest.approx(1)


@quick
@given(st.lists(st.tuples(coordinate, coordinate, st.floats(-170, 170), st.floats(0.1, 10)), min_size=2, max_size=9))
def test_matrices_say_the_pose_and_give_it_back(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows)
    table[0, 2:] = 0, 1
    motion = motion_matrices(table[:, :2], table[:, 2], table[:, 3])
    angles, sizes = angles_and_sizes(motion)
    np.testing.assert_allclose(np.cos(np.radians(angles - table[:, 2])), 1, atol=1e-9)
    np.testing.assert_allclose(sizes, table[:, 3])
    right = motion[:, :, 0]  # a step to the right turns clockwise: down, as y points down
    np.testing.assert_allclose(right[:, 1] > 0, np.sin(np.radians(table[:, 2])) > 0)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"angles": [0]}, "2 points but 1 angles"),
        ({"angles": [0, float("nan")]}, "angle 1 is nan"),
        ({"angles": [0, 1e6]}, "over the limit of 360,000"),
        ({"angles": "ab"}, "not a list of numbers"),
        ({"angles": [0, [1, 2]]}, "not a list of numbers|angles of shape"),
        ({"angles": 90}, "angles of shape"),
        ({"sizes": [1, 0]}, r"size 1 is 0; use factors from 0.05 to 20"),
        ({"sizes": [1, -2]}, "size 1 is -2"),
        ({"sizes": [1, 100]}, "size 1 is 100 times the first"),
        ({"sizes": [1, 0.001]}, "size 1 is 0.001 times"),
        ({"sizes": [1, float("inf")]}, "size 1 is inf"),
        ({"sizes": [1e-300, 1e300]}, "size 1"),
        ({"pace": [(0, 0), (0.5, 0.5)]}, "ends at time 0.5"),
        ({"pace": [(0, 0.2), (1, 1)]}, r"starts at \(0, 0.2\)"),
        ({"pace": [(0, 0), (0.6, 0.5), (0.4, 0.6), (1, 1)]}, "time 0.4 after time 0.6"),
        ({"pace": [(0, 0), (1, 1.5)]}, r"pair 1 of the pace is \(1, 1.5\)"),
        ({"pace": [(0, 0), (float("nan"), 1)]}, "pair 1"),
        ({"pace": [(0, 0)]}, "shape"),
        ({"pace": "fast"}, "not a list of pairs"),
        ({"pace": [(0, 0), (1, 1)], "frames": [0, 9]}, "both frames and a pace"),
    ],
)
def test_bad_poses_and_paces_are_refused_by_name(fields: dict[str, object], word: str) -> None:
    with pytest.raises(LabError, match=word):
        Trajectory([(0, 0), (9, 9)], **fields)  # type: ignore[arg-type]


def test_bad_calls_are_refused_by_name() -> None:
    path = straight((0, 0), (9, 9))
    for call, word in (
        (lambda: path.turned(float("nan")), "turn is nan"),
        (lambda: path.turned(1e6), "1,000 turns"),
        (lambda: path.grown(0), "size 1 is 0"),
        (lambda: path.grown(100), "100 times"),
        (lambda: path.grown("2"), "growth is '2'"),  # type: ignore[arg-type]
        (lambda: approach((0, 0), factor=1), "factor is 1"),
        (lambda: recede((0, 0), factor=0.5), "factor is 0.5"),
        (lambda: sway((0, 0), swings=0), "swings is 0"),
        (lambda: bounce((0, 0), (9, 0), bounces=99), "bounces is 99"),
        (lambda: spin((0, 0), turns=1001), "1,000 turns"),
    ):
        with pytest.raises(LabError, match=word):
            call()


def test_presets() -> None:
    np.testing.assert_allclose(sway((3, 4), 10, 1).poses(5)[0], [0, 10, 0, -10, 0], atol=1e-9)
    near = approach((0, 0), (90, 30), 3)
    np.testing.assert_allclose(near.poses(5)[1], 1 / np.linspace(1, 1 / 3, 5), rtol=1e-6)
    np.testing.assert_allclose(near.at(5)[:, 0], 90 * (near.poses(5)[1] - 1) / 2, atol=1e-3)  # as perspective has it
    far = recede((90, 30), (0, 0), 3)
    np.testing.assert_allclose(far.at(9), near.at(9)[::-1], atol=1e-3)
    np.testing.assert_allclose(far.poses(9)[1], near.poses(9)[1][::-1] / 3)
    ball = bounce((0, 100), (300, 100), 40, 3, turns=2)
    at = ball.at(301)
    np.testing.assert_allclose(at[:, 0], np.arange(301), atol=1.5)  # the shadow moves evenly
    assert at[:, 1].max() == 100 and at[:, 1].min() == pytest.approx(60, abs=0.1) and at[-1].tolist() == [300, 100]
    assert ball.poses(301)[0][150] == pytest.approx(360, abs=12) and ball.poses(9)[0][-1] == 720


def test_an_entity_says_how_it_turns_and_a_pinned_one_does_not() -> None:
    scene = Scene(np.zeros((9, 9, 3), np.uint8))
    mask = np.eye(9, dtype=bool)
    boat = scene.add("boat", mask, straight((0, 0), (3, 4)).turned(-90).grown(0.5))
    assert boat.summary == "moves 5 px, 2 points, turns -90°, shrinks to 0.5 of its size" and boat.posed
    assert scene.update("boat", trajectory=spin((3, 3))).summary == "turns 360°"
    assert scene.update("boat", trajectory=sway((3, 3), 10)).summary == "turns up to 10°"
    assert scene.pin("boat").poses(4)[0].tolist() == [0] * 4 and not scene["boat"].posed
    scene.undo()
    assert scene["boat"].poses(9)[0].max() == pytest.approx(10)
    with pytest.raises(LabError, match="a camera track turns or grows"):
        Entity("camera 1", mask, spin((3, 3)), "camera")
