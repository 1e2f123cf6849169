"""Tracking: every tracker against known motion, what is hidden, what cannot be tracked, and CoTracker's calls."""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from draganything_lab.errors import LabError
from draganything_lab.toyland import ToyClip, sample_clip
from draganything_lab.tracking import Tracks, dense_motion, grid_queries, mask_queries, track, tracking_accuracy
from draganything_lab.tracking.layered.search import _likeliest

FLOWS = ("opencv", "lucas-kanade", "dis")


def noise(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Coarse coloured noise, which has something to see everywhere."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (size[0] // 4 + 2, size[1] // 4 + 2, 3), np.uint8)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def panned(steps: list[tuple[int, int]], size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Noise seen through a window that moves by whole pixels."""
    wide = noise((size[0] + 60, size[1] + 60))
    return np.stack([wide[30 - y : 30 - y + size[0], 30 - x : 30 - x + size[1]] for x, y in steps])


def square_over_noise(count: int = 8, step: int = 5, colour: tuple[int, int, int] = (250, 60, 20)) -> np.ndarray:
    """A striped square that crosses a still, noisy ground from left to right."""
    video = np.repeat(noise((64, 64), 3)[None], count, axis=0).copy()
    for t in range(count):
        left = 4 + step * t
        video[t, 24:40, left : left + 16] = colour
        video[t, 24:40:4, left : left + 16] = (20, 20, 30)
        video[t, 24:40, left + 3 : left + 16 : 6] = (240, 240, 200)
    return video


def true_tracks(clip: ToyClip, queries: np.ndarray) -> Tracks:
    tracks, visible = clip.motion()
    x, y = queries.astype(int).T
    return Tracks(tracks[:, y, x], visible[:, y, x])


@pytest.mark.parametrize("name", FLOWS)
def test_a_pan_by_whole_pixels_is_followed(name: str):
    video = panned([(0, 0), (2, 1), (4, 1), (5, 2)])
    queries = grid_queries((64, 64), 6, 6)
    found = track(video, queries, name)
    assert found.points.dtype == np.float32 and found.visible.dtype == bool
    error = np.linalg.norm(found.points[-1] - queries - (5, 2), axis=1)
    inner = ((queries > 12) & (queries < 51)).all(axis=1)
    assert np.median(error[inner]) < 0.1 and error[inner].max() < 0.5
    assert found.visible[:, inner].mean() > 0.95
    np.testing.assert_array_equal(found.points[0], queries)


@pytest.mark.parametrize("name", FLOWS)
def test_a_frozen_video_does_not_move(name: str):
    video = np.repeat(noise((48, 64))[None], 4, axis=0)
    found = track(video, grid_queries((48, 64), 5, 7), name)
    assert np.abs(found.points - found.points[0]).max() < 0.05 and found.visible.all()


@pytest.mark.parametrize("name", FLOWS)
def test_what_leaves_the_picture_is_no_longer_visible(name: str):
    video = panned([(-4 * t, 0) for t in range(6)])
    found = track(video, [(6, 32), (50, 32)], name)
    assert found.visible[-1].tolist() == [False, True]


def test_a_point_is_found_again_after_it_was_hidden():
    video = square_over_noise()
    queries = np.array([(30, 30), (36, 34), (12, 32), (5, 50)], np.float32)
    found = track(video, queries)
    ground, thing = [0, 1, 3], 2
    assert np.abs(found.points[:, ground] - queries[ground]).max() < 0.3, "the ground stands still behind the square"
    way = found.points[:, thing, 0] - 12
    np.testing.assert_allclose(way, 5 * np.arange(8), atol=0.5)
    left = 4 + 5 * np.arange(8)
    for point in (0, 1):
        covered = (queries[point, 0] >= left) & (queries[point, 0] < left + 16)
        assert covered[2:-1].any() and not covered[-1]
        deep = (queries[point, 0] >= left + 2) & (queries[point, 0] < left + 14)
        assert not found.visible[deep, point].any(), "hidden while the square is over it"
        assert found.visible[-1, point], "seen again when it has passed"
    assert found.visible[:, thing].all() and found.visible[:, 3].all()


def test_a_jump_too_far_for_flow_is_found_by_its_looks():
    video = square_over_noise(6, step=9)
    own = track(video, [(12, 32)], "dis").points[:, 0, 0] - 12
    found = track(video, [(12, 32)]).points[:, 0, 0] - 12
    np.testing.assert_allclose(found, 9 * np.arange(6), atol=0.6)
    assert abs(own[-1] - 45) > 5, "otherwise this test shows nothing"


def test_a_change_of_light_is_no_motion():
    video = square_over_noise().astype(np.float32)
    gain = 1 + 0.12 * np.sin(np.arange(8))[:, None, None, None]
    dimmed = (video * gain + 6 * np.cos(np.arange(8))[:, None, None, None]).clip(0, 255).astype(np.uint8)
    found = track(dimmed, [(12, 32), (52, 52)])
    np.testing.assert_allclose(found.points[:, 0, 0] - 12, 5 * np.arange(8), atol=0.6)
    assert np.abs(found.points[:, 1] - (52, 52)).max() < 0.3 and found.visible.mean() > 0.9


def test_on_toyland_the_default_is_near_the_truth_and_better_than_its_parts():
    scores = {name: [] for name in ("opencv", "dis")}
    for seed in (31, 32, 33, 34):
        clip = sample_clip(seed)
        queries = grid_queries((64, 64), 16, 16).round()
        for name, kept in scores.items():
            kept.append(tracking_accuracy(track(clip.video, queries, name), true_tracks(clip, queries), (64, 64)))
    ours, flow = ([s.delta_average for s in scores[name]] for name in ("opencv", "dis"))
    assert np.mean(ours) > 0.85 > np.mean(flow), (ours, flow)
    assert np.median([score.median_px for score in scores["opencv"]]) < 0.3
    assert np.mean([score.occlusion_accuracy for score in scores["opencv"]]) > 0.9


def test_same_video_same_tracks():
    video, queries = sample_clip(5).video, grid_queries((64, 64), 8, 8)
    one, two = track(video, queries), track(video, queries)
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.visible, two.visible)


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (17, 9)])
def test_any_size(name: str, size: tuple[int, int]):
    video = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    found = track(video, grid_queries(size, 1, 2), name)
    assert found.points.shape == (3, 2, 2) and np.isfinite(found.points).all()


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("grey", [0, 130, 255])
def test_one_colour_stands_still(name: str, grey: int):
    found = track(np.full((4, 32, 40, 3), grey, np.uint8), [(5, 5), (20, 20)], name)
    assert np.abs(found.points - found.points[0]).max() < 0.1


