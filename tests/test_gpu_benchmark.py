"""The benchmark for a GPU, at a minute size on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
sys.path.insert(0, str(SCRIPT.parent))
from gpu import DEFAULT, MODES, lines_of  # noqa: E402


def run(*arguments: str) -> str:
    return subprocess.run([sys.executable, SCRIPT, *arguments], check=True, capture_output=True, text=True).stdout


def test_all_modes_fit_ten_minutes_and_have_a_base():
    assert sum(MODES[name].seconds for name in DEFAULT) <= 600
    assert all(mode.base in MODES for mode in MODES.values())
    assert "fp8" not in DEFAULT


def test_a_line_that_a_kill_cut_off_is_measured_again(tmp_path):
    (tmp_path / "gpu.jsonl").write_text('{"mode": "ours"}\n{"mode": "sh')
    assert [line["mode"] for line in lines_of(tmp_path / "gpu.jsonl")] == ["ours"]
    assert lines_of(tmp_path / "none.jsonl") == []


@pytest.mark.slow
def test_it_measures_goes_on_and_tells(tmp_path):
    out = tmp_path / "gpu.jsonl"
    small = ("--out", str(out), "--size", "tiny", "--device", "cpu")
    run(*small, "--modes", "released-exact,ours-exact")
    before = out.read_text()
    said = run(*small, "--modes", "ours-exact,short,ays-10,profile")
    assert out.read_text().startswith(before), "what is there is not measured again"
    lines = {line["mode"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert list(lines) == ["released-exact", "ours-exact", "short", "ays-10", "profile"], said
    assert all(line["step"] > 0 and line["video"] > 0 for name, line in lines.items() if name != "profile")
    assert {"VAE", "convolutions", "attention, spatial", "attention, temporal"} <= set(lines["profile"]["groups"])
    table = run(*small, "--table")
    exact = next(line for line in table.splitlines() if line.startswith("| ours, float32"))
    assert float(exact.split("|")[-3]) < 1e-3, "equal to the released one up to rounding"
    assert "where the time goes" in table


def test_what_the_budget_does_not_hold_is_left_for_later(tmp_path):
    out = tmp_path / "gpu.jsonl"
    said = run("--out", str(out), "--device", "cpu", "--budget", "1", "--modes", "ours")
    assert "not measured now" in said and not out.exists()
