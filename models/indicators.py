"""Columns that are one class in indicators (one-hot, or dummies), of which at most one is 1 in a row.

What a class tells is spread over its indicators: each tells a part, and their parts do not add up. Together they are
one column again. Shapes: S samples, D columns, N rows.
"""

import torch
from torch import Tensor

EXPECTED = 1.5  # rows in which two independent columns would both be 1; with fewer it may be chance that none is


def indicator_classes(level: Tensor, side: Tensor, existing: Tensor) -> tuple[Tensor, Tensor]:
    """The class of each row, in place of the values of each column that is an indicator of it, and how many these are.

    Columns of two values belong together if the rarer ones of any two never meet, and one whose rarer value is that of
    all these rows (the indicator of the most frequent class, or of none) belongs to them.

    Args:
        level: (S, D, N) int64, equal where values are.
        side: (S, D), true for columns of Y; columns belong together on one side only.
        existing: (S, D, N).

    Returns:
        levels (S, D, N), those of `level` for a column that is alone; and sizes (S, D), at least 1.
    """
    top = level.masked_fill(~existing, -1).amax(2, keepdim=True)
    one = (level == top) & existing
    rest = level.masked_fill(one | ~existing, -1)
    two = ((rest == rest.amax(2, keepdim=True)) | one | ~existing).all(2) & (rest.amax(2) >= 0)
    n = existing.sum(2)
    count = one.sum(2)
    rarer = torch.where((2 * count > n)[..., None], existing & ~one, one)
    two = two & (2 * count != n)
    sizes = torch.ones_like(count)
    if not bool((two.sum(1) > 1).any()):
        return level, sizes
    rarer = (rarer & two[..., None]).float()
    met = rarer @ rarer.transpose(1, 2)  # (S, D, D) rows
    c = rarer.sum(2)
    itself = torch.eye(level.shape[1], dtype=torch.bool, device=level.device)
    candidates = two[:, :, None] & two[:, None] & (side[:, :, None] == side[:, None]) & ~itself
    expected = c[:, :, None] * c[:, None] / n.amax(1)[:, None, None]
    near = (candidates & (met == 0) & (expected >= EXPECTED)) | itself
    # A group is one in which all are near all: each has the neighbours of each.
    shared = near.float() @ near.float().transpose(1, 2)
    size = near.sum(2).float()
    alike = (shared == size[:, :, None]) & (shared == size[:, None])
    group = near & alike & ~(near & ~alike).any(2)[..., None]  # (S, D, D), rows empty where it is none
    group = group & (group.sum(2, keepdim=True) > 1)
    total = (group.float() @ c[..., None])[..., 0]  # (S, D) rows of the group of i
    covered = met @ group.float().transpose(1, 2)  # [m, i]: rows of the group of i in which m is rarer
    union = (covered == total[:, None]) & (c[:, :, None] == total[:, None]) & (total > 0)[:, None] & candidates
    member = group | union | union.transpose(1, 2) | (itself & union.any(2)[..., None])
    # The class of a row: the number of its column in the group, or how many they are where none is rarer.
    basis = torch.where(union.any(2)[..., None], _of_first(union, group), group)  # (S, D, D) columns that tell it
    place = (basis.long().cumsum(2) * basis).float()
    classes = (place @ rarer).long()
    sizes = member.sum(2).clamp(min=1)
    return torch.where((sizes > 1)[..., None], classes, level), sizes


def _of_first(union: Tensor, group: Tensor) -> Tensor:
    """The group of the first column that m is the union with: (S, D, D)."""
    first = union.long().argmax(2)
    return group.gather(1, first[..., None].expand_as(group))
