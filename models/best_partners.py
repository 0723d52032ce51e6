"""Sums over columns of what each shares with its best partner on the other side: anchors for columns side by side.

Shapes: B datasets, D columns.
"""

import torch
from torch import Tensor

from mutualist.models.atoms import Atoms

SURE = 3.0  # standard deviations, about


def best_partners(walks: Tensor, normal: Tensor, crossing: Tensor, gaussian: Tensor) -> Tensor:
    """Sums over the columns of what each shares with its best partner on the other side: (B, 2) nats.

    Mean ln |du| between neighbours is the entropy of one column given the other, up to the shape of the noise: exactly
    so where it is uniform. The first sum takes each column's best partner by it. The second adds to the Gaussian
    estimate what these pairs hold beyond their own normal mutual information, as sharp edges do. Both count each pair
    from both of its ends, hence the halves.

    Args:
        walks: (B, D, D), -(E ln |du| + 3/2) along column j for column k.
        normal: (B, D, D), -1/2 ln(1 - r^2) of each pair.
        crossing: (B, D, D), true for pairs of given columns of different sides.
        gaussian: (B,), the Gaussian estimate to correct.
    """
    shared = (0.5 * (walks + walks.transpose(1, 2))).masked_fill(~crossing, -torch.inf)
    best, partner = shared.max(2)  # (B, D)
    best = best.masked_fill(~crossing.any(2), 0.0).clamp(min=0)
    beyond = (best - normal.gather(2, partner[..., None])[..., 0]) * (2 * best).clamp(max=1)
    return torch.stack([0.5 * best.sum(1), gaussian + 0.5 * beyond.sum(1)], 1)


def best_of_all_kinds(instead: Tensor, normal: Tensor, atoms: Atoms, crossing: Tensor, n: Tensor) -> Tensor:
    """The sum over best partners where some columns have atoms, whose pairs tell what `Atoms` says: (B, 1) nats.

    What may be chance, as the largest of many estimates is, counts less: from nothing at 0 on, up to the whole where it
    is `SURE` times its standard deviation where columns are independent, about.

    Args:
        instead: (B,) what stands for it where no pair has atoms.
        normal: (B, D, D), -1/2 ln(1 - r^2) of each pair.
        atoms: of all D columns.
        crossing: (B, D, D), true for pairs of given columns of different sides.
        n: (B,) rows.
    """
    of_any, mixed, of_both, sign, _, adjusted = atoms.pairs.unbind(-1)
    rows = n[:, None, None]
    told = torch.where(of_both > 0, adjusted.expm1() * (sign.abs().expm1() * sign.sign() / SURE).clamp(0, 1), 0.0)
    mixed = mixed.expm1().clamp(min=0)
    told = torch.where(of_any > 0, mixed * (mixed * rows.sqrt() / SURE).clamp(max=1), told)
    told = torch.where((of_any + of_both) > 0, told, normal * (2 * normal * rows / SURE).clamp(max=1)) * crossing
    best = 0.5 * (told.clamp(min=0).amax(2) * atoms.weights).sum(1)
    return torch.where((atoms.pairs[..., [0, 2]] > 0).any(-1).flatten(1).any(1), best, instead)[:, None]
