"""Families with MI in closed form besides the elliptical reference ones. MI in nats."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats
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


@register
@dataclass(frozen=True)
class WaitingTimes(Family):
    """Y_k = X_k + Z_k with X_k ~ Gamma(a_k) and Z_k ~ Gamma(b_k): until one event, and until a later one.

    Y never lies below X, which makes a sharp edge on one side only, as wherever something can but grow (dates, totals
    of parts). Y_k is Gamma(a_k + b_k), and given X_k it is the wait between: MI is the sum of
    h(Gamma(a_k + b_k)) - h(Gamma(b_k)). The other columns are independent.

    Attributes:
        before: range of a, log-uniform.
        between: range of b, log-uniform; far below 1/2 the waits would be shorter than float32 can tell.
        most_pairs: upper limit of the number of dependent pairs.
    """

    name: ClassVar[str] = "waiting-times"
    before: tuple[float, float] = (0.3, 30.0)
    between: tuple[float, float] = (0.5, 30.0)
    most_pairs: int = 4

    def __post_init__(self) -> None:
        check_range("waiting-times: before", self.before)
        check_range("waiting-times: between", self.between, least=0.25)
        check_range("waiting-times: most_pairs", (self.most_pairs, self.most_pairs))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        count = 1 + int(rng.random() * min(dx, dy, self.most_pairs))
        before, between = (low * (high / low) ** rng.random(count) for low, high in (self.before, self.between))
        xs, ys = rng.permutation(dx)[:count], rng.permutation(dy)[:count]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = rng.standard_exponential((n, dx)), rng.standard_exponential((n, dy))
            x[:, xs] = rng.standard_gamma(before, (n, count))
            y[:, ys] = x[:, xs] + rng.standard_gamma(between, (n, count))
            return x, y

        mi = float(np.sum(stats.gamma.entropy(before + between) - stats.gamma.entropy(between)))
        parameters = {
            "before": before.tolist(),
            "between": between.tolist(),
            "x_columns": xs.tolist(),
            "y_columns": ys.tolist(),
        }
        return Labelled(dx, dy, mi, sample, parameters)


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
