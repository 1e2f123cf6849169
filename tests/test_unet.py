"""The video UNet: the released multiplicity of the residuals, gradients, and nothing else changed."""

from __future__ import annotations

import copy
import threading

import pytest
from helpers.recordings import Recording, recorded_inputs, recorded_net

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import DragAnythingControlNet, DragAnythingUNet, residual_multiplicity  # noqa: E402

CROSS, PLAIN = "CrossAttn{}BlockSpatioTemporal", "{}BlockSpatioTemporal"


def config(levels, layers=1):
    kinds = [CROSS] * (levels - 1) + [PLAIN]
    return {
        "block_out_channels": (32, 64, 64, 64)[:levels],
        "down_block_types": tuple(kind.format("Down") for kind in kinds),
        "up_block_types": tuple(kind.format("Up") for kind in reversed(kinds)),
        "layers_per_block": layers,
        "num_attention_heads": 2,
        "cross_attention_dim": 16,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 24,
    }


def small(kind=DragAnythingUNet, levels=2, layers=1):
    torch.manual_seed(0)
    return kind(**config(levels, layers)).eval()


def inputs(unet, batch=2, frames=3, side=8):
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(batch, frames, 8, side, side, generator=generator)
    context = torch.randn(batch, 1, 16, generator=generator)
    ids = torch.tensor([[6.0, 127.0, 0.02]] * batch)
    shapes, now = [(unet.config.block_out_channels[0], side)], side
    for block in unet.down_blocks:
        shapes += [(block.resnets[-1].spatial_res_block.out_channels, now)] * len(block.resnets)
        if block.downsamplers:
            now //= 2
            shapes.append((shapes[-1][0], now))
    down = [torch.randn(batch * frames, c, s, s, generator=generator) for c, s in shapes]
    mid = torch.randn(batch * frames, unet.config.block_out_channels[-1], now, now, generator=generator)
    return (sample, torch.tensor(0.7), context, ids), down, mid


def released_way(unet, sample, timestep, context, ids, down, mid):
    """The loop that the released code has, written out: all residuals so far are added after every down block."""
    batch, frames = sample.shape[:2]
    time = unet.time_embedding(unet.time_proj(timestep[None].expand(batch)))
    time = time + unet.add_embedding(unet.add_time_proj(ids.flatten()).reshape(batch, -1))
    time, context = time.repeat_interleave(frames, 0), context.repeat_interleave(frames, 0)
    common = {"temb": time, "image_only_indicator": torch.zeros(batch, frames)}
    hidden = unet.conv_in(sample.flatten(0, 1))
    skips = [hidden]
    for block in unet.down_blocks:
        attends = {"encoder_hidden_states": context} if hasattr(block, "has_cross_attention") else {}
        hidden, outputs = block(hidden, **common, **attends)
        skips = [skip + residual for skip, residual in zip(skips + list(outputs), down, strict=False)]
    hidden = unet.mid_block(hidden, encoder_hidden_states=context, **common) + mid
    for block in unet.up_blocks:
        taken, skips = skips[-len(block.resnets) :], skips[: -len(block.resnets)]
        attends = {"encoder_hidden_states": context} if hasattr(block, "has_cross_attention") else {}
        hidden = block(hidden, res_hidden_states_tuple=tuple(taken), **common, **attends)
    return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden))).unflatten(0, (batch, frames))


def test_the_released_multiplicity():
    with torch.device("meta"):
        released = DragAnythingUNet()
    assert released.residual_multiplicity == [4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1]
    assert residual_multiplicity(small(levels=3, layers=1).down_blocks) == [3, 3, 3, 2, 2, 1]


