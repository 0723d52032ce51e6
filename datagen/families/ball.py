"""Rows in a ball: no two columns need be correlated, yet a large one makes the others small. MI in nats, exact."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.special import digamma, gammaln

from mutualist.datagen.families.labelled import check_range, draw_target, random_signs
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def pearson_entropy(exponent: float, d: int) -> float:
    """Entropy in nats of the density proportional to (1 - |z|^2)^exponent on the unit ball of R^d (exponent > -1)."""
    a = exponent + 1
    log_norm = gammaln(d / 2 + a) - gammaln(a) - d / 2 * np.log(np.pi)
    return float(-log_norm - exponent * (digamma(a) - digamma(a + d / 2)))


def pearson_information(exponent: float, dx: int, dy: int) -> float:
    """MI in nats between dx and dy coordinates of that law in dx + dy dimensions.

    Its margin in k of d dimensions is of the same kind, with exponent + (d - k)/2.
    """
    hx = pearson_entropy(exponent + dy / 2, dx)
    hy = pearson_entropy(exponent + dx / 2, dy)
    return hx + hy - pearson_entropy(exponent, dx + dy)


@cache
def _ball_inverse(dx: int, dy: int) -> tuple[Array, Array]:
    log_a = np.linspace(np.log(1e4), np.log(0.5), 120)
    return np.array([pearson_information(float(a) - 1, dx, dy) for a in np.exp(log_a)]), log_a


class InBall(JointDistribution):
    """(X, Y) with density proportional to (1 - |z|^2)^exponent, where z is (X, Y) before Y_k = rho_k X_k + … for k < K.

    MI = `pearson_information` - 1/2 sum ln(1 - rho_k^2), in nats.
    """

    def __init__(self, dx: int, dy: int, exponent: float, rho: Array) -> None:
        self.dx, self.dy, self.exponent, self.rho = dx, dy, exponent, rho
        self.mi = max(0.0, pearson_information(exponent, dx, dy) - 0.5 * float(np.log1p(-rho * rho).sum()))
        self.parameters = {"exponent": exponent, "rho": rho.tolist()}

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        z = rng.standard_normal((n, self.dx + self.dy))
        inner = np.einsum("ij,ij->i", z, z)
        # |z|^2 ~ Beta(d/2, p + 1) as a ratio of gamma variables, the first of which is the normal vector's own
        z /= np.sqrt(inner + 2 * rng.standard_gamma(self.exponent + 1, n))[:, None]
        x, y = z[:, : self.dx], z[:, self.dx :]
        count, rho = len(self.rho), self.rho
        y[:, :count] = rho * x[:, :count] + np.sqrt(1 - rho * rho) * y[:, :count]
        return x, y


@register
@dataclass(frozen=True)
class Ball(Family):
    """(X, Y) in the unit ball: density proportional to (1 - r^2)^p, from a shell (p < 0) to the centre.

    p = 0 is the uniform ball; large p is nearly an independent normal. No two columns are correlated, yet a large
    column makes the others small. (Pearson's type II law; Fang, Kotz & Ng 1990, Symmetric Multivariate Distributions.)
    Half of the draws are then correlated: Y_k = rho_k X_k + sqrt(1 - rho_k^2) Y_k in some pairs of columns, which for
    this elliptical law adds -1/2 sum ln(1 - rho_k^2) to `pearson_information`.

    Attributes:
        mi: range of the MI aimed at, without what correlation adds. p stays between -0.5 and 10,000: nearer to
            -1 most of the MI lies in a shell too thin for any sample to show.
        correlation_mi: range of the MI that correlation adds.
    """

    name: ClassVar[str] = "ball"
    mi: tuple[float, float] = (0.005, 2.5)
    correlation_mi: tuple[float, float] = (0.01, 1.0)

    def __post_init__(self) -> None:
        check_range("ball: mi", self.mi)
        check_range("ball: correlation_mi", self.correlation_mi)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        information, log_a = _ball_inverse(dx, dy)
        high = min(self.mi[1], float(information[-1]))
        a = float(np.exp(np.interp(draw_target(rng, min(self.mi[0], high), high), information, log_a)))
        count = 1 + int(rng.random() * min(dx, dy))
        linear = 0.0 if rng.random() < 0.5 else draw_target(rng, *self.correlation_mi)
        parts = linear * rng.dirichlet(np.full(count, 2.0))
        rho = np.sqrt(-np.expm1(-2 * parts)) * random_signs(rng, count)

        return InBall(dx, dy, a - 1, rho)
