"""Video files: what goes in comes out, and what is no video is refused by name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from draganything_lab.errors import LabError
from draganything_lab.media import encode_video, frame_strip, read_video, write_video
from draganything_lab.media.video import ffmpeg_path


def moving_disc(num_frames: int = 6, height: int = 48, width: int = 64) -> np.ndarray:
    """A pale disc crossing a blue picture: (T, H, W, 3) uint8."""
    frames = np.full((num_frames, height, width, 3), (40, 90, 160), np.uint8)
    for t, frame in enumerate(frames):
        cv2.circle(frame, (8 + 7 * t, height // 2), height // 5, (230, 220, 180), -1)
    return frames


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
@pytest.mark.parametrize("num_frames", [1, 2, 6])
def test_what_is_written_is_read_back(tmp_path: Path, kind: str, num_frames: int) -> None:
    clip = moving_disc(num_frames)
    back = read_video(write_video(tmp_path / "deep" / f"clip{kind}", clip))
    assert back.shape == clip.shape and back.dtype == np.uint8
    assert np.abs(back.astype(int) - clip).mean() < 3
    disc = [np.argwhere(frame[..., 0] > 135).mean(axis=0) for frame in back]
    truth = [np.argwhere(frame[..., 0] > 135).mean(axis=0) for frame in clip]
    assert np.abs(np.array(disc) - truth).max() < 1  # The disc is where it was: no frame lost, doubled or swapped.
    assert [file.name for file in (tmp_path / "deep").iterdir()] == [f"clip{kind}"]


@pytest.mark.parametrize(("size", "mp4_size"), [((1, 1), (2, 2)), ((47, 65), (48, 66)), ((2, 700), (2, 700))])
def test_odd_and_tiny_sizes(tmp_path: Path, size: tuple[int, int], mp4_size: tuple[int, int]) -> None:
    clip = np.full((3, *size, 3), 120, np.uint8)
    assert read_video(write_video(tmp_path / "a.mp4", clip)).shape == (3, *mp4_size, 3)
    assert read_video(write_video(tmp_path / "a.gif", clip)).shape == clip.shape


def test_an_mp4_plays_in_browsers(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving_disc())
    told = subprocess.run([ffmpeg_path(), "-i", str(path)], capture_output=True, text=True).stderr
    assert "h264" in told and "yuv420p" in told
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros((0, 8, 8, 3), np.uint8), "no frames"),
        ([], "no frames"),
        (np.zeros((2, 0, 8, 3), np.uint8), "no frames"),
        (np.zeros((8, 8, 3), np.uint8), r"\(8, 8, 3\)"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"\(2, 8, 8, 4\)"),
        (np.zeros((2, 8, 8, 3), np.float32), "float32"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], "different shapes"),
    ],
)
def test_what_is_no_clip_is_refused(frames: np.ndarray, words: str) -> None:
    with pytest.raises(LabError, match=words):
        encode_video(frames)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 60])
def test_wrong_rates_are_refused(fps: float) -> None:
    with pytest.raises(LabError, match="frames per second"):
        encode_video(moving_disc(2), fps, ".gif")


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"clip\.avi"):
        write_video(tmp_path / "clip.avi", moving_disc(1))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LabError, match="cannot be written"):
        write_video(tmp_path / "file" / "clip.mp4", moving_disc(1))


def test_files_that_are_no_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not exist"):
        read_video(tmp_path / "nothing.mp4")
    with pytest.raises(LabError, match="is a web address"):
        read_video("https://example.org/clip.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(LabError, match="0 bytes"):
        read_video(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("no video at all\n" * 50)
    with pytest.raises(LabError, match="is not a video"):
        read_video(tmp_path / "text.mp4")


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_cut_off_files_are_refused(tmp_path: Path, kind: str, part: float) -> None:
    data = encode_video(moving_disc(8, 120, 160), kind=kind)
    (tmp_path / f"cut{kind}").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(LabError, match="read to its end"):
        read_video(tmp_path / f"cut{kind}")


def test_long_and_large_videos_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", moving_disc(6))
    assert len(read_video(path, max_frames=6)) == 6
    with pytest.raises(LabError, match="more than 5 frames"):
        read_video(path, max_frames=5)
    monkeypatch.setattr("draganything_lab.media.video.MAX_BYTES", 6 * 48 * 64 * 3 - 1)
    with pytest.raises(LabError, match="6 frames of 64x48"):
        read_video(path)
    monkeypatch.setattr("draganything_lab.media.video.MAX_PIXELS", 1000)
    with pytest.raises(LabError, match="read to its end"):
        read_video(path)


def test_a_strip_shows_first_and_last_frame() -> None:
    clip = np.stack([np.full((40, 60, 3), 20 * t, np.uint8) for t in range(10)])
    strip = frame_strip(clip, count=4, height=20, numbers=False)
    assert strip.shape == (20, 4 * 30 + 3 * 4, 3)
    assert [int(strip[10, 15 + 34 * cell, 0]) for cell in range(4)] == [0, 60, 120, 180]
    assert (strip[:, 30:34] == 255).all()
    assert frame_strip(clip, count=4, height=20, columns=2, numbers=False).shape == (44, 64, 3)
    assert frame_strip(clip[:1], count=7, height=40, numbers=False).tolist() == clip[0].tolist()
    with pytest.raises(LabError, match="columns"):
        frame_strip(clip, columns=0)


def test_strip_numbers_leave_the_clip_alone() -> None:
    clip = np.full((2, 160, 200, 3), 200, np.uint8)
    strip = frame_strip(clip, height=160)
    assert (clip == 200).all() and (strip != 200).any()
