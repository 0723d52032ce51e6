"""Gaps between ranks in thin slices along another column: what a pair shares, however sharp its edges.

Where a column is nearly uniform inside a slice of rows that are neighbours in the other column, the gaps between its
sorted values are those of uniform order statistics, whose mean logarithms are known. So each gap gives an estimate of
conditional entropy (Vasicek 1976), and the whole slice's length next to its small gaps tells the shape of the noise:
for uniform and normal noise they differ by tenths of nats, which means of |du| do not show.
"""

from functools import cache
from typing import TypeVar

import numpy as np
import torch
from scipy.special import digamma
from torch import Tensor

from mutualist.models.pairs import Walks

SLICES = ((8, (1, 4, 7)), (32, (1, 8, 31)))  # rows of a slice, and over how many of its sorted values a gap reaches
SLICE_FEATURES = sum(len(reaches) for _, reaches in SLICES)
SOFTENING = 0.07  # 1/2 ln((r - 1/2)^2 + .07) is digamma(r) to .01 at r = 1 and ever closer; cheaper, too
CHUNK = 1 << 18  # values sorted at once: small enough to stay in cache
Size = TypeVar("Size", int, Tensor)


def slice_information(walks: Walks) -> Tensor:
    """Mutual information of each pair from gaps in slices along its first column: (B, D, D, S) nats, entry [j, k].

    The rows sorted by column j are cut into slices of w from both ends to the middle, so that it makes no difference
    which end is called low. With R the gap in ranks of column k over m of w sorted values, psi(m) - psi(w + 1) +
    psi(n + 1) - E psi(R) is without bias where column k is uniform given j (as Kraskov et al. 2004, eq. 20, for ranks).
    Samples of fewer rows than a slice give 0.
    """
    b, n, d = len(walks.n), walks.n, walks.columns
    each = None if bool((n == walks.rows).all()) else n.repeat_interleave(d)
    parts = []
    for part, walk in walks.parts(CHUNK):
        columns = walk.transpose(1, 2)  # (W, D, N)
        n_walk = walks.rows if each is None else each[part]
        parts.append(torch.cat([_of_slices(columns, n_walk, w, reaches) for w, reaches in SLICES], 2))
    return torch.cat(parts).view(b, d, d, SLICE_FEATURES)


def _of_slices(columns: Tensor, n: Tensor | int, w: int, reaches: tuple[int, ...]) -> Tensor:
    """Estimates (W, D, R) from slices of w rows of walks (W, D, N), of which the first n (W,), or all n, exist."""
    walks, d, length = columns.shape
    if length < w:
        return columns.new_zeros(walks, d, len(reaches))
    half = _from_each_end(length, w)
    if isinstance(n, int):
        cut = columns[..., : half * w], columns[..., n - half * w :]
        return _from_sorted(_sorted(torch.cat(cut, 2).view(walks, d, 2 * half, w)), n, None, w, reaches)
    number, halves = torch.arange(2 * half, device=n.device), _from_each_end(n[:, None], w)
    starts = torch.where(number < halves, number * w, n[:, None] - (2 * halves - number) * w)  # (W, M)
    at = (starts[..., None] + torch.arange(w, device=n.device)).clamp(0, length - 1).view(walks, 1, -1)
    slices = columns.gather(2, at.expand(-1, d, -1)).view(walks, d, 2 * half, w)
    exist = (number < 2 * halves) & (n[:, None] >= w)
    return _from_sorted(_sorted(slices), n, exist / exist.sum(1, keepdim=True).clamp(min=1), w, reaches)


def _from_each_end(n: Size, w: int) -> Size:
    """How many slices of w rows reach from each end of n rows to the middle."""
    return (n + 2 * w - 1) // (2 * w)


def _from_sorted(ordered: Tensor, n: Tensor | int, weights: Tensor | None, w: int, reaches: tuple[int, ...]) -> Tensor:
    """Estimates (W, D, R) in nats from sorted ranks in (0, 1) of slices (W, D, M, w).

    Args:
        n: rows, (W,) or of all.
        weights: (W, M), which sum to 1, or to 0 where there is no estimate; None for the mean of all.
    """
    low, high, means, constant = _gaps(w, reaches, ordered.device, ordered.dtype)
    rows = n if isinstance(n, int) else n.to(ordered.dtype)[:, None, None, None]
    gaps = ordered.index_select(3, high).sub_(ordered.index_select(3, low)).mul_(rows).sub_(0.5)  # in ranks, less 1/2
    logs = gaps.square().add_(SOFTENING).log()  # (W, D, M, gaps)
    if isinstance(n, int):
        known: float | Tensor = float(digamma(n + 1))
    else:
        known = torch.digamma(n.to(ordered.dtype) + 1)[:, None, None]
    if weights is None:
        return constant - 0.5 * (logs.mean(2) @ means) + known
    some = weights.sum(1)[:, None, None]
    return (constant + known) * some - 0.5 * ((logs * weights[:, None, :, None]).sum(2) @ means)


@cache
def _gaps(
    w: int, reaches: tuple[int, ...], device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where gaps begin and end among w sorted values (G,) each, the matrix (G, R) of means, and psi(m) - psi(w + 1)."""
    with torch.inference_mode(False):  # kept for later calls, which may ask for gradients
        low = torch.cat([torch.arange(w - m) for m in reaches])
        high = torch.cat([torch.arange(m, w) for m in reaches])
        means = torch.block_diag(*(torch.full((w - m, 1), 1 / (w - m)) for m in reaches))
        constant = torch.tensor([float(digamma(m) - digamma(w + 1)) for m in reaches])
        return low.to(device), high.to(device), means.to(device, dtype), constant.to(device, dtype)


def _sorted(values: Tensor) -> Tensor:
    """Sorted along the last axis. numpy sorts short rows about ten times faster than torch does on a CPU."""
    if values.device.type != "cpu":
        return values.sort(-1).values
    return torch.from_numpy(np.sort(values.numpy(), -1))
