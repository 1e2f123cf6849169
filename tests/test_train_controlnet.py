"""Training the ControlNet: one step's maths, checkpoints, exact resume, and every kind of bad input."""

from __future__ import annotations

import errno
import importlib.util
import json
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from helpers.toyland_samples import ToylandSamples  # noqa: E402
from helpers.train_small import OPTIONS, curve  # noqa: E402

from draganything_lab.cli.main import main  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import DragAnythingControlNet  # noqa: E402
from draganything_lab.models.random import random_parts  # noqa: E402
from draganything_lab.training.engine import edm  # noqa: E402
from draganything_lab.training.full import checkpoint, loop, step  # noqa: E402
from draganything_lab.training.full.export import export  # noqa: E402
from draganything_lab.training.full.lock import LOCK, OWNER, FolderLock  # noqa: E402
from draganything_lab.training.full.log import Log, chosen_trackers, read_log  # noqa: E402
from draganything_lab.training.full.networks import Start, load_start  # noqa: E402
from draganything_lab.training.full.options import Options  # noqa: E402
from draganything_lab.training.full.record import check_record  # noqa: E402
from draganything_lab.training.full.run import Run  # noqa: E402
from draganything_lab.training.full.source import Supply, check_source  # noqa: E402
from draganything_lab.training.full.state import State, build_optimiser  # noqa: E402
from draganything_lab.training.full.validation import Validation  # noqa: E402

SOURCE = ToylandSamples(OPTIONS.size, OPTIONS.frames)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(representation: str = "entity+gaussian") -> Start:
    return load_start("random:tiny", None, representation)


def run(
    folder: Path, options: Options = OPTIONS, *, source: Any = SOURCE, validate: Any = None, **how: Any
) -> list[str]:
    """Train in this process; return what was said."""
    said: list[str] = []
    how = {"save_every": 2, "device": "cpu", "log_with": ("none",)} | how
    loop.train(source, tiny(), options, Run(folder, **how), validate=validate, say=said.append)
    return said


def batch_of(options: Options, numbers: range = range(2)) -> dict[str, Any]:
    samples = [replace(SOURCE, size=options.size, frames=options.frames).draw(number) for number in numbers]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


# One step


