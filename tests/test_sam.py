"""Segment Anything small and large: the same classes, read safely, answering through their own predictor; training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.models import zoo
from draganything_lab.models.zoo import registry
from draganything_lab.segment import Found, Segmenter, load_segmenter
from draganything_lab.toyland import sample_clip

torch = pytest.importorskip("torch")
pytest.importorskip("segment_anything")
pytest.importorskip("skimage")
from helpers.artwork import items  # noqa: E402
from huggingface_hub import constants  # noqa: E402
from segment_anything import SamPredictor  # noqa: E402

from draganything_lab.segment import sam as published  # noqa: E402
from draganything_lab.segment.network import SamSize, build_sam, load_small_sam, ready, save_sam  # noqa: E402
from draganything_lab.segment.snap import snapped  # noqa: E402
from draganything_lab.toyland.artwork import write_pack  # noqa: E402
from draganything_lab.training.engine.loop import Settings, run  # noqa: E402
from draganything_lab.training.sam import fast as sam_fast  # noqa: E402
from draganything_lab.training.sam import stage as training  # noqa: E402
from draganything_lab.training.sam.data import draw_batch, draw_picture, resized  # noqa: E402
from draganything_lab.training.sam.measure import (  # noqa: E402
    Target,
    iou,
    scrapbook_targets,
    summary,
    toyland_targets,
    try_target,
)
from draganything_lab.training.sam.outlines import outlined  # noqa: E402
from draganything_lab.training.sam.photos import HELD_OUT, TRAINED, composite, photo  # noqa: E402

SIZE = SamSize(window=0, picture=32, patch=8, width=16, depth=1, heads=2, channels=16, decoder_heads=2, decoder_mlp=16)


@pytest.fixture(scope="module")
def tiny():
    """A tiny SAM with seeded random weights, ready to use."""
    torch.manual_seed(0)
    sam = build_sam(SIZE)
    with torch.no_grad():
        sam.mask_decoder.output_hypernetworks_mlps[1].layers[-1].bias.fill_(1.0)
    return ready(sam)


@pytest.fixture
def folder(tiny, tmp_path):
    save_sam(tiny, SIZE, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def toy(folder):
    """The "toy" backend on the tiny network, with a Toyland picture set."""
    segmenter = load_segmenter("toy", folder)
    segmenter.set_picture(sample_clip(3, (48, 64), 1).video[0])
    return segmenter


def clicked(segmenter: Segmenter) -> Found:
    """The answer to the first of many clicks that finds anything: random weights often find nothing."""
    height, width = segmenter.size
    for y in range(2, height, 5):
        for x in range(2, width, 5):
            try:
                return segmenter.predict([(x, y)])
            except LabError as error:
                assert "nothing was found" in str(error)
    pytest.fail("no click finds anything")


# The network and its files


def test_sizes_are_checked_and_follow_the_classes() -> None:
    assert SIZE.mask_side == 16 and build_sam(SIZE).prompt_encoder.mask_input_size == (16, 16)
    for wrong in ({"picture": 33}, {"window": 3}):
        with pytest.raises(LabError, match="divide each other"):
            build_sam(replace(SIZE, **wrong))


def test_what_is_saved_comes_back(tiny, folder) -> None:
    again = load_small_sam(folder)
    assert not again.training and again.pixel_mean.shape == (3, 1, 1)
    for name, value in tiny.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.half().float()), name


def test_broken_folders_are_named(folder, tmp_path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(LabError, match=r"model\.safetensors is cut off or damaged"):
        load_segmenter("toy", folder)
    (folder / "model.safetensors").write_bytes(whole)
    save_sam(build_sam(replace(SIZE, depth=2)), SIZE, tmp_path / "other")
    with pytest.raises(LabError, match=r"not a checkpoint of this SAM: image_encoder\.blocks\.1"):
        load_segmenter("toy", tmp_path / "other")
    (folder / "config.json").write_text("{")
    with pytest.raises(LabError, match=r"config\.json is missing or damaged"):
        load_segmenter("toy", folder)
    with pytest.raises(LabError, match="is not a folder"):
        load_segmenter("toy", tmp_path / "nowhere")


def test_the_small_weights_are_found_by_the_zoo(folder, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_SAM_TOY", str(folder))
    assert load_segmenter("toy").backend == "toy"
    monkeypatch.delenv("DRAGANYTHING_LAB_SAM_TOY")
    monkeypatch.setitem(registry._BY_NAME, "sam-toy", replace(registry.MODELS["sam-toy"], id="nowhere"))
    with pytest.raises(LabError, match="draganything-lab train"):
        load_segmenter("toy")


# Clicks through the network's own predictor


def test_one_click_gives_what_the_predictor_gives(toy, tiny, folder) -> None:
    picture = sample_clip(3, (48, 64), 1).video[0]
    plain = SamPredictor(load_small_sam(folder))
    plain.set_image(picture)
    found = clicked(toy)
    assert found.backend == "toy" and found.masks.shape[1:] == (48, 64) and found.logits.shape[1:] == (16, 16)
    for y in range(2, 48, 5):
        for x in range(2, 64, 5):
            masks, scores, _ = plain.predict(np.array([[x, y]]), np.array([1]))
            try:
                mine = toy.predict([(x, y)])
            except LabError:
                assert not masks.any()
                continue
            there = masks.any(axis=(1, 2))
            order = np.argsort(-scores[there], kind="stable")
            assert np.array_equal(mine.masks, masks[there][order])
            assert np.allclose(mine.scores, scores[there][order])


def test_refinement_box_and_minus_reach_the_predictor(toy, monkeypatch) -> None:
    found = clicked(toy)
    asked = {}
    real = toy.predictor.predict

    def spy(**words):
        asked.update(words)
        masks, scores, logits = real(**words)
        masks[:] = True
        return masks, scores, logits

    monkeypatch.setattr(toy.predictor, "predict", spy)
    again = toy.predict([(5, 6), (40, 30)], [1, 0], (2, 3, 30, 40), found)
    assert len(again.masks) == 1 and asked["multimask_output"] is False
    assert asked["point_labels"].tolist() == [1, 0] and asked["point_coords"].tolist() == [[5, 6], [40, 30]]
    assert asked["box"].tolist() == [2, 3, 29, 39]  # SAM's boxes end on the last pixel
    assert np.array_equal(asked["mask_input"], found.logits[:1])
    toy.predict([(5, 6)])
    assert asked["multimask_output"] is True and asked["mask_input"] is None and asked["box"] is None


def test_outlines_snap_to_edges(toy, monkeypatch) -> None:
    picture = np.full((60, 90, 3), (90, 160, 220), np.uint8)
    picture[20:40, 30:60] = (210, 60, 50)
    truth = picture[..., 0] == 210
    coarse = np.zeros_like(truth)
    coarse[22:44, 28:57] = True
    found = snapped(picture, coarse, np.array([[45.0, 30.0]]), np.array([1]))
    assert iou(coarse, truth) < 0.75 and iou(found, truth) > 0.85
    assert np.array_equal(snapped(picture, ~np.zeros_like(truth), np.zeros((0, 2)), np.zeros(0)), ~np.zeros_like(truth))
    toy.set_picture(picture)
    real = toy.predictor.predict
    monkeypatch.setattr(toy.predictor, "predict", lambda **words: (np.repeat(coarse[None], 3, 0), *real(**words)[1:]))
    assert np.array_equal(toy.predict([(45, 30)]).best, coarse)
    toy.snap = True
    assert iou(toy.predict([(45, 30)]).best, truth) > 0.85


def test_a_picture_is_embedded_once(toy, monkeypatch) -> None:
    calls = []
    real = toy.predictor.set_image
    monkeypatch.setattr(toy.predictor, "set_image", lambda image: (calls.append(1), real(image))[1])
    picture = sample_clip(4, (48, 64), 1).video[0]
    toy.set_picture(picture)
    toy.set_picture(picture.copy())
    clicked(toy)
    clicked(toy)
    assert calls == [1]


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (9, 5), (1200, 2000)])
def test_every_size_gets_masks_of_its_own_size(toy, size) -> None:
    toy.set_picture(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    try:
        found = toy.predict([(size[1] - 1, size[0] - 1)])
        assert found.masks.shape[1:] == size
    except LabError as error:
        assert "nothing was found" in str(error)


def test_bad_input_is_told(toy) -> None:
    for words, message in (
        ({"points": [(64, 10)]}, "outside the 64x48 picture"),
        ({"points": []}, "nothing was clicked"),
        ({"points": [(5, 5), (5, 5)], "labels": [1, 0]}, "contradict"),
        ({"points": [(5, 5)], "labels": [0]}, "negative"),
    ):
        with pytest.raises(LabError, match=message):
            toy.predict(**words)
    with pytest.raises(LabError, match="4000x2, too narrow"):
        toy.set_picture(np.zeros((2, 4000, 3), np.uint8))
    toy.set_picture(sample_clip(3, (48, 64), 1).video[0])
    other = Found(np.ones((1, 48, 64), bool), np.ones(1, np.float32), "sam_vit_b", np.zeros((1, 256, 256), np.float32))
    with pytest.raises(LabError, match='previous comes from "sam_vit_b"'):
        toy.predict([(5, 5)], previous=other)


def test_everything_proposes_things(toy, monkeypatch) -> None:
    from segment_anything import SamAutomaticMaskGenerator

    mask = np.zeros((48, 64), bool)
    mask[10:20, 10:30] = True
    ground = ~np.zeros((48, 64), bool)
    records = [
        {"segmentation": mask, "predicted_iou": 0.9},
        {"segmentation": mask | np.roll(mask, 1, 0), "predicted_iou": 0.8},  # the same thing again
        {"segmentation": ground, "predicted_iou": 0.99},
    ]
    assert isinstance(toy.everything(), list)  # with the real generator
    monkeypatch.setattr(SamAutomaticMaskGenerator, "generate", lambda self, image: records)
    (only,) = toy.everything()
    assert np.array_equal(only.mask, mask) and only.box == (10, 10, 30, 20) and only.score == 0.9


def test_the_shipped_weights_propose_things() -> None:
    clip = sample_clip(900_600_001, (128, 128), 1)
    segmenter = load_segmenter("toy")
    segmenter.set_picture(clip.video[0])
    proposals = segmenter.everything()
    found = [max(iou(p.mask, mask) for p in proposals) for mask in clip.masks[:, 0] if mask.any()]
    assert np.mean(np.array(found) > 0.5) >= 0.5


# The published networks, with a small stand-in of the same layout


@pytest.fixture
def checkpoint(tmp_path, monkeypatch, tiny) -> Path:
    """sam-vit-b as a tiny network in a file, and an empty cache of the hub."""
    path = tmp_path / "sam_vit_b_01ec64.pth"
    torch.save(tiny.state_dict(), path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setitem(published.sam_model_registry, "vit_b", lambda: build_sam(SIZE))
    return path


def test_a_published_network_loads_from_a_file(checkpoint) -> None:
    segmenter = load_segmenter("sam_vit_b", checkpoint=checkpoint)
    segmenter.set_picture(sample_clip(3, (48, 64), 1).video[0])
    assert clicked(segmenter).backend == "sam_vit_b"


def test_without_the_file_the_error_says_what_to_do(checkpoint, tmp_path, monkeypatch) -> None:
    with pytest.raises(LabError, match=r"download=True.*or copy .* set DRAGANYTHING_LAB_SAM_VIT_B to the file") as told:
        load_segmenter("sam_vit_b")
    assert "Apache 2.0" in str(told.value)
    monkeypatch.setenv("DRAGANYTHING_LAB_SAM_VIT_B", str(checkpoint))
    assert load_segmenter("sam_vit_b").backend == "sam_vit_b"
    monkeypatch.delenv("DRAGANYTHING_LAB_SAM_VIT_B")
    model = zoo.MODELS["sam-vit-b"]
    kept = tmp_path / "hub/models--ybelkada--segment-anything/snapshots" / model.revision / model.needed[0]
    kept.parent.mkdir(parents=True)
    checkpoint.rename(kept)
    assert load_segmenter("sam-vit-b").backend == "sam_vit_b"


def test_no_network_is_told(checkpoint, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LabError, match="HF_HUB_OFFLINE"):
        load_segmenter("sam_vit_b", download=True)


def test_corrupt_checkpoints_are_named(checkpoint, tmp_path) -> None:
    bad = tmp_path / "bad.pth"
    for data, message in (
        (checkpoint.read_bytes()[:-50], "bad.pth"),
        (b"", "bad.pth is empty"),
        (b"<!doctype html>", "bad.pth is a web page"),
    ):
        bad.write_bytes(data)
        with pytest.raises(LabError, match=message):
            load_segmenter("sam_vit_b", checkpoint=bad)
    torch.save(build_sam(replace(SIZE, depth=2)).state_dict(), bad)
    with pytest.raises(LabError, match=r"bad\.pth is not a checkpoint of this SAM"):
        load_segmenter("sam_vit_b", checkpoint=bad)


def test_the_real_layouts_are_those_of_the_published_files() -> None:
    with torch.device("meta"):
        sam = published.sam_model_registry["vit_b"]()
    count = sum(value.numel() for value in sam.state_dict().values())
    # The published file holds these numbers in float32, and a few kB of names.
    assert 0 <= zoo.MODELS["sam-vit-b"].size - 4 * count < 200_000


def test_auto_prefers_a_published_network_for_photographs(checkpoint, folder, monkeypatch) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_SAM_TOY", str(folder))
    auto = load_segmenter("auto")
    drawn = sample_clip(900_000_001, (128, 128), 1).video[0]
    noise = np.random.default_rng(0).normal(0, 20, photo("coffee.png").shape)
    grainy = np.clip(photo("coffee.png") + noise, 0, 255).astype(np.uint8)
    auto.set_picture(drawn)
    assert auto.backend == "toy" and "drawn" in auto.reason
    auto.set_picture(grainy)
    assert auto.backend == "grabcut" and "photograph" in auto.reason
    monkeypatch.setenv("DRAGANYTHING_LAB_SAM_VIT_B", str(checkpoint))
    auto.set_picture(drawn)
    auto.set_picture(grainy)
    assert auto.backend == "sam_vit_b" and "on this machine" in auto.reason
    checkpoint.write_bytes(b"")
    other = load_segmenter("auto")
    other.set_picture(grainy)
    assert other.backend == "grabcut" and "is empty" in other.reason  # said, not hidden


# Training


def test_batches_are_fixed_by_their_number() -> None:
    first, second = (draw_batch(5, 3, 2, SIZE, photos=0.5) for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["pixels"], draw_batch(6, 3, 2, SIZE)["pixels"])
    assert first["truth"].shape == (3, 2, 16, 16) and first["hints"].shape == (3, 7, 16, 16)
    cells = ((first["points"] + 0.5) / 2).long()
    for picture in range(3):
        for thing in range(2):
            x, y = cells[picture, thing].tolist()
            assert first["truth"][picture, thing, y, x] > 127, "a click lies on its thing"


@pytest.fixture
def artwork(tmp_path, monkeypatch):
    """A tiny pack of Scrapbook's artwork in the cache."""
    write_pack(tmp_path / "artwork.zip", items())
    monkeypatch.setenv("DRAGANYTHING_LAB_CACHE", str(tmp_path))


