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


@dataclass(frozen=True)
class ColumnStatistics:
    """What the pairs of D columns share.

    Attributes:
        rows: their number.
        correlation: (D, D) of the scores, in double precision.
        products: (D, D, F, F) means over rows of products of F functions: cosines of the ranks, then z and z^2 - 1.
        walks: (D, D, lags, MOVES) concomitants at lag 1 and at `doubling_lags`.
        slices: (D, D, S) information in slices.
    """

    rows: int
    correlation: Tensor
    products: Tensor
    walks: Tensor
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
    lags = (1, *doubling_lags(config))
    walks, slices = np.empty((d, d, len(lags), MOVES), np.float32), np.empty((d, d, SLICE_FEATURES), np.float32)
    order = np.argsort(ranks, axis=1)
    step = max(1, WALKED // (n * d))
    for start in range(0, d, step):
        part = slice(start, start + step)
        walk = np.take(ranks, order[part], axis=1).swapaxes(0, 1)  # (W, D, N)
        walks[part], slices[part] = _concomitants(walk, lags), _slice_information(walk)
    return ColumnStatistics(n, correlations(exact), *(torch.from_numpy(found) for found in (products, walks, slices)))


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


def _concomitants(walk: Array, lags: tuple[int, ...]) -> Array:
    """`pairs.concomitants` of ranks along walks (W, D, N): (W, D, lags, MOVES)."""
    n = walk.shape[2]
    out = np.zeros((*walk.shape[:2], len(lags), MOVES), np.float32)
    for i, lag in enumerate(lags):
        if lag < n:
            moves = np.abs(walk[..., lag:] - walk[..., :-lag])
            out[..., i, 0] = 1 - 3 * moves.mean(-1)
            moves += np.float32(1 / n)
            out[..., i, 1] = -_log_sum(moves) / (n - lag) - 1.5
    return out


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
            rows.sort(-1)
            ordered = np.ascontiguousarray(np.moveaxis(rows, -1, 0))  # (w, W, D, slices): gaps are whole rows apart
            for i, reach in enumerate(reaches, feature):
                gaps = ordered[reach:] - ordered[:-reach]
                gaps *= np.float32(n)
                gaps -= np.float32(0.5)
                gaps *= gaps
                gaps += np.float32(SOFTENING)
                known = digamma(reach) - digamma(w + 1) + digamma(n + 1)
                out[..., i] = known - 0.5 * np.log(gaps, out=gaps).mean((0, 3))
        feature += len(reaches)
    return out