def test_the_targets_are_the_schedulers() -> None:
    """What the network should say leads diffusers' scheduler, which samples with it, back to the clean latents."""
    scheduler = random_parts("tiny")["scheduler"]
    scheduler.set_timesteps(7)
    clean = torch.randn(1, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    for index in (0, 3, 6):
        sigma, time = scheduler.sigmas[index][None], scheduler.timesteps[index]
        noisy = clean + edm.wide(sigma) * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
        wanted = edm.velocity(noisy, clean, sigma)
        scheduler._step_index = None
        scheduler.is_scale_input_called = True
        assert torch.allclose(scheduler.step(wanted, time, noisy).pred_original_sample, clean, atol=1e-3 * float(sigma))
        assert torch.allclose(edm.timestep(sigma), time)
        scheduler._step_index = None
        assert torch.allclose(edm.scaled(noisy, sigma), scheduler.scale_model_input(noisy, time))
        assert torch.allclose(edm.denoised(noisy, wanted, sigma), clean, atol=1e-3 * float(sigma))


@given(outside=st.floats(0, 1), kind=st.sampled_from(["masked", "plain", "mixed"]), seed=st.integers(0, 99))
def test_the_loss_weighs_places_by_the_mask(outside: float, kind: str, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    error = torch.rand(2, 3, 4, 4, generator=rng).requires_grad_()
    moved = torch.zeros(2, 3, 32, 32, dtype=torch.bool)
    moved[0, :, 8:17, 0:8] = True  # a single row reaches into the third cell
    losses = step.weighed(error, moved, replace(OPTIONS, loss=kind, outside=outside))
    losses["loss"].backward()
    weight = {"masked": 0.0, "plain": 1.0, "mixed": outside}[kind]
    wanted = torch.full_like(error, weight)
    wanted[0, :, 1:3, 0] = 1.0
    assert torch.allclose(error.grad * error.numel(), wanted)
    assert losses["inside"] / losses["area"] == pytest.approx(float(error[0, :, 1:3, 0].detach().mean()), rel=1e-5)


def test_an_untrained_controlnet_gives_the_unets_own_loss_and_only_it_gets_gradients() -> None:
    start = tiny()
    frozen = step.Frozen.of(start.parts, OPTIONS, "cpu")
    controlnet = step.prepare_controlnet(start.controlnet, OPTIONS, "cpu")
    noise = step.draw_noise(range(2), *step.latent_shape(frozen), OPTIONS)
    batch = batch_of(OPTIONS)
    losses = step.forward(controlnet, frozen, batch, noise, OPTIONS)
    losses["loss"].backward()
    without = step.forward(_nothing(controlnet), frozen, batch, noise, OPTIONS)
    assert torch.equal(losses["loss"], without["loss"]), "its zero convolutions add nothing"
    lacking = [name for name, p in controlnet.named_parameters() if p.requires_grad and p.grad is None]
    assert not lacking, "a parameter without a gradient would stop training on several processes"
    for network in (frozen.vae, frozen.image_encoder, frozen.unet):
        assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


def _nothing(controlnet: Any) -> Any:
    return lambda *args, **kwargs: [[0 * r for r in part] if isinstance(part, tuple) else 0 * part for part in
                                    controlnet(*args, **kwargs)]  # fmt: skip


def test_training_sees_what_inference_sees() -> None:
    """The same latents, picture and control through the pipeline's own step give the training's prediction."""
    from draganything_lab.pipeline import DragAnythingPipeline
    from draganything_lab.pipeline.denoising import Conditions, predict_noise

    options = replace(OPTIONS, drop_picture=0.0, drop_representation=0.0, loss="plain")
    parts = random_parts("tiny")
    frozen = step.Frozen.of(parts, options, "cpu")
    pipe = DragAnythingPipeline(**parts)
    batch = batch_of(options, range(1))
    noise = step.draw_noise(range(1), *step.latent_shape(frozen), options)
    said = step.forward(parts["controlnet"], frozen, batch, noise, options)["loss"]

    first = batch["video"][:1, 0].float() / 255
    grain = noise.strength[:, None, None, None] * noise.picture
    embedding = pipe.controlnet.embed_control(
        batch["image"], batch["vectors"][0][batch["labels"].long()].movedim(-1, 2)
    )
    ids = torch.tensor([[6.0, 127.0, float(noise.strength)]])
    seen = Conditions(pipe.encode_vae_image(first * 2 - 1 + grain), pipe.encode_image(first), ids, embedding, 1.0)
    frames = batch["video"][0].float() / 127.5 - 1
    latents = frozen.vae.encode(frames).latent_dist.mode()[None] * frozen.vae.config.scaling_factor
    noisy = latents + edm.wide(noise.sigma) * noise.latents
    pipe.scheduler.scale_model_input = lambda sample, time: edm.scaled(sample, noise.sigma)
    made = predict_noise(pipe, noisy, edm.timestep(noise.sigma), seen, None, None, False)
    wanted = (made - edm.velocity(noisy, latents, noise.sigma)).square().mean()
    assert float(said) == pytest.approx(float(wanted), rel=1e-4)


def test_dropped_vectors_and_pictures_have_no_influence() -> None:
    parts = random_parts("tiny")
    frozen = step.Frozen.of(parts, OPTIONS, "cpu")
    batch = batch_of(OPTIONS)

    def loss(batch: Mapping[str, Any], **changes: float) -> float:
        options = replace(OPTIONS, loss="plain", **changes)
        noise = step.draw_noise(range(2), *step.latent_shape(frozen), options)
        return float(step.forward(parts["controlnet"], frozen, batch, noise, options)["loss"])

    other = batch | {"vectors": batch["vectors"] + 1}
    assert loss(batch, drop_representation=1.0) == loss(other, drop_representation=1.0)
    assert loss(batch, drop_representation=0.0) != loss(other, drop_representation=0.0)
    assert loss(batch, drop_picture=1.0) != loss(batch, drop_picture=0.0)


@pytest.mark.slow
def test_a_step_runs_on_the_meta_device_at_full_size() -> None:
    options = Options()
    parts = random_parts("full", device="meta")
    frozen = step.Frozen.of(parts, options, "meta")
    controlnet = step.prepare_controlnet(parts["controlnet"], options, "meta")
    frames, (height, width) = options.frames, options.size
    shapes = {"video": (3, height, width), "image": (3, height, width), "labels": (height, width)}
    batch = {name: torch.empty(1, frames, *shape, dtype=torch.uint8, device="meta") for name, shape in shapes.items()}
    batch["moved"] = torch.empty(1, frames, height, width, dtype=torch.bool, device="meta")
    batch["vectors"] = torch.empty(1, 17, 160, device="meta")
    noise = step.Noise(*(part.to("meta") for part in step.draw_noise([0], *step.latent_shape(frozen), options)))
    step.forward(controlnet, frozen, batch, noise, options)["loss"].backward()
    assert controlnet.conv_in.weight.grad.shape == controlnet.conv_in.weight.shape


@given(
    processes=st.integers(1, 6), accumulate=st.integers(1, 4), share=st.integers(1, 5), at=st.integers(0, 50)
)  # fmt: skip
def test_any_number_of_processes_sees_the_same_samples(processes: int, accumulate: int, share: int, at: int) -> None:
    options = replace(OPTIONS, batch=processes * accumulate * share, accumulate=accumulate)
    start: Any = type("Shape", (), {"latent_channels": 4, "factor": 8})()
    seen = []
    for rank in range(processes):
        supply = Supply(SOURCE, start, options, rank, processes)
        for part in range(accumulate):
            seen += supply.numbers(at * accumulate + part)
    assert sorted(seen) == list(range(at * options.batch, (at + 1) * options.batch))


def test_the_noise_of_a_sample_is_its_own() -> None:
    together = step.draw_noise(range(3), 4, 8, OPTIONS)
    alone = step.draw_noise([2], 4, 8, OPTIONS)
    assert all(torch.equal(a[2:], b) for a, b in zip(together, alone, strict=True))
    assert not torch.equal(together.latents[0], together.latents[1])
    assert not torch.equal(step.draw_noise([2], 4, 8, replace(OPTIONS, seed=1)).latents, alone.latents)


# Options, record, lock, log


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"batch": 0}, "batch is 0"),
        ({"rate": 0.0}, "rate is 0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"steps": 0}, "steps is 0"),
        ({"frames": 1}, "frames is 1"),
        ({"loss": "l1"}, "masked, plain, mixed"),
        ({"precision": "fp8"}, "no, bf16, fp16"),
        ({"optimiser": "sgd"}, "adamw, adamw8bit"),
        ({"representation": "box"}, "use one of"),
        ({"drop_picture": 1.5}, "drop_picture is 1.5"),
        ({"ema": -0.1}, "ema is -0.1"),
        ({"seed": -1}, "seed is"),
        ({"size": (0, 64)}, "size is 0"),
        ({"sigma": (0.7, float("inf"))}, "sigma is inf"),
        ({"accumulate": 2.5}, "accumulate is 2.5"),
    ],
)
def test_impossible_options_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(LabError, match=word):
        replace(OPTIONS, **change).checked()


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(LabError, match=r"3 processes, each in 2 parts.*--batch of 6"):
        replace(OPTIONS, batch=7, accumulate=2).share(3)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (replace(SOURCE, size=(64, 64)), '"video" is 4 x 3 x 64 x 64 and this training needs 4 x 3 x 32 x 32'),
        (replace(SOURCE, frames=6), "6 x 3 x 32"),
        (replace(SOURCE, channels=160), '"vectors" is 17 x 160.*any x 6'),
        (replace(SOURCE, clips=0), "no clips"),
    ],
)
def test_samples_that_do_not_fit_are_refused(source: ToylandSamples, word: str) -> None:
    with pytest.raises(LabError, match=word):
        check_source(source, tiny(), OPTIONS)


