"""The ControlNet of DragAnything: the down half of the video UNet, steered by the control maps."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_3d_blocks import UNetMidBlockSpatioTemporal, get_down_block
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import nn

from ..errors import LabError
from .checkpoints import CheckedModel
from .embedding import ControlEmbedding, zero_convolution
from .lookup import FirstFrameLookup, PlaceTower

WAYS = 3  # channels: steps in x and y, and whether they are known


class ControlResiduals(NamedTuple):
    """What the ControlNet hands to the UNet.

    Attributes:
        down: One tensor (B * F, C, h, w) for each skip connection of the UNet, in the order of its down half.
        mid: (B * F, C, h, w) for the output of the middle block.
    """

    down: tuple[torch.Tensor, ...]
    mid: torch.Tensor


class DragAnythingControlNet(CheckedModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The down half and middle block of SVD's UNet, with the embedding of the control maps and zero convolutions.

    The defaults are the released size, except for the head counts, which no shape shows: they are SVD's own. The names
    of the weights and of the configuration are the released ones, so the authors' folder loads as it is.

    Args:
        conditioning_embedding_out_channels: Channels of the embedding's image tower.
        entity_embedding_out_channels: Channels of its entity tower; the first is the length of an entity vector.
        representation: What the weights were trained with, as `build_control` names it.
        first_frame_control: Whether every frame also sees the control of the first one, which says where things come
            from, and looks up in it what belongs where (`FirstFrameLookup`). The released ControlNet does not: it
            learns that through its other layers.
        carries: Whether the lookup takes the ways of the representation "carry".
        up_block_types: Unused; in the released configuration.
        out_channels: Unused; in the released configuration.

    The other arguments are those of `diffusers.UNetSpatioTemporalConditionModel`.

    Example:
        >>> net = DragAnythingControlNet(block_out_channels=(32, 64), num_attention_heads=2, layers_per_block=1,
        ...     down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"))
        >>> len(net.controlnet_down_blocks)
        4

    Source:
        Paper, section 3.3; the released code's `DragAnythingSDVModel`.
    """

    # The public address; saved pipelines remember it.
    __module__ = "draganything_lab.models"
    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        sample_size: int | None = None,
        in_channels: int = 8,
        out_channels: int = 4,
        down_block_types: tuple[str, ...] = (
            "CrossAttnDownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
            "DownBlockSpatioTemporal",
        ),
        up_block_types: tuple[str, ...] | None = None,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        addition_time_embed_dim: int = 256,
        projection_class_embeddings_input_dim: int = 768,
        layers_per_block: int | tuple[int, ...] = 2,
        cross_attention_dim: int | tuple[int, ...] = 1024,
        transformer_layers_per_block: int | tuple[int, ...] = 1,
        num_attention_heads: int | tuple[int, ...] = (5, 10, 20, 20),
        num_frames: int = 25,
        conditioning_channels: int = 3,
        conditioning_embedding_out_channels: tuple[int, ...] = (16, 32, 96, 256),
        entity_embedding_out_channels: tuple[int, ...] = (160, 160, 256, 256),
        representation: str = "entity+gaussian",
        first_frame_control: bool = False,
        carries: bool = False,
    ) -> None:
        super().__init__()
        levels = len(block_out_channels)
        layers = _per_level("layers_per_block", layers_per_block, levels)
        transformer_layers = _per_level("transformer_layers_per_block", transformer_layers_per_block, levels)
        context = _per_level("cross_attention_dim", cross_attention_dim, levels)
        heads = _per_level("num_attention_heads", num_attention_heads, levels)
        kinds = _per_level("down_block_types", down_block_types, levels)
        first, last = block_out_channels[0], block_out_channels[-1]
        time_channels = first * 4

        self.conv_in = nn.Conv2d(in_channels, first, 3, padding=1)
        self.time_proj = Timesteps(first, True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(first, time_channels)
        self.add_time_proj = Timesteps(addition_time_embed_dim, True, downscale_freq_shift=0)
        self.add_embedding = TimestepEmbedding(projection_class_embeddings_input_dim, time_channels)
        self.first_control, self.lookup, place = None, None, None
        if first_frame_control:
            step = 2 ** (len(conditioning_embedding_out_channels) - 2)  # two pixels each, in a latent cell
            place = PlaceTower(entity_embedding_out_channels[0], conditioning_channels, step)
            self.first_control = nn.Conv2d(first, first, 1)
            self.lookup = FirstFrameLookup(first, in_channels // 2, step, carries)
        self.controlnet_cond_embedding = ControlEmbedding(
            first, conditioning_embedding_out_channels, entity_embedding_out_channels, conditioning_channels, place
        )

        self.down_blocks = nn.ModuleList()
        self.controlnet_down_blocks = nn.ModuleList([zero_convolution(first)])
        before = first
        for level, channels in enumerate(block_out_channels):
            halves = level < levels - 1
            self.down_blocks.append(
                get_down_block(
                    kinds[level],
                    num_layers=layers[level],
                    transformer_layers_per_block=transformer_layers[level],
                    in_channels=before,
                    out_channels=channels,
                    temb_channels=time_channels,
                    add_downsample=halves,
                    resnet_eps=1e-5,
                    resnet_act_fn="silu",
                    cross_attention_dim=context[level],
                    num_attention_heads=heads[level],
                )
            )
            self.controlnet_down_blocks.extend(zero_convolution(channels) for _ in range(layers[level] + halves))
            before = channels
        self.mid_block = UNetMidBlockSpatioTemporal(
            last,
            temb_channels=time_channels,
            transformer_layers_per_block=transformer_layers[-1],
            cross_attention_dim=context[-1],
            num_attention_heads=heads[-1],
        )
        self.controlnet_mid_block = zero_convolution(last)

    @classmethod
    def from_unet(cls, unet: UNetSpatioTemporalConditionModel, **changes: Any) -> DragAnythingControlNet:
        """Start a ControlNet from a video UNet, for training.

        conv_in, time_embedding, down_blocks and mid_block are copied; add_embedding is not, as in the released code.

        Args:
            unet: Any `UNetSpatioTemporalConditionModel`.
            **changes: Configuration that the UNet does not have or that should differ, such as `representation`.

        Returns:
            The ControlNet, of the UNet's dtype and on its device.
        """
        names = cls._get_init_keys(cls) & set(unet.config)
        net: Any = cls.from_config({name: unet.config[name] for name in names} | changes)
        for part in ("conv_in", "time_embedding", "down_blocks", "mid_block"):
            getattr(net, part).load_state_dict(getattr(unet, part).state_dict())
        # diffusers' own .to() warns about a dtype without cause.
        return nn.Module.to(net, device=unet.device, dtype=unet.dtype)

    @apply_forward_hook
    def embed_control(
        self, image: torch.Tensor, entity_map: torch.Tensor | None = None, ways: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Embed the control maps. The result does not depend on the timestep: once a video is enough.

        Args:
            image: (B, F, 3, H, W), 0..255 and not normalised.
            entity_map: (B, F, C, H, W) with one entity vector per pixel, zeros outside entities; None for zeros.
            ways: (B, F, 3, h, w) as `ControlSignal.ways` returns them; None where nothing is known.

        Returns:
            (B, F, `embedding_channels`, H / 8, W / 8) at the released size; to be given to `forward` as
            `control_embedding`.

        Raises:
            LabError: Shapes that do not fit each other or the model.
        """
        self._check_control(image, entity_map)
        # Under autocast the convolutions choose; a map of a whole video in float32 would be gigabytes.
        kind = image.device.type
        dtype = image.dtype if kind != "meta" and torch.is_autocast_enabled(kind) else self.dtype
        maps = None if entity_map is None else entity_map.flatten(0, 1).to(dtype)
        embedding = self.controlnet_cond_embedding(image.flatten(0, 1).to(dtype), maps)
        embedding = embedding.unflatten(0, image.shape[:2])
        if not self.config["carries"]:
            return embedding
        if ways is None:
            ways = embedding.new_zeros(*image.shape[:2], WAYS, *embedding.shape[-2:])
        return torch.cat([embedding, ways.to(embedding.dtype)], dim=2)

    def looks(self, control_embedding: torch.Tensor) -> torch.Tensor:
        """Where in the first frame each place of a video is fetched from, for a look at what the lookup does.

        Args:
            control_embedding: (B, F, `embedding_channels`, h, w) from `embed_control`.

        Returns:
            (B, F, h, w, h * step, w * step): for each latent cell of each frame, weights over the first frame, the mean
            of all heads; `step` is `lookup.step`, and the weights of a cell sum to 1.

        Raises:
            LabError: This ControlNet has no lookup.
        """
        if self.lookup is None:
            raise LabError(
                "this ControlNet has no first-frame lookup (first_frame_control=False)", fix="use the toy weights"
            )
        height, width = control_embedding.shape[-2:]
        _, places, ways = self._parts(control_embedding)
        weights = self.lookup.weights(places, ways).mean(2)
        return weights.unflatten(-1, (height * self.lookup.step, -1)).unflatten(2, (height, width))

    def pointers(self, control_embedding: torch.Tensor) -> torch.Tensor:
        """Where in the first frame each place of a video is fetched from, as one place each.

        Args:
            control_embedding: (B, F, `embedding_channels`, h, w) from `embed_control`.

        Returns:
            (B, F, 3, h, w) float32: steps in x and y from a cell's middle, in cells, and how sure that is (0..1).

        Raises:
            LabError: This ControlNet has no lookup.
        """
        if self.lookup is None:
            raise LabError(
                "this ControlNet has no first-frame lookup (first_frame_control=False)", fix="use the toy weights"
            )
        _, places, ways = self._parts(control_embedding)
        return self.lookup.pointers(places, ways)

    @apply_forward_hook
    def meet_picture(self, control_embedding: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        """What the first layer adds: the control, and what it fetches from the picture; the same at every step.

        Args:
            control_embedding: (B or 1, F, `embedding_channels`, h, w) from `embed_control`.
            picture: (B, C, h, w), the picture's latents.

        Returns:
            (B or 1, F, C0, h, w), which `forward` takes as `control_embedding`; unchanged without a lookup.

        Raises:
            LabError: The embedding has another shape.
        """
        frames = control_embedding.shape[1] if control_embedding.ndim == 5 else 0
        wanted = (len(picture), frames, self.embedding_channels, *picture.shape[-2:])
        self._check_embedding(control_embedding, wanted)
        if self.first_control is None or self.lookup is None:
            return control_embedding
        embedding, places, ways = self._parts(control_embedding)
        return embedding + self.first_control(embedding[:, 0])[:, None] + self.lookup(places, picture, ways)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        added_time_ids: torch.Tensor,
        control_embedding: torch.Tensor | None = None,
        controlnet_cond: torch.Tensor | None = None,
        entity_map: torch.Tensor | None = None,
        conditioning_scale: float = 1.0,
        ways: torch.Tensor | None = None,
    ) -> ControlResiduals:
        """Turn noisy latents and control into residuals for `DragAnythingUNet`.

        Args:
            sample: (B, F, in_channels, h, w), the scaled noisy latents with the picture's latents behind them.
            timestep: One number, or (B,), as the scheduler gives it.
            encoder_hidden_states: (B, S, cross_attention_dim), the picture's embedding; S is 1 for SVD.
            added_time_ids: (B, 3): frames per second less one, motion bucket, noise strength.
            control_embedding: (B or 1, F, `embedding_channels`, h, w) from `embed_control`, or what
                `meet_picture` returned; one for all B where its first axis is 1.
            controlnet_cond: (B or 1, F, 3, H, W), 0..255, instead of `control_embedding`.
            entity_map: (B or 1, F, C, H, W), with `controlnet_cond`; None for zeros.
            conditioning_scale: Factor on every residual.
            ways: (B or 1, F, 3, h, w), with `controlnet_cond`, as for `embed_control`.

        Returns:
            The residuals, `(down, mid)`; `down` has the order of the UNet's skip connections.

        Raises:
            LabError: Shapes that do not fit each other or the model.
        """
        if control_embedding is None and controlnet_cond is not None:
            control_embedding = self.embed_control(controlnet_cond, entity_map, ways)
        batch, frames = sample.shape[:2]
        time = self._embed_time(timestep, added_time_ids, sample)
        time = time.repeat_interleave(frames, dim=0)  # (B * F, 4 * C0)
        context = encoder_hidden_states.repeat_interleave(frames, dim=0)  # (B * F, S, D)
        # All frames are video frames: 0 lets the temporal layers take part.
        image_only = torch.zeros(batch, frames, dtype=sample.dtype, device=sample.device)

        hidden = self.conv_in(sample.flatten(0, 1))  # (B * F, C0, h, w)
        if control_embedding is not None:
            picture = sample[:, 0, sample.shape[2] // 2 :]
            if control_embedding.ndim != 5 or control_embedding.shape[2] != self.conv_in.out_channels:
                control_embedding = self.meet_picture(control_embedding, picture)
            self._check_embedding(control_embedding, (batch, frames, self.conv_in.out_channels, *hidden.shape[2:]))
            hidden = (hidden.unflatten(0, (batch, frames)) + control_embedding).flatten(0, 1)
        skips: tuple[torch.Tensor, ...] = (hidden,)
        for block in self.down_blocks:
            extra = {"encoder_hidden_states": context} if getattr(block, "has_cross_attention", False) else {}
            hidden, outputs = block(hidden, temb=time, image_only_indicator=image_only, **extra)
            skips += outputs
        hidden = self.mid_block(hidden, temb=time, encoder_hidden_states=context, image_only_indicator=image_only)

        down = tuple(zero(skip) for zero, skip in zip(self.controlnet_down_blocks, skips, strict=True))
        mid = self.controlnet_mid_block(hidden)
        if conditioning_scale != 1.0:
            down, mid = tuple(residual * conditioning_scale for residual in down), mid * conditioning_scale
        return ControlResiduals(down, mid)

    def _embed_time(self, timestep: Any, added_time_ids: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        batch, device, dtype = sample.shape[0], sample.device, sample.dtype
        timesteps = torch.as_tensor(timestep, device=device).reshape(-1).expand(batch)
        # Sinusoids come in float32; the layers after them may be half precision.
        time = self.time_embedding(self.time_proj(timesteps).to(dtype))
        added = self.add_time_proj(added_time_ids.flatten()).reshape(batch, -1)
        return time + self.add_embedding(added.to(dtype))

    def _check_embedding(self, embedding: torch.Tensor, wanted: tuple[int, ...]) -> None:
        if embedding.ndim != 5 or embedding.shape[0] not in (1, wanted[0]) or tuple(embedding.shape[1:]) != wanted[1:]:
            raise LabError(
                f"the control embedding is {tuple(embedding.shape)} and the latents need {wanted} (videos, frames, "
                f"channels, height, width; one video may serve all): build the control for {wanted[1]} frames and for "
                f"pictures of {wanted[4] * self.control_factor}x{wanted[3] * self.control_factor}"
            )

    def _parts(self, embedding: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """What is added to the first layer, what the lookup compares, and the ways, of a control embedding."""
        own, places = self.conv_in.out_channels, self.controlnet_cond_embedding.place_channels
        ways = embedding[:, :, own + places :] if self.config["carries"] else None
        return embedding[:, :, :own], embedding[:, :, own : own + places], ways

    @property
    def embedding_channels(self) -> int:
        """Channels of the control embedding: those of the first level, and what `FirstFrameLookup` needs."""
        own = self.conv_in.out_channels + self.controlnet_cond_embedding.place_channels
        return own + WAYS * bool(self.config["carries"])

    @property
    def control_factor(self) -> int:
        """How much smaller the control embedding is than the control maps (8 at the released size)."""
        return self.controlnet_cond_embedding.factor

    def _check_control(self, image: torch.Tensor, entity_map: torch.Tensor | None) -> None:
        channels, entity_channels = self.config["conditioning_channels"], self.controlnet_cond_embedding.entity_channels
        if image.ndim != 5 or image.shape[2] != channels:
            raise LabError(
                f"the control image is {tuple(image.shape)}",
                fix=f"it must be (videos, frames, {channels}, height, width)",
            )
        height, width = image.shape[-2:]
        if height % self.control_factor or width % self.control_factor:
            raise LabError(
                f"the control image is {width}x{height}", fix=f"both must be multiples of {self.control_factor}"
            )
        wanted = (*image.shape[:2], entity_channels, height, width)
        if entity_map is not None and tuple(entity_map.shape) != wanted:
            raise LabError(
                f"the entity map is {tuple(entity_map.shape)} and this model and control image need {wanted} (videos, "
                f"frames, length of an entity vector, height, width)"
            )


def _per_level(name: str, value: Any, levels: int) -> list[Any]:
    """Spread one value over all levels, or check that there is one for each."""
    if isinstance(value, int):
        return [value] * levels
    if len(value) != levels:
        raise LabError(f"{name} has {len(value)} entries {tuple(value)}", fix=f"block_out_channels has {levels} levels")
    return list(value)
