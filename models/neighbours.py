"""Nearest-neighbour estimates of mutual information as inputs of the network, not as its answer."""

import numpy as np
import torch
from torch import Tensor

from mutualist.models.chunks import at_once
from mutualist.models.classes import Classes

CHUNK = 1 << 18  # distances held at once in a cache
FEW = 4  # columns in all, of which neighbours tell so much that it is worth asking more rows
DISTANCES = 1 << 21  # taken for these, and for classes
SLACK = {
    torch.float32: 1e-5,
    torch.float64: 1e-12,
}  # squared distances that differ by less are the same, but for rounding


def neighbour_statistics(
    unit: Tensor,
    side: Tensor,
    row_mask: Tensor,
    ks: tuple[int, ...],
    queries: int,
    classes: Classes | None = None,
    tied: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """KSG estimates on normal scores for several k, and the spread of their terms.

    Estimator 1 of Kraskov, Stoegbauer and Grassberger (2004), with Euclidean distance inside X and inside Y, taken at
    the first `queries` rows (more for at most `FEW` columns, or for classes) and all rows as references. Where k rows
    lie at one place, all that lie there count (Gao, Kannan, Oh and Viswanath 2017). Where a side is discrete, rows of
    its other classes are infinitely far away (Ross 2014). k is cut to the rows that there are, and a row alone in its
    class has no say.

    Args:
        unit: (B, N, D) normal scores, equal where values are, zero in columns and rows that do not exist.
        side: (B, D), true for columns of Y.
        row_mask: (B, N).
        classes: of the rows, where a side is discrete.
        tied: (B, D), true for columns in which rows share values.

    Returns:
        estimates (B, K) in nats and the standard deviation of their terms (B, K).
    """
    n = row_mask.sum(1)
    few = (unit != 0).any(1).sum(1) <= FEW
    if classes is not None:
        few = few | classes.side.any(1)
    asked = torch.where(few, (DISTANCES // n.clamp(min=1)).clamp(min=queries), queries).minimum(n)
    out = unit.new_zeros(2, len(unit), len(ks))
    near = _near(unit, side, classes, tied)
    precision = ((~near, unit.dtype), (near, torch.float64))
    for chosen, dtype in ((some & of, dtype) for of, dtype in precision for some in (few, ~few)):
        group = chosen.nonzero()[:, 0]
        if not len(group):
            continue
        m = int(asked[group].max())
        for part in group.split(max(1, at_once(CHUNK, unit.device) // (m * unit.shape[1]))):
            of = None if classes is None else Classes(classes.number[part], classes.side[part])
            query_mask = row_mask[part, :m] & (torch.arange(m, device=n.device) < asked[part, None])
            found = _statistics(unit[part].to(dtype), side[part], row_mask[part], query_mask, ks, of)
            out[:, part] = torch.stack(found).to(out)
    return out[0], out[1]


def _near(unit: Tensor, side: Tensor, classes: Classes | None, tied: Tensor | None) -> Tensor:
    """(B,) whether rows lie so near one another that float32 takes them for the same, or the same for near ones.

    So it is inside a class where there is one other column, and where a side has columns with ties, but is no class.
    """
    exists = (unit != 0).any(1)
    columns = torch.stack([exists & ~side, exists & side], 1)  # (B, 2, D)
    out = unit.new_zeros(len(unit), dtype=torch.bool)
    of = unit.new_zeros(len(unit), 2, dtype=torch.bool) if classes is None else classes.side
    if tied is not None:
        out = ((columns & tied[:, None]).any(2) & ~of).any(1)
    return out | (of & (columns.sum(2).flip(1) == 1)).any(1)


def _statistics(
    unit: Tensor, side: Tensor, row_mask: Tensor, query_mask: Tensor, ks: tuple[int, ...], classes: Classes | None
) -> tuple[Tensor, Tensor]:
    n, m = row_mask.sum(1), query_mask.shape[1]
    sides = [_factors(unit * mask[:, None, :], row_mask) for mask in (~side, side)]
    if classes is not None:
        # rows that do not exist are of no class
        number = classes.number[:, : row_mask.shape[1]].masked_fill(~row_mask, -1)
        classes = Classes(torch.nn.functional.pad(number, (0, -number.shape[1] % 8), value=-1), classes.side)
    step = max(1, at_once(CHUNK, unit.device) // (len(unit) * unit.shape[1]))
    parts = [_counts(sides, slice(i, min(i + step, m)), ks, classes) for i in range(0, m, step)]
    kept, x, y = (torch.cat(each, 1) for each in zip(*parts, strict=True))  # (B, M, K)
    query_mask = (query_mask & (kept[..., 0] > 0))[..., None]
    rows = query_mask.sum(1).clamp(min=1)
    terms = torch.digamma(kept.clamp(min=1).float()) + torch.digamma(n.float().clamp(min=2))[:, None, None]
    terms = terms - torch.digamma(x.float() + 1) - torch.digamma(y.float() + 1)
    mean = terms.masked_fill(~query_mask, 0.0).sum(1) / rows
    spread = ((terms - mean[:, None]).square() * query_mask).sum(1).div(rows).sqrt()
    return mean, spread


def _factors(part: Tensor, row_mask: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N, D + 2) and (B, D + 2, N'), whose product is the squared distance of each row to each other.

    One product instead of a product and two sums, each of which goes through memory once. Rows that do not exist are
    infinitely far away, and N' is N rounded up to a multiple of 8, by more of them.
    """
    norm = part.square().sum(2, keepdim=True)
    one = torch.ones_like(norm)
    right = torch.cat([part, one, norm.masked_fill(~row_mask[..., None], torch.inf)], 2)
    right = torch.nn.functional.pad(right, (0, 0, 0, -part.shape[1] % 8))
    right[:, part.shape[1] :, -1] = torch.inf
    return torch.cat([-2 * part, norm, one], 2), right.transpose(1, 2).contiguous()


def _counts(
    sides: list[tuple[Tensor, Tensor]], queries: slice, ks: tuple[int, ...], classes: Classes | None
) -> tuple[Tensor, Tensor, Tensor]:
    """k, as many as there are, and how many rows are nearer in X and in Y than the k-th: (B, M, K)."""
    distances = []
    for i, (left, right) in enumerate(sides):
        squared = (left[:, queries] @ right).clamp_(min=0)
        if classes is not None:
            squared = classes.between(squared, i, queries, 0.0, torch.inf)
        squared[..., queries].diagonal(dim1=1, dim2=2).fill_(torch.inf)
        distances.append(squared)
    x, y = distances
    both, slack = torch.maximum(x, y), SLACK[x.dtype]
    nearest = both.topk(min(max(ks), x.shape[2]), dim=2, largest=False).values
    there = nearest.isfinite().sum(2, keepdim=True)
    kept = there.minimum(torch.tensor(ks, device=x.device))
    radius = nearest.gather(2, (kept - 1).clamp(min=0))
    same = (radius <= slack) & (kept > 0)
    # Rows at the same distance, as few rows on a grid have, are not inside; rows at the same place are.
    radius = torch.where(same, 2 * slack, radius * (1 - 1e-4) - slack)
    if bool(same.any()):
        kept = torch.where(same, _below(both, radius) + 1, kept)
    return kept, _below(x, radius), _below(y, radius)


def _below(distances: Tensor, radius: Tensor) -> Tensor:
    """How many distances (B, M, N) are below each radius (B, M, K): (B, M, K), N a multiple of 8."""
    if distances.device.type != "cpu":
        return torch.stack([(distances < limit[..., None]).sum(2, dtype=torch.int32) for limit in radius.unbind(2)], 2)
    values, limits = distances.numpy(), radius.numpy()
    # eight comparisons lie in one word, whose bits are counted in one step
    words = ((values < limits[..., k, None]).view(np.uint64) for k in range(limits.shape[2]))
    return torch.from_numpy(np.stack([np.bitwise_count(word).sum(-1, dtype=np.int32) for word in words], 2))
