"""The same numbers with less work: cross-attention to a single token, and convolutions over time only."""

from __future__ import annotations

from collections.abc import Callable
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


def take_shortcuts(*networks: nn.Module) -> tuple[int, int]:
    """Let networks compute the same with less work from now on.

    Done once, when a pipeline or a training takes a network over; a second time changes nothing, so networks may be
    shared. Weights and their names stay. Only layers of PyTorch's and diffusers' own classes are replaced; an attention
    processor that a user has set stays.

    Args:
        networks: UNet, ControlNet, VAE.

    Returns:
        How many cross-attentions and how many convolutions take a shortcut now that did not before.
    """
    named = [pair for network in networks for pair in network.named_modules() if pair[0].endswith("attn2")]
    attentions = [layer for _, layer in named if type(getattr(layer, "processor", None)) is AttnProcessor2_0]
    for layer in attentions:
        layer.set_processor(_ONE_TOKEN)
    return len(attentions), sum(exchange(network, FrameConvolution.fits, FrameConvolution) for network in networks)


def exchange(network: nn.Module, fits: Callable[[nn.Module], bool], kind: type[nn.Module]) -> int:
    """Put layers of a subclass, with the same weights and hooks, in the place of those that fit, and count them."""
    found = [(layer, *pair) for layer in network.modules() for pair in layer.named_children() if fits(pair[1])]
    for layer, name, child in found:
        new = kind.__new__(kind)
        new.__dict__ = child.__dict__
        setattr(layer, name, new)
    return len(found)
