"""Estimates that would be right for normal distributions: of the columns, or of their copula."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, ndtri
from scipy.stats import rankdata

Array = NDArray[np.float64]

_RANK = 1e-10  # singular values below this share of the largest count as 0
_TOP = 1 - 1e-12  # of a squared canonical correlation: 13.8 nats


def canonical_mi(x: Array, y: Array) -> float | None:
    """-1/2 sum ln(1 - rho_i^2) over the canonical correlations of the columns as they are, nats.

    Exact for normal (X, Y) as n grows (Kay, 1992, "Feature discovery under contextual supervision"). The correlations
    are the singular values of Qx' Qy for orthonormal bases Qx, Qy of the centred columns (Björck and Golub, 1973).

    Args:
        x, y: (n, dx), (n, dy).

    Returns:
        None where n <= dx + dy: the largest correlation is then 1 whatever the data.
    """
    if len(x) <= x.shape[1] + y.shape[1]:
        return None
    correlations = np.linalg.svd(_basis(x).T @ _basis(y), compute_uv=False)
    return float(-0.5 * np.log1p(-np.minimum(correlations**2, _TOP)).sum())


def _basis(values: Array) -> Array:
    """Orthonormal columns that span the centred `values`; (n, 0) if all are constant."""
    centred = values - values.mean(0)
    spread = centred.std(0)
    left, singular, _ = np.linalg.svd(centred / np.where(spread > 0, spread, 1), full_matrices=False)
    kept: Array = left[:, singular > _RANK * max(singular[0], 1e-300)]
    return kept


def copula_mi(x: Array, y: Array) -> float | None:
    """Mutual information of the Gaussian copula, bias removed, nats.

    Each column becomes its normal scores Phi^-1(rank / (n + 1)); then ln det S_x + ln det S_y - ln det S_xy, halved,
    each less the bias of a Gaussian log-determinant from n rows (Ince et al., 2017, "A statistical framework for
    neuroimaging data analysis based on mutual information estimated via a Gaussian copula", and their package gcmi).

    Args:
        x, y: (n, dx), (n, dy). Tied values are ranked in the order of the rows.

    Returns:
        None where n <= dx + dy + 1, or the scores are collinear: there is no such estimate.
    """
    n, dx = x.shape
    d = dx + y.shape[1]
    if n <= d + 1:
        return None
    scores = ndtri(rankdata(np.hstack([x, y]), method="ordinal", axis=0) / (n + 1))
    covariance = np.cov(scores.T)
    log_dets = [np.linalg.slogdet(c)[1] for c in (covariance[:dx, :dx], covariance[dx:, dx:], covariance)]
    if not np.isfinite(log_dets).all():
        return None
    psi = digamma((n - np.arange(1, d + 1)) / 2)
    constant = np.log(2 / (n - 1))
    biases = [psi[:k].sum() + k * constant for k in (dx, d - dx, d)]
    corrected = [a - b for a, b in zip(log_dets, biases, strict=True)]
    return float(max(0.0, 0.5 * (corrected[0] + corrected[1] - corrected[2])))
