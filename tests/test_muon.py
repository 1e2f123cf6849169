"""The optimiser: matrices turn into near rotations, and the rest is AdamW."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from draganything_lab.training.engine.muon import BETAS, DECAY, Muon, Optimiser, orthogonal  # noqa: E402


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


def with_gradient(seed: int = 1) -> tuple[torch.nn.Module, Optimiser]:
    net = small_net()
    optimiser = Optimiser(dict(net.named_parameters()))
    set_gradient(net, seed)
    return net, optimiser


def set_gradient(net: torch.nn.Module, seed: int) -> None:
    torch.manual_seed(seed)
    net.zero_grad(set_to_none=False)
    net(torch.randn(64, 20)).square().mean().backward()


def test_what_is_no_matrix_gets_the_steps_of_adamw():
    net, optimiser = with_gradient()
    other = small_net()
    adam = torch.optim.AdamW(other.parameters(), betas=BETAS, weight_decay=DECAY)
    for step in range(5):
        set_gradient(net, step)
        for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
            theirs.grad = mine.grad.clone()
        optimiser.step(1e-2)
        adam.param_groups[0]["lr"] = 1e-2
        adam.step()
    for name, mine in net.named_parameters():
        same = torch.equal(mine, dict(other.named_parameters())[name])
        assert same == (name != "0.weight")  # 32 x 20; the other weight has three rows


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch before 2.9")
def test_our_muon_is_pytorchs_but_for_rounding():
    torch.manual_seed(0)
    start = [torch.randn(24, 40), torch.randn(24, 40), torch.randn(50, 18)]
    ours, theirs = ([torch.nn.Parameter(value.clone()) for value in start] for _ in range(2))
    optimisers = [
        Muon(ours, lr=1e-2),
        torch.optim.Muon(theirs, lr=1e-2, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"),
    ]
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for one, other, before in zip(ours, theirs, start, strict=True):
        assert (one - other).norm() < 0.05 * (other - before).norm()


@pytest.mark.parametrize("muon", [Muon, None])
def test_a_matrix_moves_by_a_fifth_of_the_rate(muon, monkeypatch):
    if muon is not None:
        monkeypatch.setattr("draganything_lab.training.engine.muon.muon_for", lambda device: muon)
    net, optimiser = with_gradient()
    before = net[0].weight.detach().clone()
    optimiser.step(1e-2)
    moved = float((net[0].weight.detach() - before).square().mean().sqrt())
    assert moved == pytest.approx(0.2 * 1e-2, rel=0.3)


def test_a_parameter_may_have_a_rate_of_its_own():
    net, other = small_net(), small_net()
    for one, factor in ((net, 1.0), (other, 4.0)):
        optimiser = Optimiser(dict(one.named_parameters()), lambda name, factor=factor: factor if "2." in name else 1.0)
        set_gradient(one, 1)
        optimiser.step(1e-3)
    start = small_net()
    assert torch.equal(net[0].weight, other[0].weight)
    torch.testing.assert_close(other[2].bias - start[2].bias, 4 * (net[2].bias - start[2].bias), rtol=0.02, atol=1e-6)


def test_what_is_remembered_goes_by_name():
    net, optimiser = with_gradient()
    optimiser.step(1e-2)
    again = small_net()
    again.load_state_dict(net.state_dict())
    second = Optimiser(dict(again.named_parameters()))
    second.load({name: {k: v.clone() for k, v in kept.items()} for name, kept in optimiser.state().items()})
    for one in (net, again):
        set_gradient(one, 2)
    optimiser.step(1e-2)
    second.step(1e-2)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
