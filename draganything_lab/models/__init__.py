"""The networks, on diffusers, and the weights that fill them (`models.zoo`).

The ControlNet, the video UNet that takes its residuals, and diffusion features (DIFT): what an image diffusion model
knows about every place of a picture. Nothing is imported before it is asked for: `models.zoo` needs no torch.
"""

from typing import TYPE_CHECKING

from ..lazy import handed_on

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

    from .completer import AmodalCompleter
    from .controlnet import ControlEmbedding, ControlResiduals, DragAnythingControlNet
    from .dift import DiffusionFeatures
    from .filler import HoleFiller
    from .load import load_features
    from .pointers import agreed, follow_pointers
    from .random import random_parts
    from .reference import Decoded, ReferenceDecoder, References
    from .unet import DragAnythingUNet, residual_multiplicity
else:
    __getattr__, __dir__ = handed_on(
        __name__,
        {
            "completer": ["AmodalCompleter"],
            # diffusers looks for ModelMixin beside the classes that a saved pipeline names.
            "controlnet": ["ControlEmbedding", "ControlResiduals", "DragAnythingControlNet", "ModelMixin"],
            "dift": ["DiffusionFeatures"],
            "filler": ["HoleFiller"],
            "load": ["load_features"],
            "pointers": ["agreed", "follow_pointers"],
            "reference": ["Decoded", "ReferenceDecoder", "References"],
            "random": ["random_parts"],
            "unet": ["DragAnythingUNet", "residual_multiplicity"],
        },
    )

__all__ = [
    "AmodalCompleter",
    "ControlEmbedding",
    "ControlResiduals",
    "Decoded",
    "DiffusionFeatures",
    "DragAnythingControlNet",
    "DragAnythingUNet",
    "HoleFiller",
    "ModelMixin",
    "ReferenceDecoder",
    "References",
    "agreed",
    "follow_pointers",
    "load_features",
    "random_parts",
    "residual_multiplicity",
]
