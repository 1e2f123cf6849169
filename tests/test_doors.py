"""Well-known inputs at every door: released demo folders, splines, ATI and Wan-Move tracks, the hub's cache."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from draganything_lab.cli.main import main
from draganything_lab.errors import LabError
from draganything_lab.evaluate.sources import find_sources
from draganything_lab.media import encode_picture, load_mask
from draganything_lab.models.zoo.folders import model_folder
from draganything_lab.scene import Scene
from draganything_lab.scene.formats import (
    read_ati_tracks,
    read_demo_folder,
    read_spline_points,
    read_wan_tracks,
    tracks_to_trajectories,
)
from draganything_lab.studio.model.model import StudioModel

H, W, T = 48, 64, 14
MASK = np.zeros((H, W), bool)
MASK[10:20, 10:30] = True
PICTURE = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


def demo_files(
    last: int = 40, mask: np.ndarray = MASK, name: str = "1_bird.jpg", index: str = "demo.json"
) -> dict[str, bytes]:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "JPEG", quality=95)
    path = [[20 + (last - 20) * k / (T - 1), 15] for k in range(T)]
    text = json.dumps({"1": {"comment": "", "mask_name": name, "trajectory": path}})
    return {"demo.jpg": encode_picture(PICTURE, "JPEG"), name: buffer.getvalue(), index: text.encode()}


def folder_of(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def zip_of(files: dict[str, bytes], path: Path, top: str = "", mac: bool = False) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(top + name, data)
            if mac:
                archive.writestr(f"__MACOSX/{top}._{name}", b"\0\5\x16\7")
    return path


def right(scene: Scene) -> None:
    assert scene.size == (H, W) and len(scene.entities) == 1
    assert (scene[0].mask ^ MASK).sum() <= 12
    np.testing.assert_allclose(scene.paths(T)[-1, 0], (40, 15), atol=0.01)


def test_a_released_demo_folder_is_opened_at_every_door(tmp_path: Path) -> None:
    files = demo_files()
    folder = folder_of(files, tmp_path / "all" / "bird1_@")
    sources = (
        folder,
        folder / "demo.json",
        str(folder),
        zip_of(files, tmp_path / "plain.zip"),
        zip_of(files, tmp_path / "mac.zip", "bird1_@/", mac=True),
        zip_of(files, tmp_path / "deep.zip", "a/b/bird1_@/"),
        zip_of(files, tmp_path / "windows.zip", "bird1_@\\"),
    )
    for number, source in enumerate(sources):
        right(Scene.load(source))
        right(read_demo_folder(source))
        assert main(["preview", "--scene", str(source), "--frames", "2", "--out", str(tmp_path / f"{number}.gif")]) == 0
        model = StudioModel()
        assert model.pictures.open_scene(source) and len(model.editor.scene.entities) == 1
        if Path(source).suffix == ".zip":
            assert model.pictures.open_upload(Path(source).name, Path(source).read_bytes()), model.status
            right(model.editor.scene)
    (found,) = find_sources(tmp_path / "all")
    assert found.load((H, W), T, "opencv").scene[0].mask.any()


def test_other_names_of_the_demo_are_found(tmp_path: Path) -> None:
    folder = folder_of(demo_files(index="demo1.json"), tmp_path / "a")
    right(Scene.load(folder))
    right(Scene.load(folder / "demo1.json"))
    files = demo_files(name="1_b\u00e9b\u00e9 & me.jpg")
    renamed = {name.replace("\u00e9", "e\u0301"): data for name, data in files.items()}  # as a Mac spells it
    right(Scene.load(folder_of(renamed, tmp_path / "b")))
    right(Scene.load(zip_of(renamed, tmp_path / "b.zip")))


def test_many_demos_in_one_are_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder_of(demo_files(), tmp_path / "Demo" / name)
    with pytest.raises(LabError, match=r"folder of 2 scenes; choose one of them, such as .*one"):
        Scene.load(tmp_path / "Demo")
    with zipfile.ZipFile(tmp_path / "Demo.zip", "w") as archive:
        for name in ("one", "two"):
            for file, data in demo_files().items():
                archive.writestr(f"Demo/{name}/{file}", data)
    with pytest.raises(LabError, match="holds 2 bundles, among them Demo/one/ and Demo/two/"):
        Scene.load(tmp_path / "Demo.zip")


def test_points_far_outside_are_moved_or_refused_with_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of(demo_files(last=28_573), tmp_path / "far")
    with pytest.raises(LabError, match=r'far outside the 64x48 picture.*clip=True.*preset="release"'):
        read_demo_folder(folder)
    with caplog.at_level(logging.WARNING):
        released = read_demo_folder(folder, preset="release")
        for scene in (released, read_demo_folder(folder, clip=True), Scene.load(folder)):
            path = scene.paths(T)[:, 0]
            np.testing.assert_allclose(path[0], (20, 15))
            assert (path[1:, 0] == 2 * W).all()
    assert "far outside the 64x48 picture and were moved nearer" in caplog.text
    near = read_demo_folder(folder_of(demo_files(last=100), tmp_path / "near"))  # outside, but not far: as it is
    np.testing.assert_allclose(near.paths(T)[-1, 0], (100, 15))


def test_the_release_preset_takes_masks_as_the_release_does(tmp_path: Path) -> None:
    large = np.zeros((2 * H, 2 * W), bool)
    large[20:40, 20:60] = True
    scene = read_demo_folder(folder_of(demo_files(mask=large), tmp_path / "large"), preset="release")
    assert scene.size == (H, W) and 0.85 < (scene[0].mask & MASK).sum() / MASK.sum() <= 1
    np.testing.assert_allclose(scene.paths(T)[0, 0], (10, 7.5), atol=0.6)
    folder = folder_of(demo_files(), tmp_path / "jpeg")
    strict, meant = read_demo_folder(folder, preset="release"), read_demo_folder(folder)
    np.testing.assert_array_equal(strict[0].mask, load_mask(folder / "1_bird.jpg", threshold=255))
    assert strict[0].area < meant[0].area
    with pytest.raises(LabError, match="preset"):
        read_demo_folder(folder, preset="other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("points.json", b'[{"x": 1, "y": 2}, {"x": 3, "y": 4}]', "spline points.*read_spline_points"),
        ("workflow.json", b'{"nodes": [], "links": []}', "ComfyUI workflow"),
        ("api.json", b'{"3": {"class_type": "KSampler", "inputs": {}}}', "ComfyUI workflow"),
        ("clip.json", b'{"17": [[1, 2], [3, 4]]}', "holds trajectories"),
        ("other.json", b"[1, 2]", "not a scene of this lab"),
        ("boat_tracks.npy", b"\x93NUMPY", "read_wan_tracks"),
        ("tracks.pth", b"PK\3\4", "read_ati_tracks"),
        ("photo.JPG", b"\xff\xd8\xff", "is a picture"),
        ("film.mp4", b"\0\0\0 ftyp", "is a video"),
        ("text.txt", b"hello", "not a .zip archive"),
    ],
)
def test_what_is_no_scene_is_named_with_what_reads_it(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabError, match=words):
        Scene.load(tmp_path / name)


TWO = [[{"x": 1, "y": 2}, {"x": 3, "y": 4.5}], [{"x": 9, "y": 8}]]
STORE = [{"points": points, "color": "#ff0000", "name": f"S{k}"} for k, points in enumerate(TWO)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(STORE),
        json.dumps(TWO),
        json.dumps([json.dumps(points) for points in TWO]),
        json.dumps([[[p["x"], p["y"]] for p in points] for points in TWO]),
        json.dumps({"points_store": json.dumps(STORE)}),
        json.dumps({"tracks": TWO}),
        str(TWO),
        json.dumps(json.dumps(TWO)),
        json.dumps({"nodes": [{"type": "SplineEditor", "widgets_values": [json.dumps(STORE), "[]", 512, 512]}]}),
        json.dumps({"nodes": [{"type": "SplineEditor", "widgets_values": [json.dumps(p)]} for p in TWO]}),
        json.dumps({"7": {"class_type": "SplineEditor", "inputs": {"points_store": json.dumps(STORE), "w": 1}}}),
    ],
)
def test_splines_as_the_editors_hand_them_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for source in ([text] if text[0] in "[{" else []) + [tmp_path / "a.json"]:
        found = list(read_spline_points(source).values())
        assert [line.points.tolist() for line in found] == [[[1, 2], [3, 4.5]], [[9, 8]]]
    for code in ("utf-8-sig", "utf-16"):
        (tmp_path / "b.json").write_bytes(text.encode(code))
        assert len(read_spline_points(tmp_path / "b.json")) == 2


def test_ati_and_wan_move_tracks(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pixels = np.random.default_rng(0).uniform(0, 60, (3, 121, 1, 2)).round(2)  # N, T, 1, xy
    seen = np.ones((3, 121, 1, 1))
    seen[1, 50:] = 0
    for columns in ((pixels, seen), (pixels, seen, seen)):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, array=np.concatenate(columns, -1) * 8)
        torch.save(buffer.getvalue(), tmp_path / "a.pth")
        tracks, visible = read_ati_tracks(tmp_path / "a.pth")
        np.testing.assert_allclose(tracks, pixels[:, :, 0].transpose(1, 0, 2), atol=1e-4)
        np.testing.assert_array_equal(visible, seen[:, :, 0, 0].T == 1)
    assert len(tracks_to_trajectories(tracks)) == 3
    (tmp_path / "b.pth").write_bytes(b"nothing")
    torch.save({"a": os.getcwd}, tmp_path / "c.pth")
    for name in ("b.pth", "c.pth"):
        with pytest.raises(LabError, match="not an ATI track file"):
            read_ati_tracks(tmp_path / name)
    np.savez(tmp_path / "t.npz", points=tracks, visible=visible)
    again, shown = read_wan_tracks(tmp_path / "t.npz")
    np.testing.assert_array_equal(again, tracks)
    np.testing.assert_array_equal(shown, visible)
    np.savez(tmp_path / "u.npz", other=tracks)
    with pytest.raises(LabError, match="has no tracks, only other"):
        read_wan_tracks(tmp_path / "u.npz")


def test_the_hub_s_cache_given_as_a_model(tmp_path: Path) -> None:
    repo = tmp_path / "hub" / "models--stabilityai--svd"
    snapshot = repo / "snapshots" / "abc123"
    (snapshot / "unet").mkdir(parents=True)
    assert model_folder(repo) == model_folder(repo / "snapshots") == model_folder(snapshot) == snapshot
    (repo / "snapshots" / "def456" / "unet").mkdir(parents=True)
    with pytest.raises(LabError, match="2 snapshots"):
        model_folder(repo)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("def456")
    assert model_folder(repo).name == "def456"
    for cache in (tmp_path, tmp_path / "hub"):
        with pytest.raises(LabError, match="hub's cache, with 1 models: models--stabilityai--svd; pass one of them"):
            model_folder(cache)


def test_what_the_registry_says() -> None:
    from draganything_lab.models.zoo import MODELS

    assert MODELS["draganything"].licence == "Apache 2.0"
    assert not any(".bin" in file for file in MODELS["draganything"].needed)
    assert MODELS["sd14"].revision == "133a221b8aa7292a167afc5127cb63fb5005638b"
    for kind, start in (("offline", "2670d456"), ("online", "205d3478")):
        model = MODELS[f"cotracker3-{kind}"]
        assert (model.id, model.one_file) == ("facebook/cotracker3", True)
        assert model.revision == "b748ec5e5cd4b9f525a94cc544f0be34bbcc22e2"
        assert [digest[:8] for digest in model.hashes.values()] == [start]
    for size in "blh":
        model = MODELS[f"sam-vit-{size}"]
        assert (model.id, model.one_file) == ("ybelkada/segment-anything", True)
        assert model.revision == "7790786db131bcdc639f24a915d9f2c331d843ee"
    first, second = MODELS["chilloutmix"].in_turn
    assert first.revision == "refs/pr/19" and not any(".bin" in file for file in first.needed)
    assert second.revision == "main" and any(".bin" in file for file in second.needed)
    assert MODELS["sd15"].in_turn == (MODELS["sd15"],)


def test_the_release_sees_the_picture_at_the_video_s_size(caplog: pytest.LogCaptureFixture) -> None:
    torch = pytest.importorskip("torch")
    from draganything_lab.control.paper_or_release import PAPER, RELEASE
    from draganything_lab.pipeline.inputs import resized_picture, resolve_size

    picture = torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float() / 255
    wanted = np.asarray(Image.fromarray(PICTURE).resize((96, 32)))
    got = resized_picture(picture, (32, 96))[0].permute(1, 2, 0) * 255
    np.testing.assert_allclose(got, wanted, atol=1e-3)
    assert resized_picture(picture, (H, W)) is picture
    assert RELEASE.resized_first and not PAPER.resized_first
    with caplog.at_level(logging.WARNING):
        assert resolve_size(64, 64, None, picture, 8, (0, 0)) == (64, 64)
    assert "the 64x48 picture is stretched to 64x64; its own shape would be 88x64" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert resolve_size(96, 128, None, picture, 8, (0, 0)) == (96, 128)
        assert resolve_size(None, 96, None, picture, 8, (0, 0)) == (72, 96)
    assert not caplog.text


def test_evaluate_says_what_was_stretched_and_refuses_another_shape(tmp_path: Path) -> None:
    from draganything_lab.media import write_video

    scene = Scene(PICTURE)
    scene.add("bird", MASK, [(20, 15), (30, 15)])
    scene.save(tmp_path / "a.zip")
    (source,) = find_sources(tmp_path)
    assert source.load((64, 64), 2, "opencv").own == (H, W)
    write_video(tmp_path / "a.mp4", np.zeros((2, 64, 48, 3), np.uint8))
    (source,) = find_sources(tmp_path)
    with pytest.raises(LabError, match=r"a\.mp4 is 48x64, another shape than the picture, 64x48"):
        source.load((64, 64), 2, "opencv")
