"""From a backend's name to a segmenter, and the choice of a backend for each picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..errors import LabError
from .base import Found, Prompt, Proposal, Segmenter
from .grabcut import GrabCutSegmenter
from .looks_drawn import looks_drawn

PUBLISHED = ("sam_vit_b", "sam_vit_l", "sam_vit_h")
BACKENDS = ("auto", "toy", "grabcut", *PUBLISHED)
SMALLEST = 16  # pixels: GrabCut needs some pixels to work with
MEASURED = "measured.json"  # beside the small SAM's weights


def load_segmenter(
    name: str = "auto", checkpoint: str | Path | None = None, device: str | None = None, *, download: bool = False
) -> Segmenter:
    """Load a segmenter.

    Args:
        name: "toy" is the small SAM shipped with the package, trained on Toyland and on Scrapbook's cut-outs. "grabcut"
            needs no network and goes by colour. "sam_vit_b", "sam_vit_l" and "sam_vit_h" are the published networks,
            trained on photographs. "auto" chooses for each picture; see `AutoSegmenter`.
        checkpoint: Weight file of a SAM (for "toy" a folder); None for the one in the registry.
        device: "cuda", "cpu", …; None for a GPU if there is one.
        download: Whether to download a missing published network; its size and licence are printed first.

    Raises:
        LabError: There is no such backend, or its weights are missing, incomplete or another network's.

    >>> load_segmenter("grabcut").backend
    'grabcut'
    """
    plain = str(name).lower().replace("-", "_")
    if plain not in BACKENDS:
        raise LabError(f'no segmenter is called "{name}"', fix=f"use one of {', '.join(BACKENDS)}")
    if plain in ("auto", "grabcut") and checkpoint is not None:
        raise LabError(f'"{plain}" takes no checkpoint', fix='pass the name of its network, such as "sam_vit_b"')
    if plain == "auto":
        return AutoSegmenter(device)
    if plain == "grabcut":
        return GrabCutSegmenter()
    try:
        from .sam import load_published, load_toy
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix="run: pip install 'draganything-lab[models]'") from error
    if plain == "toy":
        return load_toy(checkpoint, device)
    return load_published(plain, checkpoint, device, download=download)


class AutoSegmenter(Segmenter):
    """The small SAM for drawn pictures like Toyland's; for others the best backend available.

    For a picture that does not look drawn, that is the largest published SAM whose file is on this machine. Without one
    it is the small SAM or GrabCut: whichever found the objects in held-out photographs better from one click, according
    to `measured.json` beside the small SAM's weights. Nothing is ever downloaded.

    Attributes:
        reason: Why the picture's backend was chosen, in a few words.
    """

    name = "auto"

    def __init__(self, device: str | None = None) -> None:
        super().__init__()
        self._device = device
        self._loaded: dict[str, Segmenter] = {}
        self._chosen: Segmenter | None = None
        self.reason = "no picture is set"

    @property
    def backend(self) -> str:
        """The backend of the current picture; "auto" before one is set."""
        return self.name if self._chosen is None else self._chosen.backend

    def _set(self, picture: np.ndarray) -> None:
        self._chosen = None
        name, reason = choose(picture)
        if name not in self._loaded:
            try:
                self._loaded[name] = load_segmenter(name, device=self._device)
            except LabError as error:
                if name == "grabcut":
                    raise
                name, reason = "grabcut", f"{reason}; but {error}"
                self._loaded[name] = GrabCutSegmenter()
        self._loaded[name].set_picture(picture)
        self._chosen, self.reason = self._loaded[name], reason

    def _predict(self, prompt: Prompt) -> Found:
        assert self._chosen is not None
        previous = prompt.previous
        if previous is not None and previous.logits is None and self._chosen.name != "grabcut":
            prompt = Prompt(prompt.points, prompt.labels, prompt.box, None)
        return self._chosen._predict(prompt)

    def everything(self) -> list[Proposal]:
        """All objects, as found by the picture's backend."""
        _ = self.size
        assert self._chosen is not None
        return self._chosen.everything()


def choose(picture: np.ndarray) -> tuple[str, str]:
    """Choose the backend for a picture (H, W, 3) uint8; return its name and the reason."""
    from ..models import zoo

    try:
        folder = zoo.find("sam-toy")
        published = [name for name in reversed(PUBLISHED) if zoo.find(name.replace("_", "-")) is not None]
    except (ImportError, LabError) as error:
        return "grabcut", f"searching for the networks failed ({error})"
    drawn = looks_drawn(picture)
    if folder is not None and (drawn or min(picture.shape[:2]) < SMALLEST):
        return "toy", "the picture looks drawn, as Toyland's do" if drawn else "the picture is tiny"
    if published:
        return published[0], "the picture looks like a photograph, and this network is on this machine"
    if folder is None:
        return "grabcut", "the small SAM's weights are not on this machine"
    scores = photo_scores(folder)
    best = max(scores, key=lambda name: scores[name]) if scores else "grabcut"
    told = ", ".join(f"{name} {value:.2f}" for name, value in scores.items()) or "nothing measured"
    return best, f"the picture looks like a photograph (mean IoU on held-out ones: {told})"


def photo_scores(folder: Path) -> dict[str, float]:
    """Mean IoU of one click on held-out photographs per backend, as measured; empty if not measured."""
    try:
        measures = json.loads((folder / MEASURED).read_text("utf-8"))["measures"]["outlined"]
        return {name: float(measures[name]["one click"]["mean"]) for name in ("toy", "grabcut")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
