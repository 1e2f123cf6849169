"""Folders and texts from the world: natural order, names that match, foreign files, encodings, consoles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.errors import LabError
from draganything_lab.evaluate.sources import find_sources
from draganything_lab.evaluate.vipseg import list_clips, load_clip
from draganything_lab.media.folder import natural_key, numbered, partners, shown
from draganything_lab.media.text import decode_text
from draganything_lab.scene import Scene
from draganything_lab.scene.saving import parse_json

SIZE = (64, 64)
MAC = b"\0\5\x16\7\0\2\0\0Mac OS X        "


def frame(t: int) -> np.ndarray:
    """A red block at 10 + 4t on blue; the block's left side tells the frame."""
    picture = np.full((*SIZE, 3), (40, 90, 160), np.uint8)
    picture[20:40, 8 + 3 * t : 24 + 3 * t] = (220, 60, 30)
    return picture


def like_vipseg(
    root: Path, count: int = 12, picture: str = "{:08d}.png", mask: str = "{:08d}.png", first: int = 0
) -> Path:
    for kind in ("imgs", "panomasks"):
        (root / kind / "clip").mkdir(parents=True)
    for t in range(count):
        Image.fromarray(frame(t)).save(root / "imgs" / "clip" / picture.format(t))
        ids = np.full(SIZE, 17, np.uint16)
        ids[20:40, 8 + 3 * t : 24 + 3 * t] = 6100
        if t >= first:
            Image.fromarray(ids).save(root / "panomasks" / "clip" / mask.format(t))
    return root


def order(video: np.ndarray) -> list[int]:
    return [int(np.argmax(picture[30, :, 0] > 130) - 8) // 3 for picture in video]


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("{:08d}.png", "{:08d}.png"),
        ("frame{}.png", "frame{}.png"),
        ("{}.png", "{}.png"),
        ("frame_{}_rgb.png", "frame_{}_rgb.png"),
        ("img{:05d}.png", "mask{}.png"),
        ("Frame{}.PNG", "frame{}.png"),
        ("a 2024-01-{:02d}.png", "a 2024-01-{:02d}.png"),
    ],
)
def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path, picture: str, mask: str) -> None:
    (source,) = find_sources(like_vipseg(tmp_path / "d", picture=picture, mask=mask))
    loaded = source.load(SIZE, 12, "opencv")
    assert order(loaded.reference) == list(range(12))
    assert any((entity.mask == (frame(0)[..., 0] > 130)).all() for entity in loaded.scene)


def test_hidden_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    root = like_vipseg(tmp_path / "d", 6)
    for kind in ("imgs", "panomasks"):
        folder = root / kind / "clip"
        for file in list(folder.iterdir()):
            (folder / f"._{file.name}").write_bytes(MAC)
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt", "clip.json"):
            (folder / name).write_bytes(MAC)
        (folder / ".ipynb_checkpoints").mkdir()
        (root / kind / ".ipynb_checkpoints").mkdir()
        (root / kind / "__MACOSX").mkdir()
    (source,) = find_sources(root)
    assert order(source.load(SIZE, 6, "opencv").reference) == list(range(6))


@pytest.mark.parametrize("first", [1, 4])
@pytest.mark.parametrize("paths", [False, True])
def test_masks_that_begin_later_belong_to_their_own_frame(tmp_path: Path, first: int, paths: bool) -> None:
    root = like_vipseg(tmp_path / "d", 10, first=first)
    if paths:
        (root / "trajectories").mkdir()
        points = [[16 + 3 * t, 30] for t in range(10)]
        (root / "trajectories" / "clip.json").write_text(json.dumps({"17": points, "6100": points}))
    scene, video = load_clip(root / "imgs" / "clip", SIZE, 5, "opencv")
    assert order(video) == list(range(first, first + 5))
    np.testing.assert_array_equal(scene[-1 % len(scene.entities)].mask, frame(first)[..., 0] > 130)
    np.testing.assert_allclose(scene.paths(5)[:, -1, 0], [16 + 3 * t for t in range(first, first + 5)], atol=1)
    with pytest.raises(LabError, match="from its first mask on"):
        load_clip(root / "imgs" / "clip", SIZE, 10, "opencv")


def test_what_is_not_sure_is_named(tmp_path: Path) -> None:
    root = like_vipseg(tmp_path / "a", 4)
    (root / "imgs" / "clip" / "1.png").write_bytes((root / "imgs" / "clip" / "00000001.png").read_bytes())
    with pytest.raises(LabError, match=r'order of "(1|00000001)\.png" and'):
        load_clip(root / "imgs" / "clip", SIZE, 4, "opencv")
    root = like_vipseg(tmp_path / "b", 4, picture="{}.png", mask="m{}_of_4.png")
    with pytest.raises(LabError, match="no mask has the name or the number"):
        load_clip(root / "imgs" / "clip", SIZE, 4, "opencv")
    (root / "val.txt").write_text("another")
    with pytest.raises(LabError, match="names none of the 1 clips"):
        list_clips(root)


