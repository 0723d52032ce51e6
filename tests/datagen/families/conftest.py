"""A second opinion on labels that shares nothing with the families: a nearest-neighbour estimate of MI."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.special import digamma, ndtri
from scipy.stats import rankdata


def scores(z: np.ndarray) -> np.ndarray:
    """Normal scores of each column."""
    return np.asarray(ndtri((rankdata(z, axis=0) - 0.5) / len(z)))


def counts(z: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Number of other rows strictly within the maximum-norm radius of each row."""
    if z.shape[1] == 1:
        line = np.sort(z[:, 0])
        above = np.searchsorted(line, z[:, 0] + radius, side="left")
        return np.asarray(above - np.searchsorted(line, z[:, 0] - radius, side="right") - 1)
    return cKDTree(z).query_ball_point(z, radius * (1 - 1e-9), p=np.inf, return_length=True) - 1


def nearest_neighbour_mi(x: np.ndarray, y: np.ndarray, k: int = 4, by_rank: bool = True) -> float:
    """Kraskov, Stögbauer & Grassberger 2004, first estimator, in nats; by default on normal scores."""
    if by_rank:
        x, y = scores(x), scores(y)
    z = np.concatenate([x, y], axis=1)
    radius = cKDTree(z).query(z, k=[k + 1], p=np.inf)[0][:, 0]
    rest = digamma(counts(x, radius) + 1) + digamma(counts(y, radius) + 1)
    return float(digamma(k) + digamma(len(z)) - rest.mean())


@pytest.fixture(scope="session")
def ksg() -> Callable[..., float]:
    return nearest_neighbour_mi
