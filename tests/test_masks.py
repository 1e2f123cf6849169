"""Masks from the world: each is read by what it means, or refused with a list of what was found."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from draganything_lab.cli.demo_job import photo_job
from draganything_lab.errors import LabError
from draganything_lab.media import load_mask
from draganything_lab.scene import Scene

H, W = 120, 160
Y, X = np.mgrid[:H, :W]
DISC = (Y - 60) ** 2 + (X - 60) ** 2 <= 30**2
RIM = ((Y - 60) ** 2 + (X - 60) ** 2 <= 34**2) & ~DISC
OTHER = (Y - 60) ** 2 + (X - 130) ** 2 <= 15**2
SOFT = cv2.GaussianBlur(DISC.astype(np.uint8) * 255, (0, 0), 2)
PHOTO = np.clip(120 + 60 * np.sin(X / 9) + 40 * np.cos(Y / 7) + np.random.default_rng(0).normal(0, 9, (H, W)), 0, 255)


def packed(image: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def palette(labels: np.ndarray, colours: dict[int, tuple[int, int, int]], **options: object) -> bytes:
    image = Image.fromarray(labels.astype(np.uint8))
    image = Image.frombytes("P", image.size, image.tobytes())
    table = [0] * 768
    for index, colour in colours.items():
        table[3 * index : 3 * index + 3] = colour
    image.putpalette(table)
    return packed(image, **options)  # type: ignore[arg-type]


VOC = {1: (128, 0, 0), 2: (0, 128, 0), 255: (224, 224, 192)}


def painted(inside: tuple[int, ...], outside: tuple[int, ...]) -> np.ndarray:
    return np.where(DISC[..., None], np.array(inside, np.uint8), np.array(outside, np.uint8)).astype(np.uint8)


def twice(mask: np.ndarray) -> np.ndarray:
    """Antialiased: drawn at four times the size and shrunk."""
    large = cv2.resize(mask.astype(np.uint8) * 255, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(cv2.GaussianBlur(large, (9, 9), 0), (W, H), interpolation=cv2.INTER_AREA)


EXACT = {
    "0 and 1": packed(DISC.astype(np.uint8)),
    "0 and 255": packed(DISC.astype(np.uint8) * 255),
    "one bit": packed(Image.fromarray(DISC)),
    "0 and 7": packed(DISC.astype(np.uint8) * 7),
    "0 and 128": packed(DISC.astype(np.uint8) * 128),
    "0 and 100": packed(DISC.astype(np.uint8) * 100),
    "16 bit, 1": packed(DISC.astype(np.uint16)),
    "16 bit, 255": packed(DISC.astype(np.uint16) * 255),
    "16 bit, 4095": packed(DISC.astype(np.uint16) * 4095),
    "16 bit, 65535": packed(DISC.astype(np.uint16) * 65535),
    "16 bit, 6100": packed(DISC.astype(np.uint16) * 6100),
    "32 bit TIFF": packed(DISC.astype(np.int32), "TIFF"),
    "float TIFF": packed(DISC.astype(np.float32), "TIFF"),
    "float TIFF of 255": packed(DISC.astype(np.float32) * 255, "TIFF"),
    "grey label with a rim": packed(DISC.astype(np.uint8) + 255 * RIM.astype(np.uint8)),
    "VOC": palette(DISC + 255 * RIM, VOC),
    "VOC without a rim": palette(DISC, VOC),
    "VOC, the thing is 2": palette(2 * DISC + 255 * RIM, VOC),
    "DAVIS, DAVIS": palette(DISC, {1: (236, 95, 103)}),
    "palette of black and white": palette(DISC, {0: (0, 0, 0), 1: (255, 255, 255)}),
    "palette of white and black": palette(~DISC, {0: (255, 255, 255), 1: (0, 0, 0)}),
    "palette of grey": palette(DISC * 255, {n: (n, n, n) for n in range(256)}),
    "palette of red paint, turned": palette(~DISC, {0: (255, 0, 0), 1: (0, 0, 0)}),
    "palette of red on white": palette(DISC, {0: (255, 255, 255), 1: (255, 0, 0)}),
    "palette, transparent ground": palette(DISC, VOC, transparency=0),
    "GIF of VOC": palette(DISC, VOC, kind="GIF"),
    "RGB white on black": packed(painted((255, 255, 255), (0, 0, 0))),
    "RGB of 1": packed(painted((1, 1, 1), (0, 0, 0))),
    "red on black": packed(painted((255, 0, 0), (0, 0, 0))),
    "dark blue on black": packed(painted((0, 0, 90), (0, 0, 0))),
    "red on white": packed(painted((255, 0, 0), (255, 255, 255))),
    "yellow on white": packed(painted((255, 255, 0), (255, 255, 255))),
    "cut-out": packed(np.dstack([PHOTO.astype(np.uint8)] * 3 + [DISC.astype(np.uint8) * 255])),
    "black paint on nothing": packed(painted((0, 0, 0, 255), (0, 0, 0, 0))),
    "blue paint on nothing": packed(painted((0, 0, 255, 255), (0, 0, 0, 0))),
    "half opaque paint": packed(painted((255, 0, 0, 127), (0, 0, 0, 0))),
    "white on white nothing": packed(painted((255, 255, 255, 255), (255, 255, 255, 0))),
    "grey with alpha": packed(Image.merge("LA", [Image.new("L", (W, H), 9), Image.fromarray(np.uint8(255) * DISC)])),
    "opaque RGBA": packed(painted((255, 255, 255, 255), (0, 0, 0, 255))),
    "opaque red RGBA": packed(painted((255, 0, 0, 255), (0, 0, 0, 255))),
    "WebP cut-out": packed(painted((255, 0, 0, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
    "BMP": packed(DISC.astype(np.uint8) * 255, "BMP"),
    "VOC in colours": packed(np.where(RIM[..., None], np.uint8([224, 224, 192]), painted((128, 0, 0), (0, 0, 0)))),
    "array of 0 and 1": DISC.astype(np.int64),
    "array of floats of 255": DISC.astype(np.float64) * 255,
    "array of labels": DISC.astype(np.int32) * 12,
    "array RGB": painted((0, 255, 0), (0, 0, 0)),
    "array (1, H, W)": DISC[None],
}
NEAR = {
    "JPEG": packed(DISC.astype(np.uint8) * 255, "JPEG", quality=60),
    "JPEG RGB": packed(painted((255, 255, 255), (0, 0, 0)), "JPEG", quality=60),
    "JPEG red": packed(painted((255, 0, 0), (0, 0, 0)), "JPEG", quality=85),
    "JPEG saved as PNG": packed(Image.open(io.BytesIO(packed(DISC.astype(np.uint8) * 255, "JPEG", quality=60)))),
    "antialiased": packed(twice(DISC)),
    "antialiased, few values": packed((twice(DISC) // 64 * 85).astype(np.uint8)),
    "blurred": packed(SOFT),
    "feathered": packed(cv2.GaussianBlur(DISC.astype(np.uint8) * 255, (0, 0), 8)),
    "16 bit, soft": packed(SOFT.astype(np.uint16) * 257),
    "grey paint, soft": packed((SOFT * 0.5).astype(np.uint8)),
    "red, soft": packed(np.dstack([SOFT, SOFT * 0, SOFT * 0])),
    "cut-out, soft": packed(np.dstack([PHOTO.astype(np.uint8)] * 3 + [SOFT])),
    "probabilities": SOFT / 255.0,
    "WebP": packed(DISC.astype(np.uint8) * 255, "WEBP", quality=50),
}
UNCLEAR = {
    "two labels": (palette(DISC + 2 * OTHER, VOC), r"2 labels: 0 \(.*1 \(.*2 \(.*label=1"),
    "two grey labels": (packed((DISC + 2 * OTHER).astype(np.uint8)), "2 labels"),
    "two grey labels and a rim": (packed((DISC + 2 * OTHER + 255 * RIM).astype(np.uint8)), "2 labels"),
    "two shades": (packed((DISC * 75 + 150 * OTHER).astype(np.uint8)), "2 labels: .*75.*150"),
    "two 16-bit ids": (packed(DISC.astype(np.uint16) * 6100 + 17 * OTHER.astype(np.uint16)), "17.*6100"),
    "a trimap": (packed((DISC * 255 + 128 * RIM + 128 * OTHER).astype(np.uint8)), "128"),
    "only the rim": (palette(255 * RIM, VOC), "only the uncertain rim"),
    "two colours on black": (
        packed(painted((255, 0, 0), (0, 0, 0)) + np.uint8([0, 0, 255]) * OTHER[..., None]),
        r"\(255, 0, 0\).*\(0, 0, 255\)",
    ),
    "red on blue": (packed(painted((255, 0, 0), (0, 0, 255))), r"2 colours"),
    "a photograph": (packed(PHOTO.astype(np.uint8)), "shades of grey"),
    "a colour photograph": (packed(np.dstack([PHOTO, PHOTO[::-1], PHOTO[:, ::-1]]).astype(np.uint8)), "many colours"),
    "transparent everywhere": (packed(painted((255, 255, 255, 0), (0, 0, 0, 0))), "transparent everywhere"),
    "half transparent ground": (packed(painted((255, 0, 0, 255), (0, 0, 0, 128))), "nowhere transparent"),
    "black, white and nothing": (
        packed(np.where(RIM[..., None], np.uint8([0, 0, 0, 0]), painted((255, 255, 255, 255), (0, 0, 0, 255)))),
        "three parts",
    ),
    "grey everywhere": (packed(np.full((H, W), 90, np.uint8)), "90"),
    "no half": (DISC * 0.3, "none of 0.5"),
    "many masks": (np.stack([DISC, OTHER]), "2 masks"),
    "negative": (DISC.astype(int) - 2 * OTHER, "below 0"),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_clear_mask_is_read_to_the_pixel(name: str) -> None:
    np.testing.assert_array_equal(load_mask(EXACT[name], size=(H, W)), DISC)


@pytest.mark.parametrize("name", NEAR)
def test_a_soft_mask_is_read_at_half(name: str) -> None:
    mask = load_mask(NEAR[name], size=(H, W))
    assert (mask & DISC).sum() / (mask | DISC).sum() > 0.9


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_clear_is_refused_with_what_was_found(name: str) -> None:
    source, words = UNCLEAR[name]
    with pytest.raises(LabError, match=words) as caught:
        load_mask(source)
    assert caught.value.fix


def test_a_label_is_chosen() -> None:
    two = DISC + 2 * OTHER
    for source in (palette(two, VOC), packed(two.astype(np.uint8)), two, packed(two.astype(np.uint16))):
        np.testing.assert_array_equal(load_mask(source, label=2), OTHER)
    np.testing.assert_array_equal(load_mask(palette(DISC + 255 * RIM, VOC), label=255), RIM)
    np.testing.assert_array_equal(load_mask(palette(two, VOC), label=(0, 128, 0)), OTHER)
    coloured = painted((255, 0, 0), (0, 0, 0)) + np.uint8([0, 0, 255]) * OTHER[..., None]
    np.testing.assert_array_equal(load_mask(packed(coloured), label=(0, 0, 255)), OTHER)
    with pytest.raises(LabError, match=r"no label 5; choose one of 0 \("):
        load_mask(packed(two.astype(np.uint8)), label=5)
    with pytest.raises(LabError, match=r"no colour \(9, 9, 9\)"):
        load_mask(packed(coloured), label=(9, 9, 9))
    with pytest.raises(LabError, match="in colour"):
        load_mask(packed(coloured), label=1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 65535),
    st.sampled_from(["uint8", "uint16", "int32", "int64", "float32", "float64"]),
    st.integers(0, 2**32 - 1),
)
def test_zero_and_one_other_value_are_a_mask_in_every_type(value: int, dtype: str, seed: int) -> None:
    value = value % 255 + 1 if dtype == "uint8" else value
    wanted = np.random.default_rng(seed).random((9, 11)) < 0.4
    wanted[0, 0], wanted[0, 1] = True, False
    np.testing.assert_array_equal(load_mask(wanted.astype(dtype) * np.dtype(dtype).type(value)), wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 250), min_size=2, max_size=5, unique=True), st.booleans())
def test_several_labels_are_never_merged_in_silence(labels: list[int], void: bool) -> None:
    values = np.zeros((60, 100), np.uint8)
    for place, label in enumerate(labels):
        values[20:45, 4 + 19 * place : 17 + 19 * place] = label
    if void:
        values[18:20] = 255
    with pytest.raises(LabError, match=r"labels|shades|value"):
        load_mask(packed(values))
    for label in labels:
        np.testing.assert_array_equal(load_mask(packed(values), label=label), values == label)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3), st.booleans())
def test_one_layer_of_any_colour_is_its_alpha(colour: tuple[int, int, int], half: bool) -> None:
    layer = painted((*colour, 127 if half else 255), (0, 0, 0, 0))
    np.testing.assert_array_equal(load_mask(packed(layer)), DISC)
    np.testing.assert_array_equal(load_mask(layer), DISC)


def test_every_door_reads_a_mask_alike(tmp_path: Path) -> None:
    picture = np.dstack([PHOTO] * 3).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    for number, name in enumerate(("VOC", "0 and 1", "cut-out", "red on white", "16 bit, 65535")):
        file = tmp_path / f"{number}.png"
        file.write_bytes(EXACT[name])  # type: ignore[arg-type]
        np.testing.assert_array_equal(Scene(picture).add("thing", file).mask, DISC)
        job = photo_job(str(tmp_path / "picture.png"), "60,60 90,60", mask=str(file))
        np.testing.assert_array_equal(job.scene[0].mask, DISC)
    file.write_bytes(palette(DISC + 2 * OTHER, VOC))
    np.testing.assert_array_equal(Scene(picture).add("thing", file, label=2).mask, OTHER)
    job = photo_job(str(tmp_path / "picture.png"), "130,60 90,60", mask=str(file), label="2")
    np.testing.assert_array_equal(job.scene[0].mask, OTHER)
    with pytest.raises(LabError, match="2 labels"):
        photo_job(str(tmp_path / "picture.png"), "130,60 90,60", mask=str(file))
    with pytest.raises(LabError, match='label is "x"'):
        photo_job(str(tmp_path / "picture.png"), "130,60 90,60", mask=str(file), label="x")
