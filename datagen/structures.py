"""Random covariance structures of (X, Y), shared by the multivariate normal and Student families.

Source of the structures: Czyż et al., "Beyond Normal" (NeurIPS 2023), whose latent-variable model is

    X_i = α U + β_x U_x + λ Z_i [i ≤ k] + η_x V_i [i > k] + ε_x E_i,      Y_i alike with the same U and Z_i,

all latent variables independent standard normal; ranges as the MIST paper (arXiv 2511.18945) draws them.
"""

import math
from collections.abc import Callable

import numpy as np

from mutualist.datagen.correlations import chain, graph, onion
from mutualist.datagen.dispersion import Dispersion, Ranges, mi_of_covariance, orthogonal


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
    "onion": onion,
    "graph": graph,
    "chain": chain,
}
