"""Motion reports: obedience told from disobedience, each measure on a case with a known answer, and the pictures."""

from __future__ import annotations

import io
import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from draganything_lab import show
from draganything_lab.errors import LabError
from draganything_lab.motion import attribute, camera_motion, measure, motion_by_distance
from draganything_lab.motion.entity_motion import measured_path, rigid_share
from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene
from draganything_lab.toyland import named_scene
from draganything_lab.tracking import Tracks, grid_queries

SIZE = (60, 80)


class Said:
    """A tracker that says what it is told: moves points by a function of place and frame; hides those it is told to."""

    def __init__(self, move, hide=None):
        self.move, self.hide = move, hide

    def track(self, video, queries):
        points = np.stack([self.move(queries.astype(np.float64), t) for t in range(len(video))]).astype(np.float32)
        visible = np.ones(points.shape[:2], bool)
        if self.hide is not None:
            visible = np.stack([~self.hide(queries, t) for t in range(len(video))])
        return Tracks(points, visible)


def ground(size=SIZE, seed=0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(30, 226, (size[0] // 5 + 1, size[1] // 5 + 1, 3), np.uint8)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def box(left=10, top=20, side=16) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def in_box(points: np.ndarray, left=10, top=20, side=16) -> np.ndarray:
    low, high = np.array([left, top]) - 0.5, np.array([left, top]) + side - 0.5
    return ((points >= low) & (points <= high)).all(axis=1)


@pytest.fixture
def scene() -> Scene:
    """A square of noise on noise, to go 30 px to the right; 5 px from its middle it is held."""
    image = ground()
    image[box()] = ground(seed=1)[box()]
    scene = Scene(image)
    scene.add("crate", box(), [(22, 27), (52, 27)])
    return scene


@pytest.fixture
def video(scene: Scene) -> np.ndarray:
    return preview(scene, 6, label=False)


def test_perfect_obedience_is_called_so(scene: Scene, video: np.ndarray):
    report = measure(video, scene)
    crate = report["crate"]
    assert report.obeyed is True and crate.obeyed is True
    assert report.verdict == "The entity did as asked."
    assert crate.mean_error_px < 0.3 and crate.worst_error_px < 0.6
    assert crate.coverage > 0.95 and crate.gain == pytest.approx(1, abs=0.02) and crate.rigidity > 0.95
    assert report.leakage.mean_share < 0.05
    assert report.attribution().mostly == "entity"
    np.testing.assert_allclose(crate.measured, crate.wanted, atol=0.6)
    np.testing.assert_allclose(crate.wanted[:, 0], np.linspace(22, 52, 6), atol=1e-4)


def test_a_frozen_video_is_called_so(scene: Scene, video: np.ndarray):
    report = measure(np.repeat(video[:1], 6, axis=0), scene)
    crate = report["crate"]
    assert report.obeyed is False and "0 of 1" in report.verdict
    np.testing.assert_allclose(crate.error_px, np.linspace(0, 30, 6), atol=0.1)
    assert crate.coverage == 0 and crate.gain == pytest.approx(0, abs=0.01)
    assert crate.mean_error_percent == pytest.approx(18 / 100 * 100, abs=0.1), "the diagonal is 100 px"
    assert report.attribution().mostly == "nothing" and report.leakage.mean_share == 0


def test_what_is_to_stay_obeys_in_a_frozen_video_and_not_in_one_that_moves(scene: Scene, video: np.ndarray):
    scene.pin("crate")
    still = measure(np.repeat(video[:1], 6, axis=0), scene)
    assert still.obeyed is True and np.isnan(still["crate"].gain) and still["crate"].coverage == 1
    assert "should stay" in str(still)
    assert measure(video, scene).obeyed is False


@pytest.mark.parametrize("name", ["harbour", "sky", "parade", "ferry"])
def test_toyland_previews_obey_and_frozen_ones_do_not(name: str):
    scene = named_scene(name, (64, 96), 8).scene()
    obedient = preview(scene, 8, label=False)
    assert measure(obedient, scene).obeyed is True
    assert measure(np.repeat(obedient[:1], 8, axis=0), scene).obeyed is False


def test_half_the_way_is_not_enough_and_is_said_to_be_half(scene: Scene, video: np.ndarray):
    half = Said(lambda points, t: points + np.where(in_box(points)[:, None], (3.0 * t, 0), 0))
    report = measure(video, scene, half)
    crate = report["crate"]
    assert crate.gain == pytest.approx(0.5) and crate.obeyed is False and "went 50 % of the way" in str(report)
    np.testing.assert_allclose(crate.error_px, 3.0 * np.arange(6), atol=1e-4)
    assert report.tracker == "Said"


def test_coverage_is_the_share_of_the_mask_that_came_along(scene: Scene, video: np.ndarray):
    torn = Said(lambda points, t: points + np.where((in_box(points) & (points[:, 0] >= 18))[:, None], (6.0 * t, 0), 0))
    crate = measure(video, scene, torn)["crate"]
    assert crate.coverage == pytest.approx(0.5, abs=0.1)
    assert crate.mean_error_px < 1e-3, "the dragged spot itself obeyed"
    assert crate.rigid[-1] < 0.75, "and the thing came apart"


def test_leakage_is_what_moves_outside(scene: Scene, video: np.ndarray):
    drifting = Said(lambda points, t: points + np.where((points[:, 1] > 44)[:, None], (0, -2.0 * t), 0))
    leak = measure(video, scene, drifting).leakage
    outside = grid_queries(SIZE, 30, 40)
    share = (outside[:, 1] > 44).mean()
    assert leak.share[-1] == pytest.approx(share, abs=0.08) and leak.share[0] == 0
    assert leak.mean_px[-1] == pytest.approx(10 * leak.share[-1], rel=1e-3)
    assert measure(video, scene, Said(lambda points, t: points)).leakage.mean_share == 0


def test_hidden_points_count_nowhere(scene: Scene, video: np.ndarray):
    """While the spot is hidden the rest of the thing says where it is; while all of it is, nothing does."""
    move = Said(
        lambda points, t: points + np.where(in_box(points)[:, None], (6.0 * t, 0), 0),
        hide=lambda points, t: in_box(points) & ((t == 4) | ((t == 2) & (points[:, 0] > 15))),
    )
    crate = measure(video, scene, move)["crate"]
    assert np.isnan(crate.error_px[4]) and crate.visible[4] == 0 and np.isnan(crate.followed[4])
    assert np.isfinite(crate.error_px[[1, 2, 3, 5]]).all() and crate.error_px[2] < 1e-3 and 0.2 < crate.visible[2] < 0.6
    assert crate.obeyed is True
    assert json.loads(measure(video, scene, move).json())["entities"][0]["error_px"][4] is None


def test_nothing_visible_is_said_and_never_guessed(scene: Scene, video: np.ndarray):
    blind = Said(lambda points, t: points, hide=lambda points, t: np.full(len(points), t > 0))
    report = measure(video, scene, blind)
    crate = report["crate"]
    assert report.obeyed is None and crate.obeyed is None and not crate.tracked
    assert report.verdict == "Nothing could be tracked, so nothing can be said."
    assert "not visible in any frame" in str(report) and "Nothing could be tracked to frame 5" in str(report)
    assert np.isnan(crate.mean_error_px) and np.isnan(report.leakage.mean_share) and np.isnan(report.mean_error_px)
    said = json.loads(report.json())
    assert said["obeyed"] is None and said["mean_error_px"] is None and said["camera"]["matrices"][5] is None
    assert "not tracked" in _texts(show.overview(report, video))
    assert "could not be tracked" in show.motion_page(report, video)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_one_colour_cannot_be_tracked(shade: int):
    image = np.full((*SIZE, 3), shade, np.uint8)
    scene = Scene(image)
    scene.add("ghost", box(), [(18, 28), (40, 28)])
    report = measure(np.repeat(image[None], 4, axis=0), scene)
    assert report.obeyed is None and "all of one colour" in str(report) and "Nothing could be tracked" in report.verdict
    assert report.attribution().mostly == "unknown" and not report.camera.measured[1:].any()


def test_a_video_that_turns_black_is_not_obedient(scene: Scene, video: np.ndarray):
    black = np.concatenate([video[:1], np.zeros_like(video[1:])])
    report = measure(black, scene)
    assert report.obeyed is not True
    assert report["crate"].visible[-1] < 0.2


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda video: video[:1], "1 frame"),
        (lambda video: video[:, :, :40], "40x60, but the scene's picture is 80x60: another aspect ratio"),
        (lambda video: video.astype(np.float32), "uint8"),
        (lambda video: [video[0], video[1, :30]], "different shapes"),
    ],
)
def test_bad_videos_are_named(scene: Scene, video: np.ndarray, change, message: str):
    with pytest.raises(LabError, match=message):
        measure(change(video), scene)


