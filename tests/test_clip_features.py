"""What is computed once for each window: shards that survive kills and damage, and the samples drawn from them."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from draganything_lab import show  # noqa: E402
from draganything_lab.control.representations import REPRESENTATIONS, shows_vectors  # noqa: E402
from draganything_lab.control.vectors import fit_channels, pool_over_mask  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.evaluate.work import Processes  # noqa: E402
from draganything_lab.models import load_features  # noqa: E402
from draganything_lab.toyland.clip_folder import write_clips  # noqa: E402
from draganything_lab.training.full import prepare as module  # noqa: E402
from draganything_lab.training.full.prepare import prepare  # noqa: E402
from draganything_lab.training.full.reading import read_window  # noqa: E402
from draganything_lab.training.full.samples import ClipSamples  # noqa: E402
from draganything_lab.training.full.shards import Recipe, Shards  # noqa: E402

SIZE, FRAMES = (64, 96), 4
RECIPE = Recipe(size=SIZE, frames=FRAMES)


@pytest.fixture(scope="module")
def features() -> Any:
    return load_features("toy", device="cpu", draws=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, features: Any) -> tuple[Path, Path]:
    """A folder of clips and its shards."""
    root = tmp_path_factory.mktemp("clips")
    write_clips(root / "clips", 5, SIZE, 6, say=lambda words: None)
    prepare(root / "clips", root / "shards", RECIPE, features, say=lambda words: None)
    return root / "clips", root / "shards"


@pytest.fixture
def copied(made: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    for name, folder in zip(("clips", "shards"), made, strict=True):
        shutil.copytree(folder, tmp_path / name)
    return tmp_path / "clips", tmp_path / "shards"


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("paths", ["tracked", "masks"])
def test_a_sample_is_what_the_contract_says(made: tuple[Path, Path], representation: str, paths: str) -> None:
    source = ClipSamples(*made, representation=representation, paths=paths)
    sample = source.draw(3)
    height, width = SIZE
    shapes = {
        "video": ((FRAMES, 3, height, width), torch.uint8),
        "image": ((FRAMES, 3, height, width), torch.float16 if representation == "trajectory" else torch.uint8),
        "labels": ((FRAMES, height, width), torch.uint8),
        "vectors": ((17, source.channels), torch.float32),
        "moved": ((FRAMES, height, width), torch.bool),
    }
    if representation == "carry":
        shapes["ways"] = ((FRAMES, 3, height // 8, width // 8), torch.float16)
    assert {name: (tuple(part.shape), part.dtype) for name, part in sample.items()} == shapes
    count = len(source.about(3)["names"])
    assert not sample["vectors"][0].any() and not sample["vectors"][count + 1 :].any()
    assert sample["vectors"][1 : count + 1].any(dim=1).all()
    assert int(sample["labels"].max()) == (count if shows_vectors(representation) else 0)
    assert bool(sample["image"].any()) == (representation != "entity")


def test_the_picture_is_the_control_signals(made: tuple[Path, Path]) -> None:
    for representation in REPRESENTATIONS:
        source = ClipSamples(*made, representation=representation)
        _, _, ids, parts = source._window(1)
        control = source._control(ids, parts)
        wanted = control.image().transpose(0, 3, 1, 2)
        assert np.allclose(source.draw(1)["image"].numpy(), wanted, atol=0.07)  # float16 for "trajectory"


def test_vectors_are_pooled_over_each_mask_of_the_first_frame(made: tuple[Path, Path], features: Any) -> None:
    shards = Shards(made[1])
    record, parts = shards.clips[2], shards.window(2, 1)
    video, ids = read_window(record.window_frames(made[0], 1), SIZE)
    found = features.extract(video[0], size=SIZE)
    wanted = [pool_over_mask(found, ids[0] == number) for number in parts.ids]
    assert np.allclose(parts.vectors, fit_channels(np.stack(wanted), shards.channels), atol=1e-5)


def test_draws_follow_from_seed_and_number_alone(made: tuple[Path, Path]) -> None:
    one, two, other = ClipSamples(*made), ClipSamples(*made), ClipSamples(*made, seed=1)
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()
    numbers = [7, 0, 3, 11]
    drawn = {number: one.draw(number) for number in numbers}
    assert all(same(two.draw(number), drawn[number]) for number in reversed(numbers))
    clips = [[source.choice(n).clip for n in range(10)] for source in (one, other)]
    assert sorted(clips[0][:5]) == list(range(5)) == sorted(clips[0][5:]) and clips[0] != clips[1]
    assert len({one.choice(n).window for n in range(40)}) > 1


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_draw_the_same(made: tuple[Path, Path], start: str) -> None:
    source = ClipSamples(*made)
    alone = [source.draw(number) for number in range(4)]
    dataset = Rows(source)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context=start)
    assert all(same(a, b) for a, b in zip(alone, loader, strict=True))


class Rows(torch.utils.data.Dataset):
    def __init__(self, source: ClipSamples) -> None:
        self.source = source

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self.source.draw(number)


def test_a_mirrored_sample(made: tuple[Path, Path]) -> None:
    plain, source = ClipSamples(*made), ClipSamples(*made, flip=True)
    number = next(n for n in range(20) if source.choice(n).flipped)
    assert plain.choice(number).window == source.choice(number).window
    first, second = plain.draw(number), source.draw(number)
    assert torch.equal(first["video"].flip(-1), second["video"]) and torch.equal(
        first["moved"].flip(-1), second["moved"]
    )
    paths = [each.about(number)["paths"] for each in (plain, source)]
    assert np.allclose(SIZE[1] - 1 - paths[0][..., 0], paths[1][..., 0])
    off = (first["labels"].flip(-1) != second["labels"]).float().mean()
    assert off < 0.02, "discs are drawn around mirrored centres"


def test_nothing_is_drawn_where_a_mask_is_gone(made: tuple[Path, Path]) -> None:
    source = ClipSamples(*made, paths="masks", representation="entity")
    _, _, ids, parts = source._window(0)
    seen = parts.seen.copy()
    seen[2] = False
    object.__setattr__(parts, "seen", seen)
    labels = source._control(ids, parts).labels
    assert labels[1].any() and not labels[2].any() and labels[3].any()


def test_a_file_that_vanishes_during_training_is_passed_over(
    copied: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    source, other = ClipSamples(*copied), ClipSamples(*copied)
    record = source.shards.clips[source.choice(0).clip]
    whole = source.draw(0)
    shutil.rmtree(copied[0] / record.pictures)
    assert same(source.draw(0), other.draw(0)) and not same(source.draw(0), whole)
    assert same(source.draw(0), source.draw(1)), "the next clip of the epoch takes its place"
    assert record.name in caplog.text and "passed over" in caplog.text
    shutil.rmtree(copied[0] / "imgs")
    with pytest.raises(LabError, match="none of the 5 clips"):
        source.draw(0)


def test_nothing_is_made_twice_and_a_damaged_shard_is(
    copied: tuple[Path, Path], features: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Shards(copied[1]).fingerprint()
    says: list[str] = []
    prepare(*copied, RECIPE, features, say=says.append)
    assert says == []
    shard = copied[1] / "00000.safetensors"
    data = bytearray(shard.read_bytes())
    data[-3] ^= 1
    shard.write_bytes(data)
    with pytest.raises(LabError, match=r"00000\.safetensors is damaged .*; run `draganything-lab clips features`"):
        Shards(copied[1])
    prepare(*copied, RECIPE, features, say=says.append)
    assert "00000.safetensors is damaged" in says[0] and "it is made again" in says[0]
    assert Shards(copied[1]).fingerprint() == before
    shard.unlink()
    with pytest.raises(LabError, match="cannot be read"):
        ClipSamples(*copied)
    (copied[1] / "index.json").write_text("{")
    with pytest.raises(LabError, match="its features are not finished"):
        ClipSamples(*copied)


def edited(data: bytes, kind: str) -> bytes:
    """A file with other content and as many bytes."""
    if kind == "trajectories":
        return re.sub(rb"\d(?=\.)", lambda digit: b"3" if digit[0] == b"4" else b"4", data)
    picture, out = np.array(Image.open(io.BytesIO(data))), io.BytesIO()
    Image.fromarray(picture[:, ::-1] if kind == "panomasks" else picture // 2).save(
        out, **({"format": "PNG", "optimize": True} if kind == "panomasks" else {"format": "JPEG", "quality": 60})
    )
    return out.getvalue() + bytes(len(data) - len(out.getvalue()))


@pytest.mark.parametrize("kind", ["imgs", "panomasks", "trajectories"])
def test_an_edited_file_of_the_same_size_is_noticed_and_only_its_clip_computed(
    copied: tuple[Path, Path], features: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    before = Shards(copied[1]).fingerprint()
    (path,) = (copied[0] / kind).glob("*_000002*")
    file = path if path.is_file() else sorted(path.iterdir())[0]
    size = file.stat().st_size
    file.write_bytes(edited(file.read_bytes(), kind))
    assert file.stat().st_size == size
    computed: list[str] = []
    inspect = module.inspect_clip
    monkeypatch.setattr(module, "inspect_clip", lambda clip: computed.append(clip.name) or inspect(clip))
    says: list[str] = []
    prepare(*copied, RECIPE, features, say=says.append)
    assert computed == ["toyland_000002"]
    assert says[0] == "clip toyland_000002 has changed; it is computed again"
    after = Shards(copied[1])
    assert after.fingerprint() != before
    prepare(copied[0], tmp_path / "fresh", RECIPE, features, say=says.append)
    assert Shards(tmp_path / "fresh").fingerprint() == after.fingerprint(), "as if everything were computed"


def test_a_copied_folder_is_read_once_and_not_computed_again(
    copied: tuple[Path, Path], features: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Shards(copied[1]).fingerprint()
    for file in copied[0].rglob("*"):
        os.utime(file, (1, 1))
    read: list[str] = []
    content = module.content
    monkeypatch.setattr(module, "content", lambda clip: read.append(clip.name) or content(clip))
    says: list[str] = []
    for _ in range(2):
        prepare(*copied, RECIPE, features, say=says.append)
    assert len(read) == 5 and says == []
    assert Shards(copied[1]).fingerprint() == before


def test_added_and_removed_files_are_noticed(copied: tuple[Path, Path], features: Any) -> None:
    says: list[str] = []
    (copied[0] / "trajectories" / "toyland_000003.json").unlink()
    last = sorted((copied[0] / "panomasks" / "toyland_000001").iterdir())[-1]
    last.unlink()
    shutil.copytree(copied[0] / "imgs" / "toyland_000000", copied[0] / "imgs" / "toyland_000005")
    shutil.copytree(copied[0] / "panomasks" / "toyland_000000", copied[0] / "panomasks" / "toyland_000005")
    prepare(*copied, Recipe(size=SIZE, frames=FRAMES), features, say=says.append)
    assert [words for words in says if "changed" in words] == [
        f"clip toyland_00000{number} has changed; it is computed again" for number in (1, 3)
    ]
    (copied[0] / "train.txt").unlink()
    prepare(*copied, Recipe(size=SIZE, frames=FRAMES), features, say=says.append)
    assert "shard 00000 holds other clips, or is of another version; it is made again" in says
    assert len(Shards(copied[1]).clips) == 6


def test_other_options_are_refused(copied: tuple[Path, Path], features: Any) -> None:
    says: list[str] = []
    for recipe, words in (
        (Recipe(size=(64, 64), frames=FRAMES), r"size \[64, 96\], not \[64, 64\]"),
        (Recipe(size=SIZE, frames=FRAMES, stuff=False), "stuff True, not False"),
        (Recipe(size=SIZE, frames=FRAMES, features={"channels": features.feature_channels}), "with channels"),
    ):
        if recipe.features and features.entity_channels == features.feature_channels:
            continue
        with pytest.raises(LabError, match=words):
            prepare(*copied, recipe, features, say=says.append)


def test_broken_clips_are_left_out_with_their_reason(copied: tuple[Path, Path], features: Any, tmp_path: Path) -> None:
    for name, keep in (("000001", 1), ("000003", 0)):
        (folder,) = (copied[0] / "panomasks").glob(f"*_{name}")
        for file in sorted(folder.iterdir())[keep:]:
            file.write_bytes(file.read_bytes()[:40])
    says: list[str] = []
    prepare(copied[0], tmp_path / "new", RECIPE, features, say=says.append)
    source = ClipSamples(copied[0], tmp_path / "new")
    assert len(source) == 3 and sorted(source.left_out) == ["toyland_000001", "toyland_000003"]
    assert "has 1, but a window needs 4" in source.left_out["toyland_000001"]
    assert "none of its frames can be used" in source.left_out["toyland_000003"]
    assert any(words.startswith("left out clip toyland_000001") for words in says)
    shutil.rmtree(copied[0] / "panomasks")
    (copied[0] / "panomasks").mkdir()
    with pytest.raises(LabError, match="none of the 5 clips can be used; toyland_000000: none of its frames"):
        prepare(copied[0], tmp_path / "newer", RECIPE, features, say=says.append)


def test_processes_share_the_work(
    made: tuple[Path, Path], features: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLIPS", 1)
    says: dict[int, list[str]] = {0: [], 1: []}
    prepare(made[0], tmp_path, RECIPE, features, processes=Processes(1, 2), say=says[1].append)
    assert len(says[1]) == 5  # the other one did not come, so it did everything
    (tmp_path / "00003.json").unlink()
    prepare(made[0], tmp_path, RECIPE, features, processes=Processes(0, 2), say=says[0].append)
    assert [words.split(":")[0] for words in says[0]] == ["shard 4 of 5"]
    assert len(Shards(tmp_path).clips) == 5


def test_tracked_paths_are_there_only_if_they_were_made(made: tuple[Path, Path], features: Any, tmp_path: Path) -> None:
    prepare(made[0], tmp_path, Recipe(size=SIZE, frames=FRAMES, paths="masks"), features, say=lambda words: None)
    assert ClipSamples(made[0], tmp_path, paths="masks").draw(0)["image"].any()
    with pytest.raises(LabError, match="no tracked paths"):
        ClipSamples(made[0], tmp_path)
    with pytest.raises(LabError, match="pass the folder of the clips"):
        ClipSamples(tmp_path, made[1])
    with pytest.raises(LabError, match='paths are "both"'):
        ClipSamples(*made, paths="both")


def test_a_figure_of_samples(made: tuple[Path, Path]) -> None:
    source = ClipSamples(*made)
    figure = show.training_samples(source, [0, 4], count=3)
    titles = [words.get_text() for axes in figure.axes for words in axes.texts]
    assert len(figure.axes) == 2 * 3 * 3 and "loss mask" in titles[2] and "toyland_" in titles[0]
    with pytest.raises(LabError, match="no sample to draw"):
        show.training_samples(source, [])
    with pytest.raises(LabError, match='has no "image"'):
        show.training_samples(type("Bare", (), {"draw": lambda self, number: {"video": np.zeros((1, 3, 8, 8))}})(), [0])


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Kill -9 at growing delays; what is there afterwards is whole, and the end result is that of one run."""
    words = ["-m", "draganything_lab.cli", "clips", "features", str(made[0]), "--out", str(tmp_path / "s")]
    words += ["--size", "96x64", "--frames", str(FRAMES), "--device", "cpu"]
    script = f"import sys, draganything_lab.training.full.prepare as p; p.CLIPS = 1; sys.argv = {words[1:]!r}\n"
    script += "from draganything_lab.cli.main import main; sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    kills = 0
    for attempt in range(60):
        process = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
        deadline = time.monotonic() + 4 + 0.7 * attempt
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            for about in tmp_path.glob("s/0*.json"):
                json.loads(about.read_text())
            continue
        assert process.returncode == 0
        break
    assert kills and len(Shards(tmp_path / "s").clips) == 5


def test_a_wrong_folder_is_named_and_leaves_nothing_behind(tmp_path, features):
    (tmp_path / "file").write_text("no clips")
    for wrong in ("nowhere", "file"):
        with pytest.raises(LabError, match=f"{wrong} is not a folder"):
            prepare(tmp_path / wrong, tmp_path / "out", RECIPE, features)
        assert not (tmp_path / "out").exists()
        with pytest.raises(LabError, match=f"{wrong} is not a folder"):
            ClipSamples(tmp_path / wrong, tmp_path / "out")
    (tmp_path / "clips").mkdir()
    with pytest.raises(LabError, match="missing is not there"):
        ClipSamples(tmp_path / "clips", tmp_path / "missing")
