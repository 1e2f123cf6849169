"""The lookup in the first frame: like finds like, to the pixel, before anything is trained."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import DragAnythingControlNet  # noqa: E402
from draganything_lab.models.lookup import HEADS, OVERRULED, WIDTH, FirstFrameLookup, PlaceTower  # noqa: E402

STEP, SIDE = 4, 128


def tower(seed: int = 0) -> PlaceTower:
    torch.manual_seed(seed)
    net = PlaceTower(4, 3, STEP)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return net


def blobs(*centres: tuple[float, float]) -> torch.Tensor:
    """(F, 3, SIDE, SIDE): one Gaussian a frame at (x, y)."""
    row = torch.arange(SIDE).float()
    heat = [torch.exp(-((row[:, None] - y) ** 2 + (row - x) ** 2) / 128) for x, y in centres]
    return torch.stack(heat)[:, None].expand(-1, 3, -1, -1)


@given(dx=st.integers(-10, 10), dy=st.integers(-10, 10), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_what_has_moved_is_found_where_it_was(dx, dy, seed):
    x, y = 64, 64
    with torch.no_grad():
        places = tower(seed)(blobs((x, y), (x + 2 * dx, y + 2 * dy)))[None]
        found = FirstFrameLookup(8, 4, STEP).weights(places)[0, 1].argmax(-1)  # (heads, cells)
    cells = SIDE // (2 * STEP)
    for row in range(cells):
        for column in range(cells):
            # The cell's middle, in places of two pixels, and the same spot of the blob in the first frame.
            down, across = STEP * row + STEP // 2, STEP * column + STEP // 2
            if (2 * down - y - 2 * dy) ** 2 + (2 * across - x - 2 * dx) ** 2 < 15**2:
                assert (found[:, row * cells + column] == (down - dy) * cells * STEP + across - dx).all()


@given(frames=st.integers(1, 3), height=st.integers(1, 4), width=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_weights_fall_with_the_squared_distance_and_with_the_way(frames, height, width, seed):
    torch.manual_seed(seed)
    lookup = FirstFrameLookup(8, 4, STEP, carries=True)
    places = 0.3 * torch.randn(1, frames, HEADS * WIDTH * STEP**2, height, width)
    ways = torch.randn(1, frames, 3, height, width)
    ways[:, :, 2] = (ways[:, :, 2] > 0).float()
    fine = torch.nn.functional.pixel_shuffle(places, STEP)[0].unflatten(1, (HEADS, WIDTH))
    rows, columns = STEP * height, STEP * width
    spots = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).float() / STEP
    middles = torch.cartesian_prod(torch.arange(height), torch.arange(width)).float() + 0.5
    with torch.no_grad():
        got, told = lookup.weights(places)[0], lookup.weights(places, ways)[0]
        for frame in range(frames):
            for head in range(HEADS):
                asked = fine[frame, head][:, STEP // 2 :: STEP, STEP // 2 :: STEP].flatten(1).T
                apart = torch.cdist(asked, fine[0, head].flatten(1).T).square()
                way = torch.cdist(middles, spots).square()
                logits = -lookup.log_sharpness[head].exp() * apart - lookup.log_nearness[head].exp() * way
                torch.testing.assert_close(got[frame, head], logits.softmax(-1), atol=1e-4, rtol=1e-3)
                known = ways[0, frame, 2].reshape(-1, 1)
                source = middles + ways[0, frame, :2].flip(0).flatten(1).T  # rows first, as the middles
                missed = lookup.log_trust[head].exp() * torch.cdist(source, spots).square()
                logits = (1 - OVERRULED * known) * logits - known * missed
                torch.testing.assert_close(told[frame, head], logits.softmax(-1), atol=1e-3, rtol=1e-3)


def test_before_training_it_adds_nothing_and_afterwards_something():
    lookup = FirstFrameLookup(8, 4, STEP)
    places, latents = torch.randn(2, 3, HEADS * WIDTH * STEP**2, 4, 6), torch.randn(2, 4, 4, 6)
    assert lookup(places, latents).shape == (2, 3, 8, 4, 6)
    assert not lookup(places, latents).any()
    torch.nn.init.normal_(lookup.out.weight)
    assert lookup(places, latents).any()


def test_it_can_be_planned_without_numbers():
    lookup = FirstFrameLookup(8, 4, STEP).to("meta")
    places, latents = torch.empty(1, 3, HEADS * WIDTH * STEP**2, 4, 6), torch.empty(1, 4, 4, 6)
    assert lookup(places.to("meta"), latents.to("meta")).shape == (1, 3, 8, 4, 6)


def test_no_entity_map_means_zeros():
    net = tower()
    with torch.no_grad():
        torch.testing.assert_close(net(blobs((40, 50))), net(blobs((40, 50)), torch.zeros(1, 4, SIDE, SIDE)))


def test_only_a_controlnet_that_asks_for_it_looks_up():
    small = {
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "num_attention_heads": 2,
        "cross_attention_dim": 16,
        "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 24,
        "conditioning_embedding_out_channels": (8, 8, 8, 16),
        "entity_embedding_out_channels": (4, 8, 8, 8),
    }
    plain, looking = (DragAnythingControlNet(**small, first_frame_control=flag) for flag in (False, True))
    more = looking.state_dict().keys() - plain.state_dict().keys()
    assert {name.split(".")[0] for name in more} == {"first_control", "lookup", "controlnet_cond_embedding"}
    image = torch.rand(1, 3, 3, 64, 64) * 255
    assert plain.embed_control(image).shape[2] == plain.embedding_channels == 32
    embedding = looking.embed_control(image)
    assert embedding.shape[2] == looking.embedding_channels > 32
    looks = looking.looks(embedding)
    assert looks.shape == (1, 3, 8, 8, 32, 32)
    torch.testing.assert_close(looks.sum((-1, -2)), torch.ones(1, 3, 8, 8))
    with pytest.raises(LabError, match="first_frame_control"):
        plain.looks(embedding)
