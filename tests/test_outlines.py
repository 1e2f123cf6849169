"""Masks that are a little too small or too large: they fit the picture, and nothing stays behind."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.control.outlines import REACH, fitted
from draganything_lab.control.split import layers_of_tracks
from draganything_lab.media.picture import psnr
from draganything_lab.scene.masks import iou

FINE = 8  # times as many pixels, to draw soft edges
NONE = np.zeros((64, 64), bool)


def off_by(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask grown, or with a negative number shrunk, as if drawn carelessly."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    return (cv2.dilate if pixels > 0 else cv2.erode)(mask.astype(np.uint8), kernel).astype(bool)


def shape(kind: str, centre: tuple[float, float], radius: float, size: int = 64) -> np.ndarray:
    """(size, size) float32: how much of each pixel a disc, a square or a triangle covers."""
    fine = np.zeros((size * FINE, size * FINE), np.float32)
    middle = np.array(centre) * FINE
    if kind == "disc":
        cv2.circle(fine, tuple(middle.round().astype(int).tolist()), round(FINE * radius), 1.0, -1)
    else:
        turns = np.arange(4 if kind == "square" else 3) / (4 if kind == "square" else 3) * 2 * np.pi + 0.3
        corners = middle + 1.3 * FINE * radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        cv2.fillPoly(fine, [corners.round().astype(np.int32)], 1.0)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def drawn(kind: str, centre: tuple[float, float], radius: float, colours: np.ndarray, line: bool) -> np.ndarray:
    """A thing of one colour, or with a darker line around it, before another colour."""
    cover, inner = shape(kind, centre, radius), shape(kind, centre, radius - 2)
    own = colours[0] * 0.3 * (1 - inner[..., None]) + colours[0] * inner[..., None] if line else colours[0]
    return (cover[..., None] * own + (1 - cover[..., None]) * colours[1] + 0.5).astype(np.uint8)


def colours(rng: np.random.Generator) -> np.ndarray:
    """Two colours, (2, 3) float32; neither the first nor a darker one of it is like the second."""
    while True:
        pair = rng.integers(0, 256, (2, 3)).astype(np.float32)
        if min(np.linalg.norm(pair[0] * share - pair[1]) for share in (1, 0.3)) > 90:
            return pair


def wrong(seed: int, pixels: int) -> tuple[int, int, float]:
    """How many pixels a careless mask has wrong, before and after it is made to fit, and what its IoU gains by that.

    Pixels along the outline are a mixture and do not count.
    """
    rng = np.random.default_rng(seed)
    kind, radius, pair = ("disc", "square", "triangle")[seed % 3], rng.uniform(9, 15), colours(rng)
    picture, cover = drawn(kind, (32, 32), radius, pair, bool(rng.integers(2))), shape(kind, (32, 32), radius)
    careful, careless = cover > 0.5, off_by(cover > 0.5, pixels)
    found = fitted(picture, careless, NONE, 1).mask > 0.5
    mixed = cv2.dilate(((cover % 1) > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    before, after = (int(((mask != careful) & ~mixed).sum()) for mask in (careless, found))
    return before, after, iou(found, careful) - iou(careless, careful)


@given(seed=st.integers(0, 99_999), pixels=st.integers(-2, 2))
@settings(max_examples=80, deadline=None)
def test_a_careless_mask_fits_better_and_a_careful_one_stays(seed, pixels):
    before, after, better = wrong(seed, pixels)
    assert after <= before and better > -0.02
    if abs(pixels) < 2:
        assert after == 0


@pytest.mark.parametrize("pixels", [-2, 2])
def test_most_of_two_pixels_is_found(pixels):
    found = np.array([wrong(seed, pixels)[:2] for seed in range(60)])
    assert found[:, 0].min() > 0 and found[:, 1].sum() < found[:, 0].sum() / 4


@pytest.mark.parametrize("pixels", [-2, -1, 1, 2])
@pytest.mark.parametrize("line", [False, True])
def test_nothing_stays_behind_and_nothing_else_comes_along(pixels, line):
    pair = np.array([[230, 60, 40], [120, 190, 230]], np.float32)
    start, end = (drawn("disc", (x, 32), 10, pair, line) for x in (16, 46))
    mask = off_by(shape("disc", (16, 32), 10) > 0.5, pixels)
    carried = layers_of_tracks([mask], np.array([[[16.0, 32.0]], [[46.0, 32.0]]])).carry(start, [0, 1])
    assert (carried.pictures[0] == start).all()
    known = carried.known[1, ..., None] / 255
    last = carried.pictures[1] * known + carried.filled[1] * (1 - known)
    assert psnr(end, last.astype(np.uint8)) > 40


def test_what_is_beside_the_object_stays_there():
    """A wall that a ball hangs on, a speck at its side, and, where it was marked, a shell around half of it."""
    pair = np.array([[230, 60, 40], [120, 190, 230]], np.float32)
    ball, mask = drawn("disc", (32, 32), 10, pair, False), shape("disc", (32, 32), 10) > 0.5
    wall = NONE.copy()
    wall[:32, 24:40] = True
    picture = np.where((wall & ~mask)[..., None], np.uint8(20), ball)
    found, beside = fitted(picture, off_by(mask, -1), NONE, 1), wall & ~off_by(mask, 1)
    assert ((found.mask > 0.5) & mask).sum() > off_by(mask, -1).sum(), "the ball's own outline is found"
    assert not ((found.mask > 0.5) & beside).any() and not (found.rest & beside).any()
    speck = off_by(mask, 2) & ~mask & (np.arange(64) // 3 == 10) & (np.arange(64) < 32)[:, None]
    picture = np.where(speck[..., None], np.uint8(20), ball)
    assert not ((fitted(picture, mask, NONE, 1).mask > 0.5) & speck).any(), "too short to be an outline"
    shell = off_by(mask, 2) & ~mask
    shell[:, 32:] = False
    picture = np.where(shell[..., None], pair[0].astype(np.uint8), ball)
    assert not ((fitted(picture, mask, shell, 1).mask > 0.5) & shell).any()
    assert ((fitted(picture, mask, NONE, 1).mask > 0.5) & shell).any(), (
        "where nobody marked it, it seems to be the ball's"
    )


@given(seed=st.integers(0, 999), contrast=st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_where_nothing_is_plain_the_mask_decides(seed, contrast):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    mask = shape("disc", (32, 32), 12)
    picture = np.clip(picture + contrast * (mask[..., None] > 0.5), 0, 255).astype(np.uint8)
    found = fitted(picture, mask, NONE, 1).mask
    assert iou(found > 0.5, mask > 0.5) > 0.95
    alike = np.full((64, 64, 3), 99, np.uint8)
    assert (fitted(alike, mask, NONE, 1).mask == mask).all()


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("size", [(64, 64), (40, 300), (300, 40), (1, 5)])
def test_any_mask_is_taken(size, width):
    rng = np.random.default_rng(3)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3)).astype(np.float32), (0, 0), 2).astype(np.uint8)
    holes, two = rng.random(size) > 0.3, np.zeros(size, bool)
    two[:, :2] = two[:, -2:] = True
    one = np.zeros(size, bool)
    one[0, 0] = True
    for mask in (np.ones(size, bool), holes, two, one):
        found = fitted(picture, mask, np.zeros(size, bool), width)
        assert found.mask.shape == found.rest.shape == size and found.mask.dtype == np.float32
        assert ((found.mask == 0) | (found.mask == 1)).all() and not (found.rest & (found.mask > 0.5)).any()
        changed = (found.mask > 0.5) != mask
        outline = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) != cv2.erode(
            mask.astype(np.uint8), np.ones((3, 3))
        )
        far = cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, 5) > REACH * width + 1
        assert not (changed & far).any(), "farther than an outline can be off"
