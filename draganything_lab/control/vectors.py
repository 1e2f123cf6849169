"""Feature map and mask -> one vector per entity, and the similarity of vectors (NumPy and OpenCV only)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import LabError
from ..media.arrays import plain_array
from ..media.mask import load_mask
from ..scene.masks import inscribed_circle, latent_mask

if TYPE_CHECKING:
    from ..models.dift import DiffusionFeatures
    from ..scene.scene import Scene


def pool_over_mask(features: np.ndarray, mask: np.ndarray, *, name: str = "", middle: bool = False) -> np.ndarray:
    """Average a feature map over an entity's mask.

    Args:
        features: (C, h, w) float.
        mask: (H, W) bool, at the picture's own size; it is resized here.
        name: Name of the entity in error messages.
        middle: Whether a mask that contains no cell of the feature map gets the one at its middle.

    Returns:
        (C,) float32.

    Raises:
        LabError: The mask contains no cell of the feature map, or is empty.

    Source: Paper, section 3.3; released code (`demo.get_dift_ID`).

    >>> pool_over_mask(np.ones((4, 8, 8), np.float32), np.ones((64, 64), bool))
    array([1., 1., 1., 1.], dtype=float32)
    """
    features, mask = plain_array(features, "features"), load_mask(mask)
    if features.ndim != 3:
        raise LabError(f"the features have shape {features.shape}", fix="pass (C, h, w)")
    cells = latent_mask(mask, features.shape[1:])
    if not cells.any():
        pixels, (height, width) = int(np.count_nonzero(mask)), mask.shape
        who = name or "the entity"
        if pixels == 0:
            raise LabError(f"{who}: its mask is empty", fix="draw it again or remove the entity")
        if middle:
            x, y = inscribed_circle(mask)[0]
            column, row = int((x + 0.5) * features.shape[2] / width), int((y + 0.5) * features.shape[1] / height)
            return features[:, row, column].astype(np.float32)
        least = f"{-(-width // features.shape[2])}x{-(-height // features.shape[1])}"
        raise LabError(
            f"{who}: its mask of {pixels} pixels in a {width}x{height} picture vanishes on the "
            f"{features.shape[2]}x{features.shape[1]} feature map",
            fix=f"draw a larger mask (at least about {least} pixels), or use a larger size",
        )
    return features[:, cells].mean(axis=1, dtype=np.float32)  # (C, n) -> (C,)


def pair_average(vector: np.ndarray) -> np.ndarray:
    """Average neighbouring channels: (2C,) or (N, 2C) -> (C,) or (N, C) float32; the release reduces 320 to 160.

    Source: Released code (average pooling with kernel 2 and stride 2 along the channels).

    >>> pair_average(np.array([1.0, 3.0, 5.0, 7.0]))
    array([2., 6.], dtype=float32)
    """
    vector = plain_array(vector, "vector").astype(np.float32)
    if vector.ndim == 0 or vector.shape[-1] % 2:
        raise LabError(f"the vectors have shape {vector.shape}", fix="use an even number of channels")
    return (vector[..., 0::2] + vector[..., 1::2]) / np.float32(2)


def fit_channels(vectors: np.ndarray, channels: int | None) -> np.ndarray:
    """Reduce entity vectors to a ControlNet's number of channels.

    Args:
        vectors: (N, F) float.
        channels: Channels of the ControlNet: F (unchanged) or F / 2 (pair averages); None means F / 2.

    Returns:
        (N, channels) float32.
    """
    found = vectors.shape[-1]
    if channels == found:
        return np.asarray(vectors, np.float32)
    if channels is None or channels * 2 == found:
        return pair_average(vectors)
    raise LabError(
        f"diffusion features of {found} channels give entity vectors of {found} channels (whole) or {found // 2} (pair "
        f"averages), but {channels} were requested",
        fix="use the features that the ControlNet was trained with",
    )


def cosine_similarity(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the cosines between two sets of vectors: (N, C) and (M, C) -> (N, M) float32 in -1..1; 0 for zeros."""
    vectors, others = plain_array(vectors, "vectors"), plain_array(others, "vectors")
    vectors, others = np.atleast_2d(vectors).astype(np.float32), np.atleast_2d(others).astype(np.float32)
    if vectors.shape[1] != others.shape[1]:
        raise LabError(
            f"the vectors have {vectors.shape[1]} and {others.shape[1]} channels", fix="compare vectors of equal length"
        )
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (vectors, others)]
    return np.clip(unit[0] @ unit[1].T, -1, 1)


def similarity_map(features: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return how similar every cell is to an entity: (C, h, w) and (C,) -> (h, w) float32, cosine in -1..1.

    A pair-averaged vector (C / 2,) is compared with pair-averaged features.
    """
    features, vector = plain_array(features, "features").astype(np.float32), plain_array(vector, "vector")
    flat = features.reshape(len(features), -1).T  # (h * w, C)
    if np.size(vector) * 2 == len(features):
        flat = pair_average(flat)
    return cosine_similarity(flat, np.reshape(vector, (1, -1)))[:, 0].reshape(features.shape[1:])


def entity_vectors(
    scene: Scene,
    features: DiffusionFeatures,
    channels: int | None = None,
    *,
    entities: Literal["controlled", "all"] = "controlled",
    middle: bool = False,
    **options: Any,
) -> np.ndarray:
    """Return one vector per entity of a scene.

    Args:
        scene: The scene.
        features: The network that extracts the features of its picture.
        channels: Channels of the ControlNet: all feature channels or half of them (pair averages, as
            released: 320 to 160); None follows the weights, else half.
        entities: "controlled" (in `scene.controlled`'s order) or "all".
        middle: As for `pool_over_mask`.
        options: As for `features.extract`; pass `size`, the model's (H, W), to get the release's numbers.

    Returns:
        (N, channels) float32; no rows if the scene has no such entity.

    Raises:
        LabError: A mask vanishes on the feature map, or the channels do not fit.

    Source: Paper, section 3.3; released code (`demo.get_condition`).
    """
    channels = features.entity_channels if channels is None else channels
    chosen = scene.controlled if entities == "controlled" else scene.entities
    if not chosen:
        return fit_channels(np.zeros((0, features.feature_channels), np.float32), channels)
    found = features.extract(scene.image, **options)
    number = {entity.name: k for k, entity in enumerate(scene.entities, 1)}
    vectors = [
        pool_over_mask(found, e.mask, name=f'entity {number[e.name]} ("{e.name}")', middle=middle) for e in chosen
    ]
    return fit_channels(np.stack(vectors), channels)
