"""What a drag carries along: layers, ways back, holes; the lookup that takes them, and the decoder that uses them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from draganything_lab.control.build import build_control, control_from_tracks
from draganything_lab.control.layers import HOLE
from draganything_lab.control.split import layers_of, layers_of_tracks
from draganything_lab.errors import LabError
from draganything_lab.media.filling import fill_holes, widened
from draganything_lab.media.picture import psnr
from draganything_lab.pipeline.preview import preview
from draganything_lab.scene.scene import Scene
from draganything_lab.toyland import sample_clip

SIZE, FRAMES = (64, 64), 6


def square(left: int, top: int, side: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


@given(seed=st.integers(0, 400))
@settings(max_examples=20, deadline=None)
def test_before_anything_moves_the_picture_is_carried_as_it_is(seed):
    clip = sample_clip(seed, SIZE, FRAMES)
    scene = clip.scene()
    carried = layers_of(scene, FRAMES).carry(scene.image, [0])
    assert np.abs(carried.pictures[0].astype(int) - scene.image).max() <= 1
    assert (carried.known[0] == 255).all() and (carried.sources[0] != HOLE).all()


@given(seed=st.integers(0, 400))
@settings(max_examples=20, deadline=None)
def test_what_is_known_looks_like_the_truth(seed):
    clip = sample_clip(seed, SIZE, FRAMES)
    scene = clip.scene()
    if any(thing.turn is not None or thing.grow is not None for thing in clip.world.things):
        return  # no drag says so
    carried = layers_of(scene, FRAMES).carry(scene.image, [FRAMES - 1])
    inner = carried.known[0] == 255
    frozen = psnr(clip.video[-1], clip.video[0], inner)
    assert psnr(clip.video[-1], carried.pictures[0], inner) > min(24.0, frozen - 1)


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@given(
    way=st.tuples(st.floats(2, 20), st.floats(-20, 20)),
    view=st.floats(-6, 6),
    zoom=st.floats(0.6, 1.5),
    own=COLOUR,
    around=COLOUR,
)
@settings(max_examples=60, deadline=None)
def test_edges_have_no_colour_that_the_picture_does_not_have(way, view, zoom, own, around):
    """Neither where a thing lies, nor around the hole that it left, nor where the picture ends."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    mask = np.hypot(rows - 30, columns - 33) < 11
    picture = np.where(mask[..., None], own, around).astype(np.uint8)
    layers = layers_of_tracks([mask], np.array([[[33.0, 30.0]], [[33.0 + way[0], 30.0 + way[1]]]]))
    grown = np.array([[zoom, 0, 33 * (1 - zoom) + way[0]], [0, zoom, 30 * (1 - zoom) + way[1]]])
    layers = replace(
        layers,
        view=np.stack([np.eye(2, 3), np.array([[1, 0, view], [0, 1, view / 2]])]),
        motions=(np.stack([np.eye(2, 3), grown]),),
    )
    carried = layers.carry(picture, [1])
    found = carried.pictures[0][carried.known[0] > 25].astype(int)
    low, high = np.minimum(own, around), np.maximum(own, around)
    assert (found >= low - 4).all() and (found <= high + 4).all()


@pytest.mark.parametrize("gap", [0, 1, 3, 8])
def test_no_hole_takes_the_colours_of_what_stands_in_front_of_it(gap):
    picture = np.full((*SIZE, 3), 120, np.uint8)
    front, back = square(32, 16, 24), square(14, 20, 18 - gap)
    picture[back], picture[front] = (90, 150, 90), (255, 0, 0)
    scene = Scene(picture)
    scene.add("back", back, [(20, 28), (20, 80)])
    scene.add("front", front)
    filled = layers_of(scene, 2).carry(picture, [1]).filled[0]
    for frame in (filled, preview(scene, 2, label=False)[1]):
        assert np.abs(frame[back].astype(int) - 120).max() <= 2
    assert (preview(scene, 2, label=False)[1][front] == (255, 0, 0)).all()


