"""A share of the rows carries the signal, the others are unrelated pairs. MI by Monte Carlo, in nats."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from mutualist.datagen.families.archimedean import ARCHIMEDEAN
from mutualist.datagen.families.copulas import finish, rotate
from mutualist.datagen.families.labelled import (
    Labelled,
    check_names,
    check_range,
    draw_target,
    pick,
    random_signs,
)
from mutualist.datagen.families.montecarlo import monte_carlo_information
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

KINDS = ("normal", *ARCHIMEDEAN)


def contaminated_information(
    log_ratio: Callable[[int, np.random.Generator], tuple[Array, Array]], share: float, rng: np.random.Generator
) -> tuple[float, float]:
    """MI in nats, and its standard error, of the mixture share · joint + (1 - share) · product of its margins.

    The margins of the mixture are those of the joint law, so its density ratio is share · r + 1 - share with r that of
    the joint law. `log_ratio(n, rng)` gives ln r at n draws of the joint law and at n draws of the product. One draw of
    the statistic is the weighted mean over one of each kind; 1 / (share · r + 1 - share), of mean 1 and bounded, is its
    control variate.
    """
    keep = np.log1p(-share)

    def draw(n: int) -> tuple[Array, list[Array]]:
        s_joint, s_product = (np.logaddexp(np.log(share) + log_r, keep) for log_r in log_ratio(n, rng))
        s = share * s_joint + (1 - share) * s_product
        return s, [share * np.exp(-s_joint) + (1 - share) * np.exp(-s_product) - 1]

    return monte_carlo_information(draw, log_ratio=False)


def _normal_log_ratio(z: Array, w: Array, rho: Array) -> Array:
    """ln p(z, w) / p(z) p(w) for pairs of columns that are standard normal with correlations rho."""
    square = 1 - rho * rho
    quadratic = (rho * rho * (z * z + w * w) - 2 * rho * z * w) / (2 * square)
    return np.asarray(-quadratic.sum(axis=1) - 0.5 * np.log(square).sum())


@register
@dataclass(frozen=True)
class Contaminated(Family):
    """Rows are dependent with probability p, and otherwise X and Y of two different draws: same margins, unrelated.

    The dependent rows come from correlated normal pairs of columns (any dimensions; the other columns are independent),
    or in 1x1 also from a Clayton, Frank, Gumbel or Joe copula. MI = E[ln(p r + 1 - p)], r the density ratio of the
    dependent rows, by Monte Carlo (`contaminated_information`), in nats.

    Attributes:
        kinds: `normal` and copulas of `ARCHIMEDEAN`.
        share: range of p, uniform.
        mi: range of the MI of the dependent rows.
        most_pairs: upper limit of the number of correlated pairs of columns.
    """

    name: ClassVar[str] = "contaminated"
    kinds: tuple[str, ...] = ("normal", *KINDS)
    share: tuple[float, float] = (0.05, 0.95)
    mi: tuple[float, float] = (0.1, 4.0)
    most_pairs: int = 4

    def __post_init__(self) -> None:
        check_names("contaminated: kinds", self.kinds, KINDS)
        check_range("contaminated: share", self.share)
        check_range("contaminated: mi", self.mi)
        check_range("contaminated: most_pairs", (self.most_pairs, self.most_pairs))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        share = float(rng.uniform(*self.share))
        target = draw_target(rng, *self.mi)
        kind = pick(rng, self.kinds) if dx == dy == 1 else "normal"
        if kind == "normal":
            return self._normal(rng, dx, dy, share, target)
        return self._copula(rng, kind, share, min(target, 3.0))

    def _normal(self, rng: np.random.Generator, dx: int, dy: int, share: float, target: float) -> JointDistribution:
        count = 1 + int(rng.random() * min(dx, dy, self.most_pairs))
        parts = target * rng.dirichlet(np.full(count, 2.0))
        rho = np.sqrt(-np.expm1(-2 * parts)) * random_signs(rng, count)
        rest = np.sqrt(1 - rho * rho)

        def log_ratio(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            z, w = rng.standard_normal((2, n, count))
            return _normal_log_ratio(z, rho * z + rest * w, rho), _normal_log_ratio(z, w, rho)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = rng.standard_normal((n, dx)), rng.standard_normal((n, dy))
            signal = rng.random(n) < share
            y[signal, :count] = rho * x[signal, :count] + rest * y[signal, :count]
            return x, y

        estimate = partial(contaminated_information, log_ratio, share)
        mi, stderr = estimate(rng)
        parameters = {"kind": "normal", "share": share, "rho": rho.tolist()}
        return Labelled(dx, dy, mi, sample, parameters, stderr, estimate)

    def _copula(self, rng: np.random.Generator, kind: str, share: float, target: float) -> JointDistribution:
        copula = ARCHIMEDEAN[kind]
        theta = copula.theta_for(target)
        rotation, margin = 90 * int(rng.integers(4)), pick(rng, ("uniform", "normal"))

        def log_ratio(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            uv = np.clip(copula.sample(theta, n, rng), 1e-15, 1 - 1e-15)
            independent = np.clip(rng.random((2, n)), 1e-15, 1 - 1e-15)
            return copula.log_density(theta, *uv), copula.log_density(theta, *independent)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            u, v = copula.sample(theta, n, rng)
            v = np.where(rng.random(n) < share, v, rng.random(n))
            u, v = rotate(u, v, rotation)
            return finish(u, margin)[:, None], finish(v, margin)[:, None]

        estimate = partial(contaminated_information, log_ratio, share)
        mi, stderr = estimate(rng)
        parameters: dict[str, Any] = {"kind": kind, "share": share, "theta": theta, "rotation": rotation}
        return Labelled(1, 1, mi, sample, parameters | {"margin": margin}, stderr, estimate)
