"""What a column tells of classes: gaps between its ranks inside each class.

Where the other side is discrete, its values sort the rows into classes, and the entropy of a column inside each of them
follows from the gaps between its ranks there (Vasicek 1976), as in the slices of `models.slices`, but with edges that
are given. Shapes: B datasets, N rows, D columns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LAGS = (1, 2, 4, 8)  # over how many rows of a class a gap reaches
ENOUGH = 0.5  # share of rows whose class has more rows than a gap reaches over


@dataclass(frozen=True)
class Classes:
    """Which rows are of one class, where one side is discrete and the other is not.

    Attributes:
        number: (B, N) int64, equal for rows of one class.
        side: (B, 2) whether X's, and whether Y's values are classes; neither or one of them.
    """

    number: Tensor
    side: Tensor

    def between(self, squared: Tensor, side: int, queries: slice, near: float, far: float) -> Tensor:
        """Distances (B, M, N) of `queries` to all rows on a side (0: X), near or far where its values are classes."""
        at = self.side[:, side].nonzero()[:, 0]
        number = self.number[at, : squared.shape[2]]
        apart = torch.where(number[:, queries, None] == number[:, None], near, far).to(squared)
        return squared.index_put((at,), apart) if len(at) else squared


def class_information(ranks: Tensor, number: Tensor, count: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
    """Mutual information of a column with the classes of its rows, and whether it is known: (B, LAGS) each.

    With R the gap in ranks over m of the n_c rows of a class, psi(m) - psi(n_c + 1) + psi(n + 1) - E psi(R) is without
    bias for a column that is uniform inside the class (as Kraskov et al. 2004, eq. 20, for ranks). A class weighs as
    much as it has rows. Unknown estimates are 0.

    Args:
        ranks: (B, N) int64, without ties, 0..n-1 in rows that exist.
        number: (B, N) int64, 0..N-1, equal for rows of one class.
        count: (B, N) rows of that class.
        exists: (B, N).
    """
    rows = ranks.shape[1]
    n = exists.sum(1, keepdim=True).clamp(min=1).float()
    key, order = torch.where(exists, number * rows + ranks, rows * rows).sort(-1)
    place, of_class = key % rows, key // rows
    size = count.gather(1, order).float()
    own = size.digamma() + 1 / size  # psi(n_c + 1)
    estimates, known = [], []
    for lag in LAGS:
        inside = (of_class[..., lag:] == of_class[..., :-lag]) & (of_class[..., lag:] < rows)
        gap = torch.where(inside, place[..., lag:] - place[..., :-lag], 1).float()
        sizes = size[..., lag:]
        share = inside * sizes / (sizes - lag).clamp(min=1) / n  # of the rows, in a gap's place: n_c / n in a class
        covered = share.sum(1)
        terms = torch.digamma(n.new_tensor(float(lag))) + torch.digamma(n + 1) - own[..., lag:] - torch.digamma(gap)
        enough = covered > ENOUGH
        mean = (share * terms).sum(1) / covered.clamp(min=ENOUGH)
        estimates.append(mean.clamp(min=-0.5) * enough)
        known.append(enough)
    return torch.stack(estimates, 1), torch.stack(known, 1)