@given(dx=st.integers(-40, 40), dy=st.integers(-40, 40))
@settings(max_examples=30, deadline=None)
def test_ways_lead_back_to_where_the_content_was(dx, dy):
    layers = layers_of_tracks([square(24, 24, 16)], np.array([[[32.0, 32.0]], [[32.0 + dx, 32.0 + dy]]]))
    carried = layers.carry(np.zeros((*SIZE, 3), np.uint8), [0, 1])
    ways = layers.ways(carried.sources, [0, 1], 8)
    assert ways.shape == (2, 3, 8, 8) and not ways[0, :2].any() and (ways[0, 2] == 1).all()
    for row in range(8):
        for column in range(8):
            y, x = 8 * row + 4, 8 * column + 4
            step = ways[1, :2, row, column]
            if 24 <= x - dx < 40 and 24 <= y - dy < 40:  # of the square
                assert step.tolist() == [-dx / 8, -dy / 8] and ways[1, 2, row, column] == 1
            elif 24 <= x < 40 and 24 <= y < 40 and (abs(dx) > 0 or abs(dy) > 0):  # left by it
                assert not ways[1, :, row, column].any() and carried.sources[1, y, x] == HOLE
            else:
                assert not step.any() and ways[1, 2, row, column] == 1


def test_a_layer_in_front_hides_one_that_passes_behind():
    scene = Scene(np.full((*SIZE, 3), 90, np.uint8))
    scene.add("behind", square(4, 24, 12), [(10, 30), (50, 30)])
    scene.add("in front", square(24, 16, 16))
    layers = layers_of(scene, 5)
    carried = layers.carry(scene.image, range(5))
    assert carried.sources[2, 30, 30] == 2 and not carried.over[2, 30, 30], "uncontrolled, it stays, and in front"
    assert carried.sources[4, 30, 50] == 1 and carried.over[4, 30, 50] == 255
    assert layers.owners == (1, 0)


def test_layers_scale_with_the_picture():
    tracks = np.array([[[32.0, 32.0]], [[44.0, 26.0]]])
    layers = layers_of_tracks([square(24, 24, 16)], tracks)
    large = layers.carry(np.zeros((128, 192, 3), np.uint8), [1])
    small = layers.carry(np.zeros((64, 64, 3), np.uint8), [1])
    assert (large.sources[0, ::2, ::3] == small.sources[0]).mean() > 0.98


@pytest.mark.parametrize(
    "masks",
    [
        [square(30, 30, 2)],  # a few pixels
        [np.ones(SIZE, bool)],  # the whole picture
        [square(8, 8, 30) & ~square(16, 16, 12)],  # with a hole
        [square(4, 4, 10) | square(44, 44, 10)],  # of two parts
        [square(20, 20, 20), square(24, 24, 20)],  # on top of each other
    ],
    ids=["tiny", "whole", "hole", "two parts", "stacked"],
)
def test_masks_of_every_kind(masks):
    away = np.linspace((32, 32), (120, -60), FRAMES)  # leaves the picture …
    there_and_back = np.concatenate([away[::2], away[::2][::-1]])[:FRAMES]  # … and comes back
    for path in (away, there_and_back):
        control = control_from_tracks(
            masks, [path] * len(masks), size=SIZE, representation="carry", vectors=np.ones((len(masks), 4))
        )
        image, ways = control.image(), control.ways(8)
        assert image.shape == (FRAMES, *SIZE, 3) and image.min() >= 0 and image.max() <= 255
        assert ways is not None and np.isfinite(ways).all() and set(np.unique(ways[:, 2])) <= {0.0, 1.0}


def test_a_picture_of_any_shape():
    scene = Scene(np.random.default_rng(0).integers(0, 256, (40, 3000, 3), np.uint8))
    scene.add("dot", square(10, 10, 12, (40, 3000)), [(16, 16), (2900, 20)])
    control = build_control(scene, 3, representation="carry", vectors=np.ones((1, 4)), size=(32, 512))
    assert control.ways(8).shape == (3, 3, 4, 64) and control.labels[0].any()


