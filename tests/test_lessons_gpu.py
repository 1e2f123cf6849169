"""What the last lesson asks of a GPU: everything explains itself, and nothing is downloaded that was not asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from draganything_lab import models, pipeline  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.lessons import gpu  # noqa: E402
from draganything_lab.models import zoo  # noqa: E402

SIZE = (320, 576)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    told = SimpleNamespace(name="Tesla T4", total_memory=15 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda place: told)


def nothing_here(*args: Any, download: bool = False, **options: Any) -> Any:
    assert not download
    raise LabError('the "svd" weights are not on this machine (…)')


def test_without_a_gpu_one_sentence(scene: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(pipeline, "load_pipeline", nothing_here)
    assert gpu.released_vectors(scene, SIZE, download=True) is None
    assert gpu.released_pipeline(SIZE, 14, download=True) is None
    assert capsys.readouterr().out == 2 * f"{gpu.NO_GPU}\n"


def test_without_the_weights_size_and_what_to_do(card: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(pipeline, "load_pipeline", nothing_here)
    monkeypatch.setattr(zoo, "find", lambda name, half: None)
    assert gpu.released_pipeline(SIZE, 14, download=False) is None
    said = capsys.readouterr().out
    assert "svd, draganything, about 7.25 GB" in said and "set DOWNLOAD = True" in said


def test_another_fault_is_said_as_it_is(card: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def offline(*args: Any, **options: Any) -> Any:
        raise LabError("no network", fix="connect, or copy the files")

    monkeypatch.setattr(pipeline, "load_pipeline", offline)
    monkeypatch.setattr(zoo, "find", lambda name, half: None)
    assert gpu.released_pipeline(SIZE, 14, download=True) is None
    assert "no network; connect, or copy the files" in capsys.readouterr().out


def test_with_both_the_pipeline_is_prepared(card: None, monkeypatch: pytest.MonkeyPatch, scene: Any) -> None:
    asked: list[Any] = []
    pipe = SimpleNamespace(prepare=lambda *words: asked.append(words))
    features = SimpleNamespace(feature_channels=320, extract=lambda image, *, size: np.ones((320, 8, 8), np.float32))
    monkeypatch.setattr(pipeline, "load_pipeline", lambda name, download: pipe)
    monkeypatch.setattr(models, "load_features", lambda name, dtype, download: features)
    assert gpu.gpu() == "Tesla T4, 15.0 GiB"
    assert gpu.released_pipeline(SIZE, 14, download=True) is pipe and asked == [(SIZE, 14)]
    vectors = gpu.released_vectors(scene, SIZE, download=True)
    assert vectors is not None and vectors.shape == (3, 320)