def test_nan_from_a_tracker_is_refused(scene: Scene, video: np.ndarray):
    with pytest.raises(LabError, match="not finite"):
        measure(video, scene, Said(lambda points, t: points * (np.nan if t else 1)))


def test_a_video_of_another_length_than_the_report_is_refused(scene: Scene, video: np.ndarray):
    report = measure(video, scene, Said(lambda points, t: points))
    for draw in (show.overview, show.motion_page):
        with pytest.raises(LabError, match="4 frames, but the tracks have 6"):
            draw(report, video[:4])
    with pytest.raises(LabError, match="no entity 'cart'; use one of 1 \"crate\""):
        report["cart"]
    with pytest.raises(LabError, match="no frame 6"):
        report.attribution(6)
    with pytest.raises(LabError, match="no frame -7"):
        report.by_distance("crate", -7)


def test_what_passes_over_the_spot_of_a_background_does_not_move_it(scene: Scene, video: np.ndarray):
    scene.drag_background([(40, 40), (40, 40.5)])
    spot = scene["background"].path(6)[0]

    def passing(points, t):  # whatever is within 9 pixels of the spot is carried along
        return points + np.where((np.linalg.norm(points - spot, axis=1) < 9)[:, None], (4.0 * t, 0.0), 0.0)

    ground = measure(video, scene, Said(passing))["background"]
    assert ground.worst_error_px < 1 and 0.5 < ground.coverage < 1


