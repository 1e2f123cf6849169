"""Cut-outs: what is taken along, what stays behind at their edges, and that nothing changes before they move."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.control import cuts
from draganything_lab.control.cuts import cut_layers, edge_width, part
from draganything_lab.control.split import layers_of, layers_of_tracks
from draganything_lab.media.picture import psnr
from draganything_lab.pipeline.preview import preview
from draganything_lab.scene.scene import Scene

FINE = 8  # times as many pixels, to draw soft edges


def disc(centre: tuple[float, float], radius: float, size: int = 64) -> np.ndarray:
    """(size, size) float32: how much of each pixel a disc covers."""
    fine = np.zeros((size * FINE, size * FINE), np.float32)
    cv2.circle(fine, tuple(round(FINE * v) for v in centre), round(FINE * radius), 1.0, -1)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def over(cover: np.ndarray, colour: np.ndarray, behind: np.ndarray) -> np.ndarray:
    return (cover[..., None] * colour + (1 - cover[..., None]) * behind + 0.5).astype(np.uint8)


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """A gradient between two colours."""
    ends = rng.integers(0, 256, (2, 3)).astype(np.float32)
    return np.linspace(ends[0], ends[1], 64)[:, None].repeat(64, axis=1).astype(np.float32)


@given(seed=st.integers(0, 999), dx=st.integers(22, 34), radius=st.floats(4, 9))
@settings(max_examples=40, deadline=None)
def test_a_moved_thing_has_the_edges_it_would_have_there(seed, dx, radius):
    rng = np.random.default_rng(seed)
    behind, colour = backdrop(rng), rng.integers(0, 256, 3).astype(np.float32)
    cover = disc((16, 30), radius)
    picture, truth = over(cover, colour, behind), over(disc((16 + dx, 30), radius), colour, behind)
    layers = layers_of_tracks([cover > 0.5], np.array([[[16.0, 30.0]], [[16.0 + dx, 30.0]]]))
    carried = layers.carry(picture, [0, 1])
    assert (carried.pictures[0] == picture).all() and (carried.known[0] == 255).all()
    known = carried.known[1] == 255
    hard = np.where((cover > 0.5)[..., None], picture, 0)
    rough = np.where(np.roll(cover > 0.5, dx, 1)[..., None], np.roll(hard, dx, 1), picture)
    assert psnr(truth, carried.pictures[1], known) >= psnr(truth, rough, known) - 0.1
    contrast = np.abs(colour - behind).sum(axis=2).max()
    if contrast > 150:
        assert psnr(truth, carried.pictures[1], known) > 32


def test_a_preview_has_soft_edges_too():
    rng = np.random.default_rng(5)
    behind, cover = backdrop(rng), disc((16, 30), 7)
    colour = np.array([250.0, 20.0, 30.0], np.float32)
    scene = Scene(over(cover, colour, behind))
    scene.add("disc", cover > 0.5, [(16, 30), (44, 30)])
    truth, last = over(disc((44, 30), 7), colour, behind), preview(scene, 3, label=False)[-1]
    assert psnr(truth, last, disc((44, 30), 10) > 0) > 32


def blobs(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A mask of one to three ellipses, some of them holes."""
    mask = np.zeros(size, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre, axes = rng.integers(0, max(size), 2).tolist(), rng.integers(1, 20, 2).tolist()
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.random() < 0.8), -1)
    return mask > 0


