"""Trainings of the ControlNet in processes of their own: killed, stopped, shared out, and by the command line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from helpers.train_small import curve, small, told  # noqa: E402

from draganything_lab.training.full import checkpoint  # noqa: E402
from draganything_lab.training.full.log import read_log  # noqa: E402

pytestmark = pytest.mark.slow
STEPS = 24
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing disturbs."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    assert small(folder, f"--steps={STEPS}", "--save-every=12").wait(300) == 0
    return folder


def weights(folder: Path) -> bytes:
    last = checkpoint.checkpoint_path(folder, STEPS)
    return b"".join(
        (last / part / "diffusion_pytorch_model.safetensors").read_bytes() for part in ("average", "latest")
    )


def wait_until(what: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 180) -> bool:
    """Wait until something is true; False if the process ended before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    raise AssertionError(f"waited {seconds} s in vain")


def steps_done(folder: Path) -> int:
    log = folder / "log.jsonl"
    return max((line["step"] for line in read_log(log)), default=0) if log.exists() else 0


def test_ten_kills_leave_the_curve_unbroken(straight: Path, tmp_path: Path) -> None:
    rng, folder = random.Random(23), tmp_path / "run"
    moments = ["writing"] * 4 + ["step"] * 5 + ["start"]
    rng.shuffle(moments)
    torn = 0
    for moment in moments:
        process = small(folder, f"--steps={STEPS}", "--save-every=2", "--resume")
        known = checkpoint.checkpoints(folder)
        before = checkpoint.step_of(known[-1]) if known else 0
        if moment == "writing":
            wait_until(lambda: any(folder.glob("*.part")), process)
            time.sleep(rng.uniform(0, 0.02))
        elif moment == "step":
            ahead = before + rng.randint(1, 4)
            wait_until(lambda ahead=ahead: steps_done(folder) >= ahead, process)
            time.sleep(rng.uniform(0, 0.3))
        else:
            time.sleep(rng.uniform(0.5, 8))
        process.kill()
        process.wait(60)
        torn += any(folder.glob("*.part"))
    assert torn, "no kill came in the middle of a checkpoint: the test has tried too little"
    assert small(folder, f"--steps={STEPS}", "--save-every=2", "--resume").wait(300) == 0, told(folder).read_text()
    assert curve(folder) == curve(straight) and weights(folder) == weights(straight)
    print(f"{torn} of 10 kills in the middle of a checkpoint")


def test_a_signal_saves_a_checkpoint_and_ends_the_training(straight: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = small(folder, f"--steps={STEPS}", "--save-every=100", "--workers=1")
    assert wait_until(lambda: steps_done(folder) >= 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM, told(folder).read_text()
    last = checkpoint.newest(folder)
    assert last is not None and checkpoint.step_of(last) == steps_done(folder) < STEPS
    assert "stopped by SIGTERM after step" in told(folder).read_text()
    assert small(folder, f"--steps={STEPS}", "--resume").wait(300) == 0
    assert curve(folder) == curve(straight) and weights(folder) == weights(straight)


def test_two_processes_and_one_go_the_same_way(straight: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert small(folder, "--steps=8", processes=2).wait(300) == 0, told(folder).read_text()
    assert small(folder, "--steps=16", "--resume", "--accumulate=2").wait(300) == 0, "another number may go on"
    assert small(folder, f"--steps={STEPS}", "--resume", "--accumulate=2", processes=2).wait(300) == 0
    worst = 0.0
    for here, there in zip(curve(folder), curve(straight), strict=True):
        worst = max(worst, *(abs(a - b) / max(abs(b), 1e-9) for a, b in zip(here, there, strict=True)))
    print(f"largest relative difference: {worst:.1e}")
    assert worst < 1e-3


def test_a_process_that_dies_ends_all_and_the_training_can_go_on(straight: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = small(folder, f"--steps={STEPS}", "--die-at=22", processes=2)
    assert process.wait(300) not in (0, None)
    assert (
        "exitcode  : 9" in told(folder).read_text()
        or "another process of this training has died" in told(folder).read_text()
    )
    last = checkpoint.newest(folder)
    assert last is not None and checkpoint.step_of(last) == 4
    assert small(folder, f"--steps={STEPS}", "--resume").wait(300) == 0, told(folder).read_text()
    for here, there in zip(curve(folder), curve(straight), strict=True):
        assert here == pytest.approx(there, rel=1e-3)


def lab(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "draganything_lab.cli", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)


def test_the_command_line_from_clips_to_a_pipeline(tmp_path: Path) -> None:
    from draganything_lab.pipeline import load_pipeline

    def done(*words: str) -> str:
        result = lab(*words, folder=tmp_path)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    done("clips", "toyland", "clips", "--clips=3", "--size=64x64", "--frames=8")
    done("clips", "features", "clips", "--out=shards", "--size=64x64", "--frames=4", "--paths=masks", "--device=cpu")
    common = ["train", "controlnet", "--folder=run", "--device=cpu"]
    first = ["--data=clips", "--features=shards", "--paths=masks", "--base=random:tiny", "--representation=gaussian"]
    first += ["--steps=2", "--batch=2", "--precision=no", "--validate=none", "--save-every=1", "--no-checkpointing"]
    done(*common, *first, "--processes=2")
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["choices"]["size"] == [64, 64] and record["names"]["base"] == "random:tiny"
    again = lab(*common, *first, folder=tmp_path)
    assert again.returncode == 2 and "has a training already, up to step 2" in again.stderr
    other = lab(*common, "--resume", "--rate=1e-3", "--batch=4", folder=tmp_path)
    assert other.returncode == 2 and "rate was 1e-05 and is 0.001" in other.stderr and "batch was 2" in other.stderr
    told = done(*common, "--resume", "--steps=3", "--validate=toyland:1", "--validate-steps=1", "--log-with=none")
    assert "going on from step 2" in told and "validation of step 3: obeyed" in told and "wrote run/pipeline" in told
    pipe = load_pipeline(tmp_path / "run" / "pipeline", device="cpu")
    assert pipe.controlnet.config.representation == "gaussian"
    done("train", "controlnet", "--export", "run/checkpoint-00000001", "out", "--controlnet-only")
    assert (tmp_path / "out" / "config.json").is_file()
    words = ["--models=run/pipeline", "--representations=gaussian", "--size=64x64", "--frames=4", "--steps=1"]
    shown = lab("evaluate", "toyland:1", *words, folder=tmp_path)
    assert shown.returncode == 0 and "ObjMC" in shown.stdout, shown.stdout + shown.stderr
