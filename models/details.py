"""Finer moments of one pair of columns: of X and Y, with gaps, in place of nearest neighbours; or of their radii."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mutualist.models.basis import cosines_of_ranks
from mutualist.models.config import ModelConfig
from mutualist.models.pairs import Walks, concomitants, walks_along
from mutualist.models.scores import scores_from_ranks
from mutualist.models.slices import SLICE_FEATURES, slice_information
from mutualist.models.spectral import SHRINKAGES, shrunken, spectral_mi

FINE_SHRINKAGE = 2.0  # of squared coefficients, in units of 1 / n: what noise alone makes is cut to a third


def local_count(config: ModelConfig) -> int:
    """Slots for nearest-neighbour estimates, which in 1 x 1 hold the spectral ones."""
    return max(len(config.neighbours), len(SHRINKAGES))


def doubling_lags(config: ModelConfig) -> tuple[int, ...]:
    """Of the walks that fill the slots of spreads in 1 x 1."""
    return tuple(2 ** (i + 1) for i in range(local_count(config)))


def fine_features(config: ModelConfig) -> int:
    """E."""
    return config.spectral_cosines**2 + SLICE_FEATURES


@dataclass(frozen=True)
class PairDetails:
    """What stands in for nearest neighbours where X and Y have one column each; it says as much there, and costs less.

    Attributes:
        estimates: (B, `local_count`) spectral estimates.
        spreads: (B, `local_count`) concomitants both ways at `doubling_lags`.
        slices: (B, S) information in slices, the mean of both ways.
        fine: (B, 2, E) shrunken coefficients and information in slices, seen from X and from Y.
    """

    estimates: Tensor
    spreads: Tensor
    slices: Tensor
    fine: Tensor


def pair_details(
    coefficients: Tensor, far: Tensor, slices: Tensor, n: Tensor | int, config: ModelConfig
) -> PairDetails:
    """The details of B pairs.

    Args:
        coefficients: (B, S, S) of the cosine expansion of the copula's density, X first.
        far: (B, lags) sums of concomitants both ways at `doubling_lags`.
        slices: (B, 2, S) information in slices along X and along Y.
        n: (B,), or one number.
    """
    shrunk = shrunken(coefficients, n, FINE_SHRINKAGE)
    both = torch.stack([shrunk.flatten(1), shrunk.transpose(1, 2).flatten(1)], 1)
    estimates = fill(spectral_mi(coefficients, n), local_count(config))
    return PairDetails(estimates, far, slices.mean(1), torch.cat([both, slices], 2))


def details_of(
    scores: Tensor,
    row_mask: Tensor,
    x: Tensor,
    y: Tensor,
    along: Walks | None,
    far: Tensor,
    n: Tensor,
    config: ModelConfig,
) -> PairDetails:
    """`pair_details` of columns x and y (B,) of scores (B, N, D).

    If there are no other columns, `along` are the walks (none if `scores` are smooth) and `far` (B, D, D, lags, 2) the
    concomitants at lag 1 and at `doubling_lags`; otherwise both are of no use here.
    """
    pair = _pair(scores, x, y)
    coefficients = _coefficients(pair, row_mask, n, config)
    if scores.shape[2] == 2:
        far = far[..., 1:, 1]
        slices = slice_information(along or _hard_walks(scores, row_mask))
    else:
        along = walks_along(pair, row_mask)
        far, slices = concomitants(along, doubling_lags(config))[..., 1], slice_information(along)
        x, y = torch.zeros_like(x), torch.ones_like(y)
    return pair_details(coefficients, _ways(far, x, y).sum(1), _ways(slices, x, y), n, config)


def radial_information(
    scores: Tensor, row_mask: Tensor, x: Tensor, y: Tensor, n: Tensor, config: ModelConfig
) -> Tensor:
    """Spectral estimates from columns x and y (B,), such as the radii of X and of Y: (B, 5) nats.

    Rows often share a radius, so nothing is asked here that needs their order.
    """
    return spectral_mi(_coefficients(_pair(scores, x, y), row_mask, n, config), n)


def _pair(scores: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Columns x and y (B,) of scores (B, N, D): (B, N, 2)."""
    return scores.gather(2, torch.stack([x, y], 1)[:, None, :].expand(-1, scores.shape[1], -1))


def _coefficients(pair: Tensor, row_mask: Tensor, n: Tensor, config: ModelConfig) -> Tensor:
    """Of the cosine expansion of the copula's density of (B, N, 2) scores: (B, S, S)."""
    waves = torch.stack(cosines_of_ranks(pair, config.spectral_cosines), -1) * row_mask[:, :, None, None]
    return waves[:, :, 0].transpose(1, 2) @ waves[:, :, 1] / n[:, None, None]


def _hard_walks(scores: Tensor, row_mask: Tensor) -> Walks:
    """Walks by the ranks of smooth scores. What slices say is constant between changes of order, and so without slope.

    Slopes of a smooth version were tried: logarithms of the smallest gaps make them too rough to climb by.
    """
    ranks = scores.detach().argsort(1).argsort(1)
    return walks_along(scores_from_ranks(ranks, row_mask).to(scores), row_mask)


def _ways(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """values (B, D, D, S) at (x, y) and at (y, x): (B, 2, S)."""
    sample = torch.arange(len(x), device=x.device)
    return torch.stack([values[sample, x, y], values[sample, y, x]], 1)


def fill(values: Tensor, slots: int) -> Tensor:
    """values (B, S) in `slots` slots; the last is repeated."""
    return torch.cat([values, values[:, -1:].expand(-1, slots - values.shape[1])], 1)


def at_pair(values: Tensor, x: Tensor, y: Tensor, d: int) -> Tensor:
    """values (B, 2, E), seen from X and from Y, as features of the ordered pairs (x, y) and (y, x): (B, D, D, E)."""
    out = values.new_zeros(values.shape[0], d, d, values.shape[2])
    sample = torch.arange(values.shape[0], device=values.device)
    out[sample, x, y] = values[:, 0]
    out[sample, y, x] = values[:, 1]
    return out