def test_only_carry_says_where_content_was():
    scene = Scene(np.zeros((*SIZE, 3), np.uint8))
    scene.add("box", square(10, 10, 12), [(16, 16), (40, 20)])
    control = build_control(scene, 3, representation="gaussian")
    assert control.ways(8) is None and control.layers is None and not control.shows_vectors


torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from draganything_lab.models import (  # noqa: E402
    HoleFiller,
    ReferenceDecoder,
    References,
    agreed,
    follow_pointers,
    random_parts,
)
from draganything_lab.models.lookup import HEADS, WIDTH, FirstFrameLookup  # noqa: E402
from draganything_lab.pipeline import DragAnythingPipeline, load_pipeline  # noqa: E402
from draganything_lab.pipeline.control import DenseControl  # noqa: E402
from draganything_lab.pipeline.decoding import references as references_of  # noqa: E402
from draganything_lab.training.toy.clips import representation_rows, turns  # noqa: E402
from draganything_lab.training.toy.stages import REPRESENTATIONS  # noqa: E402

STEP = 4
steps_of_a_thing = st.tuples(st.floats(-6, 6), st.floats(-6, 6))


@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3))
@settings(max_examples=15, deadline=None)
def test_the_lookup_takes_the_way_that_it_is_told(dx, dy):
    torch.manual_seed(0)
    lookup = FirstFrameLookup(8, 4, STEP, carries=True)
    places = 0.01 * torch.randn(1, 2, HEADS * WIDTH * STEP**2, 8, 8)
    ways = torch.zeros(1, 2, 3, 8, 8)
    ways[:, 1, 0], ways[:, 1, 1], ways[:, 1, 2] = dx, dy, 1.0
    with torch.no_grad():
        told, guessed = lookup.pointers(places, ways), lookup.pointers(places)
    inner = (slice(3, 5), slice(3, 5))
    assert torch.allclose(told[0, 1, 0][inner], torch.tensor(float(dx)), atol=0.15)
    assert torch.allclose(told[0, 1, 1][inner], torch.tensor(float(dy)), atol=0.15)
    assert (told[0, 1, 2][inner] > guessed[0, 1, 2][inner]).all() and torch.equal(told[0, 0], guessed[0, 0])


def references(count: int, height: int, width: int, known: float = 1.0) -> References:
    torch.manual_seed(1)
    pictures = [torch.rand(count, 3, height, width) * 2 - 1 for _ in range(3)]
    mask = torch.full((count, 1, height, width), known)
    return References(pictures[0], mask, 0 * mask, pictures[1], pictures[2], torch.ones(count, 1, 1, 1))


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (50, 37)])
def test_the_decoder_takes_what_is_known_from_the_picture_at_any_size(size):
    decoder, told = ReferenceDecoder(4, widths=(8, 8, 8, 8)), references(2, *size)
    with torch.no_grad():
        made = decoder(torch.randn(2, 4, 4, 4), told)
        hole = decoder(torch.randn(2, 4, 4, 4), references(2, *size, known=0.0))
        nobody = decoder(torch.randn(2, 4, 4, 4), told._replace(fills=torch.zeros(2, 1, 1, 1)))
    assert made.frames.shape == (2, 3, *size) and made.shares.shape == (2, 4, *size)
    assert torch.allclose(made.shares.sum(1), torch.ones(2, *size), atol=1e-5)
    assert made.shares[:, 0].min() > 0.5 > hole.shares[:, 0].max(), "carried where known, not in a hole"
    assert nobody.shares[:, 3].max() == 0


