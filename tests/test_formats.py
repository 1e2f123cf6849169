"""Foreign formats: the released demo folder, Wan-Move's arrays, the spline editor's points."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.recordings import FOLDER, Recording
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.errors import LabError
from draganything_lab.media import encode_picture, load_mask, load_picture
from draganything_lab.scene import Scene, Trajectory
from draganything_lab.scene.formats import (
    read_demo_folder,
    read_spline_points,
    read_wan_tracks,
    tracks_to_trajectories,
    write_demo_folder,
    write_spline_points,
    write_wan_tracks,
)

SIZE = (24, 32)
RNG = np.random.default_rng(0)


@pytest.fixture
def scene() -> Scene:
    made = Scene(RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    boat, pier = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    boat[4:12, 2:14], pier[14:22, 20:30] = True, True
    made.add("boat", boat, Trajectory([(8, 8), (20.5, 9), (25, 3)], easing="ease-in"))
    made.add("ghost", boat | pier)
    made.add("pier", pier, pinned=True)
    return made


# The released demo folder


def demo(folder: Path, trajectories: list[list[list[float]]], mask_kind: str = "PNG", frame: str = "demo.png") -> Path:
    """A folder as the released code has them, made by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    document = {}
    for k, points in enumerate(trajectories):
        disc = ((xx - 8 - 12 * k) ** 2 + (yy - 10) ** 2 <= 36).astype(np.uint8) * 255
        name = f"{k}_thing.{mask_kind.lower()}"
        Image.fromarray(disc).save(folder / name, mask_kind)
        document[str(k + 1)] = {"comment": "Straight ahead", "mask_name": name, "trajectory": points}
    Image.fromarray(RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(folder / frame)
    (folder / "demo.json").write_text(json.dumps(document))
    return folder


def test_a_released_folder_becomes_a_scene_with_one_point_a_frame(tmp_path: Path) -> None:
    steps = [[8 + k, 10 + 2 * k] for k in range(6)]
    scene = read_demo_folder(demo(tmp_path, [steps, [[20, 10]] * 6]), settings={"from": "demo"})
    assert [e.name for e in scene] == ["0_thing", "1_thing"] and scene.settings == {"from": "demo"}
    np.testing.assert_array_equal(scene.paths(6)[:, 0], steps)
    np.testing.assert_array_equal(scene.paths(3)[:, 0], steps[:3])
    np.testing.assert_array_equal(scene.paths(9)[5:, 0], [steps[-1]] * 4)
    np.testing.assert_array_equal(scene[0].mask, load_mask(tmp_path / "0_thing.png"))
    assert read_demo_folder(tmp_path / "demo.json") == read_demo_folder(tmp_path)


def test_trajectories_of_different_lengths_hold_at_their_end(tmp_path: Path) -> None:
    """The released code stops here with an IndexError."""
    paths = read_demo_folder(demo(tmp_path, [[[8, 10]] * 3 + [[9, 11]], [[20, 10], [22, 10]]])).paths(6)
    np.testing.assert_array_equal(paths[:, 1], [[20, 10]] + [[22, 10]] * 5)
    np.testing.assert_array_equal(paths[3:, 0], [[9, 11]] * 3)


def test_masks_kept_as_jpeg_are_read_as_meant_or_as_the_released_code_does(tmp_path: Path) -> None:
    true = read_demo_folder(demo(tmp_path / "png", [[[8, 10]]]))[0].mask
    folder = demo(tmp_path / "jpeg", [[[8, 10]]], "JPEG")
    np.testing.assert_array_equal(read_demo_folder(folder)[0].mask, true)
    strict = read_demo_folder(folder, mask_threshold=255)[0].mask
    assert strict.sum() < true.sum() and not (strict & ~true).any()
    released = (np.asarray(Image.open(folder / "0_thing.jpeg")) / 255).astype(np.uint8)  # as its demo.py reads it
    np.testing.assert_array_equal(strict, released == 1)


def test_masks_and_paths_of_a_larger_picture_are_scaled_to_the_first_frame(tmp_path: Path) -> None:
    folder = demo(tmp_path, [[[9, 9], [21, 11]]])
    Image.fromarray(RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(folder / "first_frame.png")
    scene = read_demo_folder(folder)
    assert scene.size == (12, 16)
    np.testing.assert_allclose(scene.paths(2)[:, 0], [(4.25, 4.25), (10.25, 5.25)])
    cx, cy = scene[0].centre
    assert abs(cx - 3.75) <= 1 and abs(cy - 4.75) <= 1
    assert read_demo_folder(folder, image="demo.png").size == SIZE


def test_the_recorded_folder_of_the_released_code() -> None:
    folder, recording = FOLDER / "condition", Recording("condition")
    scene = read_demo_folder(folder)
    assert scene.size == tuple(recording["target_size"])
    raw = json.loads((folder / "demo.json").read_text())
    back = scene.entities[0].trajectory.scaled(scene.size, tuple(recording["original_size"]))  # type: ignore[union-attr]
    np.testing.assert_allclose(back.points, raw["1"]["trajectory"], atol=1e-3)
    for entity, radius in zip(scene, recording["radius"], strict=True):
        assert abs(entity.radius - radius) < 1


def test_a_written_folder_is_read_by_the_released_rules_and_comes_back(scene: Scene, tmp_path: Path) -> None:
    folder = write_demo_folder(scene, tmp_path / "mine", num_frames=5)
    document = json.loads((folder / "demo.json").read_text())
    assert list(document) == ["1", "2"]  # the ghost is uncontrolled
    for entry, entity, path in zip(document.values(), scene.controlled, scene.paths(5).transpose(1, 0, 2), strict=True):
        mask = (np.asarray(Image.open(folder / entry["mask_name"])) / 255).astype(np.uint8)
        np.testing.assert_array_equal(mask == 1, entity.mask)
        np.testing.assert_array_equal(np.float32(entry["trajectory"]), path)
    assert np.abs(load_picture(folder / "demo.jpg").astype(int) - scene.image).mean() < 25
    back = read_demo_folder(folder)
    np.testing.assert_array_equal(back.image, scene.image)
    np.testing.assert_array_equal(back.paths(5), scene.paths(5))
    assert [(e.name, e.mask.sum()) for e in back] == [(e.name, e.mask.sum()) for e in scene.controlled]
    assert read_demo_folder(write_demo_folder(back, folder, 5)) == back  # and now for ever
    assert os.listdir(tmp_path) == ["mine"]


def test_what_cannot_be_written_as_a_demo_folder(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="num_frames"):
        write_demo_folder(scene, tmp_path / "a", 0)
    with pytest.raises(LabError, match="reads folders"):
        write_demo_folder(scene, tmp_path / "a.zip")
    (tmp_path / "mine.txt").touch()
    with pytest.raises(LabError, match="other files"):
        write_demo_folder(scene, tmp_path)
    scene.clear()
    with pytest.raises(LabError, match="no entity is controlled"):
        write_demo_folder(scene, tmp_path / "a")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "JSON"),
        ("[]", "dict"),
        ("{}", "1 to 255 entities"),
        ('{"1": 7}', "entity 1"),
        ('{"1": {"trajectory": [[1, 2]]}}', "mask_name"),
        ('{"1": {"mask_name": 3, "trajectory": [[1, 2]]}}', "mask_name"),
        ('{"1": {"mask_name": "../0_thing.png", "trajectory": [[1, 2]]}}', "not allowed"),
        ('{"1": {"mask_name": "gone.png", "trajectory": [[1, 2]]}}', "gone.png is missing"),
        ('{"1": {"mask_name": "demo.json", "trajectory": [[1, 2]]}}', "not a picture"),
        ('{"1": {"mask_name": "black.png", "trajectory": [[1, 2]]}}', "black.png.* is empty"),
        ('{"1": {"mask_name": "0_thing.png"}}', "trajectory"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": []}}', "no points"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": [[1, 2, 3]]}}', "trajectory"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": [["1", "2"]]}}', "not a list"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": [[1, NaN]]}}', "NaN"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": [[1, null]]}}', "not a list"),
        ('{"1": {"mask_name": "0_thing.png", "trajectory": [[9000, 1]]}}', "far outside"),
    ],
)
def test_bad_demo_folders_are_refused_by_name(text: str, word: str, tmp_path: Path) -> None:
    folder = demo(tmp_path / "mine", [[[8, 10]]])
    (folder / "black.png").write_bytes(encode_picture(np.zeros(SIZE, bool)))
    (folder / "demo.json").write_text(text)
    with pytest.raises(LabError, match=word) as caught:
        read_demo_folder(folder)
    assert str(caught.value).startswith('demo folder "mine": ')