@given(seed=st.integers(0, 9999), count=st.integers(1, 4), side=st.sampled_from([36, 48, 96, 144]))
@settings(max_examples=60, deadline=None)
def test_before_they_move_layers_of_any_shape_make_the_picture(seed, count, side):
    """Overlapping ones, too, such that stay among such that move, and at other sizes."""
    rng = np.random.default_rng(seed)
    size = (48, 64)
    masks = [mask for _ in range(count) if (mask := blobs(rng, size)).any()]
    if not masks:
        return
    tracks = np.zeros((2, len(masks), 2))
    tracks[1] = rng.integers(0, 2, (len(masks), 1)) * [9, 5]  # some stay
    picture = rng.integers(0, 256, (side, side * 4 // 3, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 4)))
    carried = layers_of_tracks(masks, tracks).carry(picture, [0, 1])
    assert np.abs(carried.pictures[0].astype(int) - picture)[carried.known[0] > 40].max() <= 2
    if side == 48:
        assert (carried.known[0] == 255).all()


@given(seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_both_parts_of_a_pixel_make_it_again(seed):
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), np.uint8), (0, 0), float(rng.uniform(0.3, 4)))
    mask, near = blobs(rng, (48, 64)), blobs(rng, (48, 64))
    parted = part(picture.astype(np.float32), mask.astype(np.float32), near, int(rng.integers(1, 4)))
    assert not (parted.told & near).any() and parted.alpha.min() >= 0 and parted.alpha.max() <= 1
    assert ((parted.alpha == mask) | parted.told | (parted.alpha == 0) | (parted.alpha == 1)).all()
    again = parted.colour + (1 - parted.alpha[..., None]) * parted.behind
    assert np.abs(again - picture)[parted.told].max(initial=0) < 0.01
    assert parted.behind[parted.told].min(initial=0) >= -0.01 and parted.behind[parted.told].max(initial=0) < 255.01


def test_large_pictures_are_worked_on_in_pieces_with_the_same_result(monkeypatch):
    rng = np.random.default_rng(3)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (90, 130, 3), np.uint8), (0, 0), 2)
    mask = blobs(np.random.default_rng(8), (90, 130))
    whole = cut_layers(picture, [mask], [True])
    monkeypatch.setattr(cuts, "TILE", 16)
    pieces = cut_layers(picture, [mask], [True])
    np.testing.assert_allclose(whole[0][0].colour, pieces[0][0].colour, atol=1e-2)
    assert (whole[1] == pieces[1]).mean() > 0.999 and (whole[2] == pieces[2]).all() and whole[2].any()


def test_the_mask_decides_where_colours_do_not():
    mask = disc((20, 20), 8, 40) > 0.5
    nothing = np.zeros((40, 40), bool)
    alike = np.full((40, 40, 3), 120, np.float32)
    assert (part(alike, mask.astype(np.float32), nothing, 1).alpha == mask).all()
    outlined = np.where(mask[..., None], np.float32(200), np.float32(60)).repeat(3, axis=2)
    rim = mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    outlined[rim] = (0, 0, 255)  # no mixture of the two
    assert (part(outlined, mask.astype(np.float32), nothing, 1).alpha == mask).all()