def test_a_size_that_the_networks_cannot_take_is_refused() -> None:
    with pytest.raises(LabError, match=r"width 40 is not a multiple of 16.*32 or 48"):
        check_source(SOURCE, tiny(), replace(OPTIONS, size=(32, 40)))


def test_resuming_with_something_else_is_refused_by_name(tmp_path: Path) -> None:
    choices = OPTIONS.result() | {"data": "a"}
    assert check_record(tmp_path, choices, {}, resume=False) == []
    with pytest.raises(LabError, match="has a training already"):
        check_record(tmp_path, choices, {}, resume=False)
    assert check_record(tmp_path, choices, {}, resume=True) == []
    other = replace(OPTIONS, rate=2e-3, sigma=(1.0, 1.0), steps=99, accumulate=2, checkpointing=True).result()
    with pytest.raises(LabError) as caught:
        check_record(tmp_path, other | {"data": "b"}, {}, resume=True, change=["sigma"])
    told = str(caught.value)
    assert "rate was 0.001 and is 0.002; data was a and is b" in told and "--change rate data" in told
    assert "sigma" not in told and "steps" not in told
    changed = check_record(tmp_path, other | {"data": "b"}, {}, resume=True, change=["sigma", "rate", "data"])
    assert len(changed) == 3 and check_record(tmp_path, other | {"data": "b"}, {}, resume=True) == []
    with pytest.raises(LabError, match='there is no "speed"'):
        check_record(tmp_path, choices, {}, resume=True, change=["speed"])
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(LabError, match="cannot be read"):
        check_record(tmp_path, choices, {}, resume=True)


