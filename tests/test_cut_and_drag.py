"""Cut-and-drag: its two clocks at their limits, what is overwritten and what is not, masks, and bad input."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from helpers.weights import make_random_toy
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from draganything_lab.cli.main import main  # noqa: E402
from draganything_lab.control import build_control  # noqa: E402
from draganything_lab.control.representations import CUT_AND_DRAG, REPRESENTATIONS, WAYS  # noqa: E402
from draganything_lab.control.split import layers_of  # noqa: E402
from draganything_lab.control.unsaid import unsaid  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.evaluate import Settings, evaluate  # noqa: E402
from draganything_lab.models import random_parts  # noqa: E402
from draganything_lab.pipeline import Cancelled, DragAnythingPipeline, load_pipeline  # noqa: E402
from draganything_lab.pipeline.cut_and_drag import (  # noqa: E402
    CLOCKS,
    cells_of,
    checked_steering,
    drawn_reference,
    dual_clock,
    steps_of,
)
from draganything_lab.pipeline.inputs import picture_of  # noqa: E402
from draganything_lab.pipeline.load import usual_clocks  # noqa: E402
from draganything_lab.pipeline.sampling import draw_noise, model_pixels  # noqa: E402
from draganything_lab.scene import Scene, Trajectory  # noqa: E402
from draganything_lab.studio.generate.offers import representations  # noqa: E402
from draganything_lab.studio.model.settings import CHOICES  # noqa: E402
from draganything_lab.studio.panels.choices import ABOUT, SPOKEN  # noqa: E402
from draganything_lab.studio.panels.pages import SIGNAL_WORDS  # noqa: E402

H, W, FRAMES, STEPS, CELL = 64, 80, 4, 5, 8
VECTORS = np.linspace(-1, 1, 6, dtype=np.float32)[None]
shares = st.floats(0, 1)


def quiet(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def pipe():
    return quiet(DragAnythingPipeline(**random_parts("tiny")))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return make_random_toy(tmp_path_factory.mktemp("toy"))


def box(left: int, top: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def scene_with(*entities: tuple, kind: str = "foreground", pinned: bool = False) -> Scene:
    scene = Scene(np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8))
    for number, (mask, path) in enumerate(entities):
        scene.add(f"thing {number}", mask, path, kind=kind)
    return scene


@pytest.fixture(scope="module")
def scene():
    return scene_with((box(12, 10, 24, 24), [(24, 22), (60, 40)]))


def latents_of(pipe, scene, clocks=None, **options):
    given = {"num_inference_steps": STEPS, "num_frames": FRAMES, "seed": 1, "output_type": "latent"}
    return pipe(scene, steering=CUT_AND_DRAG, clocks=clocks, **{**given, **options}).frames


def reference_of(pipe, scene, size=(H, W), frames=FRAMES):
    """The reference's latents (F, C, h, w), and which cells are inside what moves (F, 1, h, w)."""
    noise = torch.zeros(1, frames, 4, size[0] // CELL, size[1] // CELL)
    clock = dual_clock(pipe, scene, picture_of(scene), noise, (0, 0))
    return clock.latents[0], clock.inside[0]


# The clocks


@given(shares, shares, st.integers(1, 100))
def test_clocks_become_steps_in_order(a, b, steps):
    weak, strong = steps_of((min(a, b), max(a, b)), steps)
    assert 0 <= weak <= strong <= steps
    assert (weak > 0) == (min(a, b) > 0) and (strong > 0) == (max(a, b) > 0)
    assert steps_of((1.0, 1.0), steps) == (steps, steps)


def test_without_clocks_it_is_the_plain_pipeline(pipe, scene):
    given = {"num_inference_steps": STEPS, "num_frames": FRAMES, "seed": 1, "output_type": "latent"}
    control = build_control(scene, FRAMES, vectors=VECTORS)
    plain = pipe(scene.image, control, conditioning_scale=0.0, **given).frames
    assert torch.equal(latents_of(pipe, scene, (0, 0)), plain)
    steered = pipe(scene, vectors=VECTORS, **given).frames
    assert torch.equal(latents_of(pipe, scene, (0, 0), conditioning_scale=1.0, vectors=VECTORS), steered)
    assert not torch.equal(plain, steered)


@pytest.mark.parametrize("weak", [0, 0.3, 0.8, 1])
def test_what_moves_is_the_reference_if_it_is_followed_to_the_end(pipe, scene, weak):
    latents, inside = reference_of(pipe, scene)
    got = latents_of(pipe, scene, (weak, 1))
    held = inside.expand_as(got)
    assert 0 < held.sum() < held.numel()
    assert torch.equal(got[held], latents[held])
    assert torch.equal(got, latents) == (weak == 1), "outside it only follows as long as the weak clock runs"


def test_outside_nothing_is_overwritten(pipe, scene):
    """While the strong clock runs, the latents outside are those that the step before made of what it saw."""
    latents, inside = reference_of(pipe, scene)
    seen, made = [], []

    def after(pipe, step, timestep, tensors):
        made.append(tensors["latents"][0])
        return {}

    hook = pipe.unet.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[0][0, :, :4].clone()))
    real = pipe.scheduler.step
    before: list = []
    pipe.scheduler.step = lambda *a, **k: (before.append(real(*a, **k)[0]), (before[-1],))[1]
    try:
        latents_of(pipe, scene, (0.2, 0.6), callback_on_step_end=after, max_guidance_scale=1.0)
    finally:
        hook.remove()
        del pipe.scheduler.step
    assert len(seen) == len(made) == len(before) == STEPS - 1, "the first of five steps is left out"
    outside, noise = ~inside.expand_as(latents), draw_noise((1, FRAMES, 4, H // CELL, W // CELL), generator_of(1))[0]
    for place, (plain, left) in enumerate(zip(before, made, strict=True)):
        assert torch.equal(left[outside], plain[0][outside])
        step = place + 2  # that comes next
        kept = (latents + pipe.scheduler.sigmas[step] * noise)[~outside]
        assert torch.equal(left[~outside], kept if step <= 3 else plain[0][~outside])


def generator_of(seed: int) -> torch.Generator:
    """A generator as the pipeline has it when it draws the latents: after the picture's noise."""
    generator = torch.Generator().manual_seed(seed)
    draw_noise((1, 3, H, W), generator, once=True)
    return generator


def test_seeds_repeat_and_several_videos_equal_single_ones(pipe, scene):
    one, two, again = (latents_of(pipe, scene, seed=seed) for seed in (1, 2, 1))
    assert torch.equal(one, again) and not torch.equal(one, two)
    both = latents_of(pipe, scene, seed=[1, 2])
    assert torch.allclose(both[0], one, atol=1e-4) and torch.allclose(both[1], two, atol=1e-4)
    halves = latents_of(pipe, scene, split_guidance=True)
    assert torch.allclose(halves, one, atol=1e-4)


def test_steps_that_are_left_out_are_not_counted(pipe, scene):
    steps: list[int] = []
    latents_of(pipe, scene, (0.4, 0.6), callback_on_step_end=lambda pipe, step, *_: steps.append(step) or {})
    assert steps == [2, 3, 4] and pipe.num_timesteps == 3
    latents_of(pipe, scene, (1, 1), callback_on_step_end=lambda pipe, step, *_: steps.append(step) or {})
    assert steps == [2, 3, 4] and pipe.num_timesteps == 0


@pytest.mark.parametrize("clocks", [(0, 1), (0.3, 0.5), (1, 1)])
def test_cancel(pipe, scene, clocks):
    whole = latents_of(pipe, scene, clocks)
    inside = threading.Event()
    where = pipe.vae.encoder.down_blocks[0] if clocks == (1, 1) else pipe.unet.down_blocks[0]
    hook = where.register_forward_pre_hook(lambda *_: (inside.set(), pipe.cancel())[-1])
    try:
        with pytest.raises(Cancelled):
            latents_of(pipe, scene, clocks)
    finally:
        hook.remove()
    assert inside.is_set() and torch.equal(latents_of(pipe, scene, clocks), whole), "it can be used again"


def test_the_plan_of_a_run_is_the_same(pipe, scene):
    plan = pipe.estimate((H, W), num_frames=FRAMES, steps=STEPS)
    latents_of(pipe, scene)
    after = pipe.estimate((H, W), num_frames=FRAMES, steps=STEPS)
    assert (plan.memory, plan.flops, plan.decode_chunk) == (after.memory, after.flops, after.decode_chunk)


# The reference, and where it is followed longest


def drawn(scene, frames=FRAMES, size=(H, W)):
    return drawn_reference(scene, layers_of(scene, frames), model_pixels(picture_of(scene), size))


@settings(max_examples=25, deadline=None)
@given(st.floats(-70, 70), st.floats(-60, 60))
def test_the_mask_follows_its_object_and_leaves_with_it(dx, dy):
    scene = scene_with((box(24, 24, 24, 16), [(36, 32), (36 + dx, 32 + dy)]))
    frames, held = drawn(scene)
    assert np.array_equal(frames[0], scene.image)
    inner, wider = box(25, 25, 22, 14), box(23, 23, 26, 18)  # the picture is noise, so edges are soft by chance
    assert (held[0] > 0.5)[inner].all() and not (held[0] > 0.5)[~wider].any()
    for frame in range(FRAMES):
        x, y = 24 + dx * frame / (FRAMES - 1), 24 + dy * frame / (FRAMES - 1)
        seen = max(0, min(W, x + 24) - max(0, x)) * max(0, min(H, y + 16) - max(0, y))
        assert held[frame].sum() == pytest.approx(seen, abs=3 + 0.1 * seen)


def test_turning_growing_and_pinned_objects_and_the_one_in_front():
    scene = scene_with((box(8, 24, 16, 16), [(16, 32), (60, 32)]), (box(40, 24, 8, 16), None))
    scene.update("thing 1", pinned=True)
    _, held = drawn(scene)
    assert held[:, 24:40, 40:48].min() == 1, "pinned, it is held in its place, also where another passes"
    path = Trajectory([(16, 32), (16, 32)], angles=(0.0, 90.0), sizes=(1.0, 2.0))
    turned = scene_with((box(8, 28, 16, 8), path))
    _, held = drawn(turned)
    assert held[-1].sum() == pytest.approx(4 * 16 * 8, rel=0.05)
    rows, columns = np.nonzero(held[-1] > 0.5)
    assert np.ptp(rows) > 1.7 * np.ptp(columns), "it stands upright now"


def test_where_the_view_moves_all_that_is_known_is_held():
    scene = scene_with((np.ones((H, W), bool), [(40, 32), (60, 32)]), kind="background")
    _, held = drawn(scene)
    assert held[0].min() == 1
    assert held[-1][:, 22:].min() > 0.9 and held[-1][:, :18].max() < 0.1, "what comes into view is not known"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_a_cell_is_held_if_half_of_it_is(seed):
    held = np.random.default_rng(seed).random((2, 16, 24)) > 0.5
    cells = cells_of(held.astype(np.float32), CELL)
    assert cells.shape == (2, 2, 3)
    for frame, row, column in np.ndindex(cells.shape):
        part = held[frame, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert cells[frame, row, column] == (part.sum() >= 32)


def test_an_object_that_leaves_the_picture_at_once_leaves_nothing_to_hold(pipe):
    gone = scene_with((box(12, 10, 24, 24), [(24, 22), (155, 22)]))
    _, inside = reference_of(pipe, gone, frames=2)
    assert inside[0].any() and not inside[1].any()
    assert torch.isfinite(latents_of(pipe, gone, num_frames=2)).all()


# Bad input


@pytest.mark.parametrize(
    "clocks, words",
    [
        ((0.6, 0.3), "crossed: 0.6 .*but 0.3.*smaller one first"),
        ((-0.1, 0.3), "weak clock is -0.1.*from 0 to 1"),
        ((0.3, 1.2), "strong clock is 1.2.*from 0 to 1"),
        ((0.3, float("nan")), "strong clock is nan"),
        ((0.3, "1"), "strong clock is '1'"),
        ((True, 1), "weak clock is True"),
        ((0.3,), "two shares"),
        ((0.1, 0.2, 0.3), "two shares"),
        (0.5, "clocks is 0.5; give two shares"),
        ("ab", "two shares"),
    ],
)
def test_bad_clocks_are_named(pipe, scene, clocks, words):
    with pytest.raises(LabError, match=words):
        latents_of(pipe, scene, clocks)


def test_bad_calls_are_named(pipe, scene):
    control = build_control(scene, FRAMES, vectors=VECTORS)
    with pytest.raises(LabError, match="control signal was given, but cut-and-drag"):
        pipe(scene, control, steering=CUT_AND_DRAG)
    with pytest.raises(LabError, match="needs a Scene, with masks to cut out, not ndarray"):
        pipe(scene.image, steering=CUT_AND_DRAG)
    with pytest.raises(LabError, match="nothing moves"):
        pipe(scene_with((box(4, 4, 20, 20), None)), steering=CUT_AND_DRAG)
    with pytest.raises(LabError, match="clocks were given, and steering is control"):
        pipe(scene, vectors=VECTORS, clocks=(0.3, 0.4))
    with pytest.raises(LabError, match='steering "drag" is unknown; use one of control, cut-and-drag'):
        pipe(scene, steering="drag")
    with pytest.raises(LabError, match="reference decoder"):
        latents_of(pipe, scene, with_reference=True)
    assert checked_steering(CUT_AND_DRAG, None) == CLOCKS and checked_steering("control", None) is None


# In the lists


def test_a_pipeline_that_was_loaded_for_it_needs_no_features(weights, scene):
    pipe = quiet(load_pipeline(weights, CUT_AND_DRAG))
    assert pipe.features is None and pipe.config["default_steering"] == CUT_AND_DRAG
    given = {"num_frames": FRAMES, "num_inference_steps": 2, "seed": 0, "height": H, "width": W}
    larger = pipe(scene, **given, decode_size=(2 * H, 2 * W))
    assert larger.frames.shape == (FRAMES, 2 * H, 2 * W, 3) and larger.shares.shape == (FRAMES, 2 * H, 2 * W, 4)
    assert larger.control is None
    alone = pipe(scene, **given, with_reference=False)
    assert alone.frames.shape == (FRAMES, H, W, 3) and alone.shares is None
    several = pipe(scene, **{**given, "seed": [0, 1]})
    assert several.frames.shape == (2, FRAMES, H, W, 3) and several.shares.shape == (2, FRAMES, H, W, 4)
    control = build_control(scene, FRAMES, vectors=np.ones((1, 8), np.float32))
    with pytest.raises(LabError, match="control signal was given"):
        pipe(scene, control)


def test_the_reference_decoder_carries_what_moves_along(weights, scene):
    """It takes the drag's own ways, as with `carry`: it sees the same references."""
    pipe = quiet(load_pipeline(weights, CUT_AND_DRAG))
    seen = []
    hook = pipe.decoder.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[1]))
    try:
        pipe(scene, num_frames=FRAMES, num_inference_steps=2, height=H, width=W)
        carry = quiet(load_pipeline(weights, "carry"))
        carry.decoder.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[1]))
        vectors = np.ones((1, 8), np.float32)
        carry(scene, num_frames=FRAMES, num_inference_steps=2, height=H, width=W, vectors=vectors)
    finally:
        hook.remove()
    assert len(seen) == 2
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*seen, strict=True))