def test_a_large_picture_is_tracked_at_its_own_scale():
    video = np.stack([cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC) for frame in square_over_noise(5)])
    found = track(video, [(12.5 * 8, 32.5 * 8), (400, 60)])
    np.testing.assert_allclose(found.points[:, 0, 0] - 100, 40 * np.arange(5), atol=2)
    assert np.abs(found.points[:, 1] - (400, 60)).max() < 1


@pytest.mark.parametrize(
    "video, queries, message",
    [
        (np.zeros((1, 8, 8, 3), np.uint8), [(1, 1)], "1 frame; pass 2 or more"),
        (np.zeros((0, 8, 8, 3), np.uint8), [(1, 1)], "no frames"),
        (np.zeros((3, 8, 8, 3), np.float32), [(1, 1)], "uint8"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], [(1, 1)], "different shapes"),
        (np.zeros((3, 8, 12, 3), np.uint8), [(1, 1), (12, 4)], r"query 1 is \(12, 4\), outside the 12x8 picture"),
        (np.zeros((3, 8, 8, 3), np.uint8), [(np.nan, 1)], r"query 0 is \(nan, 1\)"),
        (np.zeros((3, 8, 8, 3), np.uint8), [(1, 2, 3)], r"shape \(1, 3\)"),
        (np.zeros((3, 8, 8, 3), np.uint8), "here", "not a list of"),
    ],
)
def test_bad_input_is_named(video, queries, message: str):
    with pytest.raises(LabError, match=message):
        track(video, queries)


