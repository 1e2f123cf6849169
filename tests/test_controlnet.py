"""The ControlNet: equal to the released code's recorded outputs, at full size equal in keys and shapes."""

from __future__ import annotations

import json

import pytest
from helpers.recordings import Recording, keys_of, networks, recorded_inputs, recorded_net

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import DragAnythingControlNet, DragAnythingUNet  # noqa: E402

SMALL = {
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "layers_per_block": 1,
    "num_attention_heads": 2,
    "cross_attention_dim": 16,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 24,
}
TOWERS = {"conditioning_embedding_out_channels": (8, 8, 8, 16), "entity_embedding_out_channels": (4, 8, 8, 8)}


def small_controlnet(**changes):
    torch.manual_seed(0)
    net = DragAnythingControlNet(**SMALL, **{**TOWERS, **changes})
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return net.eval()


def small_inputs(batch=2, frames=3):
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(batch, frames, 8, 8, 8, generator=generator)
    context = torch.randn(batch, 1, 16, generator=generator)
    image = torch.rand(batch, frames, 3, 64, 64, generator=generator) * 255
    entity_map = torch.randn(batch, frames, 4, 64, 64, generator=generator)
    return sample, context, torch.tensor([[6.0, 127.0, 0.02]] * batch), image, entity_map


@pytest.fixture(scope="module")
def released():
    return recorded_net("controlnet", DragAnythingControlNet)


@pytest.mark.parametrize("batch", [1, 2])
def test_equals_the_recorded_released_outputs(released, batch):
    recording = Recording("controlnet")
    arguments, image, entity_map = recorded_inputs(batch)
    with torch.no_grad():
        embedding = released.embed_control(image, entity_map)
        down, mid = released(*arguments, control_embedding=embedding)
    recording.check(f"cond_embedding.{batch}", embedding.flatten(0, 1), atol=1e-4)
    assert len(down) == 12
    for index, residual in enumerate(down):
        recording.check(f"down_{index:02d}.{batch}", residual, atol=1e-4)
    recording.check(f"mid.{batch}", mid, atol=1e-4)


@pytest.mark.parametrize("name, kind", [("controlnet", DragAnythingControlNet), ("unet", DragAnythingUNet)])
def test_full_size_has_the_released_keys_and_shapes(name, kind):
    wanted = keys_of(name)
    with torch.device("meta"):
        net = kind(**wanted["config"])
        default = kind()
    assert {key: list(tensor.shape) for key, tensor in net.state_dict().items()} == wanted["keys"]
    assert {key: list(tensor.shape) for key, tensor in default.state_dict().items()} == wanted["keys"]
    assert sum(parameter.numel() for parameter in net.parameters()) == wanted["total_parameters"]
    if name == "controlnet":
        assert wanted["total_parameters"] == 684_999_873


def test_the_authors_folder_loads_as_it_is(released, tmp_path, caplog):
    from safetensors.torch import save_file

    config = {"_class_name": "DragAnythingSDVModel", "_diffusers_version": "0.25.0.dev0"}
    (tmp_path / "config.json").write_text(json.dumps(config | networks()["controlnet"]))
    halves = {key: value.half() for key, value in released.state_dict().items()}
    save_file(halves, tmp_path / "diffusion_pytorch_model.safetensors")
    loaded = DragAnythingControlNet.from_pretrained(tmp_path)
    assert all(torch.equal(value, released.state_dict()[key]) for key, value in loaded.float().state_dict().items())
    assert "not expected" not in caplog.text


