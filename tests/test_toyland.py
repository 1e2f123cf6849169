"""Toyland: reproducible, and its truth is true."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draganything_lab.errors import LabError
from draganything_lab.toyland import KINDS, Thing, World, gallery, named_scene, sample_clip, sample_world

RED = (200, 60, 60)


def digest(seed: int) -> str:
    clip = sample_clip(seed)
    return hashlib.sha256(clip.video.tobytes() + clip.labels.tobytes()).hexdigest()


def test_a_seed_gives_the_same_bytes_in_another_process():
    code = "import sys; sys.path.insert(0, 'tests'); from test_toyland import digest; print(digest(41))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(41)
    assert digest(41) != digest(42)


def test_toyland_does_not_import_torch():
    code = "import sys, draganything_lab.toyland; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_there_are_at_least_eleven_kinds_and_each_is_drawn():
    assert len(KINDS) >= 11
    for kind in KINDS:
        path = np.full((1, 2), 31.5)
        clip = World("sky", 0, (64, 64), 1, (Thing(kind, (200, 60, 60), (60, 60, 200), 1, 20, path),)).render()
        area = int((clip.labels[0] == 1).sum())
        assert 300 < area < 64 * 64, kind
        inside = clip.video[0][clip.labels[0] == 1].reshape(-1, 3)
        assert len(np.unique(inside // 32, axis=0)) >= 3, f"{kind} has no parts"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(16, 90),
    width=st.integers(16, 90),
    frames=st.integers(1, 6),
    style=st.sampled_from(["drag", "life", "still"]),
)
def test_any_size_and_length_gives_consistent_truth(seed, height, width, frames, style):
    clip = sample_clip(seed, (height, width), frames, style=style)
    assert clip.video.shape == (frames, height, width, 3) and clip.video.dtype == np.uint8
    assert clip.labels.shape == (frames, height, width)
    tracks, visible = clip.motion()
    assert tracks.shape == (frames, height, width, 2) and visible.shape == (frames, height, width)
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    np.testing.assert_allclose(tracks[0], grid, atol=1e-3)
    assert visible[0].all()
    assert clip.masks.sum(0).max() <= 1
    if style == "still":
        assert (clip.video == clip.video[:1]).all()


def test_the_motion_of_pixels_is_what_the_pictures_show():
    """Following the true motion, colours hardly change; standing still, they change much more."""
    moved, frozen = [], []
    for seed in range(24):
        clip = sample_clip(seed, (96, 96), 6)
        tracks, visible = clip.motion()
        moving = visible[-1] & (np.linalg.norm(tracks[-1] - tracks[0], axis=-1) > 4)
        moving &= clip.labels[0] > 0
        if moving.sum() < 50:
            continue
        x, y = np.rint(tracks[-1][moving]).astype(int).T
        before = clip.video[0][moving].astype(int)
        moved.append(np.abs(clip.video[-1][y, x].astype(int) - before).mean())
        frozen.append(np.abs(clip.video[-1][moving].astype(int) - before).mean())
    assert len(moved) >= 8
    assert np.mean(moved) < 0.3 * np.mean(frozen)


def test_a_moving_thing_carries_its_mask_along():
    path = np.linspace((20, 40), (60, 40), 5)
    clip = World("hills", 1, (80, 80), 5, (Thing("ball", (220, 60, 60), (60, 60, 220), 1, 12, path),)).render()
    for frame in range(5):
        rows, columns = np.nonzero(clip.masks[0, frame])
        assert abs(columns.mean() - path[frame, 0]) < 0.6 and abs(rows.mean() - path[frame, 1]) < 0.6


def test_the_nearer_thing_hides_the_farther_one_and_visibility_says_so():
    path = np.full((2, 2), 30.0)
    far = Thing("ball", (220, 60, 60), (60, 60, 220), 1, 12, path)
    near = Thing("house", (60, 160, 60), (60, 60, 60), 1, 14, np.array([[70.0, 30.0], [30.0, 30.0]]))
    clip = World("hills", 1, (64, 96), 2, (far, near)).render()
    _, visible = clip.motion()
    hidden = (clip.labels[1] == 2) & (clip.labels[0] == 1)
    assert hidden.sum() > 100
    assert not visible[1][hidden].any()
    assert visible[1][clip.labels[0] == 2].mean() > 0.95


def test_camera_carries_free_things_and_leaves_pinned_ones():
    path = np.repeat([[20.0, 40.0]], 4, axis=0)
    free = Thing("ball", (220, 60, 60), (60, 60, 220), 1, 9, path, role="free")
    pinned = Thing("ball", (60, 60, 220), (220, 60, 60), 2, 9, path + np.array([40, 0]), role="pinned")
    clip = World("hills", 1, (80, 96), 4, (free, pinned), pan=(12.0, 3.0)).render()
    centres = [np.argwhere(clip.labels[-1] == k).mean(0)[::-1] for k in (1, 2)]
    np.testing.assert_allclose(centres[0], (32, 43), atol=0.6)
    np.testing.assert_allclose(centres[1], (60, 40), atol=0.6)
    names = [entity.kind for entity in clip.scene().controlled]
    assert names.count("camera") >= 3


def test_background_alone_moves_and_the_scene_asks_for_it():
    clip = named_scene("ferry", (96, 160), 5)
    scene = clip.scene()
    background = scene["background"]
    assert background.kind == "background" and background.trajectory is not None
    step = background.path(5)[-1] - background.path(5)[0]
    np.testing.assert_allclose(step, (-0.24 * 160, 0), atol=0.01)
    assert (clip.labels[0] == clip.labels[-1]).all()
    assert (clip.video[0] != clip.video[-1]).any()


def test_the_scene_asks_for_the_true_paths():
    for name in gallery():
        clip = named_scene(name, (96, 160), 7)
        scene = clip.scene()
        assert scene.controlled, name
        movers = [e for e in scene.entities if e.kind == "foreground" and e.trajectory is not None]
        things = [i for i, thing in enumerate(clip.world.things) if thing.role == "moved"]
        for entity, index in zip(movers, things, strict=True):
            np.testing.assert_allclose(entity.path(7)[0], entity.centre, atol=0.01)
            np.testing.assert_allclose(entity.path(7), clip.paths[:, index], atol=0.01)


def test_named_scenes_fit_any_size_and_length():
    for name in gallery():
        small, large = named_scene(name, (40, 60), 1), named_scene(name, (200, 150), 3)
        assert small.video.shape == (1, 40, 60, 3) and large.video.shape == (3, 200, 150, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: named_scene("atlantis"), "harbour"),
        (lambda: sample_clip(1, (4, 64)), "at least 8x8"),
        (lambda: sample_clip(1, (64, 64), 0), "at least 1"),
        (lambda: sample_clip(1, (4000, 4000), 10_000), "fewer frames"),
        (lambda: World("moonbase", 0, (64, 64), 1, ()), "unknown"),
        (lambda: World("sky", 0, (64, 64), 3, (Thing("boat", RED, RED, 0, 5, np.zeros((2, 2))),)), "one point"),
        (lambda: World("sky", 0, (64, 64), 1, (Thing("dragon", RED, RED, 0, 5, np.zeros((1, 2))),)), "boat"),
    ],
)
def test_bad_input_names_the_fix(call, words):
    with pytest.raises(LabError, match=words):
        call()


def test_worlds_hold_one_to_five_things_with_movers_twins_and_cameras():
    worlds = [sample_world(seed) for seed in range(300)]
    counts = {len(world.things) for world in worlds}
    assert counts == {1, 2, 3, 4, 5}
    roles = {thing.role for world in worlds for thing in world.things}
    assert roles == {"moved", "pinned", "free"}
    assert any(world.camera_moves for world in worlds) and any(world.background != (0, 0) for world in worlds)
    pairs = [pair for world in worlds for pair in itertools.pairwise(world.things)]
    assert sum(a.kind == b.kind and a.main == b.main for a, b in pairs) > 10