def test_unknown_trackers_are_named():
    video = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(LabError, match='no tracker "klt"; use one of opencv, lucas-kanade'):
        track(video, [(1, 1)], "klt")
    with pytest.raises(LabError, match="with a method track"):
        track(video, [(1, 1)], 7)  # type: ignore[arg-type]


def test_a_tracker_of_ones_own():
    class Still:
        def track(self, video, queries):
            return Tracks(np.repeat(queries[None], len(video), axis=0), np.ones((len(video), len(queries)), bool))

    assert track(np.zeros((3, 8, 8, 3), np.uint8), [(1, 2)], Still()).points[-1].tolist() == [[1, 2]]


def test_no_points_no_tracks():
    for name in FLOWS:
        assert track(panned([(0, 0), (1, 0)]), np.zeros((0, 2)), name).points.shape == (2, 0, 2)


@pytest.mark.parametrize(
    "points, visible, message",
    [
        (np.zeros((3, 2)), np.zeros((3, 2), bool), r"pass \(T, N, 2\)"),
        (np.zeros((3, 4, 2)), np.zeros((3, 5), bool), r"pass shape \(3, 4\)"),
        (np.zeros((3, 4, 2)), np.zeros((3, 4)), "pass bool"),
        (np.full((3, 4, 2), np.nan), np.zeros((3, 4), bool), "4 of 4 tracks .* not finite"),
    ],
)
def test_tracks_are_checked(points, visible, message: str):
    with pytest.raises(LabError, match=message):
        Tracks(points, visible)


def test_grid_and_mask_queries():
    grid = grid_queries((40, 60), 4, 6)
    assert grid.shape == (24, 2) and grid.mean(axis=0).tolist() == [29.5, 19.5]
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    points = mask_queries(mask, 50)
    assert 30 <= len(points) <= 50 and mask[points[:, 1].astype(int), points[:, 0].astype(int)].all()
    assert np.ptp(points[:, 0]) > 24 and np.ptp(points[:, 1]) > 14, "all over it"
    mask[:] = False
    assert mask_queries(mask, 5).shape == (0, 2)
    mask[3, 4:7] = True
    assert mask_queries(mask, 5).tolist() == [[4, 3], [5, 3], [6, 3]]


def test_dense_motion_of_a_pan():
    steps, visible = dense_motion(panned([(0, 0), (3, 2)]), 1)
    assert steps.shape == (64, 64, 2) and visible.shape == (64, 64)
    np.testing.assert_allclose(np.median(steps[8:-8, 8:-8], axis=(0, 1)), (3, 2), atol=0.1)
    with pytest.raises(LabError, match="no frame 2; use one of frames 0 to 1"):
        dense_motion(panned([(0, 0), (3, 2)]), 2)


