"""The scene file: exact round trips, whole or not at all, and nothing hostile gets in."""

from __future__ import annotations

import json
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import draganything_lab.media.files as files
import draganything_lab.scene.saving as scene_file
from draganything_lab.errors import LabError
from draganything_lab.media import encode_picture
from draganything_lab.scene import EASINGS, Entity, Scene, Trajectory

load_scene = Scene.load


def save_scene(scene: Scene, path: Path) -> Path:
    return scene.save(path)


SIZE = (12, 16)


def make_scene() -> Scene:
    rng = np.random.default_rng(0)
    scene = Scene(
        rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8), settings={"model": "toy", "seed": 7, "list": [1, None]}
    )
    scene.add("boat", rng.random(SIZE) > 0.5, Trajectory([(1, 2), (3.3, 4.7)], [0, 9], "ease-in"), pinned=True)
    scene.add('Wölkchen "β" 雲', rng.random(SIZE) > 0.5)
    scene.add("back", rng.random(SIZE) > 0.5, Trajectory([(1e-3, 1 / 3)], spacing="time"), kind="background")
    return scene


@pytest.fixture
def scene() -> Scene:
    return make_scene()


# Round trips


@pytest.mark.parametrize("name", ["scene", "scene.zip", "scene.ZIP", "new folder/a b.zip", "new folder/ä"])
def test_what_is_read_equals_what_was_written(scene: Scene, name: str, tmp_path: Path) -> None:
    path = scene.save(tmp_path / name)
    assert Scene.load(path) == scene and Scene.load(str(path)) == scene
    assert not Scene.load(path).can_undo


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    scene = Scene(
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        settings=draw(st.dictionaries(names, json_values, max_size=3)),
    )
    for name in draw(st.lists(names, max_size=3, unique=True)):
        mask = rng.random((height, width)) > 0.7
        mask[rng.integers(height), rng.integers(width)] = True
        x, y = st.floats(-width, 2 * width, width=32), st.floats(-height, 2 * height, width=32)
        points = draw(st.none() | st.lists(st.tuples(x, y), min_size=1, max_size=4))
        trajectory = None
        if points is not None:
            frames = draw(st.none() | st.just([3 * k + 1 for k in range(len(points))]))
            easing, spacing = draw(st.sampled_from(sorted(EASINGS))), draw(st.sampled_from(["arc", "time"]))
            trajectory = Trajectory(points, frames, easing, spacing)
            if draw(st.booleans()):
                some = len(points)
                trajectory = Trajectory(
                    points,
                    frames,
                    easing,
                    spacing,
                    angles=draw(st.none() | st.lists(st.floats(-9999, 9999), min_size=some, max_size=some)),
                    sizes=draw(st.none() | st.lists(st.floats(0.3, 3), min_size=some, max_size=some)),
                    pace=None if frames else draw(st.sampled_from([None, [(0, 0), (1 / 3, 0.1), (1, 0.7)]])),
                )
        posed = trajectory is not None and trajectory.posed
        kind = draw(st.sampled_from(["foreground", "background", *(() if posed else ("camera",))]))
        scene.add(name, mask, trajectory, kind=kind, pinned=draw(st.booleans()))
    return scene


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(scenes())
def test_any_scene_comes_back_exactly(tmp_path: Path, scene: Scene) -> None:
    assert load_scene(save_scene(scene, tmp_path / "a.zip")) == scene
    assert load_scene(save_scene(scene, tmp_path / "a")) == scene


def test_the_files_are_those_that_the_design_names(scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "a")
    assert sorted(p.name for p in folder.iterdir()) == [
        "image.png",
        "mask_001.png",
        "mask_002.png",
        "mask_003.png",
        "scene.json",
    ]
    document = json.loads((folder / "scene.json").read_text("utf-8"))
    assert document["version"] == 1 and document["size"] == {"height": 12, "width": 16}
    assert document["entities"][0]["trajectory"]["frames"] == [0, 9] and document["settings"]["seed"] == 7
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "image.png")), scene.image)
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "mask_001.png")), scene["boat"].mask * 255)
    assert load_scene(folder / "scene.json") == scene


