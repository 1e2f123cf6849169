"""The weights in the package: small enough, quick to load, and good enough on a few held-out clips."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from draganything_lab import zoo  # noqa: E402
from draganything_lab.training.measure import measure  # noqa: E402
from draganything_lab.training.toy import REPRESENTATIONS  # noqa: E402

WEIGHTS = Path(zoo.__file__).parents[1] / "weights" / "toy"
CLIPS = 10

pytestmark = pytest.mark.skipif(not (WEIGHTS / "unet").is_dir(), reason="no toy weights in this checkout")


def load(representation: str):
    pipe = zoo.load_pipeline(WEIGHTS, representation)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def summary() -> dict:
    quiet = {"report": lambda line: None}
    table, _ = measure(load, REPRESENTATIONS[:1], clips=CLIPS, seeds=1, vae_pictures=40, keep=1, **quiet)
    return table.summary(draws=50)


def test_the_files_are_small_and_safe():
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60e6
    assert max(path.stat().st_size for path in files) < 16e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".jsonl", ".md"}


def test_the_weights_say_how_they_are_sampled():
    told = json.loads((WEIGHTS / "sampling.json").read_text())
    pipe = load(REPRESENTATIONS[0])
    assert (pipe.config.default_steps, pipe.config.default_guidance) == (told["steps"], told["guidance"])


def test_dragged_things_go_where_they_are_told(summary):
    error = summary["centre error of moved things (% of diagonal)"]
    assert error[REPRESENTATIONS[0]]["mean"] < 0.6 * error["frozen"]["mean"]


def test_held_things_stay(summary):
    assert summary["held things move (% of diagonal)"][REPRESENTATIONS[0]]["mean"] < 4


def test_things_keep_their_looks(summary):
    assert summary["moved things, PSNR against the truth (dB)"][REPRESENTATIONS[0]]["mean"] > 16
    assert summary["moved things, DIFT similarity first to last"][REPRESENTATIONS[0]]["mean"] > 0.7


def test_the_vae_keeps_the_picture(summary):
    assert summary["VAE, PSNR over the picture (dB)"]["VAE"]["mean"] > 29
    assert summary["VAE, PSNR inside things (dB)"]["VAE"]["mean"] > 22.5
