"""Scrapbook: artwork in motion, its truth exact; a tiny pack is drawn here, so that nothing is fetched."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.artwork import drawn, items, scenery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.toyland import Artwork, Thing, ToyClip, World, sample_scrapbook
from draganything_lab.toyland.artwork import Entry, premultiplied, write_pack
from draganything_lab.toyland.cutting import RIM, crop, fitted, outline, patch, recoloured
from draganything_lab.toyland.gather import LOMIRI, SCIKIT_IMAGE, _emoji_fits, _held_out, cropped
from draganything_lab.toyland.scrapbook import sample_scrapbook_world
from draganything_lab.toyland.world import margin

NOTICE = Path(cli.__file__).parents[1] / "weights" / "NOTICE"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack") / "artwork.zip", items())


@pytest.fixture(scope="module")
def artwork(pack: Path) -> Artwork:
    return Artwork.load(pack)


def digest(clip: ToyClip) -> str:
    return hashlib.sha256(clip.video.tobytes() + clip.labels.tobytes()).hexdigest()


def test_a_seed_gives_the_same_clip_and_another_one_another(pack: Path, artwork: Artwork) -> None:
    again = Artwork(artwork.entries, {entry.file: data for entry, data in artwork.items()})
    for kind in ("drawing", "photograph", None):
        one = sample_scrapbook(5, (64, 64), 4, artwork=artwork, kind=kind)
        assert digest(one) == digest(sample_scrapbook(5, (64, 64), 4, artwork=again, kind=kind))
        assert digest(one) != digest(sample_scrapbook(6, (64, 64), 4, artwork=artwork, kind=kind))
    assert Artwork.load(pack) is artwork and Artwork.load(pack.parent) is artwork


@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([(64, 64), (128, 128), (96, 144), (40, 90)]),
    kind=st.sampled_from(["drawing", "photograph"]),
    held_out=st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_motion_carries_labels_and_colours(
    artwork: Artwork, seed: int, size: tuple[int, int], kind: str, held_out: bool
) -> None:
    clip = sample_scrapbook(seed, size, 5, artwork=artwork, kind=kind, held_out=held_out)  # type: ignore[arg-type]
    assert clip.video.shape == (5, *size, 3) and clip.labels.shape == (5, *size)
    assert len(clip.motion_matrices) == len(clip.world.things) + 1
    tracks, visible = clip.motion()
    for label in range(len(clip.motion_matrices)):
        # Where a thing's inner pixels go, the same thing with the same colours is seen, or something nearer.
        inner = cv2.erode((clip.labels[0] == label).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        still = np.allclose(clip.motion_matrices[label], np.eye(3))
        for frame in range(1, 5):
            x, y = np.rint(tracks[frame][inner]).astype(int).T
            inside = (x >= 2) & (y >= 2) & (x < size[1] - 2) & (y < size[0] - 2)
            x, y, before = x[inside], y[inside], clip.video[0][inner][inside].astype(int)
            if len(x) < 60:
                continue
            # Later things are nearer; a gap thinner than a pixel may open as a thing moves.
            assert (clip.labels[frame][y, x] >= label).mean() > 0.9
            nearer = cv2.dilate((clip.labels[frame] > label).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            free = ~nearer[y, x] & (clip.labels[frame][y, x] == label)
            change = np.abs(clip.video[frame][y, x].astype(int) - before)[free]
            if len(change) >= 60:  # a faint rim or thin end has no label, but may pass over what stands still
                assert (change == 0).mean() > 0.75 if still else change.mean() < 40
    assert visible[0].all()


@given(seed=st.integers(0, 10**6), style=st.sampled_from(["drag", "still"]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_some_frames_are_those_of_the_whole_clip(artwork: Artwork, seed: int, style: str) -> None:
    world = sample_scrapbook_world(seed, (64, 64), 7, artwork=artwork, style=style)  # type: ignore[arg-type]
    whole, some = world.render(), world.render([0, 3, 6])
    assert np.array_equal(some.video, whole.video[[0, 3, 6]]) and np.array_equal(some.labels, whole.labels[[0, 3, 6]])
    for one, other in zip(whole.motion(), some.motion(), strict=True):
        assert np.array_equal(one[[0, 3, 6]], other, equal_nan=True)
    first, second = whole.scene(start_seed=3), some.scene(start_seed=3)
    assert [e.name for e in first.entities] == [e.name for e in second.entities]
    for a, b in zip(first.entities, second.entities, strict=True):
        assert (a.trajectory is None) == (b.trajectory is None)
        if a.trajectory is not None and b.trajectory is not None:
            assert np.array_equal(a.trajectory.points, b.trajectory.points)


@pytest.mark.parametrize("frames", [[], [1, 2], [0, 2, 2], [0, 5, 3], [0, 7], [-1, 0]])
def test_frames_out_of_order_are_refused(artwork: Artwork, frames: list[int]) -> None:
    with pytest.raises(LabError, match="increasing"):
        sample_scrapbook(0, (64, 64), 7, artwork=artwork, frames=frames)


def test_a_whole_pixel_shift_moves_every_pixel_exactly() -> None:
    size, edge = (60, 80), margin((60, 80))
    backdrop = np.random.default_rng(0).integers(0, 255, (60 + 2 * edge, 80 + 2 * edge, 3), dtype=np.uint8)
    image = np.zeros((16, 16, 4), np.uint8)
    image[2:-2, 2:-2] = 255
    image[2:-2, 2:-2, :3] = np.random.default_rng(1).integers(0, 255, (12, 12, 3))
    path = np.array([[20.5, 20.5], [26.5, 24.5], [32.5, 28.5]])
    thing = Thing("card", (0, 0, 0), (0, 0, 0), 0, 8.0, path, image=image)
    world = World("noise", 0, size, 3, (thing,), background=(8.0, -4.0), backdrop=backdrop)
    clip = world.render()
    assert (clip.labels[0] == 1).sum() == 144
    assert np.array_equal(clip.labels[0, 15:27, 15:27], np.ones((12, 12)))
    assert np.array_equal(clip.video[0, 15:27, 15:27], image[2:-2, 2:-2, :3])
    for frame, (dx, dy) in enumerate([(0, 0), (6, 4), (12, 8)]):
        assert np.array_equal(clip.labels[frame, 15 + dy : 27 + dy, 15 + dx : 27 + dx], np.ones((12, 12)))
        assert np.array_equal(clip.video[frame, 15 + dy : 27 + dy, 15 + dx : 27 + dx], image[2:-2, 2:-2, :3])
        x, y = 4 * frame, -2 * frame
        seen = backdrop[edge - y : edge - y + 60, edge - x : edge - x + 80]
        behind = clip.labels[frame] == 0
        assert np.array_equal(clip.video[frame][behind], seen[behind])


def test_held_out_artwork_never_meets_training(artwork: Artwork, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[tuple[str, bool]] = set()
    for name in ("cutout", "photograph"):
        plain = getattr(Artwork, name)

        def spy(self: Artwork, entry: Entry, plain=plain) -> np.ndarray:  # type: ignore[no-untyped-def]
            used.add((entry.file, entry.held_out))
            return plain(self, entry)

        monkeypatch.setattr(Artwork, name, spy)
    for held_out in (False, True):
        used.clear()
        for seed in range(60):
            sample_scrapbook_world(seed, (64, 64), 2, artwork=artwork, held_out=held_out)
        there = {e.file for k in ("cutout", "photograph") for e in artwork.choose(k, held_out)}  # type: ignore[arg-type]
        assert {held for _, held in used} == {held_out} and {file for file, _ in used} == there


def test_a_world_may_hold_everything_scrapbook_knows(artwork: Artwork) -> None:
    worlds = [sample_scrapbook_world(seed, (128, 128), 3, artwork=artwork) for seed in range(150)]
    things = [thing for world in worlds for thing in world.things]
    assert {thing.role for thing in things} == {"moved", "pinned", "free"}
    assert any(world.camera_moves for world in worlds) and any(world.background != (0.0, 0.0) for world in worlds)
    assert any(thing.image is None for thing in things) and any(t.kind.startswith("piece of") for t in things)
    assert any(world.backdrop is None for world in worlds) and any(world.backdrop is not None for world in worlds)
    sizes = [max(np.ptp(np.nonzero(c == 1), axis=1)) / 128 for c in (w.render([0]).labels[0] for w in worlds) if 1 in c]
    assert min(sizes) < 0.2 and max(sizes) > 0.4


@pytest.mark.parametrize("wrong", [{"style": "life"}, {"kind": "film"}, {"max_things": 0}, {"size": (4, 4)}])
def test_wrong_arguments_are_named(artwork: Artwork, wrong: dict) -> None:
    with pytest.raises(LabError):
        sample_scrapbook(0, artwork=artwork, **wrong)


def test_worlds_refuse_pictures_of_the_wrong_shape() -> None:
    path = np.zeros((2, 2))
    flat = Thing("card", (0, 0, 0), (0, 0, 0), 0, 8.0, path, image=np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(LabError, match=r'thing 1 \("card"\)'):
        World("sea", 0, (64, 64), 2, (flat,))
    with pytest.raises(LabError, match="margin of 20"):
        World("view", 0, (64, 64), 2, (), backdrop=np.zeros((64, 64, 3), np.uint8))


@given(seed=st.integers(0, 999), radius=st.floats(5, 90), turn=st.floats(-4, 4))
@settings(max_examples=40, deadline=None)
def test_sprites_have_a_clear_rim_and_no_halo(seed: int, radius: float, turn: float) -> None:
    rgba = drawn(seed)
    rgba[..., :3] = (250, 120, 60)
    rgba[rgba[..., 3] == 0] = 0  # black where nothing is: what makes halos
    small = cropped(rgba)
    assert small is not None
    sprite, reach = fitted(premultiplied(small), radius, turn)
    assert sprite.shape[2] == 4 and sprite[:RIM].max() == 0 and sprite[:, -RIM:].max() == 0
    assert (sprite[..., :3] <= sprite[..., 3:]).all()
    solid = sprite[..., 3] > 100
    straight = sprite[solid][:, :3] * 255.0 / sprite[solid][:, 3:]
    assert np.abs(straight - (250, 120, 60)).max() < 8
    # A turn keeps the size: the area grows with the square of the radius only.
    area = (sprite[..., 3] > 127).sum() * (2 * reach / max(sprite.shape[:2])) ** 2
    true = (small[..., 3] > 127).sum() * (2 * radius / max(small.shape[:2])) ** 2
    assert area == pytest.approx(true, rel=0.25, abs=8)
    tinted = recoloured(np.random.default_rng(seed), sprite)
    assert np.array_equal(tinted[..., 3], sprite[..., 3]) and (tinted[..., :3] <= tinted[..., 3:]).all()


@given(seed=st.integers(0, 10**6), high=st.integers(2, 700), wide=st.integers(2, 700))
@settings(max_examples=40, deadline=None)
def test_crops_and_patches_fill_any_size(seed: int, high: int, wide: int) -> None:
    rng = np.random.default_rng(seed)
    assert crop(rng, scenery(1), (high, wide)).shape == (high, wide, 3)
    alpha = outline(rng, 40)
    piece = patch(rng, scenery(2), alpha)
    assert alpha.shape == (40, 40) and alpha.max() == 255 and alpha[0].max() < 128
    assert np.array_equal(piece[..., 3], alpha) and (piece[..., :3] <= alpha[..., None]).all()


def test_unfit_cutouts_are_left_out() -> None:
    whole = np.full((80, 80, 4), 255, np.uint8)
    glass = np.full((80, 80, 4), 120, np.uint8)
    assert cropped(whole) is None and cropped(glass) is None and cropped(np.zeros((80, 80, 4), np.uint8)) is None
    assert _emoji_fits([0x1F436]) and _emoji_fits([0x2764, 0xFE0F])
    for points in (
        [0x1F44B, 0x1F3FD],
        [0x1F1E9, 0x1F1EA],
        [0x31, 0xFE0F, 0x20E3],
        [0x1F3F4],
        [0x1F6B6, 0x200D, 0x2640],
    ):
        assert not _emoji_fits(points)
    assert 40 < sum(_held_out(f"emoji {n}") for n in range(1000)) < 130


def broken(folder: Path, change: str) -> Path:
    """A pack with one fault."""
    path = folder / f"{change}.zip"
    entries = [asdict(entry) for entry, _ in items()]
    data = {entry.file: picture for entry, picture in items()}
    index: object = {"version": 1, "entries": entries}
    if change == "version":
        index = {"version": 2, "entries": entries}
    elif change == "missing":
        del data["c/3.webp"]
    elif change == "kind":
        entries[0]["kind"] = "film"
    elif change == "field":
        entries[0]["colour"] = "red"
    elif change == "list":
        index = entries
    elif change == "photograph":
        data["p/1.webp"] = b"no picture"
    elif change == "large":
        data["p/1.webp"] = cv2.imencode(".png", np.zeros((8, 1100, 3), np.uint8))[1].tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, picture in data.items():
            archive.writestr(name, picture)
        if change != "index":
            archive.writestr("index.json", "{" if change == "json" else json.dumps(index))
    if change == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    return path


@pytest.mark.parametrize(
    "change", ["version", "missing", "kind", "field", "list", "photograph", "large", "index", "json", "cut"]
)
def test_bad_packs_are_refused_with_the_fix(tmp_path: Path, change: str) -> None:
    with pytest.raises(LabError, match="scrapbook fetch"):
        Artwork.load(broken(tmp_path, change))


def test_what_a_pack_lacks_is_named(tmp_path: Path, artwork: Artwork) -> None:
    with pytest.raises(LabError, match="no artwork at"):
        Artwork.load(tmp_path / "nothing.zip")
    seen = [(replace(entry, held_out=False), data) for entry, data in artwork.items()]
    seen[1] = (seen[1][0], b"no picture")
    partly = Artwork.load(write_pack(tmp_path / "partly.zip", seen))
    with pytest.raises(LabError, match="no held-out cutout"):
        sample_scrapbook(0, artwork=partly, held_out=True)
    with pytest.raises(LabError, match='"thing 1"'):
        partly.cutout(partly.entries[1])


def test_the_commands_show_and_credit(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_CACHE", str(pack.parent))
    assert cli.main(["scrapbook", "show", "2", "--out", str(tmp_path / "clips.png")]) == 0
    assert cv2.imread(str(tmp_path / "clips.png")).shape == (256, 512, 3)
    assert cli.main(["scrapbook", "credits"]) == 0
    said = capsys.readouterr().out
    assert "12 cut-outs: test, CC0-1.0" in said and 'photograph "view 0": Ann, CC-BY-4.0 (test)' in said
    assert cli.main(["scrapbook", "fetch"]) == 0 and "exists already" in capsys.readouterr().out
    monkeypatch.setenv("DRAGANYTHING_LAB_CACHE", str(tmp_path / "empty"))
    assert cli.main(["scrapbook", "show"]) == 2
    assert "draganything-lab scrapbook fetch" in capsys.readouterr().err


def test_the_notice_credits_every_photograph() -> None:
    notice = NOTICE.read_text("utf-8")
    for file, _, licence, author, held_out in (*LOMIRI, *SCIKIT_IMAGE):
        (line,) = [line for line in notice.splitlines() if line.split()[:1] == [file]]
        assert author in line and licence in line and ("held out" in line) == held_out
        assert licence in ("CC0-1.0", "CC-BY-4.0", "public domain")
