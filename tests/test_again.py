"""Features that know a thing again: what is drawn, what is asked of them, and how the linear map starts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from draganything_lab.models import DiffusionFeatures  # noqa: E402
from draganything_lab.scene.masks import latent_mask  # noqa: E402
from draganything_lab.toyland.sampler import sample_world  # noqa: E402
from draganything_lab.training.card.retrieval import LINE_UP, MEASURE, measure_retrieval  # noqa: E402
from draganything_lab.training.card.samples import Table  # noqa: E402
from draganything_lab.training.engine.loop import Settings, run  # noqa: E402
from draganything_lab.training.engine.quick import quicken  # noqa: E402
from draganything_lab.training.toy import dift  # noqa: E402
from draganything_lab.training.toy import stages as toy  # noqa: E402
from draganything_lab.training.toy.again import (  # noqa: E402
    ELSEWHERE,
    draw_again,
    elsewhere,
    same_things,
    telling_apart,
)
from draganything_lab.training.toy.begin import begin  # noqa: E402

TINY = {"batch": 2, "picture": 48}


def test_the_same_things_stand_elsewhere():
    world = sample_world(5, (64, 64), 1)
    other = elsewhere(world, 6)
    assert len(other.things) == len(world.things) and other.seed != world.seed
    for one, again in zip(world.things, other.things, strict=True):
        looks = [(t.kind, t.main, t.other, t.seed, t.flip) for t in (one, again)]
        assert looks[0] == looks[1] and not np.allclose(one.path, again.path)
        assert 0.85 <= again.radius / one.radius <= 1.15


def test_drawn_pictures_are_fixed_by_their_number_and_their_masks_are_the_things():
    batch, again = draw_again(3, 4, 48), draw_again(3, 4, 48)
    assert all(torch.equal(value, again[key]) for key, value in batch.items())
    assert batch["pictures"].shape == (8, 48, 48, 3) and batch["cells"].shape == (8, 5, 36)
    for index in range(4):
        first = sample_world(12 + index, (48, 48), 1)
        for view, world in enumerate((first, elsewhere(first, ELSEWHERE + 12 + index))):
            clip, cells = world.render(), batch["cells"].unflatten(0, (2, 4))[view, index]
            assert torch.equal(batch["pictures"].unflatten(0, (2, 4))[view, index], torch.from_numpy(clip.video[0]))
            for place in range(5):
                mask = latent_mask(clip.labels[0] == place + 1, (6, 6)).ravel()
                assert np.array_equal(cells[place].numpy() > 0, mask)
                assert float(cells[place].sum()) == pytest.approx(float(mask.any()))


def test_look_alikes_are_one_and_the_same():
    found = 0
    for number in range(40):
        who = draw_again(number, 1, 32)["who"][0]
        things = sample_world(number, (32, 32), 1).things
        for a, one in enumerate(things):
            for b, other in enumerate(things):
                alike = (one.kind, one.main, one.other, one.seed) == (other.kind, other.main, other.other, other.seed)
                assert (who[a] == who[b]) == (a == b or alike)
                found += a < b and alike
    assert found


def test_the_loss_is_small_where_things_are_found_and_leaves_out_what_is_not_seen():
    torch.manual_seed(0)
    vectors, who = torch.eye(6), torch.arange(6)
    seen = torch.ones(2, 6, dtype=torch.bool)
    right, share = same_things(vectors, vectors, who, seen)
    wrong, none = same_things(vectors, vectors.roll(1, 0), who, seen)
    assert right < 0.001 and share == 1 and wrong > 9 and none == 0
    # Two that cannot be told apart may be taken for one another.
    swapped = vectors[[1, 0, 2, 3, 4, 5]]
    assert same_things(vectors, swapped, torch.tensor([0, 0, 2, 3, 4, 5]), seen)[1] == 1
    # Whatever stands in the row of a thing that is missing from a picture changes nothing.
    seen[1, 0] = False
    spoilt = vectors.clone()
    spoilt[0] = vectors[3]
    assert torch.equal(same_things(vectors, spoilt, who, seen)[0], same_things(vectors, vectors, who, seen)[0])
    nothing = same_things(vectors, vectors, who, torch.zeros_like(seen))
    assert nothing[0] == 0 and nothing[0].isfinite()


def test_the_map_keeps_what_is_the_things_own():
    rng = torch.Generator().manual_seed(0)
    own = torch.randn(400, 6, generator=rng)
    mix = torch.linalg.qr(torch.randn(16, 16, generator=rng))[0]

    def picture(count: slice) -> torch.Tensor:
        around = 3 * torch.randn(400, 10, generator=rng)  # ten directions that say where a thing stands
        return (torch.cat([own + 0.1 * torch.randn(400, 6, generator=rng), around], 1) @ mix)[count] + 1

    learned, kept = slice(0, 300), slice(300, 400)
    matrix = telling_apart(picture(learned), picture(learned))
    here, there = picture(kept), picture(kept)

    def found(a: torch.Tensor, b: torch.Tensor) -> float:
        a, b = (torch.nn.functional.normalize(v, dim=1) for v in (a, b))
        return float(((a @ b.mT).argmax(1) == torch.arange(len(a))).float().mean())

    assert found(here, there) < 0.3 and found(here @ matrix.mT, there @ matrix.mT) > 0.9
    mapped = torch.cat([picture(learned), picture(learned)]) @ matrix.mT
    assert float(mapped.square().mean()) == pytest.approx(1, rel=0.1)


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    toy.train(folder, Settings(steps=1), stages=("vae", "dift"), report=lambda line: None, **TINY)
    return folder


def test_weights_without_a_projection_get_one(two_stages, tmp_path, monkeypatch):
    monkeypatch.setattr(dift, "START_PICTURES", 40)
    out, folder = tmp_path / "toy", tmp_path / "again"
    toy.export(two_stages, out, ("vae", "dift"))
    begin(folder, out, toy.REPRESENTATIONS)
    assert "projection.weight" in torch.load(folder / "dift.pt", weights_only=True)["weights"]
    (out / "dift" / "projection.safetensors").unlink()
    begin(folder, out, toy.REPRESENTATIONS)
    assert "projection.weight" not in torch.load(folder / "dift.pt", weights_only=True)["weights"]
    stage = toy.build_stage("dift", folder, **TINY)
    run(stage, folder, Settings(steps=1, stop_after=0), resume=True, report=lambda line: None)
    toy.export(folder, out, ("vae", "dift"))
    found = DiffusionFeatures.from_pretrained(out, device="cpu")
    assert found.up_layer == 0 and not torch.equal(found.projection, torch.eye(64))
    assert torch.equal(found.projection, stage.net.projection.weight)


def test_what_is_fast_on_a_gpu_gives_nearly_the_same_loss(two_stages):
    stage = toy.build_stage("dift", two_stages, **TINY)
    latents = stage.encode(batch := stage.draw(2))
    stage.encode = lambda drawn: latents
    losses, gradients = [], []
    for device in ("cpu", "cuda"):
        quicken(device, stage.trained())
        stage.trained().zero_grad()
        losses.append(stage.loss(batch, torch.Generator().manual_seed(3)))
        losses[-1]["loss"].backward()
        found = [param.grad for param in stage.trained().parameters() if param.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    assert float(losses[1]["loss"].detach()) == pytest.approx(float(losses[0]["loss"].detach()), rel=0.02)
    assert (gradients[1] - gradients[0]).norm() < 0.1 * gradients[0].norm()
    assert stage.net.projection.weight.grad.norm() > 0


def test_retrieval_is_compared_with_colours():
    table = Table()
    blind = SimpleNamespace(extract_many=lambda pictures: np.ones((len(pictures), 4, 8, 8), np.float32))
    measure_retrieval(table, blind, LINE_UP, 64, 900_000_000)
    means = {maker: row["mean"] for maker, row in table.summary()[MEASURE].items()}
    assert means["DIFT"] == 100 / LINE_UP
    assert means["colour of the pixels"] > means["colour of the cells"] > means["DIFT"]
