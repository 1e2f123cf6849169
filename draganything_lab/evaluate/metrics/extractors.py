"""Features for Fréchet distances, from a network or a thumbnail; any function of the right form can be used.

The features determine the name of the distance: "FID" on Inception's, "FVD" on I3D's or VideoMAE's, and a plain name
for everything else. External networks are in `draganything_lab.evaluate.metrics.networks`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.arrays import evenly
from ...media.video import checked_frames
from .frechet import RESAMPLES, frechet
from .intervals import Measured
from .protocol import Protocol

if TYPE_CHECKING:
    from ...models.dift import DiffusionFeatures

Video = NDArray[np.uint8]


@dataclass(frozen=True)
class Extractor:
    """A function from a video to features.

    Attributes:
        measure: Name of the Fréchet distance on these features: "FID", "FVD", or the plain name.
        features: Description of the features, for the protocol.
        function: (T, H, W, 3) uint8 -> (K, D) float: K = 1 for a video, K = T for a set of frames.
        per: "clip" or "frame".
        choices: Further choices for the protocol, as (what, which).
    """

    measure: str
    features: str
    function: Callable[[Video], NDArray[Any]]
    per: str = "clip"
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """A short name for files and columns."""
        return "".join(letter if letter.isalnum() else "-" for letter in f"{self.measure} {self.features}".lower())[:60]

    def __call__(self, video: Video | Sequence[Video]) -> NDArray[np.float32]:
        """Return the features of one video: (K, D) float32.

        Raises:
            LabError: The input is not a video, or the features are not finite.
        """
        frames = checked_frames(video)
        rows = np.asarray(self.function(frames), np.float32)
        expected = 1 if self.per == "clip" else len(frames)
        if rows.ndim != 2 or len(rows) != expected:
            raise LabError(
                f"{self.features}: features have shape {rows.shape}", fix=f"return ({expected}, D) from the function"
            )
        if not np.isfinite(rows).all():
            raise LabError(
                f"{self.features}: the features of this video are not finite", fix="run the network in float32"
            )
        return rows

    def protocol(self, **more: Any) -> Protocol:
        """The protocol of a Fréchet distance on these features."""
        return Protocol(self.measure, (("features", self.features), *self.choices)).but(samples=self.per, **more)


def frechet_of_videos(
    real: Sequence[Video],
    fake: Sequence[Video],
    extractor: Extractor,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    **choices: Any,
) -> Measured:
    """Return the Fréchet distance between two sets of videos.

    Args:
        real, fake: Videos (T, H, W, 3) uint8, all of the same length.
        extractor: The feature extractor.
        resamples: Number of bootstrap draws; whole clips are drawn.
        seed: Seed of the bootstrap.
        choices: Further choices for the protocol, such as data="Toyland".

    Raises:
        LabError: A side has fewer than two videos, the lengths differ, or features are not finite.
    """
    check_lengths([*real, *fake])
    sets = []
    for videos in (real, fake):
        features, groups = stacked([extractor(video) for video in videos])
        sets.append((features, groups))
    (a, groups_a), (b, groups_b) = sets
    length, size = (len(real[0]), np.shape(real[0])[1:3]) if len(real) else (0, (0, 0))
    protocol = extractor.protocol(frames=length, size=f"{size[1]}x{size[0]}", **choices)
    return frechet(a, b, protocol, real_groups=groups_a, fake_groups=groups_b, resamples=resamples, seed=seed)


def check_lengths(videos: Sequence[Video]) -> None:
    """Refuse videos of different lengths: features of a longer clip differ for that reason alone."""
    lengths = sorted({len(video) for video in videos})
    if len(lengths) > 1:
        raise LabError(f"the videos have {lengths[0]} to {lengths[-1]} frames", fix=f"cut them to {lengths[0]}")


def stacked(features: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], list[Hashable]]:
    """Stack the features of several clips as (N, D); also return which clip each row comes from."""
    if not features:
        raise LabError("there are no videos", fix="pass two or more on each side")
    groups: list[Hashable] = [clip for clip, rows in enumerate(features) for _ in range(len(rows))]
    return np.concatenate(features), groups


def thumbnails(side: int = 4) -> Extractor:
    """Features without a network: mean and change over time of a tiny colour picture, (6 * side * side,).

    They capture colours, positions and motion, not what objects are. For lessons, and if there are no weights.
    """

    def features(video: Video) -> NDArray[np.float32]:
        small = np.stack([cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in video])
        rows = small.reshape(len(video), -1) / np.float32(255)
        change = np.abs(np.diff(rows, axis=0)).mean(axis=0) if len(rows) > 1 else np.zeros_like(rows[0])
        return np.concatenate([rows.mean(axis=0), change])[None]

    return Extractor("Fréchet distance on thumbnails", f"{side}x{side} colours, mean and change", features)


def vae_latents(vae: Any, name: str = "toy") -> Extractor:
    """Features of a video VAE's encoder: mean over time and space, spread over space, and change over time, (3 C,).

    Args:
        vae: A diffusers VAE, such as `pipe.vae`.
        name: Name of the weights, for the protocol.
    """

    def features(video: Video) -> NDArray[np.float32]:
        import torch

        pixels = torch.from_numpy(video).permute(0, 3, 1, 2).to(vae.device, vae.dtype) / 127.5 - 1
        with torch.no_grad():
            latents = torch.cat([vae.encode(part).latent_dist.mean for part in pixels.split(8)]).float()  # (T, C, h, w)
        change = latents.diff(dim=0).abs().mean((0, 2, 3)) if len(latents) > 1 else torch.zeros(latents.shape[1])
        parts = [latents.mean((0, 2, 3)), latents.std((2, 3)).mean(0), change.to(latents.device)]
        return torch.cat(parts)[None].cpu().numpy()

    words = "mean, spread and change of the encoder's means"
    return Extractor(f"Fréchet distance on {name} VAE latents", words, features)


def diffusion_features(network: DiffusionFeatures, name: str = "toy", count: int = 3) -> Extractor:
    """Features of a diffusion network (DIFT): for some frames, the mean over the picture, (C,).

    Args:
        network: Network from `load_features`.
        name: Name of the weights, for the protocol.
        count: Number of frames, evenly spaced.
    """

    def features(video: Video) -> NDArray[np.float32]:
        chosen = evenly(len(video), count)
        maps = network.extract_many(video[chosen], draws=1)
        return maps.mean(axis=(0, 2, 3))[None]

    return Extractor(f"Fréchet distance on {name} DIFT", f"mean over the picture and {count} frames, 1 draw", features)
