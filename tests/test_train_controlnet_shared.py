"""Training with FSDP and DeepSpeed, which share the state out among processes: here on two CPUs, through gloo.

DeepSpeed is not installed with this repository; where it is not, its half is skipped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from helpers.train_small import OPTIONS, curve, small, told  # noqa: E402
from test_full_size_guide import NAMED  # noqa: E402
from test_train_controlnet import run  # noqa: E402
from test_train_controlnet_kills import steps_done, wait_until  # noqa: E402

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.training.full import checkpoint, loop, together  # noqa: E402
from draganything_lab.training.full.lock import OWNER  # noqa: E402
from draganything_lab.training.full.log import read_log  # noqa: E402
from draganything_lab.training.full.state import load_averaged  # noqa: E402

STEPS = 12


def environment(kind: str) -> dict[str, str]:
    """What `accelerate launch` would set by the guide's configuration, but for what needs GPUs or a large network."""
    if kind == "FSDP":
        chosen = yaml.safe_load(dict(NAMED)["fsdp-8.yaml"])["fsdp_config"]
        chosen |= {"fsdp_min_num_params": 50_000, "fsdp_sync_module_states": False}
        return {"ACCELERATE_USE_FSDP": "true", **{name.upper(): str(value) for name, value in chosen.items()}}
    pytest.importorskip("deepspeed")
    chosen = yaml.safe_load(dict(NAMED)["deepspeed-8.yaml"])["deepspeed_config"]
    return {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_ZERO_STAGE": str(chosen["zero_stage"]),
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": str(chosen["gradient_accumulation_steps"]),
        "DS_ACCELERATOR": "cpu",
    }


def validations(folder: Path) -> list[float]:
    return [line["validation"]["total"] for line in read_log(folder / "log.jsonl") if "validation" in line]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of one process that nothing disturbs."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    assert small(folder, f"--steps={STEPS}", "--validate").wait(300) == 0, told(folder).read_text()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["FSDP", "DeepSpeed"])
def test_a_shared_training_goes_the_same_way_through_a_kill_and_a_signal(
    kind: str, straight: Path, tmp_path: Path
) -> None:
    folder, shared = tmp_path / "run", environment(kind)

    def start(*words: str) -> subprocess.Popen[str]:
        return small(folder, f"--steps={STEPS}", "--validate", *words, processes=2, **shared)

    process = start("--save-every=2")
    assert wait_until(lambda: steps_done(folder) >= 5, process), told(folder).read_text()
    os.kill(json.loads((folder / OWNER).read_text())["pid"], signal.SIGKILL)
    assert process.wait(120) != 0
    kept = checkpoint.newest(folder)
    assert kept is not None and checkpoint.step_of(kept) >= 4

    with pytest.raises(LabError, match=f"was saved by 2 processes with {kind}, and this training runs on 1 process"):
        run(folder, resume=True)

    process = start("--resume", "--accumulate=2", "--save-every=100")
    assert wait_until(lambda: steps_done(folder) >= checkpoint.step_of(kept) + 2, process), told(folder).read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) != 0
    last = checkpoint.newest(folder)
    assert last is not None and checkpoint.step_of(kept) < checkpoint.step_of(last) == steps_done(folder) < STEPS
    assert "stopped by SIGTERM" in told(folder).read_text()

    assert start("--resume").wait(300) == 0, told(folder).read_text()
    for here, there in zip(curve(folder), curve(straight), strict=True):
        assert here == pytest.approx(there, rel=1e-3)
    assert validations(folder) == pytest.approx(validations(straight), rel=1e-5)
    whole, plain = (load_averaged(checkpoint.checkpoint_path(one, STEPS)).state_dict() for one in (folder, straight))
    assert {value.dtype for value in whole.values()} == {torch.float32}
    for name, value in plain.items():
        assert torch.allclose(whole[name], value, atol=OPTIONS.rate / 10), name


def test_fsdp_is_refused_where_it_cannot_train_a_part() -> None:
    good = SimpleNamespace(fsdp_version=1, use_orig_params=True, mixed_precision_policy="halves")
    together._configure_fsdp(good)
    assert good.mixed_precision_policy is None
    with pytest.raises(LabError, match=r"version 2 is not supported.*fsdp_version: 1"):
        together._configure_fsdp(SimpleNamespace(fsdp_version=2, use_orig_params=None))
    with pytest.raises(LabError, match="fsdp_use_orig_params: true"):
        together._configure_fsdp(SimpleNamespace(fsdp_version=1, use_orig_params=False))


def test_deepspeed_is_told_our_options_and_refused_with_others() -> None:
    plugin = SimpleNamespace(zero_stage=2, deepspeed_config={"bf16": {"enabled": True}, "gradient_clipping": 1.0})
    options = replace(OPTIONS, batch=8, accumulate=2, precision="bf16", clip_norm=0.5)
    together._configure_deepspeed(plugin, options, 2)
    config = plugin.deepspeed_config
    assert "bf16" not in config and config["torch_autocast"]["enabled"] and config["gradient_clipping"] == 0.5
    assert config["gradient_accumulation_steps"] == config["train_micro_batch_size_per_gpu"] == 2
    with pytest.raises(LabError, match="fp16 does not go with DeepSpeed"):
        together._configure_deepspeed(plugin, replace(options, precision="fp16"), 2)
    with pytest.raises(LabError, match="stage 3 is not supported"):
        together._configure_deepspeed(SimpleNamespace(zero_stage=3), options, 2)


def test_the_scaler_of_float16_changes_no_step_leaves_out_an_overflow_and_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own scaler, which accelerate uses on GPUs only, on float32: a CPU takes minutes for float16."""
    run(tmp_path / "plain", replace(OPTIONS, steps=5))
    built: list[Any] = []
    real, forward, calls = loop.build_accelerator, loop.forward, [0]

    def build(*args: Any) -> Any:
        accelerator = real(*args)
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        accelerator.state._mixed_precision = "fp16"
        built.append(accelerator)
        return accelerator

    def overflow(*args: Any) -> Any:
        built[-1].native_amp = True  # so that it unscales gradients; before, it would have set up autocast
        losses, calls[0] = forward(*args), calls[0] + 1
        return losses | ({"loss": losses["loss"] * float("inf")} if calls[0] == 4 else {})

    monkeypatch.setattr(loop, "build_accelerator", build)
    monkeypatch.setattr(loop, "forward", overflow)
    folder = tmp_path / "run"
    run(folder, replace(OPTIONS, steps=4))
    for here, there in zip(read_log(folder / "log.jsonl")[:3], curve(tmp_path / "plain"), strict=False):
        assert [here["loss"], here["norm"]] == pytest.approx([there[0], there[3]], rel=1e-4)
    assert read_log(folder / "log.jsonl")[3]["skipped"] and built[0].scaler.get_scale() == 2.0**9
    run(folder, replace(OPTIONS, steps=5), resume=True)
    assert "skipped" not in read_log(folder / "log.jsonl")[4] and built[1].scaler.get_scale() == 2.0**9
