"""Folders of clips: as they come, in windows, with entities and paths, and everything that may be wrong with them."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.cli.main import main
from draganything_lab.errors import LabError
from draganything_lab.media.clip_folders import find_clips, frame_numbers, missing_clips
from draganything_lab.media.clip_frames import crop_box, cropped_points, load_frame, load_ids
from draganything_lab.scene.formats.trajectory_json import read_trajectories
from draganything_lab.scene.masks import inscribed_circle
from draganything_lab.toyland.clip_folder import FIRST_SEED, true_paths, write_clip, write_clips
from draganything_lab.toyland.sampler import sample_clip
from draganything_lab.training.full.check import inspect_clip
from draganything_lab.training.full.entities import choose_entities, union
from draganything_lab.training.full.paths import known_paths, tracked_paths
from draganything_lab.training.full.reading import read_window
from draganything_lab.training.full.report import check_folder
from draganything_lab.training.full.windows import place_of, window_starts, windows_of

SIZE = (64, 96)


def write(file: Path, array: np.ndarray, **options: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file, **options)


def block(t: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Ids: stuff 17 everywhere, and object 6101 as a square that moves 3 pixels per frame."""
    ids = np.full(size, 17, np.uint16)
    ids[20:40, 10 + 3 * t : 30 + 3 * t] = 6101
    return ids


def vipseg(root: Path, name: str = "a", count: int = 8, size: tuple[int, int] = SIZE) -> Path:
    for t in range(count):
        picture = np.full((*size, 3), (40, 90, 160), np.uint8)
        picture[block(t, size) == 6101] = (220, 60, 30)
        write(root / "imgs" / name / f"{t:08}.jpg", picture, quality=95)
        write(root / "panomasks" / name / f"{t:08}.png", block(t, size))
    return root


# Windows


