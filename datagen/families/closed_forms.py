"""Families with MI in closed form besides the elliptical reference ones. MI in nats."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.special import digamma, gammaln

from mutualist.datagen.families.labelled import Labelled, check_range, draw_target, random_signs
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def gamma_exponential_information(shape: float, d: int) -> float:
    """I(G; Y1..Yd) in nats for G ~ Gamma(shape) and Y1..Yd independent exponentials with rate G given G.

    h(Y) - h(Y | G) with p(y) = Gamma(s+d)/Gamma(s) (1 + sum y)^-(s+d): ln Gamma(s) - ln Gamma(s+d)
    + (s+d) (psi(s+d) - psi(s)) - d + d psi(s). For d = 1 and a = 1/s: psi(1/a) + a + ln a (Czyż et al. 2023).
    """
    s = shape
    rise = digamma(s + d) - digamma(s)
    return float(gammaln(s) - gammaln(s + d) + (s + d) * rise - d + d * digamma(s))


@register
@dataclass(frozen=True)
class GammaExponential(Family):
    """X = ln G, G ~ Gamma(1/a); Y_j = ln E_j - ln G: waiting times at a rate that is itself random.

    MI as in `gamma_exponential_information`. One side has one column; which is drawn at random in 1x1.

    Attributes:
        a: range of a, log-uniform; MI grows with a.
    """

    name: ClassVar[str] = "gamma-exponential"
    a: tuple[float, float] = (0.01, 30.0)

    def __post_init__(self) -> None:
        check_range("gamma-exponential: a", self.a)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        a = float(self.a[0] * (self.a[1] / self.a[0]) ** rng.random())
        d = max(dx, dy)
        rate_first = dy > 1 or (dx == 1 and bool(rng.random() < 0.5))

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            # ln G as ln Gamma(1/a + 1) + a ln U: for large a, G itself underflows
            log_g = np.log(rng.standard_gamma(1 / a + 1, (n, 1))) - a * rng.standard_exponential((n, 1))
            log_y = np.log(rng.standard_exponential((n, d))) - log_g
            return (log_g, log_y) if rate_first else (log_y, log_g)

        parameters = {"a": a, "rate_first": rate_first}
        return Labelled(dx, dy, gamma_exponential_information(1 / a, d), sample, parameters)


def smoothed_uniform_information(s: float) -> float:
    """I(X; sX + N) in nats, X and N uniform on (0, 1): ln s + 1/(2s) for s >= 1, else s/2."""
    return float(np.log(s) + 1 / (2 * s)) if s >= 1 else s / 2


def smoothed_uniform_slope(mi: float) -> float:
    """The s at which `smoothed_uniform_information` is `mi`."""
    if mi <= 0.5:
        return 2 * mi
    s = float(np.exp(mi))
    for _ in range(30):  # s = exp(mi - 1/(2s)) is a contraction for s > 1
        s = float(np.exp(mi - 1 / (2 * s)))
    return s


@register
@dataclass(frozen=True)
class SmoothedUniform(Family):
    """Y_k = s_k X_k + N_k with X_k, N_k uniform on (0, 1), for k = 1..c; the other columns are independent uniform.

    MI is the sum of `smoothed_uniform_information(s_k)`.

    Attributes:
        mi: range of the total MI, which is met exactly.
        most_pairs: upper limit of the number c of dependent pairs.
    """

    name: ClassVar[str] = "smoothed-uniform"
    mi: tuple[float, float] = (0.005, 4.0)
    most_pairs: int = 8

    def __post_init__(self) -> None:
        check_range("smoothed-uniform: mi", self.mi)
        check_range("smoothed-uniform: most_pairs", (self.most_pairs, self.most_pairs))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        count = 1 + int(rng.random() * min(dx, dy, self.most_pairs))
        parts = draw_target(rng, *self.mi) * rng.dirichlet(np.full(count, 2.0))
        slopes = np.array([smoothed_uniform_slope(float(part)) for part in parts])
        signed = slopes * random_signs(rng, count)
        xs, ys = rng.permutation(dx)[:count], rng.permutation(dy)[:count]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = rng.random((n, dx)), rng.random((n, dy))
            y[:, ys] += signed * x[:, xs]
            return x, y

        parameters = {"slopes": signed.tolist(), "x_columns": xs.tolist(), "y_columns": ys.tolist()}
        mi = sum(smoothed_uniform_information(float(s)) for s in slopes)
        return Labelled(dx, dy, mi, sample, parameters)


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
        d, count = dx + dy, 1 + int(rng.random() * min(dx, dy))
        linear = 0.0 if rng.random() < 0.5 else draw_target(rng, *self.correlation_mi)
        parts = linear * rng.dirichlet(np.full(count, 2.0))
        rho = np.sqrt(-np.expm1(-2 * parts)) * random_signs(rng, count)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            z = rng.standard_normal((n, d))
            inner = np.einsum("ij,ij->i", z, z)
            # |z|^2 ~ Beta(d/2, p + 1) as a ratio of gamma variables, the first of which is the normal vector's own
            z /= np.sqrt(inner + 2 * rng.standard_gamma(a, n))[:, None]
            x, y = z[:, :dx], z[:, dx:]
            y[:, :count] = rho * x[:, :count] + np.sqrt(1 - rho * rho) * y[:, :count]
            return x, y

        parameters = {"exponent": a - 1, "rho": rho.tolist()}
        mi = pearson_information(a - 1, dx, dy) - 0.5 * float(np.log1p(-rho * rho).sum())
        return Labelled(dx, dy, mi, sample, parameters)
