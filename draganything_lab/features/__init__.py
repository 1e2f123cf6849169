"""Diffusion features (DIFT): what an image diffusion model knows about every place of a picture, pooled per entity.

A picture is encoded, some noise is added, and one pass through the UNet of an image diffusion model is listened to.
Places that mean the same thing get similar vectors; the mean over an entity's mask is that entity's vector.
"""

from .dift import DiffusionFeatures
from .pictures import pca_picture, pca_pictures
from .pooling import cosine_similarity, fit_channels, latent_mask, pair_average, pool_over_mask, similarity_map

__all__ = [
    "DiffusionFeatures",
    "cosine_similarity",
    "fit_channels",
    "latent_mask",
    "pair_average",
    "pca_picture",
    "pca_pictures",
    "pool_over_mask",
    "similarity_map",
]