def test_turn_size_and_pace_are_version_2_and_a_scene_without_them_stays_version_1(
    scene: Scene, tmp_path: Path
) -> None:
    """Labs of before open what says nothing new; `test_the_files_are_those…` looks at such a scene."""
    scene.update("boat", trajectory=Trajectory([(1, 2), (3, 4)], angles=[10, 400], sizes=[2, 3], pace=[(0, 0), (1, 1)]))
    document = json.loads((save_scene(scene, tmp_path / "a") / "scene.json").read_text("utf-8"))
    assert document["version"] == 2
    boat, back = (document["entities"][n]["trajectory"] for n in (0, 2))
    assert (boat["angles"], boat["sizes"], boat["pace"]) == ([0, 390], [1, 1.5], [[0, 0], [1, 1]])
    assert list(back) == ["points", "frames", "easing", "spacing"]
    assert load_scene(tmp_path / "a") == scene
    scene.undo()
    assert json.loads((save_scene(scene, tmp_path / "a") / "scene.json").read_text("utf-8"))["version"] == 1


def test_the_same_scene_makes_the_same_archive(scene: Scene, tmp_path: Path) -> None:
    assert (
        save_scene(scene, tmp_path / "a.zip").read_bytes()
        == save_scene(scene.copy(), tmp_path / "b.zip").read_bytes()
        == scene.to_bytes()
    )


def test_a_folder_zipped_by_hand_reads_too(scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "hand.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._mine", b"rubbish")
        archive.mkdir("mine") if hasattr(archive, "mkdir") else None
        for file in folder.iterdir():
            archive.write(file, f"mine/{file.name}")
    assert load_scene(tmp_path / "hand.zip") == scene


def test_masks_saved_by_others_with_edges_half_grey_read_at_half(scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "a")
    soft = np.where(scene["boat"].mask, 200, 100).astype(np.uint8)
    (folder / "mask_001.png").write_bytes(encode_picture(soft))
    assert load_scene(folder) == scene


# Whole or not at all


