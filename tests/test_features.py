"""Diffusion features: equal to the released order of operations, pooled as released, and clear about bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.recordings import FOLDER, Recording

from draganything_lab.control import (
    cosine_similarity,
    entity_vectors,
    fit_channels,
    pair_average,
    pool_over_mask,
    similarity_map,
)
from draganything_lab.errors import LabError
from draganything_lab.models import DiffusionFeatures
from draganything_lab.scene import latent_mask
from draganything_lab.show import pca_picture, pca_pictures

torch = pytest.importorskip("torch")


def small_unet(seed: int = 0, up_blocks: int = 4):
    from diffusers import UNet2DConditionModel

    torch.manual_seed(seed)
    return UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16, 16, 16)[:up_blocks],
        down_block_types=("CrossAttnDownBlock2D",) * (up_blocks - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (up_blocks - 1),
        layers_per_block=1,
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    ).eval()


def small_vae(temporal: bool = False):
    from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder

    torch.manual_seed(1)
    widths = {"block_out_channels": (4, 4, 8, 8), "layers_per_block": 1, "latent_channels": 4}
    if temporal:
        with pytest.MonkeyPatch.context() as patch:  # its norms are fixed at 32 groups
            patch.setitem(widths, "block_out_channels", (32, 32, 32, 32))
            blocks = ("DownEncoderBlock2D",) * 4
            return AutoencoderKLTemporalDecoder(down_block_types=blocks, scaling_factor=1.0, **widths).eval()
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        scaling_factor=0.18215,
        **widths,
    ).eval()


def small_scheduler():
    from diffusers import PNDMScheduler  # what Stable Diffusion's folders hold

    return PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A Stable Diffusion 1.x folder with tiny seeded weights, text encoder and tokenizer included."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    where = tmp_path_factory.mktemp("sd")
    small_unet().save_pretrained(where / "unet")
    small_vae().save_pretrained(where / "vae")
    small_scheduler().save_pretrained(where / "scheduler")
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2, "a": 3}
    (where / "words").mkdir()
    (where / "words/vocab.json").write_text(json.dumps(vocabulary))
    (where / "words/merges.txt").write_text("#version: 0.2\n")
    words = where / "words"
    CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=7).save_pretrained(
        where / "tokenizer"
    )
    torch.manual_seed(2)
    config = CLIPTextConfig(
        vocab_size=4,
        hidden_size=12,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=7,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    CLIPTextModel(config).save_pretrained(where / "text_encoder")
    return where


@pytest.fixture(scope="module")
def features(folder) -> DiffusionFeatures:
    return DiffusionFeatures.from_pretrained(folder, device="cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def released_order(folder: Path, image: np.ndarray, timestep=261, block=3, draws=8, seed=0) -> np.ndarray:
    """The released steps, written out plainly: repeat, encode, sample, scale, noise, whole pass, mean."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer")("", padding="max_length", return_tensors="pt")
    seen = {}
    unet.up_blocks[block].register_forward_hook(lambda module, inputs, output: seen.update(found=output))
    with torch.no_grad():
        prompt = CLIPTextModel.from_pretrained(folder / "text_encoder")(tokens.input_ids)[0].repeat(draws, 1, 1)
        pixels = (torch.from_numpy(image).permute(2, 0, 1) / 255.0 - 0.5) * 2
        torch.manual_seed(seed)
        latents = vae.encode(pixels.repeat(draws, 1, 1, 1)).latent_dist.sample() * vae.config.scaling_factor
        level = torch.tensor(timestep)
        unet(scheduler.add_noise(latents, torch.randn_like(latents), level), level, encoder_hidden_states=prompt)
    return seen["found"].mean(0).numpy()


