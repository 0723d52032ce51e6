"""ln p(x, y) / p(x) p(y) where the densities are known: its mean over sampled rows is the MI, in any dimensions.

The densities are scipy's, or written down from the definition: they share nothing with the formulas of the labels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln

from mutualist.datagen.families.additive_noise import AdditiveNoise
from mutualist.datagen.families.ball import InBall
from mutualist.datagen.families.elliptical import MultivariateNormal, MultivariateStudent
from mutualist.datagen.interface import Array, JointDistribution

Ratio = Callable[[Array, Array], NDArray[np.float64]]


def log_ratio(joint: JointDistribution) -> Ratio | None:
    """A function of x (n, dx) and y (n, dy) that gives the n log ratios in nats; None where no density is at hand."""
    if isinstance(joint, MultivariateNormal):
        return _elliptical(joint.covariance, joint.dx, stats.multivariate_normal, {})
    if isinstance(joint, MultivariateStudent):
        return _elliptical(joint.covariance, joint.dx, stats.multivariate_t, {"df": joint.nu})
    if isinstance(joint, AdditiveNoise):
        return _additive_noise(np.asarray(joint.epsilon))
    if isinstance(joint, InBall):
        return _in_ball(joint.exponent, joint.dx, joint.dy, joint.rho)
    return None


def _elliptical(covariance: NDArray[np.float64], dx: int, law: Any, options: dict[str, float]) -> Ratio:
    parts = (slice(None), slice(None, dx), slice(dx, None))
    both, of_x, of_y = (law(None, covariance[part, part], **options) for part in parts)

    def ratio(x: Array, y: Array) -> NDArray[np.float64]:
        x, y = x.astype(np.float64), y.astype(np.float64)
        return both.logpdf(np.concatenate([x, y], axis=1)) - of_x.logpdf(x) - of_y.logpdf(y)

    return ratio


def _additive_noise(epsilon: NDArray[np.float64]) -> Ratio:
    """p(y | x) = 1/2ε within ε of x, and p(y) is 1/2ε times the length of what of (0, 1) lies within ε of y."""
    k = len(epsilon)

    def ratio(x: Array, y: Array) -> NDArray[np.float64]:
        x, y = x[:, :k].astype(np.float64), y[:, :k].astype(np.float64)
        length = np.minimum(1.0, y + epsilon) - np.maximum(0.0, y - epsilon)
        # Rounding to float32 puts a row in ten million just outside.
        inside = (np.abs(y - x) <= epsilon + 1e-6) & (length > -1e-6)
        return np.where(inside, -np.log(np.maximum(length, 1e-9)), -np.inf).sum(axis=1)

    return ratio


def _in_ball(exponent: float, dx: int, dy: int, rho: Array) -> Ratio:
    """Densities proportional to (1 − r²)^q inside the unit ball of R^d; k of the d columns have q + (d − k)/2.

    With correlated pairs of columns r² is what it was before they were: a linear map whose determinant is Π √(1 − ρ²).
    """

    def log_density(square: NDArray[np.float64], d: int) -> NDArray[np.float64]:
        q = exponent + (dx + dy - d) / 2
        norm = gammaln(d / 2 + q + 1) - gammaln(q + 1) - d / 2 * np.log(np.pi)
        # A row of a thin shell may round to its very edge.
        return norm + q * np.log(np.maximum(1 - square, 1e-15))

    def ratio(x: Array, y: Array) -> NDArray[np.float64]:
        count = len(rho)
        of_x, of_y = (np.einsum("ij,ij->i", v, v) for v in (x, y))
        before = y.copy()
        before[:, :count] = (y[:, :count] - rho * x[:, :count]) / np.sqrt(1 - rho * rho)
        both = log_density(of_x + np.einsum("ij,ij->i", before, before), dx + dy) - 0.5 * np.log1p(-rho * rho).sum()
        return both - log_density(of_x, dx) - log_density(of_y, dy)

    return ratio
