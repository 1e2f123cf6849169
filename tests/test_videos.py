"""Videos from the world: the frames are those that ffmpeg shows, and no library's exception gets out."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from draganything_lab.errors import LabError
from draganything_lab.media import read_video, write_video
from draganything_lab.media.video import ffmpeg_path

FRAMES, H, W = 7, 64, 96


def clip(height: int = H, width: int = W, count: int = FRAMES) -> np.ndarray:
    """A pale disc that crosses a picture whose four corners differ."""
    frames = np.full((count, height, width, 3), (40, 90, 160), np.uint8)
    frames[:, : height // 4, : width // 4] = (220, 30, 30)
    frames[:, : height // 4, -width // 4 :] = (30, 200, 30)
    for t, frame in enumerate(frames):
        cv2.circle(frame, (10 + 9 * t, height // 2), height // 6, (230, 220, 180), -1)
    return frames


def ffmpeg(*words: object) -> None:
    command = [ffmpeg_path(), "-v", "error", "-nostdin", "-y", *(os.fsdecode(str(word)) for word in words)]
    subprocess.run(command, check=True)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_video(tmp_path / "base.mp4", clip(), 10)


def near(got: np.ndarray, wanted: np.ndarray) -> None:
    assert got.shape == wanted.shape and got.dtype == np.uint8 and got.flags.writeable
    assert np.abs(got.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (-90, -1), (180, 2), (270, -1)])
def test_a_phone_s_video_is_turned_as_players_turn_it(base: Path, angle: int, turns: int) -> None:
    turned = base.with_name("turned.mov")
    ffmpeg("-display_rotation", angle, "-i", base, "-c", "copy", turned)
    near(read_video(turned), np.rot90(clip(), turns, axes=(1, 2)))
    shown = base.with_name("shown.png")
    ffmpeg("-i", turned, "-frames:v", 1, shown)
    assert np.abs(read_video(turned)[0].astype(int) - np.asarray(Image.open(shown).convert("RGB"))).max() <= 2


WAYS = {
    "HEVC.mp4": ("-c:v", "libx265", "-x265-params", "log-level=none"),
    "ten bits.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "full colour.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv444p"),
    "VP9.webm": ("-c:v", "libvpx-vp9"),
    "live.webm": ("-c:v", "libvpx", "-live", 1),
    "screen.mkv": ("-c:v", "ffv1"),
    "camera.avi": ("-c:v", "mjpeg"),
    "camera.MOV": ("-c:v", "mjpeg"),
    "stream.ts": ("-c:v", "libx264"),
    "windows.wmv": ("-c:v", "wmv2"),
    "old.mpg": ("-r", 25, "-c:v", "mpeg2video"),
    "moving.apng": ("-f", "apng"),
    "raw.h264": ("-c:v", "libx264"),
    "interlaced.mp4": ("-c:v", "libx264", "-flags", "+ilme+ildct"),
    "late.mp4": ("-c:v", "libx264", "-output_ts_offset", 5),
    "with sound.mp4": ("-c:v", "libx264", "-c:a", "aac", "-shortest"),
}


@pytest.mark.parametrize("name", WAYS)
def test_every_kind_keeps_its_frames(base: Path, name: str) -> None:
    made = base.with_name(name)
    sound = ("-f", "lavfi", "-i", "sine=440:d=0.7") if "sound" in name else ()
    ffmpeg(*sound, "-i", base, *WAYS[name], made)
    got = read_video(made)
    if "-r" in WAYS[name]:
        assert got.shape[1:] == (H, W, 3) and len(got) > FRAMES
        return
    near(got, clip())


@pytest.mark.parametrize(("size", "bits"), [((63, 95), 8), ((62, 94), 8), ((2, 2), 8)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], bits: int) -> None:
    for place, frame in enumerate(clip(*size)):
        Image.fromarray(frame).save(tmp_path / f"{place}.png")
    made = tmp_path / "odd.mkv"
    ffmpeg("-i", tmp_path / "%d.png", "-c:v", "ffv1", "-pix_fmt", "bgr0", made)
    np.testing.assert_array_equal(read_video(made), clip(*size))


def test_no_frame_rate_and_uneven_times_lose_no_frame(base: Path) -> None:
    for place, times in enumerate(("N*N/90", "if(lt(N\\,4)\\,N/1000\\,N)", "0.5*N/TB/10")):
        made = base.with_name(f"uneven{place}.mkv")
        stamps = times if "TB" in times else f"({times})/TB"
        ffmpeg(
            "-i",
            base,
            "-vf",
            f"setpts={stamps}",
            "-vsync",
            "passthrough",
            "-enc_time_base",
            "1:1000",
            "-c:v",
            "libvpx",
            made,
        )
        near(read_video(made), clip())


@pytest.mark.parametrize("kind", ["mp4", "mkv", "m4v"])
def test_a_cover_picture_is_no_video(base: Path, kind: str) -> None:
    cover, made = base.with_name("cover.png"), base.with_name(f"covered.{kind}")
    Image.new("RGB", (640, 480), "orange").save(cover)
    if kind == "mkv":
        ffmpeg("-i", base, "-attach", cover, "-metadata:s:t", "mimetype=image/png", "-c", "copy", made)
    else:
        ffmpeg("-i", cover, "-i", base, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v:0", "attached_pic", made)
    near(read_video(made), clip())


def test_sound_with_or_without_a_cover_is_named(base: Path) -> None:
    cover, made = base.with_name("cover.png"), base.with_name("song.mp3")
    Image.new("RGB", (64, 48), "orange").save(cover)
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", "-i", cover, "-map", 0, "-map", 1, "-c:v", "copy", made)
    with pytest.raises(LabError, match="cover picture, but no video"):
        read_video(made)
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", made)
    with pytest.raises(LabError, match="no video"):
        read_video(made)


def test_of_several_streams_the_shown_one_is_read_and_said(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    small, made = base.with_name("small.mkv"), base.with_name("both.mkv")
    ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32:d=0.5:r=10", "-c:v", "ffv1", small)
    ffmpeg(
        "-i",
        small,
        "-i",
        base,
        "-map",
        0,
        "-map",
        1,
        "-c",
        "copy",
        "-disposition:v:0",
        0,
        "-disposition:v:1",
        "default",
        made,
    )
    with caplog.at_level(logging.WARNING):
        near(read_video(made), clip())
    assert "2 video streams" in caplog.text


@pytest.mark.parametrize("title", ["Café 日本 🎬", b"Caf\xe9 \xff\xfe", "25 fps, 12x34", "a\nStream #0:9: Video: x"])
def test_titles_in_any_encoding(base: Path, title: str | bytes) -> None:
    for kind in ("mp4", "mkv", "avi"):
        made = base.with_name(f"titled.{kind}")
        text = os.fsdecode(title)
        subprocess.run(
            [
                ffmpeg_path(),
                "-v",
                "quiet",
                "-nostdin",
                "-y",
                "-i",
                str(base),
                "-c",
                "copy",
                "-metadata",
                f"title={text}",
                "-metadata:s:v",
                f"handler_name={text}",
                str(made),
            ]
        )
        if made.is_file() and made.stat().st_size:
            near(read_video(made), clip())


def test_a_size_that_changes_is_said(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = base.with_name("1.h264"), base.with_name("2.h264")
    ffmpeg("-i", base, "-c:v", "libx264", first)
    ffmpeg("-i", base, "-vf", "scale=48:96", "-c:v", "libx264", second)
    both = base.with_name("both.h264")
    both.write_bytes(first.read_bytes() + second.read_bytes())
    with caplog.at_level(logging.WARNING):
        frames = read_video(both)
    assert frames.shape == (2 * FRAMES, H, W, 3)
    assert f"changes its size at frame {FRAMES}" in caplog.text


def test_pixels_that_are_not_square_are_said(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = base.with_name("wide.mp4")
    ffmpeg("-i", base, "-vf", "setsar=64/45", made)
    with caplog.at_level(logging.WARNING):
        near(read_video(made), clip())
    assert "non-square pixels (64:45)" in caplog.text


def test_animated_webp_from_comfyui(tmp_path: Path) -> None:
    frames = clip()
    pictures = [Image.fromarray(frame) for frame in frames]
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"quality": 80})):
        path = tmp_path / f"ComfyUI_{name}_.webp"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=125, loop=0, **options)
        near(read_video(path), frames)
    with pytest.raises(LabError, match="more than 3 frames"):
        read_video(path, max_frames=3)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(LabError, match="read to its end"):
        read_video(path)


NAMES = ("-i.mp4", "a%03d.mp4", "100%.mp4", "a b'c\".mp4", "日本.mp4", b"M\xf6we.mp4", "concat:x|y.mp4")


@pytest.mark.parametrize("name", NAMES)
def test_names(base: Path, name: str | bytes) -> None:
    path = base.with_name(os.fsdecode(name))
    base.rename(path)
    near(read_video(path), clip())


def test_what_is_no_video_ends_in_a_sentence(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    for source, words in ((folder, "is a folder"), ("a\0b.mp4", "does not exist|cannot be opened")):
        with pytest.raises(LabError, match=words):
            read_video(source)
    for name, data in (
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"),
        ("concat.txt", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("zeros.mp4", bytes(5000)),
        ("page.mp4", b"<!DOCTYPE html><html><title>404</title></html>" * 20),
        ("lfs.mp4", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
        ("half.webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("head.mp4", base.read_bytes()[:40]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LabError) as caught:
            read_video(tmp_path / name)
        assert caught.value.fix and "Traceback" not in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_read_or_are_refused(base: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(base.read_bytes())
    for place in rng.integers(0, len(data), 20):
        data[place] = int(rng.integers(0, 256))
    path = base.with_name("damaged.mp4")
    path.write_bytes(data)
    try:
        frames = read_video(path)
        assert frames.ndim == 4 and frames.shape[3] == 3
    except LabError as error:
        assert "damaged.mp4" in str(error)