@pytest.mark.parametrize(("block", "timestep", "draws"), [(3, 261, 8), (1, 500, 3), (0, 0, 1)])
def test_extract_equals_the_released_order(folder, features, image, block, timestep, draws):
    wanted = released_order(folder, image, timestep, block, draws, seed=7)
    generator = torch.Generator().manual_seed(7)
    ours = features.extract(image, up_block=block, timestep=timestep, draws=draws, generator=generator)
    assert ours.shape == wanted.shape and ours.dtype == np.float32
    assert np.abs(ours - wanted).max() < 1e-5
    assert np.array_equal(ours, features.extract(image, up_block=block, timestep=timestep, draws=draws, seed=7))


def test_seed_matters_chunks_do_not(features, image):
    whole = features.extract(image, seed=1)
    assert np.allclose(whole, features.extract(image, seed=1, chunk=3), atol=1e-5)
    assert np.abs(whole - features.extract(image, seed=2)).max() > 1e-2


def test_many_pictures_get_what_each_gets_alone(features, image):
    pictures = np.stack([image, image[::-1]])
    together = features.extract_many(pictures, seed=3, draws=2, chunk=3)
    alone = np.stack([features.extract(picture, seed=3, draws=2) for picture in pictures])
    assert np.allclose(together, alone, atol=1e-5)


def test_the_pass_stops_after_its_block_and_a_later_one_does_not(features, image):
    ran = []
    handle = features.unet.up_blocks[2].register_forward_hook(lambda *_: ran.append(2))
    try:
        features.extract(image, up_block=1, seed=11)
        assert ran == []
        with torch.no_grad():
            features.unet(torch.randn(1, 4, 8, 8), 11, torch.randn(1, 1, 12))
        assert ran == [2]
    finally:
        handle.remove()


def test_the_last_features_are_kept_and_safe_to_change(features, image, monkeypatch):
    first = features.extract(image, seed=21)
    kept = first.copy()
    first[:] = 0
    monkeypatch.setattr(features, "_listen", None)  # a second pass would fail
    assert np.array_equal(features.extract(image, seed=21), kept)


def test_odd_sizes_and_resizing(features, image):
    assert features.extract(image[:45, :51], draws=1).shape == (8, 5, 6)
    assert features.extract(image, draws=1, size=(64, 96)).shape == (8, 8, 12)


def test_toy_layout_with_shared_vae_null_prompt_and_defaults(tmp_path, folder, image):
    from safetensors.torch import save_file

    small_vae(temporal=True).save_pretrained(tmp_path / "vae")
    small_unet(up_blocks=2).save_pretrained(tmp_path / "dift/unet")
    shutil.copytree(folder / "scheduler", tmp_path / "dift/scheduler")
    save_file({"null_prompt": torch.zeros(1, 1, 12)}, tmp_path / "dift/null_prompt.safetensors")
    loaded = DiffusionFeatures.from_pretrained(tmp_path, device="cpu")
    assert (loaded.up_block, loaded.timestep, loaded.feature_channels) == (1, 261, 8)
    assert loaded.extract(image, draws=2).shape == (8, 6, 8)
    (tmp_path / "dift/dift.json").write_text('{"timestep": 100, "up_block": 0, "draws": 2, "channels": 16, "by": 1}')
    loaded = DiffusionFeatures.from_pretrained(tmp_path / "dift", device="cpu")
    assert (loaded.up_block, loaded.timestep, loaded.draws, loaded.entity_channels) == (0, 100, 2, 16)
    assert loaded.extract(image).shape[0] == loaded.feature_channels == 16


