"""Evaluation by the paper's protocol: what it presets, what is left out and named, and what may be ranked together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.clips import vipseg_folder, write_i3d, write_inception
from hypothesis import given
from hypothesis import strategies as st

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.evaluate import Processes, Settings, Store, departures, evaluate, make_plan, preset
from draganything_lab.evaluate.beside import beside
from draganything_lab.evaluate.clip_sets import ClipSets
from draganything_lab.evaluate.entrants import entrants, weights_fingerprint
from draganything_lab.evaluate.metrics import PUBLISHED, Extractor, Row, Table
from draganything_lab.evaluate.metrics.released_fvd import BATCH, as_gif, counted, with_input
from draganything_lab.evaluate.paper import missing_tracker

SIZE, FRAMES = (48, 48), 5


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has downloaded is out of sight."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("DRAGANYTHING_LAB_COTRACKER_CODE", raising=False)


def paper(where: Path, **more: Any) -> Settings:
    return Settings(str(where), **(preset("paper") | {"size": SIZE, "frames": FRAMES, "fid": None, "fvd": None} | more))


def run(settings: Settings, out: Path, say: Callable[[str], None] = lambda _: None) -> Any:
    results = evaluate(settings, out, processes=Processes(), say=say, bar=False)
    assert results is not None
    return results


# The preset


def test_the_preset_is_the_papers() -> None:
    settings = Settings("x", **preset("paper"))
    assert (settings.size, settings.frames, settings.fid, settings.fvd) == ((256, 256), 14, "", "")
    assert (settings.fvd_input, settings.fvd_remainder, settings.tracker) == ("gif", "released", "opencv")
    assert Settings("x", **preset("lab")) == Settings("x")
    published = {row.protocol.name: row.protocol for row in PUBLISHED}
    assert (published["FVD"]["size"], published["FVD"]["frames"]) == ("256x256", "14")
    for wrong in ({"protocol": "theirs"}, {"fvd_input": "mp4"}, {"fvd_remainder": "half"}):
        with pytest.raises(LabError, match="use"):
            Settings("x", **wrong)


def test_cotracker_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, hub = tmp_path / "code", tmp_path / "scaled_offline.pth"
    code.mkdir()
    (code / "hubconf.py").write_text("")
    hub.write_bytes(b"")
    monkeypatch.setenv("DRAGANYTHING_LAB_COTRACKER_CODE", str(code))
    assert preset("paper")["tracker"] == "opencv"  # the code alone is not enough
    monkeypatch.setenv("DRAGANYTHING_LAB_COTRACKER3_OFFLINE", str(hub))
    assert preset("paper")["tracker"] == "cotracker3-offline"


def test_departures_name_what_differs(tmp_path: Path) -> None:
    root = vipseg_folder(tmp_path / "vip", ["a", "b"])
    settings = Settings(str(root), **preset("paper"))
    told = {one.what: one for one in departures(make_plan(settings))}
    assert "size" not in told and told["tracker"].here == "opencv" and "for 2" in told["trajectories"].here
    assert told["FVD's GIFs"] and told["FID"] and told["seeds"].here == "0"
    changed = {one.what: one for one in departures(make_plan(paper(root, seeds=(0, 1))))}
    assert changed["size"].here == "48x48" and changed["frames"].here == "5" and changed["seeds"].here == "0, 1"
    assert not any(what.startswith(("FID", "FVD")) for what in changed)
    assert departures(make_plan(Settings(str(root), size=SIZE, frames=5))) == []


# FVD as released


@given(st.integers(0, 200))
def test_what_remains_of_a_batch(clips: int) -> None:
    names = list(range(clips))
    assert counted(clips, "kept") == clips
    assert counted(clips, "dropped") == max(range(0, clips + 1, BATCH))
    assert counted(clips, "released") == len(names[: -(clips % BATCH)])  # the released slice


def test_a_gif_has_256_colours_in_each_frame() -> None:
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (3, 40, 40, 3), np.uint8)
    video[2] = video[1]  # an animated GIF would join them
    through = as_gif(video)
    assert through.shape == video.shape and np.array_equal(through[1], through[2])
    assert all(len(np.unique(frame.reshape(-1, 3), axis=0)) <= 256 for frame in through)
    flat = np.full((2, 8, 8, 3), 77, np.uint8)
    assert np.abs(as_gif(flat).astype(int) - 77).max() <= 1
    seen = []
    inner = Extractor("FVD", "x", lambda clip: seen.append(clip) or np.zeros((1, 2)))
    with_input(inner, "gif")(video)
    assert np.array_equal(seen[0], through)
    assert with_input(inner, "gif").protocol()["input"] == "GIF, 256 colours"
    with_input(inner, "frames")(video)
    assert np.array_equal(seen[1], video)


# Who takes part


@pytest.fixture
def controlnets(tmp_path: Path) -> Path:
    """ControlNets of the toy's layout, one for each of two representations, and one with a pipeline's size."""
    for name, representation, wide in (("both", "entity+gaussian", [128, 128]), ("g", "gaussian", [128, 128])):
        (tmp_path / "runs" / name).mkdir(parents=True)
        content = {"_class_name": "DragAnythingControlNet", "representation": representation}
        (tmp_path / "runs" / name / "config.json").write_text(json.dumps(content | {"block_out_channels": wide}))
    (tmp_path / "runs" / "large" / "controlnet").mkdir(parents=True)
    content = {"_class_name": "DragAnythingSDVModel", "block_out_channels": [320, 640, 1280, 1280]}
    (tmp_path / "runs" / "large" / "controlnet" / "config.json").write_text(json.dumps(content))
    return tmp_path / "runs"


def test_who_takes_part(controlnets: Path) -> None:
    words = ["svd", f"{controlnets}/both", f"{controlnets}/g", f"{controlnets}/large", "toy=point", "toy=point"]
    found = entrants(words, ("entity+gaussian", "carry"))
    names = [(Path(one.model).name, one.representation, one.base, one.controlnet) for one in found]
    assert names == [
        ("svd", "entity+gaussian", "svd", None),
        ("svd", "carry", "svd", None),
        ("both", "entity+gaussian", "toy", controlnets / "both"),
        ("g", "gaussian", "toy", controlnets / "g"),
        ("large", "entity+gaussian", "svd", controlnets / "large" / "controlnet"),
        ("large", "carry", "svd", controlnets / "large" / "controlnet"),
        ("toy", "point", "toy", None),
    ]
    assert entrants([f"{controlnets}/g"], ("carry",), base="/my/pipeline")[0].base == "/my/pipeline"
    with pytest.raises(LabError, match='was trained with the representation "gaussian", not "entity"'):
        entrants([f"{controlnets}/g=entity"], ())
    with pytest.raises(LabError, match='"magic" is unknown'):
        entrants(["toy=magic"], ())
    (controlnets / "lr=2").mkdir()
    assert entrants([f"{controlnets}/lr=2"], ("point",))[0].model.endswith("lr=2")


def test_other_weights_in_a_controlnet_make_other_files(controlnets: Path) -> None:
    (one,) = entrants([f"{controlnets}/g"], ())
    before = weights_fingerprint(one)
    (controlnets / "g" / "diffusion_pytorch_model.safetensors").write_bytes(b"x")
    assert weights_fingerprint(one) != before


# Missing weights


def test_what_is_missing_is_said_first_and_the_rest_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = vipseg_folder(tmp_path / "vip", ["a", "b"], paths=True)
    words = ["evaluate", str(root), "--models", "svd", "--protocol", "paper", "--size", "48x48", "--frames", "5"]
    words += ["--out", str(tmp_path / "out")]
    assert cli.main([*words, "--dry-run"]) == 1
    told = capsys.readouterr().out
    for name in ('"svd" weights', '"draganything" weights', '"sd15" weights', "Inception", "I3D", "CoTracker"):
        assert name in told, name
    assert "--download" in told and "2 scenes, 8 videos of 5 frames at 48x48" in told
    assert not (tmp_path / "out" / "made").exists()
    assert cli.main(words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("skipped")] == [
        "skipped svd entity+gaussian",
        "skipped features fid",
        "skipped features fvd",
    ]
    assert any("Wrote 6 of 8 videos" in line for line in lines)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("Not measured: ") == 2 and "cannot be ranked with published numbers" in page
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert {"features fid", "features fvd"} <= set(summary["failed"]) and summary["departures"]


# Clips that are broken


def test_each_clip_with_a_fault_is_left_out_and_counted(tmp_path: Path) -> None:
    names = ["fine", "good", "gap", "lost", "one", "none", "short", "mask"]
    root = vipseg_folder(tmp_path / "vip", names, frames=6, paths=True)
    (root / "imgs" / "gap" / "00000002.png").unlink()  # its mask is still there
    shutil.rmtree(root / "imgs" / "one")
    (root / "imgs" / "one").mkdir()
    shutil.copy(root / "imgs" / "fine" / "00000000.png", root / "imgs" / "one")
    (root / "trajectories" / "none.json").unlink()
    for name, change in (
        ("short", lambda paths: {key: rows[:3] for key, rows in paths.items()}),
        ("lost", lambda paths: {"7": paths["7"]}),  # an id of the mask is not there; more ids than masks are no fault
        ("good", lambda paths: paths | {"999": paths["7"]}),
    ):
        file = root / "trajectories" / f"{name}.json"
        file.write_text(json.dumps(change(json.loads(file.read_text()))))
    cv2.imwrite(str(root / "panomasks" / "mask" / "00000000.png"), np.full((10, 10), 7, np.uint8))
    (root / "val.txt").write_text("\n".join([*names, "absent"]))
    lines: list[str] = []
    results = run(paper(root), tmp_path / "out", lines.append)
    expected = {
        "gap": "lacks the picture of the mask 00000002.png",
        "lost": "has no trajectory of segment",
        "one": "has 1 pictures, fewer than 5",
        "none": "has no trajectories/none.json",
        "short": "has 3 points from picture 0 onwards, fewer than 5",
        "mask": "make them the same size",
        "absent": "val.txt names it, but imgs/ lacks it",
    }
    assert {name: why for name, (why, _) in results.failed.items() if name in expected}.keys() == expected.keys()
    for name, words in expected.items():
        assert words in results.failed[name][0]
        assert sum(line.startswith(f"skipped {name}: ") for line in lines) == 1
    assert {record.job.source.name for record in results.records} == {"fine", "good"}
    assert any(note.startswith("7 of 9 scenes were left out") and "other 2" in note for note in results.notes)
    (mean,) = (s.numbers["mean"] for s in results.summaries if s.maker[0] == "preview")
    assert mean.protocol["data"] == f"{root}, 2 scenes"
    lenient = run(Settings(str(root), size=SIZE, frames=5), tmp_path / "out")  # ours tracks what has no file
    assert "none" in {record.job.source.name for record in lenient.records}


def test_numbers_that_jump_are_a_note(tmp_path: Path) -> None:
    root = vipseg_folder(tmp_path / "vip", ["a", "b"], frames=6)
    for kind in ("imgs", "panomasks"):
        (root / kind / "b" / "00000003.png").unlink()
    results = run(paper(root), tmp_path / "out")
    assert any("1 clips jump" in note and "(b)" in note for note in results.notes)


def test_different_sets_of_scenes_are_not_ranked(tmp_path: Path) -> None:
    root = vipseg_folder(tmp_path / "vip", ["a", "b", "c"])
    results = run(paper(root), tmp_path / "out")
    assert ClipSets(results.plan, results.records).notes() == []
    kept = [r for r in results.records if (r.job.model, r.job.source.name) != ("frozen", "b")]
    sets = ClipSets(results.plan, kept)
    assert sets.data(("preview", "")) == f"{root}, 3 scenes" != sets.data(("frozen", ""))
    assert sets.notes() == [
        "frozen video lacks 1 scene that others have (b), so its numbers are not ranked with theirs."
    ]
    store = Store(tmp_path / "out")
    job = next(job for job in results.plan.jobs if job.model == "frozen" and job.source.name == "b")
    store.path("made", job.name, ".json").unlink()
    from draganything_lab.evaluate import collect, write_page

    partial = collect(results.plan, store)
    table = partial.table().only("ObjMC, released")
    assert len(table.groups()) == 2 and "different sets of scenes" in write_page(partial, store).read_text()


# Beside the paper


def test_published_numbers_are_ranked_with_ours_only_by_the_same_protocol(tmp_path: Path) -> None:
    root = vipseg_folder(tmp_path / "vip", ["a", "b"], paths=True)
    results = run(paper(root), tmp_path / "out")
    by = {one.measure: one for one in beside(results)}
    assert not any(one.together for one in by.values())
    assert [row.model for row in by["ObjMC, released"].published][:2] == ["DragAnything", "DragNUWA"]
    assert len(by["ObjMC, released"].published) == 6  # the ablation follows the same protocol
    apart = by["ObjMC, released"].apart
    assert any(words.startswith("tracker: CoTracker 2 against opencv") for words in apart)
    assert any(words.startswith("size: 256x256 against 48x48") for words in apart)
    assert by["FVD"].missing == "--fvd FILE measures it"
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<h2>Beside the published numbers</h2>" in page and "tracker: CoTracker 2 against opencv" in page
    # A measurement by exactly that protocol would be ranked with them.
    same = Row("mine", 300.0, by["ObjMC, released"].published[0].protocol, "px")
    assert next(row.model for row in Table([*by["ObjMC, released"].published, same]).ranked()) == "mine"


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_fvd_as_released_counts_whole_batches_only(tmp_path: Path) -> None:
    names = [f"c{number:02d}" for number in range(17)]
    root = vipseg_folder(tmp_path / "vip", names, size=(32, 32), frames=10, paths=True)
    i3d = write_i3d(tmp_path / "i3d.pt")
    chosen = {"size": (32, 32), "frames": 10, "fvd": str(i3d)}
    found = {}
    for remainder, limit in (("released", None), ("dropped", 16), ("kept", None), ("released", 16), ("kept", 16)):
        results = run(paper(root, **chosen, fvd_remainder=remainder, limit=limit), tmp_path / "out")
        preview = next(s for s in results.summaries if s.maker[0] == "preview")
        found[remainder, limit] = preview.numbers.get("fvd")
        if (remainder, limit) == ("released", 16):
            assert "16 clips are whole batches" in results.failed["preview, fvd"][0]
            assert "--fvd-remainder dropped" in {one.measure: one for one in beside(results)}["FVD"].missing
    assert found["released", 16] is None
    assert found["released", None].value == found["dropped", 16].value == found["kept", 16].value
    assert found["kept", None].value != found["released", None].value
    protocol = found["released", None].protocol
    assert protocol["batches"] == "16, a remainder dropped" and protocol["generated"] == "16 scenes"
    assert found["kept", None].protocol["batches"] == "none dropped"


# All of it


def children(pid: int) -> list[int]:
    """All processes that a process has started, and theirs."""
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    own = [int(word) for word in told.stdout.split()]
    return own + [other for child in own for other in children(child)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_two_processes_killed_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models of the toy with all measures, in two processes, killed, resumed, and equal to one process."""
    pytest.importorskip("torch_fidelity")
    root = vipseg_folder(tmp_path / "vip", ["a", "b"], frames=10, paths=True)
    fid = write_inception(tmp_path / "inception.pth", monkeypatch)
    i3d = write_i3d(tmp_path / "i3d.pt")
    words = ["evaluate", str(root), "--models", "toy,toy=gaussian", "--protocol", "paper", "--size", "64x64"]
    words += ["--frames", "10", "--steps", "1", "--fid", str(fid), "--fvd", str(i3d), "--fvd-remainder", "kept"]
    # On CPUs accelerate's launcher starts one process unless there is MPI; PyTorch's sets the same variables.
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "--"]
    launch.append("draganything_lab.cli")
    out = tmp_path / "two"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*launch, *words, "--out", str(out)], env=environment, stdout=subprocess.DEVNULL)

    process = start()
    deadline = time.monotonic() + 300
    while len(list((out / "made").glob("*.json")) if (out / "made").is_dir() else []) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    for pid in (process.pid, *children(process.pid)):  # the launcher's processes have sessions of their own
        os.kill(pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in (out / "made").glob("*.json")}
    assert 3 <= len(kept) < 10 and not (out / "index.html").exists()
    assert start().wait(300) == 1  # CoTracker is not here, which is said
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert cli.main([*words, "--out", str(tmp_path / "one")]) == 1
    two, one = (json.loads((folder / "summary.json").read_text())["models"] for folder in (out, tmp_path / "one"))
    assert two == one and {row["model"] for row in two} == {"reference", "preview", "frozen", "toy"}
    assert all({"fid", "fvd", "released"} <= set(row) for row in two if row["model"] == "toy")
    assert missing_tracker(make_plan(Settings(str(root), **preset("paper"))))
