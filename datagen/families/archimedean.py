"""Four one-parameter Archimedean copulas: mutual information, log density, distribution functions and sampling.

With generator phi the density is c(u, v) = -phi''(w) phi'(u) phi'(v) / phi'(w)^3 at w = C(u, v). As W = C(U, V) has the
density phi phi'' / phi'^2 (Genest & Rivest 1993, Statistical inference procedures for bivariate Archimedean copulas),
MI = E[ln c] needs integrals over one variable only, some of which have closed forms. All MI in nats.
"""

from abc import ABC, abstractmethod
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.special import exp1, expit

from mutualist.datagen.interface import Array


@cache
def _tanh_sinh(count: int = 161, end: float = 4.2) -> tuple[Array, Array, Array]:
    """Nodes t in (0, 1), their complements 1 - t without cancellation, and weights, for integrals over (0, 1).

    Double exponential rule (Takahasi & Mori 1974): logarithmic singularities at the ends do no harm.
    """
    s = np.linspace(-end, end, count)
    a = np.pi / 2 * np.sinh(s)
    weights = (s[1] - s[0]) * np.pi / 4 * np.cosh(s) / np.cosh(a) ** 2
    return 1 / (1 + np.exp(-2 * a)), 1 / (1 + np.exp(2 * a)), weights


def _softplus(t: Array) -> Array:
    """ln(1 + e^t), cut at 700: what is made of it below is 0 there."""
    return np.log1p(np.exp(np.minimum(t, 700.0)))


def _log_expm1(t: Array) -> Array:
    """ln(e^t - 1) for t > 0."""
    return t + np.log(-np.expm1(-t))


