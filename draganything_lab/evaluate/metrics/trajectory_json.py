"""ObjMC between two folders of released trajectory files (`scene.formats.trajectory_json`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import LabError
from ...media.folder import listed
from ...scene.formats.trajectory_json import read_trajectories, write_trajectories
from .intervals import Measured, mean_of
from .protocol import Protocol

__all__ = ["read_trajectories", "released_objmc_of_folders", "write_trajectories"]


def released_objmc_of_folders(wanted: str | Path, made: str | Path, *, seed: int = 0) -> Measured:
    """Return ObjMC between two folders of trajectory files, the number that the released `ObjMC.py` prints.

    Clips are matched by file name. As in the release, clips that only one folder has are left out, and of two
    trajectories of different lengths the shorter counts; unlike there, both are noted. An id that the other file lacks,
    for which the released script stops, is an error here too.

    Args:
        wanted: Folder of the true trajectories.
        made: Folder of those measured in generated videos.
        seed: Seed of the bootstrap, which draws clips.

    Raises:
        LabError: There is no common clip, an id is missing, or a file is damaged.
    """
    folders = [Path(folder).expanduser() for folder in (wanted, made)]
    names = []
    for folder in folders:
        if not folder.is_dir():
            raise LabError(f"{folder} is not a folder", fix="check the path")
        names.append({file.name for file in listed(folder) if file.suffix == ".json"})
    both = sorted(names[0] & names[1])
    if not both:
        raise LabError(
            f"{folders[0]} and {folders[1]} have no .json with the same name", fix="name the files after the clips"
        )
    errors: list[float] = []
    clips: list[str] = []
    cut = 0
    for name in both:
        true, measured = (read_trajectories(folder / name) for folder in folders)
        for entity, points in true.items():
            if entity not in measured:
                there = ", ".join(measured) or "none"
                raise LabError(
                    f'{folders[1] / name} has no "{entity}", only {there}',
                    fix="measure the same entities in both folders",
                )
            length = min(len(points), len(measured[entity]))
            cut += len(points) != len(measured[entity])
            errors += np.linalg.norm(points[:length] - measured[entity][:length], axis=1).tolist()
            clips += [name] * length
    protocol = Protocol.of("ObjMC, released", unit="px", points="all, no visibility filter", data=f"{folders[0].name}")
    found = mean_of(errors, protocol, unit="px", groups=clips, what="clips", seed=seed)
    notes = list(found.notes)
    alone = len(names[0] ^ names[1])
    if alone:
        notes.append(f"{alone} clips are in one folder only and were left out")
    if cut:
        notes.append(f"{cut} trajectories differ in length; the shorter counted")
    return Measured(
        found.value, found.low, found.high, found.count, found.unit, found.protocol, found.what, tuple(notes)
    )
