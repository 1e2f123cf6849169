"""First weights for the small SAM that put into it what need not be learned: waves, positions, where a click is."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from segment_anything.modeling import Sam
from torch import nn

from ...segment.network import SamSize


@torch.no_grad()
def begin(sam: Sam, size: SamSize) -> None:
    """First weights from which a small set of steps gets far.

    Patches are read by orthonormal cosines, brightness first, so that nothing of them is lost; positions are sines;
    each head looks around itself, the first ones near, the last one everywhere (relative positions, as in ConViT).
    """
    generator = torch.Generator().manual_seed(20230405)
    encoder, side = sam.image_encoder, size.patch
    grid = torch.arange(side) + 0.5
    waves = torch.cos(math.pi * torch.arange(side)[:, None] * grid / side)
    waves /= waves.norm(dim=1, keepdim=True)
    planes = torch.einsum("ai,bj->abij", waves, waves)
    order = sorted(((a, b) for a in range(side) for b in range(side)), key=lambda ab: (sum(ab), ab))
    colours = torch.tensor([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / torch.tensor([3, 2, 6]).sqrt()[:, None]
    bright, chroma = size.width // 2, size.width // 4
    picks = [(0, ab) for ab in order[:bright]] + [(c, ab) for ab in order[:chroma] for c in (1, 2)]
    weight = encoder.patch_embed.proj.weight  # (width, 3, patch, patch)
    for number, (colour, (a, b)) in enumerate(picks[: size.width]):
        weight[number] = colours[colour][:, None, None] * planes[a, b] * (0.5 if a + b == 0 else 1.0)
    encoder.patch_embed.proj.bias.zero_()
    steps = torch.arange(size.cells, dtype=torch.float32)
    quarter = size.width // 4
    speeds = math.pi / size.cells * (size.cells / 2) ** (torch.arange(quarter) / max(1, quarter - 1))
    turns = steps[:, None] * speeds
    waves = torch.cat([turns.sin(), turns.cos()], dim=1)  # (cells, width / 2)
    across = waves[None].expand(size.cells, -1, -1)
    encoder.pos_embed.copy_(0.3 * torch.cat([across, across.transpose(0, 1)], dim=-1)[None])
    for block in encoder.blocks:
        attention = block.attn
        for linear in (attention.proj, block.mlp.lin2):
            linear.weight /= math.sqrt(2 * size.depth)
            linear.bias.zero_()
        each = size.width // size.heads
        direction = F.normalize(torch.randn(each, generator=generator), dim=0)
        # One table serves all heads, so how near a head looks is set by its query's bias along the direction.
        near = torch.tensor([0.5 / (0.8 * 2.5**head) ** 2 for head in range(size.heads)])
        near[-1] = 0.0
        attention.qkv.bias.zero_()
        attention.qkv.bias[: size.width].copy_((near[:, None] * direction).flatten())
        for table in (attention.rel_pos_h, attention.rel_pos_w):
            offsets = torch.arange(len(table), dtype=torch.float32) - len(table) // 2
            table.copy_(-(offsets**2)[:, None] * direction)
    matrix = sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    matrix.copy_(torch.randn(matrix.shape, generator=generator))
    encoder.neck[3].weight.fill_(0.5)
    begin_decoder(sam, size)


@torch.no_grad()
def begin_decoder(sam: Sam, size: SamSize) -> None:
    """First weights of the mask decoder: every token looks where the click is, and takes along what it sees there.

    Positions are random Fourier features, whose products are near a Gaussian of the distance. So where queries and keys
    are the same features, attention is a soft window around the click, and the network need not find that out first.
    """
    prompts, decoder = sam.prompt_encoder, sam.mask_decoder
    small = [prompts.not_a_point_embed, prompts.no_mask_embed, decoder.iou_token, decoder.mask_tokens]
    for embedding in (*small, *prompts.point_embeddings):
        embedding.weight *= 0.1
    transformer = decoder.transformer
    frequencies, per_head = size.channels // 2, size.channels // 4 // size.decoder_heads
    blocks = list(transformer.layers)
    crossings = [block.cross_attn_token_to_image for block in blocks] + [transformer.final_attn_token_to_image]
    for number, attention in enumerate(crossings):
        attention.q_proj.weight.zero_()
        for index in range(size.channels // 4):
            wave = (index + number * size.channels // 4) % frequencies
            row = index // per_head * 2 * per_head + index % per_head  # a head's sines, then its cosines
            attention.q_proj.weight[row, wave] = attention.q_proj.weight[row + per_head, wave + frequencies] = 1.2
        attention.k_proj.weight.copy_(attention.q_proj.weight)
        nn.init.orthogonal_(attention.v_proj.weight)
        attention.out_proj.weight.copy_(attention.v_proj.weight.T)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
            linear.bias.zero_()
    own = blocks[0].self_attn  # without a residual: it must hand on what it gets
    for linear, share in ((own.q_proj, 0.5), (own.k_proj, 0.5), (own.v_proj, 1.0), (own.out_proj, 1.0)):
        linear.weight.copy_(share * torch.eye(size.channels))
        linear.bias.zero_()
    for linear in (
        *(block.cross_attn_image_to_token.out_proj for block in blocks),
        *(block.self_attn.out_proj for block in blocks[1:]),
        *(block.mlp.lin2 for block in blocks),
    ):
        linear.weight *= 0.3
        linear.bias.zero_()
