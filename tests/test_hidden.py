"""Objects of which others hide a part, or the picture's border: what is completed, and what stays as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.control.cuts import cut_out
from draganything_lab.control.hidden import MOST, MOST_NEW, around, completed, ends_at
from draganything_lab.control.layers import Layers
from draganything_lab.control.split import layers_of, layers_of_tracks
from draganything_lab.pipeline.preview import preview
from draganything_lab.scene.scene import Scene

SIZE = (48, 64)
GREEN = np.array([30, 200, 60])


def square(left: int, top: int, side: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = True
    return mask


def green(seen: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Everything hidden is green, and ends before the window does."""
    assert seen.shape[:2] == where.shape[:2] and seen.shape[2:] == (4,) and where.shape[2:] == (2,)
    rim = round(0.1 * len(seen))
    whole = np.zeros(seen.shape, np.float32)
    whole[rim : len(seen) - rim, rim : len(seen) - rim] = (*GREEN, 1)
    return whole


def endless(seen: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Everything hidden that is as high as what is seen is green, as far as anybody looks."""
    whole = np.zeros(seen.shape, np.float32)
    whole[seen[..., 3].max(axis=1) > 0.5] = (*GREEN, 1)
    return whole


def two(first: np.ndarray, second: np.ndarray, to: tuple[float, float]) -> Layers:
    """The first mask moves from behind the second one, which stays as something that moves with nothing."""
    path = np.zeros((3, 2, 2))
    path[:, 0] = np.linspace((0, 0), to, 3)
    path[:, 1] = np.linspace((0, 0), (0, -0.01), 3)
    return layers_of_tracks([first & ~second, second], path)


@given(
    first=st.tuples(st.integers(-10, 60), st.integers(-10, 44), st.integers(1, 30)),
    second=st.tuples(st.integers(-10, 60), st.integers(-10, 44), st.integers(1, 30)),
    half=st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
)
@settings(max_examples=60, deadline=None)
def test_only_what_was_hidden_is_new_and_before_anything_moves_nothing_is(first, second, half):
    picture = np.random.default_rng(3).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    masks = square(*first) & ~square(*second), square(*second)
    if not masks[0].any() or not masks[1].any():
        return
    layers = two(square(*first), square(*second), (2 * half[0], 2 * half[1]))
    plain, whole = layers.carry(picture, range(3)), layers.carry(picture, range(3), complete=green)
    assert np.abs(whole.pictures[0].astype(int) - picture).max() <= 1 and (whole.known[0] == 255).all()
    assert not plain.guessed.any() and not whole.guessed[0].any()
    # What is beside the border between the two gets the colours of what is farther from it, and moves with the first.
    beside = cv2.dilate(masks[1].astype(np.uint8), np.ones((5, 5), np.uint8))
    steps = [np.float32([[1, 0, share * half[0]], [0, 1, share * half[1]]]) for share in range(3)]
    moved = np.stack([cv2.warpAffine(beside, step, SIZE[::-1], flags=cv2.INTER_NEAREST) for step in steps]) > 0
    same = (whole.guessed == 0) & ~moved
    for name in ("pictures", "known", "over", "sources"):
        one, other = (getattr(found, name).astype(int)[same] for found in (whole, plain))
        assert np.abs(one - other).max(initial=0) <= 3, name  # moved by a hundredth of a pixel
    sure = whole.guessed == 255
    assert np.abs(whole.pictures[sure] - GREEN.astype(int)).max(initial=0) <= 2 and (whole.sources[sure] == 1).all()


def test_what_was_behind_another_or_beyond_the_border_comes_to_light():
    picture = np.full((*SIZE, 3), 90, np.uint8)
    carried = two(square(20, 16, 12), square(26, 16, 12), (0, 20)).carry(picture, [2], complete=green)
    assert (carried.pictures[0, 40, 27:31] == GREEN).all() and carried.guessed[0, 40, 28] == 255
    assert (carried.pictures[0, 40, 21:25] == 90).all() and not carried.guessed[0, 40, :25].any()
    at_border = layers_of_tracks([square(-4, 16, 12)], np.array([[[4.0, 20.0]], [[24.0, 20.0]]]))
    stays = layers_of_tracks(
        [square(20, 16, 12) & ~square(26, 16, 12), square(26, 16, 12)], np.array([[[0.0, 0]] * 2, [[0, 0], [20, 0]]])
    )
    carried = stays.carry(picture, [1], complete=green)
    assert (carried.pictures[0, 20, 27:31] == GREEN).all(), "it stays, and what stood in front of it goes"
    assert (carried.over[0, 20, 27:31] == 255).all() and not carried.over[0, 20, :25].any(), "the picture shows another"
    carried = at_border.carry(picture, [1], complete=green)
    assert (carried.pictures[0, 20, 17:19] == GREEN).all() and (carried.pictures[0, 20, 21:26] == 90).all()


def test_a_mask_ends_where_something_nearer_begins():
    picture = np.full((*SIZE, 3), 90, np.uint8)
    picture[square(26, 16, 12)] = (200, 0, 0)  # what is in front
    scene = Scene(picture)
    scene.add("table", square(10, 8, 30))  # its mask has all of it, also what the cup hides
    scene.add("cup", square(26, 16, 12), [(32, 22), (54, 22)])
    assert (preview(scene, 3, label=False)[-1][18:26, 28:36] == 90).all(), "no copy of the cup stays behind"
    scene.update("table", trajectory=[(15, 40), (5, 40)])
    carried = layers_of(scene, 3).carry(picture, [2], complete=green)
    assert (carried.pictures[0, 20:26, 20:24] == GREEN).all() and (carried.guessed[0, 20:26, 20:24] == 255).all()
    same = layers_of_tracks([square(26, 16, 12)] * 2, np.array([[[32.0, 22.0]] * 2, [[12.0, 22.0], [52.0, 22.0]]]))
    carried = same.carry(picture, [1])
    assert all((carried.pictures[0, 22, x] == (200, 0, 0)).all() for x in (12, 52)), "one on top of the other: both go"


@pytest.mark.parametrize("scale", [0.5, 2, 3])
def test_what_is_completed_does_not_depend_on_the_size_it_is_drawn_at(scale):
    picture = np.full((*SIZE, 3), 90, np.uint8)
    layers = two(square(20, 16, 12), square(33, 16, 12), (0, 20))  # their masks miss each other by a pixel
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    one, other = (layers.carry(picture, [2], each, complete=green).guessed > 128 for each in (SIZE, size))
    assert one.any() and other.mean() == pytest.approx(one.mean(), rel=0.35)


def test_the_background_is_not_completed():
    scene = Scene(np.full((*SIZE, 3), 90, np.uint8))
    scene.add("sky", square(0, 0, 64)[:48] & (np.arange(48) < 20)[:, None], [(30, 10), (40, 10)], kind="background")
    scene.add("ground", (np.arange(48) >= 20)[:, None] & np.ones(SIZE, bool), [(30, 40), (20, 40)], kind="background")
    layers = layers_of(scene, 3)
    assert len(layers.masks) == 1 and layers.moving == (True,)
    assert not layers.carry(scene.image, [2], complete=green).guessed.any()


def test_nothing_is_completed_that_is_whole_or_stays():
    def never(seen: np.ndarray, where: np.ndarray) -> np.ndarray:
        raise AssertionError("this is whole")

    picture = np.full((*SIZE, 3), 90, np.uint8)
    two(square(4, 4, 8), square(40, 30, 10), (5, 5)).carry(picture, range(3), complete=never)
    scene = Scene(picture)
    scene.add("behind", square(20, 16, 12) & ~square(26, 16, 12))
    scene.add("in front", square(26, 16, 12))
    scene.add("far away", square(2, 2, 6), [(5, 5), (8, 8)])
    layers_of(scene, 3).carry(picture, range(3), complete=never)


@pytest.mark.parametrize("size", [(40, 300), (300, 7), (16, 16), (40, 3000)])
@pytest.mark.parametrize("mask", ["pixel", "row", "all", "holes"])
def test_any_mask_in_any_picture_is_completed_where_something_can_be_hidden(size, mask):
    shape = np.zeros(size, bool)
    shape[{"pixel": (0, 0), "row": (slice(3, 5), ...), "all": ..., "holes": (slice(0, None, 2), ...)}[mask]] = True
    nearer = np.zeros(size, np.float32)
    nearer[:, size[1] // 2 :] = 1
    picture = np.full((*size, 3), 200, np.uint8)
    cut = cut_out(picture, shape & (nearer == 0))
    window = around(cut, nearer)
    side = len(window.seen)
    assert window.seen.shape == (side, side, 4) and window.where.shape == (side, side, 2) and side <= MOST
    assert ends_at(cut, nearer, 1) and not (window.where.sum(axis=2) > 1.001).any()
    whole, more = completed(picture, cut, nearer, green, 1)
    if more is None:
        assert whole is cut  # most of the window would be new
    else:
        assert whole.colour.shape[:2] == more.colour.shape[:2] and more.colour.max() <= 1.001
    empty = cut_out(picture, np.zeros(size, bool))
    assert around(empty, nearer) is None and completed(picture, empty, nearer, green, 1) == (empty, None)


@given(seen=st.integers(6, 28), high=st.integers(2, 12))
@settings(max_examples=30, deadline=None)
def test_what_reaches_far_beyond_the_border_fades_out_and_of_a_sliver_nothing_is_guessed(seen, high):
    picture, nearer = np.full((*SIZE, 3), 90, np.uint8), np.zeros(SIZE, np.float32)
    bar = np.zeros(SIZE, bool)
    bar[20 : 20 + high, :seen] = True
    whole, more = completed(picture, cut_out(picture, bar), nearer, endless, 1)
    if more is not None:
        row = more.colour[20 + high // 2 - whole.corner[1], :, 0]
        steps = np.abs(np.diff(row[: -whole.corner[0] - 1]))  # beyond the picture
        assert row[0] < 0.5 and steps.max() < 0.6, "no straight cut"
        assert -whole.corner[0] > 0.9 * seen, "further than one window shows"
        assert more.colour.sum() <= MOST_NEW * bar.sum()
    sliver = np.zeros(SIZE, bool)
    sliver[10:40, 0] = True
    cut = cut_out(picture, sliver)
    assert completed(picture, cut, nearer, green, 1) == (cut, None)


torch = pytest.importorskip("torch")

from draganything_lab.models import AmodalCompleter, ReferenceDecoder  # noqa: E402
from draganything_lab.pipeline.decoding import carried_sources, decode_with  # noqa: E402


def loud(widths: tuple[int, ...] = (8, 8, 8)) -> AmodalCompleter:
    """Not trained, but its last layer is not zero."""
    torch.manual_seed(2)
    completer = AmodalCompleter(widths, (1,) * len(widths))
    torch.nn.init.normal_(completer.leave.weight, std=0.5)
    return completer


@given(side=st.integers(1, 200), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_completer_takes_windows_of_any_size(side, seed):
    rng = np.random.default_rng(seed)
    seen, where = rng.random((side, side, 4), np.float32), rng.random((side, side, 2))
    seen[..., :3] *= 255 * seen[..., 3:]
    added = loud().complete(seen, where.astype(np.float32))
    assert added.shape == seen.shape and added.dtype == np.float32 and np.isfinite(added).all()
    assert added.min() >= 0 and added[..., 3].max() <= 1 and (added[..., :3] <= 255 * added[..., 3:] + 0.01).all()


class Round(AmodalCompleter):
    """Expects a green disc where something hides it."""

    def forward(self, seen, where):
        rows, columns = torch.meshgrid(*(torch.arange(n) - (n - 1) / 2 for n in seen.shape[-2:]), indexing="ij")
        logits = 0.3 * min(seen.shape[-2:]) - torch.hypot(rows, columns)
        colour = torch.tensor([0.0, 1, 0])[None, :, None, None].expand(len(seen), 3, *seen.shape[-2:])
        return colour, 3 * logits[None, None].expand(len(seen), 1, -1, -1)


@given(side=st.integers(48, 384))
@settings(max_examples=15, deadline=None)
def test_large_objects_get_outlines_as_narrow_as_small_ones(side):
    seen, where = np.zeros((side, side, 4), np.float32), np.ones((side, side, 2), np.float32)
    made = Round().complete(seen, where)
    along = made[side // 2, : side // 2, 3]
    assert np.count_nonzero((along > 0.1) & (along < 0.9)) <= 3
    assert abs(np.count_nonzero(along > 0.5) - 0.3 * side) <= 1 + side / 96
    solid = made[..., 3] > 0.1
    np.testing.assert_allclose(made[solid] / made[solid][:, 3:], np.tile([0, 255, 0, 1.0], (solid.sum(), 1)), atol=1)


def test_a_completer_in_half_precision_completes_the_same_on_a_cpu():
    seen, where = np.zeros((40, 40, 4), np.float32), np.zeros((40, 40, 2), np.float32)
    seen[10:30, 10:20], where[:, 20:, 0] = (200, 100, 50, 1), 1
    np.testing.assert_allclose(loud().half().complete(seen, where), loud().complete(seen, where), atol=3)


def test_what_was_completed_counts_as_generated(tmp_path):
    made = ReferenceDecoder(4, widths=(8, 8, 8, 8), completer_widths=(8, 8, 8), completer_blocks=(1, 1, 1))
    made.completer = loud()
    made.completer.leave.bias.data += 4  # logits
    made.save_pretrained(tmp_path)
    decoder = ReferenceDecoder.from_pretrained(tmp_path)
    assert ReferenceDecoder(4, widths=(8, 8, 8, 8)).complete is None
    picture = torch.rand(1, 3, *SIZE) * 2 - 1
    layers = two(square(20, 16, 12), square(26, 16, 12), (0, 20))
    sources = carried_sources(picture, layers, range(3), decoder.fill, decoder.complete, "cpu")
    with torch.no_grad():
        frames, shares = decode_with(decoder, torch.randn(3, 4, 6, 8), sources, "cpu")
    guessed = sources.carried.guessed[2] > 128
    assert guessed.sum() > 20 and shares[2][guessed][:, 2].mean() > 0.6 > 0.3 > shares[2][guessed][:, 0].mean()
    seen = sources.carried.sources[2] == 1
    assert shares[2][seen & ~guessed][:, 0].mean() > 0.7 and np.allclose(shares.sum(-1), 1, atol=1e-4)
    assert frames.shape == (3, 3, *SIZE)
