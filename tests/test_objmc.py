"""ObjMC by two protocols, on tracks that are known exactly, and the released trajectory files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from draganything_lab.errors import LabError
from draganything_lab.evaluate.metrics import (
    objmc,
    pooled,
    read_trajectories,
    released_objmc_of_folders,
    with_baselines,
    write_trajectories,
)
from draganything_lab.evaluate.metrics.objmc import trimmed_mean
from draganything_lab.evaluate.metrics.released import released_errors, released_grid, released_points
from draganything_lab.scene import Scene
from draganything_lab.toyland import ToyClip, sample_clip
from draganything_lab.tracking import Tracks

SIZE, FRAMES = (48, 64), 5


class Known:
    """A tracker that knows: it gives each point the motion of a function of its place, and may lose it."""

    def __init__(self, step: Callable[[np.ndarray, int], np.ndarray], lost: Callable[[int], bool] = lambda t: False):
        self.step, self.lost = step, lost

    def track(self, video: np.ndarray, queries: np.ndarray) -> Tracks:
        points = np.stack([queries + self.step(queries, t) for t in range(len(video))]).astype(np.float32)
        seen = np.array([[not self.lost(t)] * len(queries) for t in range(len(video))])
        return Tracks(points, seen)


class Truth:
    """A tracker that reads Toyland's own motion."""

    def __init__(self, clip: ToyClip):
        self.tracks, self.seen = clip.motion()

    def track(self, video: np.ndarray, queries: np.ndarray) -> Tracks:
        x, y = np.rint(queries).astype(int).T
        points = self.tracks[:, y, x] + (queries - np.stack([x, y], 1))
        return Tracks(points.astype(np.float32), self.seen[:, y, x])


def square(points: list[tuple[float, float]], *, at: tuple[int, int] = (10, 20), side: int = 9) -> Scene:
    """A scene of one square, whose circle's centre is `at` plus half its side."""
    scene = Scene(np.full((*SIZE, 3), 90, np.uint8))
    mask = np.zeros(SIZE, bool)
    mask[at[1] : at[1] + side, at[0] : at[0] + side] = True
    scene.add("square", mask, points)
    return scene


