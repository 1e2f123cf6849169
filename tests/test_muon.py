"""The optimiser: matrices turn into near rotations, the rest is AdamW, and a spoilt step does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from draganything_lab.training.engine.flat import Flat  # noqa: E402
from draganything_lab.training.engine.muon import BETAS, DECAY, EPS, Muon, orthogonal  # noqa: E402

YES = torch.tensor(True)


@given(rows=st.integers(16, 80), columns=st.integers(16, 80), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_singular_values_come_near_one_and_directions_stay(rows, columns, seed):
    torch.manual_seed(seed)
    left, right = torch.linalg.qr(torch.randn(rows, rows))[0], torch.linalg.qr(torch.randn(columns, columns))[0]
    rank = min(rows, columns)
    values = torch.logspace(0, -1.5, rank)
    given_matrix = left[:, :rank] * values @ right[:, :rank].T
    turned = orthogonal(given_matrix[None])[0]
    assert turned.shape == (rows, columns) and turned.is_contiguous()
    inside = left[:, :rank].T @ turned @ right[:, :rank]
    assert inside.diag().min() > 0.5 and inside.diag().max() < 1.4
    assert (inside - inside.diag().diag()).abs().max() < 0.15


def small_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.SiLU(), torch.nn.Linear(32, 3))


def set_gradient(net: torch.nn.Module, flat: Flat, seed: int) -> None:
    torch.manual_seed(seed)
    net.zero_grad()
    net(torch.randn(64, 20)).square().mean().backward()
    flat.gather()


def test_what_is_no_matrix_gets_the_steps_of_adamw():
    net, other = small_net(), small_net()
    flat = Flat(net)
    muon = Muon(flat)
    adam = torch.optim.AdamW(other.parameters(), 1e-2, betas=BETAS, eps=EPS, weight_decay=DECAY)
    for step in range(5):
        set_gradient(net, flat, step)
        for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
            theirs.grad = mine.grad.clone()
        muon.step(1e-2, YES)
        adam.step()
    for name, mine in net.named_parameters():
        same = torch.allclose(mine, dict(other.named_parameters())[name], atol=1e-6)
        assert same == (name != "0.weight")  # 32 x 20; the other weight has three rows


def test_a_matrix_moves_by_a_fifth_of_the_rate():
    net = small_net()
    flat = Flat(net)
    before = net[0].weight.detach().clone()
    set_gradient(net, flat, 1)
    Muon(flat).step(1e-2, YES)
    moved = float((net[0].weight.detach() - before).square().mean().sqrt())
    assert moved == pytest.approx(0.2 * 1e-2, rel=0.3)


def test_a_step_that_is_not_usable_changes_nothing():
    net = small_net()
    flat = Flat(net)
    muon = Muon(flat)
    set_gradient(net, flat, 1)
    muon.step(1e-2, YES)
    kept = [flat.vector.clone(), *(value.clone() for value in muon.moments.values()), muon.steps.clone()]
    flat.gradient.fill_(float("nan"))
    muon.step(1e-2, torch.tensor(False))
    for was, now in zip(kept, [flat.vector, *muon.moments.values(), muon.steps], strict=True):
        assert torch.equal(was, now)
