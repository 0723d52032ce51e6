"""A covariance of (X, Y) by its factor, with the MI of the normal that has it: where all elliptical families start."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgeqrf, dorgqr, dpotrf

Matrix: TypeAlias = NDArray[np.float64]
Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """Ranges from which the structures draw their numbers; the defaults are the reference's.

    `canonical_mi` is the law (log-uniform, nats) of the MI of the random canonical correlations; the last four are
    those of `correlations`.
    """

    off_diagonal: Range = (0.0, 0.5)
    strength: Range = (0.1, 5.0)
    alpha: Range = (0.0, 1.0)
    lambda_: Range = (0.1, 3.0)
    beta: Range = (0.0, 1.5)
    eta: Range = (0.1, 5.0)
    canonical_mi: Range = (0.005, 5.0)
    concentration: Range = (0.7, 30.0)
    degree: Range = (0.5, 3.0)
    slack: Range = (0.02, 2.0)
    lag_mi: Range = (0.01, 3.0)


@dataclass(frozen=True)
class Dispersion:
    """A covariance Σ of (X, Y) by a factor F (Σ = F Fᵀ), with the MI of the normal that has it.

    factor: (d, d) with d = dx + dy, X first. normal_mi: nats, exact. parameters: JSON-serialisable.
    """

    factor: Matrix
    normal_mi: float
    parameters: dict[str, Any]


def cholesky(covariance: Matrix) -> Matrix:
    """Lower Cholesky factor. LAPACK itself: for the small matrices here numpy's wrapper costs more than the work.

    Raises:
        ArithmeticError: the matrix is not positive definite.
    """
    # The transpose of a C-ordered array is what LAPACK calls ordered; being symmetric, the matrix stays the same.
    lower, info = dpotrf(covariance.T, lower=1, clean=1)
    if info != 0:
        raise ArithmeticError(f"covariance of {len(covariance)} columns is not positive definite (LAPACK info {info})")
    return np.asarray(lower)


def mi_of_covariance(covariance: Matrix, dx: int) -> tuple[float, Matrix]:
    """MI in nats of a normal with this covariance, and its Cholesky factor.

    ½(ln det Σx + ln det Σy − ln det Σ); the determinants come from Cholesky factors, of which that of Σx is the
    leading block of that of Σ: ln det Σx cancels and ½ ln det Σy − Σ_{i>dx} ln L_ii is left.
    """
    lower = cholesky(covariance)
    lower_y = cholesky(covariance[dx:, dx:])
    mi = float(np.log(lower_y.diagonal() / lower.diagonal()[dx:]).sum())
    return max(0.0, mi), lower


def orthogonal(rng: np.random.Generator, d: int) -> Matrix:
    """A random orthogonal matrix, uniform (Haar): QR of a normal matrix with the signs of R's diagonal undone."""
    if d == 1:
        return np.ones((1, 1)) if rng.random() < 0.5 else -np.ones((1, 1))
    qr, tau, _, _ = dgeqrf(rng.standard_normal((d, d)))
    signs = np.where(qr.diagonal() < 0, -1.0, 1.0)
    q, _, _ = dorgqr(qr, tau)
    return np.asarray(q * signs)
