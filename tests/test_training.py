"""The trainer: losses fall, a stopped run goes on exactly, the result loads as a pipeline and makes a video."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from diffusers.models.attention_processor import Attention  # noqa: E402

from draganything_lab.cli.main import main  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.models import ReferenceDecoder, load_features  # noqa: E402
from draganything_lab.models.controlnet import WAYS  # noqa: E402
from draganything_lab.pipeline import load_pipeline  # noqa: E402
from draganything_lab.toyland import sample_clip  # noqa: E402
from draganything_lab.training.card.card import short_of  # noqa: E402
from draganything_lab.training.card.videos import LOOKS  # noqa: E402
from draganything_lab.training.engine.loop import Settings, factor, load_average, run  # noqa: E402
from draganything_lab.training.engine.quick import (  # noqa: E402
    ShortAttention,
    half_norms,
    no_denormals,
    quicken,
)
from draganything_lab.training.engine.replay import Replay  # noqa: E402
from draganything_lab.training.engine.stage import Stage  # noqa: E402
from draganything_lab.training.toy import decode, fewstep  # noqa: E402
from draganything_lab.training.toy import stages as toy  # noqa: E402
from draganything_lab.training.toy.begin import begin  # noqa: E402
from draganything_lab.training.toy.clips import (  # noqa: E402
    ClipSize,
    draw_controlled,
    moving,
    pick_frames,
    representation_rows,
    usable_clip,
)
from draganything_lab.training.toy.complete import CompleteStage  # noqa: E402
from draganything_lab.training.toy.fill import FillStage  # noqa: E402
from draganything_lab.training.toy.first_layers import whitening  # noqa: E402
from draganything_lab.training.toy.networks import build_scheduler  # noqa: E402
from draganything_lab.training.toy.vae import build_vae, draw_pictures, load_vae, patch_basis, spatial_only, to_range  # noqa: E402

TINY = {"batch": 2, "picture": 48}
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def few_shards():
    """So few that the last stage is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "SHARDS", 12)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder in which every stage has had two steps."""
    folder = tmp_path_factory.mktemp("toy")
    toy.train(folder, Settings(steps=2), report=lambda line: None, **TINY)
    return folder


@pytest.mark.parametrize("name", toy.STAGES)
def test_the_loss_of_each_stage_falls(trained, tmp_path, name):
    stage = toy.build_stage(name, trained, **TINY)
    batch = stage.draw(0)
    stage.draw = lambda number: batch
    stage.name = "again"
    fixed = stage.loss
    stage.loss = lambda drawn, generator: fixed(drawn, torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = float(stage.loss(batch, None)["loss"])
    # These begin with a last layer of zeros, and the rate with a warm-up.
    steps = {"fill": 60, "complete": 150, "decode": 60}.get(name, 7)
    run(stage, tmp_path, Settings(steps=steps, rate=1e-3), report=lambda line: None)
    with torch.no_grad():
        after = float(stage.loss(batch, None)["loss"])
    assert after < 0.97 * before


class Small(Stage):
    """A line through noisy points, with a layer that only every third batch needs."""

    name = "small"

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = torch.nn.ModuleList([torch.nn.Linear(20, 32), torch.nn.Conv2d(32, 16, 1), torch.nn.Linear(32, 16)])
        self.seen = []

    def trained(self):
        return self.net

    def draw(self, number):
        return {"points": torch.randn(8, 20, generator=torch.Generator().manual_seed(number)), "third": number % 3 == 0}

    def loss(self, batch, generator):
        hidden = self.net[0](batch["points"] + torch.randn(8, 20, generator=generator)).tanh()
        out = self.net[2](hidden) if batch["third"] else self.net[1](hidden[..., None, None])[..., 0, 0]
        loss = (out - batch["points"][:, :16]).square().mean()
        self.seen.append(loss.item())
        return {"loss": loss}


def resumed_and_whole(make, folder, steps, stops, **settings):
    """The states, logs and losses of a run that was stopped again and again, and of one that was not."""
    found = []
    for name, ends in (("stopped", stops), ("whole", ())):
        seen = []
        for end in (*ends, None):
            stage = make()
            run(stage, folder / name, Settings(steps=steps, stop_after=end, **settings), resume=True, report=str)
            seen += getattr(stage, "seen", [])
        lines = (folder / name / f"{stage.name}.jsonl").read_text().splitlines() if steps >= 20 else []
        log = [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]
        found.append((torch.load(folder / name / f"{stage.name}.pt", weights_only=True), log, seen))
    return found


def test_a_stopped_run_goes_on_exactly(trained, tmp_path):
    (stopped, log, seen), (whole, wanted_log, wanted) = resumed_and_whole(Small, tmp_path, 60, (7, 20, 33), rate=1e-2)
    assert seen == wanted and len(seen) == 60 and sum(wanted[-10:]) < 0.9 * sum(wanted[:10])
    assert log == wanted_log and [line["step"] for line in log] == [20, 40, 60]
    for part in ("weights", "average"):
        assert all(torch.equal(value, stopped[part][name]) for name, value in whole[part].items())
    for name, moments in whole["optimiser"].items():
        assert all(torch.equal(value, stopped["optimiser"][name][key]) for key, value in moments.items())


def test_the_noise_of_a_run_follows_from_its_seed(tmp_path):
    seen = []
    for seed in (0, 0, 1, 1 << 33):
        stage = Small()
        run(stage, tmp_path / str(len(seen)), Settings(steps=3, seed=seed), report=lambda line: None)
        seen.append(stage.seen)
    assert seen[0] == seen[1] and len({tuple(losses) for losses in seen}) == 3


def test_a_stopped_stage_goes_on_exactly(trained, tmp_path):
    (stopped, *_), (whole, *_) = resumed_and_whole(
        lambda: toy.build_stage("dift", trained, **TINY), tmp_path, 4, (2,), rate=1e-3
    )
    assert whole["step"] == stopped["step"] == 4
    for part in ("weights", "average"):
        assert all(torch.equal(value, stopped[part][name]) for name, value in whole[part].items())


def test_the_frozen_control_stage_leaves_the_video_unet_alone(trained, tmp_path):
    stage = toy.build_stage("control-frozen", trained, **TINY)
    before = {k: v.clone() for k, v in stage.net.state_dict().items()}
    run(stage, tmp_path, Settings(steps=2), report=lambda line: None)
    assert all(torch.equal(v, before[k]) for k, v in stage.net.state_dict().items())


def test_few_steps_are_trained_on_what_the_pass_before_made(trained, monkeypatch):
    stage = toy.build_stage("fewstep", trained, **TINY)
    batch = stage.draw(0)
    truth = stage.encode(batch)
    seen = []
    ask = stage.net.unet.forward

    def remember(sample, timestep, *args, **kwargs):
        seen.append((sample.detach(), timestep))
        return ask(sample, timestep, *args, **kwargs)

    stage.net.unet.forward = remember
    monkeypatch.setattr(fewstep, "ANY_LEVEL", 0.0)
    generator = torch.Generator().manual_seed(1)
    embedding = stage.embed(batch, stage.tables(batch, truth[:, 0], generator))
    made = stage.passes(batch, truth, embedding, generator)
    # As the pipeline's own scheduler asks: noise alone first, then what its step makes of the first prediction.
    scheduler = build_scheduler()
    scheduler.set_timesteps(toy.SAMPLING["steps"])
    channels = truth.shape[2]
    latents = seen[0][0][:, :, :channels] * (fewstep.LEVELS[0] ** 2 + 1) ** 0.5
    assert float(latents.std()) == pytest.approx(float(scheduler.init_noise_sigma), rel=0.05)
    for number, timestep in enumerate(scheduler.timesteps):
        sample, level = seen[number][0][:, :, :channels], float(scheduler.sigmas[number])
        torch.testing.assert_close(sample, scheduler.scale_model_input(latents, timestep), atol=1e-3, rtol=1e-3)
        assert seen[number][1].tolist() == pytest.approx([float(timestep)] * len(truth), rel=1e-4)
        clean = made[number].detach()
        velocity = (latents / (level**2 + 1) - clean) * (level**2 + 1) ** 0.5 / level
        latents = scheduler.step(velocity, timestep, latents).prev_sample
    torch.testing.assert_close(latents, made[-1].detach(), atol=1e-3, rtol=1e-3)
    assert made[0].grad_fn is not None and not seen[1][0].requires_grad


def same_as_exported(trained, loaded):
    """Networks are alike but for the types that `export` writes."""
    for (name, a), (_, b) in zip(trained.named_parameters(), loaded.named_parameters(), strict=True):
        eight_bits = "unet." in f".{name}" and a.ndim > 1 and a.numel() >= toy.LARGE
        torch.testing.assert_close(a, b, atol=1e-3, rtol=2**-4 if eight_bits else 2e-3, msg=name)


def test_the_last_stage_alone_is_written_with_what_makes_videos(trained, tmp_path):
    words = ["train", "toy", "--folder", str(trained), "--stages", "fewstep", "--export", str(tmp_path / "toy")]
    assert main(words) == 0
    begin(tmp_path, tmp_path / "toy", toy.REPRESENTATIONS)
    shutil.copyfile(trained / toy.SIZE, tmp_path / toy.SIZE)
    same_as_exported(toy.assemble(trained)[1], toy.assemble(tmp_path)[1])


def test_control_trained_on_leaves_no_older_last_stage(trained, tmp_path):
    folder = tmp_path / "toy"
    shutil.copytree(trained, folder)
    steps = torch.load(folder / "control.pt", weights_only=True)["step"]
    toy.train(folder, Settings(steps=steps), stages=("control",), resume=True, report=lambda line: None, **TINY)
    assert not (folder / "fewstep.pt").exists()
    toy.assemble(folder)


def test_the_export_loads_as_a_pipeline_for_every_representation(trained, tmp_path):

    out = tmp_path / "toy"
    toy.export(trained, out)
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    assert max(sizes) < 16e6 and sum(sizes) < 56e6
    assert not list(out.rglob("*.bin"))
    scene = sample_clip(0, (64, 64), 4).scene()
    videos = {}
    for representation in toy.REPRESENTATIONS:
        pipe = load_pipeline(out, representation)
        pipe.set_progress_bar_config(disable=True)
        assert pipe.controlnet.config.representation == representation
        assert pipe.unet.config.sample_size == TINY["picture"] // 8
        videos[representation] = pipe(scene, num_frames=3, num_inference_steps=2, seed=1).frames
    assert {name: (video.shape, video.dtype.name) for name, video in videos.items()} == dict.fromkeys(
        toy.REPRESENTATIONS, ((3, 48, 48, 3), "uint8")
    ), "fitted to the size they were trained at"


def test_what_reads_pictures_can_be_written_alone(trained, tmp_path):

    out = tmp_path / "toy"
    assert main(["train", "toy", "--folder", str(trained), "--stages", "vae,dift", "--export", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["dift", "training", "vae"]
    assert load_features(out).extract(sample_clip(0).video[0]).shape == (64, 8, 8)
    with pytest.raises(LabError, match="lacks unet"):
        load_pipeline(out)


def test_training_goes_on_from_shipped_weights(trained, tmp_path):
    out, folder = tmp_path / "toy", tmp_path / "again"
    toy.export(trained, out)
    words = ["train", "toy", "--start", str(out), "--folder", str(folder), "--stages", "control"]
    words += ["--worlds", "toyland"]
    assert main([*words, "--steps", "1", "--batch", "2", "--picture", "48"]) == 0  # it has one step: nothing to do
    before, after = ([load_vae(where / "vae.pt"), *toy.assemble(where)] for where in (trained, folder))
    for old, new in zip(before, after, strict=True):
        same_as_exported(old, new)
    with pytest.raises(LabError, match="--export"):
        begin(folder, trained, toy.REPRESENTATIONS)


def test_training_goes_on_from_weights_that_only_read_pictures(trained, tmp_path):
    out, folder = tmp_path / "toy", tmp_path / "again"
    toy.export(trained, out, ("vae", "dift"))
    begin(folder, out, toy.REPRESENTATIONS)
    assert sorted(path.name for path in folder.glob("*.pt")) == ["dift.pt", "vae.pt"]
    assert load_average(build_vae(), folder / "vae.pt") == 0  # so short a run has no log to count on from


def test_the_last_stage_goes_on_counting_from_shipped_weights(trained, tmp_path):
    out, folder = tmp_path / "toy", tmp_path / "again"
    toy.export(trained, out)
    (out / "training" / "fewstep.jsonl").write_text(json.dumps({"step": 40, "seconds": 90.0}) + "\n")
    begin(folder, out, toy.REPRESENTATIONS)
    state, control = (torch.load(folder / f"{name}.pt", weights_only=True) for name in ("fewstep", "control"))
    assert state["step"] == 40 and state["seconds"] == 90 and control["step"] == 0
    for name, value in state["average"].items():
        assert torch.equal(value, control["average"][name]), name


def test_a_stage_can_grow_representations(trained, tmp_path):
    one, quiet = tmp_path / "one", {"report": lambda line: None}
    one.mkdir()
    for name in ("vae", "dift", "unet"):
        (one / f"{name}.pt").write_bytes((trained / f"{name}.pt").read_bytes())
    stage = toy.build_stage("control", one, **TINY, representations=toy.REPRESENTATIONS[:1])
    run(stage, one, Settings(steps=1), **quiet)
    stage = toy.build_stage("control", one, **TINY, representations=toy.REPRESENTATIONS[:3])
    run(stage, one, Settings(steps=1), resume=True, **quiet)  # loads, and has nothing to do
    first = stage.whole.embedding(0).state_dict()
    for index in (1, 2):
        for name, value in stage.whole.embedding(index).state_dict().items():
            assert torch.equal(value, first[name]), name


def test_batches_are_fixed_by_their_number_and_shared_out_evenly():
    size = ClipSize(48, 4, 3)
    a, b = (draw_controlled(5, 5, size, toy.REPRESENTATIONS) for _ in range(2))
    assert a["first"] == b["first"] == 5, "gaussian, carry, trajectory, carry, point"
    assert all(torch.equal(a[k], b[k]) for k in a if k != "first")
    carry = [1, 3]
    assert all(a["ways"][row].any() == (row in carry) for row in range(5)) and len(a["carried"]) == 2 == len(
        a["filled"]
    )
    entity = draw_controlled(4, 5, size, toy.REPRESENTATIONS)["image"]
    assert not entity[3].any() and entity[1].any(), "carry, entity+gaussian, carry, entity, carry"
    sums = a["cells"].sum(-1)
    assert ((sums - 1).abs() < 1e-5).logical_or(sums == 0).all()
    rng = np.random.default_rng(0)
    for _ in range(50):
        frames = pick_frames(rng, ClipSize())
        assert frames[0] == 0 and (np.diff(frames) > 0).all() and frames[-1] < 14


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="workers are no forks here")
def test_workers_draw_even_where_opencv_has_threads_already():
    """Drawn in a process of its own, which a worker that waits for ever cannot hold up."""
    script = """if True:
        import cv2, numpy as np, torch
        from draganything_lab.training.engine.data import batches

        def draw(number):
            picture = np.full((2000, 2000, 3), number, np.uint8)
            turned = cv2.warpAffine(picture, np.eye(2, 3), (2000, 2000), flags=cv2.INTER_LANCZOS4)  # on all threads
            return {"mean": torch.tensor(turned.mean())}

        cv2.setNumThreads(4)
        draw(0)
        ahead = batches(draw, 3, 2)
        assert cv2.getNumThreads() == 4
        print([round(next(ahead)["mean"].item()) for _ in range(5)])
    """
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert told.stdout.strip() == "[3, 4, 5, 6, 7]", told.stderr


def test_two_of_three_clips_are_dragged_by_any_pixel_of_a_thing():
    for seed in range(12):
        _, scene = usable_clip(seed, ClipSize(48, 2, 2))
        moved = [one for one in scene.entities if one.kind == "foreground" and one.trajectory is not None]
        at_the_middle = [np.allclose(entity.trajectory.at(2)[0], entity.centre, atol=0.01) for entity in moved]
        assert all(at_the_middle) if seed % 3 == 0 else not moved or not all(at_the_middle)


def test_what_lies_behind_a_hole_is_drawn_and_the_rest_is_as_it_was():
    stage = FillStage(96, batch=6)
    for number in (0, 2):  # pictures of two sizes
        batch = {name: part.numpy() for name, part in stage.draw(number).items()}
        holes = batch["holes"] > 0
        assert holes.any((1, 2)).all() and not holes.all((1, 2)).any()
        off = np.abs(batch["filled"].astype(int) - batch["wanted"]).max(-1)
        assert (off[~holes] > 24).mean() < 0.002 < (off[holes] > 24).mean()
        again = stage.draw(number)
        assert all(np.array_equal(again[name], part) for name, part in batch.items())


def test_what_is_hidden_of_a_thing_is_drawn_and_the_rest_is_as_it_is_seen():
    stage = CompleteStage(batch=16)
    batch = {name: part.float().numpy() for name, part in stage.draw(4).items()}
    seen, where, wanted = (batch[name] for name in ("seen", "where", "wanted"))
    assert seen.shape == wanted.shape == (16, 4, 96, 96) and where.shape == (16, 2, 96, 96)
    shown, may = seen[:, 3] > 0.9, where.max(axis=1) > 0.9
    assert not (shown & may).any() and (where.sum(axis=1) <= 1.01).all()
    assert (wanted[:, 3][may] > 0.5).any() and shown.any((1, 2)).all(), "more of some comes to light, and all are seen"
    assert np.median(wanted[:, 3][shown]) > 0.99, "masks are only roughly right"
    assert all(np.array_equal(part.float().numpy(), batch[name]) for name, part in stage.draw(4).items())


def fill(network):
    clip = sample_clip(3, (48, 48), 1)
    return network.fill(clip.video[0], clip.labels[0] > 0).astype(int)


def complete(network):
    window = np.random.default_rng(0).random((30, 30, 6), np.float32)
    return network.complete(window[..., :4], window[..., 4:])


@pytest.mark.parametrize(
    ("name", "part", "use", "off"), [("fill", "filler", fill, 1), ("complete", "completer", complete, 12)]
)
def test_what_guesses_goes_from_its_stage_to_the_weights_and_back(trained, tmp_path, name, part, use, off):
    out, folder = tmp_path / "toy", tmp_path / "again"
    toy.export(trained, out)
    begin(folder, out, toy.REPRESENTATIONS)
    own, back = (toy.load_guesser(each, name) for each in (trained, folder))
    for (key, a), (_, b) in zip(own.named_parameters(), back.named_parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0.07, msg=key)  # large weights have 8 bits
    shipped = load_pipeline(out, "carry").decoder
    assert type(getattr(shipped, part)) is type(own)
    np.testing.assert_allclose(use(shipped), use(own), atol=off)
    for stage in ("sharp", "decode"):
        assert type(getattr(toy.build_stage(stage, folder, **TINY), name).__self__) is type(own)
    before = shutil.copytree(trained, tmp_path / "before")
    (before / f"{name}.pt").unlink()  # weights trained before there was such a stage
    toy.export(before, tmp_path / "older")
    assert getattr(load_pipeline(tmp_path / "older", "carry").decoder, part) is None
    begin(tmp_path / "older_again", tmp_path / "older", toy.REPRESENTATIONS)
    assert not (tmp_path / "older_again" / f"{name}.pt").exists()


def test_the_decoder_is_exported_half_way_to_where_its_last_stage_has_led(trained, tmp_path):
    folder = tmp_path / "trained"
    shutil.copytree(trained, folder)
    state = torch.load(folder / "decode.pt", weights_only=True)
    before = torch.load(folder / "sharp.pt", weights_only=True)["average"]
    assert {name.split(".")[1] for name in state["average"]} == {"enter", "before", "after", "ups", "leave"}
    for value in state["average"].values():
        value += 0.5
    torch.save(state, folder / "decode.pt")
    toy.export(folder, tmp_path / "toy")
    made = ReferenceDecoder.from_pretrained(tmp_path / "toy" / "decoder", torch_dtype=torch.float32)
    for name, value in made.state_dict().items():
        if not name.startswith(("filler.", "completer.")):
            start, end = before[f"decoder.{name}"], state["average"].get(f"decoder.{name}", before[f"decoder.{name}"])
            torch.testing.assert_close(value, (start + end) / 2, atol=2e-3, rtol=2e-3, msg=name)


def test_sampling_is_part_of_the_minutes_and_resumed_training_keeps_to_its_clips(trained, tmp_path):
    folder = tmp_path / "trained"
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / "decode")
    (folder / "decode.pt").unlink()
    few = dict(stages=("decode",), report=str, **TINY)
    toy.train(folder, Settings(minutes=0.02, steps=2), **few)
    clips = sorted(path.name for path in (folder / "decode").iterdir())
    assert 1 <= len(clips) < 12
    toy.train(folder, Settings(minutes=0.2, steps=3), resume=True, **few)
    assert sorted(path.name for path in (folder / "decode").iterdir()) == clips


def test_denormal_numbers_are_zero_while_a_cpu_trains():
    tiny = torch.full((8,), 1e-39)
    with no_denormals():
        if (tiny * 1.0).any():
            pytest.skip("this CPU cannot")
    assert (tiny * 1.0).all()


def test_a_small_batch_begins_with_another_representation_each_time():
    for number in range(6):
        first = draw_controlled(number, 2, ClipSize(48, 2, 2), toy.REPRESENTATIONS)["first"]
        assert first == 2 * number % 10
        which = np.full(2, -1)
        for index, rows in enumerate(representation_rows(first, toy.REPRESENTATIONS)):
            which[rows] = index
        assert which.tolist() == [5, number % 5], "carry, and each of the others in turn"


def test_only_what_changes_its_place_counts_as_moving():
    for seed in range(12):
        clip = sample_clip(seed, (48, 48), 3)
        for label, moves in enumerate(moving(clip)):
            steps = clip.follow(label, np.array([[0.0, 0.0], [40.0, 9.0]]))
            assert moves == (label > 0 and not np.allclose(steps, steps[0], atol=1e-4))


def test_a_gradient_that_is_not_finite_is_left_out_and_not_counted(trained, tmp_path):
    stage = toy.build_stage("dift", trained, **TINY)
    loss, calls = stage.loss, []

    def spoilt(batch, generator):
        calls.append(torch.cat([p.detach().flatten() for p in stage.net.parameters()]))
        return {k: v * (float("nan") if len(calls) == 3 else 1.0) for k, v in loss(batch, generator).items()}

    stage.loss = spoilt
    run(stage, tmp_path, Settings(steps=20), report=lambda line: None)
    line = json.loads((tmp_path / "dift.jsonl").read_text())
    assert np.isfinite(line["loss"]) and all(p.isfinite().all() for p in stage.net.parameters())
    assert torch.equal(calls[2], calls[3]) and not torch.equal(calls[3], calls[4])  # nor does momentum go on
    stage.loss = lambda batch, generator: {k: v * float("nan") for k, v in loss(batch, generator).items()}
    with pytest.raises(LabError, match="--rate"):
        run(stage, tmp_path, Settings(steps=40), resume=True, report=lambda line: None)


def test_norms_in_half_precision_give_nearly_the_same():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.GroupNorm(4, 8), torch.nn.Flatten(2), torch.nn.LayerNorm(36))
    x = torch.randn(2, 8, 6, 6).bfloat16()
    plain = net.float()(x.float())
    half_norms(net)
    half = net(x)
    assert half.dtype == torch.bfloat16 and net(x.float()).dtype == torch.float32
    torch.testing.assert_close(half.float(), plain, atol=0.05, rtol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_a_replayed_step_is_the_step(trained):
    stage = toy.build_stage("unet", trained, **TINY)
    stage.to("cuda")
    generator = torch.Generator("cuda")
    for param in stage.trained().parameters():
        param.grad = torch.zeros_like(param)
    replay = Replay(stage, generator)
    batch = {k: v.cuda() for k, v in stage.draw(3).items()}
    replay(batch)
    generator.manual_seed(7)
    replayed = float(replay(batch)["loss"])
    generator.manual_seed(7)
    assert float(stage.loss(batch, generator)["loss"]) == pytest.approx(replayed, rel=0.02)


def test_a_gradient_through_what_is_fast_on_a_gpu_is_the_gradient(trained):
    gradients = []
    for device in ("cpu", "cuda"):
        stage = toy.build_stage("control", trained, **TINY)
        quicken(device, stage.trained())
        stage.loss(stage.draw(2), torch.Generator().manual_seed(3))["loss"].backward()
        found = [param.grad for param in stage.trained().parameters() if param.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    plain, fast = gradients
    assert plain.norm() > 0
    assert (fast - plain).norm() < 0.05 * plain.norm()


def test_a_fresh_control_stage_sees_entities_apart_and_every_control_at_the_same_scale(trained):
    stage = toy.build_stage("control", trained, **TINY)
    layer = stage.whole.embedding(1).place.entity
    before = layer.weight.detach().flatten(1).clone()
    stage.fresh()
    clips = draw_controlled(77, 40, ClipSize(picture=48, frames=2), toy.REPRESENTATIONS)
    with torch.no_grad():
        tables = stage.tables(clips, stage.encode(clips)[:, 0], torch.Generator().manual_seed(0)).float()
        vectors = tables.flatten(0, 1)
        vectors = vectors[vectors.any(1)]
        white = vectors @ whitening(vectors)
        assert torch.linalg.eigvalsh(white.T @ white / len(white)).max() == pytest.approx(1, abs=0.02)
        places = stage.embed(clips, tables)[:, :, stage.whole.controlnet.conv_in.out_channels : -WAYS]
    mean = vectors.mean(0) / vectors.mean(0).norm()
    common = [float((weight @ mean).norm() / weight.norm()) for weight in (before, layer.weight.detach().flatten(1))]
    assert common[1] < 0.3 * common[0]  # it no longer hears what all entities share above all
    for rows in representation_rows(clips["first"], toy.REPRESENTATIONS):
        spread = places[rows].unflatten(2, (2, 32, -1)).movedim(2, 0).movedim(3, 1).flatten(2).var(2).sum(1)
        assert spread.min() > 0.2 and spread.max() < 5


@given(tokens=st.integers(1, 9), width=st.integers(1, 8), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_attention_written_out_is_attention(tokens, width, seed):
    torch.manual_seed(seed)
    layer, x = Attention(width, heads=3, dim_head=width), torch.randn(2, tokens, width)
    with torch.no_grad():
        wanted = layer(x)
        layer.set_processor(ShortAttention())
        torch.testing.assert_close(layer(x), wanted, atol=1e-5, rtol=1e-4)


def test_the_temporal_layers_of_a_new_vae_are_identities():
    torch.manual_seed(1)
    vae = build_vae()
    latents = torch.randn(3, vae.config.latent_channels, 4, 4)
    with torch.no_grad():
        whole = vae.decode(latents, num_frames=3).sample
        with spatial_only(vae):
            alone = vae.decode(latents, num_frames=3).sample
    torch.testing.assert_close(whole, alone, atol=1e-4, rtol=1e-4)


def test_the_linear_code_beats_the_mean_picture():
    weight, bias = patch_basis(8, 48, clips=40)
    pictures = to_range(torch.from_numpy(draw_pictures(3, 8, 48)[0]))
    code = torch.nn.functional.conv2d(pictures, weight, bias, stride=8)
    assert code.shape == (8, 8, 6, 6)
    assert 0.3 < code.std() < 3


def test_the_rate_warms_up_and_cools_down():
    assert factor(0, 0) < 0.05 and factor(500, 0.5) == 1 and factor(500, 0.999) < 0.05


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["train", "toy"], "--minutes"),
        (["train", "toy", "--steps", "1", "--stages", "magic"], "vae"),
        (["train", "toy", "--steps", "1", "--stages", "control,magic"], "vae"),
        (["train", "toy", "--steps", "1", "--worlds", "mars"], "toyland"),
        (["train", "toy", "--steps", "1", "--picture", "50"], "multiple of 16"),
        (["train", "toy", "--steps", "1", "--stages", "control"], "train its stage first"),
        (["train", "toy", "--export", "out"], "train its stage first"),
    ],
)
def test_bad_arguments_name_the_fix(words, fix, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert fix in capsys.readouterr().err


def test_another_picture_size_is_refused_in_a_trained_folder(trained):
    with pytest.raises(LabError, match="trained at 48 pixels"):
        toy.train(trained, Settings(steps=1), resume=True, picture=64)


def test_training_without_an_end_is_refused(trained, tmp_path):
    with pytest.raises(LabError, match="minutes or steps"):
        run(toy.build_stage("dift", trained, **TINY), tmp_path, Settings())


def test_the_log_is_one_json_line_every_twenty_steps(trained, tmp_path):
    run(toy.build_stage("dift", trained, **TINY), tmp_path, Settings(steps=20), report=lambda line: None)
    lines = [json.loads(line) for line in (tmp_path / "dift.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20] and lines[0]["loss"] > 0
    # A second run from the start does these steps again, and its log says so once.
    run(toy.build_stage("dift", trained, **TINY), tmp_path, Settings(steps=20), report=lambda line: None)
    assert len((tmp_path / "dift.jsonl").read_text().splitlines()) == 1


def test_several_processes_get_the_options_unchanged(monkeypatch):
    from torch.distributed.run import parse_args

    calls = []
    monkeypatch.setattr("draganything_lab.cli.train.subprocess.call", lambda words: calls.append(words) or 0)
    monkeypatch.setattr("sys.argv", ["lab", "train", "toy", "--start", "x", "--processes", "2", "--minutes", "1"])
    monkeypatch.delenv("RANK", raising=False)
    assert main(["train", "toy", "--start", "x", "--processes", "2", "--minutes", "1"]) == 0
    told = parse_args(calls[0][3:])
    assert (told.nproc_per_node, told.training_script) == ("2", "draganything_lab.cli")
    assert told.training_script_args == ["train", "toy", "--start", "x", "--processes", "2", "--minutes", "1"]


def test_the_card_says_what_falls_short():
    measure = LOOKS
    held = "held things move (% of diagonal)"
    row = {"carry": {"mean": 13.9}, "point": {"mean": 40.0}}
    words = short_of({measure: row, held: {"carry": {"mean": 0.4}}}, {})
    assert "Not there yet" in words and "13.9, wanted at least 23" in words and "1 other" in words and held not in words
    row |= {"carry": {"mean": 23.0}, "entity+gaussian": {"mean": 18.4}}
    assert "entity+gaussian: 18.4, wanted at least 18.5" in short_of({measure: row}, {})
    row["entity+gaussian"]["mean"] = 18.5
    assert short_of({measure: row}, {}) == "All 2 floors are reached.\n"
    assert short_of({measure: row}, {measure: {"mean": 0.1}}) == "All 3 floors are reached.\n"
    assert "more than the preview: -0.10, wanted at least +0" in short_of({measure: row}, {measure: {"mean": -0.1}})


def test_the_plan_names_every_stage_its_minutes_and_its_purpose_and_trains_nothing(tmp_path, capsys):
    (tmp_path / "vae.pt").touch()
    assert main(["train", "toy", "--plan", "--minutes", "60", "--folder", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(toy.STAGES)
    assert sum(float(line.split()[1]) for line in lines) == pytest.approx(60, abs=0.5)
    assert ["has a checkpoint" in line for line in lines] == [True] + [False] * (len(lines) - 1)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "vae.pt"]
    guide = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
    assert all(f"| `{name}` |" in guide for name in toy.STAGES)
    for words, said in ((["toy", "--stages", "vea"], "vea"), (["sam"], "one stage")):
        assert main(["train", *words, "--plan"]) == 2
        assert said in capsys.readouterr().err
