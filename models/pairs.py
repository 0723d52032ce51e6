"""What each pair of columns carries: cross-moments of the basis, and how one column moves along the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mutualist.models.chunks import at_once

MOVES = 2  # statistics of a move
CHUNK = 1 << 18  # elements held at once in a cache


def cross_moments(features: Tensor, n: Tensor) -> Tensor:
    """Means over rows of all products of basis functions of two columns: (B, D, D, K, K).

    features: (B, N, D, K). This is linear attention over the sample axis, exact for any number of rows.
    """
    b, rows, d, k = features.shape
    flat = features.reshape(b, rows, d * k)
    gram = flat.transpose(1, 2) @ flat / n.clamp(min=1)[:, None, None]
    return gram.view(b, d, k, d, k).transpose(2, 3)


@dataclass(frozen=True)
class Walks:
    """Walks through the rows of B samples, one along each of D columns, from its lowest to its highest value.

    Attributes:
        ranks: (B * N, D), Phi(scores) - 1/2.
        index: (B * D, N) rows of `ranks` in the order of each walk; those that do not exist come last.
        n: (B,) rows that exist.
    """

    ranks: Tensor
    index: Tensor
    n: Tensor

    @property
    def rows(self) -> int:
        """N."""
        return self.index.shape[1]

    @property
    def columns(self) -> int:
        """D."""
        return self.ranks.shape[1]

    def parts(self, chunk: int) -> Iterator[tuple[slice, Tensor]]:
        """A few walks at a time, about `chunk` values: which they are, and the ranks along them (W, N, D)."""
        step = max(1, at_once(chunk, self.ranks.device) // (self.rows * self.columns))
        for i in range(0, len(self.index), step):
            part = slice(i, i + step)
            walk = self.ranks.index_select(0, self.index[part].reshape(-1))
            yield part, walk.view(-1, self.rows, self.columns)


def walks_along(scores: Tensor, row_mask: Tensor) -> Walks:
    """The walks through samples given as normal scores (B, N, D) and which rows exist (B, N)."""
    b, rows, d = scores.shape
    ranks = 0.5 * torch.erf(scores / math.sqrt(2.0)).reshape(b * rows, d)
    order = scores.masked_fill(~row_mask[..., None], torch.inf).argsort(dim=1)  # (B, N, D)
    start = torch.arange(b, device=order.device)[:, None, None] * rows
    return Walks(ranks, (order.transpose(1, 2) + start).reshape(b * d, rows), row_mask.sum(1))


def concomitants(walks: Walks, lags: tuple[int, ...] = (1,)) -> Tensor:
    """How far column k moves between rows that are neighbours in column j: (B, D, D, lags, MOVES), entry [j, k].

    Along the rows sorted by column j, mean |du| (Chatterjee 2021) and mean ln(|du| + 1/n) of the ranks u of column k
    over each lag, centred so that independence gives about 0. It resolves sharp edges and strong dependence, which a
    short basis cannot. Samples of at most a lag of rows give 0.
    """
    n, d, rows = walks.n, walks.columns, walks.rows
    b = len(n)
    n_walk = n.repeat_interleave(d)[:, None]  # (B * D, 1)
    keep = None if bool((n == rows).all()) else torch.arange(rows, device=n.device) < n_walk  # (B * D, N)
    floor = 1.0 / n_walk.clamp(min=2)
    parts = [
        _moves(walk, None if keep is None else keep[part, :, None], floor[part, :, None], lags)
        for part, walk in walks.parts(CHUNK // len(lags))
    ]
    sums = torch.cat(parts).view(b, d, d, len(lags), MOVES)
    steps = torch.stack([n - lag for lag in lags], 1)  # (B, lags)
    missing = (rows - steps.clamp(min=0)) * floor.view(b, d)[:, :1].log()  # steps that do not exist have moved by 0
    sums[..., 1] -= missing[:, None, None, :]
    means = sums / steps.clamp(min=1)[:, None, None, :, None]
    centred = torch.stack([1 - 3 * means[..., 0], -(means[..., 1] + 1.5)], -1)
    return centred * (steps > 0)[:, None, None, :, None]


def _moves(walk: Tensor, exists: Tensor | None, floor: Tensor, lags: tuple[int, ...]) -> Tensor:
    """Sums over the N steps of walks (W, N, D) of |du| and of ln(|du| + floor): (W, D, lags, MOVES).

    The last steps of each lag, which lead out of the walk, count as moves by 0.
    """
    w, rows, d = walk.shape
    at = torch.arange(rows, device=walk.device)
    ahead = at + torch.tensor(lags, device=walk.device)[:, None]
    ahead = torch.where(ahead < rows, ahead, at)  # (lags, N)
    moves = walk.index_select(1, ahead.view(-1)).view(w, len(lags), rows, d) - walk[:, None]
    if exists is not None:
        moves = moves * exists[:, ahead]
    total = moves.abs_().sum(2)  # (W, lags, D)
    return torch.stack([total, _log_sum(moves.add_(floor[..., None]))], -1).transpose(1, 2)


def _log_sum(values: Tensor) -> Tensor:
    """Sum of ln over axis 2 of (W, L, N, D). One logarithm for four values, whose product stays in float32."""
    fours = values[:, :, : values.shape[2] // 4 * 4]
    product = fours[:, :, 0::4] * fours[:, :, 1::4]
    product.mul_(fours[:, :, 2::4]).mul_(fours[:, :, 3::4])
    return product.log_().sum(2) + values[:, :, fours.shape[2] :].log().sum(2)
