"""The same numbers with less work: cross-attention to a single token, and convolutions over time only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import nn


class OneTokenProcessor(AttnProcessor2_0):
    """Attention that knows that a softmax over one key is one.

    SVD describes the picture with a single token, so every pixel of every frame attends to that token with weight one.
    Queries and keys drop out, and so do their gradients, which are zero; the answer is the same for all pixels: one row
    instead of h * w rows. Equal to `AttnProcessor2_0` up to rounding; with several tokens it *is* `AttnProcessor2_0`.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        context = encoder_hidden_states
        if (
            context is None
            or context.shape[1] != 1
            or attention_mask is not None
            or hidden_states.ndim != 3
            or attn.norm_cross
            or attn.residual_connection
        ):
            return super().__call__(attn, hidden_states, context, attention_mask, *args, **kwargs)
        out = attn.to_out[0](attn.to_v(context))  # (B, 1, C), which broadcasts over the pixels
        return out / attn.rescale_output_factor


class FrameConvolution(nn.Conv3d):
    """A 3D convolution whose kernel spans frames only, done as a 2D one over (frames, pixels).

    The same sums; PyTorch's 2D convolutions are faster, on a CPU up to three times, also backwards.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, F, h, w) over F."""
        flat = F.conv2d(
            input.flatten(3),  # (B, C, F, h * w)
            self.weight[..., 0],
            self.bias,
            padding=(int(self.padding[0]), 0),
            groups=self.groups,
        )
        return flat.unflatten(3, input.shape[3:])

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        """Whether a layer is a convolution over time only, of PyTorch's own class."""
        return (
            type(layer) is nn.Conv3d
            and layer.kernel_size[1:] == (1, 1)
            and layer.stride == (1, 1, 1)
            and layer.dilation == (1, 1, 1)
            and layer.padding_mode == "zeros"
            and not isinstance(layer.padding, str)
            and layer.padding[1:] == (0, 0)
        )


# One object for all layers, so that compiled blocks see nothing new from run to run.
_ONE_TOKEN = OneTokenProcessor()


@contextmanager
def shortcuts(*networks: nn.Module) -> Iterator[tuple[int, int]]:
    """Let some networks take the short ways for the length of a `with` block.

    Weights stay where they are. Only layers of PyTorch's and diffusers' own classes are changed; an attention processor
    that a user has set stays.

    Args:
        networks: UNet, ControlNet, VAE.

    Yields:
        How many cross-attentions and how many convolutions take the short way.
    """
    layers = [(name, layer) for network in networks for name, layer in network.named_modules()]
    attentions = [
        layer
        for name, layer in layers
        if name.endswith("attn2") and isinstance(layer, Attention) and type(layer.processor) is AttnProcessor2_0
    ]
    before = [layer.processor for layer in attentions]
    convolutions = [layer for _, layer in layers if FrameConvolution.fits(layer)]
    try:
        for layer in attentions:
            layer.processor = _ONE_TOKEN
        for layer in convolutions:
            layer.__class__ = FrameConvolution  # the same attributes and weights, another forward
        yield len(attentions), len(convolutions)
    finally:
        for layer, processor in zip(attentions, before, strict=True):
            layer.processor = processor
        for layer in convolutions:
            layer.__class__ = nn.Conv3d
