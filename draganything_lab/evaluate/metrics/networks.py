"""Features of well-known networks: Inception for FID, I3D and VideoMAE for FVD. Nothing is downloaded unless requested.

FID uses torch-fidelity, whose Inception equals the TensorFlow original up to rounding; VideoMAE uses transformers. I3D
is the TorchScript file shared by FVD papers since StyleGAN-V; it must already be on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError, first_line
from ...models.device import best_device
from ...models.zoo.state_dict import load_state_dict, refuse_impostor, sha256
from .extractors import Extractor, Video

INCEPTION = "6726825d"  # start of the SHA-256 of the standard weights
INCEPTION_URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
INCEPTION_WORDS = "Inception v3 of 2015-12-05: 95.6 MB, Apache-2.0, from github.com/toshas/torch-fidelity"
VIDEOMAE = "MCG-NJU/videomae-base-finetuned-kinetics"
VIDEOMAE_WORDS = f"VideoMAE: about 346 MB, CC BY-NC 4.0 (not for commercial use), huggingface.co/{VIDEOMAE}"
I3D_FILE = "i3d_torchscript.pt"
I3D_SHORTEST = 10  # frames: time is halved three times, and two steps are pooled at the end


def inception(
    weights: str | Path | None = None, *, download: bool = False, device: str | None = None, batch: int = 16
) -> Extractor:
    """Features for FID: the 2048 values before Inception's last layer, for every frame.

    Args:
        weights: A file `weights-inception-2015-12-05-6726825d.pth`; None for torch's own download folder.
        download: Whether to download missing weights; size and licence are printed first.
        device: "cuda", "cpu"; None for a GPU if there is one.
        batch: Frames per pass.

    Raises:
        LabError: torch-fidelity is not installed, or the weights are missing or damaged.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix="run: pip install 'draganything-lab[metrics]'") from error
    import torch

    path = _inception_file(weights, download)
    load_state_dict(path)  # torch-fidelity unpickles whatever is there, so check first
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except (RuntimeError, ValueError) as error:
        raise LabError(f"{path} does not hold Inception's weights for FID ({first_line(error)})") from error
    where = best_device(device, mps=False)
    network.to(where)
    digest = sha256(path)

    def features(video: Video) -> NDArray[np.float32]:
        frames = torch.from_numpy(np.ascontiguousarray(video)).permute(0, 3, 1, 2)
        with torch.no_grad():
            return torch.cat([network(part.to(where))[0].cpu() for part in frames.split(batch)]).numpy()

    known = digest.startswith(INCEPTION)
    return Extractor(
        "FID" if known else "Fréchet distance on Inception features",
        "Inception v3, pool, through torch-fidelity" + ("" if known else f" (other weights, {digest[:8]})"),
        features,
        per="frame",
    )


def i3d(weights: str | Path | None = None, *, device: str | None = None) -> Extractor:
    """Features for FVD: I3D's 400 logits for a clip resized to 224x224.

    Args:
        weights: The file `i3d_torchscript.pt` (51 MB) on this machine; None for torch's own download folder. It
            contains a program as well as weights: download it from a source that you trust.
        device: "cuda", "cpu"; None for a GPU if there is one.

    Raises:
        LabError: The file is missing or not TorchScript; later, a clip has fewer than 10 frames.

    Source: Unterthiner et al., "Towards Accurate Generative Models of Video", 2018; the TorchScript of StyleGAN-V.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / I3D_FILE if weights is None else Path(weights).expanduser()
    if weights is None and not path.is_file():
        raise LabError(
            f"I3D's weights for FVD are not at {path}",
            fix=f"put StyleGAN-V's {I3D_FILE} (51 MB) there, or pass --fvd FILE",
        )
    refuse_impostor(path)
    where = best_device(device, mps=False)
    try:
        network = torch.jit.load(str(path), map_location=where).eval()
    except RuntimeError as error:
        raise LabError(
            f"{path} is not a TorchScript file ({first_line(error)})", fix="use i3d_torchscript.pt"
        ) from error
    digest = sha256(path)

    def features(video: Video) -> NDArray[np.float32]:
        if len(video) < I3D_SHORTEST:
            raise LabError(f"the clip has {len(video)} frames", fix=f"use {I3D_SHORTEST} frames or more for I3D")
        clip = torch.from_numpy(np.ascontiguousarray(video)).permute(3, 0, 1, 2)[None].float()  # (1, 3, T, H, W)
        with torch.no_grad():
            return network(clip.to(where), rescale=True, resize=True, return_features=True).float().cpu().numpy()

    return Extractor("FVD", f"I3D, TorchScript {digest[:8]}", features)


def videomae(weights: str | Path = VIDEOMAE, *, download: bool = False, device: str | None = None) -> Extractor:
    """Features for FVD on VideoMAE: the mean of its last tokens for a clip of 16 frames at 224x224.

    Args:
        weights: A folder on this machine, or the repository's name.
        download: Whether to download missing weights; size and licence are printed first.
        device: "cuda", "cpu"; None for a GPU if there is one.

    Raises:
        LabError: transformers is not installed, or the weights are missing.

    Source: Ge et al., "On the Content Bias in Fréchet Video Distance", 2024: VideoMAE captures motion where I3D
        captures content. They use a larger VideoMAE, so their numbers follow another protocol.
    """
    import torch

    try:
        from transformers import VideoMAEModel
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix="run: pip install 'draganything-lab[models]'") from error
    local = Path(weights).expanduser().is_dir()
    if download and not local:
        print(f"Downloading {VIDEOMAE_WORDS if str(weights) == VIDEOMAE else weights}")
    try:
        network: Any = VideoMAEModel.from_pretrained(str(weights), local_files_only=local or not download)
    except (OSError, ValueError) as error:
        raise LabError(
            f"VideoMAE's weights are not at {weights} ({first_line(error)})",
            fix=f"pass a folder, or download=True ({VIDEOMAE_WORDS})",
        ) from error
    where = best_device(device, mps=False)
    network.to(where).eval()
    config = network.config
    # ImageNet's mean and standard deviation, as VideoMAE was trained.
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def features(video: Video) -> NDArray[np.float32]:
        chosen = np.linspace(0, len(video) - 1, config.num_frames).round().astype(int)
        clip = torch.from_numpy(video[chosen]).permute(0, 3, 1, 2).float() / 255  # (16, 3, H, W)
        size = (config.image_size, config.image_size)
        clip = torch.nn.functional.interpolate(clip, size, mode="bilinear", antialias=True, align_corners=False)
        with torch.no_grad():
            tokens = network(((clip - mean) / std)[None].to(where)).last_hidden_state  # (1, tokens, D)
        return tokens.mean(1).float().cpu().numpy()

    name = Path(weights).name if local else str(weights)
    return Extractor("FVD, VideoMAE", f"{name}, {config.num_frames} frames evenly", features)


def _inception_file(weights: str | Path | None, download: bool) -> Path:
    import torch

    if weights is not None:
        path = Path(weights).expanduser()
        refuse_impostor(path)
        return path
    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_URL.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    if not download:
        raise LabError(
            f"Inception's weights for FID are not at {path}",
            fix=f"pass weights=FILE or download=True, in the shell --fid FILE or --download ({INCEPTION_WORDS})",
        )
    print(f"Downloading {INCEPTION_WORDS}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(INCEPTION_URL, str(path), hash_prefix=INCEPTION)
    except (OSError, RuntimeError) as error:
        raise LabError(
            f"{INCEPTION_URL} could not be downloaded ({first_line(error)})", fix="pass weights=FILE"
        ) from error
    return path