def test_a_scene_without_wishes_and_a_scene_of_another_size(scene: Scene, video: np.ndarray):
    report = measure(video, Scene(scene.image))
    assert report.obeyed is None and report.verdict.startswith("Nothing was asked") and report.entities == ()
    assert report.attribution().mostly == "background"
    show.overview(report, video).savefig(io.BytesIO())
    doubled = scene.resized((120, 160))
    crate = measure(video, doubled)["crate"]
    assert crate.obeyed is True and crate.wanted[-1, 0] - crate.wanted[0, 0] == pytest.approx(30, abs=0.1)


# Its parts, on cases with a known answer


def tracks_of(move, count: int = 5, rows: int = 12) -> Tracks:
    return Said(move).track(np.zeros((count, *SIZE, 3), np.uint8), grid_queries(SIZE, rows, rows * 4 // 3))


@pytest.mark.parametrize("pan, zoom, roll", [((8, -3), 1, 0), ((0, 0), 1.3, 0), ((0, 0), 1, 12), ((-5, 2), 0.8, -7)])
def test_the_camera_is_found_among_things_that_move(pan, zoom: float, roll: float):
    middle = np.array([39.5, 29.5])
    angle = np.radians(roll)

    def move(points, t):
        share = t / 4
        turn = zoom**share * np.array(
            [[np.cos(angle * share), -np.sin(angle * share)], [np.sin(angle * share), np.cos(angle * share)]]
        )
        moved = (points - middle) @ turn.T + middle + share * np.array(pan)
        wild = points[:, 0] < 28  # a third goes its own way
        return np.where(wild[:, None], points + np.array([0, 4 * t]), moved)

    camera = camera_motion(tracks_of(move), SIZE, 1.0)
    np.testing.assert_allclose(camera.pan[-1], pan, atol=0.1)
    assert camera.zoom[-1] == pytest.approx(zoom, abs=0.01) and camera.roll[-1] == pytest.approx(roll, abs=0.3)
    assert 0.6 < camera.share[-1] < 0.75
    np.testing.assert_allclose(
        camera.carry(np.array([[50.0, 20.0]]))[-1, 0], move(np.array([[50.0, 20.0]]), 4)[0], atol=0.2
    )


def test_a_view_that_tilts_needs_a_homography():
    matrix = np.array([[1.05, 0.02, 2], [0.01, 1.1, -1], [0.0008, 0.0012, 1]])

    def move(points, t):
        here = np.eye(3) + (matrix - np.eye(3)) * t / 4
        return cv2.perspectiveTransform(points[:, None], here)[:, 0]

    camera = camera_motion(tracks_of(move), SIZE, 1.0)
    corners = np.array([[0, 0], [79, 0], [0, 59], [79, 59]], float)
    np.testing.assert_allclose(camera.carry(corners)[-1], move(corners, 4), atol=0.3)
    assert camera.share[-1] > 0.99


def test_too_few_points_give_no_camera():
    few = tracks_of(lambda points, t: points + t).chosen(np.arange(7))
    camera = camera_motion(few, SIZE, 1.0)
    assert not camera.measured[1:].any() and camera.measured[0]
    assert np.isnan(camera.pan[-1]).all() and camera.as_dict()["zoom"][1:] == [None] * 4


@pytest.mark.parametrize(
    "move, mostly",
    [
        (lambda points, t: points, "nothing"),
        (lambda points, t: points + np.where(in_box(points)[:, None], (6 * t, 0), 0), "entity"),
        (lambda points, t: points + np.array([4 * t, t]), "camera"),
        (lambda points, t: points + np.where((points[:, 0] > 60)[:, None], (0, 5 * t), 0), "other things"),
        (lambda points, t: points + np.where((points[:, 1] > 46)[:, None], (5 * t, 0), 0), "background"),
    ],
)
def test_what_moved_is_put_down_to_the_right_cause(move, mostly: str):
    tracks = tracks_of(move)
    regions = np.where(in_box(tracks.queries), 1, np.where(tracks.queries[:, 0] > 60, -1, 0))
    camera = camera_motion(tracks.chosen(regions == 0), SIZE, 1.0)
    found = attribute(tracks, regions, camera, 1.0)
    assert found.mostly == mostly
    assert sum(found.area.values()) == pytest.approx(1)
    assert sum(found.motion.values()) == pytest.approx(0 if mostly == "nothing" else 1)


def test_entity_and_camera_share_the_motion_by_how_far_they_move():
    tracks = tracks_of(
        lambda points, t: points + np.array([2 * t, 0]) + np.where(in_box(points)[:, None], (0, 5 * t), 0)
    )
    regions = in_box(tracks.queries).astype(int)
    camera = camera_motion(tracks.chosen(regions == 0), SIZE, 1.0)
    found = attribute(tracks, regions, camera, 1.0)
    inside = regions.mean()
    expected = inside * np.hypot(8, 20) / (inside * np.hypot(8, 20) + (1 - inside) * 8)
    assert found.motion["entity"] == pytest.approx(expected) and found.motion["camera"] == pytest.approx(1 - expected)
    assert found.area["camera"] == pytest.approx(1 - inside)


def test_a_rigid_entity_is_flat_and_a_soft_one_is_not():
    origin = np.array([18.0, 28.0])
    rigid = tracks_of(lambda points, t: points + np.where(in_box(points)[:, None], (6.0 * t, 0), 0), rows=30)
    inside = in_box(rigid.queries)
    curve = motion_by_distance(rigid, origin, inside)
    assert curve.flatness == pytest.approx(1)
    there = np.isfinite(curve.inside.median)
    np.testing.assert_allclose(curve.inside.median[there], 24, atol=1e-4)
    assert np.nanmax(curve.outside.median) == 0 and curve.inside.count.sum() == inside.sum()

    def fading(points, t):
        away = np.linalg.norm(points - origin, axis=1)
        return points + np.stack([6.0 * t * np.exp(-((away / 8) ** 2)), 0 * away], axis=1)

    soft = motion_by_distance(tracks_of(fading, rows=30), origin, inside)
    assert soft.flatness < 0.6
    median = soft.inside.median[np.isfinite(soft.inside.median)]
    assert (np.diff(median) < 0).all(), "the farther, the less"
    assert (soft.inside.low <= soft.inside.high)[np.isfinite(soft.inside.low)].all()


def test_rings_need_points_and_frames():
    tracks = tracks_of(lambda points, t: points)
    with pytest.raises(LabError, match="rings is 1"):
        motion_by_distance(tracks, np.zeros(2), np.zeros(len(tracks), bool), rings=1)
    empty = motion_by_distance(tracks, np.zeros(2), np.zeros(len(tracks), bool))
    assert np.isnan(empty.flatness) and np.isnan(empty.inside.median).all()


def test_turn_and_zoom_are_rigid_and_shear_is_not():
    turned = tracks_of(lambda points, t: 1.05**t * (points - 30) @ np.array([[0.9, 0.43], [-0.43, 0.9]]) + 30 + t)
    assert rigid_share(turned, 1.0)[1:].min() == 1
    sheared = tracks_of(lambda points, t: points + np.stack([0.3 * t * points[:, 1], 0 * points[:, 1]], axis=1))
    assert rigid_share(sheared, 1.0)[-1] < 0.6
    two = turned.chosen(np.arange(2))
    assert np.isnan(rigid_share(two, 1.0)).all()


def test_the_measured_path_is_that_of_the_spot_not_of_the_whole():
    tracks = tracks_of(lambda points, t: points + np.where((points[:, 0] < 30)[:, None], (0, 3.0 * t), (2.0 * t, 0)))
    np.testing.assert_allclose(measured_path(tracks, np.array([10, 30], np.float32), 6)[-1], (10, 42), atol=1e-4)
    np.testing.assert_allclose(measured_path(tracks, np.array([60, 30], np.float32), 6)[-1], (68, 30), atol=1e-4)


# Pictures


def _texts(figure) -> str:
    figure.savefig(io.BytesIO())
    return " | ".join(text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title])


@pytest.fixture(scope="module")
def harbour_report():
    scene = named_scene("harbour", (64, 96), 6).scene()
    video = preview(scene, 6, label=False)
    return measure(video, scene), video


def test_every_figure_draws_on_light_and_dark(harbour_report):
    report, video = harbour_report
    figures = {
        "overview": show.overview(report, video),
        "overview on white": show.overview(report),
        "panel": show.motion_of_frame(video, 4),
        "flow": show.flow(video),
        "heat": show.heat(video, 3),
        "arrows": show.arrows(video, report.tracks, owners=report.regions),
        "sides": show.inside_outside(report, video, "boat"),
        "paths": show.wanted_and_measured(report, video),
        "distance": show.by_distance(report.by_distance("boat"), report["boat"]),
        "attribution": show.attribution(report.attribution()),
    }
    for name, figure in figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight", transparent=True, dpi=70)
        pixels = np.asarray(Image.open(buffer).convert("RGBA")).astype(int)
        assert min(pixels.shape[:2]) > 100, name
        solid = pixels[..., 3] > 200
        assert solid.mean() > 0.01, name
        # What stands on the page itself is grey enough for both: no black and no white words.
        if name in ("distance", "attribution"):
            words = pixels[solid][:, :3]
            lone = words[np.ptp(words, axis=1) < 6]
            assert np.median(lone) in range(100, 190), name
    assert "rim: " in " ".join(
        text.get_text() for axes in figures["flow"].axes for child in axes.child_axes for text in child.texts
    )


def test_drawn_clips_fit_the_player_and_show_the_path(harbour_report):
    report, video = harbour_report
    drawn = show.wanted_clip(video, report)
    assert drawn.shape == (6, 64 * 5, 96 * 5, 3) and drawn.dtype == np.uint8
    trails = show.report_trails(video, report)
    assert trails.shape == drawn.shape
    # Frame 0 has no past: only dots; later frames have more and more trail of the boat's green.
    green = [(np.abs(frame.astype(int) - (0, 158, 115)).sum(axis=-1) < 60).sum() for frame in trails]
    assert green[-1] > 3 * green[0] > 0
    with pytest.raises(LabError, match="no frame 6; use one of frames 0 to 5"):
        show.trails(video, report.tracks, 6)


def test_trails_have_gaps_where_nothing_was_seen():
    video = np.full((5, 40, 400, 3), 128, np.uint8)
    points = np.stack([[[20 + 80.0 * t, 20]] for t in range(5)]).astype(np.float32)
    whole = show.trails(video, Tracks(points, np.ones((5, 1), bool)), owners=np.array([1]))
    visible = np.array([[True], [True], [False], [True], [True]])
    gap = show.trails(video, Tracks(points, visible), owners=np.array([1]))
    lit = [(picture.astype(int)[20] - picture.astype(int)[2]).any(axis=-1) for picture in (whole, gap)]
    assert lit[0][25:330].all() and lit[1][25:95].all() and lit[1][265:330].all() and not lit[1][105:255].any()
    bright = np.abs(whole[20].astype(int) - whole[2]).sum(axis=-1)
    assert bright[300] > bright[200] > bright[100] > bright[40] > 0, "fading towards the past"


def test_the_wheel_is_even_in_lightness_and_turns_with_direction():
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    colours = show.flow_colours(steps * 9, 9)
    lab = cv2.cvtColor((colours[None] / 255).astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    assert np.ptp(lab[:, 0]) < 6, "an ordinary wheel has 60 and more"
    turns = np.linalg.norm(lab - np.roll(lab, 1, axis=0), axis=1)
    assert turns.max() < 3 * turns.min()
    half = show.flow_colours(steps * 4.5, 9)
    still = show.flow_colours(np.zeros((1, 2)), 9)
    assert np.ptp(still) == 0
    assert (np.ptp(half, axis=1) < np.ptp(colours, axis=1)).all(), "half as far is paler"
    np.testing.assert_array_equal(show.flow_colours(steps * 90, 9), colours)
    assert show.flow_colours(np.array([[np.nan, 1]]), 9).tolist() == [[255, 255, 255]]


def test_the_wheel_legend_has_the_colours_of_the_map():
    wheel = show.flow_wheel(101)
    assert wheel.shape == (101, 101, 4) and wheel[0, 0, 3] == 0 and wheel[50, 50, 3] == 255
    for x, y in ((95, 50), (50, 95), (5, 50), (50, 5), (70, 30)):
        step = np.array([[x - 50, y - 50]], float)
        np.testing.assert_array_equal(wheel[y, x, :3], show.flow_colours(step, 50)[0])


def test_the_page_is_whole_and_alone(harbour_report):
    report, video = harbour_report
    page = show.motion_page(report, video)
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing from elsewhere"
    for words in (report.verdict, "boat", "Did as asked", "Zoom", "prefers-reduced-motion", "color-scheme:light dark"):
        assert words in page
    assert page.count("<video") == 3 and page.count("<td") == 11 * 3 + 6 * 6
    assert len(page) > 10_000


def test_names_cannot_break_the_page(scene: Scene, video: np.ndarray):
    scene.rename("crate", '<script>alert("1")</script>')
    page = show.motion_page(measure(video, scene, Said(lambda points, t: points)), video)
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_the_report_is_json(harbour_report):
    report, _ = harbour_report
    data = json.loads(report.json())
    assert data["obeyed"] is True and data["num_frames"] == 6 and data["size"] == [64, 96]
    boat = data["entities"][-1]
    assert boat["name"] == "boat" and len(boat["wanted"]) == len(boat["error_px"]) == 6
    assert data["attribution"]["mostly"] == "entity" and len(data["camera"]["matrices"][0]) == 3


def test_the_command_tracks_and_reports(harbour_report, tmp_path, capsys):
    from draganything_lab.cli.main import main
    from draganything_lab.media import write_video

    _, video = harbour_report
    write_video(tmp_path / "clip.mp4", video)
    named_scene("harbour", (64, 96), 6).scene().save(tmp_path / "scene.zip")
    words = ["track", "--video", str(tmp_path / "clip.mp4"), "--out", str(tmp_path / "out"), "--grid", "8"]
    assert main([*words, "--scene", str(tmp_path / "scene.zip")]) == 0
    assert "did as asked" in capsys.readouterr().out
    with np.load(tmp_path / "out" / "tracks.npz") as tracks:
        assert tracks["points"].shape == (6, 8 * 12, 2) and tracks["visible"].shape == (6, 8 * 12)
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there == {"tracks.npz", "trails.mp4", "motion.png", "report.html", "report.json"}
    assert main([*words, "--frame", "6"]) == 2 and "no frame 6" in capsys.readouterr().err
    assert main([*words, "--tracker", "sift"]) == 2 and 'no tracker "sift"' in capsys.readouterr().err
