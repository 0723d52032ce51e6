"""Ranks turned into normal scores.

Mutual information does not change under strictly monotone maps of a column, so neither may the answer: the network only
ever sees ranks. Shapes: B datasets, N rows, D columns (X's and Y's side by side).
"""

import math

import torch
from torch import Tensor


def normal_scores(values: Tensor, row_mask: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Normal scores (B, N, D) float32 of each column: Phi^-1((rank + 1/2) / n), zero in rows that do not exist.

    For the arguments and for ties see `random_ranks`.
    """
    return scores_from_ranks(random_ranks(values, row_mask, generator)[0], row_mask)


def random_ranks(values: Tensor, row_mask: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Ranks of each column, ties broken at random, and ranks that equal values share.

    Breaking ties at random is the distributional transform: the jitter is independent noise inside an atom, so mutual
    information is unchanged exactly, and discrete, mixed and continuous columns become one case (mid-ranks do not have
    this property).

    Args:
        values: (B, N, D), any real numbers where `row_mask` holds (NaN is not allowed).
        row_mask: (B, N), true for rows that exist.
        generator: source of the tie-breaking; torch's default one if None.

    Returns:
        ranks and shared ranks, (B, N, D) int64 each: 0..n-1 in rows that exist. Equal values share the least of theirs.
    """
    columns = values.transpose(1, 2)  # (B, D, N)
    columns = columns.clamp(-torch.finfo(columns.dtype).max, torch.finfo(columns.dtype).max)
    columns = columns.masked_fill(~row_mask[:, None, :], torch.inf).contiguous()  # padding ranks last
    ordered, order = columns.sort(dim=-1)
    same = (ordered[..., 1:] == ordered[..., :-1]) & ordered[..., 1:].isfinite()
    tied = same.any(-1)  # (B, D)
    places, some_tied = torch.arange(order.shape[-1], device=order.device), bool(tied.any())
    if some_tied:
        some = columns[tied]  # (T, N)
        shuffle = torch.rand(some.shape, generator=generator, device=some.device).argsort(dim=-1)
        order[tied] = shuffle.gather(-1, some.gather(-1, shuffle).argsort(dim=-1, stable=True))
    ranks = torch.empty_like(order).scatter_(-1, order, places.expand_as(order))
    shared = ranks
    if some_tied:
        least = torch.nn.functional.pad(places[1:].masked_fill(same[tied], 0), (1, 0)).cummax(-1).values
        shared = ranks.clone()
        shared[tied] = torch.empty_like(least).scatter_(-1, order[tied], least)
    return ranks.transpose(1, 2), shared.transpose(1, 2)


def scores_from_ranks(ranks: Tensor, row_mask: Tensor | None = None) -> Tensor:
    """Normal scores (B, N, D) of ranks 0..n-1 (B, N, D); zero where `row_mask` (B, N) is false, if one is given.

    The argument of erfinv is an odd function of the centred rank, so reversing a column negates its scores exactly.
    """
    kept = torch.float64 if ranks.dtype == torch.float64 else torch.float32
    if row_mask is None:
        n = ranks.shape[1]
        return math.sqrt(2.0) * torch.erfinv((2 * ranks + 1 - n).to(kept) / n)
    count = row_mask.sum(1).clamp(min=1)[:, None, None]
    centred = ((2 * ranks + 1 - count).to(kept) / count).masked_fill(~row_mask[..., None], 0.0)
    return math.sqrt(2.0) * torch.erfinv(centred)