def test_embedding_given_or_computed_inside_and_shared_by_the_guidance_halves():
    net, (sample, context, ids, image, entity_map) = small_controlnet(), small_inputs()
    image, entity_map = image[:1], entity_map[:1]
    with torch.no_grad():
        inside = net(
            sample,
            0.7,
            context,
            ids,
            controlnet_cond=image.expand(2, -1, -1, -1, -1),
            entity_map=entity_map.expand(2, -1, -1, -1, -1),
        )
        shared = net(sample, 0.7, context, ids, control_embedding=net.embed_control(image, entity_map))
    for a, b in zip([*inside.down, inside.mid], [*shared.down, shared.mid], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_a_missing_entity_map_means_zeros():
    net, (_, _, _, image, entity_map) = small_controlnet(), small_inputs()
    with torch.no_grad():
        torch.testing.assert_close(net.embed_control(image), net.embed_control(image, torch.zeros_like(entity_map)))


def test_conditioning_scale_scales_every_residual():
    net, (sample, context, ids, image, entity_map) = small_controlnet(), small_inputs()
    with torch.no_grad():
        embedding = net.embed_control(image, entity_map)
        whole = net(sample, 0.7, context, ids, embedding)
        half = net(sample, 0.7, context, ids, embedding, conditioning_scale=0.5)
    for a, b in zip([*whole.down, whole.mid], [*half.down, half.mid], strict=True):
        torch.testing.assert_close(a * 0.5, b)


def test_untrained_changes_nothing():
    torch.manual_seed(0)
    net, (sample, context, ids, image, entity_map) = DragAnythingControlNet(**SMALL, **TOWERS), small_inputs()
    with torch.no_grad():
        assert not net.embed_control(image, entity_map).any()
        down, mid = net(sample, 0.7, context, ids, controlnet_cond=image, entity_map=entity_map)
    assert not any(residual.any() for residual in [*down, mid])


def test_from_unet_copies_all_but_the_added_embedding():
    torch.manual_seed(0)
    unet = DragAnythingUNet(**SMALL, up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"))
    net = DragAnythingControlNet.from_unet(unet, representation="gaussian", **TOWERS)
    assert net.config.representation == "gaussian"
    assert tuple(net.config.block_out_channels) == (32, 64)
    theirs, ours = unet.state_dict(), net.state_dict()
    for key in ours:
        if key.startswith(("conv_in.", "time_embedding.", "down_blocks.", "mid_block.")):
            assert torch.equal(ours[key], theirs[key])
    assert not torch.equal(ours["add_embedding.linear_1.weight"], theirs["add_embedding.linear_1.weight"])
    ours["conv_in.weight"].zero_()
    assert theirs["conv_in.weight"].any(), "copied, not shared"


def test_save_and_load(tmp_path):
    net = small_controlnet(representation="point")
    net.save_pretrained(tmp_path)
    again = DragAnythingControlNet.from_pretrained(tmp_path)
    assert again.config.representation == "point"
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


def test_gradients_reach_every_parameter_and_checkpointing_does_not_change_them():
    net, (sample, context, ids, image, entity_map) = small_controlnet(), small_inputs()

    def gradients():
        net.zero_grad()
        down, mid = net(sample, 0.7, context, ids, controlnet_cond=image, entity_map=entity_map)
        sum(residual.square().mean() for residual in [*down, mid]).backward()
        return {name: parameter.grad.clone() for name, parameter in net.named_parameters()}

    plain = gradients()
    net.enable_gradient_checkpointing()
    assert net.controlnet_cond_embedding.gradient_checkpointing
    checkpointed = gradients()
    for name, gradient in plain.items():
        torch.testing.assert_close(gradient, checkpointed[name])


@pytest.mark.parametrize("changes", [{}, {"first_frame_control": True}, {"first_frame_control": True, "carries": True}])
def test_a_control_that_has_met_the_picture_serves_every_step(changes):
    net, (sample, context, ids, image, entity_map) = small_controlnet(**changes), small_inputs()
    with torch.no_grad():
        for own in (image, image[:1]):  # one for each video, or one for both
            embedding = net.embed_control(own, entity_map[: len(own)])
            met = net.meet_picture(embedding, sample[:, 0, sample.shape[2] // 2 :])
            for timestep in (0.7, -0.4):
                first, second = (net(sample, timestep, context, ids, control_embedding=one) for one in (embedding, met))
                torch.testing.assert_close(first.down, second.down)
                torch.testing.assert_close(first.mid, second.mid)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"controlnet_cond": torch.zeros(2, 3, 1, 64, 64)}, r"\(2, 3, 1, 64, 64\).*\(videos, frames, 3"),
        ({"controlnet_cond": torch.zeros(2, 3, 3, 60, 64)}, "64x60; both must be multiples of 8"),
        ({"entity_map": torch.zeros(2, 3, 160, 64, 64)}, r"entity map is \(2, 3, 160, 64, 64\).*\(2, 3, 4, 64, 64\)"),
        ({"control_embedding": torch.zeros(2, 5, 32, 8, 8)}, r"\(2, 5, 32, 8, 8\).*\(2, 3, 32, 8, 8\).*64x64"),
    ],
)
def test_wrong_shapes_are_named(change, words):
    net, (sample, context, ids, image, entity_map) = small_controlnet(), small_inputs()
    arguments = {"controlnet_cond": image, "entity_map": entity_map, **change}
    with pytest.raises(LabError, match=words):
        net(sample, 0.7, context, ids, **arguments)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"entity_embedding_out_channels": (4, 8, 8)}, "halve the picture equally often"),
        ({"num_attention_heads": (2, 2, 2)}, "num_attention_heads has 3 entries.*2 levels"),
    ],
)
def test_wrong_configurations_are_named(changes, words):
    with pytest.raises(LabError, match=words):
        DragAnythingControlNet(**{**SMALL, **TOWERS, **changes})
