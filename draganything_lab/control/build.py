"""Control signals: the ControlNet's view of a scene, in the representations that the paper compares and one of our own.

=================  ========================================  =====================================
representation     picture for the image tower               map for the entity tower
=================  ========================================  =====================================
point              a small dot at the trajectory point       nothing
trajectory         step in x, step in y, occupancy; blurred  nothing
gaussian           a Gaussian as large as the entity         nothing
entity             nothing                                   the entity's vector, in its disc
entity+gaussian    a Gaussian as large as the entity         the entity's vector, in its disc
carry              what has moved, holes, the Gaussian       the entity's vector, in its whole moved mask
=================  ========================================  =====================================

Circles grow as their entities should (`Trajectory.sizes`), except for "carry", whose Gaussian keeps its size and whose
moved mask grows, and under the preset "release". `control.unsaid` says what a representation leaves out.

Where the paper and the released code draw differently, `draganything_lab.control.stamps` compares them side by side.

"carry" is not in the paper: a disc does not say how far an object extends. "carry" moves the whole mask, and so says
for every position in a frame where in the picture its content was, and where something has left (`control.layers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LabError
from ..scene.checks import checked_num_frames, checked_size
from . import stamps
from .inputs import check_memory, checked_track, control_mask, entity_radius, scaled_points, vector_table
from .layers import Layers
from .paper_or_release import Behaviour, behaviour
from .representations import REPRESENTATIONS, checked_representation, shows_vectors
from .signal import ControlSignal
from .split import layers_of, layers_of_tracks

if TYPE_CHECKING:
    from ..scene.scene import Scene

__all__ = ["REPRESENTATIONS", "ControlSignal", "build_control", "control_from_tracks"]

MAX_ENTITIES = 255
RELEASE_AREA = 320 * 576
DOT_RADIUS, BLUR_SIGMA = 3.0, 10.0
DOTS = ("point", "trajectory")  # drawn in one size, whatever the entity's


def build_control(
    scene: Scene,
    num_frames: int = 14,
    *,
    representation: str = "entity+gaussian",
    vectors: np.ndarray | None = None,
    channels: int | None = None,
    size: tuple[int, int] | None = None,
    preset: str | Behaviour = "paper",
    layers: Layers | None = None,
) -> ControlSignal:
    """Turn a scene into the control signal of a video.

    Args:
        scene: The scene; its controlled entities are drawn in order, later ones over earlier ones.
        num_frames: Number of frames, 1 or more.
        representation: "point", "trajectory", "gaussian", "entity", "entity+gaussian" or "carry".
        vectors: (N, C) float, one vector per *controlled* entity, in order. Needed for "entity" and
            "entity+gaussian". The single number that the "release" preset keeps is the first channel *before* pairs are
            averaged: to reproduce it, pass all 320 channels here, and channels=160.
        channels: Number of channels of the ControlNet: C, or C / 2 for averages of channel pairs, as released
            (320 -> 160). None keeps C.
        size: (H, W) of the model; None for the scene's own. Masks and trajectories are scaled to it.
        preset: "paper", "release", or a `Behaviour` of your own.
        layers: Layers for "carry"; None derives them from the scene.

    Returns:
        The signal, stored compactly.

    Raises:
        LabError: No entity is controlled, the vectors do not fit, an entity vanishes at this size, or the signal needs
            too much memory.

    Source: Paper, sections 3.3 and 3.4; released code (`demo.get_condition`).

    >>> control = build_control(scene, 14, representation="gaussian", size=(320, 576))  # doctest: +SKIP
    >>> control.image(0, 1).shape                                                       # doctest: +SKIP
    (1, 320, 576, 3)
    """
    frames = checked_num_frames(num_frames)
    entities = scene.controlled
    if not entities:
        raise LabError(
            f"none of the scene's {len(scene.entities)} entities is controlled",
            fix="add one with a trajectory, give one a trajectory, or pin it",
        )
    wanted = checked_size(scene.size if size is None else size)
    check_memory(frames, wanted)  # before computing any path of 10,000 frames
    return control_from_tracks(
        [entity.mask for entity in entities],
        [entity.path(frames) for entity in entities],
        num_frames=frames,
        size=wanted,
        representation=representation,
        vectors=vectors,
        channels=channels,
        preset=preset,
        names=[entity.name for entity in entities],
        sizes=[entity.poses(frames)[1] for entity in entities] if any(entity.posed for entity in entities) else None,
        layers=layers_of(scene, frames) if layers is None and representation == "carry" else layers,
    )


def control_from_tracks(
    masks: Sequence[np.ndarray],
    trajectories: Sequence[np.ndarray | Sequence[Sequence[float]]],
    *,
    size: tuple[int, int],
    num_frames: int | None = None,
    representation: str = "entity+gaussian",
    vectors: np.ndarray | None = None,
    channels: int | None = None,
    preset: str | Behaviour = "paper",
    names: Sequence[str] = (),
    sizes: Sequence[np.ndarray] | None = None,
    layers: Layers | None = None,
) -> ControlSignal:
    """Build the control signal from bare arrays: masks and one point per frame, both at the picture's own size.

    This is what the released `demo.json` folders contain. Points are used unchanged, one per frame.

    Args:
        masks: N masks of shape (H0, W0), all of the picture's size, bool or uint8 0..255.
        trajectories: N times (T, 2) x and y in pixels of the picture; points outside are allowed and draw whatever
            reaches into the picture.
        size: (H, W) of the model.
        num_frames: Number of frames; if fewer than T, the first ones are used. None for the length of the first
            trajectory.
        representation, vectors, channels, preset: As for `build_control`.
        names: Names of the entities in error messages.
        sizes: N times (T,) factors by which the circles grow; None if none does. "carry" and "release" ignore them.
        layers: Layers for "carry"; None derives them from masks and trajectories.

    Returns:
        The signal, stored compactly.

    Raises:
        LabError: As for `build_control`; also for a trajectory that is too short, not finite or of the wrong shape.

    Source: Released code (`demo.get_condition`); paper, sections 3.3 and 3.4.

    >>> mask = np.zeros((40, 60), bool)
    >>> mask[10:30, 10:30] = True
    >>> control = control_from_tracks([mask], [[(20, 20), (30, 20)]], size=(40, 60), representation="gaussian")
    >>> control.heat[:, 20, [20, 30]].tolist()
    [[255, 11], [11, 255]]
    """
    rules = behaviour(preset)
    checked_representation(representation)
    labels_of = [f'entity {k + 1} ("{names[k]}")' if k < len(names) else f"entity {k + 1}" for k in range(len(masks))]
    size = checked_size(size)
    if not 1 <= len(masks) <= MAX_ENTITIES:
        raise LabError(f"{len(masks)} controlled entities", fix=f"use 1 to {MAX_ENTITIES}")
    if len(masks) != len(trajectories):
        raise LabError(f"{len(masks)} masks but {len(trajectories)} trajectories", fix="pass one trajectory per mask")
    frames = checked_num_frames(len(trajectories[0]) if num_frames is None else num_frames)
    check_memory(frames, size)
    released = rules.gaussian_border == "squash"
    masks = [control_mask(mask, rules, who) for mask, who in zip(masks, labels_of, strict=True)]
    picture_size = masks[0].shape
    radii = np.array(
        [entity_radius(mask, picture_size, size, rules, who) for mask, who in zip(masks, labels_of, strict=True)]
    )
    tracks = np.stack(
        [checked_track(track, frames, who) for track, who in zip(trajectories, labels_of, strict=True)], 1
    )
    centres = scaled_points(tracks, (picture_size[0], picture_size[1]), size, released=released)  # (T, N, 2)
    table = vector_table(vectors, len(masks), channels, rules, needed=shows_vectors(representation))
    grown, factors = np.repeat(radii[None], frames, axis=0), None  # (T, N)
    if sizes is not None and not released and representation != "carry":
        factors = np.stack([np.asarray(each, np.float64)[:frames] for each in sizes], axis=1)
        grown = grown * factors
        grown = grown if rules.radius_cap is None else grown.clip(max=rules.radius_cap)
    heat, labels = _draw(representation, centres, grown, size, released=released)
    if representation == "carry":
        if layers is None:
            layers = layers_of_tracks(list(masks), tracks)
        carried = layers.carry(np.zeros((*size, 3), np.uint8), range(frames))
        owners = np.zeros(256, np.uint8)
        owners[1 : 1 + len(layers.owners)] = layers.owners
        labels = owners[carried.sources]
    else:
        layers, carried = None, None
    displacement = np.zeros((frames, len(masks) + 1, 2), np.float32)
    displacement[:-1, 1:] = centres[1:] - centres[:-1]
    return ControlSignal(
        representation,
        size,
        frames,
        heat,
        labels,
        table,
        displacement,
        centres.astype(np.float32),
        radii,
        layers,
        carried,
        None if factors is None or representation in DOTS else factors.astype(np.float32),
    )


def _draw(
    representation: str, centres: np.ndarray, radii: np.ndarray, size: tuple[int, int], *, released: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return heat and labels, both (T, H, W) uint8, of circles with radii (T, N)."""
    heat = np.zeros((len(centres), *size), np.uint8)
    labels = np.zeros_like(heat)
    scale = float(np.sqrt(size[0] * size[1] / RELEASE_AREA))
    draw: Callable[[np.ndarray, np.ndarray, np.ndarray, float, int], None]
    if representation == "trajectory":
        # DragNUWA blurs with sigma 10 at the release's size; 0.4 radius = sigma, as for the other Gaussians.
        radii, draw = np.full_like(radii, max(BLUR_SIGMA * scale, 1.0)), _draw_blur
    elif representation == "point":
        radii, draw = np.full_like(radii, max(DOT_RADIUS * scale, 1.0)), _draw_dot
    elif representation in ("gaussian", "entity", "entity+gaussian", "carry"):
        draw = _draw_released if released else _draw_cropped
    else:
        raise NotImplementedError(f'how "{representation}" is drawn')
    for frame, (points, wide) in enumerate(zip(centres, radii, strict=True)):
        for index, (point, radius) in enumerate(zip(points, wide, strict=True)):
            draw(heat[frame], labels[frame], point, float(radius), index + 1)
    if representation == "entity":
        heat = np.zeros_like(heat)
    return heat, labels


