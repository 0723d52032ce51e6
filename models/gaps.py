"""A pair of very many rows: mutual information from gaps between ranks, which needs no learning and errs ever less.

What a network learned on samples of up to so many rows is off by a hundredth of a nat, however many more there are.
Gaps in slices (`models.slices`) whose rows grow as sqrt(n) have no such floor. They are nearly free of bias but for two
terms: one falls with the rows of a slice, over whose quantiles a gap takes density for even, the other with the number
of slices, along which a slice takes it for unchanging. Estimates from slices of half and of double the rows show both.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma

from mutualist.models.quantiles import probit, width90
from mutualist.models.slices import SOFTENING, from_each_end

Array = NDArray[np.float64]

FEWEST, ENOUGH = 10_000, 30_000  # rows below which gaps count for nothing, and from which on they count in full
WIDTH = 0.4  # of a slice, in sqrt(n) rows; to the nearest power of two
MEAN_ERROR = 0.8  # of a standard normal variable, about


def gap_information(ranks: NDArray[np.integer]) -> tuple[float, float]:
    """Mutual information of two columns by gaps in slices, and its standard error, bias included: nats.

    The mean over slices along one column and along the other. The error is that of the mean, from differences of
    successive slices, and the larger distance to the estimates from slices of half and of double the rows.

    Args:
        ranks: (n, 2), 0..n-1 in each column, none equal; n >= `FEWEST`.
    """
    n = len(ranks)
    exponent = round(float(np.log2(WIDTH * np.sqrt(n))))
    found = np.empty((3, 2))
    walks = [_walk(ranks, 0), _walk(ranks, 1)]
    for i, w in enumerate((2 ** (exponent - 1), 2**exponent, 2 ** (exponent + 1))):
        found[i] = np.mean([_along(walk, w) for walk in walks], axis=0)
    (narrow, _), (value, error), (wide, _) = found
    return max(float(value), 0.0), float(np.hypot(error, max(abs(value - narrow), abs(value - wide))))


def _walk(ranks: NDArray[np.integer], column: int) -> NDArray[np.int32]:
    """Ranks of the other column, in the order of this one."""
    walk = np.empty(len(ranks), np.int32)
    walk[ranks[:, column]] = ranks[:, 1 - column]
    return walk


def _along(walk: NDArray[np.int32], w: int) -> tuple[float, float]:
    """The estimate from slices of w rows of a walk, and its standard error.

    Gaps over one sorted value, and over two: psi(m) - psi(w + 1) + psi(n + 1) - E psi(R) as in
    `slices.slice_information`. What they differ by is the first term of the bias that falls with w, so it is taken off.
    """
    n = len(walk)
    cut = from_each_end(n, w) * w
    rows = np.concatenate([walk[:cut], walk[n - cut :]]).reshape(-1, w)
    rows.sort(axis=1)
    known = digamma(n + 1) - digamma(w + 1)
    one, two = (digamma(m) + known - _mean_log(rows[:, m:] - rows[:, :-m]) for m in (1, 2))
    found = 2 * one - two
    return float(found.mean()), float(np.sqrt(np.square(np.diff(found)).mean() / (2 * len(found))))


def _mean_log(gaps: NDArray[np.int32]) -> Array:
    """Means of psi(R) of gaps (M, G) in ranks: (M,)."""
    logs = gaps.astype(np.float32)
    logs -= np.float32(0.5)
    logs *= logs
    logs += np.float32(SOFTENING)
    return np.asarray(0.5 * np.log(logs, out=logs).mean(axis=1, dtype=np.float64))


def with_gaps(levels: ArrayLike, quantiles: Array, n: ArrayLike, gaps: Array) -> tuple[Array, Array]:
    """Calibrated quantiles of pairs averaged, level by level, with those that gaps say: (B, Q) nats.

    Each counts by its precision, sd^2 / (sd^2 + error^2) for gaps, with the standard deviation of a normal law as wide
    as the quantiles. Where nothing is shared the network knows it better, and gaps count little. The result is as wide
    as the two are on average, and not narrower, for both err by what the rows happen to be.

    Args:
        levels: (Q,).
        quantiles: (B, Q) nats.
        n: (B,) rows, or one number.
        gaps: (B, 2) nats, what `gap_information` says; an infinite error where it was not asked.

    Returns:
        the quantiles, and how much gaps count: (B,), from 0 to 1.
    """
    asked = np.isfinite(gaps[:, 1])
    shares, out = np.zeros(len(quantiles)), quantiles
    if asked.any():
        values, errors = gaps[asked].T
        known = np.square(width90(levels, quantiles[asked]) / (2 * probit(0.95)))
        rows = np.broadcast_to(n, len(quantiles))[asked]
        ramp = np.clip(np.log(rows / FEWEST) / np.log(ENOUGH / FEWEST), 0.0, 1.0)
        shares[asked] = share = ramp * known / np.maximum(known + np.square(errors), 1e-30)
        normal = np.maximum(values[:, None] + errors[:, None] * probit(levels), 0.0)
        out = quantiles.copy()
        out[asked] += share[:, None] * (normal - out[asked])
    return out, shares