def test_a_projection_and_a_layer_are_the_default_blocks(folder, tmp_path, image):
    from safetensors.torch import save_file

    plain = DiffusionFeatures.from_pretrained(folder, device="cpu")
    matrix = torch.randn(6, 8, generator=torch.Generator().manual_seed(3))
    heard = []
    layer = plain.unet.up_blocks[3].resnets[0]
    hook = layer.register_forward_hook(lambda block, given, got: heard.append(got))
    whole = plain.extract(image, draws=1)
    hook.remove()
    where = broken(folder, tmp_path / "projected")
    save_file({"projection": matrix}, where / "projection.safetensors")
    (where / "dift.json").write_text('{"up_layer": 0}')
    found = DiffusionFeatures.from_pretrained(where, device="cpu")
    assert (found.up_layer, found.feature_channels) == (0, 6)
    np.testing.assert_allclose(
        found.extract(image, draws=1), np.einsum("ec,chw->ehw", matrix, heard[0][0]), atol=1e-4, rtol=1e-3
    )
    # Other blocks, and the same when it is asked for by default, come from their end and as they are.
    np.testing.assert_array_equal(found.extract(image, draws=1, up_block=1), plain.extract(image, draws=1, up_block=1))
    other = DiffusionFeatures.from_pretrained(where, device="cpu", up_block=2)
    assert (other.up_layer, other.projection, other.feature_channels) == (None, None, 16)
    # At its own end, a projection may come before or after pooling.
    end = DiffusionFeatures.from_pretrained(where, device="cpu", up_layer=None)
    mask = np.zeros(image.shape[:2], bool)
    mask[8:40, 8:40] = True
    pooled = matrix.numpy() @ pool_over_mask(whole, mask)
    np.testing.assert_allclose(pool_over_mask(end.extract(image, draws=1), mask), pooled, atol=1e-4, rtol=1e-3)


def test_a_projection_that_does_not_fit_is_told(folder, tmp_path):
    from safetensors.torch import save_file

    where = broken(folder, tmp_path / "projected")
    for tensors, words in (
        ({"projection": torch.zeros(6, 9)}, "takes 9 channels, but up block 3 has 8"),
        ({"projection": torch.zeros(8)}, "not \\(E, C\\)"),
        ({"matrix": torch.zeros(6, 8)}, "projection.safetensors is broken"),
    ):
        save_file(tensors, where / "projection.safetensors")
        with pytest.raises(LabError, match=words):
            DiffusionFeatures.from_pretrained(where, device="cpu")
    (where / "projection.safetensors").unlink()
    with pytest.raises(LabError, match="up_layer 7 does not exist: up block 3 has 0 to 1"):
        DiffusionFeatures.from_pretrained(where, device="cpu", up_layer=7)


# Pooling


def test_pooling_equals_the_recordings():
    from PIL import Image

    recording = Recording("condition")
    features = recording["features"].astype(np.float32)  # the first of its channels
    for i in range(2):
        mask = np.asarray(Image.open(FOLDER / "condition" / f"mask_{i}.png").convert("L")) == 255
        assert np.array_equal(latent_mask(mask, (16, 24)), recording["mask_latent"][i] > 0)
        vector = recording["object_vectors"][i]
        assert np.abs(pool_over_mask(features, mask) - vector[: len(features)]).max() < 1e-6
        assert np.abs(recording["table"] - pair_average(vector)).max(axis=1).min() < 1e-6


def test_pooling_by_hand():
    features = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4)
    mask = np.zeros((32, 32), bool)
    mask[:16, 16:] = True
    assert np.allclose(pool_over_mask(features, mask), features[:, :2, 2:].mean(axis=(1, 2)))


def test_vanishing_and_empty_masks_name_the_entity():
    mask = np.zeros((64, 96), bool)
    mask[0, :3] = True
    with pytest.raises(LabError, match=r'entity 2 \("fly"\).* 3 pixels .*96x64.*12x8.*larger'):
        pool_over_mask(np.ones((4, 8, 12)), mask, name='entity 2 ("fly")')
    with pytest.raises(LabError, match="empty"):
        pool_over_mask(np.ones((4, 8, 12)), mask & False)


def test_channels_fit_or_say_why():
    vectors = np.arange(8, dtype=np.float32).reshape(1, 8)
    assert np.array_equal(fit_channels(vectors, 8), vectors)
    assert np.array_equal(fit_channels(vectors, None), [[0.5, 2.5, 4.5, 6.5]])
    assert np.array_equal(fit_channels(vectors, 4), fit_channels(vectors, None))
    with pytest.raises(LabError, match=r"8 channels \(whole\) or 4 \(pair averages\).* 5 were requested"):
        fit_channels(vectors, 5)
    with pytest.raises(LabError, match="even"):
        pair_average(np.ones(3))


