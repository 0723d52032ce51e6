"""Nearest-neighbour estimates of mutual information as inputs of the network, not as its answer."""

import torch
from torch import Tensor

from mutualist.models.chunks import at_once

CHUNK = 1 << 18  # distances held at once in a cache


def neighbour_statistics(
    unit: Tensor, side: Tensor, row_mask: Tensor, ks: tuple[int, ...], queries: int
) -> tuple[Tensor, Tensor]:
    """KSG estimates on normal scores for several k, and the spread of their terms.

    Estimator 1 of Kraskov, Stoegbauer and Grassberger (2004), with Euclidean distance inside X and inside Y, taken at
    the first `queries` rows and with all rows as references. k is cut to n - 1 in smaller samples.

    Args:
        unit: (B, N, D) normal scores, zero in columns and rows that do not exist.
        side: (B, D), true for columns of Y.
        row_mask: (B, N).

    Returns:
        estimates (B, K) in nats and the standard deviation of their terms (B, K).
    """
    step = max(1, at_once(CHUNK, unit.device) // (min(queries, unit.shape[1]) * unit.shape[1]))
    parts = [
        _statistics(unit[i : i + step], side[i : i + step], row_mask[i : i + step], ks, queries)
        for i in range(0, unit.shape[0], step)
    ]
    return torch.cat([means for means, _ in parts]), torch.cat([spreads for _, spreads in parts])


def _statistics(
    unit: Tensor, side: Tensor, row_mask: Tensor, ks: tuple[int, ...], queries: int
) -> tuple[Tensor, Tensor]:
    n = row_mask.sum(1)
    m = min(queries, unit.shape[1])
    query_mask = row_mask[:, :m]
    exclude = torch.eye(m, unit.shape[1], dtype=torch.bool, device=unit.device) | ~row_mask[:, None, :]
    distances = []
    for mask in (~side, side):
        part = unit * mask[:, None, :]
        norm = part.square().sum(2)
        squared = norm[:, :m, None] + norm[:, None, :] - 2 * part[:, :m] @ part.transpose(1, 2)
        distances.append(squared.clamp_(min=0).masked_fill_(exclude, torch.inf))  # (B, M, N)
    x, y = distances
    k_most = min(max(ks), unit.shape[1])
    nearest = torch.maximum(x, y).topk(k_most, dim=2, largest=False).values  # (B, M, k)
    rows = query_mask.sum(1).clamp(min=1)
    means, spreads = [], []
    for k in ks:
        kept = torch.minimum(torch.full_like(n, k), (n - 1).clamp(min=1)).clamp(max=k_most)  # (B,)
        radius = nearest.gather(2, (kept - 1)[:, None, None].expand(-1, m, 1))
        radius = radius * (1 - 1e-4) - 1e-5  # rows at the same distance, as few rows on a grid have, are not inside
        inside = (x < radius).sum(2, dtype=torch.int32), (y < radius).sum(2, dtype=torch.int32)
        terms = (torch.digamma(kept.float()) + torch.digamma(n.float().clamp(min=2)))[:, None] - sum(
            torch.digamma(count.float() + 1) for count in inside
        )
        terms = terms.masked_fill(~query_mask, 0.0)
        mean = terms.sum(1) / rows
        means.append(mean)
        spreads.append(((terms - mean[:, None]).square() * query_mask).sum(1).div(rows).sqrt())
    return torch.stack(means, 1), torch.stack(spreads, 1)