def test_accuracy_of_a_case_worked_out_by_hand():
    """Two points over three frames of 128x64: x counts 2 and y 4 at TAP-Vid's 256x256."""
    truth = Tracks(np.zeros((3, 2, 2)), np.array([[1, 1], [1, 1], [1, 0]], bool))
    points = np.zeros((3, 2, 2), np.float32)
    points[1, 0] = (1.5, 0)  # 3 px at 256
    points[1, 1] = (0, 3)  # 12 px
    points[2, 0] = (0, 0.2)  # 0.8 px
    points[2, 1] = (50, 50)  # hidden: does not count
    found = Tracks(points, np.array([[1, 1], [1, 1], [0, 1]], bool))
    score = tracking_accuracy(found, truth, (64, 128))
    assert score.points == 3
    np.testing.assert_allclose(score.delta, [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert score.delta_average == pytest.approx(0.6)
    assert score.delta_average_px == pytest.approx(np.mean([1 / 3, 2 / 3, 1, 1, 1]))
    assert score.median_px == pytest.approx(1.5) and score.mean_px == pytest.approx(4.7 / 3)
    assert score.occlusion_accuracy == pytest.approx(2 / 4)
    # Right and told visible: none below 4 px, one from 4, two from 16; 3 visible; told wrongly: the rest of three told.
    np.testing.assert_allclose(score.jaccard_average, np.mean([0 / 6, 0 / 6, 1 / 5, 1 / 5, 2 / 4]))


def test_accuracy_of_the_truth_is_perfect_and_needs_something_visible():
    clip = sample_clip(3)
    truth = true_tracks(clip, grid_queries((64, 64), 8, 8).round())
    score = tracking_accuracy(truth, truth, (64, 64))
    assert score.delta_average == score.jaccard_average == score.occlusion_accuracy == 1 and score.median_px == 0
    unseen = Tracks(truth.points, np.zeros_like(truth.visible))
    with pytest.raises(LabError, match="no point is truly visible"):
        tracking_accuracy(truth, unseen, (64, 64))
    with pytest.raises(LabError, match="track the same points"):
        tracking_accuracy(truth.chosen(np.arange(3)), truth, (64, 64))


def test_the_likeliest_path_keeps_its_speed_past_a_twin():
    """The thing moves by 5; a twin that fits as well stands aside, nearer at first."""
    candidates = [(np.zeros((1, 2)), np.zeros(1))]
    for t in range(1, 6):
        candidates.append((np.array([[5.0 * t, 0], [8.0, 8.0]]), np.array([0.1, 0.1])))
    path, misfits = _likeliest(candidates, 60.0)
    assert path[:, 0].tolist() == [0, 5, 10, 15, 20, 25] and misfits[1:].tolist() == [0.1] * 5
    path, _ = _likeliest(candidates[:2], 60.0)
    assert path.tolist() == [[0, 0], [5, 0]]


# CoTracker: a stand-in with its call signature, in a local torch.hub folder. The real one was not run here.

STAND_IN = '''
import torch

dependencies = ["torch"]


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.step = torch.nn.Parameter(torch.zeros(2))


class Offline(torch.nn.Module):
    """Moves every point by `step` a frame; hidden from frame 3 on."""

    def __init__(self):
        super().__init__()
        self.model = Inner()

    def forward(self, video, queries=None, segm_mask=None, grid_size=0, grid_query_frame=0, backward_tracking=False):
        assert video.dtype == torch.float32 and video.shape[2] == 3 and video.max() > 1 and queries.shape[2] == 3
        assert (queries[..., 0] == 0).all()
        time = torch.arange(video.shape[1])
        tracks = queries[:, None, :, 1:] + time[None, :, None, None] * self.model.step
        return tracks, (time < 3)[None, :, None].expand(tracks.shape[:3])


class Online(torch.nn.Module):
    """The same in windows of 8; remembers how far it has come."""

    step = 4

    def __init__(self):
        super().__init__()
        self.model = Inner()

    def forward(self, video_chunk, is_first_step=False, queries=None, segm_mask=None, grid_size=10,
                grid_query_frame=0, add_support_grid=False):
        if is_first_step:
            self.queries, self.seen = queries, 0
            return None, None
        assert 1 <= video_chunk.shape[1] <= 2 * self.step
        self.start = 0 if not self.seen else self.start + self.step
        self.seen = self.start + video_chunk.shape[1]
        time = torch.arange(self.seen)
        tracks = self.queries[:, None, :, 1:] + time[None, :, None, None] * self.model.step
        return tracks, torch.ones(tracks.shape[:3], dtype=torch.bool)


def cotracker3_offline(*, pretrained=True, **kwargs):
    assert not pretrained, "weights come from the zoo, checked"
    return Offline()


def cotracker3_online(*, pretrained=True, **kwargs):
    assert not pretrained
    return Online()
'''


@pytest.fixture
def hub(tmp_path: Path) -> dict[str, Path]:
    """A local torch.hub folder, and weights for it."""
    torch = pytest.importorskip("torch")
    folder = tmp_path / "co-tracker"
    folder.mkdir()
    (folder / "hubconf.py").write_text(textwrap.dedent(STAND_IN))
    torch.save({"step": torch.tensor([1.5, -0.5])}, tmp_path / "weights.pth")
    return {"repository": folder, "weights": tmp_path / "weights.pth"}


@pytest.mark.parametrize("kind", ["offline", "online"])
@pytest.mark.parametrize("count", [2, 4, 5, 8, 9, 13, 20])
def test_cotracker_is_called_as_it_asks_to_be(kind, count: int, hub: dict[str, Path]):
    from draganything_lab.tracking.cotracker import CoTracker

    said: list[str] = []
    tracker = CoTracker(kind, **hub, device="cpu", say=said.append)
    assert "CC BY-NC" in said[0]
    queries = np.array([(3, 4), (10.5, 20)], np.float32)
    video = np.full((count, 30, 40, 3), 200, np.uint8)
    found = track(video, queries, tracker)
    expected = queries + np.arange(count)[:, None, None] * np.array([1.5, -0.5])
    np.testing.assert_allclose(found.points, expected, atol=1e-5)
    assert found.visible[0].all()
    if kind == "offline":
        assert found.visible[:, 0].tolist() == [t < 3 for t in range(count)]


def test_cotracker_takes_many_points_in_batches(hub: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    from draganything_lab.tracking import cotracker

    monkeypatch.setattr(cotracker, "MOST_AT_ONCE", 7)
    tracker = cotracker.CoTracker("offline", **hub, say=lambda words: None)
    queries = grid_queries((30, 40), 4, 5)
    found = track(np.full((3, 30, 40, 3), 9, np.uint8), queries, tracker)
    np.testing.assert_allclose(found.points[2], queries + np.array([3, -1]), atol=1e-5)


def test_cotracker_never_reaches_for_the_network_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")
    from draganything_lab.tracking.cotracker import VARIABLE

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "load", lambda *args, **kwargs: pytest.fail("nobody asked for a download"))
    with pytest.raises(LabError, match=r"not on this machine.*CC BY-NC.*download=True"):
        track(np.zeros((2, 8, 8, 3), np.uint8), [(1, 1)], "cotracker3-offline")


def test_cotracker_errors_say_what_to_do(hub: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")
    from draganything_lab.tracking.cotracker import VARIABLE, CoTracker

    def quiet(words: str) -> None:
        pass

    with pytest.raises(LabError, match="use offline or online"):
        CoTracker("sideways", say=quiet)  # type: ignore[arg-type]
    with pytest.raises(LabError, match=r"no hubconf\.py"):
        CoTracker(repository=tmp_path / "nothing", say=quiet)
    with pytest.raises(LabError, match="are not a file"):
        CoTracker(repository=hub["repository"], weights=tmp_path / "gone.pth", say=quiet)
    torch.save({"other": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(LabError, match="does not fit CoTracker3 offline"):
        CoTracker(repository=hub["repository"], weights=tmp_path / "wrong.pth", say=quiet)
    (hub["repository"] / "hubconf.py").write_text("import a_library_that_is_not_here")
    with pytest.raises(LabError, match="a_library_that_is_not_here"):
        CoTracker(**hub, say=quiet)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(LabError, match="nowhere has no hubconf"):
        CoTracker(say=quiet)


def test_the_default_needs_no_torch(python):
    done = python(
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from draganything_lab.tracking import track\n"
        "from draganything_lab import motion, show\n"
        "print(track(np.zeros((2, 8, 8, 3), np.uint8), [(1, 1)]).points.shape)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "(2, 1, 2)"
