"""A folder in VIPSeg's layout, of Toyland clips, and small files of the layout of Inception's and I3D's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from draganything_lab.evaluate.metrics import write_trajectories
from draganything_lab.toyland import sample_clip

CATEGORIES = '[{"id": 6, "name": "sky"}, {"id": 19, "name": "toy"}]'


def vipseg_folder(
    root: Path, names: Sequence[str], *, size: tuple[int, int] = (64, 80), frames: int = 5, paths: bool = False
) -> Path:
    """Write the folder; Toyland's backdrop is stuff 7, its things are numbers 1, 2, … of category 20."""
    for seed, name in enumerate(names, start=3):
        clip = sample_clip(seed, size, frames)
        for frame, (picture, labels) in enumerate(zip(clip.video, clip.labels, strict=True)):
            ids = np.where(labels == 0, 7, 2000 + labels.astype(np.uint16)).astype(np.uint16)
            for kind, data in (("imgs", picture), ("panomasks", ids)):
                file = root / kind / name / f"{frame:08d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), data[..., ::-1] if kind == "imgs" else data)
        if paths:
            still = np.full((frames, 2), 20.0)
            move = still + np.arange(frames)[:, None] * (2.0, 1.0)
            known = {7: still, **{2000 + label: move for label in range(1, len(clip.kinds) + 1)}}
            write_trajectories(root / "trajectories" / f"{name}.json", known)
    (root / "val.txt").write_text("\n".join(names) + "\n")
    (root / "panoVIPSeg_categories.json").write_text(CATEGORIES)
    return root


def write_i3d(path: Path) -> Path:
    """Write a TorchScript file that is called as I3D's: its features are the clip's mean colours and their squares."""
    import torch

    class Stub(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
        ) -> torch.Tensor:
            assert rescale and resize and return_features
            return torch.cat([x.mean(dim=[2, 3, 4]), (x / 16).pow(2).mean(dim=[2, 3, 4])], dim=1)

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(Stub()).save(str(path))
    return path


def write_inception(path: Path, monkeypatch: Any) -> Path:
    """Write a file of random weights of Inception's layout, as torch-fidelity reads it."""
    import torch
    import torch_fidelity.feature_extractor_inceptionv3 as fidelity

    kind = fidelity.FeatureExtractorInceptionV3
    with monkeypatch.context() as patch:
        patch.setattr(fidelity, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(kind, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(kind("x", ["2048"]).state_dict(), path)
    return path
