"""What the generate panel calls weights and representations, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterable

CARRY = "carry: the whole mask, moved along (ours)"
WEIGHTS = {
    "toy": "toy: small, comes with the lab, runs anywhere",
    "svd": "svd: the authors', for photographs, needs a GPU",
}
STRANGE = (
    "This picture looks like a photograph, and the toy weights learned this representation from Toyland's drawings "
    "only: dragged objects will smear. "
)
TAKE_CARRY = f"Choose {CARRY}, which keeps the picture's own pixels, or svd on a GPU."
TAKE_CARRY_FOR_POSES = f" Choose {CARRY}, to have it told."
TAKE_OTHERS = "Use svd on a GPU, or look at the preview (Play)."
SPOKEN = {
    "point": "point",
    "trajectory": "trajectory map",
    "gaussian": "2D Gaussian",
    "entity": "entity",
    "entity+gaussian": "entity + Gaussian (the paper's)",
    "carry": CARRY,
    "cut-and-drag": "cut-and-drag: no control, without training",
}
ABOUT = {
    "carry": "Ours, not the paper's: the whole mask moved along its path. It tells the model how far an object "
    "reaches, where each of its pixels was, and where it has left a hole.",
    "entity+gaussian": "The paper's own: the object's features in a disc, and a Gaussian over it. How far the object "
    "reaches beyond the disc, the model has to guess.",
    "entity": "From the paper's comparison: the object's features in a disc, without a Gaussian.",
    "gaussian": "From the paper's comparison: a Gaussian as wide as the object is large, without its features.",
    "trajectory": "From the paper's comparison: each object's step to the next frame, blurred, as in DragNUWA.",
    "point": "From the paper's comparison: a small dot, the same for every object.",
    "cut-and-drag": "Time-to-Move (2025), without a ControlNet: the video begins from the preview with noise on it, "
    "and what moves follows the preview longest. It needs good masks, and can neither turn an object into depth nor "
    "move its parts. The larger the model, the more it makes the rest fit.",
}


def spoken(names: Iterable[str]) -> list[tuple[str, str]]:
    """Representations as a list offers them."""
    return [(SPOKEN[name], name) for name in names]