def _draw_cropped(heat: np.ndarray, labels: np.ndarray, centre: np.ndarray, radius: float, label: int) -> None:
    """Paper: Gaussian and vector share one circle, cropped at the border; the later entity owns the overlap."""
    window = stamps.circle_window(centre, radius, heat.shape)
    if window is not None:
        gaussian, disc = stamps.cropped_gaussian(centre, radius, window)
        np.copyto(heat[window], gaussian, where=disc)
        np.copyto(labels[window], np.uint8(label), where=disc)


def _draw_released(heat: np.ndarray, labels: np.ndarray, centre: np.ndarray, radius: float, label: int) -> None:
    """Released code: the stamp resized into the clipped box, corners included; the vector's disc drawn apart."""
    box = stamps.squashed_box(centre, int(radius), heat.shape)
    if box is not None:
        heat[box] = stamps.squashed_gaussian(box[0].stop - box[0].start, box[1].stop - box[1].start)
    stamps.paste_disc(labels, centre, int(radius), label)


def _draw_dot(heat: np.ndarray, labels: np.ndarray, centre: np.ndarray, radius: float, label: int) -> None:
    """One small dot, the same size for every entity: all that a point can say."""
    window = stamps.circle_window(centre, radius, heat.shape)
    if window is not None:
        disc = stamps.cropped_gaussian(centre, radius, window)[1]
        np.copyto(heat[window], np.uint8(255), where=disc)
        np.copyto(labels[window], np.uint8(label), where=disc)


def _draw_blur(heat: np.ndarray, labels: np.ndarray, centre: np.ndarray, sigma: float, label: int) -> None:
    """A blurred point; where two overlap, a pixel belongs to the nearer one (blurring a sum would mix their steps)."""
    window = stamps.circle_window(centre, 3.6 * sigma, heat.shape)
    if window is not None:
        blurred = stamps.cropped_gaussian(centre, sigma / stamps.SIGMA_PER_RADIUS, window)[0]
        nearer = blurred > heat[window]
        np.copyto(heat[window], blurred, where=nearer)
        np.copyto(labels[window], np.uint8(label), where=nearer)
