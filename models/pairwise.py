"""Describes single pairs of columns, many at once, from statistics that all pairs of a table share.

What `describe` tells of a sample with one column on each side is a function of products of basis functions and of how
columns move along one another. For the columns of one table both come out of one matrix product and one walk along
each column, and are then only looked up for each pair.
"""

import math

import torch
from scipy.special import digamma
from torch import Tensor

from mutualist.models.atoms import Atoms
from mutualist.models.basis import signs
from mutualist.models.column_statistics import ColumnStatistics
from mutualist.models.config import ModelConfig
from mutualist.models.describe import Description
from mutualist.models.details import PairDetails, at_pair, pair_details
from mutualist.models.gaussian import STRENGTHS
from mutualist.models.turns import anchor_orders


def describe_pairs(
    shared: ColumnStatistics, first: Tensor, second: Tensor, config: ModelConfig, atoms: Atoms | None = None
) -> Description:
    """The descriptions of P samples, X = column `first[p]` and Y = column `second[p]`, as `describe` gives them.

    Args:
        shared: statistics of the columns.
        first, second: (P,) numbers of columns.
        atoms: of the pairs, if they have ties.
    """
    pair = torch.stack([first, second], 1)
    at = (len(shared.products) * pair[:, :, None] + pair[:, None, :]).view(-1)
    # (P, 2, 2, F, F), (P, 2, 2, MOVES), (P, 2, 2, lags) and (P, 2, 2, S): indexing by two tensors would take longer
    products, near, far, slices = (
        values.flatten(0, 1).index_select(0, at).view(-1, 2, 2, *values.shape[2:])
        for values in (shared.products, shared.near, shared.far, shared.slices)
    )
    z = products.shape[-1] - 2
    third = math.sqrt(2.0) * products[..., z, z + 1]  # corr(z_j, z_k^2 - 1)
    score = torch.stack([third[:, 0, 1], third[:, 1, 0]], 1)
    sign = signs(score, torch.ones_like(score, dtype=torch.bool), lambda weights: products[..., z, z] @ weights)
    flips = torch.ones(*sign.shape, z + 2, device=sign.device)
    flips[..., 0:z:2] = sign[..., None]  # cos(pi m u) with odd m are odd functions of z
    flips[..., z] = sign
    products = products * flips[:, :, None, :, None] * flips[:, None, :, None, :]
    basis = [*range(config.cosines), z, z + 1]
    coefficients = products[:, 0, 1, : config.spectral_cosines, : config.spectral_cosines]
    slices = torch.stack([slices[:, 0, 1], slices[:, 1, 0]], 1)
    details = pair_details(coefficients, far[:, 0, 1] + far[:, 1, 0], slices, shared.rows, config)
    flags = torch.tensor([[[1.0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1.0, 0, 0]]], device=pair.device)
    r = shared.correlation[first, second] * sign.prod(1)
    anchors = _anchors(r, 0.5 * (near[:, 0, 1, 1] + near[:, 1, 0, 1]), shared.rows, details, config)
    log_n, two = min(math.log(shared.rows), config.max_log_n), math.log(2.0)
    sizes = [log_n / 3 - 1.5, two - 1.5, 0.0, (two - log_n) / 2 + 1, 0.0, 1.0]
    context = torch.tensor(sizes, device=pair.device).expand(len(pair), -1)
    columns = torch.ones_like(pair, dtype=torch.bool)
    atoms = Atoms.none(len(pair), 2, pair.device) if atoms is None else atoms
    return Description(
        features=None,
        moments=products[..., basis, :][..., basis].flatten(3),
        turns=None,
        moves=torch.cat([near, near.transpose(1, 2), flags.expand(len(pair), -1, -1, -1), atoms.pairs], -1),
        fine=at_pair(details.fine, pair.new_zeros(len(pair)), pair.new_ones(len(pair)), 2),
        columns=columns,
        side=torch.tensor([False, True], device=pair.device).expand_as(columns),
        derived=~columns,
        atoms=atoms,
        bivariate=columns[:, 0],
        anchors=anchors,
        context=torch.cat([context, anchors.clamp(min=-0.9).log1p(), details.spreads, atoms.context], 1),
    )


def _anchors(r: Tensor, near: Tensor, n: int, details: PairDetails, config: ModelConfig) -> Tensor:
    """The anchors of `describe`, all in closed form: (P, A) nats.

    Args:
        r: (P,) correlations of the normal scores, in double precision.
        near: (P,) mean of both concomitants of logarithms at lag 1.
        n: rows.
        details: of the pairs.
    """
    shrinkage = torch.tensor([*(2 * c / (n + 2 * c) for c in STRENGTHS), 1e-7], dtype=torch.float64, device=r.device)
    squares = ((1 - shrinkage) * r[:, None]).square().clamp(max=1 - 1e-12)
    gaussian = -0.5 * torch.log1p(-squares)
    gaussian[:, -1] += 0.5 * float(digamma((n - 2) / 2) - digamma((n - 1) / 2))
    gaussian = gaussian.float()
    normal = -0.5 * torch.log1p(-r.clamp(-0.9999, 0.9999).square()).float()
    best = near.clamp(min=0)
    beyond = gaussian[:, 0] + (best - normal) * (2 * best).clamp(max=1)
    rest = torch.stack([normal, torch.zeros_like(normal), best, beyond, beyond], 1)
    turning = gaussian[:, -1:].expand(-1, len(anchor_orders(config.turns)))
    return torch.cat([gaussian, details.estimates, rest, details.slices, turning], 1)
