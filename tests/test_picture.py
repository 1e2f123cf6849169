"""Pictures and masks: every usual kind reads as it is meant, and what cannot be read is refused by name."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.errors import LabError
from draganything_lab.media import encode_picture, load_mask, load_picture, save_picture

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def as_bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_size(png: bytes, width: int, height: int) -> bytes:
    """A PNG whose header says another size."""
    data = bytearray(png)
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_what_is_stored_without_loss_comes_back_exactly(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "Bild mit Leerzeichen"
    path.write_bytes(as_bytes(Image.fromarray(RGB), kind))
    for source in (path, str(path), path.read_bytes(), Image.open(path), RGB):
        picture = load_picture(source)
        assert picture.dtype == np.uint8 and picture.flags.owndata and picture.flags.c_contiguous
        np.testing.assert_array_equal(picture, RGB)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_lossy_kinds_read(kind: str) -> None:
    smooth = np.full((16, 16, 3), (40, 120, 200), np.uint8)
    assert np.abs(load_picture(as_bytes(Image.fromarray(smooth), kind)).astype(int) - smooth).max() <= 6


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    data = as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (load_picture(data) == (255, 0, 0)).all()


def test_one_by_one_and_grey_and_one_bit() -> None:
    assert load_picture(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)
    np.testing.assert_array_equal(load_picture(RGB[..., 0]), np.repeat(RGB[..., :1], 3, axis=2))
    np.testing.assert_array_equal(
        load_picture(as_bytes(Image.fromarray(RGB[..., 0]))), np.repeat(RGB[..., :1], 3, axis=2)
    )
    bits = RGB[..., 0] > 127
    np.testing.assert_array_equal(load_picture(as_bytes(Image.fromarray(bits)))[..., 1], bits * 255)
    np.testing.assert_array_equal(load_picture(bits)[..., 1], bits * 255)


def test_transparent_is_laid_over_white() -> None:
    sticker = np.dstack([RGB, np.zeros((5, 7), np.uint8)])
    sticker[:, 3:, 3], sticker[0, 0, 3] = 255, 128
    for source in (sticker, as_bytes(Image.fromarray(sticker)), Image.fromarray(sticker)):
        picture = load_picture(source)
        assert (picture[1:, :3] == 255).all()
        np.testing.assert_array_equal(picture[:, 3:], RGB[:, 3:])
        np.testing.assert_allclose(picture[0, 0], (RGB[0, 0].astype(int) + 255) / 2, atol=2)
    palette = Image.fromarray(RGB).quantize(8)
    see_through = palette.getpixel((2, 2))
    clear = np.asarray(palette) == see_through
    assert (load_picture(as_bytes(palette, transparency=see_through))[clear] == 255).all()


def test_palette_cmyk_and_grey_with_alpha() -> None:
    palette = Image.fromarray(RGB).quantize(16)
    np.testing.assert_array_equal(load_picture(as_bytes(palette)), np.asarray(palette.convert("RGB")))
    cmyk = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    assert load_picture(as_bytes(cmyk, "TIFF"))[0, 0].tolist() == [255, 0, 0]
    assert load_picture(as_bytes(Image.new("LA", (4, 4), (10, 255)))).max() == 10


def test_sixteen_bits_become_eight() -> None:
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    for source in (deep, as_bytes(Image.fromarray(deep)), Image.fromarray(deep)):
        assert load_picture(source)[0, :, 0].tolist() == [0, 1, 128, 255]
    assert load_picture(np.array([[0, 1000, 65535]], np.int32))[0, :, 2].tolist() == [0, 4, 255]
    assert load_picture(np.array([[0.0, 0.5, 1.0]], np.float32))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_says(orientation: int) -> None:
    upright = np.zeros((30, 20, 3), np.uint8)
    upright[:10, :10] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = as_bytes(Image.fromarray(np.ascontiguousarray(stored)), "JPEG", exif=exif, quality=95)
    assert np.abs(load_picture(data).astype(int) - upright).max() < 30
    mask = load_mask(data, size=(30, 20))
    assert mask[:9, :9].all() and not mask[12:].any()


def test_a_broken_exif_block_does_not_cost_the_picture() -> None:
    data = as_bytes(Image.new("RGB", (8, 8), "red"), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff nonsense")
    assert load_picture(data).shape == (8, 8, 3)


def test_a_huge_picture_is_refused_by_its_limit_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "poster.png"
    path.write_bytes(with_size(as_bytes(Image.fromarray(RGB)), 20_000, 20_000))
    tracemalloc.start()
    for source in (path, path.read_bytes()):
        with pytest.raises(LabError, match=r"400,000,000 pixels, over the limit of 40,000,000 pixels"):
            load_picture(source)
        with pytest.raises(LabError, match="over the limit"):
            load_mask(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    endless = np.broadcast_to(np.uint8(0), (20_000, 20_000, 3))  # takes one byte
    with pytest.raises(LabError, match="20000x20000, over the limit of 8,192 pixels per side"):
        load_picture(endless)
    with pytest.raises(LabError, match="9000x10, over the limit of 8,192"):
        load_picture(as_bytes(Image.new("L", (9000, 10))))
    with pytest.raises(LabError, match="8000x8000, over the limit of 40,000,000 pixels"):
        load_picture(with_size(as_bytes(Image.fromarray(RGB)), 8000, 8000))
    assert load_picture(as_bytes(Image.new("1", (9000, 10))), max_side=9000).shape == (10, 9000, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_file_cut_short_is_refused(kind: str) -> None:
    noise = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = as_bytes(Image.fromarray(noise), kind)
    for part in (0, 1, 8, 40, len(data) // 2):
        with pytest.raises(LabError):
            load_picture(data[:part])


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        ("missing.png", "does not exist"),
        ("https://example.org/cat.png", "web address"),
        ("\x00", "does not exist|cannot be opened"),
        (".", "is a folder"),
        (None, "NoneType"),
        (7, "int"),
        ([[1, 2]], "list"),
        (np.zeros((0, 0, 3), np.uint8), "empty"),
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((2, 3, 4, 3), np.uint8), "shape"),
        (np.zeros((3, 20, 30), np.uint8), "shape"),
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), -0.1), "floats from"),
        (np.full((2, 2), 200.0), "scale them"),
        (np.full((2, 2), -1), "whole numbers"),
        (np.full((2, 2), 70_000), "whole numbers"),
        (np.full((2, 2), 1j), "complex"),
        (np.array([["a", "b"]]), "holds"),
        (np.array([[None, 1]]), "holds object"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(source: object, word: str) -> None:
    for load in (load_picture, load_mask):
        with pytest.raises(LabError, match=word):
            load(source)  # type: ignore[arg-type]


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "cat.png").touch()
    with pytest.raises(LabError, match=r'"cat.png" is empty \(0 bytes\)'):
        load_picture(tmp_path / "cat.png")


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]), st.data())
def test_damaged_files_read_or_are_refused_but_never_crash(junk: bytes, kind: str, data: st.DataObject) -> None:
    good = bytearray(as_bytes(Image.fromarray(RGB), kind))
    place = data.draw(st.integers(0, len(good)))
    good[place : place + len(junk)] = junk
    try:
        picture = load_picture(bytes(good))
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    except LabError as error:
        assert str(error).startswith("picture")


def test_masks_of_many_kinds() -> None:
    wanted = RGB[..., 0] >= 128
    for source in (
        wanted,
        wanted[..., None],
        wanted.astype(np.uint8),
        wanted.astype(np.int64),
        wanted.astype(np.float64),
        wanted * np.uint8(255),
        RGB[..., 0],
        as_bytes(Image.fromarray(RGB[..., 0])),
        as_bytes(Image.fromarray(np.repeat(RGB[..., :1], 3, axis=2))),
        as_bytes(Image.fromarray(wanted)),
        RGB[..., 0].astype(np.uint16) * 257,
    ):
        mask = load_mask(source, size=(5, 7))
        assert mask.dtype == bool and mask.flags.writeable
        np.testing.assert_array_equal(mask, wanted)
    assert not load_mask(np.zeros((3, 3), np.uint8)).any()
    clear = np.full((4, 4, 4), 255, np.uint8)
    clear[:2, :, 3] = 0
    np.testing.assert_array_equal(load_mask(as_bytes(Image.fromarray(clear)))[:, 0], [False, False, True, True])
    np.testing.assert_array_equal(
        load_mask(np.array([[0, 127, 128, 254, 255]], np.uint8), threshold=255)[0], [0, 0, 0, 0, 1]
    )


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(LabError, match="3000x3000 but the picture is 7x5"):  # said before anything is decoded
        load_mask(with_size(as_bytes(Image.fromarray(RGB)), 3000, 3000), size=(5, 7))
    for source in (np.ones((5, 9), bool), as_bytes(Image.new("L", (9, 5), 255))):
        with pytest.raises(LabError, match=r"9x5 but the picture is 7x5; resize"):
            load_mask(source, size=(5, 7))


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_saved_pictures_and_masks_come_back_exactly(suffix: str, tmp_path: Path) -> None:
    path = save_picture(RGB, tmp_path / "new" / f"a{suffix}")
    np.testing.assert_array_equal(load_picture(path), RGB)
    mask = RGB[..., 1] > 90
    np.testing.assert_array_equal(load_mask(save_picture(mask, path)), mask)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="lose pixels"):
        save_picture(np.ones((4, 4), bool), tmp_path / "mask.jpg")
    with pytest.raises(LabError, match="suffix"):
        save_picture(RGB, tmp_path / "a.xyz")
    with pytest.raises(LabError, match="float64"):
        save_picture(RGB / 255, tmp_path / "a.png")
    with pytest.raises(LabError, match="empty"):
        encode_picture(np.zeros((0, 3), np.uint8))
    (tmp_path / "file").write_text("x")
    with pytest.raises(LabError, match="cannot be written"):
        save_picture(RGB, tmp_path / "file" / "a.png")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