@given(st.integers(0, 60), st.integers(2, 20), st.integers(1, 4), st.none() | st.integers(1, 30))
def test_windows_lie_in_the_run_and_reach_its_end(count: int, frames: int, stride: int, hop: int | None) -> None:
    starts = window_starts(count, frames, stride, hop)
    span = (frames - 1) * stride + 1
    assert bool(starts) == (count >= span)
    if starts:
        assert starts[0] == 0 and starts[-1] == count - span and sorted(set(starts)) == starts
        assert all(after - before <= (hop or max(1, frames * stride // 2)) for before, after in pairwise(starts))


@given(st.lists(st.integers(0, 12), max_size=4), st.integers(2, 5), st.integers(1, 3))
def test_no_window_reaches_over_a_gap(lengths: list[int], frames: int, stride: int) -> None:
    runs = [[(run, place) for place in range(length)] for run, length in enumerate(lengths)]
    for window in windows_of(runs, frames, stride):
        assert len({run for run, _ in window}) == 1 and len(window) == frames
        assert {b[1] - a[1] for a, b in pairwise(window)} == {stride}


@pytest.mark.parametrize(("frames", "stride", "hop"), [(1, 1, None), (4, 0, None), (4, 1, 0)])
def test_windows_that_are_not_videos_are_refused(frames: int, stride: int, hop: int | None) -> None:
    with pytest.raises(LabError, match="use at least"):
        window_starts(10, frames, stride, hop)


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.integers(1, 300))
@settings(max_examples=60)
def test_each_epoch_shows_every_clip_once(seed: int, epoch: int, count: int) -> None:
    numbers = [place_of(seed, epoch * count + place, count) for place in range(count)]
    assert {found for found, _ in numbers} == {epoch}
    assert sorted(clip for _, clip in numbers) == list(range(count))


def test_epochs_differ_and_seeds_differ() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [place_of(seed, epoch * 50 + place, 50)[1] for place in range(50)]

    assert order(0, 0) == order(0, 0) and order(0, 0) != order(0, 1) and order(0, 0) != order(1, 0)
    with pytest.raises(LabError, match="count samples from 0"):
        place_of(0, -1, 5)


# Folders


def test_vipseg_and_its_lists(tmp_path: Path) -> None:
    for name in ("a", "b", "c 2"):
        vipseg(tmp_path, name, 3)
    names = {split: [clip.name for clip in find_clips(tmp_path, split)] for split in ("train", "all")}
    assert names == {"train": ["a", "b", "c 2"], "all": ["a", "b", "c 2"]}
    with pytest.raises(LabError, match='no clips in its split "val"'):
        find_clips(tmp_path, "val")
    (tmp_path / "val.txt").write_text("c 2\ngone\n")
    assert [clip.name for clip in find_clips(tmp_path, "train")] == ["a", "b"]
    assert [clip.name for clip in find_clips(tmp_path, "val")] == ["c 2"]
    assert missing_clips(tmp_path, "val") == ["gone"]
    (tmp_path / "train.txt").write_text("nothing\n")
    with pytest.raises(LabError, match=r"train\.txt names none of the 3 clips"):
        find_clips(tmp_path, "train")


def test_youtube_vos_with_masks_in_every_fifth_picture(tmp_path: Path) -> None:
    for t in range(31):
        write(tmp_path / "train" / "JPEGImages" / "v1" / f"{t:05}.jpg", np.full((*SIZE, 3), t, np.uint8))
        if t % 5 == 0:
            mask = Image.fromarray((block(t // 5) == 6101).astype(np.uint8) * 2, "P")
            mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
            file = tmp_path / "train" / "Annotations" / "v1" / f"{t:05}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            mask.save(file)
    (tmp_path / "train" / "meta.json").write_text(
        json.dumps({"videos": {"v1": {"objects": {"2": {"category": "boat", "frames": ["00000"]}}}}})
    )
    (clip,) = find_clips(tmp_path, "train")
    assert not clip.is_stuff(2) and [frame.picture.stem for frame in clip.frames] == [
        f"{t:05}" for t in range(0, 31, 5)
    ]
    assert [len(run) for run in clip.runs()] == [7]
    found = inspect_clip(clip)
    assert (
        found.ids == {2: 7} and "24 of 31 pictures have no mask" in str(found.problems[0]) and not found.problems[0].fix
    )
    assert len(found.windows(4)) == 3
    with pytest.raises(LabError, match='nothing for the split "val"'):
        find_clips(tmp_path, "val")


def test_a_folder_without_clips(tmp_path: Path) -> None:
    for folder, words in ((tmp_path, "no imgs/ with panomasks/"), (tmp_path / "none", "is not a folder")):
        with pytest.raises(LabError, match=words):
            find_clips(folder)
    (tmp_path / "imgs").mkdir()
    (tmp_path / "panomasks").mkdir()
    with pytest.raises(LabError, match=r"has no clips in its split"):
        find_clips(tmp_path)


def test_missing_frames_end_a_run_and_even_steps_do_not(tmp_path: Path) -> None:
    vipseg(tmp_path, count=10)
    (tmp_path / "imgs" / "a" / "00000004.jpg").unlink()
    (clip,) = find_clips(tmp_path)
    assert [len(run) for run in clip.runs()] == [4, 5]
    problems = [str(problem) for problem in inspect_clip(clip).problems]
    assert any("frames are missing before this one, after 00000003.jpg" in words for words in problems)
    assert any("there is no picture of this name" in words for words in problems)
    assert frame_numbers(["f3 of 9", "f4 of 9"]) == [0, 1] and frame_numbers(["a_00007", "a_00010"]) == [7, 10]


# Frames


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(8, 900), st.integers(8, 900))
def test_a_crop_is_inside_and_has_the_shape(height: int, width: int, tall: int, wide: int) -> None:
    left, top, right, bottom = crop_box((height, width), (tall, wide))
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    full = (right - left == width) or (bottom - top == height)
    assert full and abs((right - left) - (bottom - top) * wide / tall) <= max(1.0, wide / tall)


def test_pictures_masks_and_points_are_cropped_alike(tmp_path: Path) -> None:
    own, size = (180, 320), (64, 64)
    picture, ids = np.zeros((*own, 3), np.uint8), np.zeros(own, np.uint16)
    picture[60:100, 150:190] = 255
    ids[60:100, 150:190] = 40000
    write(tmp_path / "p.jpg", picture, quality=100, subsampling=0)
    write(tmp_path / "m.png", ids)
    frame, mask = load_frame(tmp_path / "p.jpg", size), load_ids(tmp_path / "m.png", size)
    assert frame.shape == (*size, 3) and set(np.unique(mask)) == {0, 40000}
    assert ((frame[..., 0] > 127) != (mask > 0)).mean() < 0.02
    (x, y), _ = inscribed_circle(mask > 0)
    point = cropped_points(np.array([[169.5, 79.5]]), own, size)[0]
    assert np.hypot(x - point[0], y - point[1]) < 1.0


def test_a_picture_turned_by_exif_is_read_as_it_is_shown(tmp_path: Path) -> None:
    picture = np.zeros((60, 120, 3), np.uint8)
    picture[:, :60] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise by a quarter
    write(tmp_path / "p.jpg", picture, exif=exif, quality=95)
    shown = load_frame(tmp_path / "p.jpg", (48, 24))
    assert shown[:20].min() > 200 and shown[-20:].max() < 50


# Entities and paths


def test_entities_are_chosen_objects_first_and_ids_come_and_go() -> None:
    ids = np.stack([block(t).astype(np.int32) for t in range(8)])
    ids[:, 50:60, 50:80] = 6102
    ids[3:, 50:60, 50:80] = 17  # leaves after three frames
    ids[:, 0:16, 0:16] = 6103
    ids[3:5, 0:16, 0:16] = 17  # comes back
    ids[2:, 0:20, 60:90] = 6104  # appears later
    ids[:, 62:64, 0:3] = 6105
    found = choose_entities(ids, lambda number: number < 125)
    assert found.ids.tolist() == [17, 6101, 6103]  # stuff is drawn first
    assert found.left_out[6102] == "is seen in 3 of 8 frames" and "covers 0.1" in found.left_out[6105]
    assert 6104 not in found.left_out and not found.seen[3:5, 2].any() and found.seen[5:, 2].all()
    assert np.allclose(found.points[:, 2], found.points[0, 2]) and (found.radii[:, 2] > 7).all()
    assert choose_entities(ids, lambda number: number < 125, most=1).ids.tolist() == [6101]
    assert choose_entities(ids, lambda number: number < 125, stuff=False).ids.tolist() == [6101, 6103]
    assert np.array_equal(union(ids, found.ids), np.isin(ids, found.ids))
    assert choose_entities(np.zeros((3, 64, 64), np.int32), bool).ids.size == 0


def test_toyland_on_disk_holds_its_true_paths(tmp_path: Path) -> None:
    names = write_clips(tmp_path, 3, SIZE, 6, held_out=1, say=lambda words: None)
    assert [clip.name for clip in find_clips(tmp_path, "val")] == names[2:]
    clip = sample_clip(FIRST_SEED, SIZE, 6)
    known = read_trajectories(tmp_path / "trajectories" / f"{names[0]}.json")
    first = load_ids(tmp_path / "panomasks" / names[0] / "00000000.png")
    assert {str(number) for number in np.unique(first)} == set(known)
    for label in range(len(clip.kinds) + 1):
        mask = clip.labels[0] == label
        if mask.any():
            (number,) = np.unique(first[mask])
            centre = np.array([inscribed_circle(mask)[0]], np.float32)
            assert np.allclose(known[str(number)], clip.follow(label, centre)[:, 0], atol=1e-3)
    picture = load_frame(tmp_path / "imgs" / names[0] / "00000005.jpg", SIZE)
    assert np.abs(picture.astype(int) - clip.video[5]).mean() < 4


def test_both_ways_to_get_paths_agree_with_the_truth(tmp_path: Path) -> None:
    """Of objects that keep most of their mask in view: the tracker follows a point, the masks' centre wanders a bit."""
    errors: dict[str, list[float]] = {"tracked": [], "masks": []}
    for seed in range(4):
        drawn = sample_clip(FIRST_SEED + seed, (96, 144), 8)
        ids = [1, *range(12601, 12601 + len(drawn.kinds))]
        write_clip(drawn, tmp_path / str(seed), "clip", ids)
        (clip,) = find_clips(tmp_path / str(seed))
        video, masks = read_window(clip.frames, (96, 144))
        found = choose_entities(masks, clip.is_stuff, stuff=False)
        if not len(found.ids):
            continue
        true = np.stack([true_paths(drawn, ids)[number] for number in found.ids.tolist()], axis=1)
        known = known_paths(clip, found, list(range(8)), (96, 144))
        assert np.allclose(np.stack([known[place] for place in range(len(found.ids))], axis=1), true, atol=1e-3)
        for way, paths in (("tracked", tracked_paths(video, found, "opencv")), ("masks", found.points)):
            errors[way] += np.linalg.norm(paths - true, axis=2).mean(axis=0).tolist()
    assert len(errors["masks"]) >= 4
    assert np.median(errors["tracked"]) < 1.5 and np.median(errors["masks"]) < 4
    assert np.median(errors["tracked"]) < np.median(errors["masks"])


# Looking for problems


def _spoil(root: Path, kind: str) -> None:
    picture, mask = root / "imgs" / "a" / "00000002.jpg", root / "panomasks" / "a" / "00000002.png"
    if kind == "cut picture":
        picture.write_bytes(picture.read_bytes()[:-200])
    elif kind == "cut mask":
        mask.write_bytes(mask.read_bytes()[:-60])
    elif kind == "empty picture":
        picture.write_bytes(b"")
    elif kind == "text":
        picture.write_text("version https://git-lfs")
    elif kind == "mask of another size":
        write(mask, block(2, (32, 48)))
    elif kind == "picture of another size":
        write(picture, np.zeros((32, 48, 3), np.uint8))
        write(mask, block(2, (48, 60))[:32, :48])
    elif kind == "colour mask":
        write(mask, np.zeros((*SIZE, 3), np.uint8))
    elif kind == "jpeg mask":
        mask.unlink()
        write(mask.with_suffix(".jpg"), block(2).astype(np.uint8))
    elif kind == "float mask":
        mask.unlink()
        write(mask.with_suffix(".tif"), block(2).astype(np.float32))
    elif kind == "loop":
        picture.unlink()
        os.symlink(picture, picture)
    elif kind == "folder":
        picture.unlink()
        picture.mkdir()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cut picture", "damaged or cut short"),
        ("cut mask", "cannot be read"),
        ("empty picture", "is empty"),
        ("text", "is not a picture"),
        ("mask of another size", "the mask is 48x32, but the picture 96x64"),
        ("picture of another size", "it is 48x32, most of the clip 96x64"),
        ("colour mask", "in colour"),
        ("jpeg mask", "which changes numbers"),
        ("float mask", "holds fractions"),
        ("loop", "leads nowhere or in a circle"),
        ("folder", "frames are missing before this one"),
    ],
)
def test_one_bad_file_is_named_and_the_rest_is_used(tmp_path: Path, kind: str, words: str) -> None:
    _spoil(vipseg(tmp_path), kind)
    report = check_folder(tmp_path, extent=(5, 1, None), threads=1)
    said = report.text()
    assert words in said and "0000000" in said
    assert report.usable == 1 and report.frames == 7 and report.windows == 1  # frames 3 to 7 are one run


def test_a_clip_that_cannot_be_used_leaves_the_others_alone(tmp_path: Path) -> None:
    vipseg(tmp_path, "good", 6)
    vipseg(tmp_path, "one", 1)
    vipseg(tmp_path, "twice", 3)
    write(tmp_path / "imgs" / "twice" / "1.jpg", np.zeros((*SIZE, 3), np.uint8))
    (tmp_path / "imgs" / "empty").mkdir()
    vipseg(tmp_path, "bare", 3)
    for file in (tmp_path / "panomasks" / "bare").iterdir():
        file.unlink()
    os.symlink(tmp_path / "imgs" / "nowhere", tmp_path / "imgs" / "nowhere")
    report = check_folder(tmp_path, extent=(5, 1, None))
    said = report.text()
    assert "1 of 5 clips can be used: 2 windows of 5 frames" in said
    for words in ("has 1, but a window needs 5", "ambiguous", "no pictures", "no masks", "nowhere: the link leads"):
        assert words in said, words
    assert check_folder(tmp_path, quick=True, extent=(5, 1, None)).usable == 1


def test_suffixes_in_capitals_numbers_from_elsewhere_and_eight_bits(tmp_path: Path) -> None:
    for t in range(6):
        write(tmp_path / "images" / "v" / f"IMG_{t + 17}.JPG", np.zeros((*SIZE, 3), np.uint8), format="JPEG")
        ids = np.where(block(t) == 6101, 3, 255).astype(np.uint8)
        write(tmp_path / "panomasks" / "v" / f"mask{t + 17:04}.PNG", ids, format="PNG")
    report = check_folder(tmp_path, extent=(6, 1, None))
    assert report.usable == 1 and not report.problems and report.ids == {1: 1}


def test_check_says_what_comes_and_goes(tmp_path: Path) -> None:
    vipseg(tmp_path)
    ids = np.full(SIZE, 17, np.uint16)
    write(tmp_path / "panomasks" / "a" / "00000003.png", ids)
    report = check_folder(tmp_path, extent=(5, 1, None))
    assert "1 of 2 ids come and go: 6101" in report.text() and not report.problems


# The command


def test_the_command_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t"
    assert main(["clips", "toyland", str(out), "--clips", "2", "--size", "96x64", "--frames", "5"]) == 0
    assert "2 clips of 5 frames at 96x64" in capsys.readouterr().out
    assert main(["clips", "check", str(out), "--frames", "4"]) == 0
    assert "2 of 2 clips can be used: 4 windows of 4 frames" in capsys.readouterr().out
    assert main(["clips", "check", str(out)]) == 1  # windows of 14 frames
    assert "has 5, but a window needs 14" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["check", "{}/none"], "is not a folder"),
        (["check", "{}", "--frames", "1"], "use at least 2"),
        (["check", "{}", "--threads", "0"], "use at least 1"),
        (["toyland", "{}/t", "--clips", "0"], "write 1 to 100,000"),
        (["toyland", "{}/t", "--size", "100x100"], "multiples of 8"),
        (["toyland", "{}/t", "--size", "big"], "WIDTHxHEIGHT"),
        (["toyland", "{}/t", "--clips", "2", "--held-out", "2"], "leave at least one"),
        (["show", "{}", "--features", "{}/none"], "is not there; make it with"),
        (["show", "{}", "--features", "{}", "--samples", "x"], "write 1 to 8 numbers"),
        (["features", "{}", "--out", "{}/s", "--tracker", "none"], 'no tracker "none"'),
        (["features", "{}", "--out", "{}/s", "--entities", "17"], "use 1 to 16"),
    ],
)
def test_bad_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], error: str) -> None:
    vipseg(tmp_path, count=3)
    assert main(["clips", *(word.format(tmp_path) for word in words)]) == 2
    assert error in capsys.readouterr().err
