"""How the correlation of two columns changes with the radii of X and of Y.

A rotation by an angle that depends on the norm (the spiral of Czyż et al. 2023) leaves little of a plain correlation,
which goes round from one pair of columns to the next. But cos(angle(r)) x_1 + sin(angle(r)) x_2, which undoes it, is
nearly a sum of columns multiplied by cosines of the radius. So each column also comes multiplied by these, as columns
of their own: their moments show the pairs how they turn, and their Gaussian mutual information undoes all at once.
"""

from functools import cache

import torch
from torch import Tensor

from mutualist.models.basis import cosines_of_ranks
from mutualist.models.gaussian import correlations, unbiased_mi

ROWS_A_COLUMN = 2  # fewest rows for each turned column: with fewer, the estimate is mostly noise
RIDGE = 1e-5  # of turned columns' correlations, which may determine one another


@cache
def _orders(most: int) -> list[int]:
    """Places in (most + 1, most + 1) of the orders, 1 to `most` together, of a pair's two cosines."""
    return [m * (most + 1) + k for m in range(most + 1) for k in range(most + 1) if 1 <= m + k <= most]


def turn_features(most: int) -> int:
    """T."""
    return len(_orders(most))


def anchor_orders(most: int) -> tuple[int, ...]:
    """Up to which order of the cosines each anchor goes."""
    return tuple(sorted({1, most}))


def turned(scores: Tensor, radii: Tensor, exist: Tensor, side: Tensor, most: int) -> Tensor:
    """Columns multiplied by 1 and by cosines of the rank of their own side's radius: (B, N, D, most + 1).

    Args:
        scores: (B, N, D), zero where nothing exists.
        radii: (B, N, 2), normal scores of |X|^2 and of |Y|^2.
        exist: (B, 2), false for a side of one column: its radius says nothing that the column does not, and its cosines
            count as 0.
        side: (B, D), true for columns of Y.
        most: highest order of the cosines.
    """
    some = exist[:, None].to(scores.dtype)
    waves = torch.stack([wave * some for wave in cosines_of_ranks(radii, most)], -1)  # (B, N, 2, most)
    own = torch.where(side[:, None, :, None], waves[:, :, 1:], waves[:, :, :1])
    return scores[..., None] * torch.cat([torch.ones_like(own[..., :1]), own], -1)


def pair_features(moments: Tensor) -> Tensor:
    """What a pair of columns learns of moments (B, D, D, most + 1, most + 1), scaled to unit columns: (B, D, D, T)."""
    scale = moments[..., 0, 0].diagonal(dim1=1, dim2=2).clamp(min=1e-12).rsqrt()
    return moments.flatten(3)[..., _orders(moments.shape[-1] - 1)] * (scale[:, :, None] * scale[:, None])[..., None]


def turned_mi(moments: Tensor, same_side: Tensor, n: Tensor, columns: Tensor, plain: Tensor) -> Tensor:
    """Gaussian mutual information of X and Y with their turned columns, without bias: (B, A) nats.

    For turned normal vectors it comes near what these share. It is no bound: the products are not normal.

    Args:
        moments: (B, D, D, most + 1, most + 1) of turned columns.
        same_side: (B, D, D), true where both columns exist and belong to the same side.
        n: (B,) rows, floating-point.
        columns: (B, 2) columns of X and of Y.
        plain: (B,), what stands in where there are too few rows.
    """
    b, d = moments.shape[:2]
    exists = same_side.diagonal(dim1=1, dim2=2)
    found = [plain]
    for most in anchor_orders(moments.shape[-1] - 1):
        k = most + 1
        counts = torch.where(columns > 1, columns * k, columns)
        enough = n >= ROWS_A_COLUMN * counts.sum(1)
        if bool(enough.any()):
            products = moments[..., :k, :k].transpose(2, 3).reshape(b, d * k, d * k)
            same, some = (_repeated(mask, k) for mask in (same_side, exists[:, :, None] & exists[:, None, :]))
            exact = unbiased_mi(correlations(products) * some, same, n, counts, RIDGE)
            found.append(torch.where(enough, exact.to(plain), found[-1]))
        else:
            found.append(found[-1])
    return torch.stack(found[1:], 1)


def _repeated(mask: Tensor, k: int) -> Tensor:
    """mask (B, D, D) for columns that come in k versions each: (B, D * k, D * k)."""
    return mask.repeat_interleave(k, 1).repeat_interleave(k, 2)
