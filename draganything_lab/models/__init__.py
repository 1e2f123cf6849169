"""The networks of DragAnything, on diffusers: the ControlNet and the video UNet that takes its residuals."""

# diffusers looks for ModelMixin beside the classes that a saved pipeline names.
from diffusers.models.modeling_utils import ModelMixin

from .controlnet import ControlEmbedding, ControlResiduals, DragAnythingControlNet
from .unet import DragAnythingUNet, residual_multiplicity

__all__ = [
    "ControlEmbedding",
    "ControlResiduals",
    "DragAnythingControlNet",
    "DragAnythingUNet",
    "ModelMixin",
    "residual_multiplicity",
]
