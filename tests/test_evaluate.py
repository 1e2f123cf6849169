"""The evaluation: whatever stops it, nothing is lost and nothing done twice; whatever is broken is said and skipped."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.clips import vipseg_folder

from draganything_lab import pipeline
from draganything_lab.cli import main as cli
from draganything_lab.cli.evaluate import parse_seeds
from draganything_lab.errors import LabError
from draganything_lab.evaluate import (
    Processes,
    Settings,
    Store,
    Worker,
    collect,
    evaluate,
    find_sources,
    make_plan,
    write_page,
)
from draganything_lab.evaluate import makers as makers_module
from draganything_lab.evaluate import store as store_module
from draganything_lab.evaluate.collect import motion_numbers
from draganything_lab.evaluate.metrics import objmc, write_trajectories
from draganything_lab.evaluate.progress import Progress, in_words, time_left
from draganything_lab.media import encode_picture, write_video
from draganything_lab.motion import measure
from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene
from draganything_lab.scene.formats import write_demo_folder
from draganything_lab.toyland import ToyClip, sample_clip
from draganything_lab.tracking import TRACKERS, Tracks
from draganything_lab.tracking.layered.tracker import OpenCVTracker

SIZE, FRAMES = (48, 48), 5
ALONE = Processes()


def settings(where: str | Path = "toyland:2", **more: Any) -> Settings:
    return Settings(**{"where": str(where), "size": SIZE, "frames": FRAMES, **more})


def quiet(*_: object) -> None:
    pass


def run(chosen: Settings, out: Path, say: Callable[[str], None] = quiet) -> Any:
    return evaluate(chosen, out, processes=ALONE, say=say, bar=False)


def stamps(out: Path) -> dict[str, int]:
    """When every result was written."""
    kinds = ("made", "videos", "measured", "features", "asked")
    files = (file for kind in kinds if (out / kind).is_dir() for file in (out / kind).iterdir())
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in files}


def numbers(text: str) -> list[dict[str, str]]:
    """Rows of results.csv without what differs from run to run."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(io.StringIO(text))]


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose videos were made."""
    made: list[str] = []
    real = makers_module.Makers.make

    def make(self: Any, job: Any, loaded: Any, frames: int) -> np.ndarray:
        made.append(job.name)
        return real(self, job, loaded, frames)

    monkeypatch.setattr(makers_module.Makers, "make", make)
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished evaluation."""
    out = tmp_path_factory.mktemp("whole")
    run(settings(), out)
    return out


def test_everything_is_there(whole: Path) -> None:
    rows = numbers((whole / "results.csv").read_text())
    assert [row["model"] for row in rows] == ["frozen"] * 2 + ["preview"] * 2 + ["reference"] * 2
    for row in rows:
        assert (whole / row["video"]).stat().st_size > 500
        assert row["model"] != "frozen" or float(row["obeyed"]) == pytest.approx(0, abs=0.05)
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["videos"] == summary["jobs"] == 6 and summary["failed"] == {}
    by_model = {row["model"]: row for row in summary["models"]}
    assert by_model["frozen"]["coverage"]["value"] < 20 < 60 < by_model["preview"]["coverage"]["value"]
    assert by_model["frozen"]["leakage"]["value"] < 5 and by_model["reference"]["rigidity"]["value"] > 60
    assert by_model["preview"]["mean"]["value"] < by_model["frozen"]["mean"]["value"]
    assert by_model["preview"]["mean"]["protocol"]["choices"]["data"] == "toyland:2, 2 scenes"
    assert "thumbnails" in by_model["preview"] and "thumbnails" not in by_model["reference"]
    page = (whole / "index.html").read_text()
    assert page.count('data-src="data:video/mp4;base64,') == 6 and page.count('class="sortable"') == 2
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page  # needs no network
    assert "Too few: " in page and "305.7" in page and "frozen video" in page
    assert "305.7" in (whole / "table.csv").read_text()


def test_a_second_start_does_nothing(whole: Path, makes: list[str]) -> None:
    before = stamps(whole)
    run(settings(), whole)
    assert makes == [] and stamps(whole) == before