def test_missing_parts_of_a_demo_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="not a folder"):
        read_demo_folder(tmp_path / "gone")
    with pytest.raises(LabError, match=r"demo\.json is missing"):
        read_demo_folder(tmp_path)
    folder = demo(tmp_path / "mine", [[[8, 10]]])
    with pytest.raises(LabError, match="not allowed"):
        read_demo_folder(folder, image="../mine/demo.png")
    with pytest.raises(LabError, match="mask_threshold"):
        read_demo_folder(folder, mask_threshold=0)
    (folder / "demo.png").unlink()
    with pytest.raises(LabError, match="pass the file name of the first frame"):
        read_demo_folder(folder)


def test_two_entries_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folder = demo(tmp_path, [[[8, 10]]])
    entry = {"mask_name": "0_thing.png", "trajectory": [[8, 10]]}
    (folder / "demo.json").write_text(json.dumps({"1": entry, "2": entry, "3": entry | {"name": "0_thing 2"}}))
    assert [e.name for e in read_demo_folder(folder)] == ["0_thing", "0_thing 2", "0_thing 2 2"]


# Wan-Move's track arrays


def test_tracks_come_back_exactly_in_the_shape_that_wan_move_reads(tmp_path: Path) -> None:
    tracks, visible = RNG.normal(100, 50, (81, 5, 2)).astype(np.float32), RNG.random((81, 5)) > 0.3
    first, second = write_wan_tracks(tracks, tmp_path / "boat_tracks.npy", visible)
    assert (first.name, second.name) == ("boat_tracks.npy", "boat_visibility.npy")
    assert np.load(first).shape == (1, 81, 5, 2) and np.load(second).shape == (1, 81, 5)
    for found in (read_wan_tracks(first), read_wan_tracks(first, second)):
        np.testing.assert_array_equal(found[0], tracks)
        np.testing.assert_array_equal(found[1], visible)
        assert found[0].dtype == np.float32 and found[1].dtype == bool
    paths = [path.at(81) for path in tracks_to_trajectories(tracks)]
    np.testing.assert_array_equal(np.stack(paths, axis=1), tracks)


