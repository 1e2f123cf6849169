"""Diffusion features (DIFT): one pass through an image diffusion model's UNet, listened to half-way."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LabError
from ..media.arrays import frames_of
from ..media.picture import load_picture
from .device import best_device

if TYPE_CHECKING:
    import torch

TIMESTEP, UP_BLOCK, DRAWS = 261, 3, 8


class _Reached(Exception):
    """Carries the features of the block out of the pass: what comes after it is never computed."""

    def __init__(self, features: torch.Tensor) -> None:
        self.features = features


class DiffusionFeatures:
    """Diffusion features of pictures, by diffusers' own UNet and VAE.

    Args:
        unet: `UNet2DConditionModel`.
        vae: `AutoencoderKL` or `AutoencoderKLTemporalDecoder`; only its encoder is used.
        scheduler: Any scheduler with `add_noise` over training timesteps; `from_pretrained` takes DDIM, as released.
        prompt_embeds: (1, L, D) tensor: the embedding of the empty prompt.
        timestep: Default noise level, 0..999.
        up_block: Default up block to listen to; None for block 3, or the last one of a smaller UNet.
        draws: Default number of noise draws averaged.
        entity_channels: What `control.entity_vectors` returns by default; None for half of the feature channels.
        up_layer: Residual layer of the default up block after which to listen, counted from 0; None, as released,
            for the block's end.
        projection: (E, C) tensor by which the default up block's features are multiplied, learned so that the same
            thing gets the same vector wherever it stands. None, as for the released features, leaves them as they are.
            Since it is linear, pooling may come before or after it.

    Source: Tang et al., Emergent Correspondence from Image Diffusion (DIFT), 2023; DragAnything, section 3.3.
    """

    def __init__(
        self,
        unet: Any,
        vae: Any,
        scheduler: Any,
        prompt_embeds: torch.Tensor,
        *,
        timestep: int = TIMESTEP,
        up_block: int | None = None,
        draws: int = DRAWS,
        entity_channels: int | None = None,
        up_layer: int | None = None,
        projection: torch.Tensor | None = None,
    ) -> None:
        self.unet, self.vae, self.scheduler = unet.eval(), vae.eval(), scheduler
        if prompt_embeds.ndim != 3 or prompt_embeds.shape[0] != 1:
            raise LabError(f"the null prompt must have shape (1, L, D), got {tuple(prompt_embeds.shape)}")
        self.prompt_embeds = prompt_embeds.detach()
        self.timestep, self.draws, self.entity_channels = timestep, draws, entity_channels
        self.up_block = min(UP_BLOCK, len(unet.up_blocks) - 1) if up_block is None else up_block
        self.device, self.dtype = unet.device, unet.dtype
        self.up_layer, self.projection = up_layer, None if projection is None else projection.detach()
        self._check_layer()
        self._lock, self._last = threading.Lock(), ("", np.empty(0, np.float32))
        self.to(unet.device, unet.dtype)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
        **options: Any,
    ) -> DiffusionFeatures:
        """Load a Stable Diffusion 1.x folder, or a small one of the same layout. Never touches the network.

        Args:
            folder: A folder with `unet/`, `vae/` (or one beside the folder), `scheduler/`, and either `text_encoder/`
                with `tokenizer/` or `null_prompt.safetensors` (key "null_prompt", shape (1, L, D)). `dift.json`, if
                there, gives defaults: {"timestep", "up_block", "up_layer", "draws", "channels" (of the entity
                vectors)}, and `projection.safetensors` the projection (key "projection", shape (E, C)). A folder whose
                `dift/` holds all that works too, and so does a hub id that was downloaded before.
            device: "cuda", "cpu", ...; None for a GPU if there is one.
            dtype: None for float32, as released.
            revision: Revision of a hub id.
            options: As for `DiffusionFeatures`; they win over `dift.json`.

        Raises:
            LabError: A part is missing, broken, or of another model.
        """
        import torch

        from .dift_folder import load_parts

        device = torch.device(best_device(device))
        parts, defaults = load_parts(folder, dtype or torch.float32, revision)
        known = {**parts, **defaults}
        if options.get("up_block") not in (None, known.get("up_block")):
            known |= {"up_layer": None, "projection": None}  # they are of the block that the folder names
        return cls(**{**known, **options}).to(device, dtype)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> DiffusionFeatures:
        """Move every part to a device, a dtype or both; returns itself."""
        import torch

        self.device = torch.device(self.device if device is None else device)
        self.dtype = dtype or self.dtype
        if self.dtype == torch.float16 and self.device.type == "cpu":
            raise LabError("float16 does not run on a CPU", fix="use float32 or bfloat16")
        for part in (self.unet, self.vae):
            part.to(self.device)
            if part.dtype != self.dtype:
                part.to(self.dtype)
        self.prompt_embeds = self.prompt_embeds.to(self.device, self.dtype)
        if self.projection is not None:
            self.projection = self.projection.to(self.device, torch.float32)
        self._last = ("", np.empty(0, np.float32))
        return self

    @property
    def layer(self) -> Any:
        """The module of the UNet that is listened to by default: an up block, or a residual layer within it."""
        block = self.unet.up_blocks[self.up_block]
        return block if self.up_layer is None else block.resnets[self.up_layer]

    @property
    def feature_channels(self) -> int:
        """Channels of the default up block's features as they come out: 320 for Stable Diffusion 1.x."""
        if self.projection is not None:
            return len(self.projection)
        return int(self.unet.config.block_out_channels[::-1][self.up_block])

    def extract(
        self,
        image: np.ndarray,
        *,
        timestep: int | None = None,
        up_block: int | None = None,
        draws: int | None = None,
        seed: int = 0,
        generator: torch.Generator | None = None,
        chunk: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """Return the diffusion features of a picture, averaged over noise draws.

        Args:
            image: (H, W, 3) uint8 RGB.
            timestep: Noise level, 0 (none) to 999 (only noise); None for the default, 261.
            up_block: Which up block to listen to, 0 (coarse) to 3 (fine); None for the default, 3. Layer and
                projection are the default block's; those of others come from their end, as they are.
            draws: Noise draws averaged; None for the default, 8.
            seed: Seed of the noise, drawn on the CPU so that every device gets the same; `generator` wins over it.
            generator: Drawn from twice: for the VAE's posterior, then for the noise, both (draws, C, h, w).
            chunk: Noisy latents a pass; None for 32. It bounds the memory and changes nothing but rounding.
            size: (H, W) to which the picture is resized first, the model's; None for its own.

        Returns:
            (C, h, w) float32; up block 3 of Stable Diffusion 1.x: C = 320, h = H / 8, w = W / 8.

        Raises:
            LabError: Not a picture, too small, no such block or timestep, or features that are not finite.

        Source: Released code (`dift_util.SDFeaturizer.forward`), with a seed.
        """
        image = image if isinstance(image, np.ndarray) else load_picture(image)
        if image.ndim != 3:
            raise LabError(f"a picture must be (H, W, 3) uint8 RGB, got shape {image.shape} and dtype {image.dtype}")
        options = (timestep, up_block, draws, seed, chunk, size)
        key = hashlib.sha256(repr((image.shape, options)).encode() + image.tobytes()).hexdigest()
        with self._lock:  # the hook sits on a shared module, so one pass at a time
            if generator is not None or self._last[0] != key:
                features = self._run(image[None], timestep, up_block, draws, seed, generator, chunk, size)[0]
                if generator is not None:
                    return features
                self._last = (key, features)  # one picture is asked about many times: keep its features
            return self._last[1].copy()

    def extract_many(self, images: np.ndarray, **options: Any) -> np.ndarray:
        """Return the features of pictures of one size: (B, H, W, 3) uint8 -> (B, C, h, w) float32.

        All pictures share one set of noise draws, so each gets what `extract` gives it. Options as for `extract`.
        """
        names = ("timestep", "up_block", "draws", "seed", "generator", "chunk", "size")
        if unknown := set(options) - set(names):
            raise LabError(f"extract_many does not know {sorted(unknown)}", fix=f"it takes {', '.join(names)}")
        values = {name: 0 if name == "seed" else None for name in names} | options
        with self._lock:
            return self._run(frames_of(images), *(values[name] for name in names))

    def _run(
        self,
        images: np.ndarray,
        timestep: int | None,
        up_block: int | None,
        draws: int | None,
        seed: int,
        generator: torch.Generator | None,
        chunk: int | None,
        size: tuple[int, int] | None,
    ) -> np.ndarray:
        import torch

        timestep = self.timestep if timestep is None else timestep
        up_block = self.up_block if up_block is None else up_block
        draws = self.draws if draws is None else draws
        chunk = 32 if chunk is None else chunk
        self._check(timestep, up_block, draws, chunk)
        pixels = _to_pixels(images, size)
        generator = generator or torch.Generator().manual_seed(seed)
        with torch.no_grad():
            parts = [self.vae.encode(p.to(self.device, self.dtype)).latent_dist for p in pixels.split(chunk)]
            mean, std = torch.cat([p.mean for p in parts]), torch.cat([p.std for p in parts])  # (B, c, h, w)
            spread, noise = self._draw((draws, *mean.shape[1:]), generator)
            level = torch.tensor(timestep, dtype=torch.long, device=self.device)
            scale = self.vae.config.scaling_factor
            latents = (mean[:, None] + std[:, None] * spread) * scale  # (B, draws, c, h, w)
            noisy = self.scheduler.add_noise(latents, noise, level).flatten(0, 1)
            found = [self._listen(part, level, up_block) for part in noisy.split(chunk)]
            features = torch.cat(found).unflatten(0, (len(images), draws)).mean(1)  # (B, C, h, w)
        if not torch.isfinite(features).all():
            raise LabError(
                f"the diffusion features are not finite in {self.dtype}", fix="use float32, or check the weights"
            )
        return features.cpu().numpy()

    def _draw(self, shape: tuple[int, ...], generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw for the posterior and for the noise, in the released order, in float32 so that a seed means the same."""
        import torch

        # The release draws its noise with `randn_like`, which fills memory in the order of the latents, and the VAE's
        # attention leaves a batch of those with the channels last.
        last = shape[0] > 1 and any(a is not None for a in self.vae.encoder.mid_block.attentions or [])
        layouts = (torch.contiguous_format, torch.channels_last if last else torch.contiguous_format)
        draws = [
            torch.empty(shape, device=generator.device, memory_format=layout).normal_(generator=generator)
            for layout in layouts
        ]
        return draws[0].to(self.device, self.dtype), draws[1].to(self.device, self.dtype)

    def _listen(self, sample: torch.Tensor, level: torch.Tensor, up_block: int) -> torch.Tensor:
        """Return the features (B, C, h, w) of noisy latents, float32, those of the default block projected."""
        import torch

        def stop(module: Any, inputs: Any, output: torch.Tensor) -> None:
            raise _Reached(output)

        own = up_block == self.up_block
        handle = (self.layer if own else self.unet.up_blocks[up_block]).register_forward_hook(stop)
        try:
            self.unet(sample, level, encoder_hidden_states=self.prompt_embeds.repeat(len(sample), 1, 1))
        except _Reached as reached:
            features = reached.features.float()
        else:
            raise RuntimeError("the UNet did not run its up block")
        finally:
            handle.remove()
        if self.projection is None or not own:
            return features
        with torch.autocast(features.device.type, enabled=False):
            return torch.einsum("ec,bchw->behw", self.projection, features)

    def _check_layer(self) -> None:
        if not 0 <= self.up_block < len(self.unet.up_blocks):
            return  # said when features are asked for
        layers, wide = len(self.unet.up_blocks[self.up_block].resnets), self.unet.config.block_out_channels
        if self.up_layer is not None and not 0 <= self.up_layer < layers:
            raise LabError(f"up_layer {self.up_layer} does not exist: up block {self.up_block} has 0 to {layers - 1}")
        taken = None if self.projection is None else self.projection.shape[-1]
        if taken not in (None, found := wide[::-1][self.up_block]):
            raise LabError(f"the projection takes {taken} channels, but up block {self.up_block} has {found}")

    def _check(self, timestep: int, up_block: int, draws: int, chunk: int) -> None:
        blocks, steps = len(self.unet.up_blocks), self.scheduler.config.num_train_timesteps
        if not 0 <= up_block < blocks:
            raise LabError(f"up_block {up_block} does not exist: this UNet has up blocks 0 to {blocks - 1}")
        if not 0 <= timestep < steps:
            raise LabError(f"timestep {timestep} is outside 0..{steps - 1}")
        if draws < 1 or chunk < 1:
            raise LabError(f"draws and chunk must be at least 1, got {draws} and {chunk}")


def _to_pixels(images: np.ndarray, size: tuple[int, int] | None) -> torch.Tensor:
    """Turn pictures (B, H, W, 3) uint8 into what the VAE takes: (B, 3, H, W) float32 in -1..1."""
    import torch
    from PIL import Image

    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise LabError(f"a picture must be (H, W, 3) uint8 RGB, got shape {images.shape[1:]} and dtype {images.dtype}")
    height, width = images.shape[1:3] if size is None else size
    if min(height, width) < 16:
        raise LabError(
            f"a picture of {width}x{height} is too small for diffusion features", fix="use one of at least 16x16"
        )
    if size is not None and size != images.shape[1:3]:
        # PIL's default filter, as the released demo resizes its first frame.
        images = np.stack([np.asarray(Image.fromarray(image).resize((width, height))) for image in images])
    pixels = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)  # (B, 3, H, W)
    return (pixels / 255.0 - 0.5) * 2
