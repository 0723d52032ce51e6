"""Ranks, and what is counted or sorted by them, that move continuously with the data: for gradients.

A hard rank is constant almost everywhere, so its gradient is zero, and a statistic of the order of rows jumps when two
of them change places. These come near the hard ones and have slopes. All samples of a batch have the same rows N.
"""

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mutualist.models.classes import Classes

QUERIES = 1024  # rows at which neighbours are looked for: fewer make the gradient noisy
SOFTNESS = 0.5  # half-width of the edge of a neighbourhood, as a share of its volume
MAX_HALF = 128  # half-width of a window of lags, in ranks
NEAR, FAR = 1e-9, 1e6  # squared distances of rows at one place, and of those that are no neighbours
CHUNK = 1 << 20  # distances, or moves, held at once


def smooth_scores(values: Tensor, ranks: Tensor | None = None) -> Tensor:
    """Normal scores of smooth ranks, with gradients to `values`.

    The sorted column is cut into blocks: of one value at both ends, growing by one towards the middle, to about sqrt(n)
    values. The smooth rank of x is read off the line that joins the blocks' means at the blocks' mean ranks. Order
    statistics are continuous, so it is too; it is exact at both ends, never off by more than a block and a half (where
    one value of a block outweighs the others), and does not change with shift or scale.

    Args:
        values: (B, N, D), finite, N >= 2.
        ranks: (B, N, D), 0..N-1. If given, rows that share their value with another get these ranks, and keep the
            gradient: ties are broken as `ranks` breaks them.

    Returns:
        (B, N, D), of the dtype of `values`.
    """
    n = values.shape[1]
    sizes = _block_sizes(n).to(values.device)
    ends = sizes.cumsum(0)
    places = (ends - (sizes + 1) / 2).to(values.dtype)  # mean ranks of the blocks, from 0
    columns = values.transpose(1, 2).contiguous()  # (B, D, N)
    ordered = columns.sort(-1).values
    member = torch.repeat_interleave(torch.arange(len(sizes), device=values.device), sizes)
    means = ordered.new_zeros(*ordered.shape[:2], len(sizes)).index_add(2, member, ordered / sizes[member])
    below = torch.searchsorted(means.detach(), columns.detach(), right=True).clamp(1, len(sizes) - 1) - 1
    low, gap = means.gather(2, below), means.diff(dim=2).gather(2, below)
    share = torch.where(gap > 0, (columns - low) / torch.where(gap > 0, gap, 1), 0)
    place = (places[below] + share * places.diff()[below]).clamp(0, n - 1)
    if ranks is not None:
        same = ordered[..., 1:] == ordered[..., :-1]
        edge = same.new_zeros(*same.shape[:2], 1)
        shared = torch.cat([same, edge], 2) | torch.cat([edge, same], 2)  # (B, D, N), in order
        hard = ranks.transpose(1, 2)
        tied = shared.gather(2, hard)
        place = place + torch.where(tied, hard - place.detach(), 0)
    return math.sqrt(2.0) * torch.erfinv((2 * place.transpose(1, 2) + 1 - n) / n)


def _block_sizes(n: int) -> Tensor:
    """1, 2, 3, … from both ends, and what is left in the middle; they sum to n."""
    k = (math.isqrt(4 * n + 1) - 1) // 2  # the most with k (k + 1) <= n
    half = torch.arange(1, k + 1)
    rest = n - k * (k + 1)
    return torch.cat([half, torch.tensor([rest] if rest else [], dtype=half.dtype), half.flip(0)])