def test_a_scene_becomes_one_track_an_entity(scene: Scene, tmp_path: Path) -> None:
    tracks, visible = read_wan_tracks(write_wan_tracks(scene, tmp_path / "x.npy")[0])
    np.testing.assert_array_equal(tracks, scene.paths(81))
    assert visible.all() and visible.shape == (81, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, ">f4"])
def test_unbatched_arrays_of_other_number_types_read_and_all_is_visible(dtype: Any, tmp_path: Path) -> None:
    tracks = RNG.integers(0, 99, (7, 3, 2))
    np.save(tmp_path / "a.npy", np.asfortranarray(tracks.astype(dtype)))
    found, visible = read_wan_tracks(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, tracks)
    assert visible.all() and visible.shape == (7, 3)
    np.save(tmp_path / "v.npy", np.float64([[1, 0, 1]] * 7))
    assert read_wan_tracks(tmp_path / "a.npy", tmp_path / "v.npy")[1][0].tolist() == [True, False, True]


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npy_header(text: str) -> bytes:
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not an .npy"),
        (b"hello", "not an .npy"),
        (npy(np.zeros((3, 2))), "shape"),
        (npy(np.zeros((3, 2, 3))), "shape"),
        (npy(np.zeros((0, 2, 2))), "shape"),
        (npy(np.zeros((2, 3, 2, 2))), "a batch of 2"),
        (npy(np.float64(3)), "shape"),
        (npy(np.full((2, 2, 2), np.nan)), "NaN"),
        (npy(np.full((2, 2, 2), 1e30)), "numbers over"),
        (npy(np.zeros((2, 2, 2), complex)), "complex128, not numbers"),
        (npy(np.array([[[None, 1]]]), allow_pickle=True), "object, not numbers"),
        (npy(np.zeros((9, 2, 2)))[:-5], "cut short"),
        (npy(np.zeros((100_001, 1, 2), np.float16)), "100,001 frames, over the limit"),
        (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000, 2), }"), "over the limit"),
        (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 1000, 2), }"), "cut short"),
        (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3, 2), }"), "shape|cut short|not an .npy"),
        (npy_header("__import__('os').system('echo')"), "not an .npy"),
        (encode_picture(np.zeros((4, 4, 3), np.uint8)), "not an .npy"),
    ],
    ids=range(18),
)
def test_bad_track_files_are_refused_by_name(data: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(LabError, match=word) as caught:
        read_wan_tracks(tmp_path / "a.npy")
    assert "a.npy" in str(caught.value)


def test_tracks_and_visibility_that_do_not_fit(tmp_path: Path) -> None:
    tracks = np.zeros((4, 2, 2), np.float32)
    first, second = write_wan_tracks(tracks, tmp_path / "a")
    np.save(second, np.ones((5, 2)))
    with pytest.raises(LabError, match=r"a_visibility.npy has shape \(5, 2\), but the tracks need \(4, 2\)"):
        read_wan_tracks(first)
    with pytest.raises(LabError, match="does not exist"):
        read_wan_tracks(first, tmp_path / "gone.npy")
    for bad, word in ((tracks[0], "shape"), (tracks[:, :0], "shape"), (tracks + np.nan, "NaN"), (tracks[:0], "shape")):
        with pytest.raises(LabError, match=word):
            write_wan_tracks(bad, tmp_path / "b")
    with pytest.raises(LabError, match="visibility"):
        write_wan_tracks(tracks, tmp_path / "b", np.ones((4, 3), bool))
    with pytest.raises(LabError, match="track"):
        write_wan_tracks(Scene(np.zeros((4, 4, 3), np.uint8)), tmp_path / "b")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 200), st.binary(min_size=1, max_size=20))
