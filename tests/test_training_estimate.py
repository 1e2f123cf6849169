"""What a training will cost, held against a training step that is really taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import random_parts  # noqa: E402
from draganything_lab.pipeline.metering import Meter, counting  # noqa: E402
from draganything_lab.training.full import step as trainer  # noqa: E402
from draganything_lab.training.full.dry import dry_step, sample_batch  # noqa: E402
from draganything_lab.training.full.estimate import estimate_training  # noqa: E402
from draganything_lab.training.full.gpus import GPUS  # noqa: E402
from draganything_lab.training.full.options import Options  # noqa: E402

GIB = 2**30
TINY = Options(size=(64, 64), frames=2, batch=1, steps=10, precision="bf16")


@pytest.fixture(scope="module")
def tiny():
    return random_parts("tiny", device="meta")


@pytest.fixture(scope="module")
def full():
    return random_parts("full", device="meta")


def real_step(options: Options, clips: int, *, flops: bool = False) -> float:
    """Take a step with numbers, and return the most bytes that were alive beside the weights; or its operations."""
    parts = random_parts("tiny")
    frozen = trainer.Frozen.of(parts, options, "cpu")
    net = trainer.prepare_controlnet(parts["controlnet"], options, "cpu")
    counter = FlopCounterMode(display=False) if flops else Meter()
    # As plain products: of a CPU's fused attention the counter of operations knows nothing on some machines.
    with (counter, sdpa_kernel(SDPBackend.MATH)) if flops else counting(counter):
        batch, noise = sample_batch(frozen, net, options, clips, "cpu")
        loss = trainer.forward(net, frozen, batch, noise, options)["loss"]
        loss.backward()
    assert torch.isfinite(loss)
    return counter.get_total_flops() if flops else counter.peak


@pytest.mark.parametrize("precision", ["bf16", "no"])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_memory_of_the_dry_run_is_that_of_a_real_step(tiny, checkpointing, precision):
    options = replace(TINY, checkpointing=checkpointing, precision=precision)
    dry = dry_step(tiny, options, 1, norms_in_float32=False)
    assert dry.memory == pytest.approx(real_step(options, 1), rel=0.1)


@settings(max_examples=4, deadline=None)
@given(
    frames=st.integers(2, 5),
    size=st.tuples(st.sampled_from([32, 64, 96]), st.sampled_from([32, 64])),
    clips=st.integers(1, 2),
    checkpointing=st.booleans(),
)
def test_it_is_so_at_any_size(tiny, frames, size, clips, checkpointing):
    options = replace(TINY, size=size, frames=frames, batch=clips, checkpointing=checkpointing)
    dry = dry_step(tiny, options, clips, norms_in_float32=False)
    assert dry.memory == pytest.approx(real_step(options, clips), rel=0.15)


@pytest.mark.parametrize("checkpointing", [True, False])
def test_operations_are_those_of_a_real_step(tiny, checkpointing):
    options = replace(TINY, checkpointing=checkpointing)
    assert dry_step(tiny, options, 1).flops == pytest.approx(real_step(options, 1, flops=True), rel=0.05)


def test_checkpointing_saves_memory_and_costs_operations(tiny):
    kept, again = (dry_step(tiny, replace(TINY, frames=8, checkpointing=on), 1) for on in (False, True))
    assert again.memory < kept.memory and again.flops > kept.flops
    assert again.trained == kept.trained > 0


def test_norms_in_float32_keep_more(tiny):
    plain, wide = (dry_step(tiny, replace(TINY, checkpointing=False), 1, norms_in_float32=on) for on in (False, True))
    assert wide.memory > plain.memory


def test_the_plan_counts_every_part_once(tiny):
    plan = estimate_training(tiny, TINY, price_per_hour=3.6)
    net = random_parts("tiny", device="meta")["controlnet"]
    trainer.prepare_controlnet(net, TINY, "meta")
    trained = 4 * sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    assert plan.parts["gradients"] == plan.parts["moving average"] == trained
    assert plan.parts["optimiser (adamw)"] == 2 * trained
    assert plan.memory == sum(plan.parts.values()) and plan.fits and not plan.remedy
    assert plan.seconds == pytest.approx(10 * plan.step_seconds)
    assert plan.cost == pytest.approx(plan.gpu_hours * 3.6)
    assert "fits" in str(plan) and "GPU hours" in str(plan)


def test_a_measured_speed_replaces_the_assumed_one(tiny):
    plan = estimate_training(tiny, TINY, speed=1e9)
    assert plan.measured and plan.step_seconds == pytest.approx(plan.step_flops / 1e9)


def test_accumulating_computes_the_same_in_less_memory(tiny):
    at_once, in_parts = (
        estimate_training(tiny, replace(TINY, batch=4, accumulate=parts), device="H100") for parts in (1, 4)
    )
    assert (at_once.clips, in_parts.clips) == (4, 1)
    assert in_parts.step_flops == pytest.approx(at_once.step_flops, rel=0.05)
    assert in_parts.parts["activations and workspaces"] < at_once.parts["activations and workspaces"]


def test_processes_share_the_batch_and_the_sharded_parts(tiny):
    options = replace(TINY, batch=4)
    alone = estimate_training(tiny, options, device="H100")
    four = estimate_training(tiny, options, device="H100", processes=4)
    fsdp, zero = (
        estimate_training(tiny, options, device="H100", processes=4, sharded=by) for by in ("fsdp", "deepspeed")
    )
    assert four.step_seconds == pytest.approx(alone.step_seconds / 4, rel=0.05)
    assert four.gpu_hours == pytest.approx(alone.gpu_hours, rel=0.05)
    assert fsdp.memory < zero.memory < four.memory
    assert fsdp.parts["frozen networks"] == four.parts["frozen networks"], "only what is trained is shared out"


@pytest.mark.slow
def test_at_full_size_it_says_what_fits(full):
    options = Options(batch=8)
    large = estimate_training(full, options, device="H200")
    assert large.memory > 20 * GIB
    small = estimate_training(full, options, device="L4")
    assert not small.fits and small.remedy
    print(large, small, sep="\n")


def test_what_does_not_fit_says_what_would(tiny):
    options = replace(TINY, batch=4, frames=16, checkpointing=False)
    whole = estimate_training(tiny, options, device="L4").memory
    plan = estimate_training(tiny, options, device="L4", memory=0.95 * whole)
    assert not plan.fits and plan.remedy.startswith("it fits with checkpointing")
    none = estimate_training(tiny, options, device="L4", memory=1000)
    assert "no option" in none.remedy and "too large" in str(none)
    tight = estimate_training(tiny, options, device="L4", memory=0.6 * GIB)
    assert not tight.remedy or "fits with" in tight.remedy


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"processes": 0}, "processes is 0"),
        ({"processes": 2.5}, "processes is 2.5"),
        ({"processes": 3}, "cannot be shared out evenly"),
        ({"device": "RTX 9090"}, 'GPU "RTX 9090" is not in the table; use one of T4'),
        ({"device": "T4"}, "a T4 does not compute in bfloat16"),
        ({"price_per_hour": -1}, "price_per_hour is -1"),
        ({"price_per_hour": float("nan")}, "price_per_hour is nan"),
        ({"speed": 0}, "speed is 0"),
        ({"sharded": "zero", "processes": 2}, 'sharded "zero" is unknown'),
        ({"sharded": "fsdp"}, "nobody to share with"),
    ],
)
def test_bad_input_names_itself(tiny, given, text):
    with pytest.raises(LabError, match=text):
        estimate_training(tiny, replace(TINY, batch=2), **given)


def test_the_table_of_gpus_is_plausible():
    assert list(GPUS) == ["T4", "L4", "A100-40", "A100-80", "H100", "H200"]
    for gpu in GPUS.values():
        assert 10e9 < gpu.memory < 200e9 and gpu.single < gpu.half < 2e15
