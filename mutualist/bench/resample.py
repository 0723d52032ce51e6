"""Intervals for point estimates: how much they vary from resample to resample."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mutualist.models.quantiles import probit

Array = NDArray[np.float64]
Point = Callable[[Array, Array], float | None]


def bootstrap(
    point: Point, x: Array, y: Array, levels: Array, rng: np.random.Generator, resamples: int
) -> Array | None:
    """Quantiles (Q,): normal ones around the estimate, spread as over `resamples` draws of n rows with replacement.

    Efron (1979). Not for nearest neighbours: a row drawn twice is its own neighbour at distance 0.
    """
    n = len(x)
    return _normal(point, x, y, levels, (rng.integers(n, size=n) for _ in range(resamples)))


def half_samples(
    point: Point, x: Array, y: Array, levels: Array, rng: np.random.Generator, resamples: int
) -> Array | None:
    """As `bootstrap`, over halves of the rows, without a row twice.

    What remains when half is deleted varies, given the sample, as much as an estimate from all n rows does (the
    delete-d jackknife of Shao and Wu, 1989, whose factor is 1 for d = n / 2). Holmes and Nemenman (2019), "Estimation
    of mutual information for real-valued data with error bars and controlled bias", show why neighbours need this.
    """
    n = len(x)
    return _normal(point, x, y, levels, (rng.permutation(n)[: n // 2] for _ in range(resamples)))


def _normal(point: Point, x: Array, y: Array, levels: Array, draws: object) -> Array | None:
    estimate = point(x, y)
    if estimate is None:
        return None
    again = [point(x[rows], y[rows]) for rows in draws]  # type: ignore[attr-defined]
    values = [value for value in again if value is not None]
    if len(values) < 2:
        return None
    return np.asarray(np.maximum(estimate + probit(levels) * np.std(values, ddof=1), 0.0))