def test_pictures_of_scrapbook_are_drawn_where_they_are_wanted(artwork, tmp_path) -> None:
    pictures = [draw_picture(seed, photos=0.0, scrapbook=0.5) for seed in range(24)]
    drawn = [toyland for *_, toyland in pictures]
    assert 4 < sum(drawn) < 20 and all(labels.any() for *_, labels, _ in pictures)
    options = {"size": SIZE, "batch": 1, "report": lambda line: None}
    training.train(tmp_path / "run", Settings(steps=2), worlds=("toyland", "scrapbook"), **options)
    with pytest.raises(LabError, match="use toyland, or toyland,scrapbook"):
        training.train(tmp_path / "run", Settings(steps=2), worlds=("scrapbook",), **options)
    targets = list(scrapbook_targets(2))
    assert {target.group for target in targets} == {"Scrapbook, drawings", "Scrapbook, photographs"}


def test_without_artwork_training_on_it_says_how_to_get_it(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_CACHE", str(tmp_path))
    assert cli.main(["train", "sam", "--steps", "1", "--folder", str(tmp_path / "run")]) == 2
    assert "scrapbook fetch" in capsys.readouterr().err


def test_pictures_are_resized_as_sam_resizes_them(tiny) -> None:
    clip = sample_clip(1, (48, 64), 1)
    square, cover = resized(clip.video[0], clip.labels[0], SIZE)
    predictor = SamPredictor(tiny)
    assert np.array_equal(square[:24, :32], predictor.transform.apply_image(clip.video[0]))
    assert not square[24:].any() and np.allclose(cover.sum(0)[:12], 1, atol=1e-5) and not cover[:, 12:].any()


def test_held_out_photographs_are_not_trained_on() -> None:
    assert not set(TRAINED) & set(HELD_OUT)
    assert {name for name, *_ in outlined()} <= set(HELD_OUT)
    image, labels = composite(3, (64, 96))
    assert image.shape == (64, 96, 3) and labels.any()
    assert np.array_equal(image, composite(3, (64, 96))[0])


def test_many_prompts_at_once_are_what_the_decoder_gives_one_by_one() -> None:
    stage = training.SamStage(SIZE, half=False)
    sam = stage.network.sam.eval()
    torch.manual_seed(1)
    embedding = torch.randn(2, 16, 4, 4)
    rows = embedding.flatten(2).transpose(1, 2)
    points, labels = torch.rand(2, 3, 2, 2) * 32, torch.tensor([1.0, 0.0]).expand(2, 3, 2)
    boxes, previous = torch.rand(2, 3, 4) * 32, torch.randn(2, 3, 16, 16)
    masks, quality = stage.decode(rows, points, labels, boxes, previous, False)
    for picture in range(2):
        sparse, dense = sam.prompt_encoder(
            (points[picture], labels[picture]), boxes[picture], previous[picture][:, None]
        )
        alone = sam.mask_decoder(
            image_embeddings=embedding[picture : picture + 1],
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        assert torch.allclose(masks[picture], alone[0], atol=1e-5)
        assert torch.allclose(quality[picture], alone[1], atol=1e-5)


@pytest.mark.parametrize("window", [0, 2])
def test_the_fast_encoder_gives_what_the_classes_give(window) -> None:
    torch.manual_seed(2)
    sam = training.SamStage(replace(SIZE, depth=3, window=window), half=False).network.sam
    for block in sam.image_encoder.blocks:
        torch.nn.init.normal_(block.attn.rel_pos_h)
        torch.nn.init.normal_(block.attn.rel_pos_w)
    pixels = torch.randn(2, 32, 32, 3)
    wanted = sam.image_encoder(pixels.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
    assert torch.allclose(sam_fast.encode(sam, pixels), wanted, atol=1e-5)


def test_at_first_the_decoder_looks_where_the_click_is() -> None:
    stage = training.SamStage(SamSize(), half=False)
    sam = stage.network.sam
    attention = sam.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    sparse, _ = sam.prompt_encoder((torch.tensor([[[40.0, 72.0]]]), torch.ones(1, 1)), None, None)
    place = sam.prompt_encoder.get_dense_pe().flatten(2).permute(0, 2, 1)
    q, k = (
        projected.unflatten(-1, (2, -1)).transpose(1, 2)  # two heads
        for projected in (attention.q_proj(sparse), attention.k_proj(place))
    )
    near = (q @ k.transpose(-1, -2))[0, :, 0].argmax(-1)  # the click lies in cell (10, 18) of 32x32
    for cell in near.tolist():
        assert abs(cell // 32 - 18) <= 1 and abs(cell % 32 - 10) <= 1


def test_the_click_after_the_first_lies_in_the_error() -> None:
    truth = torch.zeros(1, 2, 16, 16)
    truth[0, :, 4:8, 4:8] = 1
    logits = torch.full((1, 2, 16, 16), -1.0)
    logits[0, 0, 4:8, 4:12] = 1  # too much to the right
    logits[0, 1, 4:6, 4:8] = 1  # too little below
    point, label = training.correction(logits, truth, torch.Generator().manual_seed(0), SIZE)
    assert label.flatten().tolist() == [0, 1]
    (x0, _), (_, y1) = (((point[0, i, 0] + 0.5) / 2).tolist() for i in range(2))
    assert 8 <= x0 < 12 and 6 <= y1 < 8


def test_training_learns_and_goes_on_exactly(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(training, "EARLY", 2)
    quiet = {"report": lambda line: None}

    def make() -> training.SamStage:
        return training.SamStage(SIZE, batch=2, prompts=2, half=False)

    whole = run(make(), tmp_path / "whole", Settings(steps=6), **quiet)
    run(make(), tmp_path / "parts", Settings(steps=6, stop_after=3), **quiet)
    parts = run(make(), tmp_path / "parts", Settings(steps=6), resume=True, **quiet)
    first, second = (torch.load(path, weights_only=True)["weights"] for path in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)
    stage = make()
    batch = stage.draw(0)
    optimiser = torch.optim.AdamW(stage.trained().parameters(), 3e-3)
    losses = []
    for step in range(40):
        loss = stage.loss(batch, torch.Generator().manual_seed(step))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])


def test_train_export_and_click(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(training, "SamSize", lambda **sizes: replace(SIZE, picture=48))
    run_folder, out = tmp_path / "run", tmp_path / "out"
    words = ["train", "sam", "--worlds", "toyland", "--steps", "20", "--batch", "1", "--folder", str(run_folder)]
    words += ["--export", str(out)]
    assert cli.main(words) == 0 and "from step 20" in capsys.readouterr().out
    assert (out / "training" / "sam.jsonl").read_text().count("\n") == 1
    monkeypatch.undo()
    segmenter = load_segmenter("toy", out)
    segmenter.set_picture(sample_clip(3, (48, 64), 1).video[0])
    quiet = {"size": replace(SIZE, picture=48), "batch": 1, "report": lambda line: None}
    # Exported weights are gone on from.
    training.train(tmp_path / "again", Settings(steps=1, stop_after=0), start=out, **quiet)
    went_on = torch.load(tmp_path / "again" / "sam.pt", weights_only=True)["weights"]
    begun = load_small_sam(out).state_dict()
    assert all(torch.equal(went_on[f"sam.{name}"], value) for name, value in begun.items() if f"sam.{name}" in went_on)
    training.train(tmp_path / "again", Settings(steps=9), start=out, **quiet)
    training.export(tmp_path / "again", tmp_path / "far")
    training.export(tmp_path / "again", tmp_path / "half", start=out)
    far, half = (load_small_sam(tmp_path / name).state_dict() for name in ("far", "half"))
    name = "image_encoder.pos_embed"
    assert not torch.equal(far[name], begun[name])
    torch.testing.assert_close(half[name], (far[name] + begun[name]) / 2, atol=1e-3, rtol=1e-3)
    with pytest.raises(LabError, match="other sizes"):
        training.train(tmp_path / "other", Settings(steps=1), start=out, size=SIZE)
    words = ["train", "sam", "--worlds", "toyland", "--steps", "21", "--folder", str(run_folder), "--resume"]
    assert cli.main(words) == 2
    assert "was trained at other sizes" in capsys.readouterr().err


# Measuring


class _Knows(Segmenter):
    """Answers with the truth, shifted by one pixel until there are two clicks."""

    name = "knows"

    def __init__(self, truth: np.ndarray) -> None:
        super().__init__()
        self.truth, self.asked = truth, []

    def _set(self, picture: np.ndarray) -> None:
        pass

    def _predict(self, prompt) -> Found:
        self.asked.append((prompt.points, prompt.labels))
        first = np.roll(self.truth, 1, 1) if len(prompt.points) == 1 else self.truth
        return Found(np.stack([first, self.truth]), np.array([0.9, 0.8], np.float32), self.name)

    def everything(self) -> list:
        return []


def test_a_trial_clicks_into_the_error() -> None:
    truth = np.zeros((40, 40), bool)
    truth[10:20, 10:20] = True
    knows = _Knows(truth)
    trial = try_target(knows, Target("outlined", 0, np.zeros((40, 40, 3), np.uint8), truth, (15, 15)))
    assert trial.scored == pytest.approx(90 / 110) and trial.best == 1 and trial.clicks == 1
    points, labels = knows.asked[1]
    (x, y), wanted = points[1].astype(int), np.roll(truth, 1, 1) ^ truth
    assert wanted[y, x] and labels[1] == truth[y, x]
    table = summary({"knows": [trial]})
    assert table["outlined"]["knows"]["three clicks"]["mean"] == 1 and "Toyland" not in table


def test_targets_are_held_out_things_and_their_clicks_lie_on_them() -> None:
    targets = list(toyland_targets(2))
    assert {target.group for target in targets} == {"Toyland 64x64", "Toyland 128x128", "Toyland 576x320"}
    assert all(target.picture >= 900_000_000 for target in targets)
    for target in targets:
        x, y = (round(value) for value in target.click)
        assert target.mask[y, x]
    assert iou(targets[0].mask, targets[0].mask) == 1


def test_a_previous_that_predict_did_not_return_is_refused(folder) -> None:
    segmenter = load_segmenter("toy", folder)
    segmenter.set_picture(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(LabError, match="result of the last predict"):
        segmenter.predict([(5, 5)], previous=3)
    with pytest.raises(LabError, match='"foo" is unknown'):
        load_segmenter("toy", folder, device="foo")


def test_a_training_too_short_for_a_log_is_exported_too(tmp_path) -> None:
    training.train(tmp_path / "run", Settings(steps=1), batch=1, size=SIZE, report=lambda line: None)
    assert training.export(tmp_path / "run", tmp_path / "out") == 1
    assert build_sam(SIZE).state_dict().keys() == load_small_sam(tmp_path / "out").state_dict().keys()
    assert not (tmp_path / "out" / "training").exists()