@pytest.mark.parametrize("side", [30, 40, 60, 80, 120])
def test_things_that_touch_leave_nothing_of_each_other_behind(side):
    left, right = np.zeros((2, 40, 60), bool)
    left[10:30, 10:25], right[10:30, 25:41] = True, True
    picture = np.full((40, 60, 3), 40, np.uint8)
    picture[left], picture[right] = (220, 60, 60), (60, 60, 220)
    picture = cv2.resize(picture, (side * 3 // 2, side), interpolation=cv2.INTER_AREA)
    away = np.array([[[17.0, 20.0], [33.0, 20.0]], [[17.0, 90.0], [33.0, 90.0]]])
    carried = layers_of_tracks([left, right], away).carry(picture, [0, 1])
    middle = slice(side * 14 // 40, side * 26 // 40), slice(side * 16 // 40, side * 34 // 40)
    assert carried.known[1][middle].max() == 0, "a line of colour between them"
    assert np.abs(carried.filled[1][middle].astype(int) - 40).max() < 25


def test_what_stands_in_front_keeps_its_edge_and_its_colours():
    """Its edge pixels are mixed with those of what moves behind it, and the masks overlap, as those of clicks do."""
    moving, front = np.zeros((2, 64, 64), bool)
    moving[20:40, 8:30], front[16:48, 24:44] = True, True
    picture = np.full((64, 64, 3), 90, np.uint8)
    picture[moving], picture[front] = (240, 60, 60), (60, 60, 240)
    picture[20:40, 24] = (150, 60, 150)
    scene = Scene(picture)
    scene.add("moving", moving, [(16, 30), (16, 55)])
    scene.add("front", front)
    carried = layers_of(scene, 5).carry(scene.image, range(5))
    assert (carried.pictures[:, 16:44, 24:44] == picture[16:44, 24:44]).all()
    assert (preview(scene, 5, label=False)[:, 16:44, 24:44] == picture[16:44, 24:44]).all()


@pytest.mark.parametrize(("blur", "off"), [(1.2, 0), (1.2, -1), (1.5, 1)])
def test_holes_take_no_colour_of_what_left_them(blur, off):
    """In pictures with blurred edges, and with masks that are a pixel too small or too large, as those of clicks."""
    behind, colour = np.full((256, 256, 3), 220.0), np.array([20.0, 30.0, 120.0])
    cover = disc((90, 128), 40, 256)
    picture = cv2.GaussianBlur(over(cover, colour, behind), (0, 0), blur)
    mask = disc((90, 128), 40 + off, 256) > 0.5
    away = np.array([[[90.0, 128.0]], [[190.0, 128.0]]])
    carried = layers_of_tracks([mask], away).carry(picture, [0, 1])
    left = (cover > 0) & (disc((190, 128), 44, 256) == 0)
    assert np.abs(carried.filled[1].astype(int) - 220)[left].mean() < 12


@pytest.mark.parametrize("thick", [1.5, 2, 3, 5.5])
@pytest.mark.parametrize("start", [0.0, 0.3, 0.5])
def test_thin_bars_leave_no_shadow_where_they_were(thick, start):
    wide = 4 * 128
    cover = np.zeros((wide, wide), np.float32)
    for bar in range(4):
        top = round(4 * (20.0 + 12 * bar + start))
        cover[top : top + round(4 * thick), 80:240] = 1
    cover = cv2.resize(cover, (128, 128), interpolation=cv2.INTER_AREA)
    picture = over(cover, np.array([10.0, 10, 10]), np.full((128, 128, 3), 200.0))
    away = np.array([[[40.0, 40.0]], [[100.0, 80.0]]])
    carried = layers_of_tracks([cover > 0.5], away).carry(picture, [0, 1])
    known = carried.known[1][..., None] / 255
    left = known * carried.pictures[1] + (1 - known) * carried.filled[1]
    assert np.abs(left[:60, 15:65] - 200).mean() < 4 and np.abs(left[:60, 15:65] - 200).max() < 45
    assert np.abs(carried.pictures[0].astype(int) - picture).max() <= 1


@pytest.mark.parametrize("side", [1, 2, 3])
def test_few_pixels_are_cut_out_as_they_are(side):
    picture = np.full((16, 16, 3), 30, np.uint8)
    mask = np.zeros((16, 16), bool)
    mask[5 : 5 + side, 5 : 5 + side] = True
    picture[mask] = 200
    cut = cut_layers(picture, [mask], [True])[0][0]
    assert cut.colour[..., 3].sum() == pytest.approx(side**2, abs=0.5 * side)


def test_edges_grow_with_the_picture():
    assert edge_width((64, 64)) == edge_width((256, 384)) == 1 and edge_width((1080, 1920)) == 4
    assert edge_width((512, 512), 8.0) >= 4, "a mask enlarged eight times is soft over eight pixels"


def test_the_live_preview_cuts_as_the_preview_does():
    from draganything_lab.studio.canvas.sprites import cut_sprite

    rng = np.random.default_rng(5)
    behind, cover = backdrop(rng), disc((16, 30), 7)
    picture = over(cover, np.array([250.0, 20.0, 30.0], np.float32), behind)
    soft, hard = (cut_sprite(cover > 0.5, picture, moves) for moves in (True, False))
    assert set(np.unique(hard.pixels[..., 3])) == {0, 255}
    left, top = soft.corner
    found = soft.pixels[..., 3] / 255
    true = cover[top : top + found.shape[0], left : left + found.shape[1]]
    assert np.abs(found - true).mean() < 0.02 and soft.size == found.shape[::-1]
    off = np.abs(soft.pixels[..., :3].astype(int) - (250, 20, 30)).max(axis=2)
    assert (off[found > 0.3] <= 3).mean() > 0.95 and off[found > 0.3].max() <= 25
