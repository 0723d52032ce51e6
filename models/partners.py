"""What pairs of columns tell of one another where some have values that rows share.

Where there are many columns, the table of all of them is too thin to tell anything: what it tells lies in pairs.
Shapes: S samples, D columns, N rows.
"""

import torch
from torch import Tensor

from mutualist.models.chance import SIGNS, adjusted_information, dependence_signs
from mutualist.models.classes import LAGS
from mutualist.models.counts import count_equal, numbered
from mutualist.models.mixtures import mixed_information

PAIR_FEATURES = 2 + 2 + SIGNS


def mixtures_of_pairs(
    ranks: Tensor, level: Tensor, beyond: Tensor, pairs: Tensor, existing: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """`mixed_information` of each column with the one that it tells most of, and whether it is known: (S, D, LAGS).

    And for each pair whether it is known, and ln(1 + I) of its mean over lags: (S, D, D, 2).

    Args:
        ranks, level: (S, D, N), without ties and equal in atoms.
        beyond: (S, D, N) rows in no atom of a column.
        pairs: (S, D, D), true where column j is asked what it tells of column k.
        existing: (S, D, N).
    """
    s, d = pairs.shape[:2]
    told = torch.full((s * d, len(LAGS)), -torch.inf, device=ranks.device)
    tells = torch.zeros_like(told)
    each = torch.zeros(s, d, d, 2, device=ranks.device)
    sample, one, other = (pairs | pairs.transpose(1, 2)).triu().nonzero().unbind(1)  # the same from both ends
    if len(sample):
        at = sample[:, None], torch.stack([one, other], 1)
        found, known = mixed_information(ranks[at], level[at], beyond[at], existing[sample, one])
        mean = (found * known).sum(1) / known.sum(1).clamp(min=1)
        pair = torch.stack([known.any(1).float(), mean.log1p()], 1)
        each[sample, one, other] = each[sample, other, one] = pair
        for column, partner in ((one, other), (other, one)):
            on = pairs[sample, column, partner]
            to = (sample * d + column)[on, None].expand(-1, len(LAGS))
            told.scatter_reduce_(0, to, found[on], "amax")
            tells.scatter_reduce_(0, to, known[on].to(tells), "amax")
    return told.masked_fill(told.isinf(), 0.0).view(s, d, -1), tells.view(s, d, -1).bool(), each


def tables_of_pairs(level: Tensor, pairs: Tensor, existing: Tensor) -> Tensor:
    """Of tables of pairs whether they tell, how far they are from independence, and ln(1 + I) adjusted for chance.

    Args:
        level: (S, D, N), equal in atoms and beyond them.
        pairs: (S, D, D), symmetric, true for these.
        existing: (S, D, N).

    Returns:
        (S, D, D, 2 + SIGNS).
    """
    told = torch.zeros(*pairs.shape, 2 + SIGNS, device=level.device)
    sample, one, other = pairs.triu().nonzero().unbind(1)
    if len(sample):
        x, y, exists = level[sample, one], level[sample, other], existing[sample, one, None]
        count = count_equal(numbered(torch.stack([x, y, x * (level.shape[2] + 1) + y], 1)), exists)
        adjusted, known = adjusted_information(count, exists)
        found = torch.cat([known.float(), dependence_signs(count, exists), adjusted.log1p()], 1)
        told[sample, one, other] = told[sample, other, one] = found
    return told
