"""Random correlation structures without a pattern between X and Y: of all columns at once, of a graph, of a series."""

import math

import numpy as np

from mutualist.datagen.dispersion import Dispersion, Matrix, Range, Ranges, mi_of_covariance


def onion(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """Any correlation matrix: density proportional to det^(η−1), η log-uniform on `concentration`.

    Row by row of its Cholesky factor, the onion method (Lewandowski, Kurowicka & Joe 2009, sec. 3.2): row k is √y times
    a uniform direction of k dimensions, and √(1 − y); y ~ Beta(k/2, η + (d − 1 − k)/2). η = 1 is uniform over all
    correlation matrices. MI as `mi_of_covariance`.
    """
    eta, d = _log_uniform(rng, ranges.concentration), dx + dy
    lower = np.zeros((d, d))
    lower[0, 0] = 1.0
    for k in range(1, d):
        # Away from 1, where the matrix would be singular in float32.
        y = min(float(rng.beta(k / 2, eta + (d - 1 - k) / 2)), 1 - 1e-5)
        z = rng.standard_normal(k)
        lower[k, :k] = z * math.sqrt(y / float(z @ z))
        lower[k, k] = math.sqrt(1 - y)
    mi, factor = mi_of_covariance(lower @ lower.T, dx)
    return Dispersion(factor, mi, {"structure": "onion", "concentration": eta})


def graph(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """A Gaussian graphical model on a random sparse graph of all columns (Lauritzen 1996, ch. 5).

    Each pair of columns is joined with the same probability, so that a column has `degree` neighbours on average, and
    one pair of X and Y is for certain. The precision matrix has a weight of ±0.3 to ±1 for each edge, and on its
    diagonal the sum of a column's weights times 1 + `slack` (log-uniform): positive definite by dominance. Columns are
    then scaled to unit variance. MI as `mi_of_covariance`.
    """
    d = dx + dy
    joined = np.triu(rng.random((d, d)) < rng.uniform(*ranges.degree) / d, 1)
    joined[int(rng.integers(dx)), dx + int(rng.integers(dy))] = True
    weights = joined * rng.uniform(0.3, 1.0, (d, d)) * np.where(rng.random((d, d)) < 0.5, -1.0, 1.0)
    weights += weights.T
    slack = _log_uniform(rng, ranges.slack)
    strength = np.abs(weights).sum(axis=1)
    precision = weights + np.diag((1 + slack) * np.where(strength > 0, strength, 1.0))
    mi, factor = mi_of_covariance(_correlation(np.asarray(np.linalg.inv(precision), dtype=np.float64)), dx)
    return Dispersion(factor, mi, {"structure": "graph", "edges": int(joined.sum()), "slack": slack})


def chain(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """Successive values of one stationary autoregressive series (Gauss-Markov): correlation ρ^|s − t| at times s and t.

    X holds the first dx values and Y the others, so that MI = −½ ln(1 − ρ²) by the Markov property, whatever dx and dy
    are; or, in half of the draws, the values go to X and Y at random and MI is that of `mi_of_covariance`.
    −½ ln(1 − ρ²) is log-uniform on `lag_mi`, and ρ of random sign.
    """
    rho = math.sqrt(-math.expm1(-2 * _log_uniform(rng, ranges.lag_mi))) * (-1 if rng.random() < 0.5 else 1)
    mixed = bool(rng.random() < 0.5)
    times = rng.permutation(dx + dy) if mixed else np.arange(dx + dy)
    mi, factor = mi_of_covariance(rho ** np.abs(times[:, None] - times), dx)
    return Dispersion(factor, mi, {"structure": "chain", "rho": rho, "mixed": mixed})


def _log_uniform(rng: np.random.Generator, law: Range) -> float:
    return float(law[0] * (law[1] / law[0]) ** rng.random())


def _correlation(covariance: Matrix) -> Matrix:
    scale = 1 / np.sqrt(covariance.diagonal())
    scaled = covariance * scale * scale[:, None]
    return np.asarray((scaled + scaled.T) / 2)
