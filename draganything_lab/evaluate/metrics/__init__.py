"""Numbers with their protocols: ObjMC, Fréchet distances, intervals, and tables that rank only comparable numbers."""

from .baselines import Obedience, with_baselines
from .extractors import Extractor, diffusion_features, frechet_of_videos, thumbnails, vae_latents
from .frechet import frechet, frechet_distance, frechet_of_gaussians
from .intervals import Measured, bootstrap, mean_of, sign_test, wilson
from .networks import i3d, inception, videomae
from .objmc import ObjMC, objmc, share_obeyed
from .protocol import Protocol
from .published import PUBLISHED
from .summary import our_protocol, pooled, released_protocol
from .table import Row, Table
from .trajectory_json import read_trajectories, released_objmc_of_folders, write_trajectories

__all__ = [
    "PUBLISHED",
    "Extractor",
    "Measured",
    "Obedience",
    "ObjMC",
    "Protocol",
    "Row",
    "Table",
    "bootstrap",
    "diffusion_features",
    "frechet",
    "frechet_distance",
    "frechet_of_gaussians",
    "frechet_of_videos",
    "i3d",
    "inception",
    "mean_of",
    "objmc",
    "our_protocol",
    "pooled",
    "read_trajectories",
    "released_objmc_of_folders",
    "released_protocol",
    "share_obeyed",
    "sign_test",
    "thumbnails",
    "vae_latents",
    "videomae",
    "wilson",
    "with_baselines",
    "write_trajectories",
]
