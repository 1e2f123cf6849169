"""Trajectories of entities: followed from frame 0 by a point tracker, or read from the clip's own file of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.clip_folders import ClipFolder
from ...media.clip_frames import cropped_points
from ...scene.formats.trajectory_json import read_trajectories
from ...tracking import Tracker, track
from .entities import Entities

WAYS = ("tracked", "masks")
NEAR = 2.0  # pixels that a known path may be off its entity's mask in frame 0


def tracked_paths(video: NDArray[np.uint8], entities: Entities, tracker: str | Tracker) -> NDArray[np.float32]:
    """Follow each entity's circle centre of frame 0 through a window, as the paper does.

    Args:
        video: (F, H, W, 3) uint8 RGB.
        entities: The N entities.
        tracker: Name of a tracker, or a tracker.

    Returns:
        (F, N, 2) float32 (x, y); where a point is hidden, the tracker's guess, as in the released script.

    Source: Paper, section 3.4; released `Generate_Trajectory_for_VIPSeg.py`, which runs CoTracker.
    """
    return track(video, entities.points[0], tracker).points


def known_paths(
    clip: ClipFolder, entities: Entities, places: list[int], own: tuple[int, int]
) -> dict[int, NDArray[np.float32]]:
    """Trajectories of a window's entities from trajectories/<clip>.json.

    Args:
        clip: The clip.
        entities: The entities of the window.
        places: Numbers of the window's frames among all pictures of the clip: the file has one point for each picture.
        own: (H, W) of the clip's pictures, to which the points in the file refer.

    Returns:
        Entity's place -> (F, 2) float32, for those whose path is known, complete and begins on its mask.

    Raises:
        LabError: The file is damaged.
    """
    if clip.paths_file is None or not len(entities.ids):
        return {}
    known = read_trajectories(clip.paths_file)
    height, width = entities.masks.shape[1:]
    out = {}
    for place, number in enumerate(entities.ids.tolist()):
        path = known.get(str(number))
        if path is None or max(places) >= len(path):
            continue
        points = cropped_points(path[places], own, (height, width))
        ys, xs = np.nonzero(entities.masks[place])
        if np.hypot(xs - points[0, 0], ys - points[0, 1]).min() <= NEAR:
            out[place] = points
    return out


def checked_way(way: str) -> str:
    """The name of a way to get trajectories, or a `LabError`."""
    if way not in WAYS:
        raise LabError(f'paths are "{way}"', fix=f"use {' or '.join(WAYS)}")
    return way
