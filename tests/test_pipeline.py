"""The pipeline: equal to the released way and to diffusers' own, at tiny sizes; bad input; cancelling."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.recordings import FOLDER, Recording, networks, recorded_net
from released.pipeline import run_as_released

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from PIL import Image  # noqa: E402

from draganything_lab.control import build_control  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import (  # noqa: E402
    DragAnythingControlNet,
    DragAnythingUNet,
    ReferenceDecoder,
    random_parts,
)
from draganything_lab.models.shortcuts import take_shortcuts  # noqa: E402
from draganything_lab.pipeline import Cancelled, DragAnythingPipeline  # noqa: E402
from draganything_lab.pipeline.size import trained_size, video_size  # noqa: E402
from draganything_lab.scene import Scene  # noqa: E402

H, W, FRAMES, CHANNELS = 64, 80, 4, 6


def quiet(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def pipe():
    return quiet(DragAnythingPipeline(**random_parts("tiny")))


@pytest.fixture(scope="module")
def saved(pipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def scene(picture):
    scene = Scene(picture)
    mask = np.zeros((H, W), bool)
    mask[10:34, 12:36] = True
    scene.add("boat", mask, [(24, 22), (60, 40)])
    return scene


VECTORS = np.linspace(-1, 1, CHANNELS, dtype=np.float32)[None]


@pytest.fixture(scope="module")
def control(scene):
    return build_control(scene, FRAMES, vectors=VECTORS)


def latents_of(pipe, *args, **options):
    return pipe(*args, **{"num_inference_steps": 3, "seed": 1, "output_type": "latent", **options}).frames


# Equal


@pytest.fixture(scope="module")
def recorded():
    """The pipeline that was recorded, with its weights made again."""
    from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    return quiet(
        DragAnythingPipeline(
            vae=recorded_net("vae", AutoencoderKLTemporalDecoder),
            image_encoder=recorded_net(
                "image_encoder", lambda **told: CLIPVisionModelWithProjection(CLIPVisionConfig(**told))
            ),
            unet=recorded_net("unet", DragAnythingUNet),
            controlnet=recorded_net("controlnet", DragAnythingControlNet),
            scheduler=EulerDiscreteScheduler.from_config(networks()["scheduler"]),
            feature_extractor=CLIPImageProcessor(),
        )
    )


def recorded_control(whole):
    """The picture, and the recorded control: with one number for a pixel, as released, or with its whole vector."""
    recording = Recording("pipeline")
    image = np.repeat(recording["grey"][..., None], 3, axis=-1).astype(np.float32)
    if whole:
        entity_map = recording["table"][recording["labels"]]
    else:
        entity_map = np.repeat(recording["numbers"][recording["number_labels"]][..., None], 160, axis=-1)
    return np.array(Image.open(FOLDER / "picture.png").convert("RGB")), (image, entity_map), recording


@pytest.mark.parametrize("name, whole", [("latents", False), ("latents_vector_ids", True)])
def test_release_preset_equals_the_recorded_latents(recorded, name, whole):
    picture, control, recording = recorded_control(whole)
    generator = torch.Generator().manual_seed(1234)
    found = latents_of(recorded, picture, control, preset="release", seed=None, generator=generator)
    recording.check(name, found[None], atol=5e-5)


@pytest.mark.parametrize("name, chunk", [("frames_np", None), ("frames_np_decode_chunk_2", 2)])
def test_release_preset_equals_the_recorded_frames(recorded, name, chunk):
    picture, control, recording = recorded_control(whole=False)
    options = {"num_inference_steps": 3, "preset": "release", "decode_chunk_size": chunk, "output_type": "pt"}
    frames = recorded(picture, control, generator=torch.Generator().manual_seed(1234), **options).frames
    recording.check(name, frames.permute(0, 2, 3, 1), atol=5e-5)


def test_the_released_way_written_again_equals_the_recording(recorded):
    picture, maps, recording = recorded_control(whole=False)
    dense = [torch.from_numpy(values).permute(0, 3, 1, 2).float() for values in maps]
    with torch.no_grad():
        latents, frames = run_as_released(
            recorded, picture, *dense, steps=3, generator=torch.Generator().manual_seed(1234)
        )
    recording.check("latents", latents, atol=5e-5)
    recording.check("frames_np", frames.permute(0, 2, 3, 1), atol=5e-5)


def test_release_preset_equals_the_released_way(pipe, scene, picture):
    control = build_control(scene, FRAMES, vectors=VECTORS, preset="release")
    dense = [torch.from_numpy(maps).permute(0, 3, 1, 2) for maps in (control.image(), control.entity_map())]
    with torch.no_grad():
        wanted, pixels = run_as_released(
            pipe, picture, *dense, steps=3, generator=torch.Generator().manual_seed(5), decode_chunk=3
        )
    # fps and motion bucket must not matter: the released code ignores them.
    options = {"num_inference_steps": 3, "preset": "release", "fps": 20, "motion_bucket_id": 3, "decode_chunk_size": 3}
    for given in (control, tuple(dense)):
        for chunk in (None, 1, 3):
            ours = pipe(
                picture,
                given,
                **options,
                control_chunk_size=chunk,
                output_type="latent",
                generator=torch.Generator().manual_seed(5),
            ).frames
            torch.testing.assert_close(ours, wanted[0], rtol=0, atol=2e-5)  # processors round differently
    frames = pipe(picture, control, **options, output_type="pt", generator=torch.Generator().manual_seed(5)).frames
    torch.testing.assert_close(frames, pixels, rtol=0, atol=1e-5)


def test_paper_preset_without_control_equals_diffusers_own_svd(picture):
    from diffusers import StableVideoDiffusionPipeline
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    parts = random_parts("tiny")
    torch.manual_seed(0)
    # diffusers' pipeline has 224 written into it.
    encoder = CLIPVisionConfig(
        image_size=224,
        patch_size=112,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=16,
    )
    parts["image_encoder"] = CLIPVisionModelWithProjection(encoder).eval()
    ours = quiet(DragAnythingPipeline(**parts))
    own = ("controlnet", "decoder")
    stock = quiet(StableVideoDiffusionPipeline(**{name: parts[name] for name in parts if name not in own}))
    # Another size than the video's: both resizings are at work.
    big = np.asarray(Image.fromarray(picture).resize((300, 260), Image.Resampling.BICUBIC))
    options = {
        "height": H,
        "width": W,
        "num_frames": FRAMES,
        "num_inference_steps": 3,
        "fps": 9,
        "motion_bucket_id": 90,
        "noise_aug_strength": 0.1,
        "max_guidance_scale": 2.5,
        "output_type": "latent",
    }
    wanted = stock(Image.fromarray(big), generator=torch.Generator().manual_seed(3), **options).frames
    nothing = (np.zeros((FRAMES, 3, H, W), np.float32), None)
    got = ours(big, nothing, generator=torch.Generator().manual_seed(3), conditioning_scale=0, **options).frames
    torch.testing.assert_close(got, wanted[0], rtol=0, atol=1e-5)


def plain_copy(network):
    copy = type(network).from_config(network.config)
    copy.load_state_dict(network.state_dict())
    return copy


def test_shortcuts_are_equal_and_taken_once(pipe):
    unet = plain_copy(pipe.unet)
    inputs = torch.randn(2, 3, 8, 8, 8), torch.tensor(0.5), torch.randn(2, 1, 16), torch.tensor([[6.0, 127, 0.02]] * 2)
    with torch.no_grad():
        wanted = unet(*inputs).sample
        attentions, convolutions = take_shortcuts(unet)
        got = unet(*inputs).sample
    # One spatial and one temporal attention in each of: a down block, the middle, two layers of an up block.
    assert attentions == 2 * (1 + 1 + 2)
    # Two temporal convolutions in every residual block: 2 down, 2 in the middle, 4 up.
    assert convolutions == 2 * (2 + 2 + 4)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)
    assert not torch.equal(got, wanted), "other sums"
    assert take_shortcuts(unet) == (0, 0) == take_shortcuts(pipe.unet, pipe.controlnet, pipe.vae)
    unet.load_state_dict(pipe.unet.state_dict())  # the names are the same


def test_shortcuts_have_the_same_gradients(pipe):
    controlnet = plain_copy(pipe.controlnet)
    inputs = torch.randn(1, 3, 8, 8, 8), torch.tensor(0.5), torch.randn(1, 1, 16), torch.tensor([[6.0, 127, 0.02]])

    def gradients():
        controlnet.zero_grad()
        controlnet(*inputs).mid.square().mean().backward()
        return {name: p.grad.clone() for name, p in controlnet.named_parameters() if p.grad is not None}

    plain = gradients()
    take_shortcuts(controlnet)
    short = gradients()
    dropped = plain.keys() - short.keys()
    assert dropped and all("attn2.to_q" in name or "attn2.to_k" in name or "norm2" in name for name in dropped)
    for name, gradient in plain.items():
        torch.testing.assert_close(short.get(name, torch.zeros(())).expand_as(gradient), gradient, rtol=1e-3, atol=1e-6)


def test_halves_in_turn_equal_halves_together(pipe, picture, control):
    together, in_turn = (latents_of(pipe, picture, control, split_guidance=split) for split in (False, True))
    torch.testing.assert_close(together, in_turn, rtol=0, atol=1e-4)


def test_control_matters_and_so_do_its_settings(pipe, picture, control):
    base = latents_of(pipe, picture, control)
    for change in (
        {"conditioning_scale": 0},
        {"preset": "release"},
        {"motion_bucket_id": 10},
        {"fps": 20},
        {"noise_aug_strength": 0.5},
        {"max_guidance_scale": 1.0},
        {"seed": 2},
    ):
        assert (latents_of(pipe, picture, control, **change) - base).abs().max() > 1e-4, change
    assert torch.equal(latents_of(pipe, picture, control), base), "the same seed gives the same numbers"


def test_guidance_of_one_runs_no_second_half(pipe, picture, control):
    batches = []
    hook = pipe.unet.register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
    try:
        latents_of(pipe, picture, control, max_guidance_scale=1.0)
        latents_of(pipe, picture, control)
    finally:
        hook.remove()
    assert batches == [1, 1, 1, 2, 2, 2]


# Several videos, scenes, output


def test_several_seeds_equal_single_runs(pipe, picture, control):
    both = latents_of(pipe, picture, control, seed=[7, 8])
    assert both.shape == (2, FRAMES, 4, H // 8, W // 8)
    for seed, one in zip((7, 8), both, strict=True):
        torch.testing.assert_close(latents_of(pipe, picture, control, seed=seed), one, rtol=0, atol=1e-4)


def test_several_videos_of_one_generator(pipe, picture, control):
    out = pipe(picture, control, num_inference_steps=2, num_videos_per_prompt=2, seed=3)
    assert out.frames.shape == (2, FRAMES, H, W, 3)
    assert not np.array_equal(*out.frames)


def test_a_drawn_seed_is_told_and_repeats(pipe, picture, control):
    first = pipe(picture, control, num_inference_steps=1)
    again = pipe(picture, control, num_inference_steps=1, seed=first.seeds[0])
    assert np.array_equal(first.frames, again.frames)


def test_a_scene_goes_in_in_one_call(pipe, scene, picture):
    vectors = np.array([[-1, -0.5, -0.25, 0.25, 0.5, 1]], np.float32)  # their means over a mask are exact

    class Features:
        def extract(self, image, *, size):
            assert image.shape == (H, W, 3) and size == (H, W)
            return np.broadcast_to(vectors[0][:, None, None], (CHANNELS, H // 8, W // 8))

    by_hand = pipe(picture, build_control(scene, FRAMES, vectors=vectors), seed=1, num_inference_steps=2).frames
    out = pipe(scene, num_frames=FRAMES, features=Features(), seed=1, num_inference_steps=2)
    assert np.array_equal(out.frames, by_hand)
    assert out.control.num_frames == FRAMES
    other = quiet(DragAnythingPipeline(**random_parts("tiny", representation="gaussian")))
    assert other(scene, num_frames=2, num_inference_steps=1).frames.shape == (2, H, W, 3), "needs no vectors"


def test_release_keeps_the_first_of_all_feature_channels(pipe, scene):
    """Not the average of the first two: the released code picks before it averages pairs."""
    wide = np.linspace(-1, 1, 2 * CHANNELS, dtype=np.float32)[None]

    class Features:
        feature_channels = 2 * CHANNELS

        def extract(self, image, *, size):
            return np.broadcast_to(wide[0][:, None, None], (2 * CHANNELS, H // 8, W // 8))

    options = {"num_frames": FRAMES, "features": Features(), "seed": 1, "num_inference_steps": 1}
    assert (pipe(scene, preset="release", **options).control.vectors[1] == -1).all()
    np.testing.assert_allclose(pipe(scene, **options).control.vectors[1], wide.reshape(CHANNELS, 2).mean(1), atol=1e-6)


@pytest.mark.parametrize("side", [75, 150, 40])
def test_a_video_has_the_pictures_shape_and_the_weights_size(pipe, picture, side):
    scene = Scene(picture[:60, :75]).resized((side * 4 // 5, side))
    scene.drag_background([(10, 10), (20, 10)])
    frames = pipe(scene, num_frames=2, vectors=VECTORS, num_inference_steps=1).frames
    assert frames.shape == (2, *video_size(pipe, scene.size), 3) == (2, 64, 80, 3)
    assert trained_size(pipe) == (64, 64)


def test_output_types(pipe, picture, control):
    array, images, tensor = (
        pipe(picture, control, seed=1, num_inference_steps=1, output_type=kind).frames for kind in ("np", "pil", "pt")
    )
    assert array.shape == (FRAMES, H, W, 3) and array.dtype == np.uint8
    assert np.array_equal(array, np.stack([np.asarray(image) for image in images]))
    assert tensor.shape == (FRAMES, 3, H, W) and tensor.min() >= 0 and tensor.max() <= 1
    assert np.abs(tensor.permute(0, 2, 3, 1).numpy() * 255 - array).max() <= 0.5 + 1e-4
    assert array.std() > 1
    plain = pipe(picture, control, seed=1, num_inference_steps=1, return_dict=False)
    assert np.array_equal(plain[0], array)


def test_given_latents(pipe, picture, control):
    noise = torch.randn(FRAMES, 4, H // 8, W // 8, generator=torch.Generator().manual_seed(9))
    a, b = (latents_of(pipe, picture, control, latents=given, seed=1) for given in (noise, noise[None]))
    assert torch.equal(a, b)
    assert not torch.equal(a, latents_of(pipe, picture, control, seed=1))


# diffusers' manners


def test_save_and_load(saved, picture, control):
    first, again = (quiet(DragAnythingPipeline.from_pretrained(saved)) for _ in range(2))
    assert type(first.controlnet).__name__ == "DragAnythingControlNet"
    assert type(first.unet).__name__ == "DragAnythingUNet"
    assert torch.equal(latents_of(first, picture, control), latents_of(again, picture, control))


def test_a_stock_unet_is_taken_over(pipe, picture, control):
    from diffusers import UNetSpatioTemporalConditionModel

    stock = UNetSpatioTemporalConditionModel.from_config(pipe.unet.config).eval()
    stock.load_state_dict(pipe.unet.state_dict())
    other = quiet(DragAnythingPipeline(**{**pipe.components, "unet": stock}))
    torch.testing.assert_close(latents_of(other, picture, control), latents_of(pipe, picture, control))


def test_a_saved_svd_and_a_controlnet_make_a_pipeline(pipe, picture, control, tmp_path):
    from diffusers import StableVideoDiffusionPipeline, UNetSpatioTemporalConditionModel

    stock = UNetSpatioTemporalConditionModel.from_config(pipe.unet.config).eval()
    stock.load_state_dict(pipe.unet.state_dict())
    parts = {name: part for name, part in pipe.components.items() if name not in ("controlnet", "decoder")}
    StableVideoDiffusionPipeline(**{**parts, "unet": stock}).save_pretrained(tmp_path)
    other = quiet(DragAnythingPipeline.from_pretrained(tmp_path, controlnet=pipe.controlnet))
    assert type(other.unet).__name__ == "DragAnythingUNet"
    torch.testing.assert_close(
        latents_of(other, picture, control), latents_of(pipe, picture, control), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_on_a_cpu(saved, picture, control, dtype, caplog):
    half = quiet(DragAnythingPipeline.from_pretrained(saved, **{dtype_argument(): getattr(torch, dtype)}))
    assert half.vae.config.force_upcast
    with caplog.at_level(logging.WARNING):
        frames = half(picture, control, seed=1, num_inference_steps=2).frames
    exact = quiet(DragAnythingPipeline.from_pretrained(saved))(picture, control, seed=1, num_inference_steps=2).frames
    difference = np.abs(frames.astype(int) - exact)
    assert difference.mean() <= 3 and difference.max() <= 60
    assert ("float16 is slow" in caplog.text) == (dtype == "float16")


def dtype_argument():
    import diffusers

    return "dtype" if tuple(map(int, diffusers.__version__.split(".")[:2])) >= (0, 40) else "torch_dtype"


def test_upcasting_vae_in_half_precision_comes_back(saved):
    half = DragAnythingPipeline.from_pretrained(saved, **{dtype_argument(): torch.float16})
    latents = half.encode_vae_image(torch.zeros(1, 3, H, W))
    assert latents.dtype == torch.float32
    assert half.vae.dtype == torch.float16


def test_a_decoder_that_overflows_in_half_precision_decodes_again(caplog):
    from draganything_lab.pipeline.decoding import decode

    vae = random_parts("tiny")["vae"]
    vae.decoder.conv_in.weight.mul_(3e4)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 20
    wanted = decode(vae, latents, None, "cpu")
    with caplog.at_level(logging.WARNING):
        got = decode(vae.half(), latents, 1, "cpu")
    assert torch.isfinite(got).all() and got.shape == wanted.shape
    assert "decoded again in float32" in caplog.text
    assert vae.dtype == torch.float16


def test_offloading_changes_nothing(pipe, picture, control):
    wanted = pipe(picture, control, seed=1, num_inference_steps=2).frames
    other = quiet(DragAnythingPipeline(**pipe.components))
    other.enable_model_cpu_offload(device="cpu")
    try:
        nets = (pipe.vae, pipe.image_encoder, pipe.unet, pipe.controlnet)
        assert all("forward" in vars(net) for net in nets), "each is brought to the device when it is called"
        for _ in range(2):
            assert np.array_equal(other(picture, control, seed=1, num_inference_steps=2).frames, wanted)
    finally:
        other.remove_all_hooks()


def test_callback_sees_and_changes_and_interrupts(pipe, picture, control):
    seen = []

    def callback(pipe, step, timestep, tensors):
        seen.append((step, sorted(tensors)))
        if step == 1:
            pipe._interrupt = True
        return {"latents": torch.zeros_like(tensors["latents"])}

    out = latents_of(
        pipe,
        picture,
        control,
        callback_on_step_end=callback,
        num_inference_steps=5,
        callback_on_step_end_tensor_inputs=["latents", "noise_prediction"],
    )
    assert seen == [(0, ["latents", "noise_prediction"]), (1, ["latents", "noise_prediction"])]
    assert not out.any()


def test_progress_bar_counts_the_steps(pipe, picture, control):
    bars = []
    pipe.progress_bar, before = lambda total: bars.append(Bar(total)) or bars[-1], pipe.progress_bar
    try:
        latents_of(pipe, picture, control)
    finally:
        pipe.progress_bar = before
    assert (bars[0].total, bars[0].done) == (3, 3)


class Bar:
    def __init__(self, total):
        self.total, self.done = total, 0

    def update(self, count=1):
        self.done += count

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def test_cancel_from_another_thread_within_a_step(pipe, picture, control):
    whole = latents_of(pipe, picture, control)
    inside = threading.Event()
    hook = pipe.unet.down_blocks[0].register_forward_pre_hook(lambda *_: (inside.set(), pipe.cancel())[-1])
    finished = []
    after = pipe.unet.register_forward_hook(lambda *_: finished.append(True))
    try:
        with pytest.raises(Cancelled):
            latents_of(pipe, picture, control)
    finally:
        hook.remove()
        after.remove()
    assert inside.is_set() and not finished, "it stopped before the step's end"
    assert torch.equal(latents_of(pipe, picture, control), whole), "it can be used again"


def test_cancel_within_the_reference_decoder():
    parts = random_parts("tiny", first_frame_control=True, carries=True)
    decoder = ReferenceDecoder(parts["vae"].config.latent_channels, widths=(8, 8, 8, 8))
    sharp = DragAnythingPipeline(**parts, decoder=decoder)
    begun, ended = [], []
    decoder.before[0].register_forward_pre_hook(lambda *_: (begun.append(True), sharp.cancel())[0] and None)
    decoder.register_forward_hook(lambda *_: ended.append(True))
    maps = torch.zeros(2, 3, 64, 64), None
    with pytest.raises(Cancelled):
        sharp(np.zeros((64, 64, 3), np.uint8), maps, num_inference_steps=1, height=64, width=64)
    assert begun and not ended, "it stopped between two of the decoder's layers"


def at_a_time(*tasks):
    """What some functions return, or the error they raise, each in its own thread and all begun together."""
    together, results = threading.Barrier(len(tasks)), [None] * len(tasks)

    def work(index):
        together.wait()
        try:
            results[index] = tasks[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_pipelines_with_the_same_networks_in_two_threads(pipe, picture, control):
    other = quiet(DragAnythingPipeline(**pipe.components))
    runs = [
        lambda: latents_of(pipe, picture, control, seed=1, num_inference_steps=12),
        lambda: latents_of(other, picture[::-1].copy(), control, seed=2, num_inference_steps=9),
    ]
    alone = [run() for run in runs]
    for _ in range(3):
        for made, wanted in zip(at_a_time(*runs), alone, strict=True):
            assert torch.equal(made, wanted)


def test_a_pipeline_made_or_cancelled_meanwhile_leaves_the_others_alone(pipe, picture, control):
    other, wanted = quiet(DragAnythingPipeline(**pipe.components)), latents_of(pipe, picture, control)

    def make_and_cancel(*_):
        again = DragAnythingPipeline(**pipe.components)
        assert again.unet is pipe.unet
        other.cancel()
        return {}

    def cancelled():
        stop = lambda *_: (other.cancel(), {})[-1]  # noqa: E731
        return latents_of(other, picture, control, callback_on_step_end=stop)

    made, stopped = at_a_time(
        lambda: latents_of(pipe, picture, control, callback_on_step_end=make_and_cancel), cancelled
    )
    assert isinstance(stopped, Cancelled) and torch.equal(made, wanted)


def test_cancel_without_a_run_does_nothing(pipe, picture, control):
    whole = latents_of(pipe, picture, control, num_inference_steps=1)
    pipe.cancel()
    assert torch.equal(latents_of(pipe, picture, control, num_inference_steps=1), whole)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_half_way_leaves_the_pipeline_usable(pipe, picture, control, error):
    whole = latents_of(pipe, picture, control)

    def callback(*_):
        raise error("half-way")

    with pytest.raises(error):
        latents_of(pipe, picture, control, callback_on_step_end=callback)
    assert torch.equal(latents_of(pipe, picture, control), whole)


def test_two_runs_at_a_time_are_refused(pipe, picture, control):
    def callback(pipe, *_):
        with pytest.raises(LabError, match="making a video already"):
            latents_of(pipe, picture, control)
        return {}

    latents_of(pipe, picture, control, callback_on_step_end=callback, num_inference_steps=1)


# Bad input


def nan_control(control):
    image, entity_map = control.image().copy(), control.entity_map().copy()
    entity_map[0, 0, 0, 0] = np.nan
    return image, entity_map


@pytest.mark.parametrize(
    "options, words",
    [
        ({"height": 60}, "control signal is for 80x64.*80x60"),
        ({"num_frames": 7}, "4 frames.*have 7.*num_frames=7"),
        ({"num_frames": 0}, "num_frames is 0.*whole number.*from 1"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
        ({"num_inference_steps": 2.5}, "num_inference_steps is 2.5"),
        ({"max_guidance_scale": float("nan")}, "max_guidance_scale is nan"),
        ({"noise_aug_strength": -1}, "noise_aug_strength is -1"),
        ({"fps": 0}, "fps is 0"),
        ({"conditioning_scale": "1"}, "conditioning_scale is '1'"),
        ({"seed": -1}, "seed -1"),
        ({"seed": [1, 2], "num_videos_per_prompt": 3}, "2 seeds or generators for 3 videos"),
        ({"seed": []}, "list of seeds is empty"),
        ({"num_videos_per_prompt": 0}, "num_videos_per_prompt is 0"),
        ({"seed": 1, "generator": torch.Generator()}, "both seed and generator"),
        ({"seed": None, "generator": 5}, "generator is a int"),
        ({"output_type": "gif"}, 'output_type "gif"'),
        ({"preset": "exact"}, 'preset "exact"'),
        ({"decode_chunk_size": 0}, "decode_chunk_size is 0"),
        ({"latents": torch.zeros(3, 4, 8, 10)}, r"latents are \(3, 4, 8, 10\); give \(1, 4, 4, 8, 10\)"),
        ({"latents": torch.full((4, 4, 8, 10), float("nan"))}, "latents: 1,280 of 1,280"),
        ({"callback_on_step_end": 5}, "callback_on_step_end is a int"),
        ({"callback_on_step_end_tensor_inputs": ["noise"]}, 'cannot see "noise"'),
    ],
)
def test_bad_options_are_named(pipe, picture, control, options, words):
    with pytest.raises(LabError, match=words):
        pipe(picture, control, **{"seed": 1, **options})


@pytest.mark.parametrize(
    "size, words", [((60, 80), "height 60 is not a multiple of 16; use 48 or 64"), ((64, 8), "width is 8.*from 16")]
)
def test_sizes_that_do_not_fit_are_refused(pipe, scene, size, words):
    with pytest.raises(LabError, match=words):
        pipe(scene, num_frames=2, vectors=VECTORS, height=size[0], width=size[1])


def test_bad_pictures_and_controls_are_named(pipe, picture, scene, control):
    bad = [
        ((picture,), {}, "nothing to animate"),
        ((Scene(picture),), {}, "entities is controlled"),
        ((scene,), {}, "entity vector for each entity.*features=.*vectors="),
        ((scene,), {"vectors": np.ones((2, CHANNELS), np.float32)}, "2"),
        ((scene,), {"vectors": np.full((1, CHANNELS), np.nan, np.float32)}, "(?i)nan|finite"),
        (([picture, picture], control), {}, "list of 2 pictures"),
        ((torch.zeros(4, H, W), control), {}, r"tensor \(4, 64, 80\)"),
        ((torch.full((3, H, W), 200.0), control), {}, "200; scale them to 0..1"),
        ((torch.full((3, H, W), float("nan")), control), {}, "picture: 15,360 of 15,360 values are NaN"),
        ((picture, "gaussian"), {}, "control is a str"),
        ((picture, nan_control(control)), {}, "entity map: 1 of .* NaN"),
        ((picture, (control.image(), control.entity_map()[:2])), {}, r"entity map is \(2, .*needs \(4, channels"),
        ((picture, (control.image()[..., :2], None)), {}, r"control image is \(4, 64, 80, 2\)"),
        ((picture, (control.image(), np.zeros((FRAMES, 5, H, W)))), {}, "5 channels and this ControlNet takes 6"),
        ((picture, (np.zeros((2, 3, 60, 80)), None)), {}, "height 60 is not a multiple of 16"),
    ]
    for args, options, words in bad:
        with pytest.raises(LabError, match=words):
            pipe(*args, seed=1, **options)


def test_nan_weights_are_noticed(picture, control):
    sick = quiet(DragAnythingPipeline(**random_parts("tiny")))
    sick.unet.conv_out.bias[0] = float("nan")
    with pytest.raises(LabError, match="denoising ended in NaN"):
        latents_of(sick, picture, control)


def test_another_representation_is_said(pipe, scene, picture, caplog):
    with caplog.at_level(logging.WARNING):
        latents_of(pipe, picture, build_control(scene, 2, representation="gaussian"), num_inference_steps=1)
    assert '"gaussian"' in caplog.text and '"entity+gaussian"' in caplog.text


def test_parts_that_do_not_fit_are_named():
    parts = random_parts("tiny")
    other = random_parts("small", device="meta")
    for name, words in (("controlnet", "ControlNet's.*the UNet's"), ("image_encoder", "projection_dim is 64.*16")):
        with pytest.raises(LabError, match=words):
            DragAnythingPipeline(**{**parts, name: other[name]})


# Checkpoints


def test_damaged_and_foreign_checkpoints(saved, tmp_path):
    import shutil

    from draganything_lab.models import DragAnythingControlNet, DragAnythingUNet

    file = "diffusion_pytorch_model.safetensors"
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    whole = (copy / "controlnet" / file).read_bytes()
    for cut, words in ((len(whole) - 100, "bytes and should have"), (500, "damaged header"), (3, "not a safetensors")):
        (copy / "controlnet" / file).write_bytes(whole[:cut])
        with pytest.raises(LabError, match=words):
            DragAnythingControlNet.from_pretrained(copy / "controlnet")
        with pytest.raises(LabError, match=words):
            DragAnythingPipeline.from_pretrained(copy)
    shutil.copy(copy / "unet" / file, copy / "controlnet" / file)
    with pytest.raises(LabError, match=r"another model than DragAnythingControlNet.*missing.*too many"):
        DragAnythingControlNet.from_pretrained(copy, subfolder="controlnet")
    with pytest.raises(LabError, match=r"another model than DragAnythingUNet.*missing"):
        DragAnythingUNet.from_pretrained(saved / "controlnet")
    (copy / "controlnet" / file).unlink()
    with pytest.raises(LabError, match=f'no weights "{file}"'):
        DragAnythingControlNet.from_pretrained(copy / "controlnet")
    (copy / "controlnet" / "config.json").write_text("{")
    with pytest.raises(LabError, match="cannot be read"):
        DragAnythingControlNet.from_pretrained(copy / "controlnet")
    (copy / "controlnet" / "config.json").unlink()
    with pytest.raises(LabError, match=r"no config.json"):
        DragAnythingControlNet.from_pretrained(copy / "controlnet")


def test_pickles_load_only_as_weights(pipe, tmp_path):
    from draganything_lab.models import DragAnythingControlNet

    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return Path.touch, (marker,)

    pipe.controlnet.save_config(tmp_path)
    torch.save({"conv_in.weight": Evil()}, tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(LabError, match="cannot be loaded safely"):
        DragAnythingControlNet.from_pretrained(tmp_path)
    assert not marker.exists()
    torch.save(pipe.controlnet.state_dict(), tmp_path / "diffusion_pytorch_model.bin")
    loaded = DragAnythingControlNet.from_pretrained(tmp_path)
    assert torch.equal(loaded.conv_in.weight, pipe.controlnet.conv_in.weight)