def a_scene(image, *masks):
    entities = tuple(SimpleNamespace(name=f"thing {i}", mask=mask) for i, mask in enumerate(masks))
    return SimpleNamespace(image=image, entities=entities, controlled=entities[:1])


def test_entity_vectors(features, image):
    left, right = np.zeros((2, 48, 64), bool)
    left[8:40, 8:24], right[8:40, 40:56] = True, True
    scene, twin = a_scene(image, left, right), a_scene(np.ascontiguousarray(image[:, ::-1]), right, left)
    vectors = entity_vectors(scene, features)
    assert vectors.shape == (1, 4) and vectors.dtype == np.float32
    assert np.allclose(entity_vectors(scene, features, channels=8)[0], pool_over_mask(features.extract(image), left))
    every = entity_vectors(twin, features, entities="all")
    assert every.shape == (2, 4) and cosine_similarity(vectors, every).shape == (1, 2)
    empty = SimpleNamespace(image=image, entities=(), controlled=())
    assert entity_vectors(empty, features).shape == (0, 4)
    tiny = np.zeros((48, 64), bool)
    tiny[0, 0] = True
    with pytest.raises(LabError, match=r'entity 1 \("thing 0"\).*vanishes'):
        entity_vectors(a_scene(image, tiny), features)
    middle = entity_vectors(a_scene(image, tiny), features, channels=8, middle=True)
    assert np.allclose(middle[0], features.extract(image)[:, 0, 0])
    with pytest.raises(LabError, match="empty"):
        entity_vectors(a_scene(image, np.zeros((48, 64), bool)), features, middle=True)


def test_a_real_scene(features, scene):
    vectors = entity_vectors(scene, features, draws=2, size=(128, 192))
    assert vectors.shape == (len(scene.controlled), 4) and np.isfinite(vectors).all()
    assert np.array_equal(vectors, entity_vectors(scene, features, draws=2, size=(128, 192)))


def test_cosine_and_similarity_map():
    first, second = np.array([[1.0, 0], [0, 2]]), np.array([[3.0, 0], [1, 1], [0, 0]])
    assert np.allclose(cosine_similarity(first, second), [[1, 0.5**0.5, 0], [0, 0.5**0.5, 0]], atol=1e-6)
    features = np.zeros((4, 2, 3), np.float32)
    features[:2, 0, 0], features[2:, 1, 2] = 1, 1
    for vector in (features[:, 0, 0], pair_average(features[:, 0, 0])):
        assert np.allclose(similarity_map(features, vector), [[1, 0, 0], [0, 0, 0]], atol=1e-6)
    with pytest.raises(LabError, match="3 channels"):
        similarity_map(features, np.ones(3))


# Pictures


def test_pca_pictures_show_regions_and_share_colours():
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(3, 16))
    first = kinds[np.repeat([[0, 1, 2]], 4, axis=0)].transpose(2, 0, 1)  # three stripes
    second = first[:, :, ::-1]
    picture, mirrored = pca_pictures([first, second])
    assert picture.shape == (4, 3, 3) and picture.dtype == np.uint8
    assert len({tuple(colour) for colour in picture[0]}) == 3
    assert np.array_equal(picture, mirrored[:, ::-1])
    assert np.array_equal(pca_picture(first), pca_picture(first.copy()))
    assert pca_picture(first, size=(8, 12)).shape == (8, 12, 3)


