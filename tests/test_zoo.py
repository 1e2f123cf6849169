"""The zoo: nothing goes out unasked, downloads are checked, and every failure says what to do."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import pickle
import re
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse

import numpy as np
import pytest

from draganything_lab.errors import LabError
from draganything_lab.models import load_features, zoo
from draganything_lab.models.zoo import download, registry
from draganything_lab.models.zoo.registry import Model, in_words
from draganything_lab.pipeline import load_pipeline

torch = pytest.importorskip("torch")
pytest.importorskip("huggingface_hub")
from huggingface_hub import constants, file_download  # noqa: E402

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"a": 1}',
    "weights.safetensors": bytes(range(256)) * 40,
    "weights.fp16.safetensors": b"half" * 99,
}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """A hub and a file server in one, small, on this machine."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        state, path = self.server.state, urlparse(self.path).path  # type: ignore[attr-defined]
        state.requests.append((self.command, path))
        if state.refusal:
            status, code = state.refusal
            self.answer(status, b"{}", X_Error_Code=code, X_Error_Message=code, Content_Type="application/json")
        elif path.startswith("/api/models/"):
            lfs = {name: {"sha256": digest(d), "size": len(d), "pointerSize": 9} for name, d in state.files.items()}
            siblings = [{"rfilename": name, "size": len(d), "lfs": lfs[name]} for name, d in state.files.items()]
            body = json.dumps({"id": "lab/tiny", "modelId": "lab/tiny", "sha": COMMIT, "siblings": siblings}).encode()
            self.answer(200, body, Content_Type="application/json")
        elif "/resolve/" in path and path.split(f"/resolve/{COMMIT}/")[-1] in state.files:
            name = path.split(f"/resolve/{COMMIT}/")[-1]
            data = state.served.get(name, state.files[name])
            self.answer(200, data, ETag=f'"{digest(state.files[name])}"', X_Repo_Commit=COMMIT)
        else:
            self.answer(404, b"{}", X_Error_Code="EntryNotFound")

    do_HEAD = do_GET


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A local hub; the caches lie in a temporary folder, and the real network is not asked."""
    instance = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    instance.state = SimpleNamespace(requests=[], refusal=None, files=dict(FILES), served={})
    threading.Thread(target=instance.serve_forever, daemon=True).start()
    instance.state.address = f"http://127.0.0.1:{instance.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", instance.state.address)
    template = instance.state.address + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):  # huggingface_hub before 1 keeps a copy in the second
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=module is constants)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf/hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_HUB_OFFLINE", "DRAGANYTHING_LAB_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield instance.state
    instance.shutdown()
    instance.server_close()


def add(monkeypatch, model: Model) -> None:
    monkeypatch.setitem(registry._BY_NAME, model.name, model)


@pytest.fixture
def tiny(server, monkeypatch) -> Model:
    model = Model(
        "tiny",
        "a tiny model",
        "hub",
        "lab/tiny",
        "Some Licence",
        "http://licence.example",
        COMMIT,
        needed=("config.json", "weights.bin|weights.safetensors"),
        size=10_248,
        alternatives=("sd15",),
        needed_half=("config.json", "weights.fp16.safetensors"),
    )
    add(monkeypatch, model)
    return model


@pytest.fixture
def single(server, monkeypatch) -> Model:
    data = FILES["weights.safetensors"]
    model = Model(
        "single",
        "one file",
        "hub",
        "lab/tiny",
        "Some Licence",
        "http://licence.example",
        COMMIT,
        needed=("weights.safetensors",),
        size=len(data),
        size_is_exact=True,
        hashes={"weights.safetensors": digest(data)},
    )
    add(monkeypatch, model)
    return model


# The registry


def test_every_model_says_what_matters():
    for name, model in zoo.MODELS.items():
        assert name == model.name and model.what and model.licence and model.licence_page.startswith("https://")
        assert all(other in zoo.MODELS and other != name for other in model.alternatives)
        assert model.source == "package" or (model.size > 1e7 and model.needed)
        assert all(len(value) == 64 for value in model.hashes.values())
        assert set(model.hashes) <= set(model.needed) | set(model.needed_half)
        text = zoo.describe(name)
        assert model.licence_page in text and ("about" in text or model.size_is_exact or model.source == "package")
    assert zoo.MODELS["svd"].bytes(half=True) < zoo.MODELS["svd"].bytes()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("tyo", "toy"), ("SVD_XT", "svd-xt"), ("sam_vit_h", "sam-vit-h"), ("runwayml/stable-diffusion-v1-5", "sd15")],
)
def test_an_unknown_name_suggests_the_nearest(wrong, right):
    with pytest.raises(LabError, match=f'did you mean "{right}"'):
        zoo.weights_folder(wrong)


def test_sizes_in_words():
    assert [in_words(n) for n in (9_018_074_833, 375_042_383, 1500, 12)] == ["9.02 GB", "375 MB", "1.5 kB", "12 bytes"]


def test_importing_the_zoo_is_light():
    import subprocess
    import sys

    heavy = "('torch', 'diffusers', 'transformers')"
    code = f"import sys, draganything_lab.models.zoo; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# From a hub


def test_nothing_goes_out_unasked(tiny, single, server):
    assert zoo.find("tiny") is None and zoo.find("single") is None
    with pytest.raises(LabError, match=r'"tiny" weights are not on this machine.*Some Licence.*DRAGANYTHING_LAB_TINY'):
        zoo.weights_folder("tiny")
    with pytest.raises(LabError, match=r'weights_file\("single", download=True\)'):
        zoo.weights_file("single")
    assert server.requests == []


def test_download_says_size_and_licence_first_then_checks(tiny, server):
    said = []
    folder = zoo.weights_folder("tiny", download=True, say=lambda text: said.append((text, len(server.requests))))
    assert "Some Licence" in said[0][0] and "10.2 kB" in said[0][0] and said[0][1] == 0
    assert {p.name for p in folder.iterdir()} == {"config.json", "weights.safetensors"}
    assert all((folder / name).read_bytes() == FILES[name] for name in ("config.json", "weights.safetensors"))
    count = len(server.requests)
    assert zoo.weights_folder("tiny") == zoo.weights_folder("tiny", download=True) == zoo.find("tiny") == folder
    assert len(server.requests) == count  # what is there is not fetched again


def test_half_precision_files(tiny, server):
    folder = zoo.weights_folder("tiny", download=True, half=True, say=lambda _: None)
    assert {p.name for p in folder.iterdir()} == {"config.json", "weights.fp16.safetensors"}
    assert zoo.weights_folder("tiny") == folder  # they do where only they are there


def test_a_damaged_file_is_named_and_fetched_again_once_it_is_deleted(tiny, server):
    folder = zoo.weights_folder("tiny", download=True, say=lambda _: None)
    file = (folder / "weights.safetensors").resolve()
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(LabError, match=rf"^{re.escape(str(file))} is cut off.*delete it and download it again"):
        zoo.load_state_dict(folder / "weights.safetensors")
    file.unlink()
    assert zoo.find("tiny") is None
    again = zoo.weights_folder("tiny", download=True, say=lambda _: None)
    assert (again / "weights.safetensors").read_bytes() == FILES["weights.safetensors"]


def test_a_file_other_than_published_is_deleted(tiny, server):
    server.served["weights.safetensors"] = FILES["weights.safetensors"][::-1]
    with pytest.raises(LabError, match=r"arrived with.*should have.*deleted"):
        zoo.weights_folder("tiny", download=True, say=lambda _: None)
    server.served.clear()
    folder = zoo.weights_folder("tiny", download=True, say=lambda _: None)
    assert (folder / "weights.safetensors").read_bytes() == FILES["weights.safetensors"]


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((403, "GatedRepo"), r"accept its terms.*hf auth login.*DRAGANYTHING_LAB_TINY"),
        ((404, "RepoNotFound"), r'is gone, or visible only after a login.*use "sd15"'),
        ((404, "RevisionNotFound"), rf"no longer has revision {COMMIT}"),
        ((418, "Teapot"), r"could not be downloaded.*check the network"),
    ],
)
def test_refusals_say_what_to_do(tiny, server, refusal, message):
    server.refusal = refusal
    with pytest.raises(LabError, match=message):
        zoo.weights_folder("tiny", download=True, say=lambda _: None)


def test_a_changed_repository(tiny, server):
    del server.files["weights.safetensors"]
    with pytest.raises(LabError, match=r"has no weights.bin\|weights.safetensors, only config.json"):
        zoo.weights_folder("tiny", download=True, say=lambda _: None)


@pytest.mark.parametrize("how", ["variable", "constant"])
def test_offline_is_honoured(tiny, single, server, monkeypatch, how):
    if how == "variable":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    else:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for fetch, name in ((zoo.weights_folder, "tiny"), (zoo.weights_file, "single")):
        with pytest.raises(LabError, match="HF_HUB_OFFLINE prevents"):
            fetch(name, download=True, say=lambda _: None)
    assert server.requests == []


def test_no_space(tiny, single, server, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000))
    for fetch, name in ((zoo.weights_folder, "tiny"), (zoo.weights_file, "single")):
        with pytest.raises(LabError, match=r"5 kB free, but the download needs 10.2 kB.*HF_HOME"):
            fetch(name, download=True, say=lambda _: None)
    assert not any("resolve" in path for _, path in server.requests)


def test_local_copies(tiny, single, server, monkeypatch, tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("DRAGANYTHING_LAB_TINY", str(tmp_path))
    assert zoo.weights_folder("tiny") == zoo.find("tiny") == tmp_path
    (tmp_path / "weights.safetensors").unlink()
    assert zoo.weights_folder("tiny") == tmp_path  # the half-precision file will do
    (tmp_path / "config.json").unlink()
    with pytest.raises(LabError, match=r"DRAGANYTHING_LAB_TINY names .* lacks config.json"):
        zoo.weights_folder("tiny")
    monkeypatch.setenv("DRAGANYTHING_LAB_TINY", str(tmp_path / "nowhere"))
    with pytest.raises(LabError, match=r"does not exist; correct it or unset it"):
        zoo.weights_folder("tiny")
    monkeypatch.setenv("DRAGANYTHING_LAB_SINGLE", str(tmp_path / "weights.fp16.safetensors"))
    assert zoo.weights_file("single").name == "weights.fp16.safetensors"
    assert server.requests == []


# One file


def test_one_file_is_fetched_checked_and_kept(single, server):
    said = []
    path = zoo.weights_file("single", download=True, say=said.append)
    assert path.read_bytes() == FILES["weights.safetensors"] and "Some Licence" in said[0]
    assert zoo.weights_file("single") == zoo.find("single") == path


def test_one_file_that_is_not_the_known_one_is_deleted(single, server):
    server.files["weights.safetensors"] = b"another" * 9  # published with a hash of its own
    with pytest.raises(LabError, match="deleted"):
        zoo.weights_file("single", download=True, say=lambda _: None)
    assert zoo.find("single") is None


def test_no_network(server, single, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LabError, match=r"could not be downloaded.*check the network.*DRAGANYTHING_LAB_SINGLE"):
        zoo.weights_file("single", download=True, say=lambda _: None)


def test_folders_and_files_are_not_mixed_up(tiny, single):
    with pytest.raises(LabError, match=r'weights_file\("single"\)'):
        zoo.weights_folder("single")
    with pytest.raises(LabError, match=r'weights_folder\("tiny"\)'):
        zoo.weights_file("tiny")


# Loading tensors


def test_load_state_dict(tmp_path):
    from safetensors.torch import save_file

    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}
    save_file(tensors, tmp_path / "x.safetensors")
    torch.save(tensors, tmp_path / "x.bin")
    torch.save({"state_dict": tensors, "step": 3}, tmp_path / "x.pth")
    for name in ("x.safetensors", "x.bin", "x.pth"):
        found = zoo.load_state_dict(tmp_path / name)
        assert set(found) == {"a", "b"} and torch.equal(found["a"], tensors["a"])


class Evil:
    def __reduce__(self):
        return (os.system, (f"touch {Evil.mark}",))


def test_pickles_never_run(tmp_path):
    Evil.mark = tmp_path / "ran"
    (tmp_path / "raw.bin").write_bytes(pickle.dumps({"a": Evil()}))
    torch.save({"a": Evil()}, tmp_path / "zip.pth")
    for name in ("raw.bin", "zip.pth"):
        with pytest.raises(LabError, match="refused"):
            zoo.load_state_dict(tmp_path / name)
    assert not Evil.mark.exists()


def test_damaged_files(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(100)}, tmp_path / "cut.safetensors")
    torch.save({"a": torch.zeros(1000)}, tmp_path / "cut.bin")
    for name in ("cut.safetensors", "cut.bin"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-60])
        with pytest.raises(LabError, match="cut off or damaged"):
            zoo.load_state_dict(path)
    for text, message in (
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "is empty"),
    ):
        (tmp_path / "x.safetensors").write_bytes(text)
        with pytest.raises(LabError, match=message):
            zoo.load_state_dict(tmp_path / "x.safetensors")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(LabError, match="holds a list, not a dictionary of tensors"):
        zoo.load_state_dict(tmp_path / "list.pt")
    with pytest.raises(LabError, match="is not a file"):
        zoo.load_state_dict(tmp_path / "absent.bin")


# Pipelines


@pytest.fixture(scope="module")
def toyish(tmp_path_factory) -> Path:
    """A folder laid out like the shipped weights, with tiny random ones in half precision."""
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        DDIMScheduler,
        EulerDiscreteScheduler,
        UNet2DConditionModel,
        UNetSpatioTemporalConditionModel,
    )
    from safetensors.torch import save_file
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    from draganything_lab.models import DragAnythingControlNet

    folder = tmp_path_factory.mktemp("toyish")
    torch.manual_seed(0)
    shape = {
        "block_out_channels": (32, 32),
        "cross_attention_dim": 16,
        "num_attention_heads": 2,
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        "projection_class_embeddings_input_dim": 24,
        "addition_time_embed_dim": 8,
        "in_channels": 8,
    }
    up = ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal")
    unet = UNetSpatioTemporalConditionModel(out_channels=4, up_block_types=up, **shape)
    towers = {"conditioning_embedding_out_channels": (4, 4, 4, 8), "entity_embedding_out_channels": (8, 8, 8, 8)}
    vae = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=(32,) * 4, layers_per_block=1, scaling_factor=1
    )
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=16,
    )
    unet.half().save_pretrained(folder / "unet")
    vae.half().save_pretrained(folder / "vae")
    CLIPVisionModelWithProjection(vision).half().save_pretrained(folder / "image_encoder")
    size = {"height": 32, "width": 32}
    CLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder / "feature_extractor")
    EulerDiscreteScheduler(prediction_type="v_prediction").save_pretrained(folder / "scheduler")
    for name in ("entity_gaussian", "gaussian"):
        DragAnythingControlNet(**shape, **towers).half().save_pretrained(folder / "controlnet" / name)
    dift = UNet2DConditionModel(
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        cross_attention_dim=8,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=2,
    )
    dift.half().save_pretrained(folder / "dift/unet")
    DDIMScheduler().save_pretrained(folder / "dift/scheduler")
    save_file({"null_prompt": torch.zeros(1, 1, 8)}, folder / "dift/null_prompt.safetensors")
    return folder


@pytest.fixture
def as_toy(toyish, monkeypatch) -> Path:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(toyish))
    return toyish


def test_load_pipeline_by_name_and_by_folder(as_toy):
    pipe = load_pipeline("toy", device="cpu")
    assert type(pipe).__name__ == "DragAnythingPipeline" and pipe.unet.dtype == torch.float32
    assert pipe.features is not None and pipe.features.feature_channels == 16
    assert type(pipe.unet).__name__ == "DragAnythingUNet"
    other = load_pipeline(as_toy, "gaussian", device="cpu")
    assert other.features is None
    for part in ("unet", "vae"):
        for a, b in zip(getattr(pipe, part).parameters(), getattr(other, part).parameters(), strict=True):
            assert torch.equal(a, b)


def test_load_features_by_name(as_toy):
    features = load_features("toy", device="cpu", draws=2)
    found = features.extract(np.zeros((64, 64, 3), np.uint8))
    assert found.shape == (16, 8, 8) and features.draws == 2


def test_a_scene_goes_from_name_to_frames(as_toy):
    from draganything_lab.scene import Scene

    scene = Scene(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    scene.add("box", mask, [[32, 32], [40, 32]])
    pipe = load_pipeline("toy", device="cpu")
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(scene, num_frames=2, height=64, width=64, num_inference_steps=1, seed=0).frames
    assert frames.shape == (2, 64, 64, 3) and frames.dtype == np.uint8


def test_bad_requests(as_toy, tmp_path, server):
    with pytest.raises(LabError, match=r'no weights for "point"; it has entity\+gaussian, gaussian'):
        load_pipeline("toy", "point", device="cpu")
    with pytest.raises(LabError, match="float32 or bfloat16"):
        load_pipeline("toy", device="cpu", dtype=torch.float16)
    with pytest.raises(LabError, match=r"nowhere is not a folder"):
        load_pipeline(tmp_path / "nowhere", device="cpu")
    with pytest.raises(LabError, match=r'did you mean "svd"'):
        load_pipeline("svdd", device="cpu")
    with pytest.raises(LabError, match=r'"svd" weights are not on this machine'):
        load_pipeline("svd", device="cpu")
    with pytest.raises(LabError, match=r'"sd15" weights are not on this machine'):
        load_features("svd")
    assert server.requests == []


def test_representations_that_share_a_trunk(toyish, tmp_path):
    """The layout of the shipped weights: one ControlNet in shards, and an embedding for each representation."""
    from safetensors.torch import save_file

    from draganything_lab.models import DragAnythingControlNet

    where = tmp_path / "shared"
    shutil.copytree(toyish, where, ignore=shutil.ignore_patterns("controlnet"))
    trunk = DragAnythingControlNet.from_pretrained(toyish / "controlnet/gaussian")
    trunk.save_pretrained(where / "controlnet/trunk", max_shard_size="200KB")
    assert len(list((where / "controlnet/trunk").glob("*.safetensors"))) > 1
    weights = {key: torch.full_like(value, 0.5) for key, value in trunk.controlnet_cond_embedding.state_dict().items()}
    save_file(weights, where / "controlnet/entity_gaussian.safetensors")
    net = load_pipeline(where, device="cpu").controlnet
    assert net.config.representation == "entity+gaussian"
    for key, value in net.state_dict().items():
        own = key.startswith("controlnet_cond_embedding.")
        assert torch.equal(value, torch.full_like(value, 0.5) if own else trunk.state_dict()[key])
    with pytest.raises(LabError, match=r'no weights for "point"; it has entity\+gaussian'):
        load_pipeline(where, "point", device="cpu")
    save_file({**weights, "more": torch.ones(1)}, where / "controlnet/point.safetensors")
    with pytest.raises(LabError, match="does not fit the ControlNet beside it"):
        load_pipeline(where, "point", device="cpu")


def test_svd_takes_the_released_control_net_only(as_toy, toyish, tmp_path, monkeypatch):
    svd = tmp_path / "svd"
    for part in ("unet", "vae", "image_encoder", "scheduler", "feature_extractor"):
        shutil.copytree(toyish / part, svd / part)
    monkeypatch.setenv("DRAGANYTHING_LAB_SVD", str(svd))
    with pytest.raises(LabError, match=r'released weights for "entity\+gaussian" only, not for "point"'):
        load_pipeline("svd", "point", device="cpu")
    monkeypatch.setenv("DRAGANYTHING_LAB_DRAGANYTHING", str(toyish / "controlnet/entity_gaussian"))
    assert load_pipeline("svd", device="cpu").features is None
    with pytest.raises(LabError, match="has no controlnet/"):
        load_pipeline(svd, device="cpu")


def test_another_models_or_a_cut_file(toyish, tmp_path):
    from safetensors.torch import load_file, save_file

    where = tmp_path / "broken"
    shutil.copytree(toyish, where)
    path = where / "controlnet/entity_gaussian/diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    save_file({key: value for key, value in tensors.items() if "conv_in" not in key}, path)
    with pytest.raises(LabError, match=r"another model than DragAnythingControlNet.*conv_in"):
        load_pipeline(where, device="cpu")
    path = where / "unet/diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(LabError, match=r"bytes and should have"):
        load_pipeline(where, "gaussian", device="cpu")
    shutil.rmtree(where / "scheduler")
    with pytest.raises(LabError, match=r"lacks scheduler/"):
        load_pipeline(where, "gaussian", device="cpu")