def test_what_a_drag_determines_is_not_painted_over():
    """Whatever the decoder has learned: neither what it generates nor what it fills in from around shows there."""
    torch.manual_seed(3)
    decoder = ReferenceDecoder(4, widths=(8, 8, 8, 8))
    torch.nn.init.normal_(decoder.leave.weight, std=2.0)
    told = references(2, 64, 64)
    told.known[..., 20:30, 24:40], told.known[..., 40:52, 8:20], told.over[..., :16, :] = 0.5, 0.0, 1.0
    with torch.no_grad():
        shares = decoder(torch.randn(2, 4, 8, 8), told).shares
        pointers = decoder(torch.randn(2, 4, 8, 8), told._replace(fills=torch.zeros(2, 1, 1, 1))).shares
    edge = torch.nn.functional.max_pool2d((told.known < 1).float(), 3, stride=1, padding=1)[:, 0] > 0
    painted = shares[:, 2] + shares[:, 3]
    assert painted[~edge].max() < 1e-6 < 0.1 < painted[edge].max()
    other = shares[:, 1][((told.over > 0.5) | (told.known == 0))[:, 0]]
    assert other.max() < 1e-6, "the picture shows something else where a thing has come, or has left"
    assert pointers[:, 2][~edge].max() > 0.1, "pointers may be wrong, where they are sure, too"


def trained_filler() -> HoleFiller:
    """Not trained, but its last layer is not zero."""
    torch.manual_seed(2)
    filler = HoleFiller((8, 8, 8, 8), (1, 1, 1, 1))
    torch.nn.init.normal_(filler.leave.weight, std=0.2)
    return filler


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    side=st.integers(0, 90),
)
@example(height=40, width=600, corner=(0.4, 0.4), side=20)  # seen smaller than it is
@settings(max_examples=30, deadline=None)
def test_a_filler_changes_holes_alone_whatever_their_size(height, width, corner, side):
    rng = np.random.default_rng(height)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    holes = np.zeros((height, width), bool)
    y, x = int(corner[0] * (height - 1)), int(corner[1] * (width - 1))
    holes[y : y + side, x : x + side] = True
    made, simple, wide = trained_filler().fill(image, holes), fill_holes(image, holes), widened(holes) > 0
    assert made.shape == image.shape and made.dtype == np.uint8
    np.testing.assert_array_equal(made[~wide], image[~wide])
    np.testing.assert_array_equal(HoleFiller((8, 8, 8, 8), (1, 1, 1, 1)).fill(image, holes), simple)
    assert not wide.any() or wide.all() or (made != simple).any()