def test_each_video_is_tracked_once_and_measured_as_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips: list[np.ndarray] = []

    class Counting(OpenCVTracker):
        def track(self, video: np.ndarray, queries: np.ndarray) -> Tracks:
            clips.append(video)
            return super().track(video, queries)

    monkeypatch.setitem(TRACKERS, "opencv", Counting)
    run(settings("toyland:1"), tmp_path)
    plan, store = make_plan(settings("toyland:1")), Store(tmp_path)
    assert len(clips) == len(plan.jobs) == 3
    for job in plan.jobs:
        frames, scene = store.read_frames(job.name, FRAMES), job.source.load(SIZE, FRAMES, "opencv").scene
        with np.load(store.path("measured", f"{job.name}--opencv", ".npz")) as kept:
            alone = objmc(frames, scene).arrays() | {"motion": motion_numbers(measure(frames, scene))}
            assert set(kept) == set(alone)
            for name, array in alone.items():
                assert np.array_equal(kept[name], array, equal_nan=array.dtype.kind == "f"), name


def test_frames_are_kept_without_loss(whole: Path) -> None:
    plan = make_plan(settings())
    job = next(job for job in plan.jobs if job.model == "reference")
    kept = Store(whole).read_frames(job.name, FRAMES)
    assert np.array_equal(kept, job.source.load(SIZE, FRAMES, "opencv").reference)


