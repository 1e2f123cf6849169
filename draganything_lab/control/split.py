"""A scene, or bare masks and tracks, split into a backdrop and layers over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..scene.camera import wanted_motion, wanted_view
from ..scene.entity import Entity
from ..scene.scene import Scene
from .cuts import edge_width
from .layers import Layers


def layers_of(scene: Scene, num_frames: int, motions: Mapping[str, np.ndarray] | None = None) -> Layers:
    """Split a scene into layers.

    Foreground moves by path[t] - path[0] of its trajectory, turns and grows about path[0] as the trajectory says, and
    adopts the camera's zoom and roll; pinned entities stay; uncontrolled ones ride with the camera. Camera entities
    together define the camera: the shift, zoom and roll that best fit their tracks. Without them, the largest
    background entity with a trajectory moves the backdrop.

    Args:
        scene: The scene.
        num_frames: T.
        motions: Motions (T, 2, 3) of some entities by name, instead of those given by their trajectories.

    Returns:
        The layers, farthest first: what moves, what stands in front of that, and what that hides in part. A background
        that does not move the backdrop lies behind all foreground.
    """
    view, mover = view_of(scene, num_frames)
    camera = view if mover is None else wanted_view(scene, num_frames)
    numbers = {entity.name: number for number, entity in enumerate(scene.controlled, start=1)}
    every: list[tuple[Entity, np.ndarray, bool]] = []
    for entity in sorted(scene.entities, key=lambda entity: entity.kind == "foreground"):
        if entity.kind == "camera" or entity is mover:
            continue
        motion = view
        if motions is not None and entity.name in motions:
            motion = motions[entity.name]
        elif entity.controlled:
            motion = wanted_motion(entity, camera)
        every.append((entity, motion, not np.allclose(motion, view, atol=1e-3)))
    found = [one for place, one in enumerate(every) if one[2] or _beside_what_moves(every, place)]
    return Layers(
        scene.size,
        view,
        seen([entity.mask for entity, _, _ in found]),
        tuple(motion for _, motion, _ in found),
        tuple(moves for _, _, moves in found),
        tuple(numbers.get(entity.name, 0) for entity, _, _ in found),
        tuple(entity.kind == "foreground" for entity, _, _ in found),
    )


def _beside_what_moves(every: Sequence[tuple[Entity, np.ndarray, bool]], place: int) -> bool:
    """Whether an entity that stays lies in front of one that moves, or such a one hides a part of it."""
    own = every[place][0]
    if own.kind != "foreground":
        return False
    if any(moves for _, _, moves in every[:place]):
        return True
    room = edge_width(own.mask.shape) + 1
    near = cv2.dilate(own.mask.astype(np.uint8), np.ones((2 * room + 1, 2 * room + 1), np.uint8)) > 0
    return any(moves and (near & other.mask).any() for other, _, moves in every[place + 1 :])


def layers_of_tracks(masks: Sequence[np.ndarray], tracks: np.ndarray) -> Layers:
    """Layers from bare arrays: N masks (H, W) bool, and tracks (T, N, 2) of (x, y) in their pixels, all controlled."""
    motions = [shifts(tracks[:, index] - tracks[0, index]) for index in range(len(masks))]
    size = (masks[0].shape[0], masks[0].shape[1])
    moving = tuple(not np.allclose(motion[:, :, 2], 0, atol=1e-3) for motion in motions)
    view = shifts(np.zeros((len(tracks), 2)))
    numbers = tuple(range(1, len(masks) + 1))
    return Layers(size, view, seen(masks), tuple(motions), moving, numbers, (True,) * len(masks))


def seen(masks: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Masks (H, W) bool, farthest first, without what nearer ones hide of them; one that is all hidden stays whole."""
    nearer = np.zeros(masks[0].shape if masks else (0, 0), bool)
    out = []
    for mask in reversed(masks):
        left = mask & ~nearer
        out.append(left if left.any() else mask)
        nearer |= mask
    return tuple(reversed(out))


def view_of(scene: Scene, count: int) -> tuple[np.ndarray, Entity | None]:
    """How the backdrop moves, (T, 2, 3), and the background entity that moves it, if any."""
    if any(entity.kind == "camera" for entity in scene.controlled):
        return wanted_view(scene, count), None
    grounds = [entity for entity in scene.controlled if entity.kind == "background"]
    mover = max(grounds, key=lambda entity: entity.area, default=None)
    still = wanted_view(scene, count)
    return still if mover is None else wanted_motion(mover, still), mover


def shifts(steps: np.ndarray) -> np.ndarray:
    """Return shifts (T, 2) as matrices (T, 2, 3)."""
    matrices = np.zeros((len(steps), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1
    matrices[:, :, 2] = steps
    return matrices