@given(
    st.lists(st.integers(0, 10**6), min_size=1, unique=True), st.sampled_from(["", "frame", "IMG_"]), st.integers(1, 9)
)
def test_natural_order_is_that_of_the_numbers(numbers: list[int], word: str, digits: int) -> None:
    names = [f"{word}{number:0{digits}d}" for number in numbers]
    assert sorted(names, key=natural_key) == [f"{word}{number:0{digits}d}" for number in sorted(numbers)]


@given(st.lists(st.text("ab019._-", min_size=1, max_size=6), unique=True))
def test_natural_order_takes_any_name(names: list[str]) -> None:
    assert sorted(sorted(names), key=natural_key) == sorted(sorted(names, reverse=True), key=natural_key) or len(
        {natural_key(name) for name in names}
    ) < len(names)


def test_partners_are_never_matched_by_place(tmp_path: Path) -> None:
    def files(*names: str) -> list[Path]:
        return [Path(name) for name in names]

    assert partners(files("a1.jpg", "a2.jpg"), files("a2.png")) == {Path("a2.jpg"): Path("a2.png")}
    assert partners(files("a1.jpg", "a2.jpg"), files("x1.png", "x2.png")) == {
        Path("a1.jpg"): Path("x1.png"),
        Path("a2.jpg"): Path("x2.png"),
    }
    assert partners(files("cat.jpg", "dog.jpg"), files("x.png", "y.png")) == {}
    assert numbered(tmp_path / "missing") == []


CODES = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("code", CODES)
def test_lists_and_json_in_every_unicode_encoding(tmp_path: Path, code: str) -> None:
    assert decode_text("Möwe\r\nzwei".encode(code), "x") == "Möwe\r\nzwei"
    assert parse_json('{"Möwe": [1]}'.encode(code), "x.json") == {"Möwe": [1]}
    root = like_vipseg(tmp_path / "d", 4)
    (root / "val.txt").write_bytes("clip\r\n".encode(code))
    assert [clip.name for clip in list_clips(root)] == ["clip"]
    scene = Scene(frame(0))
    scene.add("Möwe", frame(0)[..., 0] > 130, [(10, 20)])
    scene.save(tmp_path / "s")
    index = tmp_path / "s" / "scene.json"
    index.write_bytes(index.read_bytes().decode().encode(code))
    assert Scene.load(tmp_path / "s") == scene


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff")), st.sampled_from(CODES[:3]))
def test_every_text_comes_back(text: str, code: str) -> None:
    assert decode_text(text.encode(code), "x") == text


def test_other_encodings_are_named() -> None:
    with pytest.raises(LabError, match=r"list\.txt is not UTF-8 text \(byte 1 is 0xf6\); save it as UTF-8"):
        decode_text("Möwe".encode("latin-1"), "list.txt")
    with pytest.raises(LabError, match="not valid JSON"):
        parse_json('{"Möwe": 1}'.encode("latin-1"), "x.json")


def test_a_name_that_is_not_utf8_costs_nothing(tmp_path: Path) -> None:
    scene = Scene(frame(0))
    scene.add("block", frame(0)[..., 0] > 130, [(16, 30), (30, 30)])
    for name in ("good.zip", os.fsdecode(b"M\xf6we.zip"), os.fsdecode(b"M\xfcwe.zip")):
        scene.save(tmp_path / "s" / name)
    names = [source.name for source in find_sources(tmp_path / "s")]
    assert len(set(names)) == 3 and all(name.encode() for name in names) and "M\ufffdwe" in names
    for source in find_sources(tmp_path / "s"):
        assert len(source.fingerprint()) == 16 and source.load(SIZE, 2, "opencv").scene == scene
    assert shown(os.fsdecode(b"M\xf6we")) == "M\ufffdwe"


@pytest.mark.parametrize("ending", ["MP4", "mov", "webm", "gif"])
def test_a_true_video_is_found_whatever_its_ending(tmp_path: Path, ending: str) -> None:
    scene = Scene(frame(0))
    scene.add("block", frame(0)[..., 0] > 130, [(16, 30), (30, 30)])
    scene.save(tmp_path / "a.b.zip")
    (tmp_path / f"a.b.{ending}").write_bytes(b"x")
    (tmp_path / f"._a.b.{ending}").write_bytes(MAC)
    (source,) = find_sources(tmp_path)
    assert source.reference


def test_a_console_that_cannot_print_loses_nothing(tmp_path: Path) -> None:
    scene = Scene(frame(0))
    scene.add("block", frame(0)[..., 0] > 130, [(16, 30), (30, 30)])
    scene.save(tmp_path / "s.zip")
    for code in ("cp932", "cp1252", "ascii", "latin-1"):
        out = tmp_path / f"Übung 日本 {code}" / "p.mp4"
        done = subprocess.run(
            [sys.executable, "-m", "draganything_lab.cli", "preview", "--scene", tmp_path / "s.zip", "--out", out],
            env={**os.environ, "PYTHONIOENCODING": code},
            capture_output=True,
        )
        assert done.returncode == 0 and out.is_file(), done.stderr.decode("latin-1")
        assert b"Wrote" in done.stdout