def test_two_trainings_in_one_folder_are_refused_and_a_stale_lock_is_not(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("stale")
    (tmp_path / OWNER).write_text(json.dumps({"host": socket.gethostname(), "pid": 2**22 + 1}))
    FolderLock(tmp_path).release()
    code = "import sys; from pathlib import Path; from draganything_lab.training.full.lock import FolderLock; "
    code += "lock = FolderLock(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.read()"
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipes) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == b"ready"
        with pytest.raises(LabError, match=rf"process {other.pid} on {socket.gethostname()}"):
            FolderLock(tmp_path)
        other.kill()
    FolderLock(tmp_path).release()


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="--folder"):
        FolderLock(tmp_path / "file")


def test_the_log_survives_half_lines_and_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = Log(tmp_path, said.append)
    for number in range(1, 5):
        log.add({"step": number, "loss": 0.1 * number, "norm": float("nan")})
    with log.path.open("a") as file:
        file.write('{"step": 5, "lo')
    log.cut(3)
    assert [line["step"] for line in read_log(log.path)] == [1, 2, 3]
    assert read_log(log.path)[2]["loss"] == 0.1 * 3 and read_log(log.path)[2]["norm"] is None
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    log.add({"step": 4})
    log.add({"step": 5})
    assert "No space left" in said[0]
    monkeypatch.setattr(Path, "open", real)
    log.flush(sync=True)
    assert [line["step"] for line in read_log(log.path)] == [1, 2, 3, 4, 5]


def test_trackers_that_are_unknown_or_missing_are_named() -> None:
    assert chosen_trackers(("none",)) == []
    with pytest.raises(LabError, match='"tensorbord" is unknown'):
        chosen_trackers(("tensorbord",))
    with pytest.raises(LabError, match="pip install swanlab"):
        chosen_trackers(("swanlab",))


def test_a_missing_8_bit_optimiser_is_named() -> None:
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("it is there")
    with pytest.raises(LabError, match=r"draganything-lab\[gpu\]"):
        build_optimiser([torch.nn.Parameter(torch.zeros(1))], replace(OPTIONS, optimiser="adamw8bit"))


@pytest.mark.parametrize(
    ("base", "start", "word"),
    [
        ("random:huge", None, "random:tiny, random:small, random:full"),
        ("nowhere/at-all", None, "is not a folder"),
        ("random:tiny", "nowhere", "config.json"),
        ("random:small", "TINY", "block_out_channels"),
    ],
)
def test_wrong_starting_points_are_refused(base: str, start: str | None, word: str, tmp_path: Path) -> None:
    if start == "TINY":
        tiny().controlnet.save_pretrained(tmp_path / "net")
        start = str(tmp_path / "net")
    with pytest.raises(LabError, match=word):
        load_start(base, start, "gaussian")


# Checkpoints


def _written(folder: Path, number: int) -> Path:
    part = checkpoint.begin(folder, number)
    (part / "average").mkdir()
    (part / "average" / "weights").write_bytes(random.Random(number).randbytes(5000))
    (part / "state").write_bytes(b"s" * 100)
    return checkpoint.finish(part)