def video(frames: int = FRAMES, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.zeros((frames, *size, 3), np.uint8)


def still(points: np.ndarray, frame: int) -> np.ndarray:
    return np.zeros_like(points)


def to_the_right(points: np.ndarray, frame: int) -> np.ndarray:
    return np.tile([4.0 * frame, 0.0], (len(points), 1))


def test_a_video_that_stands_still_by_hand() -> None:
    scene = square([(14, 24), (30, 24)])  # 4 px a frame to the right
    one = objmc(video(), scene, tracker=Known(still))
    diagonal = math.hypot(48, 64)
    assert np.allclose(one.percent[1:, 0], np.array([4, 8, 12, 16]) / diagonal * 100)
    assert math.isnan(one.percent[0, 0])  # frame 0 is where it is
    assert one.mean == pytest.approx(10 / diagonal * 100) and one.median == pytest.approx(10 / diagonal * 100)
    assert one.obeyed == pytest.approx(0) and one.asked == pytest.approx(one.mean) and one.seen == 1
    assert one.released == pytest.approx((0 + 4 + 8 + 12 + 16) / 5)  # frame 0 counts


def test_a_video_that_obeys_is_perfect_wherever_the_path_was_clicked() -> None:
    for start in ((14, 24), (11, 27)):
        end = (start[0] + 16, start[1])
        one = objmc(video(), square([start, end]), tracker=Known(to_the_right))
        assert one.mean == pytest.approx(0, abs=1e-5) and one.obeyed == pytest.approx(1) and one.released == 0


def test_lost_tracks_do_not_count_and_are_not_perfect() -> None:
    scene = square([(14, 24), (30, 24)])
    never = objmc(video(), scene, tracker=Known(to_the_right, lambda t: True))
    assert math.isnan(never.mean) and math.isnan(never.median) and math.isnan(never.trimmed) and never.seen == 0
    assert math.isnan(never.obeyed) and np.isfinite(never.released)
    half = objmc(video(), scene, tracker=Known(still, lambda t: t > 2))
    assert half.seen == 0.5 and half.mean == pytest.approx(6 / math.hypot(*SIZE) * 100)
    assert half.released == pytest.approx(8)  # no visibility filter there


def test_frames_in_which_it_is_to_be_outside_do_not_count() -> None:
    one = objmc(video(), square([(14, 24), (94, 24)]), tracker=Known(still))
    assert one.counted[:, 0].tolist() == [False, True, True, False, False]


def test_a_part_that_slips_off_is_outvoted() -> None:
    def slipping(points: np.ndarray, frame: int) -> np.ndarray:
        steps = to_the_right(points, frame)
        steps[points[:, 1] > 25] += (0, 3 * frame)
        return steps

    assert objmc(video(), square([(14, 24), (30, 24)]), tracker=Known(slipping)).mean == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("seed", [0, 3, 9])
def test_toylands_truth_obeys_and_freezing_does_not(seed: int) -> None:
    clip = sample_clip(seed, SIZE, FRAMES)
    scene = clip.scene()
    one = objmc(clip.video, scene, tracker=Truth(clip))
    frozen = objmc(np.broadcast_to(clip.video[0], clip.video.shape), scene, tracker=Known(still))
    assert one.mean < 0.6 and one.obeyed > 0.9 and frozen.mean > 2 and frozen.obeyed == pytest.approx(0)
    assert one.asked == pytest.approx(np.linalg.norm(one.wanted - one.wanted[0], axis=2)[one.counted].mean() / 0.8)


def test_the_baselines_stand_beside_it(harbour: ToyClip) -> None:
    beside = with_baselines(harbour.video, harbour.scene())
    assert beside.frozen.obeyed == pytest.approx(0, abs=0.02) and beside.preview.obeyed > 0.9
    assert beside.frozen.mean > 10 * beside.preview.mean
    text = str(beside)
    assert "frozen" in text and "preview" in text and "% of the diagonal" in text and "px" in text


def test_the_scene_is_scaled_to_the_video() -> None:
    scene = square([(14, 24), (30, 24)])
    large = objmc(video(size=(96, 128)), scene, tracker=Known(still))
    small = objmc(video(), scene, tracker=Known(still))
    assert large.size == (96, 128) and large.mean == pytest.approx(small.mean, rel=1e-3)
    assert large.released == pytest.approx(2 * small.released, rel=0.05)  # raw pixels grow with the picture


def test_released_grid_and_errors_by_hand() -> None:
    grid = released_grid((320, 576))
    assert grid.shape == (10_000, 2)
    assert grid[0].tolist() == pytest.approx([8 * 575 / 511, 8 * 319 / 383]) and grid[99, 0] > 560
    scene = square([(14, 24), (30, 24)])
    (chosen,) = released_points(scene)
    assert np.abs(released_grid(SIZE)[chosen] - (14, 24)).max() < 0.5
    measured = np.array([[[10.9, 5.0]], [[13.2, 9.0]]])  # cut to (10, 5) and (13, 9)
    wanted = np.array([[[0.0, 0.0]], [[0.9, 0.0]]])  # moved to (10.9, 5) and (11.8, 5), cut to (10, 5) and (11, 5)
    assert released_errors(measured, wanted).tolist() == [[0.0], [pytest.approx(math.hypot(2, 4))]]
    exact = released_errors(measured, wanted, whole_pixels=False)
    assert exact[1, 0] == pytest.approx(math.hypot(1.4, 4.0))


def test_a_tracker_that_leans_on_the_grid_gets_all_of_it() -> None:
    asked = []

    class Counting(Known):
        def track(self, video: np.ndarray, queries: np.ndarray) -> Tracks:
            asked.append(len(queries))
            return super().track(video, queries)

    objmc(video(), square([(14, 24), (30, 24)]), tracker=Counting(still))
    assert asked == [9 + 10_000]


def test_trimmed_mean_is_scipys() -> None:
    values = np.random.default_rng(0).lognormal(size=57)
    assert trimmed_mean(values) == pytest.approx(stats.trim_mean(values, 0.1))
    assert math.isnan(trimmed_mean(np.array([])))


def test_pooling_weighs_every_frame_the_same_and_draws_scenes() -> None:
    scene = square([(14, 24), (30, 24)])
    good, bad = (objmc(video(), scene, tracker=Known(step)) for step in (to_the_right, still))
    both = pooled([good, bad, bad], groups=["a", "b", "b"], data="two scenes")
    assert both["mean"].value == pytest.approx(bad.mean * 2 / 3, abs=1e-4) and both["mean"].count == 2
    assert both["mean"].low <= both["mean"].value <= both["mean"].high
    assert any("too few: 2 scenes" in note for note in both["mean"].notes)
    assert "two scenes" in str(both["mean"]) and both["released"].unit == "px" and both["seen"].value == 100
    never = objmc(video(), scene, tracker=Known(still, lambda t: True))
    lost = pooled([never])["mean"]
    assert math.isnan(lost.value) and "nothing could be measured" in str(lost)


def test_protocols_are_kept_apart() -> None:
    scene = square([(14, 24), (30, 24)])
    with pytest.raises(LabError, match=r"another protocol.*frames: 5 against 4"):
        pooled([objmc(video(count), scene, tracker=Known(still)) for count in (5, 4)])


def test_what_cannot_be_measured_is_refused() -> None:
    scene = square([(14, 24), (30, 24)])
    with pytest.raises(LabError, match="1 frame"):
        objmc(video(1), scene)
    with pytest.raises(LabError, match="is controlled"):
        objmc(video(), Scene(np.zeros((*SIZE, 3), np.uint8)))
    with pytest.raises(LabError, match="no frames"):
        objmc(video(0), scene)


@pytest.mark.parametrize("colour", [0, 128])
def test_black_and_constant_videos_do_not_crash_and_do_not_obey(colour: int) -> None:
    one = objmc(np.full((FRAMES, *SIZE, 3), colour, np.uint8), square([(14, 24), (30, 24)]))
    assert not one.obeyed > 0.5 and np.isfinite(one.released)


# The released files


def test_trajectory_files_come_back_and_read_as_the_released_script_reads_them(tmp_path: Path) -> None:
    paths = {0: np.array([[1.9, 2.2], [3.0, 4.7]]), 7: np.array([[5, 6], [7, 8]])}
    file = write_trajectories(tmp_path / "clip.json", paths)
    assert json.loads(file.read_text()) == {"0": [[1, 2], [3, 4]], "7": [[5, 6], [7, 8]]}  # whole pixels, cut off
    back = read_trajectories(write_trajectories(tmp_path / "b.json", paths, whole_pixels=False))
    assert list(back) == ["0", "7"] and np.allclose(back["0"], paths[0])


def released_script(wanted: Path, made: Path) -> float:
    """What the released script computes, in a few words of our own: the mean over all points, entities and clips."""
    pairs = [(json.loads((wanted / f.name).read_text()), json.loads(f.read_text())) for f in made.glob("*.json")]
    return float(np.mean([math.dist(p, q) for a, b in pairs for k in a for p, q in zip(a[k], b[k], strict=False)]))


def test_folders_give_the_released_number_and_say_what_it_hides(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for clip in range(4):
        paths = {k: rng.integers(0, 200, (5, 2)) for k in range(3)}
        write_trajectories(tmp_path / "wanted" / f"{clip}.json", paths)
        made = {k: path[: 5 - (clip == 0)] + rng.integers(-9, 9, (5 - (clip == 0), 2)) for k, path in paths.items()}
        write_trajectories(tmp_path / "made" / f"{clip}.json", made)
    write_trajectories(tmp_path / "wanted" / "alone.json", {0: np.zeros((2, 2))})
    found = released_objmc_of_folders(tmp_path / "wanted", tmp_path / "made")
    assert found.value == pytest.approx(released_script(tmp_path / "wanted", tmp_path / "made"), rel=1e-6)
    assert found.count == 4 and found.low < found.value < found.high
    assert "1 clips are in one folder only" in str(found) and "3 trajectories differ in length" in str(found)
    write_trajectories(tmp_path / "made" / "1.json", {0: np.zeros((2, 2))})
    with pytest.raises(LabError, match='has no "1", only 0'):
        released_objmc_of_folders(tmp_path / "wanted", tmp_path / "made")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ('{"0": [[1, 2], [3', "not valid JSON"),
        ("[1, 2]", "is not"),
        ('{"0": []}', "1 to"),
        ('{"0": [[1, 2, 3]]}', r"write it as \[x, y\]"),
        ('{"0": [[1, NaN]]}', "holds NaN"),
        ('{"0": [[1, true]]}', r"write it as \[x, y\]"),
        ('{"0": [[1, 1e300]]}', "below 1,000,000"),
    ],
)
def test_damaged_trajectory_files_are_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "clip.json").write_text(text)
    with pytest.raises(LabError, match=words):
        read_trajectories(tmp_path / "clip.json")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        read_trajectories(tmp_path / "none.json")
    with pytest.raises(LabError, match="is not a folder"):
        released_objmc_of_folders(tmp_path / "none", tmp_path)
    with pytest.raises(LabError, match="with the same name"):
        released_objmc_of_folders(tmp_path, tmp_path)