def test_holes_are_filled_by_the_decoders_own_network_where_it_has_one(tmp_path):
    plain = ReferenceDecoder(4, widths=(8, 8, 8, 8))
    able = ReferenceDecoder(4, widths=(8, 8, 8, 8), filler_widths=(8, 8, 8, 8), filler_blocks=(1, 1, 1, 1))
    able.filler = trained_filler()
    able.save_pretrained(tmp_path)
    loaded = ReferenceDecoder.from_pretrained(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    layers = layers_of_tracks([square(16, 16, 12, (48, 64))], np.array([[[22.0, 22.0]], [[42.0, 22.0]]]))
    simple, own, again = (layers.carry(image, [1], fill=decoder.fill) for decoder in (plain, able, loaded))
    np.testing.assert_array_equal(simple.filled, layers.carry(image, [1]).filled)
    assert (own.filled != simple.filled).any()
    np.testing.assert_array_equal(again.filled, own.filled)
    for name in ("pictures", "known", "over", "sources"):
        np.testing.assert_array_equal(getattr(own, name), getattr(simple, name), err_msg=name)


def test_pointers_fetch_pixels():
    picture = torch.arange(16.0).expand(1, 3, 16, 16) / 16
    pointers = torch.zeros(1, 2, 3, 2, 2)
    pointers[:, :, 2] = 1.0
    pointers[0, 1, 0] = -0.5  # half a cell of 8 pixels from the left
    found = follow_pointers(picture, pointers)
    assert torch.allclose(found.carried[0], picture[0], atol=1e-5) and found.fills.max() == 0
    assert torch.allclose(found.carried[1, :, :, 8:], picture[0, :, :, 4:12], atol=1e-5)


@given(border=st.integers(3, 9), left=steps_of_a_thing, right=steps_of_a_thing, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_pointers_are_brought_to_agree_inside_a_thing_and_not_across_its_border(border, left, right, seed):
    noise = torch.Generator().manual_seed(seed)
    true = torch.zeros(1, 2, 3, 12, 12)
    true[:, :, 2] = 0.8
    true[:, :, :2, :, :border] = torch.tensor(left)[:, None, None]
    true[:, :, :2, :, border:] = torch.tensor(right)[:, None, None]
    assert torch.allclose(agreed(true), true, atol=1e-3 if math.dist(left, right) > 2 else 1.0)
    found = true.clone()
    found[:, :, :2] += 0.15 * torch.randn(1, 2, 2, 12, 12, generator=noise)
    found[:, :, :2, 5, 1] += 5.0  # one that looks somewhere else
    better = agreed(found)
    error, before = ((one - true)[:, :, :2].norm(dim=2).mean() for one in (better, found))
    assert error < 0.6 * before or math.dist(left, right) < 2
    assert (better - true)[:, :, :2, 5, 1].norm() < 1 or math.dist(left, right) < 2
    assert torch.equal(better[:, :, 2], found[:, :, 2]), "how sure a cell is stays"
    found[:, :, :2, 9:, :] = 0.01  # what stands still is not touched, whatever moves beside it
    assert torch.equal(agreed(found)[:, :, :2, 9:, :], found[:, :, :2, 9:, :])


@given(way=steps_of_a_thing, other=steps_of_a_thing, wrong=st.floats(0, 1.5), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_pointers_near_a_path_follow_it_and_others_do_not(way, other, wrong, seed):
    noise = torch.Generator().manual_seed(seed)
    start = 8 * torch.rand(2, 2, generator=noise)
    paths = torch.stack([start, start - torch.tensor([way, other])])[None]  # (1, 2 frames, 2 entities, 2)
    drawn = (paths[:, :1] - paths)[..., None, None]
    direction = torch.nn.functional.normalize(torch.randn(2, generator=noise), dim=0)
    pointers = torch.zeros(1, 2, 3, 6, 6)
    pointers[:, :, 2] = 0.8
    pointers[0, 1, :2] = (torch.tensor(way) + wrong * direction)[:, None, None]
    own, found = agreed(pointers), agreed(pointers, drawn)
    assert torch.equal(found[:, 0], own[:, 0]), "at the start nothing has moved"
    assert torch.equal(found[:, :, 2], pointers[:, :, 2])
    step, ways = own[0, 1, :2, 0, 0], torch.tensor([way, other, (0.0, 0.0)])
    apart = (ways - step).norm(dim=1)
    limits = torch.where(ways.norm(dim=1) == 0, 0.25, 1.0)
    nearest = int(apart.argmin())
    if abs(apart[nearest] - limits[nearest]) > 1e-3 and apart.sort().values.diff()[0] > 1e-3:
        wanted = ways[nearest] if apart[nearest] < limits[nearest] else step
        assert torch.allclose(found[0, 1, :2, 0, 0], wanted, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_the_decoder_is_given_pointers_along_the_paths_of_the_control(size):
    """Whatever the lookup says within a cell of the drag, in the control's own pixels."""
    height, width = size
    mask = np.zeros(size, bool)
    mask[8:24, 8:24] = True
    path = np.stack([np.linspace(16, width - 16, 3), np.linspace(16, 40, 3)], axis=1)
    control = control_from_tracks([mask], [path], size=size, representation="gaussian")
    pointers = torch.zeros(1, 3, 3, height // 8, width // 8)
    pointers[:, :, 2] = 1.0
    way = torch.from_numpy((path[0] - path) / 8).float()  # (3, 2)
    pointers[0, 1:, :2] = (way[1:] + 0.3)[..., None, None]
    pipe = SimpleNamespace(controlnet=SimpleNamespace(pointers=lambda embedding: pointers))
    found = references_of(pipe, torch.zeros(1, 3, *size), control, torch.zeros(1)).pointers
    assert torch.allclose(found[0, :, :2], way[..., None, None].expand_as(found[0, :, :2]), atol=1e-5)
    bare = DenseControl(torch.zeros(3, 3, *size), None)  # nobody knows its paths
    found = references_of(pipe, torch.zeros(1, 3, *size), bare, torch.zeros(1)).pointers
    assert torch.allclose(found, pointers, atol=1e-5)


@given(size=st.floats(0.5, 2), dx=st.integers(-20, 20), dy=st.integers(-20, 20))
@settings(max_examples=20, deadline=None)
def test_circles_that_grow_draw_the_way_of_each_cell(size, dx, dy):
    mask = square(24, 24, 16)
    path = np.array([[31.5, 31.5], [31.5 + dx, 31.5 + dy]])
    factors = np.array([1.0, size])

    def drawn(representation, sizes):
        said = {"size": SIZE, "representation": representation, "sizes": sizes, "vectors": np.ones((1, 4), np.float32)}
        return control_from_tracks([mask], [path], **said).ways_of_circles((8, 8))

    ways = drawn("entity+gaussian", [factors])
    assert ways.shape == (2, 1, 2, 8, 8) and np.allclose(ways[0], 0, atol=1e-5)
    cell = np.array([1, 6])  # row and column
    pixel = (cell[::-1] + 0.5) * 8 - 0.5
    came_from = path[0] + (pixel - path[1]) / size
    assert np.allclose(ways[1, 0, :, 1, 6], (came_from - pixel) / 8, atol=1e-4)
    for representation, sizes in (("entity+gaussian", None), ("point", [factors]), ("trajectory", [factors])):
        assert np.allclose(drawn(representation, sizes)[:, 0, :, 0, 0], (path[0] - path) / 8, atol=1e-5)
    found = torch.zeros(1, 2, 3, 8, 8)
    found[:, :, 2] = 1.0
    found[0, :, :2] = torch.from_numpy(ways[:, 0]) + 0.05
    followed = agreed(found, torch.from_numpy(ways)[None])[0, :, :2]
    apart = (followed - torch.from_numpy(ways[:, 0])).norm(dim=1)
    assert (apart < 0.01).float().mean() > 0.6 or math.hypot(dx, dy) < 8


def test_pointers_of_which_none_is_sure_stay_numbers():
    assert agreed(torch.zeros(1, 1, 3, 1, 2)).isfinite().all()
    assert agreed(torch.zeros(1, 1, 3, 1, 2), torch.zeros(1, 1, 0, 2, 1, 1)).isfinite().all()
    assert agreed(torch.full((1, 2, 3, 5, 1), 0.0)).shape == (1, 2, 3, 5, 1)


@pytest.fixture(scope="module")
def sharp() -> DragAnythingPipeline:
    parts = random_parts("tiny", entity_embedding_out_channels=(8, 8, 8, 16), first_frame_control=True, carries=True)
    channels = parts["vae"].config.latent_channels
    pipe = DragAnythingPipeline(**parts, decoder=ReferenceDecoder(channels, widths=(8, 8, 8, 8)))
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def scene() -> Scene:
    scene = Scene(np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8))
    scene.add("box", square(30, 30, 40, (128, 192)), [(50, 50), (120, 80)])
    return scene


def test_frames_are_decoded_at_the_size_asked_for(sharp, scene, tmp_path):
    vectors, asked = np.ones((1, 8), np.float32), {"num_inference_steps": 2, "seed": 0, "height": 64, "width": 96}
    for name in ("carry", "entity+gaussian"):
        control = build_control(scene, 3, representation=name, vectors=vectors, size=(64, 96))
        made = sharp(scene.image, control, **asked, decode_size=(128, 192))
        assert made.frames.shape == (3, 128, 192, 3) and made.shares.shape == (3, 128, 192, 4)
        assert sharp(scene.image, control, **asked).frames.shape == (3, 64, 96, 3)
        alone = sharp(scene.image, control, **asked, with_reference=False)
        assert alone.frames.shape == (3, 64, 96, 3) and alone.shares is None
    several = sharp(scene.image, control, **{**asked, "seed": [0, 1]})
    assert several.shares.shape == (2, 3, 64, 96, 4)
    sharp.save_pretrained(tmp_path)
    again = DragAnythingPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert np.array_equal(again(scene.image, control, **asked).frames, sharp(scene.image, control, **asked).frames)


@given(seed=st.integers(0, 99), scale=st.sampled_from([2.25, 3, 5, 8.5]))
@settings(max_examples=10, deadline=None)
def test_frames_larger_than_it_was_trained_at_are_mixed_from_pixels_of_their_own(seed, scale):
    torch.manual_seed(seed)
    decoder = ReferenceDecoder(4, (8, 8, 8, 8), (1, 1, 1, 1)).eval()
    height, width = round(16 * scale), round(24 * scale)
    parts = {name: torch.rand(2, 3, height, width) * 2 - 1 for name in ("carried", "picture", "filled")}
    known = (torch.nn.functional.interpolate(torch.rand(2, 1, 3, 4), (height, width)) > 0.4).float()
    parts |= {"carried": parts["carried"] * known, "known": known, "over": torch.zeros_like(known)}
    found = References(**parts, fills=torch.ones(2, 1, 1, 1))
    with torch.no_grad():
        made = decoder(torch.randn(2, 4, 2, 3), found)
    assert made.frames.shape == (2, 3, height, width) and torch.isfinite(made.frames).all()
    torch.testing.assert_close(made.shares.sum(1), torch.ones(2, height, width), atol=1e-3, rtol=0)
    assert made.shares[:, 0][known[:, 0] == 0].max() == 0, "there is nothing to carry"
    with torch.no_grad():
        other = decoder(torch.zeros(2, 4, 2, 3), found._replace(fills=torch.zeros(2, 1, 1, 1)))
    assert other.shares[:, 3].max() < 1e-3, "there is nothing filled in"


def test_without_a_reference_decoder_another_size_is_refused(sharp, scene):
    pipe = DragAnythingPipeline(**{**sharp.components, "decoder": None})
    pipe.set_progress_bar_config(disable=True)
    control = build_control(scene, 3, representation="carry", vectors=np.ones((1, 8)), size=(64, 96))
    asked = {"num_inference_steps": 1, "seed": 0, "height": 64, "width": 96}
    with pytest.raises(LabError, match="192x128 is not the networks' 96x64"):
        pipe(scene.image, control, **asked, decode_size=(128, 192))
    with pytest.raises(LabError, match="with_reference=True"):
        pipe(scene.image, control, **asked, with_reference=True)
    with pytest.raises(LabError, match="conditioning_scale"):
        sharp(scene.image, control, **asked, with_reference=True, conditioning_scale=0.0)
    assert pipe(scene.image, control, **asked).frames.shape == (3, 64, 96, 3)


def test_weights_of_the_last_release_load_and_name_what_they_have(sharp, scene, tmp_path):
    parts = random_parts("tiny", entity_embedding_out_channels=(8, 8, 8, 16), first_frame_control=True)
    old = DragAnythingPipeline(**parts)
    old.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "controlnet" / "config.json").read_text())
    del config["carries"]
    (tmp_path / "controlnet" / "config.json").write_text(json.dumps(config))
    pipe = load_pipeline(tmp_path)
    pipe.set_progress_bar_config(disable=True)
    control = build_control(scene, 3, vectors=np.ones((1, 8)), size=(64, 96))
    assert pipe.decoder is None and not pipe.controlnet.config["carries"]
    assert pipe(scene.image, control, num_inference_steps=1, height=64, width=96).shares is None


@given(first=st.integers(0, 20), batch=st.integers(1, 25), count=st.integers(1, len(REPRESENTATIONS)))
@settings(max_examples=40, deadline=None)
def test_every_clip_of_a_batch_has_one_representation(first, batch, count):
    names = REPRESENTATIONS[:count]
    order = turns(names)
    first %= len(order)
    given_to = [[] for _ in range(batch)]
    for index, rows in enumerate(representation_rows(first, names)):
        for clip in range(batch)[rows]:
            given_to[clip].append(index)
    assert given_to == [[order[(first + clip) % len(order)]] for clip in range(batch)]
