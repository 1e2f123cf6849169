"""Cut-outs: what is taken along, what stays behind at their edges, and that nothing changes before they move."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.control.cuts import cut_layers, cut_out, edge_width, place_cut, unmixed
from draganything_lab.control.layers import layers_of, layers_of_tracks
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


@given(seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_what_is_taken_along_and_what_stays_make_the_picture(seed):
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), np.uint8), (0, 0), float(rng.uniform(0.3, 4)))
    mask = np.zeros((48, 64), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre, axes = rng.integers(0, 64, 2).tolist(), rng.integers(1, 20, 2).tolist()
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.random() < 0.8), -1)
    if not mask.any():
        return
    cuts, ground = cut_layers(picture, [mask > 0], [True])
    assert ground.min() >= 0 and ground[..., :3].max() <= 255 and ground[..., 3].max() <= 1
    window, moved = place_cut(cuts[0], np.eye(2, 3), (48, 64))
    ground[window] = ground[window] * (1 - moved[..., 3:]) + moved
    assert np.abs(ground[..., :3] - picture).max() < 1 and ground[..., 3].min() > 0.99


def test_the_mask_decides_where_colours_do_not():
    mask = disc((20, 20), 8, 40) > 0.5
    nothing = np.zeros((40, 40), bool)
    alike = np.full((40, 40, 3), 120, np.float32)
    assert (unmixed(alike, mask.astype(np.float32), nothing, 1)[1] == mask).all()
    outlined = np.where(mask[..., None], np.float32(200), np.float32(60)).repeat(3, axis=2)
    rim = mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    outlined[rim] = (0, 0, 255)  # no mixture of the two
    assert np.abs(unmixed(outlined, mask.astype(np.float32), nothing, 1)[1] - mask).max() < 0.05


def test_things_that_touch_leave_nothing_of_each_other_behind():
    picture = np.full((40, 60, 3), 40, np.uint8)
    left, right = np.zeros((2, 40, 60), bool)
    left[10:30, 10:25], right[10:30, 25:40] = True, True
    picture[left], picture[right] = (220, 60, 60), (60, 60, 220)
    _, ground = cut_layers(picture, [left, right], [True, True])
    assert ground[14:26, 14:36, 3].max() == 0, "a line of colour between them"


def test_what_stands_in_front_keeps_its_edge():
    picture = np.full((64, 64, 3), 90, np.uint8)
    moving, front = np.zeros((2, 64, 64), bool)
    moving[20:40, 8:24], front[16:48, 24:40] = True, True
    picture[moving], picture[front] = (240, 60, 60), (60, 60, 240)
    scene = Scene(picture)
    scene.add("moving", moving, [(16, 30), (48, 30)])
    scene.add("front", front)
    carried = layers_of(scene, 5).carry(scene.image, range(5))
    assert (carried.pictures[:, 20:44, 25:39] == (60, 60, 240)).all()


@pytest.mark.parametrize("side", [1, 2, 3])
def test_few_pixels_are_cut_out_as_they_are(side):
    picture = np.full((16, 16, 3), 30, np.uint8)
    mask = np.zeros((16, 16), bool)
    mask[5 : 5 + side, 5 : 5 + side] = True
    picture[mask] = 200
    cut = cut_out(picture, mask, np.zeros_like(mask))
    assert cut.colour[..., 3].sum() == pytest.approx(side**2, abs=0.5 * side)


def test_edges_grow_with_the_picture():
    assert edge_width((64, 64)) == edge_width((256, 384)) == 1 and edge_width((1080, 1920)) == 4