@pytest.mark.parametrize("name", ["scene", "scene.zip"])
def test_saving_again_replaces_and_leaves_nothing_behind(scene: Scene, name: str, tmp_path: Path) -> None:
    save_scene(scene, tmp_path / name)
    scene.clear()
    save_scene(scene, tmp_path / name)
    assert load_scene(tmp_path / name) == scene
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["scene", "scene.zip"])
@pytest.mark.parametrize("call", ["rename", "replace", "fsync"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_failure_at_any_step_leaves_the_old_scene(
    scene: Scene, name: str, call: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_scene(scene, tmp_path / name)
    changed = scene.copy()
    changed.clear()
    calls, real = [0], getattr(os, call)

    def failing(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth:
            raise OSError(28, "No space left on device")
        return real(*args)

    monkeypatch.setattr(files.os, call, failing)
    try:
        save_scene(changed, path)
    except LabError as error:
        assert "No space left" in str(error) and load_scene(path) == scene
    else:
        assert calls[0] < nth and load_scene(path) == changed
    assert os.listdir(tmp_path) == [name]


def test_an_interrupt_between_the_two_moves_loses_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_scene(scene, tmp_path / "scene")
    real, calls = os.rename, []

    def interrupted(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(files.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_scene(scene, path)
    assert load_scene(path) == scene and os.listdir(tmp_path) == ["scene"]


def test_a_folder_with_other_files_is_left_alone(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LabError, match=r'other files \("notes.txt"\)'):
        save_scene(scene, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine" and os.listdir(tmp_path) == ["notes.txt"]
    (tmp_path / "sub" / "scene.json").mkdir(parents=True)
    with pytest.raises(LabError, match="other files"):
        save_scene(scene, tmp_path / "sub")
    with pytest.raises(LabError, match="is a file"):
        save_scene(scene, tmp_path / "notes.txt")
    with pytest.raises(LabError, match="cannot be written"):
        save_scene(scene, tmp_path / "notes.txt" / "scene")
    with pytest.raises(LabError, match="cannot be written"):
        save_scene(scene, "a\x00b")


def test_files_are_readable_by_others_as_the_umask_says(scene: Scene, tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        path, folder = save_scene(scene, tmp_path / "a.zip"), save_scene(scene, tmp_path / "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 and stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_what_could_not_be_read_back_is_not_written(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.settings["loss"] = float("nan")
    with pytest.raises(LabError, match="JSON"):
        save_scene(scene, tmp_path / "a.zip")
    scene.settings["loss"] = object()
    with pytest.raises(LabError, match="JSON"):
        save_scene(scene, tmp_path / "a.zip")
    scene.settings.clear()
    monkeypatch.setattr(scene_file, "MAX_JSON", 100)
    with pytest.raises(LabError, match="over the limit of 100"):
        save_scene(scene, tmp_path / "a.zip")
    monkeypatch.setattr(scene_file, "MAX_MASK_PIXELS", 500)
    with pytest.raises(LabError, match="3 masks of 16x12 are over the limit of 500"):
        save_scene(scene, tmp_path / "a.zip")
    assert os.listdir(tmp_path) == []


# What is wrong inside scene.json

Document = dict[str, Any]


def set_at(*path: Any) -> Callable[[Document], None]:
    """set_at("entities", 0, "name", 7) sets document["entities"][0]["name"] = 7."""

    def change(document: Any) -> None:
        for step in path[:-2]:
            document = document[step]
        document[path[-2]] = path[-1]

    return change


def drop(*path: Any) -> Callable[[Document], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


TRACK = ("entities", 0, "trajectory")
BAD: list[tuple[Callable[[Document], None], str]] = [
    (set_at("version", 3), "version 3, this lab reads up to 2; update"),
    (set_at("version", 0), "version 0"),
    (set_at("version", "1"), '"version" must be int, not str'),
    (set_at("version", True), '"version" must be int, not bool'),
    (set_at("version", 1.0), '"version" must be int, not float'),
    (drop("version"), '"version" is missing'),
    (set_at("format", "other"), "another kind"),
    (drop("format"), "another kind"),
    (set_at("size", "height", 13), "image is 16x12, but scene.json says 16x13"),
    (set_at("size", "height", -1), "size"),
    (set_at("size", "height", 10**9), "size"),
    (set_at("size", "width", 1e3), '"width" must be int, not float'),
    (set_at("size", [12, 16]), '"size" must be dict, not list'),
    (drop("size", "width"), '"width" is missing'),
    (set_at("image", "../image.png"), "not allowed"),
    (set_at("image", "/etc/passwd"), "not allowed"),
    (set_at("image", "..\\image.png"), "not allowed"),
    (set_at("image", "C:image.png"), "not allowed"),
    (set_at("image", ""), "not allowed"),
    (set_at("image", ".."), "not allowed"),
    (set_at("image", "image.png\x00"), "not allowed"),
    (set_at("image", "other.png"), "other.png is missing"),
    (set_at("image", "scene.json"), "not a picture"),
    (set_at("image", None), '"image" must be str'),
    (set_at("entities", {}), '"entities" must be list, not dict'),
    (set_at("entities", [None]), "entity 1 must be dict, not NoneType"),
    (set_at("entities", [{}] * 256), "256 entities are over the limit of 255"),
    (set_at("settings", []), '"settings" must be dict'),
    (drop("settings"), '"settings" is missing'),
    (set_at("entities", 0, "name", 7), '"name" must be str'),
    (set_at("entities", 0, "name", ""), "name"),
    (set_at("entities", 0, "name", "back"), "taken"),
    (set_at("entities", 0, "kind", "middle"), "foreground, background, camera"),
    (set_at("entities", 0, "kind", ["camera"]), '"kind" must be str'),
    (set_at("entities", 0, "pinned", 1), '"pinned" must be bool, not int'),
    (drop("entities", 0, "pinned"), r'entity 1 \("boat"\): "pinned" is missing'),
    (set_at("entities", 0, "mask", "../mask_001.png"), "not allowed"),
    (set_at("entities", 0, "mask", "mask_009.png"), "mask_009.png is missing"),
    (set_at(*TRACK, []), "trajectory must be dict"),
    (set_at(*TRACK, "points", []), "no points"),
    (set_at(*TRACK, "points", {}), '"points" must be list'),
    (set_at(*TRACK, "points", [[1, 2, 3]]), r"point 0 is \[1, 2, 3\]"),
    (set_at(*TRACK, "points", [["1", "2"]]), "point 0"),
    (set_at(*TRACK, "points", [[True, 2]]), "point 0"),
    (set_at(*TRACK, "points", [[10**400, 2]]), "not a list|point 0"),
    (set_at(*TRACK, "points", [[1e7, 2], [1, 1]]), "over the limit"),
    (set_at(*TRACK, "points", [[0, 0], [900, 9]]), "far outside the 16x12 picture"),
    (set_at(*TRACK, "frames", [0]), "2 points but 1 frames"),
    (set_at(*TRACK, "frames", [5, 5]), "make the frames increase"),
    (set_at(*TRACK, "frames", [0, 9.0]), "whole number"),
    (set_at(*TRACK, "frames", [0, True]), "whole number"),
    (set_at(*TRACK, "frames", "01"), '"frames" must be list'),
    (set_at(*TRACK, "easing", "bounce"), "easing"),
    (set_at(*TRACK, "easing", []), '"easing" must be str'),
    (set_at(*TRACK, "spacing", None), '"spacing" must be str'),
    (drop(*TRACK, "spacing"), '"spacing" is missing'),
    (set_at(*TRACK, "angles", [0]), "2 points but 1 angles"),
    (set_at(*TRACK, "angles", {"0": 1}), '"angles" must be list'),
    (set_at(*TRACK, "angles", [0, True]), r"angles is \[0, True\]"),
    (set_at(*TRACK, "angles", [0, 1e9]), "at most 1,000 turns"),
    (set_at(*TRACK, "sizes", [1, 0]), "size 1 is 0"),
    (set_at(*TRACK, "sizes", [1, 100]), "size 1 is 100 times the first"),
    (set_at(*TRACK, "sizes", ["1", 2]), "sizes is"),
    (set_at(*TRACK, "sizes", [10**400, 2]), "not a list of numbers"),
    (set_at(*TRACK, "pace", [[0, 0], [1, 1]]), "both frames and a pace"),
    (set_at(*TRACK, "pace", [[0, 0], [1, None]]), "pace is"),
    (set_at(*TRACK, "pace", [0, 1]), "pace has shape"),
    (set_at(*TRACK, "pace", [[0, 0], [0.5, 1]]), "ends at time 0.5"),
]


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(("change", "word"), BAD, ids=[str(k) for k in range(len(BAD))])
def test_wrong_types_and_values_are_refused_by_name(
    change: Callable[[Document], None], word: str, packed: bool, tmp_path: Path
) -> None:
    folder = save_scene(make_scene(), tmp_path / "mine")
    document = json.loads((folder / "scene.json").read_text("utf-8"))
    change(document)
    (folder / "scene.json").write_text(json.dumps(document), "utf-8")
    path = pack(folder) if packed else folder
    with pytest.raises(LabError, match=word) as caught:
        load_scene(path)
    assert str(caught.value).startswith('scene "mine')


def pack(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "scene.json must be dict, not list"),
        (b"null", "must be dict"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"version": NaN}', "it holds NaN"),
        (b'{"version": -Infinity}', "it holds -Infinity"),
        (b"[" * 200_000, "nested|not valid JSON"),
        (b'{"version": ' + b"1" * 10_000 + b"}", "JSON|another kind"),
        (b" " * (8 * 2**20 + 1), "over the limit of 8,388,608 bytes"),
    ],
    ids=range(10),
)
def test_what_is_no_json_is_refused(text: bytes, word: str, scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "mine")
    (folder / "scene.json").write_bytes(text)
    for path in (folder, pack(folder)):
        with pytest.raises(LabError, match=word):
            load_scene(path)


def test_nan_points_are_refused(scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "mine")
    text = (folder / "scene.json").read_text("utf-8")
    for number, word in (("NaN", "NaN"), ("Infinity", "Infinity"), ("1e999", "inf")):
        (folder / "scene.json").write_text(text.replace("[1, 2]", f"[{number}, 2]"), "utf-8")
        with pytest.raises(LabError, match=word):
            load_scene(folder)


def test_damaged_pictures_and_masks_are_refused(scene: Scene, tmp_path: Path) -> None:
    folder = save_scene(scene, tmp_path / "mine")
    mask = (folder / "mask_001.png").read_bytes()
    for data, word in (
        (mask[: len(mask) // 2], r'entity 1 \("boat"\): mask is (damaged|not a picture)'),
        (b"", "mask is empty"),
        (encode_picture(np.zeros(SIZE, bool)), "mask is empty: no pixel"),
        (encode_picture(np.ones((5, 5), bool)), "mask is 5x5 but the picture is 16x12"),
        (encode_picture(np.ones((3000, 3000), bool)), "mask is 3000x3000"),
    ):
        (folder / "mask_001.png").write_bytes(data)
        with pytest.raises(LabError, match=word):
            load_scene(folder)
    (folder / "mask_001.png").write_bytes(mask)
    huge = bytearray(encode_picture(scene.image))
    huge[16:24] = struct.pack(">II", 20_000, 20_000)  # width and height in the header
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    (folder / "image.png").write_bytes(huge)
    with pytest.raises(LabError, match="400,000,000 pixels, over the limit"):
        load_scene(folder)


# What is wrong around it


def test_missing_and_foreign_files(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not exist"):
        load_scene(tmp_path / "nothing")
    with pytest.raises(LabError, match=r"scene\.json is missing"):
        load_scene(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"")
    with pytest.raises(LabError, match=r"not a \.zip archive"):
        load_scene(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(encode_picture(scene.image))
    with pytest.raises(LabError, match=r"not a \.zip archive"):
        load_scene(tmp_path / "a.zip")
    with pytest.raises(LabError, match="does not exist"):
        load_scene("a\x00b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX files")
def test_links_pipes_and_folders_inside_are_refused(scene: Scene, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encode_picture(scene.image))
    folder = save_scene(scene, tmp_path / "mine")
    (folder / "image.png").unlink()
    (folder / "image.png").symlink_to(secret)
    with pytest.raises(LabError, match="is a link"):
        load_scene(folder)
    (folder / "image.png").unlink()
    os.mkfifo(folder / "image.png")
    with pytest.raises(LabError, match="not a regular file"):
        load_scene(folder)
    (folder / "image.png").unlink()
    (folder / "image.png").mkdir()
    with pytest.raises(LabError, match="not a regular file"):
        load_scene(folder)


def archive_of(
    scene: Scene, path: Path, extra: Callable[[zipfile.ZipFile], None] | None = None, **options: Any
) -> Path:
    files_ = zipfile.ZipFile(save_scene(scene, path.with_name("good.zip")))
    with files_, zipfile.ZipFile(path, "w", **options) as archive:
        for name in files_.namelist():
            archive.writestr(name, files_.read(name))
        if extra is not None:
            extra(archive)
    return path


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil", "\\evil", ".."])
def test_an_archive_with_a_path_that_leads_out_is_refused(name: str, scene: Scene, tmp_path: Path) -> None:
    path = archive_of(scene, tmp_path / "a.zip", lambda archive: archive.writestr(zipfile.ZipInfo(name), b"x"))
    with pytest.raises(LabError, match="leads out of it"):
        load_scene(path)
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "good.zip"]


def test_other_archives_that_are_not_to_be_trusted(scene: Scene, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("mask_099.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (lambda a: a.writestr(link, b"/etc/passwd"), {}, "link"),
        (lambda a: [a.writestr(f"{k}.txt", b"") for k in range(1000)], {}, "over the limit of 1,000"),
        (lambda a: [a.writestr(f"{'x' * 200}{k}.txt", b"") for k in range(5000)], {}, "too many entries"),
        (None, {"compression": zipfile.ZIP_LZMA}, "unusual compression"),
        (None, {"compression": zipfile.ZIP_BZIP2}, "unusual compression"),
    ]
    for extra, options, word in cases:
        with pytest.raises(LabError, match=word):
            load_scene(archive_of(scene, tmp_path / "a.zip", extra, **options))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archive_of(scene, tmp_path / "a.zip", lambda a: a.writestr("scene.json", b"{}"))
    with pytest.raises(LabError, match="two entries with the same name"):
        load_scene(path)


def test_a_bomb_is_not_unpacked(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scene.json", b" " * (64 * 2**20))
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(LabError, match="over the limit of 8,388,608 bytes"):
        load_scene(tmp_path / "bomb.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20
    monkeypatch.setattr(scene_file, "MAX_PICTURE", 1000)
    with pytest.raises(LabError, match=r"image.png in .* is over the limit of 1,000 bytes"):
        big = Scene(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
        load_scene(save_scene(big, tmp_path / "big.zip"))
    monkeypatch.setattr(files, "MAX_ZIP", 100)
    with pytest.raises(LabError, match="over the limit of 100 bytes for an archive"):
        load_scene(tmp_path / "big.zip")


def test_an_archive_that_lies_about_sizes_or_checksums_is_refused(scene: Scene, tmp_path: Path) -> None:
    data = bytearray(save_scene(scene, tmp_path / "a.zip").read_bytes())
    entry = data.rfind(b"PK\x01\x02")  # the last entry of the directory: the last mask
    for offset, value in ((16, 12345), (24, 3)):  # its checksum, its size
        broken = bytearray(data)
        struct.pack_into("<I", broken, entry + offset, value)
        (tmp_path / "b.zip").write_bytes(broken)
        with pytest.raises(LabError, match=r"damaged|cut short|not a picture"):
            load_scene(tmp_path / "b.zip")
    struct.pack_into("<H", data, entry + 8, 1)
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(LabError, match="encrypted"):
        load_scene(tmp_path / "b.zip")


def test_an_archive_cut_short_anywhere_is_refused(scene: Scene, tmp_path: Path) -> None:
    data = save_scene(scene, tmp_path / "a.zip").read_bytes()
    for length in range(0, len(data), max(1, len(data) // 60)):
        (tmp_path / "b.zip").write_bytes(data[:length])
        with pytest.raises(LabError):
            load_scene(tmp_path / "b.zip")


GOOD: list[bytes] = []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=30))
def test_a_damaged_archive_reads_or_is_refused_but_never_crashes(tmp_path: Path, place: int, junk: bytes) -> None:
    if not GOOD:
        GOOD.append(save_scene(make_scene(), tmp_path / "good.zip").read_bytes())
    data = bytearray(GOOD[0])
    place %= len(data)
    data[place : place + len(junk)] = junk
    path = tmp_path / "damaged.zip"
    path.write_bytes(data)
    try:
        assert isinstance(load_scene(path), Scene)
    except LabError as error:
        assert str(error).startswith('scene "damaged.zip": ')


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), any_json)
def test_any_value_in_any_place_reads_or_is_refused_but_never_crashes(
    tmp_path: Path, data: st.DataObject, value: Any
) -> None:
    folder = tmp_path / "mine"
    if not folder.exists():
        save_scene(make_scene(), folder)
        (tmp_path / "scene.json").write_bytes((folder / "scene.json").read_bytes())
    document = json.loads((tmp_path / "scene.json").read_text("utf-8"))
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    (folder / "scene.json").write_text(json.dumps(document), "utf-8")
    try:
        scene = load_scene(folder)
    except LabError:
        return
    assert load_scene(save_scene(scene, tmp_path / "again.zip")) == scene


def test_an_entity_keeps_its_masks_memory_once(scene: Scene, tmp_path: Path) -> None:
    loaded = load_scene(save_scene(scene, tmp_path / "a.zip"))
    entity = loaded["boat"]
    assert Entity(entity.name, entity.mask).mask is entity.mask and not entity.mask.flags.writeable
