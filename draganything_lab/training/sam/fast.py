"""The small SAM's arithmetic in large matrix products: the numbers that its classes give, in about half their time.

Pictures are many rows (B, N, C) throughout, in the embedding's precision; nothing is moved to channels first.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from segment_anything.modeling import Sam
from torch import Tensor, nn


def encode(sam: Sam, pixels: Tensor) -> Tensor:
    """Image embeddings (B, h * w, C) of normalised pictures (B, S, S, 3); `sam.image_encoder` gives (B, C, h, w).

    The blocks' window must divide the grid, as `build_sam` makes sure.
    """
    encoder = sam.image_encoder
    kernel = encoder.patch_embed.proj.weight  # (width, 3, p, p)
    side, cells = kernel.shape[-1], pixels.shape[1] // kernel.shape[-1]
    patches = pixels.unflatten(2, (cells, side)).unflatten(1, (cells, side)).transpose(2, 3)
    x = F.linear(patches.flatten(3), kernel.permute(0, 2, 3, 1).flatten(1), encoder.patch_embed.proj.bias)
    x = x + encoder.pos_embed.to(x.dtype)
    for block in encoder.blocks:
        window = block.window_size or cells
        across = cells // window
        tokens = _normed(block.norm1, x)
        if across > 1:
            tokens = tokens.view(-1, across, window, across, window, x.shape[-1]).transpose(2, 3).flatten(0, 2)
        tokens = _attend(block.attn, tokens)
        if across > 1:
            tokens = tokens.view(-1, across, across, window, window, x.shape[-1]).transpose(2, 3).reshape(x.shape)
        x = x + tokens
        x = x + block.mlp.lin2(F.gelu(block.mlp.lin1(_normed(block.norm2, x))))
    first, norm, second, last = encoder.neck
    x = _normed(norm, F.linear(x, first.weight.flatten(1)))
    x = F.conv2d(x.permute(0, 3, 1, 2), second.weight.contiguous(memory_format=torch.channels_last), padding=1)
    return _normed(last, x.permute(0, 2, 3, 1)).flatten(1, 2)


def _attend(attention: Any, x: Tensor) -> Tensor:
    """Attention (B, S, S, C) with relative positions as further dimensions of queries and keys.

    A query's bias towards row i and column j is the sum of two numbers, so it is a product with one-hot keys.
    """
    side, heads = x.shape[1], attention.num_heads
    q, k, v = attention.qkv(x).unflatten(-1, (3, heads, -1)).permute(3, 0, 4, 1, 2, 5)  # each (B, heads, S, S, d)
    steps = torch.arange(side, device=x.device)
    apart = steps[:, None] - steps + side - 1
    rows = torch.einsum("bnhwc,hkc->bnhwk", q, attention.rel_pos_h[apart].to(q.dtype))
    columns = torch.einsum("bnhwc,wkc->bnhwk", q, attention.rel_pos_w[apart].to(q.dtype))
    one = torch.eye(side, dtype=q.dtype, device=x.device)
    shape = (*k.shape[:-1], side)
    q = torch.cat([q * attention.scale, rows, columns], dim=-1).flatten(2, 3)
    k = torch.cat([k, one[:, None].expand(shape), one.expand(shape)], dim=-1).flatten(2, 3)
    out = _weighed(q, k, v.flatten(2, 3))
    return attention.proj(out.transpose(1, 2).flatten(2)).unflatten(1, (side, side))


def decode(sam: Sam, keys: Tensor, place: Tensor, sparse: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks (N, 4, 4h, 4w) and their qualities (N, 4), as `sam.mask_decoder.predict_masks` gives them.

    Args:
        sam: The network.
        keys: (N, h * w, C) embeddings with the dense prompts added.
        place: (h * w, C) positions of the cells.
        sparse: (N, K, C) sparse prompts.
    """
    decoder = sam.mask_decoder
    place, sparse = place.to(keys.dtype), sparse.to(keys.dtype)
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).to(keys.dtype)
    start = torch.cat([own.expand(len(sparse), -1, -1), sparse], dim=1)
    queries = start
    for block in decoder.transformer.layers:
        if block.skip_first_layer_pe:
            queries = _cross(block.self_attn, queries, queries, queries)
        else:
            asked = queries + start
            queries = queries + _cross(block.self_attn, asked, asked, queries)
        queries = _normed(block.norm1, queries)
        placed = keys + place
        queries = _normed(block.norm2, queries + _cross(block.cross_attn_token_to_image, queries + start, placed, keys))
        queries = _normed(block.norm3, queries + block.mlp(queries))
        keys = _normed(block.norm4, keys + _cross(block.cross_attn_image_to_token, placed, queries + start, queries))
    transformer = decoder.transformer
    found = _cross(transformer.final_attn_token_to_image, queries + start, keys + place, keys)
    queries = _normed(transformer.norm_final_attn, queries + found)
    first, norm, _, second, _ = decoder.output_upscaling
    fine = F.gelu(_normed(norm, _doubled(first, keys)))  # (N, h * w, 4, C / 4)
    fine = F.gelu(_doubled(second, fine)).flatten(1, 3)  # (N, h * w * 16, C / 8)
    tokens = queries[:, 1 : 1 + decoder.num_mask_tokens].unbind(1)
    weights = torch.stack(
        [mlp(token) for mlp, token in zip(decoder.output_hypernetworks_mlps, tokens, strict=True)], dim=1
    )
    cells = sam.prompt_encoder.image_embedding_size[0]
    masks = (weights @ fine.transpose(1, 2)).view(len(keys), -1, cells, cells, 2, 2, 2, 2)
    masks = masks.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(len(keys), -1, 4 * cells, 4 * cells)
    return masks, decoder.iou_prediction_head(queries[:, 0])


def _doubled(convolution: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """A transposed convolution of stride 2: (..., C) to (..., 4, C'), the four parts of each cell row by row."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)
    assert convolution.bias is not None
    return F.linear(x, weight, convolution.bias.repeat(4)).unflatten(-1, (4, -1))


def _cross(attention: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    heads = attention.num_heads
    q, k, v = (
        project(part).unflatten(-1, (heads, -1)).transpose(1, 2)
        for project, part in ((attention.q_proj, q), (attention.k_proj, k), (attention.v_proj, v))
    )
    out = _weighed(q * q.shape[-1] ** -0.5, k, v)
    return attention.out_proj(out.transpose(1, 2).flatten(2))


def _weighed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, scale=1.0)
    return (q @ k.transpose(-1, -2)).softmax(-1) @ v


def _normed(norm: Any, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):  # it would go on in float32
        return F.layer_norm(x, x.shape[-1:], norm.weight.to(x.dtype), norm.bias.to(x.dtype), norm.eps)
