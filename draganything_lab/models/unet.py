"""The video UNet of DragAnything: SVD's, with the ControlNet's residuals added to its skip connections."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from torch import nn

from ..errors import LabError
from .checkpoints import CheckedModel


class _Pending(NamedTuple):
    """The residuals of the forward pass that is under way."""

    down: list[tuple[torch.Tensor, int]]  # what the up half has not taken yet, and how many times to add it
    mid: torch.Tensor | None


# The hooks below read it. A context variable, so that two threads may run two passes at a time.
_pending: ContextVar[_Pending | None] = ContextVar("pending_residuals", default=None)


class DragAnythingUNet(CheckedModel, UNetSpatioTemporalConditionModel):  # type: ignore[misc]
    """SVD's video UNet, whose forward pass also takes the ControlNet's residuals.

    Weights, configuration and, without residuals, output are those of diffusers' `UNetSpatioTemporalConditionModel`.

    The released code adds all residuals it has collected so far inside its loop over the down blocks, so a residual is
    added once for every down block from its own to the last: [4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1] times at the released
    size. The released weights were trained with that; adding each once is a different model.

    Source:
        The released code's `UNetSpatioTemporalConditionControlNetModel`.
    """

    # The public address; saved pipelines remember it.
    __module__ = "draganything_lab.models"

    # diffusers reads the names of the configuration from this signature.
    @functools.wraps(UNetSpatioTemporalConditionModel.__init__)  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mid_block.register_forward_hook(_add_to_mid)
        for block in self.up_blocks:
            block.register_forward_pre_hook(_add_to_skips, with_kwargs=True)

    @classmethod
    def from_stock(cls, unet: UNetSpatioTemporalConditionModel) -> DragAnythingUNet:
        """Make one of a stock SVD UNet. The weights are shared, not copied."""
        with torch.device("meta"):
            ours: Any = cls.from_config(unet.config)
        ours.load_state_dict(unet.state_dict(keep_vars=True), assign=True)
        return ours.train(unet.training)

    @property
    def residual_multiplicity(self) -> list[int]:
        """How often each residual is added, in the order of the skip connections."""
        return residual_multiplicity(self.down_blocks)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        added_time_ids: torch.Tensor,
        return_dict: bool = True,
        *,
        down_block_additional_residuals: Sequence[torch.Tensor] | None = None,
        mid_block_additional_residual: torch.Tensor | None = None,
    ) -> Any:
        """Predict from noisy latents what the scheduler asks for.

        Args:
            sample: (B, F, in_channels, h, w), the scaled noisy latents with the picture's latents behind them.
            timestep: One number, or (B,), as the scheduler gives it.
            encoder_hidden_states: (B, S, cross_attention_dim), the picture's embedding; S is 1 for SVD.
            added_time_ids: (B, 3): frames per second less one, motion bucket, noise strength.
            return_dict: Whether to return diffusers' output class or a plain tuple.
            down_block_additional_residuals: The ControlNet's residuals (B * F, C, h, w), one for each skip connection.
            mid_block_additional_residual: The ControlNet's residual (B * F, C, h, w) for the middle block.

        Returns:
            An output whose `sample` is (B, F, out_channels, h, w), or `(sample,)`.

        Raises:
            LabError: The number of residuals is not that of the skip connections.
        """
        down = list(down_block_additional_residuals or ())
        counts = self.residual_multiplicity
        if down and len(down) != len(counts):
            raise LabError(
                f"{len(down)} residuals for a UNet of {len(counts)} skip connections",
                fix="use a ControlNet of the same "
                "block_out_channels and layers_per_block (DragAnythingControlNet.from_unet makes one)",
            )
        token = _pending.set(_Pending(list(zip(down, counts, strict=False)), mid_block_additional_residual))
        try:
            return super().forward(
                sample, timestep, encoder_hidden_states, added_time_ids=added_time_ids, return_dict=return_dict
            )
        finally:
            _pending.reset(token)


def residual_multiplicity(down_blocks: Iterable[Any]) -> list[int]:
    """Count how often the released code adds each residual.

    Args:
        down_blocks: The UNet's down blocks. Each gives one residual a layer, and one more where it halves.

    Returns:
        One count for each skip connection: the first layer's, then block by block.

    Example:
        >>> unet = DragAnythingUNet(block_out_channels=(32, 64), num_attention_heads=2, layers_per_block=1,
        ...     down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        ...     up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"))
        >>> residual_multiplicity(unet.down_blocks)
        [2, 2, 2, 1]
    """
    blocks = list(down_blocks)
    loops = len(blocks)
    counts = [loops]
    for index, block in enumerate(blocks):
        outputs = len(block.resnets) + len(block.downsamplers or ())
        counts += [loops - index] * outputs
    return counts


def _add_to_mid(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    pending = _pending.get()
    return output if pending is None or pending.mid is None else output + pending.mid


def _add_to_skips(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    """Add residuals to the skip connections that an up block is about to take, last ones first, as it takes them."""
    pending = _pending.get()
    if pending is None or not pending.down:
        return None
    skips = kwargs["res_hidden_states_tuple"]
    residuals = pending.down[-len(skips) :]
    del pending.down[-len(skips) :]
    # One addition of a multiple instead of several additions: equal up to rounding.
    summed = tuple(
        torch.add(skip, residual, alpha=count) for skip, (residual, count) in zip(skips, residuals, strict=True)
    )
    return args, kwargs | {"res_hidden_states_tuple": summed}