@settings(max_examples=30, deadline=None)
@given(
    how=st.sampled_from(["cut", "flip", "gone", "more", "no manifest", "bad manifest", "empty"]), at=st.integers(0, 99)
)
def test_damage_is_noticed_and_the_one_before_is_used(
    how: str, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    older, newer = _written(folder, 5), _written(folder, 10)
    victim = newer / "average" / "weights" if at % 2 else newer / "state"
    data = victim.read_bytes()
    place = at % len(data)
    if how == "cut":
        victim.write_bytes(data[:place])
    elif how == "flip":
        victim.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    elif how == "gone":
        victim.unlink()
    elif how == "more":
        victim.write_bytes(data + b"x")
    elif how == "no manifest":
        (newer / "manifest.json").unlink()
    elif how == "bad manifest":
        (newer / "manifest.json").write_text(["{", "[]", '{"files": 3}', '{"files": {"state": {}}}'][at % 4])
    else:
        shutil.rmtree(newer)
        newer.mkdir()
    said: list[str] = []
    assert checkpoint.newest(folder, said.append) == older
    assert "checkpoint-00000010 is damaged" in said[0]
    (older / "state").unlink()
    with pytest.raises(LabError, match="all 2 checkpoints"):
        checkpoint.newest(folder, said.append)


def test_unfinished_checkpoints_do_not_count_and_old_ones_go(tmp_path: Path) -> None:
    checkpoint.begin(tmp_path, 7)
    assert checkpoint.newest(tmp_path) is None and checkpoint.newest(tmp_path / "none") is None
    for number in (1, 2, 3):
        _written(tmp_path, number)
    checkpoint.clean(tmp_path)
    checkpoint.prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000002", "checkpoint-00000003"]
    (tmp_path / "checkpoint-00000003" / "state").unlink()
    assert checkpoint.damage(_written(tmp_path, 3)) == "", "a damaged one of the same step is replaced"


# Whole trainings


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve steps without a disturbance."""
    folder = tmp_path_factory.mktemp("straight")
    run(folder)
    return folder


def weights(folder: Path, number: int = 12) -> bytes:
    return (checkpoint.checkpoint_path(folder, number) / "average" / "diffusion_pytorch_model.safetensors").read_bytes()


def test_a_resumed_training_goes_the_same_way_bit_by_bit(straight: Path, tmp_path: Path) -> None:
    run(tmp_path, replace(OPTIONS, steps=5), save_every=3)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["checkpoint-00000003", "checkpoint-00000005"]
    shutil.rmtree(tmp_path / "checkpoint-00000005")  # its steps are done again
    said = run(tmp_path, resume=True)
    assert "going on from step 3" in said
    assert curve(tmp_path) == curve(straight) and weights(tmp_path) == weights(straight)
    assert len(checkpoint.checkpoints(tmp_path)) == 3


def test_the_8_bit_optimiser_trains_and_is_resumed_exactly(straight: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    options = replace(OPTIONS, optimiser="adamw8bit")
    run(tmp_path / "whole", options)
    run(tmp_path / "parts", replace(options, steps=5))
    run(tmp_path / "parts", options, resume=True)
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole") != curve(straight)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    for here, there in zip(curve(tmp_path / "whole"), curve(straight), strict=True):
        assert here == pytest.approx(there, rel=1e-2)


def test_accumulated_parts_give_the_same_curve(straight: Path, tmp_path: Path) -> None:
    run(tmp_path, replace(OPTIONS, steps=4, accumulate=2, checkpointing=True))
    for here, there in zip(curve(tmp_path), curve(straight), strict=False):
        assert here == pytest.approx(there, rel=1e-4)


def test_validation_does_not_change_the_training(straight: Path, tmp_path: Path) -> None:
    seen = []

    def validate(weights: Mapping[str, Any], number: int, stop: Any) -> dict[str, float]:
        seen.append(number)
        torch.manual_seed(number), np.random.seed(number), random.seed(number)
        return {"drawn": float(torch.rand(()) + np.random.rand() + random.random())}

    state = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    run(tmp_path, validate=validate, validate_every=5)
    assert seen == [0, 5, 10, 12]
    assert curve(tmp_path) == curve(straight) and weights(tmp_path) == weights(straight)
    assert random.getstate() == state[2] and np.random.get_state()[1].tolist() == state[1]


def test_validation_makes_videos_and_numbers(straight: Path, tmp_path: Path) -> None:
    start = tiny()
    options = replace(OPTIONS, steps=2)
    validate = Validation("toyland:4", start, options, tmp_path / "validation", steps=2)
    how = Run(tmp_path, device="cpu", log_with=("none",), validate_every=2)
    loop.train(SOURCE, start, options, how, validate=validate, say=lambda line: None)
    lines = [line for line in read_log(tmp_path / "log.jsonl") if "validation" in line]
    assert [line["step"] for line in lines] == [0, 2]
    assert {"obeyed", "ObjMC", "ObjMC frozen", "ObjMC preview", "psnr"} < lines[0]["validation"].keys()
    assert lines[0]["validation"]["ObjMC preview"] < lines[0]["validation"]["ObjMC frozen"]
    assert len(list((tmp_path / "validation" / "step-00000002").glob("*.mp4"))) == 4
    assert curve(tmp_path) == curve(straight)[:2], "the real one does not change the training either"
    with pytest.raises(LabError, match="is not a folder"):
        Validation("nowhere", start, options, tmp_path)


def test_a_validation_that_fails_does_not_end_the_training(straight: Path, tmp_path: Path) -> None:
    def validate(*args: Any) -> dict[str, float]:
        raise LabError("the scene is gone")

    said = run(tmp_path, replace(OPTIONS, steps=2), validate=validate)
    assert any("validation of step 0 failed: the scene is gone; training goes on" in line for line in said)
    assert curve(tmp_path) == curve(straight)[:2]


def _broken(monkeypatch: pytest.MonkeyPatch, steps: Any) -> None:
    real, done = loop.forward, [0]

    def forward(*args: Any) -> Any:
        losses = real(*args)
        done[0] += 1
        if done[0] in steps:
            losses["loss"] = losses["loss"] * float("nan")
        return losses

    monkeypatch.setattr(loop, "forward", forward)


def test_a_step_without_a_finite_gradient_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken(monkeypatch, [2])
    run(tmp_path, replace(OPTIONS, steps=3))
    lines = read_log(tmp_path / "log.jsonl")
    assert [line.get("skipped", False) for line in lines] == [False, True, False]
    assert lines[1]["loss"] is None and np.isfinite(lines[2]["loss"])


def test_many_such_steps_in_a_row_end_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken(monkeypatch, range(3, 99))
    monkeypatch.setattr(loop, "UNUSABLE", 3)
    with pytest.raises(LabError, match="in the last 3 steps, up to step 5"):
        run(tmp_path)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["checkpoint-00000002", "checkpoint-00000004"]


def test_a_full_disk_spares_the_earlier_checkpoints(straight: Path, tmp_path: Path, monkeypatch: Any) -> None:
    resource = pytest.importorskip("resource")
    real = State.save

    def save(self: State, part: Path) -> None:
        if self.step in (4, 6):  # a write that ends half-way, as on a full disk
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
            try:
                return real(self, part)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return real(self, part)

    monkeypatch.setattr(State, "save", save)
    said = run(tmp_path, replace(OPTIONS, steps=8))
    failures = [line for line in said if "could not be written" in line]
    assert len(failures) == 2 and "before it: checkpoint-00000002 is intact" in failures[0]
    assert "training goes on" in failures[0]
    assert [checkpoint.step_of(path) for path in checkpoint.checkpoints(tmp_path)] == [2, 8]
    assert curve(tmp_path) == curve(straight)[:8] and not list(tmp_path.glob("*.part"))
    shutil.rmtree(tmp_path / "checkpoint-00000008")
    with pytest.raises(LabError, match=r"step 4 could not be written.*make room"):
        run(tmp_path, replace(OPTIONS, steps=4), resume=True)


def test_what_is_trained_loads_everywhere(straight: Path, tmp_path: Path) -> None:
    from draganything_lab.pipeline import DragAnythingPipeline, load_pipeline

    last = checkpoint.checkpoint_path(straight, 12)
    out = export(straight, tmp_path / "whole", "random:tiny", say=lambda line: None)
    pipe = load_pipeline(out, device="cpu")
    averaged = DragAnythingControlNet.from_pretrained(last / "average").state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in pipe.controlnet.state_dict().items())
    other = DragAnythingPipeline.from_pretrained(out)
    assert torch.equal(other.controlnet.conv_in.weight, pipe.controlnet.conv_in.weight)
    control = torch.zeros(4, 3, 32, 32), None
    picture = torch.rand(3, 32, 32)
    assert pipe(picture, control, num_inference_steps=1, seed=0).frames.shape == (4, 32, 32, 3)
    only = export(last, tmp_path / "only", controlnet_only=True, say=lambda line: None)
    assert DragAnythingControlNet.from_pretrained(only).config.representation == "entity+gaussian"
    with pytest.raises(LabError, match="exists already"):
        export(last, tmp_path / "only", controlnet_only=True)
    with pytest.raises(LabError, match="does not say what the base"):
        export(last, tmp_path / "third")
    with pytest.raises(LabError, match="has no checkpoint"):
        export(tmp_path, tmp_path / "third")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--base", "random:tiny"], "--data is missing"),
        (["--base", "random:tiny", "--data", "x"], "--features is missing"),
        (["--batch", "0"], "batch is 0"),
        (["--precision", "half"], "no, bf16, fp16"),
        (["--processes", "0"], "--processes is 0"),
        (["--resume", "--folder", "nothing"], "there is no training in nothing"),
        (["--resume", "--folder", "nothing", "--data", "x"], "--features"),
        (["--export", "nowhere", "out"], "nowhere is not a folder"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "controlnet", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--size", "64"], ["--sigma", "1"], ["--steps", "many"]])
def test_the_command_refuses_what_is_no_number(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "controlnet", *words])
