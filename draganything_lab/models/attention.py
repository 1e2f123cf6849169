"""Cross-attention to a single token without queries: what SVD's networks ask for at every layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import nn


class OneTokenProcessor(AttnProcessor2_0):
    """Attention that knows that a softmax over one key is one.

    SVD describes the picture with a single token, so every pixel of every frame attends to that token with weight one.
    Queries and keys drop out, and the answer is the same for all pixels: one row instead of h * w rows. Equal to
    `AttnProcessor2_0` up to rounding; with gradients, or with several tokens, it *is* `AttnProcessor2_0`.
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
            or torch.is_grad_enabled()
        ):
            return super().__call__(attn, hidden_states, context, attention_mask, *args, **kwargs)
        out = attn.to_out[0](attn.to_v(context))  # (B, 1, C), which broadcasts over the pixels
        return out / attn.rescale_output_factor


# One object for all layers, so that compiled blocks see nothing new from run to run.
_ONE_TOKEN = OneTokenProcessor()


@contextmanager
def one_token_attention(*networks: nn.Module) -> Iterator[int]:
    """Let the cross-attention of some networks take the short way for the length of a `with` block.

    Only layers with diffusers' default processor are changed; a processor that a user has set stays.

    Yields:
        How many layers take the short way.
    """
    layers = [
        layer
        for network in networks
        for name, layer in network.named_modules()
        if name.endswith("attn2") and isinstance(layer, Attention) and type(layer.processor) is AttnProcessor2_0
    ]
    before = [layer.processor for layer in layers]
    try:
        for layer in layers:
            layer.processor = _ONE_TOKEN
        yield len(layers)
    finally:
        for layer, processor in zip(layers, before, strict=True):
            layer.processor = processor