def smooth_concomitants(scores: Tensor, lags: tuple[int, ...]) -> Tensor:
    """As `pairs.concomitants`, continuous in the scores: (B, D, D, lags, 2), entry [j, k].

    How far column k moves is read at a distance of exactly `lag` ranks along column j, off a line fitted to all pairs
    of rows in a window around that distance (2 sqrt(n) ranks on either side): about the mean over neighbours, from
    more pairs. Narrow windows would be rougher than a useful gradient.
    """
    b, n, d = scores.shape
    u = 0.5 * torch.erf(scores / math.sqrt(2.0))
    half = [max(min(2 * math.isqrt(n), MAX_HALF), lag // 2) for lag in lags]
    # Smooth ranks are hardly ever a block off: of pairs beyond `most` rows along the order few lie in a window, and are
    # left out.
    most = min(n - 1, max(map(sum, zip(lags, half, strict=True))) + 2 * math.isqrt(n) + 2)
    step = max(1, CHUNK // (b * most * d))
    found = []
    for j in range(d):
        order = u[..., j].detach().argsort(dim=1)
        walk = u.gather(1, order[..., None].expand(-1, -1, d))
        parts = [
            checkpoint(_windows, walk[:, i : i + step + most], j, n, step, most, lags, half, use_reentrant=False)
            for i in range(0, n - 1, step)
        ]
        found.append(torch.stack(parts).sum(0))  # (B, lags, 7, D)
    s0, s1, s2, move, tilt, log_move, log_tilt = torch.stack(found, 1).unbind(3)  # (B, D, lags, D)
    spread = (s0 * s2 - s1 * s1).clamp(min=1e-9)
    mean, mean_log = (s2 * move - s1 * tilt) / spread, (s2 * log_move - s1 * log_tilt) / spread
    centred = torch.stack([1 - 3 * mean, -(mean_log + 1.5)], -1).transpose(2, 3)  # (B, D, D, lags, 2)
    itself = torch.tensor([[1 - 3 * lag / n, -(math.log((lag + 1) / n) + 1.5)] for lag in lags]).to(scores)
    eye = torch.eye(d, dtype=torch.bool, device=scores.device)[..., None, None]
    exists = torch.tensor([n > lag for lag in lags], device=scores.device)
    return torch.where(eye, itself, centred) * exists[:, None]


def _windows(walk: Tensor, j: int, n: int, rows: int, most: int, lags: tuple[int, ...], half: list[int]) -> Tensor:
    """Weighted sums over pairs of one of the first `rows` of a walk (B, R, D) and one of the `most` after it.

    (B, lags, 7, D): of 1, s and s^2 (s: how much further apart than the lag in column j, in half-widths), then of |du|
    and s |du|, and of ln(|du| + 1/n) and s ln(|du| + 1/n).
    """
    length, d = walk.shape[1:]
    rows = min(rows, length)
    later = torch.nn.functional.pad(walk, (0, 0, 0, most)).unfold(1, most + 1, 1)[:, :rows, :, 1:]  # (B, rows, D, most)
    moves = later - walk[:, :rows, :, None]
    at, lag = (torch.arange(k, device=walk.device) for k in (rows, most))
    exists = at[:, None] + lag + 1 < length
    apart = n * moves[:, :, j]  # (B, rows, most)
    size = moves.abs()
    values = torch.stack([size, (size + 1 / n).log()], 2)  # (B, rows, 2, D, most)
    sums = []
    for distance, width in zip(lags, half, strict=True):
        s = (apart - distance) / width
        weight = (1 - s.square()).clamp(min=0).square() * exists
        weights = torch.stack([weight, weight * s, weight * s.square()], 2)  # (B, rows, 3, most)
        plain = weights.sum((1, 3))[..., None].expand(-1, -1, d)
        weighted = torch.einsum("brvkm,brwm->bvwk", values, weights[:, :, :2]).flatten(1, 2)
        sums.append(torch.cat([plain, weighted], 1))
    return torch.stack(sums, 1)


def soft_neighbour_statistics(
    unit: Tensor, side: Tensor, ks: tuple[int, ...], classes: Classes | None = None, ties: bool = False
) -> tuple[Tensor, Tensor]:
    """As `neighbours.neighbour_statistics`, with counts that change continuously as rows move.

    A row inside the k-th neighbour's distance counts as 1, far outside as 0, and near the edge by a ramp that is linear
    in volume: where density is even, the expected count is that of a hard edge. The k-th neighbour lies on the edge of
    the side that decided its distance, where a hard count leaves it out; so its own share w counts as 2 w - 1. Where
    rows share values, those at one place count as 1, and others just as far as the k-th neighbour as 0.

    Args:
        unit: (B, N, D) normal scores, zero in columns that do not exist.
        side: (B, D), true for columns of Y.
        classes: of the rows, where a side is discrete.
        ties: whether rows share values.

    Returns:
        estimates (B, K) in nats and the standard deviation of their terms (B, K).
    """
    b, n, _ = unit.shape
    if ties:
        unit = unit.double()  # what is shared is exactly so
    exists = unit.detach().abs().amax(1) > 0
    powers = torch.stack([(exists & ~side).sum(1), (exists & side).sum(1)], 1).to(unit.dtype) / 2
    queries = min(QUERIES, n)
    step = max(1, CHUNK // (b * n))
    parts = [
        checkpoint(
            _terms, unit, side, powers, ks, classes, ties, start, min(start + step, queries), use_reentrant=False
        )
        for start in range(0, queries, step)
    ]
    terms, counted = (torch.cat(each, 1) for each in zip(*parts, strict=True))  # (B, M, K), (B, M, 1)
    rows = counted.sum(1).clamp(min=1)
    mean = (terms * counted).sum(1) / rows
    # A small constant keeps the slope of the square root finite where all terms agree.
    return mean, (((terms - mean[:, None]).square() * counted).sum(1) / rows + 1e-8).sqrt()


def _terms(
    unit: Tensor,
    side: Tensor,
    powers: Tensor,
    ks: tuple[int, ...],
    classes: Classes | None,
    ties: bool,
    start: int,
    stop: int,
) -> tuple[Tensor, Tensor]:
    """Terms (B, M, K) of the rows from `start` to `stop`, and whether these (B, M, 1) have a neighbour at all."""
    n = unit.shape[1]
    itself = torch.arange(start, stop, device=unit.device)[:, None] == torch.arange(n, device=unit.device)
    squared = []
    for i, mask in enumerate((~side, side)):
        part = unit * mask[:, None, :]
        norm = part.square().sum(2)
        distance = norm[:, start:stop, None] + norm[:, None, :] - 2 * part[:, start:stop] @ part.transpose(1, 2)
        if classes is not None:
            distance = classes.between(distance, i, slice(start, stop), NEAR, FAR)
        squared.append(distance.clamp(min=NEAR).masked_fill(itself, FAR))
    most, both = min(max(ks), n - 1), torch.maximum(*squared)
    nearest, which = both.topk(most, dim=2, largest=False)
    there = (nearest < FAR).sum(2, keepdim=True)  # (B, M, 1)
    terms = []
    for k in ks:
        kept = there.clamp(1, k)
        radius, last = nearest.gather(2, kept - 1), which.gather(2, kept - 1)
        if ties:  # so many rows may lie at one place: then all that lie there count
            kept = torch.where(radius <= 2 * NEAR, (both <= 2 * NEAR).sum(2, keepdim=True) + 1, kept)
        term = torch.digamma(kept[..., 0].to(unit)) + torch.digamma(unit.new_tensor(float(n)))
        for distance, power in zip(squared, powers.unbind(1), strict=True):
            ratio = (distance / radius).clamp(max=4.0)
            volume = (ratio.log() * power[:, None, None]).exp()
            weight = (0.5 + (1 - volume) / (2 * SOFTNESS)).clamp(0, 1)
            if ties:
                weight = _with_ties(weight, distance, radius, last)
            own = weight.gather(2, last)[..., 0]
            term = term - torch.digamma((weight.sum(2) + own - 1).clamp(min=0) + 1)
        terms.append(term)
    return torch.stack(terms, 2), there > 0


def _with_ties(weight: Tensor, distance: Tensor, radius: Tensor, last: Tensor) -> Tensor:
    """Weights (B, M, N) of rows, with those of rows at the edge of a neighbourhood, or at its centre, made hard."""
    edge = (distance - radius).abs() <= 1e-9 * radius
    others = torch.ones_like(edge).scatter_(2, last, False)
    weight = weight.masked_fill(edge & others, 0.0)
    return torch.where(radius <= 2 * NEAR, (distance <= 2 * NEAR).to(weight), weight)
