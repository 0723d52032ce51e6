"""Random covariance structures of (X, Y), shared by the multivariate normal and Student families.

Source of the structures: Czyż et al., "Beyond Normal" (NeurIPS 2023), whose latent-variable model is

    X_i = α U + β_x U_x + λ Z_i [i ≤ k] + η_x V_i [i > k] + ε_x E_i,      Y_i alike with the same U and Z_i,

all latent variables independent standard normal; ranges as the MIST paper (arXiv 2511.18945) draws them.
"""

import math
from collections.abc import Callable
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

    `canonical_mi` is the law (log-uniform, nats) of the MI of the random canonical correlations.
    """

    off_diagonal: Range = (0.0, 0.5)
    strength: Range = (0.1, 5.0)
    alpha: Range = (0.0, 1.0)
    lambda_: Range = (0.1, 3.0)
    beta: Range = (0.0, 1.5)
    eta: Range = (0.1, 5.0)
    canonical_mi: Range = (0.005, 5.0)


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


def dense(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """Unit variances and one correlation r between all pairs of columns.

    ln det of (1 − r) I + r J in d columns is (d − 1) ln(1 − r) + ln(1 + (d − 1) r), its square root is a I + c J with
    a = √(1 − r), c = (√(1 + (d − 1) r) − a)/d; J is the matrix of ones.
    """
    r = rng.uniform(*ranges.off_diagonal)
    d = dx + dy

    def whole(k: int) -> float:
        return math.log1p((k - 1) * r)

    # (dx − 1) + (dy − 1) − (d − 1) = −1
    mi = 0.5 * (whole(dx) + whole(dy) - whole(d) - math.log1p(-r))
    a = math.sqrt(1 - r)
    factor = np.full((d, d), (math.sqrt(1 + (d - 1) * r) - a) / d)
    factor.reshape(-1)[:: d + 1] += a
    return Dispersion(factor, max(0.0, mi), {"structure": "dense", "off_diagonal": r})


def sparse(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """k pairs of columns share a latent variable, k uniform on 1 … min(dx, dy); all other pairs are independent."""
    return _pairs(rng, dx, dy, ranges, _one_to(rng, min(dx, dy)), "sparse")


def two_pair(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """As `sparse`, with two interacting pairs (one where a side has one column)."""
    return _pairs(rng, dx, dy, ranges, min(2, dx, dy), "2-pair")


def _pairs(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges, k: int, name: str) -> Dispersion:
    """The latent-variable model with α = β = 0, λ = η = s, ε = 1.

    Every column has variance v = 1 + s², a pair has covariance s²; MI = −(k/2) ln(1 − (s²/v)²).
    """
    strength = rng.uniform(*ranges.strength)
    v = 1 + strength * strength
    rho = strength * strength / v
    scale, d = math.sqrt(v), dx + dy
    factor = np.zeros((d, d))
    flat = factor.reshape(-1)
    flat[:: d + 1] = scale
    flat[dx * d : dx * d + k * (d + 1) : d + 1] = scale * rho
    flat[dx * (d + 1) : (dx + k) * (d + 1) : d + 1] = scale * math.sqrt(1 - rho * rho)
    mi = -0.5 * k * math.log1p(-rho * rho)
    return Dispersion(factor, mi, {"structure": name, "k": k, "strength": strength})


def lvm(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """The full latent-variable model, ε = 1: a cause of everything, one of each side, and k interacting pairs."""
    k = _one_to(rng, min(dx, dy))
    alpha, lambda_ = rng.uniform(*ranges.alpha), rng.uniform(*ranges.lambda_)
    beta = (rng.uniform(*ranges.beta), rng.uniform(*ranges.beta))
    eta = (rng.uniform(*ranges.eta), rng.uniform(*ranges.eta))
    d = dx + dy
    covariance = np.full((d, d), alpha * alpha)
    covariance[:dx, :dx] += beta[0] ** 2
    covariance[dx:, dx:] += beta[1] ** 2
    own = np.empty(d)
    own[:k] = own[dx : dx + k] = 1 + lambda_**2
    own[k:dx] = 1 + eta[0] ** 2
    own[dx + k :] = 1 + eta[1] ** 2
    flat = covariance.reshape(-1)
    flat[:: d + 1] += own
    flat[dx : dx + k * d : d + 1] += lambda_**2
    flat[dx * d : dx * d + k * (d + 1) : d + 1] += lambda_**2
    mi, lower = mi_of_covariance(covariance, dx)
    parameters = {"structure": "lvm", "k": k, "alpha": alpha, "lambda": lambda_, "beta": beta, "eta": eta}
    return Dispersion(lower, mi, parameters)


def _one_to(rng: np.random.Generator, k: int) -> int:
    """Uniform on 1 … k."""
    return 1 + int(rng.random() * k)


def orthogonal(rng: np.random.Generator, d: int) -> Matrix:
    """A random orthogonal matrix, uniform (Haar): QR of a normal matrix with the signs of R's diagonal undone."""
    if d == 1:
        return np.ones((1, 1)) if rng.random() < 0.5 else -np.ones((1, 1))
    qr, tau, _, _ = dgeqrf(rng.standard_normal((d, d)))
    signs = np.where(qr.diagonal() < 0, -1.0, 1.0)
    q, _, _ = dorgqr(qr, tau)
    return np.asarray(q * signs)


def canonical(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """Random canonical correlations ρ_i, hidden by a random rotation of each side; MI = −½ Σ ln(1 − ρ_i²).

    The MI is drawn first, log-uniform on `canonical_mi`, and split among the min(dx, dy) canonical pairs by a Dirichlet
    law whose concentration is itself random: from one strong pair to many weak ones. Then ρ_i = √(1 − e^(−2 I_i)).
    """
    k = min(dx, dy)
    low, high = np.log(ranges.canonical_mi)
    total = float(np.exp(rng.uniform(low, high)))
    shares = rng.standard_gamma(np.exp(rng.uniform(-2.0, 2.0)), size=k) + 1e-12
    pair_mi = np.minimum(total * shares / shares.sum(), 8.0)
    rho = np.sqrt(-np.expm1(-2.0 * pair_mi))
    factor = np.zeros((dx + dy, dx + dy))
    qx, qy = orthogonal(rng, dx), orthogonal(rng, dy)
    factor[:dx, :dx] = qx
    factor[dx:, :k] = qy[:, :k] * rho
    factor[dx:, dx:] = qy
    factor[dx:, dx : dx + k] *= np.exp(-pair_mi)  # √(1 − ρ²)
    parameters = {"structure": "canonical", "rho": [float(r) for r in rho]}
    return Dispersion(factor, float(pair_mi.sum()), parameters)


def diagonal(rng: np.random.Generator, dx: int, dy: int, ranges: Ranges) -> Dispersion:
    """No correlation at all: MI of the normal is exactly 0."""
    return Dispersion(np.eye(dx + dy), 0.0, {"structure": "diagonal"})


STRUCTURES: dict[str, Callable[[np.random.Generator, int, int, Ranges], Dispersion]] = {
    "dense": dense,
    "sparse": sparse,
    "2-pair": two_pair,
    "lvm": lvm,
    "canonical": canonical,
    "diagonal": diagonal,
}