@pytest.mark.parametrize("moment", [1, 2, 3, 5, 7, 13])
def test_stopped_at_any_write_it_goes_on(
    moment: int, whole: Path, tmp_path: Path, makes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    real = store_module.write_whole

    def stopping(path: Path, data: bytes) -> Path:
        nonlocal count
        count += 1
        if count == moment:
            raise KeyboardInterrupt
        return real(path, data)

    monkeypatch.setattr(store_module, "write_whole", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(settings("toyland:1"), tmp_path)
    before = stamps(tmp_path)
    done = {Path(name).stem for name in before if name.startswith("made") and name.endswith(".json")}
    made_before = len(makes)
    run(settings("toyland:1"), tmp_path)
    straight = [row for row in numbers((whole / "results.csv").read_text()) if row["scene"] == "toyland 0"]
    assert numbers((tmp_path / "results.csv").read_text()) == straight
    assert not done & set(makes[made_before:]), "done before, and done again"
    after = stamps(tmp_path)
    assert all(after[name] == when for name, when in before.items() if Path(name).stem in done and "made" in name)


def test_killed_without_warning_it_goes_on(tmp_path: Path) -> None:
    words = ["evaluate", "toyland:40", "--size", "32x32", "--frames", "3", "--out", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "draganything_lab.cli", *words], stderr=subprocess.DEVNULL)
    made = tmp_path / "made"
    deadline = time.monotonic() + 300
    while not (made.is_dir() and len(list(made.glob("*.json"))) >= 3):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    store = Store(tmp_path)
    kept = [path.stem for path in made.glob("*.json")]
    assert 3 <= len(kept) < 120
    assert all(store.read_frames(name, 3) is not None for name in kept), "a result that is there is whole"
    before = stamps(tmp_path)
    run(settings("toyland:40", limit=2, size=(32, 32), frames=3), tmp_path)  # the dead process's lock is gone with it
    after = stamps(tmp_path)
    assert all(after[name] == when for name, when in before.items() if Path(name).stem in kept)
    assert any("toyland-00--frozen" in name for name in kept), "it was among those that are not made again"


def test_several_at_once_share_the_work(tmp_path: Path, makes: list[str]) -> None:
    chosen = settings(size=(32, 32), frames=3, features=())
    found: dict[int, Any] = {}

    def one(rank: int) -> None:  # as three that know nothing of each other, and one that does
        processes = Processes(1, 2) if rank == 1 else ALONE
        found[rank] = evaluate(chosen, tmp_path, processes=processes, bar=False)

    workers = [threading.Thread(target=one, args=(rank,)) for rank in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(makes) == sorted({job.name for job in make_plan(chosen).jobs})  # each once
    assert found[1] is None and len(found[0].records) == 6


def test_processes_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Processes.from_environment() == Processes(0, 1, 0)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert Processes.from_environment() == Processes(3, 4, 1)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(LabError, match="RANK is 4 of WORLD_SIZE 4"):
        Processes.from_environment()
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(LabError, match="set it to a number"):
        Processes.from_environment()


# Sources


def toy_scene(seed: int = 0) -> tuple[ToyClip, Scene]:
    clip = sample_clip(seed, (40, 48), FRAMES)
    return clip, clip.scene()


def test_a_folder_of_everything_with_broken_ones_in_it(tmp_path: Path) -> None:
    folder, out, lines = tmp_path / "scenes", tmp_path / "out", []
    clip, scene = toy_scene()
    scene.save(folder / "good.zip")
    write_video(folder / "good.gif", clip.video)  # its true video
    scene.save(folder / "as folder")
    write_demo_folder(scene, folder / "demo", FRAMES)
    (folder / "cut.zip").write_bytes((folder / "good.zip").read_bytes()[:300])
    (folder / "empty.zip").write_bytes(b"")
    Scene(scene.image).save(folder / "nobody moves.zip")
    write_demo_folder(scene, folder / "demo without mask", FRAMES)
    (folder / "demo without mask" / "mask_0.png").unlink()
    (folder / "notes.txt").write_text("not a scene")
    results = run(settings(folder), out, lines.append)
    assert {record.job.source.name for record in results.records} == {"good", "as folder", "demo"}
    assert set(results.failed) == {"cut", "empty", "nobody moves", "demo without mask"}
    assert results.failed["nobody moves"][0].startswith("none of its 0 entities is controlled")
    assert len(lines) == 4 and any("skipped cut: " in line for line in lines)  # each said once
    page = (out / "index.html").read_text()
    assert "<h2>Skipped</h2>" in page and "demo without mask" in page
    assert [r.job.source.name for r in results.records if r.job.model == "reference"] == ["good"]
    (folder / "cut.zip").write_bytes((folder / "good.zip").read_bytes())  # mended
    assert "cut" not in run(settings(folder), out).failed


def test_nothing_to_evaluate_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="has no scenes"):
        find_sources(tmp_path)
    with pytest.raises(LabError, match="is not a folder"):
        find_sources(tmp_path / "none")
    with pytest.raises(LabError, match="toyland:20"):
        find_sources("toyland:many")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(LabError, match=r"no video was made: broken: "):
        run(settings(tmp_path), tmp_path / "out")


def test_a_true_video_of_another_length_is_refused(tmp_path: Path) -> None:
    clip, scene = toy_scene()
    scene.save(tmp_path / "a.zip")
    write_video(tmp_path / "a.gif", clip.video)
    (source,) = find_sources(tmp_path)
    with pytest.raises(LabError, match=r"a\.gif has 5 frames, but the evaluation 4"):
        source.load(SIZE, 4, "opencv")


@pytest.fixture
def vipseg(tmp_path: Path) -> tuple[Path, ToyClip]:
    """A folder like VIPSeg, drawn."""
    root = vipseg_folder(tmp_path / "vipseg", ("clip_a", "clip_b", "not in val"))
    (root / "val.txt").write_text("clip_a\nclip_b\n")
    return root, sample_clip(3, (64, 80), 5)  # which clip_a is


def test_a_folder_like_vipseg(vipseg: tuple[Path, ToyClip]) -> None:
    root, clip = vipseg
    sources = find_sources(root)
    assert [source.name for source in sources] == ["clip_a", "clip_b"]
    assert "by the same tracker" in sources[0].note
    loaded = sources[0].load((64, 80), 4, "opencv")
    scene = loaded.scene
    assert np.array_equal(loaded.reference, clip.video[:4])
    assert scene.entities[0].name == "sky" and scene.entities[0].kind == "background"
    names = [entity.name for entity in scene.entities[1:]]
    assert names and all(re.fullmatch(r"toy \d", name) for name in names)
    for entity in scene.entities[1:]:
        label = int(entity.name.split()[1])
        assert np.array_equal(entity.mask, clip.labels[0] == label)
        true = clip.follow(label, np.array([entity.centre], np.float32))[:4, 0]
        assert np.median(np.linalg.norm(entity.path(4) - np.clip(true, 0, (79, 63)), axis=1)) < 2


def test_vipseg_with_released_trajectories(vipseg: tuple[Path, ToyClip]) -> None:
    root, clip = vipseg
    ids = [7, *(2000 + label for label in range(1, len(clip.kinds) + 1))]
    paths = {number: np.array([[10, 10], [20, 12], [30, 14], [40, 16], [50, 18]]) for number in ids}
    write_trajectories(root / "trajectories" / "clip_a.json", paths)
    first, second = find_sources(root)
    assert not first.note and second.note
    path = first.load((32, 40), 5, "opencv").scene.entities[-1].path(5)
    assert path[-1] == pytest.approx(((50 + 0.5) / 2 - 0.5, (18 + 0.5) / 2 - 0.5))
    write_trajectories(root / "trajectories" / "clip_a.json", {7: paths[7]})
    with pytest.raises(LabError, match="has no trajectory of segment 2"):
        first.load((32, 40), 5, "opencv")


def test_broken_vipseg_clips_are_named(vipseg: tuple[Path, ToyClip]) -> None:
    root, _ = vipseg
    first, second = find_sources(root)
    with pytest.raises(LabError, match="clip clip_a has 5 pictures, fewer than 9"):
        first.load(SIZE, 9, "opencv")
    mask = root / "panomasks" / "clip_a" / "00000000.png"
    for data, words in (
        (encode_picture(np.zeros((64, 80, 3), np.uint8)), "in colour"),
        (encode_picture(np.zeros((10, 10), np.uint8)), "same size"),
        (encode_picture(np.zeros((64, 80), np.uint8)), "no segment"),
        (b"", "cannot be read"),
    ):
        mask.write_bytes(data)
        with pytest.raises(LabError, match=words):
            first.load(SIZE, 4, "opencv")
    for file in (root / "panomasks" / "clip_b").iterdir():
        file.unlink()
    with pytest.raises(LabError, match="no masks in panomasks/clip_b"):
        second.load(SIZE, 4, "opencv")


# Models


class Obeying:
    """A stand-in for a pipeline: the preview, off by a few pixels more with each seed."""

    features = None

    def __init__(self, representation: str) -> None:
        self.representation = representation

    def set_progress_bar_config(self, **_: object) -> None: ...

    def __call__(self, scene: Scene, *, num_frames: int, seed: int, **_: object) -> Any:
        if seed == 13:
            raise RuntimeError("CUDA out of memory")
        frames = preview(scene, num_frames, label=False)
        return type("Output", (), {"frames": np.roll(frames, seed, axis=2)})


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Models "a" and "b" of the zoo; "b" lacks its weights. The list says what was loaded."""

    loaded = []

    def load(name: str, representation: str, **_: object) -> Obeying:
        if name == "b":
            raise LabError("the weights of b are not here", fix="download them")
        loaded.append((name, representation))
        return Obeying(representation)

    def find(name: str, representation: str, **_: object) -> tuple[Path, Path]:
        if name == "b":
            raise LabError("the weights of b are not here", fix="download them")
        return tmp_path, tmp_path

    monkeypatch.setattr(pipeline, "load_pipeline", load)
    monkeypatch.setattr(pipeline, "find_parts", find)
    return loaded


def test_models_times_representations_times_seeds(tmp_path: Path, models: list[tuple[str, str]]) -> None:
    lines: list[str] = []
    chosen = settings(models=("a", "b"), representations=("gaussian", "point"), seeds=(0, 5, 13))
    results = run(chosen, tmp_path, lines.append)
    assert models == [("a", "gaussian"), ("a", "point")]  # each loaded once
    assert {s.who: len(s.records) for s in results.summaries if s.maker[0] == "a"} == {"a, gaussian": 4, "a, point": 4}
    assert results.failed["b gaussian"] == ("the weights of b are not here; download them", 6)
    assert sum("CUDA out of memory" in why for why, _ in results.failed.values()) == 4
    assert sum("weights of b" in line for line in lines) == 2
    page = (tmp_path / "index.html").read_text()
    assert "a, gaussian" in page and "CUDA out of memory" in page
    (mean,) = [s.numbers["mean"] for s in results.summaries if s.who == "a, point"]
    assert mean.count == 2, "seeds of one scene are not independent: scenes are counted"


def test_other_settings_make_other_files(tmp_path: Path, models: list[tuple[str, str]], makes: list[str]) -> None:
    run(settings(models=("a",), representations=("gaussian",)), tmp_path)
    before, first = stamps(tmp_path), len(makes)
    run(settings(models=("a",), representations=("gaussian",), seeds=(0, 1)), tmp_path)
    assert len(makes) == first + 2  # the new seed, twice
    run(settings(models=("a",), representations=("gaussian",), steps=4), tmp_path)
    assert len(makes) == first + 4
    assert before.items() <= stamps(tmp_path).items()  # nothing was touched


def test_damaged_results_are_left_out_and_frames_made_again(tmp_path: Path, makes: list[str]) -> None:
    run(settings(), tmp_path)
    plan, store = make_plan(settings()), Store(tmp_path)
    for job in plan.jobs[:2]:
        store.path("made", job.name, ".png").write_bytes(b"damaged")
        store.path("measured", f"{job.name}--opencv", ".npz").write_bytes(b"PK")
    assert len(collect(plan, store).records) == 4
    store.path("measured", f"{plan.jobs[0].name}--opencv", ".json").unlink()
    makes.clear()
    run(settings(), tmp_path)
    assert makes == [plan.jobs[0].name]


def test_settings_that_make_no_sense_are_refused() -> None:
    for more, words in (
        ({"tracker": "eye"}, 'no tracker "eye"'),
        ({"representations": ("magic",)}, 'representation "magic"'),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (1, 1)}, "twice"),
        ({"frames": 1}, "2 to 1000"),
        ({"size": (8, 8)}, "8x8"),
        ({"steps": 0}, "steps"),
    ):
        with pytest.raises(LabError, match=words):
            settings(**more)
    with pytest.raises(LabError, match="unknown; use thumbnails"):
        Worker(make_plan(settings(features=("magic",))), Store("/tmp"), ALONE)
    with pytest.raises(LabError, match="limit is"):
        make_plan(settings(limit=0))


def test_models_of_different_sizes_need_one(tmp_path: Path) -> None:
    for name, side in (("small", 8), ("large", 16)):
        for part, content in (
            ("unet", {"sample_size": side, "num_frames": 8}),
            ("vae", {"block_out_channels": [1, 1, 1, 1]}),
        ):
            (tmp_path / name / part).mkdir(parents=True)
            (tmp_path / name / part / "config.json").write_text(json.dumps(content))
    small, large = (str(tmp_path / name) for name in ("small", "large"))
    plan = make_plan(Settings("toyland:1", models=(small,)))
    assert plan.size == (64, 64) and plan.frames == 8
    with pytest.raises(LabError, match="set --size and --frames"):
        make_plan(Settings("toyland:1", models=(small, large)))
    assert make_plan(Settings("toyland:1", models=(small, large), size=SIZE, frames=4)).size == SIZE


# The command


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "toyland:2", "--size", "32x32", "--frames", "3", "--features", "none", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    printed = capsys.readouterr()
    assert "Wrote 6 of 6 videos" in printed.out and "frozen video" in printed.out and "6 of 6, done" in printed.err
    assert cli.main([*words, "--models", str(tmp_path / "none")]) == 1  # something was skipped
    assert "skipped" in capsys.readouterr().out
    assert cli.main(["evaluate", str(tmp_path / "none")]) == 2
    assert "error: " in capsys.readouterr().err


def test_seeds_are_counted_or_listed() -> None:
    assert parse_seeds("3") == (0, 1, 2) and parse_seeds("0,5") == (0, 5) and parse_seeds("7,") == (7,)
    for text in ("", "x", "-1", "0", "99999"):
        with pytest.raises(LabError, match="--seeds"):
            parse_seeds(text)


def test_progress_says_the_time_left() -> None:
    assert time_left({"a": 3, "b": 0}, {"a": 2.0}, 1) == 6 and time_left({"a": 1}, {}, 1) is None
    assert [in_words(s) for s in (5, 600, 11_100)] == ["under a minute", "10 min", "3 h 5 min"]
    out = io.StringIO()
    bar = Progress(4, out)
    bar.show(1, 600, "x: toy")
    bar.show(2, 300, "not said: too soon")
    bar.show(4, 0, "")
    assert out.getvalue() == "1 of 4, 10 min left  x: toy\n4 of 4, done  \n"


def test_a_page_that_would_be_too_large_leaves_videos_beside_it(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from draganything_lab.evaluate import page as page_module

    results = collect(make_plan(settings()), Store(whole))
    sizes = [(whole / "videos" / f"{r.job.name}.mp4").stat().st_size for r in results.records]
    monkeypatch.setattr(page_module, "MAX_EMBEDDED", sum(sizes) * 4 // 3 * 2 // 3)
    text = page_module.page(results, Store(whole))
    assert text.count("data:video") == 3 and "1 more scenes did not fit" in text
    assert write_page(results, Store(whole)).stat().st_size > 10_000


def test_names_cannot_lead_out_of_the_page_or_the_folder(tmp_path: Path) -> None:
    _, scene = toy_scene()
    folder = tmp_path / "scenes"
    scene.rename(0, "<script>alert(1)</script>")
    scene.save(folder / "a & <b>.zip")
    results = run(settings(folder), tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<script>alert" not in page and "a &amp; &lt;b&gt;" in page
    assert all(re.fullmatch(r"[\w.+-]+", record.job.name) for record in results.records)
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} <= {
        "asked",
        "failed",
        "features",
        "locks",
        "made",
        "measured",
        "videos",
    }
    assert set(os.listdir(tmp_path)) == {"scenes", "out"}
