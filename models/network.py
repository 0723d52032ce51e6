"""The network: description of the sample, and the weights that read it."""

import torch
from torch import Tensor, nn

from mutualist.models.atoms import Atoms
from mutualist.models.config import ModelConfig
from mutualist.models.describe import Description, describe
from mutualist.models.reader import Reader


class MutualInfoNet(nn.Module):
    """Reads a sample as normal scores and answers with quantiles of its mutual information.

    By construction the answer does not depend on the order of rows, on the order of columns within X and within Y, on
    which side is called X, on strictly monotone maps of a column (through the scores), nor on padding.

    Pairs of single columns have weights of their own: what they take a thousand rows to tell apart, a network for all
    shapes answers by what it learned of others.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.several, self.single = Reader(config, single=False), Reader(config, single=True)

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
        return [*self.several.hidden_matrices(), *self.single.hidden_matrices()]

    def answer(self, sample: Description) -> Tensor:
        """Quantiles (B, Q) for samples already described."""
        return self.read(sample)[0]

    def read(self, sample: Description) -> tuple[Tensor, Tensor]:
        """Quantiles (B, Q), and the vectors (B, F) that sum up each sample."""
        if sample.features is None:
            found: tuple[Tensor, Tensor] = self.single(sample)
            return found
        several = self.several(sample)
        if not bool(sample.bivariate.any()):
            return several
        quantiles, summaries = (
            torch.where(sample.bivariate[:, None], one, other)
            for one, other in zip(self.single(sample), several, strict=True)
        )
        return quantiles, summaries
