"""Quantile functions given on a grid of levels, read at any level. numpy and scipy alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]

_TINY = 1e-9  # levels nearer to 0 or 1 than this are read as this


def probit(levels: ArrayLike) -> Array:
    """Standard normal quantile of levels, finite at 0 and 1 too."""
    return np.asarray(ndtri(np.clip(np.asarray(levels, np.float64), _TINY, 1 - _TINY)))


def interpolate(levels: ArrayLike, values: ArrayLike, at: ArrayLike) -> Array:
    """Values of quantile functions at other levels.

    Linear in the probit of the level, which is exact for a normal distribution; beyond the first and the last level the
    line through the two outermost points goes on. Clipped at 0: mutual information is not negative. Non-decreasing in
    the level wherever `values` is.

    Args:
        levels: (Q,), increasing, in (0, 1), Q >= 2.
        values: (..., Q) nats, non-decreasing along the last axis.
        at: levels asked for: (K,) for all functions, or (..., K) with levels of their own for each; or one number.

    Returns:
        (..., K) nats; (...) if `at` is one number.
    """
    return interpolate_probit(levels, values, probit(at))


def interpolate_probit(levels: ArrayLike, values: ArrayLike, at: ArrayLike) -> Array:
    """`interpolate` where the levels asked for are given as their probits."""
    grid, values, points = probit(levels), np.asarray(values, np.float64), np.asarray(at, np.float64)
    i = np.clip(np.searchsorted(grid, points, side="right") - 1, 0, len(grid) - 2)
    fraction = (points - grid[i]) / (grid[i + 1] - grid[i])
    if points.ndim <= 1:
        low, high = values[..., i], values[..., i + 1]
    else:
        low, high = np.take_along_axis(values, i, -1), np.take_along_axis(values, i + 1, -1)
    # Written so that fraction = 0 and 1 give the grid's own values exactly.
    return np.maximum(low * (1 - fraction) + high * fraction, 0.0)


def width90(levels: ArrayLike, values: ArrayLike) -> Array:
    """Width (...,) of the 90 % interval of quantile functions (..., Q): nats."""
    low, high = np.moveaxis(interpolate(levels, values, (0.05, 0.95)), -1, 0)
    return np.asarray(high - low)


def crossing_probits(levels: ArrayLike, values: ArrayLike, truth: ArrayLike) -> Array:
    """Probits of the levels at which quantile functions reach a value: the inverse of `interpolate`.

    Args:
        levels: (Q,).
        values: (B, Q) nats, non-decreasing along the last axis.
        truth: (B,) nats.

    Returns:
        (B,); where a function is flat at `truth`, the upper end of the flat part; infinite where it never gets there.
    """
    grid, values = probit(levels), np.asarray(values, np.float64)
    truth = np.asarray(truth, np.float64)
    i = np.clip((values <= truth[:, None]).sum(1) - 1, 0, len(grid) - 2)
    rows = np.arange(len(values))
    low, high = values[rows, i], values[rows, i + 1]
    slope = (high - low) / (grid[i + 1] - grid[i])
    steep = slope > 1e-12
    at = grid[i] + (truth - low) / np.where(steep, slope, 1.0)
    flat = np.where(truth < low, -np.inf, np.where(truth > high, np.inf, grid[i + 1]))
    return np.asarray(np.where(steep, at, flat))


def cdf(levels: ArrayLike, values: ArrayLike, truth: ArrayLike) -> Array:
    """The level (B,) at which each quantile function (B, Q) reaches `truth` (B,): its distribution function."""
    return np.asarray(ndtr(crossing_probits(levels, values, truth)))
