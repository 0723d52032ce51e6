"""A few orthonormal functions of each column, and the orientation that makes the answer blind to x -> -x."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def unit_scores(scores: Tensor, row_mask: Tensor) -> Tensor:
    """Scores (B, N, D) scaled so that each column's mean square over the existing rows is 1."""
    n = row_mask.sum(1).clamp(min=1)[:, None, None]
    power = scores.square().sum(1, keepdim=True) / n
    return scores / power.clamp(min=1e-12).sqrt()


def orientation(unit: Tensor, row_mask: Tensor) -> Tensor:
    """A sign for each column such that flipping a column flips its own sign and no other: (B, 1, D) of +-1.

    s_j is the sign of sum_k corr(z_j, z_k^2 - 1) over the other columns k. Where that sum vanishes by symmetry (Y = X,
    rows that come with their mirror images), the correlation with the columns that have a sign decides.
    """
    n = row_mask.sum(1).clamp(min=1)[:, None, None]
    exists = unit.abs().amax(1) > 0  # (B, D)
    squares = (unit.square() - 1) * (row_mask[..., None] & exists[:, None, :])
    third = unit.transpose(1, 2) @ squares / n  # (B, D, D): corr(z_j, z_k^2 - 1)
    third = third - torch.diag_embed(third.diagonal(dim1=1, dim2=2))

    def correlated(weights: Tensor) -> Tensor:
        return unit.transpose(1, 2) @ (unit @ weights) / n

    return signs(third.sum(2), exists, correlated)[:, None, :]


def signs(score: Tensor, exists: Tensor, correlated: Callable[[Tensor], Tensor]) -> Tensor:
    """The rule of `orientation`: signs (B, D) from the sums (B, D), and the correlations times weights (B, D, 1).

    Columns that these sums orient orient those that correlate with them, these the next, and so on. Where nothing
    orients those that are left, the first of them counts as oriented.
    """
    known = torch.where(score.abs() > TOLERANCE, score, 0.0)
    while bool((left := (known == 0) & exists).any()):
        towards = torch.where(left, correlated(known[..., None])[..., 0], 0.0)
        towards = torch.where(towards.abs() > TOLERANCE, towards, 0.0)
        stuck = left.any(1, keepdim=True) & (towards == 0).all(1, keepdim=True)
        first = torch.nn.functional.one_hot(left.int().argmax(1), left.shape[1]).to(score)
        known = known + towards + first * stuck
    return torch.where(known < 0, -1.0, 1.0)


TOLERANCE = 1e-4  # above float32 noise of a sum over rows, below what a real asymmetry shows


def basis(unit: Tensor, scores: Tensor, row_mask: Tensor, cosines: int) -> Tensor:
    """Values of the basis functions: (B, N, D, K), K = cosines + 2, zero in rows that do not exist.

    sqrt(2) cos(pi m u) of the ranks u, m = 1..cosines, whose products expand the copula density, and the first two
    Hermite polynomials of the normal scores z, which see the tails.
    """
    waves = cosines_of_ranks(scores, cosines)
    features = torch.stack([*waves, unit, (unit.square() - 1) / math.sqrt(2.0)], -1)
    return features * row_mask[:, :, None, None]


def cosines_of_ranks(scores: Tensor, count: int) -> list[Tensor]:
    """sqrt(2) cos(pi m u), m = 1..count, of the ranks u = Phi(scores): each of the shape of `scores`."""
    first = torch.erf(scores / math.sqrt(2.0)).mul(-math.pi / 2).sin()  # cos(pi u), with u = (1 + erf) / 2
    waves = [torch.ones_like(first), first]
    for _ in range(count - 1):  # Chebyshev: cos((m+1)t) = 2 cos t cos mt - cos (m-1)t
        waves.append(2 * first * waves[-1] - waves[-2])
    return [math.sqrt(2.0) * wave for wave in waves[1:]]
