"""Attention over columns, with what each pair of columns carries as bias and as value."""

import torch
from torch import Tensor, nn


class ColumnAttention(nn.Module):
    """One layer: columns attend to one another, then the pairs are updated from their columns.

    The logits get a bias and the values an extra term from the pair features (as in graph transformers). Tokens are not
    told their side: pairs know whether they share one, so the layer treats X and Y alike.
    """

    def __init__(self, width: int, pair_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.bias = nn.Linear(pair_width, heads, bias=False)
        self.pair_value = nn.Linear(heads * pair_width, width, bias=False)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.from_columns = nn.Linear(width, 2 * pair_width, bias=False)
        self.pair_in = nn.Linear(pair_width, pair_width)
        self.pair_out = nn.Linear(pair_width, pair_width)

    def forward(self, tokens: Tensor, pairs: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """tokens (B, D, W), pairs (B, D, D, P), columns (B, D) -> both updated."""
        b, d, w = tokens.shape
        known = self.pair_norm(pairs)
        q, k, v = self.qkv(self.norm(tokens)).view(b, d, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (B, H, D, w/H)
        logits = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + self.bias(known).permute(0, 3, 1, 2)
        weights = logits.masked_fill(~columns[:, None, None, :], -1e9).softmax(-1)  # (B, H, D, D)
        read = (weights @ v).transpose(1, 2).reshape(b, d, w)
        read_pairs = (weights.transpose(1, 2) @ known).reshape(b, d, -1)  # (B, D, H * P)
        tokens = tokens + self.out(read) + self.pair_value(read_pairs)
        tokens = tokens + self.mlp(tokens)
        rows, cols = self.from_columns(tokens).chunk(2, -1)
        hidden = self.pair_in(known) + rows[:, :, None] + cols[:, None, :]
        return tokens, pairs + self.pair_out(nn.functional.gelu(hidden))


class PairEmbedding(nn.Module):
    """Pair features to the width the layers work in, gated by the context (how far to trust which moment)."""

    def __init__(self, moments: int, moves: int, more: int, pair_width: int, width: int) -> None:
        super().__init__()
        self.moments = nn.Linear(moments, 2 * pair_width)
        self.moves = nn.Linear(moves, 2 * pair_width, bias=False)
        self.more = nn.Linear(more, 2 * pair_width, bias=False)
        self.film = nn.Linear(width, 4 * pair_width)
        self.out = nn.Linear(2 * pair_width, pair_width)

    def forward(self, moments: Tensor, moves: Tensor, more: Tensor, context: Tensor) -> Tensor:
        """Features (B, D, D, K * K), (B, D, D, M) and (B, D, D, E), context (B, W) -> (B, D, D, P)."""
        scale, shift = self.film(context)[:, None, None].chunk(2, -1)
        hidden = self.moments(moments) + self.moves(moves) + self.more(more)
        hidden = hidden * (1 + scale) + shift
        return self.out(nn.functional.gelu(hidden))


def masked_mean(values: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Mean of `values` over `dim` where `mask` (one axis less at the end) holds; 0 where it holds nowhere."""
    weights = mask[..., None].to(values.dtype)
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1)


def pool(tokens: Tensor, side: Tensor, columns: Tensor) -> Tensor:
    """Mean over X plus mean over Y, and the maximum over all columns: (B, 2 W), blind to which side is which."""
    means = masked_mean(tokens, columns & ~side, 1) + masked_mean(tokens, columns & side, 1)
    return torch.cat([means, tokens.masked_fill(~columns[..., None], -1e4).amax(1)], 1)
