"""A response Y to a score s ~ N(0, 1) that is cut off at limits, or is zero but for a part of the rows.

Labels in nats, by one-dimensional quadrature: I(X; Y) = I(s; Y). X carries s through a lift (see `lifts`); in half of
the draws X and Y change places, where the dimensions admit both.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtr, ndtri, rel_entr, xlogy

from mutualist.datagen.families.lifts import MAX_COLUMNS, random_swap, respond
from mutualist.datagen.families.quadrature import normal_rule
from mutualist.datagen.families.tables import (
    check_range,
    random_correlation,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def censored_normal_mi(rho: float, x_low: float, x_high: float, y_low: float, y_high: float) -> float:
    """I in nats of a standard bivariate normal of correlation `rho` after X is clipped to [x_low, x_high], Y alike.

    Bounds may be infinite. Atoms by quadrature; inside, the log ratio is quadratic and its partial moments are closed.
    """
    s = np.sqrt((1.0 - rho) * (1.0 + rho))
    x, w = normal_rule(1.5 * s, np.array([x_low, x_high]))
    inside = (x > x_low) & (x < x_high)
    # X inside: Y at an atom, then Y inside (with e = (y − ρx)/s between lower and upper).
    xi, wi = x[inside], w[inside]
    lower, upper = (y_low - rho * xi) / s, (y_high - rho * xi) / s
    total = float(wi @ (rel_entr(ndtr(lower), ndtr(y_low)) + rel_entr(ndtr(-upper), ndtr(-y_high))))
    d_low, d_high = (np.exp(-0.5 * e * e) / np.sqrt(2.0 * np.pi) for e in (lower, upper))
    m0 = ndtr(upper) - ndtr(lower)
    m1 = d_low - d_high
    # Where a bound is infinite the density is 0, and so must be its product with the bound.
    m2 = m0 + np.where(d_low > 0.0, lower, 0.0) * d_low - np.where(d_high > 0.0, upper, 0.0) * d_high
    total += float(wi @ (m0 * (0.5 * (rho * xi) ** 2 - np.log(s)) + m1 * rho * s * xi - 0.5 * m2 * rho**2))
    # X at an atom: the same rule serves for y.
    y, v = normal_rule(1.5 * s, np.array([y_low, y_high]))
    regions = (y <= y_low, (y > y_low) & (y < y_high), y >= y_high)
    for bound, sign in ((x_low, 1.0), (x_high, -1.0)):
        mass = float(ndtr(sign * bound))
        if mass == 0.0:
            continue
        given_y = ndtr(sign * (bound - rho * y) / s)
        total += float(v[regions[1]] @ rel_entr(given_y[regions[1]], mass))
        for region, other in ((regions[0], ndtr(y_low)), (regions[2], ndtr(-y_high))):
            total += float(rel_entr(v[region] @ given_y[region], mass * other))
    return max(0.0, total)


@register
@dataclass(frozen=True)
class CensoredResponse(Family):
    """Y = clip(ρ s + √(1 − ρ²) ε, low, high): a detection limit, a full scale, or both (Tobin 1958).

    In a third of the draws s is clipped, too.

    Options: min_mi, max_mi: the law of −½ ln(1 − ρ²), log-uniform. dy = 1 or dx = 1, up to 32.
    """

    name: ClassVar[str] = "censored-response"
    min_mi: float = 0.005
    max_mi: float = 3.0

    def __post_init__(self) -> None:
        check_range("max_mi", self.max_mi, self.min_mi, 3.5)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) == 1 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        y_bounds = _clip_bounds(rng)
        x_bounds = _clip_bounds(rng) if rng.random() < 1 / 3 else (-np.inf, np.inf)
        mi = censored_normal_mi(rho, *x_bounds, *y_bounds)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s = rng.standard_normal((n, 1))
            y = rho * s + np.sqrt(1.0 - rho * rho) * rng.standard_normal((n, 1))
            return np.clip(s, *x_bounds), np.clip(y, *y_bounds)

        parameters = {"rho": rho, "s_bounds": _finite(x_bounds), "y_bounds": _finite(y_bounds)}
        return respond(rng, dx, dy, random_swap(rng, dx, dy), mi, sample, parameters)


def _finite(bounds: tuple[float, float]) -> list[float | None]:
    """JSON knows no infinity: an absent bound is null."""
    return [b if np.isfinite(b) else None for b in bounds]


def _clip_bounds(rng: np.random.Generator) -> tuple[float, float]:
    """A lower bound, an upper one or both, that cut 3 % to 70 % of a standard normal each and leave a tenth between."""
    low, high = sorted(float(v) for v in ndtri(rng.uniform(0.03, 0.7, 2) * [1.0, -1.0] + [0.0, 1.0]))
    side = rng.random()
    if side < 0.4:
        return low, np.inf
    if side < 0.6 or ndtr(high) - ndtr(low) < 0.1:
        return -np.inf, high
    return low, high


def hurdle_normal_mi(rho: float, a: float, b: float) -> float:
    """I(s; Y) in nats for s ~ N(0, 1): Y > 0 with probability Φ(a + b s), then ln Y = ρ s + √(1 − ρ²) ε.

    The density of ln Y is φ(y) Φ((a + bρy) / √(1 + b²(1 − ρ²))); all integrals are one-dimensional.
    """
    var = (1.0 - rho) * (1.0 + rho)
    s, w = normal_rule(1.5 / max(1.0, abs(b)))
    positive = float(ndtr(a / np.sqrt(1.0 + b * b)))
    zero = ndtr(-a - b * s)
    total = float(w @ (rel_entr(zero, 1.0 - positive) + xlogy(ndtr(a + b * s), ndtr(a + b * s))))
    # The same rule serves for y. With f = φ g, −∫ f ln f = −∫ φ g ln g + ∫ φ g (y² + ln 2π)/2.
    g = ndtr((a + b * rho * s) / np.sqrt(1.0 + b * b * var))
    total += float(w @ (0.5 * g * s * s - xlogy(g, g)))
    return max(0.0, total - 0.5 * positive * (1.0 + np.log(var)))


@register
@dataclass(frozen=True)
class HurdleResponse(Family):
    """Zero-inflated continuous Y: 0 unless s passes a probit hurdle, else continuous and related to s (Cragg 1971).

    P(Y ≠ 0 | s) = Φ(a + b s); Y = exp(W), or W itself with the zeros in its middle, W = ρ s + √(1 − ρ²) ε.

    Options: min_mi, max_mi: the law of −½ ln(1 − ρ²), log-uniform. dy = 1 or dx = 1, up to 32.
    """

    name: ClassVar[str] = "hurdle-response"
    min_mi: float = 0.003
    max_mi: float = 3.0

    def __post_init__(self) -> None:
        check_range("max_mi", self.max_mi, self.min_mi, 3.5)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) == 1 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        b = 0.0 if rng.random() < 0.25 else float(rng.choice([-1.0, 1.0]) * np.exp(rng.uniform(-3.0, 1.2)))
        a = float(ndtri(rng.uniform(0.1, 0.95)) * np.sqrt(1.0 + b * b))
        positive = bool(rng.random() < 0.7)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s, e, hurdle = rng.standard_normal((3, n, 1))
            y = rho * s + np.sqrt(1.0 - rho * rho) * e
            return s, np.where(hurdle < a + b * s, np.exp(y) if positive else y, 0.0)

        parameters = {"rho": rho, "a": a, "b": b, "positive": positive}
        mi = hurdle_normal_mi(rho, a, b)
        return respond(rng, dx, dy, random_swap(rng, dx, dy), mi, sample, parameters)
