"""What the pairs of columns of one table share, in numpy.

`pairs.concomitants` and `slices.slice_information` give the same numbers for samples padded to one length. Where every
row exists and rows lie along the last axis they take a third of the time, and each walk is looked at once.
Shapes: N rows, D columns, W walks.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import digamma
from torch import Tensor

from mutualist.models.config import ModelConfig
from mutualist.models.details import doubling_lags
from mutualist.models.gaussian import correlations, cross_products
from mutualist.models.pairs import MOVES
from mutualist.models.slices import SLICE_FEATURES, SLICES, SOFTENING, from_each_end

Array = NDArray[np.float32]

CHUNK = 1 << 22  # basis values held at once
WALKED = 1 << 17  # values along walks held at once: small enough to stay in cache
# Batcher's (1968) comparators, which sort eight values: the smaller of two goes to the first place.
SORTED_AT_ONCE, MANY = 8, 1 << 15  # values of a row, and in all from which on it pays
COMPARATORS = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (1, 2), (3, 4), (5, 6)),
)


@dataclass(frozen=True)
class ColumnStatistics:
    """What the pairs of D columns share.

    Attributes:
        rows: their number.
        correlation: (D, D) of the scores, in double precision.
        products: (D, D, F, F) means over rows of products of F functions: cosines of the ranks, then z and z^2 - 1.
        near: (D, D, MOVES) concomitants at lag 1.
        far: (D, D, lags) those of logarithms at `doubling_lags`.
        slices: (D, D, S) information in slices.
    """

    rows: int
    correlation: Tensor
    products: Tensor
    near: Tensor
    far: Tensor
    slices: Tensor


def column_statistics(scores: Tensor, config: ModelConfig) -> ColumnStatistics:
    """Statistics of columns given as normal scores (N, D) without ties."""
    n, d = scores.shape
    z = np.ascontiguousarray(scores.numpy().T)
    ranks = (0.5 * torch.erf(torch.from_numpy(z) / math.sqrt(2.0))).numpy()  # Phi(z) - 1/2
    unit = z / np.sqrt(np.maximum(np.square(z).mean(1, keepdims=True), 1e-12))
    functions = max(config.cosines, config.spectral_cosines) + 2
    total = np.zeros((functions * d, functions * d), np.float32)
    exact = torch.zeros(d, d, dtype=torch.float64)
    step = max(1, CHUNK // len(total))
    for start in range(0, n, step):
        part = slice(start, start + step)
        values = torch.from_numpy(_functions(ranks[:, part], unit[:, part], functions).reshape(len(total), -1))
        total += (values @ values.T).numpy()
        exact += cross_products(scores[part])
    products = np.ascontiguousarray((total / n).reshape(functions, d, functions, d).transpose(1, 3, 0, 2))
    lags = doubling_lags(config)
    near, far, slices = (np.empty((d, d, size), np.float32) for size in (MOVES, len(lags), SLICE_FEATURES))
    order = np.argsort(ranks, axis=1)
    step = max(1, WALKED // (n * d))
    for start in range(0, d, step):
        part = slice(start, start + step)
        walk = np.take(ranks, order[part], axis=1).swapaxes(0, 1)  # (W, D, N)
        near[part], far[part], slices[part] = *_concomitants(walk, lags), _slice_information(walk)
    found = (torch.from_numpy(values) for values in (products, near, far, slices))
    return ColumnStatistics(n, correlations(exact), *found)


def _functions(ranks: Array, unit: Array, count: int) -> Array:
    """Values (F, D, N) of sqrt(2) cos(pi m u), m = 1..F - 2, of z and of (z^2 - 1) / sqrt(2): see `models.basis`."""
    out = np.empty((count, *ranks.shape), np.float32)
    waves = out[:-2]
    first = np.sin(ranks * np.float32(-math.pi))  # cos(pi u), with u = 1/2 + ranks
    twice = 2 * first
    np.multiply(first, np.float32(math.sqrt(2.0)), out=waves[0])
    for m in range(1, count - 2):  # Chebyshev: cos((m+1)t) = 2 cos t cos mt - cos (m-1)t
        np.multiply(twice, waves[m - 1], out=waves[m])
        waves[m] -= waves[m - 2] if m > 1 else np.float32(math.sqrt(2.0))
    out[-2] = unit
    out[-1] = (unit * unit - 1) * np.float32(math.sqrt(0.5))
    return out


def _concomitants(walk: Array, lags: tuple[int, ...]) -> tuple[Array, Array]:
    """`pairs.concomitants` of ranks along walks (W, D, N): (W, D, MOVES) at lag 1, (W, D, lags) those of logarithms."""
    n = walk.shape[2]
    moved = np.zeros(walk.shape[:2], np.float32)
    logs = np.zeros((*walk.shape[:2], 1 + len(lags)), np.float32)
    for i, lag in enumerate((1, *lags)):
        if lag < n:
            moves = walk[..., lag:] - walk[..., :-lag]
            np.abs(moves, out=moves)
            if i == 0:
                moved = 1 - 3 * moves.mean(-1)
            moves += np.float32(1 / n)
            logs[..., i] = -_log_sum(moves) / (n - lag) - 1.5
    return np.stack([moved, logs[..., 0]], -1), logs[..., 1:]


def _log_sum(values: Array) -> Array:
    """Sum of ln over the last axis. One logarithm for four values, whose product stays in float32."""
    quarter = values.shape[-1] // 4
    product = values[..., :quarter] * values[..., quarter : 2 * quarter]
    product *= values[..., 2 * quarter : 3 * quarter]
    product *= values[..., 3 * quarter : 4 * quarter]
    rest: Array = np.log(values[..., 4 * quarter :]).sum(-1)
    return rest + np.log(product, out=product).sum(-1)


def _slice_information(walk: Array) -> Array:
    """`slices.slice_information` of ranks along walks (W, D, N): (W, D, S) nats."""
    n = walk.shape[2]
    out = np.zeros((*walk.shape[:2], SLICE_FEATURES), np.float32)
    feature = 0
    for w, reaches in SLICES:
        cut = from_each_end(n, w) * w
        if n >= w:
            rows = np.concatenate([walk[..., :cut], walk[..., n - cut :]], 2).reshape(*walk.shape[:2], -1, w)
            ordered = _in_order(rows)
            ordered *= np.float32(n)
            for i, reach in enumerate(reaches, feature):
                gaps = ordered[reach:] - ordered[:-reach]
                gaps -= np.float32(0.5)
                gaps *= gaps
                gaps += np.float32(SOFTENING)
                known = digamma(reach) - digamma(w + 1) + digamma(n + 1)
                out[..., i] = known - 0.5 * _mean_log(gaps)
        feature += len(reaches)
    return out


def _in_order(rows: Array) -> Array:
    """Each row of (..., w) sorted: (w, ...).

    Where rows are short and many, numpy spends most of its time on starting each sort. Comparators take all at once.
    """
    if rows.shape[-1] != SORTED_AT_ONCE or rows.size < MANY:
        rows.sort(-1)
        return np.ascontiguousarray(np.moveaxis(rows, -1, 0))
    out = np.ascontiguousarray(np.moveaxis(rows, -1, 0))
    low = np.empty_like(out[0])
    for i, j in COMPARATORS:
        np.minimum(out[i], out[j], out=low)
        np.maximum(out[i], out[j], out=out[j])
        out[i] = low
    return out


def _mean_log(values: Array) -> Array:
    """Mean of ln over the first and the last axis of (G, W, D, M). One logarithm for two values."""
    half = len(values) // 2
    product = values[:half] * values[half : 2 * half]
    total = np.log(product, out=product).sum(0)
    if len(values) % 2:
        total += np.log(values[-1])
    mean: Array = total.mean(-1) / len(values)
    return mean