class Archimedean(ABC):
    """A copula family with one parameter theta; dependence grows with theta, from none at `independent`."""

    independent: ClassVar[float]
    strongest: ClassVar[float]  # about 4 nats

    @abstractmethod
    def information(self, theta: float) -> float:
        """MI in nats at theta > independent."""

    @abstractmethod
    def log_density(self, theta: float, u: Array, v: Array) -> Array:
        """ln c(u, v) for u and v inside (0, 1)."""

    @abstractmethod
    def cdf(self, theta: float, u: Array, v: Array) -> Array:
        """C(u, v) for u and v inside (0, 1), without loss of digits in any corner."""

    @abstractmethod
    def conditional(self, theta: float, s: Array, v: Array) -> Array:
        """P(V <= v | U = u) = dC/du = phi'(u) / phi'(C) at u = 1 / (1 + e^-s); s tells both u and 1 - u exactly."""

    @abstractmethod
    def sample(self, theta: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n draws of (U, V), both uniform on (0, 1), each of shape (n,)."""

    def theta_for(self, mi: float) -> float:
        """The parameter whose MI is close to `mi` nats (interpolated in a table that is made on first use)."""
        log_mi, log_excess = _inverse(type(self))
        return float(self.independent + np.exp(np.interp(np.log(mi), log_mi, log_excess)))


@cache
def _inverse(kind: type[Archimedean]) -> tuple[Array, Array]:
    copula = kind()
    log_excess = np.linspace(np.log(1e-3), np.log(kind.strongest - kind.independent), 240)
    values = [copula.information(kind.independent + excess) for excess in np.exp(log_excess)]
    return np.log(np.maximum(values, 1e-12)), log_excess


class Clayton(Archimedean):
    """phi(t) = (t^-theta - 1) / theta. MI = ln(1 + theta) - theta / (1 + theta). Joined in the lower tail."""

    independent = 0.0
    strongest = 150.0

    def information(self, theta: float) -> float:
        return float(np.log1p(theta) - theta / (1 + theta))

    def log_density(self, theta: float, u: Array, v: Array) -> Array:
        a, b = -theta * np.log(u), -theta * np.log(v)
        # ln(u^-theta + v^-theta - 1) with the larger power taken out, so that nothing overflows
        top = np.maximum(a, b)
        total = top + np.log1p(np.exp(np.minimum(a, b) - top) - np.exp(-top))
        return np.log1p(theta) + (1 + 1 / theta) * (a + b) - (2 + 1 / theta) * total

    def cdf(self, theta: float, u: Array, v: Array) -> Array:
        return np.exp(-np.logaddexp(-theta * np.log(u), _log_expm1(-theta * np.log(v))) / theta)

    def conditional(self, theta: float, s: Array, v: Array) -> Array:
        # (1 + u^theta (v^-theta - 1))^-(1 + 1/theta)
        inner = _log_expm1(-theta * np.log(v)) - theta * _softplus(-s)
        return np.exp(-(1 + 1 / theta) * _softplus(inner))

    def sample(self, theta: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        uv = clayton_uniforms(theta, (n, 2), rng)
        return uv[:, 0], uv[:, 1]


def clayton_uniforms(theta: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Rows of a Clayton copula of any dimension: U = (1 + E / G)^(-1/theta), G ~ Gamma(1/theta) shared in a row.

    Marshall & Olkin 1988. ln G is drawn as ln Gamma(1/theta + 1) + theta ln U, since G itself underflows.
    """
    n, _ = shape
    log_g = np.log(rng.standard_gamma(1 / theta + 1, (n, 1))) - theta * rng.standard_exponential((n, 1))
    log_e = np.log(rng.standard_exponential(shape))
    return np.exp(-np.logaddexp(0.0, log_e - log_g) / theta)


class Gumbel(Archimedean):
    """phi(t) = (-ln t)^theta. MI = g - 1 + ln a + (1 + e^a E1(a)) / theta, a = theta - 1, g Euler's constant.

    Joined in the upper tail.
    """

    independent = 1.0
    strongest = 60.0

    def information(self, theta: float) -> float:
        a = theta - 1
        return float(np.euler_gamma - 1 + np.log(a) + (1 + np.exp(a) * exp1(a)) / theta)

    def log_density(self, theta: float, u: Array, v: Array) -> Array:
        a, b = -np.log(u), -np.log(v)
        log_s = np.logaddexp(theta * np.log(a), theta * np.log(b)) / theta
        s = np.exp(log_s)
        return -s + a + b + (theta - 1) * (np.log(a) + np.log(b)) + (1 - 2 * theta) * log_s + np.log(s + theta - 1)

    def cdf(self, theta: float, u: Array, v: Array) -> Array:
        a, b = (theta * np.log(-np.log(w)) for w in (u, v))
        return np.exp(-np.exp(np.logaddexp(a, b) / theta))

    def conditional(self, theta: float, s: Array, v: Array) -> Array:
        # e^(a - t) (a / t)^(theta - 1) with a = -ln u, b = -ln v, t^theta = a^theta + b^theta
        a = _softplus(-s)
        log_a = np.log(a)
        excess = _softplus(theta * (np.log(-np.log(v)) - log_a)) / theta  # ln(t / a)
        return np.exp(a - np.exp(log_a + excess) - (theta - 1) * excess)

    def sample(self, theta: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        # U = exp(-(E / S)^alpha) with S positive stable of index alpha = 1/theta (Kanter 1975), in logarithms
        alpha = 1 / theta
        w = np.pi * (1 - rng.random(n))
        log_s = np.log(np.sin(alpha * w)) - theta * np.log(np.sin(w))
        log_s += (theta - 1) * (np.log(np.sin((1 - alpha) * w)) - np.log(rng.standard_exponential(n)))
        log_e = np.log(rng.standard_exponential((n, 2)))
        uv = np.exp(-np.exp(alpha * (log_e - log_s[:, None])))
        return uv[:, 0], uv[:, 1]


class Joe(Archimedean):
    """phi(t) = -ln(1 - (1-t)^theta). MI by quadrature over one variable. Joined in the upper tail only."""

    independent = 1.0
    strongest = 150.0

    def information(self, theta: float) -> float:
        t, q, weights = _tanh_sinh()
        log_q = np.where(q < 0.5, np.log(q), np.log1p(-np.minimum(t, 0.5)))
        w = np.exp(theta * log_q)
        log_rest = np.log(-np.expm1(theta * log_q))  # ln(1 - w)
        log_rest = np.where(w < 0.5, np.log1p(-np.minimum(w, 0.5)), log_rest)
        ratio = np.where(w > 1e-12, -log_rest / np.maximum(w, 1e-300), 1.0)
        density = ratio * (theta - 1 + w) / theta
        inner = -2 * np.log(theta) + (1 - 2 * theta) * log_q + np.log(theta - 1 + w) + log_rest
        outer = np.log(theta) - (theta - 1) - weights @ log_rest
        return float(weights @ (density * inner) + 2 * outer)

    def log_density(self, theta: float, u: Array, v: Array) -> Array:
        log_s = self._log_distance(theta, u, v)
        edges = (theta - 1) * (np.log1p(-u) + np.log1p(-v))
        return (1 / theta - 2) * log_s + edges + np.log(theta - 1 + np.exp(log_s))

    def cdf(self, theta: float, u: Array, v: Array) -> Array:
        return -np.expm1(self._log_distance(theta, u, v) / theta)

    @staticmethod
    def _log_distance(theta: float, u: Array, v: Array) -> Array:
        """ln(a + b - a b), a = (1 - u)^theta and b = (1 - v)^theta, which underflow where u and v are near 1."""
        log_a, log_b = theta * np.log1p(-u), theta * np.log1p(-v)
        return np.asarray(np.logaddexp(log_a, log_b + np.log(-np.expm1(log_a))))

    def conditional(self, theta: float, s: Array, v: Array) -> Array:
        # (1 - b) (1 + b (1/a - 1))^(1/theta - 1) with a = (1 - u)^theta, b = (1 - v)^theta
        log_b = theta * np.log1p(-v)
        inner = _softplus(log_b + _log_expm1(theta * _softplus(s)))
        return -np.expm1(log_b) * np.exp((1 / theta - 1) * inner)

    def sample(self, theta: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        # U = 1 - (1 - e^(-E/V))^alpha, V of Sibuya's law: geometric with success probability Beta(alpha, 1 - alpha)
        alpha = 1 / theta
        p = np.clip(rng.beta(alpha, 1 - alpha, n), 1e-290, 1 - 1e-16)
        v = np.maximum(np.ceil(-rng.standard_exponential(n) / np.log1p(-p)), 1.0)
        q = np.exp(alpha * np.log(-np.expm1(-rng.standard_exponential((n, 2)) / v[:, None])))
        return 1 - q[:, 0], 1 - q[:, 1]


class Frank(Archimedean):
    """phi(t) = -ln((e^(-theta t) - 1) / (e^-theta - 1)), theta > 0. MI by quadrature. No tail dependence."""

    independent = 0.0
    strongest = 250.0

    def information(self, theta: float) -> float:
        t, _, weights = _tanh_sinh()
        log_one = np.log(-np.expm1(-theta * t))  # ln(1 - e^(-theta t))
        phi = np.log(-np.expm1(-theta)) - log_one
        far = np.log1p(-np.exp(-theta)) - np.log1p(-np.exp(-np.maximum(theta * t, 1.0)))
        phi = np.where(theta * t > 1, far, phi)
        # ln(e^(theta t) - 1) = theta t + log_one
        density = phi * np.exp(theta * t)
        inner = density @ (weights * (2 * theta * t + log_one))
        return float(np.log(theta) + inner - 2 * (weights @ (theta * t + log_one)))

    def log_density(self, theta: float, u: Array, v: Array) -> Array:
        # c = theta d e^(-theta(u+v)) / (d - (1 - e^(-theta u))(1 - e^(-theta v)))^2 with d = 1 - e^-theta; the
        # denominator is e^(-theta u) + e^(-theta v) - e^(-theta(u+v)) - e^-theta, factored to keep its digits
        low, high = np.minimum(u, v), np.maximum(u, v)
        # e^(-theta low) (1 - e^(-theta high)) + e^(-theta high) (1 - e^(-theta (1 - high)))
        first = -np.expm1(-theta * high)
        second = -np.exp(-theta * (high - low)) * np.expm1(-theta * (1 - high))
        return (np.log(theta) + np.log(-np.expm1(-theta)) - theta * (u + v) + 2 * theta * low) - 2 * np.log(
            first + second
        )

    def cdf(self, theta: float, u: Array, v: Array) -> Array:
        # -ln(1 - (1 - e^(-theta u)) (1 - e^(-theta v)) / d) / theta with d = 1 - e^-theta, as a sum of what is positive
        one_v = np.log(-np.expm1(-theta * v))
        rest = np.logaddexp(one_v - theta * u, np.log(-np.expm1(-theta * (1 - v))) - theta * v)
        return (np.log(-np.expm1(-theta)) - rest) / theta

    def conditional(self, theta: float, s: Array, v: Array) -> Array:
        # 1 / (1 + e^(theta u) q(v)) with q the odds of v under the exponential law cut off at 1
        log_q = np.log(-np.expm1(-theta * (1 - v))) - theta * v - np.log(-np.expm1(-theta * v))
        return expit(-(theta * expit(s) + log_q))

    def sample(self, theta: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        # the conditional distribution of V given U inverts in closed form (Nelsen 2006, exercise 4.17)
        u, w = rng.random(n), 1 - rng.random(n)
        a = np.exp(-theta * u)
        base = a * (1 - w) + w
        v = (np.log(base) - np.log(a * (1 - w) + w * np.exp(-theta))) / theta
        return u, np.clip(v, 0.0, 1.0)


ARCHIMEDEAN: dict[str, Archimedean] = {"clayton": Clayton(), "frank": Frank(), "gumbel": Gumbel(), "joe": Joe()}
