"""Mixtures of normal or Student components: clusters, rings, crosses, stripes, … MI by Monte Carlo, in nats."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from mutualist.datagen.families.labelled import Labelled, check_names, check_range, pick, random_signs
from mutualist.datagen.families.montecarlo import log_sum_exp, monte_carlo_information
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

Components = tuple[Array, Array, Array]  # weights (K,), means (K, d), covariances (K, d, d)


class Mixture:
    """A mixture of K normal (nu infinite) or Student components in d dimensions."""

    def __init__(self, weights: Array, means: Array, covariances: Array, nu: float = np.inf) -> None:
        self.weights, self.means, self.covariances, self.nu = weights, means, covariances, nu
        self.roots = np.linalg.cholesky(covariances)
        self._cumulative = np.cumsum(weights)
        self._cumulative[-1] = 1.0

    def block(self, columns: slice) -> "Mixture":
        """The law of some columns, which is a mixture of the same kind."""
        return Mixture(self.weights, self.means[:, columns], self.covariances[:, columns, columns], self.nu)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        k = np.searchsorted(self._cumulative, rng.random(n), side="right")
        z = rng.standard_normal((n, self.means.shape[1]))
        if np.isfinite(self.nu):
            z /= np.sqrt(rng.standard_gamma(self.nu / 2, (n, 1)) * (2 / self.nu))
        return np.asarray(self.means[k] + np.matmul(self.roots[k], z[:, :, None])[:, :, 0])

    def log_density(self, z: Array) -> Array:
        """ln p at the rows of z, in float32: rounding is far below the Monte Carlo error."""
        d = z.shape[1]
        whitening = np.linalg.inv(self.roots)
        shift = np.matmul(whitening, self.means[:, :, None]).astype(np.float32)
        white = np.matmul(whitening.astype(np.float32), z.T.astype(np.float32))  # (K, d, n)
        white -= shift
        square = np.einsum("kdn,kdn->kn", white, white)
        log_det = np.log(np.einsum("kii->ki", self.roots)).sum(axis=1)
        constant = np.log(self.weights) - log_det - d / 2 * np.log(np.pi)
        if np.isfinite(self.nu):
            nu = self.nu
            constant += gammaln((nu + d) / 2) - gammaln(nu / 2) - d / 2 * np.log(nu)
            square = (nu + d) * np.log1p(square / np.float32(nu))
        else:
            constant -= d / 2 * np.log(2)
        return log_sum_exp(constant[:, None].astype(np.float32) - square / 2).astype(np.float64)


def mixture_information(mixture: Mixture, dx: int, rng: np.random.Generator) -> tuple[float, float]:
    """MI in nats between the first dx columns and the rest, and its standard error."""
    mx, my = mixture.block(slice(0, dx)), mixture.block(slice(dx, None))

    def draw(n: int) -> tuple[Array, list[Array]]:
        z = mixture.sample(n, rng)
        s = mixture.log_density(z) - mx.log_density(z[:, :dx]) - my.log_density(z[:, dx:])
        return s, []

    return monte_carlo_information(draw)


def _isotropic(points: Array, sd: float) -> Components:
    k = len(points)
    return np.full(k, 1 / k), points, np.broadcast_to(sd * sd * np.eye(2), (k, 2, 2))


def _ring(rng: np.random.Generator) -> Components:
    k = int(rng.integers(6, 17))
    share = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.8)  # a whole ring or an arc
    angle = 2 * np.pi * (share * np.arange(k) / k + rng.random())
    return _isotropic(np.stack([np.cos(angle), rng.uniform(0.5, 1) * np.sin(angle)], 1), 10 ** rng.uniform(-1.0, 0.0))


def _spiral(rng: np.random.Generator) -> Components:
    angle = np.linspace(1.0, rng.uniform(6.0, 12.0), 18)
    r = angle / angle[-1]
    return _isotropic(np.stack([r * np.cos(angle), r * np.sin(angle)], 1), 10 ** rng.uniform(-1.3, -0.3))


def _lines(angles: Array, offsets: Array, width: float, centre: Array) -> Components:
    """Long components along directions `angles`, pushed sideways by `offsets`."""
    along = np.stack([np.cos(angles), np.sin(angles)], 1)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    covariances = along[:, :, None] * along[:, None, :] + width**2 * across[:, :, None] * across[:, None, :]
    return np.full(len(angles), 1 / len(angles)), centre + offsets[:, None] * across, covariances


def _cross(rng: np.random.Generator) -> Components:
    first = rng.uniform(0, np.pi)
    angles = np.array([first, first + rng.uniform(0.8, np.pi - 0.8)])
    return _lines(angles, np.zeros(2), 10 ** rng.uniform(-1.3, 0.0), np.zeros(2))


def _stripes(rng: np.random.Generator) -> Components:
    k = int(rng.integers(2, 6))
    angles = np.full(k, rng.uniform(0, np.pi))
    return _lines(angles, np.arange(k) * rng.uniform(0.3, 1.0), 10 ** rng.uniform(-1.5, -0.3), np.zeros(2))


def _clusters(rng: np.random.Generator) -> Components:
    k = int(rng.integers(2, 9))
    _, points, covariances = _isotropic(rng.standard_normal((k, 2)), 10 ** rng.uniform(-1.3, 0.0))
    return rng.dirichlet(np.full(k, 3.0)), points, covariances * rng.uniform(0.3, 2.0, (k, 1, 1))


def _checkerboard(rng: np.random.Generator) -> Components:
    side = int(rng.integers(2, 6))
    i, j = np.divmod(np.arange(side * side), side)
    cells = np.stack([i, j], 1)[(i + j) % 2 == 0] * 1.0
    return _isotropic(cells, rng.uniform(0.1, 0.6))


def _burst(rng: np.random.Generator) -> Components:
    """One centre, several sizes: the spread of one column tells the spread of the other."""
    k = int(rng.integers(2, 5))
    _, points, covariances = _isotropic(np.zeros((k, 2)), 1.0)
    return rng.dirichlet(np.full(k, 3.0)), points, covariances * np.exp(rng.normal(0, 1.5, (k, 1, 1)))


STRUCTURES: dict[str, Callable[[np.random.Generator], Components]] = {
    "ring": _ring,
    "spiral": _spiral,
    "cross": _cross,
    "stripes": _stripes,
    "clusters": _clusters,
    "checkerboard": _checkerboard,
    "burst": _burst,
}


def random_components(rng: np.random.Generator, d: int) -> Components:
    """Two to six components at random places with random covariances."""
    k = int(rng.integers(2, 7))
    a = rng.standard_normal((k, d, d + 1))
    scale = 10 ** rng.uniform(-0.5, 0.5, (k, 1, 1))
    covariances = scale * (a @ a.transpose(0, 2, 1) / (d + 1) + 0.02 * np.eye(d))
    return rng.dirichlet(np.full(k, 3.0)), 10 ** rng.uniform(-0.5, 0.7) * rng.standard_normal((k, d)), covariances


def corner_components(rng: np.random.Generator, d: int) -> Components:
    """Clusters in the corners of a cube with an even number of positive coordinates: any d - 1 columns tell nothing."""
    corners = 1.0 - 2.0 * ((np.arange(2**d)[:, None] >> np.arange(d)) & 1)
    corners = corners[corners.prod(axis=1) > 0] * random_signs(rng, d)
    k, sd = len(corners), rng.uniform(0.15, 0.6)
    return np.full(k, 1 / k), corners, np.broadcast_to(sd * sd * np.eye(d), (k, d, d))


def embed(plane: Components, rng: np.random.Generator, dx: int, dy: int) -> Components:
    """Components in the plane, placed along a random direction of X and one of Y, with normal noise around."""
    weights, means, covariances = plane
    basis = np.zeros((dx + dy, 2))
    for k, (start, d) in enumerate(((0, dx), (dx, dy))):
        v = rng.standard_normal(d)
        basis[start : start + d, k] = v / np.sqrt(v @ v)
    rest = 0.5 * (np.eye(dx + dy) - basis @ basis.T)
    return weights, means @ basis.T, basis @ covariances @ basis.T + rest


@register
@dataclass(frozen=True)
class MixtureFamily(Family):
    """Mixtures of normal or Student components with random or structured places, up to three columns a side.

    MI is the mean of ln p(x, y) - ln p(x) - ln p(y), from the exact densities, with its standard error, in nats.
    Student components share nu; a block of their columns is Student with the same nu.

    Attributes:
        structures: keys of `STRUCTURES`, `random`, and `corners` (parity, in all dimensions).
        student: the share of Student mixtures.
        nu: range of their degrees of freedom, log-uniform.
        most: largest dx and dy.
    """

    name: ClassVar[str] = "mixture"
    structures: tuple[str, ...] = ("random", "random", "corners", *STRUCTURES)
    student: float = 0.3
    nu: tuple[float, float] = (1.0, 20.0)
    most: int = 3

    def __post_init__(self) -> None:
        check_names("mixture: structures", self.structures, ("random", "corners", *STRUCTURES))
        check_range("mixture: nu", self.nu)
        check_range("mixture: most", (self.most, self.most))

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= dx <= self.most and 1 <= dy <= self.most

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        structure = pick(rng, self.structures)
        if structure == "random":
            components = random_components(rng, dx + dy)
        elif structure == "corners":
            components = corner_components(rng, dx + dy)
        else:
            components = embed(STRUCTURES[structure](rng), rng, dx, dy)
        student = rng.random() < self.student
        nu = float(self.nu[0] * (self.nu[1] / self.nu[0]) ** rng.random()) if student else np.inf
        mixture = Mixture(*components, nu)
        estimate = partial(mixture_information, mixture, dx)
        mi, stderr = estimate(rng)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            z = mixture.sample(n, rng)
            return z[:, :dx], z[:, dx:]

        parameters = {"structure": structure, "nu": nu if student else None, "weights": mixture.weights.tolist()}
        parameters |= {"means": mixture.means.tolist(), "covariances": np.asarray(mixture.covariances).tolist()}
        return Labelled(dx, dy, mi, sample, parameters, stderr, estimate)