def test_a_saved_pipeline_keeps_its_steering(pipe, scene, tmp_path):
    own = {"default_steering": CUT_AND_DRAG, "default_clocks": (0.2, 0.6)}
    DragAnythingPipeline(**pipe.components, **own).save_pretrained(tmp_path)
    again = quiet(DragAnythingPipeline.from_pretrained(tmp_path))
    given = {"num_inference_steps": STEPS, "num_frames": FRAMES, "seed": 1, "output_type": "latent"}
    exact = latents_of(pipe, scene, (0.2, 0.6))
    assert torch.allclose(again(scene, **given).frames, exact, atol=1e-4)
    half = quiet(DragAnythingPipeline.from_pretrained(tmp_path, torch_dtype=torch.bfloat16))
    assert (half(scene, **given).frames - exact).abs().mean() < 0.2 * exact.abs().mean()


def test_weights_say_their_clocks(weights, tmp_path, scene):
    folder = make_random_toy(tmp_path / "own")
    (folder / "sampling.json").write_text('{"steps": 3, "guidance": 1.0, "clocks": [0.5, 1]}')
    pipe = quiet(load_pipeline(folder, CUT_AND_DRAG))
    given = {"num_frames": 2, "seed": 0, "height": H, "width": W, "output_type": "latent"}
    assert torch.equal(pipe(scene, **given).frames, pipe(scene, **given, clocks=(0.5, 1.0)).frames)
    assert not torch.equal(pipe(scene, **given).frames, pipe(scene, **given, clocks=(0.3, 0.4)).frames)
    for wrong in ("[1, 0]", "[0.5]", "[0, 2]", '"ab"', "null"):
        (folder / "sampling.json").write_text(f'{{"steps": 3, "guidance": 1.0, "clocks": {wrong}}}')
        with pytest.raises(LabError, match=r"sampling\.json must say"):
            usual_clocks(folder)
    (folder / "sampling.json").write_text('{"steps": 3, "guidance": 1.0}')
    assert usual_clocks(folder) == {}


