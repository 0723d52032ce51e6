"""Nearest-neighbour estimates of mutual information as inputs of the network, not as its answer."""

import torch
from torch import Tensor

from mutualist.models.chunks import at_once
from mutualist.models.classes import Classes

CHUNK = 1 << 18  # distances held at once in a cache
FEW = 4  # columns in all, of which neighbours tell so much that it is worth asking more rows
DISTANCES = 1 << 21  # taken for these, and for classes


def neighbour_statistics(
    unit: Tensor,
    side: Tensor,
    row_mask: Tensor,
    ks: tuple[int, ...],
    queries: int,
    classes: Classes | None = None,
) -> tuple[Tensor, Tensor]:
    """KSG estimates on normal scores for several k, and the spread of their terms.

    Estimator 1 of Kraskov, Stoegbauer and Grassberger (2004), with Euclidean distance inside X and inside Y, taken at
    the first `queries` rows (more for at most `FEW` columns, or for classes) and all rows as references. Where a
    side is discrete, rows of its other classes are infinitely far away (Ross 2014). k is cut to the rows that there
    are, and a row alone in its class has no say.

    Args:
        unit: (B, N, D) normal scores, zero in columns and rows that do not exist.
        side: (B, D), true for columns of Y.
        row_mask: (B, N).
        classes: of the rows, where a side is discrete.

    Returns:
        estimates (B, K) in nats and the standard deviation of their terms (B, K).
    """
    n = row_mask.sum(1)
    few = (unit != 0).any(1).sum(1) <= FEW
    if classes is not None:
        few = few | classes.side.any(1)
    asked = torch.where(few, (DISTANCES // n.clamp(min=1)).clamp(min=queries), queries).minimum(n)
    out = unit.new_zeros(2, len(unit), len(ks))
    for group in (few.nonzero()[:, 0], (~few).nonzero()[:, 0]):
        if not len(group):
            continue
        m = int(asked[group].max())
        for part in group.split(max(1, at_once(CHUNK, unit.device) // (m * unit.shape[1]))):
            of = None if classes is None else Classes(classes.number[part], classes.side[part])
            query_mask = row_mask[part, :m] & (torch.arange(m, device=n.device) < asked[part, None])
            found = _statistics(unit[part], side[part], row_mask[part], query_mask, ks, of)
            out[:, part] = torch.stack(found).to(out)
    return out[0], out[1]


def _statistics(
    unit: Tensor, side: Tensor, row_mask: Tensor, query_mask: Tensor, ks: tuple[int, ...], classes: Classes | None
) -> tuple[Tensor, Tensor]:
    n, m = row_mask.sum(1), query_mask.shape[1]
    exclude = torch.eye(m, unit.shape[1], dtype=torch.bool, device=unit.device) | ~row_mask[:, None, :]
    distances = []
    for i, mask in enumerate((~side, side)):
        part = unit * mask[:, None, :]
        norm = part.square().sum(2)
        squared = norm[:, :m, None] + norm[:, None, :] - 2 * part[:, :m] @ part.transpose(1, 2)
        if classes is not None:
            squared = classes.between(squared, i, slice(m), 0.0, torch.inf)
        distances.append(squared.clamp_(min=0).masked_fill_(exclude, torch.inf))  # (B, M, N)
    x, y = distances
    k_most = min(max(ks), unit.shape[1])
    nearest = torch.maximum(x, y).topk(k_most, dim=2, largest=False).values  # (B, M, k)
    there = nearest.isfinite().sum(2)  # (B, M)
    query_mask = query_mask & (there > 0)
    rows = query_mask.sum(1).clamp(min=1)
    means, spreads = [], []
    for k in ks:
        kept = there.clamp(1, k)
        radius = nearest.gather(2, (kept - 1)[..., None])
        radius = radius * (1 - 1e-4) - 1e-5  # rows at the same distance, as few rows on a grid have, are not inside
        inside = (x < radius).sum(2, dtype=torch.int32), (y < radius).sum(2, dtype=torch.int32)
        terms = torch.digamma(kept.float()) + torch.digamma(n.float().clamp(min=2))[:, None]
        terms = terms - sum(torch.digamma(count.float() + 1) for count in inside)
        terms = terms.masked_fill(~query_mask, 0.0)
        mean = terms.sum(1) / rows
        means.append(mean)
        spreads.append(((terms - mean[:, None]).square() * query_mask).sum(1).div(rows).sqrt())
    return torch.stack(means, 1), torch.stack(spreads, 1)
