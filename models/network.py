"""The network: description of the sample, attention over columns and over samples, quantiles."""

import torch
from torch import Tensor, nn

from mutualist.models.atoms import COLUMN_FEATURES, ESTIMATES, Atoms
from mutualist.models.columns import ColumnAttention, PairEmbedding, masked_mean, pool
from mutualist.models.config import ModelConfig
from mutualist.models.describe import (
    MOVE_FEATURES,
    Description,
    anchor_count,
    context_features,
    describe,
    moment_features,
)
from mutualist.models.details import fine_features
from mutualist.models.head import OUTPUTS, QuantileHead
from mutualist.models.rows import RowAttention
from mutualist.models.turns import turn_features

THIN = 16  # a matrix with a shorter side is hardly one


def summary_features(config: ModelConfig) -> int:
    """F: of the vector that sums up a sample."""
    return 3 * config.width + context_features(config) + config.pair_width


class MutualInfoNet(nn.Module):
    """Reads a sample as normal scores and answers with quantiles of its mutual information.

    By construction the answer does not depend on the order of rows, on the order of columns within X and within Y, on
    which side is called X, on strictly monotone maps of a column (through the scores), nor on padding.

    Attention over samples is for dependence that no pair of columns shows: where X and Y have one column each there is
    none, and the pair's own finer moments and gaps in slices take its place.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        w, p, k = config.width, config.pair_width, config.cosines + 2
        self.context = nn.Sequential(nn.Linear(context_features(config), w), nn.GELU(), nn.Linear(w, w))
        self.embed = PairEmbedding(
            moment_features(config), turn_features(config.turns), MOVE_FEATURES, fine_features(config), p, w
        )
        self.tokens = nn.Linear(2 * p + 1 + COLUMN_FEATURES, w)
        self.columns = nn.ModuleList(ColumnAttention(w, p, config.heads) for _ in range(config.layers))
        self.rows = nn.ModuleList(RowAttention(w, k, config.row_width) for _ in range(config.layers - 1))
        self.head = QuantileHead(
            summary_features(config),
            w,
            anchor_count(config) + len(self.rows) + ESTIMATES,
            len(config.levels),
            config.median,
        )

    def forward(
        self,
        scores: Tensor,
        side: Tensor,
        row_mask: Tensor,
        column_mask: Tensor,
        smooth: bool = False,
        atoms: Atoms | None = None,
    ) -> Tensor:
        """Quantiles at `config.levels`, in nats: (B, Q), increasing, positive.

        Args:
            scores: (B, N, D) normal scores of the columns of X and Y (see `normal_scores`).
            side: (B, D), false for a column of X, true for a column of Y.
            row_mask: (B, N), true for rows that exist.
            column_mask: (B, D), true for columns that exist.
            smooth: whether derived ranks and neighbour counts move continuously with `scores`, which every row must
                then have (`models.smooth`).
            atoms: values that rows share (`find_atoms`), by which the network knows discrete columns; none if absent.
        """
        return self.answer(describe(scores, side, row_mask, column_mask, self.config, smooth, atoms))

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers: neither of those that read the description, nor of those that answer."""
        reading = "context.0.", "embed.moments.", "embed.turns.", "embed.moves.", "embed.fine."
        ends = *reading, *(f"head.{name}." for name in OUTPUTS)
        return [
            weight
            for name, weight in self.named_parameters()
            if weight.ndim == 2 and min(weight.shape) >= THIN and not name.startswith(ends)
        ]

    def answer(self, sample: Description) -> Tensor:
        """Quantiles (B, Q) for samples already described."""
        return self.read(sample)[0]

    def read(self, sample: Description) -> tuple[Tensor, Tensor]:
        """Quantiles (B, Q), and the vectors (B, F) that sum up each sample."""
        side, columns = sample.side, sample.columns
        same = side[:, :, None] == side[:, None, :]
        exists = columns[:, :, None] & columns[:, None, :]
        context = self.context(sample.context)
        pairs = self.embed(sample.moments, sample.turns, sample.moves, sample.fine, context)
        within = masked_mean(pairs, same & exists, 2)
        across = masked_mean(pairs, ~same & exists, 2)
        flag = sample.derived[..., None].to(pairs.dtype)
        tokens = self.tokens(torch.cat([within, across, flag, sample.atoms.columns], -1)) + context[:, None]
        anchors = [sample.anchors]
        bivariate, instead = sample.bivariate[:, None], sample.anchors[:, :1]
        for i, layer in enumerate(self.columns):
            tokens, pairs = layer(tokens, pairs, columns)
            if i == len(self.rows):
                break
            if sample.features is None:
                anchors.append(instead)
                continue
            read, shared = self.rows[i](tokens, context, *sample.features, columns, side)
            tokens = torch.where(bivariate[..., None], tokens, read)
            anchors.append(torch.where(bivariate, instead, shared))
        crossing = masked_mean(pairs.flatten(1, 2), (~same & exists).flatten(1), 1)
        pooled = torch.cat([context, sample.context, pool(tokens, side, columns), crossing], 1)
        anchors.append(sample.atoms.estimates)
        return self.head(pooled, tokens, columns, torch.cat(anchors, 1), sample.atoms.known), pooled
