"""The control signal of a video, stored compactly: which entity owns which pixel, and one vector per entity.

Written out, the entity map of 20 frames at 576x320 with 160 channels is 2.2 GiB of mostly zeros; labels and a table of
vectors hold the same in 4 MiB. The dense arrays are made on demand, a few frames at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import LabError
from ..media import drawing
from ..media.picture import load_picture
from .layers import HOLE, Carried, Layers
from .representations import shows_vectors

MAX_DENSE_BYTES = 4 * 2**30
# A step of an eighth of the longer side between two frames is drawn as 255.
FULL_STEP = 1 / 8


@dataclass(frozen=True, eq=False)
class ControlSignal:
    """The input of the ControlNet.

    Attributes:
        representation: "point", "trajectory", "gaussian", "entity", "entity+gaussian" or "carry".
        size: (H, W) of the model.
        num_frames: Number of frames T.
        heat: (T, H, W) uint8: dot, blurred occupancy or Gaussian; zeros for "entity".
        labels: (T, H, W) uint8: 0 for nothing, k for the k-th controlled entity.
        vectors: (N + 1, C) float32: the vector of each label; row 0 is zeros. C is 0 if none were given.
        displacement: (T, N + 1, 2) float32: x and y step of each label from this frame to the next, in pixels of
            `size`; row 0 and the last frame are zeros.
        centres: (T, N, 2) float32: x and y of each entity, in pixels of `size`.
        radii: (N,) float: radius of each entity's circle in frame 0, in pixels of `size`.
        layers: The layers and their motion, at the picture's own size; only for "carry", else None.
        carried: The layers carried along into every frame, at `size` and without the picture's content; only for
            "carry".
        sizes: (T, N) float32: by how much each circle has grown, where circles that grow are drawn; else None.
    """

    representation: str
    size: tuple[int, int]
    num_frames: int
    heat: np.ndarray
    labels: np.ndarray
    vectors: np.ndarray
    displacement: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    layers: Layers | None = None
    carried: Carried | None = None
    sizes: np.ndarray | None = None

    def __post_init__(self) -> None:
        for array in self._arrays():
            array.flags.writeable = False

    @property
    def shows_vectors(self) -> bool:
        """Whether the entity tower sees entity vectors."""
        return shows_vectors(self.representation)

    @property
    def nbytes(self) -> int:
        """Bytes held, without the dense arrays."""
        return sum(array.nbytes for array in self._arrays())

    def image(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the picture for the ControlNet's image tower.

        Args:
            start: First frame.
            stop: One past the last frame; None for the end.

        Returns:
            (t, H, W, 3) float32, 0..255 and *not* normalised, as the released weights expect. For "trajectory" the
            channels are step in x, step in y (signed; 255 is an eighth of the longer side) and occupancy.

        Source: Released code (`demo.get_condition`: the grey picture three times); DragNUWA for "trajectory": steps
        from frame to frame at the point they start from, blurred.
        """
        heat = self.heat[start:stop].astype(np.float32)  # (t, H, W)
        self._check_dense(heat.shape, 3, "image")
        if self.carried is not None:
            shown = self.carried.over[start:stop], 255 - self.carried.known[start:stop], heat
            return np.stack(shown, axis=-1).astype(np.float32)
        if self.representation != "trajectory":
            return np.repeat(heat[..., None], 3, axis=-1)
        picture = np.empty((*heat.shape, 3), np.float32)
        steps = self.displacement[start:stop] / np.float32(max(self.size) * FULL_STEP)  # (t, N + 1, 2)
        for frame, labels in enumerate(self.labels[start:stop]):
            picture[frame, ..., :2] = steps[frame][labels] * heat[frame, ..., None]
        picture[..., 2] = heat
        return picture

    def ways(self, cell: int, start: int = 0, stop: int | None = None) -> np.ndarray | None:
        """For each latent cell of each frame, where its content was in the picture.

        Args:
            cell: Pixels of a cell's side.
            start: First frame.
            stop: One past the last frame; None for the end.

        Returns:
            (t, 3, h, w) float32: steps in x and y from the cell's centre, in cells, and whether that is known (1 or 0);
            None for the paper's representations, which do not determine it.
        """
        if self.layers is None or self.carried is None:
            return None
        return self.layers.ways(self.carried.sources[start:stop], range(self.num_frames)[start:stop], cell)

    def ways_of_circles(self, cells: tuple[int, int]) -> np.ndarray:
        """The ways back to the picture that the circles draw: how a cell got where it is if it is an entity's.

        Args:
            cells: (h, w), how many latent cells the frames have.

        Returns:
            (T, N, 2, h, w) float32: steps in x and y, in cells; h and w are 1 where no circle grows, as the steps are
            then the same everywhere.
        """
        cell = np.array([self.size[1] / cells[1], self.size[0] / cells[0]], np.float32)
        centres = ((self.centres + 0.5) / cell)[..., None, None]  # (T, N, 2, 1, 1)
        steps = centres[:1] - centres
        if self.sizes is None:
            return steps
        middles = np.stack(np.meshgrid(np.arange(cells[1]), np.arange(cells[0]))) + np.float32(0.5)  # (2, h, w)
        return steps + (middles - centres) * (1 / self.sizes - 1)[..., None, None, None]

    def entity_map(self, start: int = 0, stop: int | None = None, *, channels: int | None = None) -> np.ndarray:
        """Return the map for the ControlNet's entity tower; it is large, so request a few frames at a time.

        Args:
            start: First frame.
            stop: One past the last frame; None for the end.
            channels: Number of channels; zeros are returned if no vectors were given, else it must be C.

        Returns:
            (t, H, W, C) float32; zeros for "point", "trajectory" and "gaussian".

        Raises:
            LabError: The map would exceed 4 GiB, or has another number of channels.

        Source: Paper, section 3.4: the entity's embedding, in the circle of its radius, in a matrix of zeros.
        """
        labels = self.labels[start:stop]
        held = self.vectors.shape[1]
        wanted = held if channels is None else channels
        self._check_dense(labels.shape, wanted, "entity map")
        if not self.shows_vectors:
            return np.zeros((*labels.shape, wanted), np.float32)
        if wanted != held:
            raise LabError(
                f"the entity vectors have {held} channels, but {wanted} were requested",
                fix="build the control with that many",
            )
        return np.take(self.vectors, labels, axis=0)

    def preview(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Draw one frame of the signal over a picture, each entity with its colour and number; holes are striped.

        Args:
            image: (H', W', 3) uint8, any size; the signal is scaled to it.
            frame: Frame number; negative counts from the end.

        Returns:
            (H', W', 3) uint8.

        Raises:
            LabError: There is no such frame, or the image is not a picture.
        """
        if not -self.num_frames <= frame < self.num_frames:
            raise LabError(f"frame {frame} of {self.num_frames}", fix=f"pass 0 to {self.num_frames - 1}")
        image = image if isinstance(image, np.ndarray) else load_picture(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise LabError(f"the picture is {image.shape} {image.dtype}", fix="pass (H, W, 3) uint8")
        scale = np.array([image.shape[1] / self.size[1], image.shape[0] / self.size[0]])
        frame %= self.num_frames
        paths = (self.centres + 0.5) * scale - 0.5  # (T, N, 2)
        picture = drawing.paths_over(drawing.muted(image), paths, frame)
        if self.representation not in ("entity", "carry"):
            picture = drawing.heat_over(picture, self.heat[frame])
        if self.shows_vectors:
            filled = self.representation in ("entity", "carry")
            picture = drawing.labels_over(picture, self.labels[frame], filled=filled)
        if self.carried is not None:
            picture = drawing.holes_over(picture, self.carried.sources[frame] == HOLE)
        if self.representation == "trajectory":
            picture = drawing.arrows_over(picture, paths[frame], self.displacement[frame, 1:] * scale)
        small = self.representation in ("point", "trajectory")
        radii = np.full(len(self.radii), 0.06 * min(self.size)) if small else self.radii
        return drawing.numbers_over(picture, paths[frame], radii * scale.min())

    def _arrays(self) -> tuple[np.ndarray, ...]:
        held = (self.heat, self.labels, self.vectors, self.displacement, self.centres, self.radii)
        return held if self.sizes is None else (*held, self.sizes)

    def _check_dense(self, shape: tuple[int, ...], channels: int, what: str) -> None:
        need = 4 * channels * int(np.prod(shape, dtype=np.int64))
        if need > MAX_DENSE_BYTES:
            one = 4 * channels * self.size[0] * self.size[1]
            raise LabError(
                f"the {what} of {shape[0]} frames needs {need / 2**30:.1f} GiB, the limit is "
                f"{MAX_DENSE_BYTES / 2**30:.0f} GiB",
                fix=f"request at most {MAX_DENSE_BYTES // one} frames at a time, with start and stop",
            )
