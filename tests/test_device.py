"""The one choice of a device."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from draganything_lab.models.device import best_device  # noqa: E402


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen", "of_others"),
    [(True, False, "cuda", "cuda"), (False, True, "mps", "cpu"), (False, False, "cpu", "cpu")],
)
def test_a_gpu_is_chosen_where_there_is_one(
    cuda: bool, mps: bool, chosen: str, of_others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert best_device() == chosen and best_device(mps=False) == of_others
    assert best_device("cpu") == best_device(torch.device("cpu")) == "cpu"
