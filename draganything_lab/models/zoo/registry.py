"""All sets of weights: where they are, how large, under which licence, and what can replace one that has gone.

Sizes and hashes are those of the pinned revision, if any; `size_is_exact` says whether a size is exact.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ...errors import LabError
from .folders import model_folder

Source = Literal["package", "hub"]
Kind = Literal["video", "control", "features", "masks", "tracks"]
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Model:
    """One set of weights.

    Attributes:
        name: Name in this library.
        what: Short description.
        source: "package" (shipped) or "hub" (a Hugging Face repository).
        id: Folder in the package, or name of the repository.
        revision: Commit of the repository; "main" if none could be pinned.
        first_revision: Revision to try first, if it still exists: the same weights as safetensors.
        needed: Files that must exist; "a|b" means a or, failing that, b.
        needed_half: The same for the half-precision files, if the repository has them.
        size: Total bytes of `needed`; 0 for shipped weights.
        size_half: Total bytes of `needed_half`, approximate.
        size_is_exact: Whether `size` is exact rather than approximate.
        hashes: SHA-256 of files, if known beforehand.
        licence: Name of the licence.
        licence_page: Address of the licence.
        gated: Whether its page requires a login and consent before the download: "no", "yes", or "perhaps" (such pages
            change).
        alternatives: Names of other models that can replace it.
        former: Former addresses of it or of what it replaces.
        note: Further remarks.
        kind: What it makes: "video", "control" (for a video model), "features", "masks" or "tracks".
    """

    name: str
    what: str
    source: Source
    id: str
    licence: str
    licence_page: str
    revision: str = "main"
    first_revision: str = ""
    needed: tuple[str, ...] = ()
    needed_half: tuple[str, ...] = ()
    size: int = 0
    size_half: int = 0
    size_is_exact: bool = False
    hashes: Mapping[str, str] = field(default_factory=dict)
    gated: Literal["no", "yes", "perhaps"] = "no"
    alternatives: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    note: str = ""
    kind: Kind = "video"

    @property
    def page(self) -> str:
        """Address of its web page."""
        return f"{HUB}/{self.id}" if self.source == "hub" else self.licence_page

    @property
    def one_file(self) -> bool:
        """Whether it is one file, not a folder of several."""
        return len(self.needed) == 1

    @property
    def variable(self) -> str:
        """The environment variable that points to a local copy."""
        return "DRAGANYTHING_LAB_" + self.name.upper().replace("-", "_").replace(".", "_")

    def files(self, half: bool = False) -> tuple[str, ...]:
        """The files that must exist, in half precision if requested and available."""
        return self.needed_half if half and self.needed_half else self.needed

    @property
    def in_turn(self) -> tuple[Model, ...]:
        """The revisions to try, each as a model of its own: first the one with safetensors only."""
        if not self.first_revision:
            return (self,)
        safe = tuple(entry.partition("|")[0] for entry in self.needed)
        return replace(self, revision=self.first_revision, first_revision="", needed=safe), self

    def bytes(self, half: bool = False) -> int:
        """Total size of the files in bytes."""
        if self.source == "package":
            return sum(path.stat().st_size for path in package_folder(self).rglob("*") if path.is_file())
        return self.size_half if half and self.needed_half else self.size


def package_folder(model: Model) -> Path:
    """The folder of weights shipped inside the package; it may not exist."""
    return Path(__file__).parents[2] / "weights" / model.id


def _video(fp16: bool) -> tuple[str, ...]:
    dot = ".fp16" if fp16 else ""
    return (
        "feature_extractor/preprocessor_config.json",
        "image_encoder/config.json",
        f"image_encoder/model{dot}.safetensors",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        f"unet/diffusion_pytorch_model{dot}.safetensors",
        "vae/config.json",
        f"vae/diffusion_pytorch_model{dot}.safetensors",
    )


def _image(fp16: bool, bins: bool = False) -> tuple[str, ...]:
    dot = ".fp16" if fp16 else ""
    weights = {
        "text_encoder": (f"text_encoder/model{dot}.safetensors", f"text_encoder/pytorch_model{dot}.bin"),
        "unet": tuple(f"unet/diffusion_pytorch_model{dot}.{end}" for end in ("safetensors", "bin")),
        "vae": tuple(f"vae/diffusion_pytorch_model{dot}.{end}" for end in ("safetensors", "bin")),
    }
    configs = ("scheduler/scheduler_config.json", *(f"{part}/config.json" for part in weights))
    words = ("tokenizer/merges.txt", "tokenizer/tokenizer_config.json", "tokenizer/vocab.json")
    return (*configs, *words, *("|".join(files if bins else files[:1]) for files in weights.values()))


_SVD_LICENCE = (
    "Stability AI Community Licence (free below 1 million USD of yearly revenue)",
    f"{HUB}/stabilityai/stable-video-diffusion-img2vid/blob/main/LICENSE.md",
)
_SD_LICENCE = ("CreativeML Open RAIL-M", f"{HUB}/spaces/CompVis/stable-diffusion-license")
_SAM_COMMIT = "7790786db131bcdc639f24a915d9f2c331d843ee"
_SAM_LICENCE = ("Apache 2.0", "https://github.com/facebookresearch/segment-anything/blob/main/LICENSE")
_TRACKER_COMMIT = "b748ec5e5cd4b9f525a94cc544f0be34bbcc22e2"
_TRACKER_LICENCE = (
    "CC BY-NC 4.0 (not for commercial use)",
    "https://github.com/facebookresearch/co-tracker/blob/main/LICENSE.md",
)


def _sam(size: str, mark: str, length: int, sha256: str) -> Model:
    file = f"checkpoints/sam_vit_{size}_{mark}.pth"
    return Model(
        f"sam-vit-{size}",
        f"Segment Anything, ViT-{size.upper()}: click to mask",
        "hub",
        "ybelkada/segment-anything",
        *_SAM_LICENCE,
        revision=_SAM_COMMIT,
        needed=(file,),
        size=length,
        size_is_exact=True,
        hashes={file: sha256},
        alternatives=tuple(f"sam-vit-{other}" for other in "blh" if other != size),
        kind="masks",
    )


def _tracker(kind: str, sha256: str) -> Model:
    file = f"scaled_{kind}.pth"
    return Model(
        f"cotracker3-{kind}",
        f"CoTracker3, {kind}: where every point goes",
        "hub",
        "facebook/cotracker3",
        *_TRACKER_LICENCE,
        revision=_TRACKER_COMMIT,
        needed=(file,),
        size=102_000_000,
        hashes={file: sha256},
        note="Its code comes through torch.hub: facebookresearch/co-tracker.",
        kind="tracks",
    )


_ALL = (
    Model(
        "toy",
        "DragAnything in miniature, for Toyland: every part, trained by this project",
        "package",
        "toy",
        "Apache 2.0",
        "https://www.apache.org/licenses/LICENSE-2.0",
        note="Shipped inside the package; trained by draganything-lab train toy.",
    ),
    Model(
        "svd",
        "Stable Video Diffusion, 14 frames: what DragAnything steers",
        "hub",
        "stabilityai/stable-video-diffusion-img2vid",
        *_SVD_LICENCE,
        revision="9cf024d5bfa8f56622af86c884f26a52f6676f2e",
        needed=_video(False),
        needed_half=_video(True),
        size=9_018_074_833,
        size_half=4_509_188_849,
        size_is_exact=True,
        gated="perhaps",
        alternatives=("svd-xt",),
        hashes={
            "image_encoder/model.safetensors": "ed1e5af7b4042ca30ec29999a4a5cfcac90b7fb610fd05ace834f2dcbb763eab",
            "unet/diffusion_pytorch_model.safetensors": "98c5e6b99df6bef015b2681c0f8ab9d4c807b733be46c067d6c9966101698f58",
            "vae/diffusion_pytorch_model.safetensors": "9975042d7bee021bd53a72b1af14c8627d624f6547ec9abe661b68b962b88c49",
        },
    ),
    Model(
        "svd-xt",
        "Stable Video Diffusion, 25 frames",
        "hub",
        "stabilityai/stable-video-diffusion-img2vid-xt",
        *_SVD_LICENCE,
        revision="9e43909513c6714f1bc78bcb44d96e733cd242aa",
        needed=_video(False),
        needed_half=_video(True),
        size=9_018_000_000,
        size_half=4_509_188_841,
        gated="perhaps",
        alternatives=("svd",),
    ),
    Model(
        "draganything",
        "The authors' ControlNet, for svd",
        "hub",
        "weijiawu/DragAnything",
        "Apache 2.0",
        f"{HUB}/weijiawu/DragAnything",
        needed=("config.json", "diffusion_pytorch_model.safetensors"),
        size=2_740_000_000,  # 684,999,873 numbers in float32
        kind="control",
    ),
    Model(
        "sd15",
        "Stable Diffusion 1.5: diffusion features",
        "hub",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        *_SD_LICENCE,
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        needed=_image(False),
        needed_half=_image(True),
        size=4_266_700_000,
        size_half=2_134_200_000,
        alternatives=("sd14",),
        former=("runwayml/stable-diffusion-v1-5",),
        note="A mirror; the original, runwayml/stable-diffusion-v1-5, was deleted in 2024.",
        kind="features",
    ),
    Model(
        "sd14",
        "Stable Diffusion 1.4: diffusion features",
        "hub",
        "CompVis/stable-diffusion-v1-4",
        *_SD_LICENCE,
        revision="133a221b8aa7292a167afc5127cb63fb5005638b",
        needed=_image(False),
        size=4_266_700_000,
        alternatives=("sd15",),
        kind="features",
    ),
    Model(
        "chilloutmix",
        "The Stable Diffusion 1.5 variant of the released demo: diffusion features",
        "hub",
        "windwhinny/chilloutmix",
        "CreativeML Open RAIL-M with further terms",
        "https://civitai.com/models/6424/chilloutmix",
        needed=_image(False, bins=True),
        size=4_270_000_000,
        first_revision="refs/pr/19",
        alternatives=("sd15", "sd14"),
        note="Has been withdrawn from its pages more than once. sd15 gives features of the same shape, other values.",
        kind="features",
    ),
    Model(
        "sam-toy",
        "Segment Anything in miniature: click to mask, trained by this project",
        "package",
        "sam",
        "Apache 2.0",
        "https://www.apache.org/licenses/LICENSE-2.0",
        alternatives=("sam-vit-b",),
        kind="masks",
        note="Shipped inside the package; trained by draganything-lab train sam.",
    ),
    _sam("b", "01ec64", 375_042_383, "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
    _sam("l", "0b3195", 1_249_524_607, "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
    _sam("h", "4b8939", 2_564_550_879, "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
    _tracker("offline", "2670d4562ed69326dda775a26e54883925cd11b6fc9b24cb7aa9f8078bce7834"),
    _tracker("online", "205d34789f19699d64b22cf93f9b697f15f28d4025240e31532e504109837218"),
)

_BY_NAME = {model.name: model for model in _ALL}
MODELS: Mapping[str, Model] = MappingProxyType(_BY_NAME)
"""Every set of weights by name."""


def names(*kinds: Kind) -> tuple[str, ...]:
    """Names of the models of the given kinds; of all models if none is given."""
    return tuple(name for name, model in MODELS.items() if not kinds or model.kind in kinds)


def lookup(name: str, *kinds: Kind) -> Model:
    """Return the model with a given name.

    Args:
        name: Name in `MODELS`.
        kinds: Kinds to suggest in the error message; all kinds if none is given.

    Raises:
        LabError: There is no such model; the message suggests the most similar name.
    """
    if name in MODELS:
        return MODELS[name]
    plain = str(name).lower().replace("_", "-")
    near = [key for key, model in MODELS.items() if plain in (i.lower() for i in (model.id, *model.former))]
    near = near or difflib.get_close_matches(plain, names(*kinds), 1, 0.5)
    hint = f'did you mean "{near[0]}"? Or ' if near else ""
    raise LabError(
        f'no weights are called "{name}"',
        fix=f"{hint}use one of {', '.join(names(*kinds))}, or the path of a folder",
    )


def local_override(model: Model) -> Path | None:
    """Return the local copy that the user's environment names, if any.

    Raises:
        LabError: The variable names a missing path.
    """
    value = os.environ.get(model.variable)
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.exists():
        raise LabError(f"{model.variable} names {value}, which does not exist", fix="correct it or unset it")
    if path.is_dir():
        return model_folder(path)
    return path


def in_words(size: int) -> str:
    """Format a size: 9.02 GB, 375 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


def describe(name: str, *, half: bool = False) -> str:
    """Describe a set of weights, its size and its licence, as shown before a download."""
    model = lookup(name)
    size = in_words(model.bytes(half)) if model.bytes(half) else "unknown size"
    exact = model.source == "package" or (model.size_is_exact and not (half and model.needed_half))
    near = "" if exact else "about "
    lines = [f"{model.name}: {model.what}", f"  from     {model.page if model.source == 'hub' else model.id}"]
    lines += [f"  size     {near}{size}" + (", half precision" if half and model.needed_half else "")]
    lines += [f"  licence  {model.licence}: {model.licence_page}"]
    if model.gated != "no":
        lines += [f"  access   {model.gated}: log in and accept the terms on {model.page}, then run: hf auth login"]
    if model.note:
        lines += [f"  note     {model.note}"]
    return "\n".join(lines)
