"""What lessons 2 and 9 look at and train on: the same things in two pictures, small clips, a folder like VIPSeg's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from draganything_lab.evaluate.vipseg import list_clips, load_clip
from draganything_lab.lessons.diffusion_features import two_pictures
from draganything_lab.lessons.train_your_own import HELD_OUT, make_clips, write_like_vipseg
from draganything_lab.scene import latent_mask
from draganything_lab.toyland import named_scene


@pytest.mark.parametrize("seed", range(100, 140))
def test_two_pictures_show_the_same_four_things(seed: int) -> None:
    first, second = two_pictures(seed)
    names = [entity.name for entity in first]
    assert names == [entity.name for entity in second] and len(set(names)) == 4
    colours, kinds = zip(*(name.split(" ", 1) for name in names), strict=True)
    assert kinds[0] == kinds[1] and colours[0] == colours[2]
    assert len(set(kinds)) == 3 and len(set(colours)) == 3
    assert all(latent_mask(entity.mask, (16, 16)).any() for scene in (first, second) for entity in scene)
    assert (first.image == two_pictures(seed)[0].image).all() and not (first.image == second.image).all()


def test_clips_come_with_the_control_that_asks_for_them() -> None:
    data, held_out = make_clips(0, 3), make_clips(HELD_OUT, 1)
    assert data["video"].shape == (3, 6, 32, 32, 3) and data["video"].dtype == np.uint8
    assert data["control"].shape == (3, 6, 32, 32, 4) and data["moved"].shape == (3, 6, 32, 32)
    assert data["control"][..., 0].min() >= 0 and np.abs(data["control"]).max() <= 1
    assert data["control"][..., 0].any(axis=(1, 2, 3)).all() and data["moved"].any(axis=(1, 2, 3)).all()
    assert not (held_out["video"][0] == data["video"][0]).all()


def test_a_clip_written_like_vipseg_is_read_back(tmp_path: Path) -> None:
    clip = named_scene("harbour", size=(64, 96), num_frames=4)
    write_like_vipseg(clip, tmp_path, "harbour")
    (folder,) = list_clips(tmp_path)
    scene, video = load_clip(folder, (64, 96), 4, "opencv")
    assert len(scene.entities) == 1 + len(clip.kinds) and video.shape == clip.video.shape
    assert np.abs(video.astype(int) - clip.video).mean() < 6  # as JPEG
    assert {path.name for path in tmp_path.iterdir()} == {"imgs", "panomasks"}, "as a real clip, without paths"
    masks = {entity.name: entity.mask for entity in scene}
    for label in range(1, 1 + len(clip.kinds)):
        assert (masks[f"segment {12600 + label}"] == (clip.labels[0] == label)).all()