def test_it_stands_in_every_list():
    assert (*REPRESENTATIONS, CUT_AND_DRAG) == WAYS
    assert CHOICES["representation"] == WAYS
    for words in (SPOKEN, ABOUT, SIGNAL_WORDS):
        assert set(words) == set(WAYS)
    for known in ("toy", "svd", "somewhere/else"):
        assert representations(known)[-1] == CUT_AND_DRAG


def test_it_says_all_that_a_drag_asks_for():
    path = Trajectory([(16, 32), (40, 32)], angles=(0.0, 90.0), sizes=(1.0, 2.0))
    scene = scene_with((box(8, 28, 16, 8), path))
    assert unsaid(scene, CUT_AND_DRAG) == "" and unsaid(scene)


def test_generate_and_evaluate(weights, tmp_path, scene, capsys):
    file = str(tmp_path / "scene.zip")
    scene.save(file)
    call = ["generate", "--scene", file, "--model", str(weights), "--size", f"{W}x{H}", "--frames", "3", "--steps", "2"]
    out = ["--out", str(tmp_path / "video.mp4")]
    assert main([*call, *out, "--representation", CUT_AND_DRAG, "--clocks", "0.5,1"]) == 0
    assert main([*call, *out, "--clocks", "0.5,1"]) == 2
    assert "--clocks is for cut-and-drag only" in capsys.readouterr().err
    for wrong, words in (
        ("0.5", "two shares"),
        ("a,b", "two shares"),
        ("1,0", "crossed"),
        ("0,7", "strong clock is 7"),
    ):
        assert main([*call, *out, "--representation", CUT_AND_DRAG, "--clocks", wrong]) == 2
        assert words in capsys.readouterr().err
    asked = Settings("toyland:2", (str(weights),), (CUT_AND_DRAG,), size=(48, 48), frames=3, steps=2)
    results = evaluate(asked, tmp_path / "evaluation")
    whole = {record.job.name: record.about["made"] for record in results.records if record.job.model == str(weights)}
    assert len(whole) == 2 and all(CUT_AND_DRAG in name for name in whole)
    again = evaluate(asked, tmp_path / "evaluation")
    assert whole.items() <= {record.job.name: record.about["made"] for record in again.records}.items()
    page = (tmp_path / "evaluation" / "index.html").read_text()
    assert f", {CUT_AND_DRAG}" in page
    models = json.loads(json.dumps(results.as_dict()))["models"]
    assert [one["videos"] for one in models if one["representation"] == CUT_AND_DRAG] == [2]
    with pytest.raises(LabError, match=r'representation "cut" is unknown; use .*cut-and-drag'):
        Settings("toyland:2", ("toy",), ("cut",))
