"""Weights laid out as the shipped small ones are, with random numbers in them: videos without sense, in a second."""

from __future__ import annotations

from pathlib import Path


def make_random_toy(folder: Path, *representations: str) -> Path:
    """Write them to a folder, a ControlNet for each of some representations; return the folder.

    With "carry" among them they are as shipped today: every ControlNet looks up the first frame, and a reference
    decoder makes the frames. Without it they are as shipped before.
    """
    import diffusers
    import torch
    from safetensors.torch import save_file

    from draganything_lab.models import ReferenceDecoder, random_parts
    from draganything_lab.pipeline import DragAnythingPipeline

    representations = representations or ("carry", "entity+gaussian")
    carries = "carry" in representations
    channels = {"entity_embedding_out_channels": (8, 8, 8, 16)}
    looks = {"first_frame_control": True, "carries": True} if carries else {}
    pipe = DragAnythingPipeline(**random_parts("tiny", **channels))
    for name in ("unet", "vae", "image_encoder", "scheduler", "feature_extractor"):
        getattr(pipe, name).save_pretrained(folder / name)
    for representation in representations:
        parts = random_parts("tiny", representation=representation, **channels, **looks)
        parts["controlnet"].save_pretrained(folder / "controlnet" / representation.replace("+", "_"))
    if carries:
        latents = pipe.vae.config.latent_channels
        decoder = ReferenceDecoder(latent_channels=latents, widths=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
        torch.nn.init.normal_(decoder.leave.weight, std=0.1)  # before training it ignores the latents
        decoder.save_pretrained(folder / "decoder")
    diffusers.UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    ).save_pretrained(folder / "dift" / "unet")
    diffusers.DDIMScheduler().save_pretrained(folder / "dift" / "scheduler")
    save_file({"null_prompt": torch.zeros(1, 1, 12)}, folder / "dift" / "null_prompt.safetensors")
    (folder / "dift" / "dift.json").write_text('{"timestep": 100, "up_block": 1, "draws": 2, "channels": 8}')
    return folder
