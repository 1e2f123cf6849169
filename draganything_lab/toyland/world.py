"""A Toyland world and the clip it renders to, with exact ground truth: masks, paths and the motion of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..scene.entity import Entity
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from .backdrops import PLACES, draw_backdrop
from .kinds import KINDS, parts
from .shapes import SUPERSAMPLING, Colour, lay, place, sprite

Role = Literal["moved", "pinned", "free"]
MARGIN = 0.3  # of the picture's longer side, drawn beyond each side
MAX_THINGS = 200
MAX_BYTES = 2**31  # bytes of one clip


def margin(size: tuple[int, int]) -> int:
    """Pixels that a backdrop reaches beyond each side of a picture of `size` (H, W)."""
    return int(np.ceil(MARGIN * max(size)))


def check_extent(size: tuple[int, int], num_frames: int) -> None:
    """Refuse pictures too small to draw in, clips without frames, and clips too large for the memory."""
    height, width = size
    if height < 8 or width < 8:
        raise LabError(f"a Toyland picture of {width}x{height} is too small to draw in", fix="use at least 8x8")
    if num_frames < 1:
        raise LabError(f"num_frames is {num_frames}", fix="use at least 1")
    need = height * width * 4 * num_frames
    if need > MAX_BYTES:
        raise LabError(
            f"{num_frames} frames of {width}x{height} would take {need / 2**30:.1f} GiB",
            fix=f"use fewer frames or a smaller picture: the limit is {MAX_BYTES / 2**30:.0f} GiB",
        )


@dataclass(frozen=True)
class Thing:
    """One thing in a world.

    Attributes:
        kind: A name of `KINDS`; any name if there is an `image`.
        main, other: Its two colours, RGB 0..255.
        seed: Seed of its details.
        radius: Pixels per unit of its drawing; a thing is about two radii wide.
        path: (T, 2) float64, its centre (x, y) in pixels of the picture, before the camera moves.
        role: "moved" follows its path and is a controlled entity; "pinned" stays in place in the picture and is a
            controlled entity; "free" stands in the world, is uncontrolled, and rides with the camera.
        flip: Whether it is mirrored left to right.
        turn: (T,) angle in radians, clockwise in the picture; None for upright.
        grow: (T,) factor on its size; None for a constant size.
        image: (h, w, 4) uint8, RGB multiplied by alpha: a cut-out that is used instead of a drawing, with a transparent
            rim. Its centre is the point (0, 0) of the drawing, and its longer side is two units; None draws `kind`.
    """

    kind: str
    main: Colour
    other: Colour
    seed: int
    radius: float
    path: NDArray[np.float64]
    role: Role = "moved"
    flip: bool = False
    turn: NDArray[np.float64] | None = None
    grow: NDArray[np.float64] | None = None
    image: NDArray[np.uint8] | None = field(default=None, repr=False)

    def drawn(self) -> tuple[NDArray[np.uint8], float]:
        """The sprite (h, w, 4) uint8, RGB multiplied by alpha, and its number of pixels per unit."""
        if self.image is not None:
            return self.image, 0.5 * max(self.image.shape[:2])
        return sprite(parts(self.kind, self.main, self.other, self.seed), self.radius), SUPERSAMPLING * self.radius

    def matrices(self) -> NDArray[np.float64]:
        """(T, 3, 3) matrices from unit coordinates of the drawing to pixels of the picture, before the camera moves."""
        count = len(self.path)
        turn = np.zeros(count) if self.turn is None else self.turn
        size = self.radius * (np.ones(count) if self.grow is None else self.grow)
        out = np.zeros((count, 3, 3))
        c, s = size * np.cos(turn), size * np.sin(turn)
        side = -1.0 if self.flip else 1.0
        out[:, 0, 0], out[:, 0, 1] = side * c, -s
        out[:, 1, 0], out[:, 1, 1] = side * s, c
        out[:, :2, 2] = self.path
        out[:, 2, 2] = 1
        return out


def on_picture(image: NDArray[np.uint8], unit: float, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (2, 3) matrix from pixels of a sprite (`Thing.drawn`) to those of the picture, for one of `matrices`."""
    out = matrix[:2].copy()
    out[:, :2] /= unit
    out[:, 2] -= out[:, :2] @ ((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2)
    return out


@dataclass(frozen=True)
class World:
    """A place, its things (later ones are nearer), and how camera and background move.

    Attributes:
        place: A key of `PLACES`; any name if there is a `backdrop`.
        seed: Seed of the place's details.
        size: (H, W) of the picture.
        num_frames: T, at least 1.
        things: Back to front.
        pan: (dx, dy) pixels by which the camera has moved the picture in the last frame.
        zoom: Factor by which the picture has grown around its centre in the last frame.
        background: (dx, dy) pixels by which the backdrop alone has moved in the last frame.
        horizon: Row of the horizon as a fraction of the height.
        backdrop: (H + 2 * M, W + 2 * M, 3) uint8 RGB with M = `margin(size)`: a picture that lies behind everything;
            None draws `place`.
    """

    place: str
    seed: int
    size: tuple[int, int]
    num_frames: int
    things: tuple[Thing, ...]
    pan: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    background: tuple[float, float] = (0.0, 0.0)
    horizon: float = 0.5
    backdrop: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.backdrop is None and self.place not in PLACES:
            raise LabError(f'place "{self.place}" is unknown', fix=f"use one of {', '.join(PLACES)}")
        check_extent(self.size, self.num_frames)
        if self.backdrop is not None:
            high, wide = (side + 2 * margin(self.size) for side in self.size)
            if self.backdrop.shape != (high, wide, 3) or self.backdrop.dtype != np.uint8:
                raise LabError(
                    f'backdrop "{self.place}" is {self.backdrop.dtype} {self.backdrop.shape}; '
                    f"pass uint8 ({high}, {wide}, 3), the picture with a margin of {margin(self.size)}"
                )
        if len(self.things) > MAX_THINGS:
            raise LabError(f"{len(self.things)} things in one world", fix=f"use at most {MAX_THINGS}")
        for index, thing in enumerate(self.things):
            if thing.image is not None and (thing.image.ndim != 3 or thing.image.shape[2] != 4):
                shape = thing.image.shape
                raise LabError(f'thing {index + 1} ("{thing.kind}"): its image is {shape}', fix="use (h, w, 4)")
            if thing.image is None and thing.kind not in KINDS:
                kinds = ", ".join(KINDS)
                raise LabError(f'thing {index + 1}: kind "{thing.kind}" is unknown', fix=f"use one of {kinds}")
            if len(thing.path) != self.num_frames:
                raise LabError(
                    f'thing {index + 1} ("{thing.kind}"): its path has {len(thing.path)} points, '
                    f"but the world has {self.num_frames} frames",
                    fix="pass one point per frame",
                )

    @property
    def camera_moves(self) -> bool:
        """Whether pan or zoom has any effect."""
        return self.zoom != 1.0 or self.pan != (0.0, 0.0)

    def camera(self) -> NDArray[np.float64]:
        """(T, 3, 3): where the camera's motion carries each pixel of frame 0, at constant speed."""
        height, width = self.size
        share = np.linspace(0, 1, self.num_frames) if self.num_frames > 1 else np.zeros(1)
        factor = 1 + share * (self.zoom - 1)
        out = np.zeros((self.num_frames, 3, 3))
        out[:, 0, 0] = out[:, 1, 1] = factor
        out[:, 2, 2] = 1
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        out[:, :2, 2] = (1 - factor)[:, None] * middle + share[:, None] * np.asarray(self.pan)
        return out

    def backdrop_motion(self) -> NDArray[np.float64]:
        """(T, 3, 3): where each pixel of frame 0's backdrop goes, due to camera and background together."""
        share = np.linspace(0, 1, self.num_frames) if self.num_frames > 1 else np.zeros(1)
        out = self.camera()
        out[:, :2, 2] += share[:, None] * np.asarray(self.background)
        return out

    def render(self, frames: Sequence[int] | None = None) -> ToyClip:
        """Draw the clip.

        Args:
            frames: Frames to draw, increasing and starting with 0; None draws all T.

        Raises:
            LabError: `frames` does not increase from 0, or goes beyond the last frame.
        """
        chosen = tuple(range(self.num_frames)) if frames is None else tuple(int(frame) for frame in frames)
        if not chosen or chosen[0] != 0 or chosen[-1] >= self.num_frames or sorted(set(chosen)) != list(chosen):
            most = self.num_frames - 1
            raise LabError(f"the frames to draw are {chosen}", fix=f"pass increasing numbers from 0 to at most {most}")
        height, width = self.size
        edge = margin(self.size)
        canvas = self.backdrop
        if canvas is None:
            canvas = draw_backdrop(self.place, self.seed, self.size, edge, self.horizon)
        moves, camera = self.backdrop_motion(), self.camera()
        placed = [thing.matrices() for thing in self.things]
        if self.camera_moves:
            placed = [m if t.role == "pinned" else camera @ m for t, m in zip(self.things, placed, strict=True)]
        images = [thing.drawn() for thing in self.things]
        video = np.empty((len(chosen), height, width, 3), np.uint8)
        labels = np.zeros((len(chosen), height, width), np.uint8)
        base = canvas[edge : edge + height, edge : edge + width].copy()
        base_labels = np.zeros((height, width), np.uint8)
        # Everything below the moving parts is drawn only once.
        still = [bool((m == m[0]).all()) for m in (moves, *placed)]
        first = still.index(False) if False in still else len(still)

        def draw(index: int, frame: int, picture: np.ndarray, marks: np.ndarray) -> None:
            image, unit = images[index]
            if (patch := place(image, on_picture(image, unit, placed[index][frame]), self.size)) is not None:
                lay(picture, marks, *patch, label=index + 1)

        for index in range(first - 1):
            draw(index, 0, base, base_labels)
        for row, frame in enumerate(chosen):
            if still[0]:
                video[row], labels[row] = base, base_labels
            else:
                matrix = moves[frame, :2].copy()
                matrix[:, 2] -= matrix[:, :2] @ (edge, edge)
                cv2.warpAffine(
                    canvas,
                    matrix,
                    (width, height),
                    dst=video[row],
                    flags=cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REPLICATE,
                )
            for index in range(max(first - 1, 0), len(images)):
                draw(index, frame, video[row], labels[row])
        return ToyClip(self, video, labels, [moves, *(m @ np.linalg.inv(m[0]) for m in placed)], chosen)


@dataclass(frozen=True)
class ToyClip:
    """A rendered world and its ground truth.

    Attributes:
        world: What was drawn, with T frames.
        video: (F, H, W, 3) uint8 RGB; F is T unless only some frames were drawn.
        labels: (F, H, W) uint8; 0 is the backdrop, k the k-th thing where it is visible.
        motion_matrices: For the backdrop and each thing (T, 3, 3), from pixels of frame 0 to pixels of frame t.
        frames: Numbers of the F frames that were drawn, 0 first; None for all T.
    """

    world: World
    video: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    motion_matrices: list[NDArray[np.float64]] = field(repr=False)
    frames: tuple[int, ...] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the N things, back to front."""
        return tuple(thing.kind for thing in self.world.things)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(N, F, H, W) bool: where each thing is visible."""
        return self.labels[None] == np.arange(1, len(self.world.things) + 1, dtype=np.uint8)[:, None, None, None]

    @cached_property
    def centres(self) -> NDArray[np.float32]:
        """(N, 2) float32: (x, y) of the largest inscribed circle of each thing's mask in frame 0; NaN if hidden."""
        out = np.full((len(self.world.things), 2), np.nan, np.float32)
        for index, mask in enumerate(self.masks[:, 0]):
            if mask.any():
                out[index] = Entity("thing", mask).centre
        return out

    @property
    def paths(self) -> NDArray[np.float32]:
        """(T, N, 2) float32: where `centres` of frame 0 are in each frame, visible or not."""
        return np.stack([self.follow(i + 1, c[None])[:, 0] for i, c in enumerate(self.centres)], axis=1)

    def follow(self, label: int, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Where points (K, 2) of frame 0 that belong to `label` are in each frame: (T, K, 2) float32."""
        matrices = self.motion_matrices[label]
        return (points @ matrices[:, :2, :2].transpose(0, 2, 1) + matrices[:, None, :2, 2]).astype(np.float32)

    def motion(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where every pixel of frame 0 is in every frame that was drawn.

        Returns:
            tracks (F, H, W, 2) float32, (x, y) in pixels; visible (F, H, W) bool: whether each is inside the picture
            and not covered.
        """
        count, height, width = self.labels.shape
        drawn = list(range(count) if self.frames is None else self.frames)
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        tracks = np.empty((count, height, width, 2), np.float32)
        first = self.labels[0]
        for label in range(len(self.motion_matrices)):
            where = first == label
            if where.any():
                tracks[:, where] = self.follow(label, grid[where])[drawn]
        x, y = np.rint(tracks[..., 0]).astype(int), np.rint(tracks[..., 1]).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        frames = np.arange(count)[:, None, None]
        seen = self.labels[frames, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] == first
        return tracks, inside & seen

    def scene(self, *, min_area: int = 12, start_seed: int | None = None, poses: bool = True) -> Scene:
        """The scene that requests this clip: frame 0, its things as entities, their true paths as trajectories.

        Args:
            min_area: Things with fewer visible pixels in frame 0 are left out.
            start_seed: None starts each trajectory at the mask's inscribed-circle centre; a seed starts it at a random
                pixel of the mask, as a user's click does.
            poses: Whether trajectories also ask for the turning and growing of the things; False asks for paths alone.
        """
        scene = Scene(self.video[0])
        count = self.world.num_frames
        rng = None if start_seed is None else np.random.default_rng(start_seed)
        names: dict[str, int] = {}
        for index, thing in enumerate(self.world.things):
            mask = self.labels[0] == index + 1
            if int(mask.sum()) < min_area:
                continue
            names[thing.kind] = names.get(thing.kind, 0) + 1
            name = thing.kind if names[thing.kind] == 1 else f"{thing.kind} {names[thing.kind]}"
            if thing.role != "moved":
                scene.add(name, mask, pinned=thing.role == "pinned")
                continue
            start = self.centres[index]
            if rng is not None:
                rows, columns = np.nonzero(mask)
                pick = int(rng.integers(len(rows)))
                start = np.array([columns[pick], rows[pick]], np.float32)
            path = self.follow(index + 1, start[None])[:, 0]
            angles, sizes = self._pose(thing) if poses else (None, None)
            scene.add(name, mask, Trajectory(path, tuple(range(count)), angles=angles, sizes=sizes))
        if self.world.background != (0.0, 0.0):
            middle = Entity("background", self.labels[0] == 0).centre
            path = self.follow(0, np.asarray(middle, np.float32)[None])[:, 0]
            scene.drag_background(Trajectory(path, frames=tuple(range(count))))
        elif self.world.camera_moves:
            scene.drag_camera(pan=self.world.pan, zoom=self.world.zoom)
        return Scene(scene.image, scene.entities)  # with an empty undo history

    def _pose(self, thing: Thing) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Angles and sizes of a thing for its trajectory, beside the zoom that it takes on from the scene's camera."""
        sizes = thing.grow
        if self.world.background != (0.0, 0.0) and self.world.zoom != 1.0:  # then the scene has no camera
            sizes = self.world.camera()[:, 0, 0] * (1.0 if sizes is None else sizes)
        return None if thing.turn is None else np.degrees(thing.turn), sizes
