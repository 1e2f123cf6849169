"""The networks of DragAnything, on diffusers: the ControlNet and the video UNet that takes its residuals."""

from .controlnet import ControlEmbedding, ControlResiduals, DragAnythingControlNet
from .unet import DragAnythingUNet, residual_multiplicity

__all__ = [
    "ControlEmbedding",
    "ControlResiduals",
    "DragAnythingControlNet",
    "DragAnythingUNet",
    "residual_multiplicity",
]
