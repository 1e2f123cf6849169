"""Estimates of memory and time, and the settings that are chosen by them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import ReferenceDecoder, References, random_parts  # noqa: E402
from draganything_lab.pipeline import (  # noqa: E402
    DragAnythingPipeline,
    metering,
)
from draganything_lab.pipeline import plan as memory  # noqa: E402
from draganything_lab.pipeline.dryrun import DryRun  # noqa: E402

SIZE, GIB = (64, 64), 2**30


@pytest.fixture(scope="module")
def pipe():
    made = DragAnythingPipeline(**random_parts("tiny"))
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def full():
    return DragAnythingPipeline(**random_parts("full", device="meta", dtype=torch.float16))


def test_the_meter_counts_what_is_alive():
    meter = metering.Meter()
    with metering.counting(meter):
        a = torch.zeros(1000)  # 4,000 bytes
        b = a + 1  # 8,000
        view = b.view(10, 100)  # nothing new
        del a  # 4,000
        c = torch.cat([b, b])  # 12,000
        del b
        assert meter.live == 12_000, "the view keeps its storage"
        del view, c
    assert (meter.live, meter.peak) == (0, 12_000)


def test_operations_equal_those_of_a_real_run(pipe):
    inputs = torch.zeros(2, 4, 8, 8, 8), torch.tensor(0.5), torch.zeros(2, 1, 16), torch.zeros(2, 3)
    counter = FlopCounterMode(display=False)
    # As plain products: of a CPU's fused attention the counter knows nothing on some machines.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        down, mid = pipe.controlnet(*inputs, control_embedding=torch.zeros(1, 4, 32, 8, 8))
        pipe.unet(*inputs, down_block_additional_residuals=down, mid_block_additional_residual=mid)
    estimated = DryRun(pipe).step(SIZE, 4, batch=2)
    assert estimated.flops == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_memory_of_the_dry_run_equals_that_of_a_real_run(pipe):
    control = torch.zeros(1, 4, 3, *SIZE), torch.zeros(1, 4, 6, *SIZE)
    meter = metering.Meter()
    with torch.no_grad(), metering.counting(meter):
        image, entity_map = (maps.clone() for maps in control)
        pipe.controlnet.embed_control(image, entity_map)
    assert DryRun(pipe).embed(SIZE, 4).memory == pytest.approx(meter.peak, rel=0.05)


def on_gpu(full, frames, gib):
    """The plan for a GPU that is not here."""
    return full.estimate((320, 576), frames, device="cuda", memory=gib * GIB, offload=False, speed=1e14)


def test_full_size_fits_twelve_gigabytes_in_half_precision(full):
    assert on_gpu(full, 20, 12).fits
    assert sum(DryRun(full).weights.values()) > 5 * GIB, "the weights are counted"


def test_less_memory_means_smaller_settings(full):
    plans = [on_gpu(full, 14, gib) for gib in (64, 10.3, 8.8, 1)]
    assert [plan.decode_chunk for plan in plans[:2]] == [14, 8]
    assert plans[2].split_guidance or plans[2].decode_chunk < 8
    assert [plan.fits for plan in plans] == [True, True, True, False]
    assert plans[0].memory > plans[1].memory > plans[2].memory
    assert all(plan.memory <= plan.available for plan in plans[:3])
    assert plans[0].seconds == pytest.approx(plans[0].flops / 1e14) and not plans[0].measured


def test_prepare_says_what_it_does_and_the_next_run_does_it(pipe, capsys):
    plan = pipe.prepare(SIZE, 4, steps=2, device="cpu")
    assert capsys.readouterr().out.strip() == str(plan)
    assert "4 frames of 64x64, 2 steps, float32 on cpu" in str(plan) and "roughly" in str(plan)
    decoded = []
    hook = pipe.vae.decoder.register_forward_pre_hook(lambda module, inputs: decoded.append(len(inputs[0])))
    nothing = (np.zeros((4, 3, *SIZE), np.float32), None)
    try:
        from dataclasses import replace

        pipe.plan = replace(plan, decode_chunk=3)
        pipe(np.zeros((*SIZE, 3), np.uint8), nothing, num_inference_steps=2, seed=0)
    finally:
        hook.remove()
        pipe.plan = None
    assert decoded == [3, 1]
    again = pipe.estimate(SIZE, 4, steps=2)
    assert again.measured and "about" in str(again), "the run was timed"


def test_prepare_refuses_what_cannot_fit(pipe):
    with pytest.raises(LabError, match=r"4 frames of 64x64 need about .* GiB on cpu, which has 0.0 GiB; use fewer"):
        pipe.prepare(SIZE, 4, device="cpu", memory=1000)
    with pytest.raises(LabError, match="float16 is slow"):
        pipe.prepare(SIZE, 4, device="cpu", dtype=torch.float16)


def test_large_runs_are_announced(pipe, capsys, monkeypatch):
    nothing = (np.zeros((2, 3, *SIZE), np.float32), None)
    monkeypatch.setattr(pipe, "plan", None)
    pipe(np.zeros((*SIZE, 3), np.uint8), nothing, num_inference_steps=1, seed=0)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(memory, "LARGE", 0)
    pipe(np.zeros((*SIZE, 3), np.uint8), nothing, num_inference_steps=1, seed=0)
    assert "2 frames of 64x64, 1 steps" in capsys.readouterr().out


def as_if_real(run) -> int:
    """The most bytes that are alive while something runs with numbers."""
    meter = metering.Meter()
    with torch.no_grad(), metering.counting(meter):
        run()
    return meter.peak


@settings(max_examples=6, deadline=None)
@given(
    frames=st.integers(1, 5),
    size=st.tuples(st.sampled_from([32, 64, 96]), st.sampled_from([32, 64, 128])),
    stage=st.sampled_from(["embed", "step", "decode", "encode"]),
)
def test_every_stage_is_within_a_tenth_of_a_real_run(pipe, frames, size, stage):
    dry, cells = DryRun(pipe), [side // 2 ** (len(pipe.vae.config.block_out_channels) - 1) for side in size]
    channels = pipe.controlnet.config.entity_embedding_out_channels[0]

    def step():
        inputs = torch.zeros(2, frames, 8, *cells), torch.tensor(0.5), torch.zeros(2, 1, 16), torch.zeros(2, 3)
        down, mid = pipe.controlnet(*inputs, control_embedding=torch.zeros(1, frames, 32, *cells))
        pipe.unet(*inputs, down_block_additional_residuals=down, mid_block_additional_residual=mid)

    real, estimated = {
        "encode": (lambda: pipe.vae.encode(torch.zeros(1, 3, *size)).latent_dist.mode(), dry.encode(size)),
        "embed": (
            lambda: pipe.controlnet.embed_control(
                torch.zeros(1, frames, 3, *size), torch.zeros(1, frames, channels, *size)
            ),
            dry.embed(size, frames),
        ),
        "step": (step, dry.step(size, frames, 2)),
        "decode": (
            lambda: pipe.vae.decode(torch.zeros(frames, 4, *cells), num_frames=frames),
            dry.decode(size, frames),
        ),
    }[stage]
    assert estimated.memory == pytest.approx(as_if_real(real), rel=0.1)


def test_what_autograd_holds_counts_and_views_of_weights_do_not():
    weight = torch.ones(100, 100, requires_grad=True)
    meter = metering.Meter()
    with metering.counting(meter):
        view = weight.detach()[:50]
        assert meter.live == 0, "a view of what was there before"
        loss = (weight * 2).exp().sum()  # the exponential is kept for its gradient, though no name holds it
        assert meter.live == 40_000 + 4
        loss.backward()
        assert meter.live == 40_000 + 4, "now the gradient is, and what it was made from is not"
        del view


def test_fused_attention_holds_what_its_gradient_needs():
    query = torch.zeros(1, 2, 64, 8, device="meta", requires_grad=True)
    meter = metering.Meter()
    with metering.counting(meter, dry=True):
        out = torch.nn.functional.scaled_dot_product_attention(query, query, query)
        assert meter.live == out.nbytes + 2 * 64 * 4, "and no matrix of all pairs"
        forward = meter.flops
        out.sum().backward()
    assert forward == 2 * 2 * 64 * 64 * 16
    assert meter.flops == pytest.approx(3.5 * forward)


def test_float16_encodes_in_float32_where_the_vae_asks_for_it(full):
    half, exact = DryRun(full), DryRun(full, torch.bfloat16)
    assert half.encode((320, 576)).memory > 1.9 * exact.encode((320, 576)).memory


def test_a_cpu_copies_what_convolutions_read(pipe):
    assert DryRun(pipe, cpu=True).step(SIZE, 4, 2).memory > DryRun(pipe).step(SIZE, 4, 2).memory
    assert DryRun(pipe, cpu=True).step(SIZE, 4, 2).flops == DryRun(pipe).step(SIZE, 4, 2).flops


@pytest.fixture(scope="module")
def pipe_with_reference():
    parts = random_parts("tiny", first_frame_control=True)
    return DragAnythingPipeline(**parts, decoder=ReferenceDecoder(4, (8, 8, 16, 16)))


@pytest.mark.parametrize("side", [64, 96, 128])
def test_where_the_reference_decoder_decodes_it_is_reckoned_with(pipe_with_reference, side):
    pipe, large = pipe_with_reference, (side, side)

    def decode():
        maps = [torch.zeros(3, channels, *large) for channels in (3, 1, 1, 3, 3)]
        pipe.decoder(torch.zeros(3, 4, 8, 8), References(*maps, torch.zeros(3, 1, 1, 1)))

    estimated = DryRun(pipe).decode_with_picture(SIZE, large, 3)
    assert estimated.memory == pytest.approx(as_if_real(decode), rel=0.1)


def test_the_plan_asks_which_decoder_decodes(pipe, pipe_with_reference):
    with_picture, by_vae = (pipe_with_reference.estimate(SIZE, 4, with_reference=on) for on in (None, False))
    assert with_picture.flops != by_vae.flops
    larger = pipe_with_reference.estimate(SIZE, 4, decode_size=(128, 128))
    assert larger.flops > with_picture.flops and larger.memory > with_picture.memory
    assert larger.step_flops == with_picture.step_flops
    with pytest.raises(LabError, match="wants a reference decoder"):
        pipe.estimate(SIZE, 4, with_reference=True)