def test_damaged_track_files_read_or_are_refused(tmp_path: Path, place: int, junk: bytes) -> None:
    data = bytearray(npy(np.ones((3, 2, 2), np.float32)))
    data[place : place + len(junk)] = junk
    (tmp_path / "a.npy").write_bytes(data)
    try:
        tracks, visible = read_wan_tracks(tmp_path / "a.npy")
        assert tracks.shape[:2] == visible.shape and np.isfinite(tracks).all()
    except LabError as error:
        assert "a.npy" in str(error)


# The spline editor's points


def test_splines_come_back_exactly(scene: Scene, tmp_path: Path) -> None:
    text = write_spline_points(scene, tmp_path / "points.json")
    assert list(read_spline_points(text)) == ["boat"]
    np.testing.assert_array_equal(
        read_spline_points(tmp_path / "points.json")["boat"].points, scene["boat"].trajectory.points
    )
    store = json.loads(text)
    assert store[0]["points"][1] == {"x": 20.5, "y": 9} and store[0]["color"].startswith("#")
    paths = {"a": [(1, 2)], "b": Trajectory([(0.1, 1 / 3), (5, 6)])}
    found = read_spline_points(write_spline_points(paths))
    assert found == {"a": Trajectory([(1, 2)]), "b": Trajectory([(0.1, 1 / 3), (5, 6)])}
    assert json.loads(write_spline_points(paths))[0]["isSinglePoint"] is True


@pytest.mark.parametrize(
    "text",
    [
        '[{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]',
        "[{'x': 1, 'y': 2.5}, {'x': 3, 'y': 4}]",
        '[[{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]]',
        ' [{"points": [{"x": 1, "y": 2.5, "h2x": 9}, {"x": 3, "y": 4}], "color": "red", "name": "Spline 1"}]',
        '[{"points": [{"x": 1, "y": 2.5}, {"x": 3, "y": 4}], "name": 7}]',
    ],
)
def test_every_layout_of_the_editor_reads(text: str, tmp_path: Path) -> None:
    wanted = {"Spline 1": Trajectory([(1, 2.5), (3, 4)])}
    assert read_spline_points(text) == wanted
    (tmp_path / "a.json").write_text(text)
    assert read_spline_points(tmp_path / "a.json") == read_spline_points(str(tmp_path / "a.json")) == wanted


def test_several_splines_of_one_name_are_told_apart() -> None:
    row = '{"points": [{"x": 1, "y": 1}], "name": "Tom\'s"}'
    assert list(read_spline_points(f"[{row}, {row}, {row}]")) == ["Tom's", "Tom's 2", "Tom's 3"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[]", "is empty"),
        ("{}", "list"),
        ("[", "JSON"),
        ("[[]]", "no points"),
        ('[{"points": []}]', "no points"),
        ('[{"points": 7}]', "are not a list"),
        ('[{"x": 1}]', "point 0"),
        ('[{"x": 1, "y": "2"}]', "point 0"),
        ('[{"x": 1, "y": true}]', "point 0"),
        ('[{"x": 1, "y": NaN}]', "NaN"),
        ('[{"x": 1, "y": 1e999}]', "finite"),
        ("[7]", "are not a list"),
        ("[" + '[{"x": 1, "y": 1}],' * 255 + '[{"x": 1, "y": 1}]]', "256 splines are over the limit"),
        ("[" * 100_000, "nested|JSON"),
        ("missing.json", "missing.json"),
    ],
    ids=range(15),
)
def test_bad_splines_are_refused(text: str, word: str) -> None:
    with pytest.raises(LabError, match=word):
        read_spline_points(text)
    with pytest.raises(LabError, match="no trajectory"):
        write_spline_points({})
