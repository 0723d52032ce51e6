"""The pair of columns that shares most: what several columns tell is no less than what one of them does.

Shapes: B datasets, D columns.
"""

import torch
from torch import Tensor

from mutualist.models.describe import Description
from mutualist.models.pairs import MOVES


def strongest_pair(sample: Description) -> tuple[Tensor, Tensor, Tensor]:
    """The columns of X and of Y that share most, about: their numbers (B, 2), the lower first, and (B,) nats.

    And how many pairs share at least half as much, these among them: (B,). Each of them might have come out as the one
    that shares most.

    By the larger of two readings: the correlation of normal scores, and how far one column moves along the other. Pairs
    of which one has atoms go by what these say.
    """
    d = sample.columns.shape[1]
    k = round(sample.moments.shape[-1] ** 0.5)
    correlation = sample.moments[..., (k - 2) * k + k - 2]  # of the first Hermite polynomials
    normal = -0.5 * torch.log1p(-correlation.square().clamp(max=1 - 1e-6))
    walks = 0.5 * (sample.moves[..., 1] + sample.moves[..., MOVES + 1])
    of_any, mixed, of_both, _, _, adjusted = sample.atoms.pairs.unbind(-1)
    shared = torch.maximum(walks, normal)
    shared = torch.where(of_any > 0, mixed.expm1(), shared)
    shared = torch.where(of_both > 0, adjusted.expm1(), shared)
    given = sample.columns & ~sample.derived
    crossing = given[:, :, None] & given[:, None, :] & (sample.side[:, :, None] != sample.side[:, None, :])
    shared = shared.masked_fill(~crossing.triu(), -torch.inf).flatten(1)
    found, at = shared.max(1)
    rivals = (shared >= 0.5 * found[:, None]).sum(1).clamp(min=1)
    return torch.stack([at // d, at % d], 1), found, rivals
