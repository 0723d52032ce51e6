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
CHUNK = 1 << 18  # values sorted at once in a cache
Size = TypeVar("Size", int, Tensor)


def slice_information(walks: Walks) -> Tensor:
    """Mutual information of each pair from gaps in slices along its first column: (B, D, D, S) nats, entry [j, k].

    The rows sorted by column j are cut into slices of w from both ends to the middle, so that it makes no difference
    which end is called low. With R the gap in ranks of column k over m of w sorted values, psi(m) - psi(w + 1) +
    psi(n + 1) - E psi(R) is without bias where column k is uniform given j (as Kraskov et al. 2004, eq. 20, for ranks).
    Samples of fewer rows than a slice give 0.
    """
    b, n, d = len(walks.n), walks.n, walks.columns
    each = n.repeat_interleave(d)
    parts = []
    for part, walk in walks.parts(CHUNK):
        columns = walk.transpose(1, 2)  # (W, D, N)
        parts.append(torch.cat([_of_slices(columns, each[part], w, reaches) for w, reaches in SLICES], 2))
    return torch.cat(parts).view(b, d, d, SLICE_FEATURES)


def _of_slices(columns: Tensor, n: Tensor, w: int, reaches: tuple[int, ...]) -> Tensor:
    """Estimates (W, D, R) from slices of w rows of walks (W, D, N), of which the first n (W,) exist."""
    walks, d, length = columns.shape
    if length < w:
        return columns.new_zeros(walks, d, len(reaches))
    half = from_each_end(length, w)
    number, halves = torch.arange(2 * half, device=n.device), from_each_end(n[:, None], w)
    starts = torch.where(number < halves, number * w, n[:, None] - (2 * halves - number) * w)  # (W, M)
    at = (starts[..., None] + torch.arange(w, device=n.device)).clamp(0, length - 1).view(walks, 1, -1)
    slices = columns.gather(2, at.expand(-1, d, -1)).view(walks, d, 2 * half, w)
    exist = (number < 2 * halves) & (n[:, None] >= w)
    return _from_sorted(_sorted(slices), n, exist / exist.sum(1, keepdim=True).clamp(min=1), w, reaches)


def from_each_end(n: Size, w: int) -> Size:
    """How many slices of w rows reach from each end of n rows to the middle."""
    return (n + 2 * w - 1) // (2 * w)


def _from_sorted(ordered: Tensor, n: Tensor, weights: Tensor, w: int, reaches: tuple[int, ...]) -> Tensor:
    """Estimates (W, D, R) in nats from sorted ranks in (0, 1) of slices (W, D, M, w).

    Args:
        n: (W,) rows.
        weights: (W, M), which sum to 1, or to 0 where there is no estimate.
    """
    low, high, means, constant = _gaps(w, reaches, ordered.device, ordered.dtype)
    rows = n.to(ordered.dtype)
    gaps = ordered.index_select(3, high).sub_(ordered.index_select(3, low))  # (W, D, M, gaps)
    logs = gaps.mul_(rows[:, None, None, None]).sub_(0.5).square().add_(SOFTENING).log()
    known = constant + torch.digamma(rows + 1)[:, None, None]
    return known * weights.sum(1)[:, None, None] - 0.5 * ((logs * weights[:, None, :, None]).sum(2) @ means)


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