@pytest.mark.parametrize("levels, layers", [(2, 1), (2, 2), (4, 1)])
def test_equals_the_loop_of_the_released_code(levels, layers):
    stock, unet = small(diffusers.UNetSpatioTemporalConditionModel, levels, layers), small(levels=levels, layers=layers)
    arguments, down, mid = inputs(unet)
    with torch.no_grad():
        wanted = released_way(stock, *arguments, down, mid)
        ours = unet(*arguments, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
        without = unet(*arguments).sample
    torch.testing.assert_close(ours, wanted, rtol=0, atol=2e-5)
    assert (ours - without).abs().max() > 1e-2


@pytest.fixture(scope="module")
def released():
    return recorded_net("unet", DragAnythingUNet)


@pytest.fixture(scope="module")
def controlnet():
    return recorded_net("controlnet", DragAnythingControlNet)


def recorded(controlnet, batch):
    """What the recorded UNet was given; its residuals are those of the recorded ControlNet, made again."""
    arguments, image, entity_map = recorded_inputs(batch)
    with torch.no_grad():
        return arguments, *controlnet(*arguments, controlnet_cond=image, entity_map=entity_map)


@pytest.mark.parametrize("batch", [1, 2])
def test_equals_the_recorded_released_outputs(released, controlnet, batch):
    arguments, down, mid = recorded(controlnet, batch)
    with torch.no_grad():
        found = released(*arguments, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
    Recording("unet").check(f"sample{batch}", found, atol=1e-4)


def test_equals_the_recorded_outputs_with_other_residuals(released, controlnet):
    arguments, down, mid = recorded(controlnet, 1)
    once = [one / times for one, times in zip(down, released.residual_multiplicity, strict=True)]
    with torch.no_grad():
        for name, residuals, middle in (("once", once, mid), ("zero", [0 * one for one in down], 0 * mid)):
            given = {"down_block_additional_residuals": residuals, "mid_block_additional_residual": middle}
            Recording("unet").check(name, released(*arguments, **given).sample, atol=1e-4)


def test_equals_the_stock_unet_without_residuals():
    stock, unet = small(diffusers.UNetSpatioTemporalConditionModel), small()
    arguments, down, mid = inputs(unet)
    with torch.no_grad():
        unet(*arguments, down_block_additional_residuals=down, mid_block_additional_residual=mid)
        assert torch.equal(unet(*arguments).sample, stock(*arguments).sample)


def test_from_stock_shares_the_weights():
    stock = small(diffusers.UNetSpatioTemporalConditionModel)
    unet = DragAnythingUNet.from_stock(stock)
    assert all(a is b for a, b in zip(unet.parameters(), stock.parameters(), strict=True))
    arguments, _, _ = inputs(unet)
    with torch.no_grad():
        assert torch.equal(unet(*arguments).sample, stock(*arguments).sample)


def test_gradients_and_checkpointing():
    unet = small()
    arguments, down, mid = inputs(unet)

    def gradients():
        unet.zero_grad()
        leaves = [residual.clone().requires_grad_() for residual in [*down, mid]]
        out = unet(*arguments, down_block_additional_residuals=leaves[:-1], mid_block_additional_residual=leaves[-1])
        out.sample.square().mean().backward()
        return [leaf.grad for leaf in leaves] + [parameter.grad.clone() for parameter in unet.parameters()]

    plain = gradients()
    assert all(gradient.any() for gradient in plain[: len(down) + 1])
    unet.enable_gradient_checkpointing()
    for a, b in zip(plain, gradients(), strict=True):
        torch.testing.assert_close(a, b)


def test_two_threads_and_a_copy_keep_their_residuals_apart():
    unet = small()
    arguments, down, mid = inputs(unet)
    runs = [([residual * k for residual in down], mid * k) for k in (0.5, 2.0)]

    def run(net, number):
        residuals, middle = runs[number]
        with torch.no_grad():
            return net(*arguments, down_block_additional_residuals=residuals, mid_block_additional_residual=middle)[0]

    wanted = [run(unet, 0), run(copy.deepcopy(unet), 1)]
    got = [None, None]

    def repeat(number):
        got[number] = [run(unet, number) for _ in range(3)]

    threads = [threading.Thread(target=repeat, args=(number,)) for number in (0, 1)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for number in (0, 1):
        assert all(torch.equal(wanted[number], each) for each in got[number])


def test_config_survives_saving(tmp_path):
    unet = small()
    unet.save_pretrained(tmp_path)
    again = DragAnythingUNet.from_pretrained(tmp_path)
    assert tuple(again.config.block_out_channels) == (32, 64)
    assert all(torch.equal(a, b) for a, b in zip(unet.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_wrong_number_of_residuals_is_named():
    unet = small()
    arguments, down, mid = inputs(unet)
    with pytest.raises(LabError, match="2 residuals for a UNet of 4 skip connections"):
        unet(*arguments, down_block_additional_residuals=down[:2], mid_block_additional_residual=mid)
