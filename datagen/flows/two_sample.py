"""A two-sample check: how well can a classifier tell two tables apart?

Lopez-Paz & Oquab 2017 (arXiv:1610.06545), with the area under the ROC curve (AUC) in place of the accuracy. The
classifier is ridge regression of the label on random rectified features, among which are bumps in all columns
together, with the penalty chosen by leave-one-out error: no dependency, no tuning, the same numbers each time.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Matrix = NDArray[np.float64]
FEATURES = 400
PENALTIES = 10.0 ** np.arange(-3.0, 5.0)


class Auc(NamedTuple):
    """`value`: 0.5 where the classifier sees no difference, 1 where it always does; `stderr` its standard error."""

    value: float
    stderr: float


def auc(real: Matrix, synthetic: Matrix) -> Auc:
    """AUC of scores: the probability that a synthetic one is above a real one (ties count half).

    real: (m,), synthetic: (k,). Standard error of Hanley & McNeil 1982, eq. 1.
    """
    m, k = len(real), len(synthetic)
    ranks = rankdata(np.concatenate([real, synthetic]))
    a = float((ranks[m:].sum() - k * (k + 1) / 2) / (m * k))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (k - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (m * k)
    return Auc(a, math.sqrt(max(variance, 0.0)))


def two_sample_auc(
    real: tuple[Matrix, Matrix], synthetic: tuple[Matrix, Matrix], rng: np.random.Generator, features: int = FEATURES
) -> Auc:
    """Trains on the first of each pair and scores the second, which must be rows of their own.

    Args:
        real, synthetic: two tables each, shapes (n, d), finite.
        rng: source of the random features.
    """
    train = np.concatenate([real[0], synthetic[0]])
    middle, spread = np.median(train, axis=0), np.subtract(*np.quantile(train, [0.84, 0.16], axis=0)) / 2 + 1e-12
    d = train.shape[1]
    direction = rng.standard_normal((d, features))
    direction /= np.linalg.norm(direction, axis=0)
    # Half of the features look at one or two columns alone, where marginals and pairs differ.
    for j in range(0, features, 2):
        direction[:, j] *= np.isin(np.arange(d), rng.choice(d, size=min(d, 1 + j // 2 % 2), replace=False))
    offset = rng.uniform(-2.0, 2.0, features)

    def design(rows: Matrix) -> Matrix:
        z = np.clip((rows - middle) / spread, -8.0, 8.0)
        squares = (z[:, :, None] * z[:, None, :])[:, *np.triu_indices(d)]
        return np.concatenate([z, squares, np.maximum(z @ direction - offset, 0.0)], axis=1)

    label = np.repeat([-1.0, 1.0], [len(real[0]), len(synthetic[0])])
    # Both tables weigh alike, however many rows each has.
    weight = np.sqrt(np.where(label < 0, 0.5 / len(real[0]), 0.5 / len(synthetic[0])) * len(label))
    matrix = design(train)
    mean, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-12
    coefficients = _ridge((matrix - mean) / scale * weight[:, None], label * weight)
    scores = [((design(rows) - mean) / scale) @ coefficients for rows in (real[1], synthetic[1])]
    return auc(scores[0], scores[1])


def _ridge(matrix: Matrix, target: Matrix) -> Matrix:
    """Ridge regression; of PENALTIES the one with the least leave-one-out error (Golub, Heath & Wahba 1979)."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    projected, best, chosen = u.T @ target, math.inf, s
    for penalty in PENALTIES:
        shrink = s * s / (s * s + penalty)
        left_out = (target - u @ (shrink * projected)) / (1 - (u * u) @ shrink)
        if (error := float(left_out @ left_out)) < best:
            best, chosen = error, s / (s * s + penalty)
    return np.asarray(vt.T @ (chosen * projected))