def test_pca_of_a_constant_map_is_grey_and_nan_is_refused():
    assert (pca_picture(np.ones((5, 3, 3))) == 128).all()
    assert pca_picture(np.random.default_rng(0).normal(size=(2, 3, 3))).shape == (3, 3, 3)
    with pytest.raises(LabError, match="NaN"):
        pca_picture(np.full((4, 2, 2), np.nan))
    with pytest.raises(LabError, match="same C"):
        pca_pictures([np.ones((4, 2, 2)), np.ones((5, 2, 2))])


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"up_block": 4}, "up blocks 0 to 3"),
        ({"timestep": 1000}, r"outside 0\.\.999"),
        ({"draws": 0}, "at least 1"),
        ({"chunk": 0}, "at least 1"),
        ({"size": (8, 64)}, "64x8 is too small"),
    ],
)
def test_bad_options(features, image, options, message):
    with pytest.raises(LabError, match=message):
        features.extract(image, **options)


@pytest.mark.parametrize("bad", [np.zeros((64, 64)), np.zeros((64, 64, 3)), np.zeros((64, 64, 4), np.uint8)])
def test_bad_pictures(features, bad):
    with pytest.raises(LabError, match="uint8 RGB"):
        features.extract(bad)
    with pytest.raises(LabError, match="does not know"):
        features.extract_many(np.zeros((1, 64, 64, 3), np.uint8), steps=3)


def test_half_precision_on_a_cpu_is_refused(folder):
    with pytest.raises(LabError, match="float32 or bfloat16"):
        DiffusionFeatures.from_pretrained(folder, device="cpu", dtype=torch.float16)


def test_overflow_is_an_error(folder, image):
    loaded = DiffusionFeatures.from_pretrained(folder, device="cpu")
    with torch.no_grad():
        loaded.unet.conv_in.weight.fill_(float("nan"))
    with pytest.raises(LabError, match="not finite"):
        loaded.extract(image)


def broken(folder: Path, where: Path) -> Path:
    shutil.copytree(folder, where)
    return where


def test_broken_folders(folder, tmp_path):
    load = DiffusionFeatures.from_pretrained
    with pytest.raises(LabError, match="is not a folder"):
        load(tmp_path / "nothing")
    with pytest.raises(LabError, match="neither a folder nor in the Hugging Face cache"):
        load("nobody/no-such-model")
    where = broken(folder, tmp_path / "no-vae")
    shutil.rmtree(where / "vae")
    with pytest.raises(LabError, match="has no vae/"):
        load(where)
    where = broken(folder, tmp_path / "no-text")
    shutil.rmtree(where / "tokenizer")
    with pytest.raises(LabError, match=r"neither null_prompt\.safetensors nor"):
        load(where)
    where = broken(folder, tmp_path / "cut")
    path = where / "unet/diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LabError, match=r"cannot be loaded.*download it again"):
        load(where)
    where = broken(folder, tmp_path / "keys")
    from safetensors.torch import load_file, save_file

    path = where / "unet/diffusion_pytorch_model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if k != "conv_in.bias"}, path)
    with pytest.raises(LabError, match=r"conv_in\.bias|lacks 1 tensors"):
        load(where)
    where = broken(folder, tmp_path / "video")
    (where / "unet/config.json").write_text('{"_class_name": "UNetSpatioTemporalConditionModel"}')
    with pytest.raises(LabError, match="holds a UNetSpatioTemporalConditionModel"):
        load(where)
    where = broken(folder, tmp_path / "json")
    (where / "dift.json").write_text('{"timestep": "late"}')
    with pytest.raises(LabError, match=r"dift\.json is broken"):
        load(where)


def test_a_folder_of_half_precision_files_only(folder, tmp_path, image):
    where = broken(folder, tmp_path / "half")
    for part in ("unet", "vae", "text_encoder"):
        for path in (where / part).glob("*.safetensors"):
            path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    loaded = DiffusionFeatures.from_pretrained(where, device="cpu")
    assert loaded.unet.dtype == torch.float32
    assert np.array_equal(loaded.extract(image), DiffusionFeatures.from_pretrained(folder, device="cpu").extract(image))
