"""What reads the description of a sample and answers: weights for pairs of single columns, or for all other samples."""

import torch
from torch import Tensor, nn

from mutualist.models.atoms import COLUMN_FEATURES, ESTIMATES
from mutualist.models.columns import ColumnAttention, PairEmbedding, masked_mean, pool
from mutualist.models.config import ModelConfig
from mutualist.models.describe import MOVE_FEATURES, Description, anchor_count, context_features, moment_features
from mutualist.models.details import fine_features
from mutualist.models.head import OUTPUTS, QuantileHead
from mutualist.models.rows import RowAttention
from mutualist.models.turns import turn_features

THIN = 16  # a matrix with a shorter side is hardly one


def summary_features(config: ModelConfig) -> int:
    """F: of the vector that sums up a sample."""
    return 3 * config.width + context_features(config) + config.pair_width


class Reader(nn.Module):
    """Attention over columns and, unless X and Y have one each, over samples; then quantiles.

    Attention over samples is for dependence that no pair of columns shows. A pair of single columns has none: its own
    finer moments and gaps in slices take its place.

    Args:
        config: shapes.
        single: whether the samples are of one column of X and one of Y.
    """

    def __init__(self, config: ModelConfig, single: bool) -> None:
        super().__init__()
        self.is_single = single
        w, p, k = config.width, config.pair_width, config.cosines + 2
        self.context = nn.Sequential(nn.Linear(context_features(config), w), nn.GELU(), nn.Linear(w, w))
        more = fine_features(config) if single else turn_features(config.turns)
        self.embed = PairEmbedding(moment_features(config), MOVE_FEATURES, more, p, w)
        self.tokens = nn.Linear(2 * p + 1 + COLUMN_FEATURES, w)
        self.columns = nn.ModuleList(ColumnAttention(w, p, config.heads) for _ in range(config.layers))
        attentive = 0 if single else config.layers - 1
        self.rows = nn.ModuleList(RowAttention(w, k, config.row_width) for _ in range(attentive))
        anchors = anchor_count(config) + attentive + ESTIMATES
        self.head = QuantileHead(summary_features(config), w, anchors, len(config.levels), config.median)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers: neither of those that read the description, nor of those that answer."""
        reading = "context.0.", "embed.moments.", "embed.moves.", "embed.more."
        ends = *reading, *(f"head.{name}." for name in OUTPUTS)
        return [
            weight
            for name, weight in self.named_parameters()
            if weight.ndim == 2 and min(weight.shape) >= THIN and not name.startswith(ends)
        ]

    def forward(self, sample: Description) -> tuple[Tensor, Tensor]:
        """Quantiles (B, Q) in nats, and the vectors (B, F) that sum up each sample.

        Raises:
            ValueError: samples of the kind that these weights are not for.
        """
        side, columns = sample.side, sample.columns
        same = side[:, :, None] == side[:, None, :]
        exists = columns[:, :, None] & columns[:, None, :]
        context = self.context(sample.context)
        more, rows = (sample.fine, None) if self.is_single else (sample.turns, sample.features)
        if more is None:
            raise ValueError(f"these weights are {'' if self.is_single else 'not '}for pairs of single columns")
        pairs = self.embed(sample.moments, sample.moves, more, context)
        within = masked_mean(pairs, same & exists, 2)
        across = masked_mean(pairs, ~same & exists, 2)
        flag = sample.derived[..., None].to(pairs.dtype)
        tokens = self.tokens(torch.cat([within, across, flag, sample.atoms.columns], -1)) + context[:, None]
        anchors = [sample.anchors]
        for i, layer in enumerate(self.columns):
            tokens, pairs = layer(tokens, pairs, columns)
            if i < len(self.rows) and rows is not None:
                tokens, shared = self.rows[i](tokens, context, *rows, columns, side)
                anchors.append(shared)
        crossing = masked_mean(pairs.flatten(1, 2), (~same & exists).flatten(1), 1)
        pooled = torch.cat([context, sample.context, pool(tokens, side, columns), crossing], 1)
        anchors.append(sample.atoms.estimates)
        return self.head(pooled, tokens, columns, torch.cat(anchors, 1), sample.atoms.known), pooled
