"""Columns that are zero, or at other atoms, in a share of the rows, and continuous or counts in the rest. In nats."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammaln, psi, xlogy

from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import MAX_COLUMNS, LiftedPair, random_lift, random_swap
from mutualist.datagen.families.quadrature import panels
from mutualist.datagen.families.tables import (
    check_range,
    entropy,
    random_correlation,
    random_levels,
    table_mi,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


@register
@dataclass(frozen=True)
class ZeroInflatedPair(Family):
    """Two positive variables with zeros each, as in gene expression: the zeros are dependent, and so are the rest.

    X = B_x exp(U), Y = B_y exp(V), (B_x, B_y) of any 2×2 table p, (U, V) bivariate normal of correlation ρ:
    I = I(B_x; B_y) − ½ p(1, 1) ln(1 − ρ²), since U and V have the same margins whatever B_x and B_y are. 1×1.

    Options: min_mi, max_mi: the law of −½ ln(1 − ρ²), log-uniform.
    """

    name: ClassVar[str] = "zero-inflated-pair"
    min_mi: float = 0.005
    max_mi: float = 3.0

    def __post_init__(self) -> None:
        check_range("max_mi", self.max_mi, self.min_mi, 5.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        p, q = (float(v) for v in rng.uniform(0.1, 0.95, 2))
        low, high = max(0.0, p + q - 1.0), min(p, q)
        both = p * q + float(rng.random() * rng.random()) * ((high if rng.random() < 0.7 else low) - p * q)
        table = np.maximum(np.array([[1.0 - p - q + both, q - both], [p - both, both]]), 0.0)
        mi = table_mi(table) - 0.5 * both * np.log1p(-rho * rho)
        cumulative = np.cumsum(table)[:-1]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            cell = np.searchsorted(cumulative, rng.random((n, 1)), side="right")
            u, e = rng.standard_normal((2, n, 1))
            v = rho * u + np.sqrt(1.0 - rho * rho) * e
            return np.where(cell >= 2, np.exp(u), 0.0), np.where(cell % 2 == 1, np.exp(v), 0.0)

        return Labelled(1, 1, mi, sample, {"rho": rho, "table": table.tolist()})


@register
@dataclass(frozen=True)
class AtomsAndNormal(Family):
    """A share of rows on a grid of atoms with a joint table, the rest bivariate normal (Gao et al. 2017, experiment I).

    Which part a row comes from can be read off X and off Y, so I = h(q) + q I(table) − ½ (1 − q) ln(1 − ρ²), where
    h(q) = −q ln q − (1 − q) ln(1 − q) and q is the share of atoms. 1×1.

    Options: max_levels of the table; min_mi, max_mi: the law of −½ ln(1 − ρ²), log-uniform.
    """

    name: ClassVar[str] = "atoms-and-normal"
    max_levels: int = 5
    min_mi: float = 0.005
    max_mi: float = 2.0

    def __post_init__(self) -> None:
        check_range("max_levels", self.max_levels, 1, 30)
        check_range("max_mi", self.max_mi, self.min_mi, 5.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        share = float(np.exp(rng.uniform(np.log(0.01), np.log(0.9))))
        a, b = (random_levels(rng, 1, self.max_levels) for _ in range(2))
        table = rng.standard_gamma(np.exp(rng.uniform(-1.5, 2.0)), (a, b)) + 1e-9
        table /= table.sum()
        mi = entropy(np.array([share, 1.0 - share])) + share * table_mi(table)
        mi -= 0.5 * (1.0 - share) * np.log1p(-rho * rho)
        x_atoms, y_atoms = (rng.uniform(-2.0, 2.0, k) for k in (a, b))
        cumulative = np.cumsum(table)[:-1]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            atom = rng.random((n, 1)) < share
            i, j = np.divmod(np.searchsorted(cumulative, rng.random((n, 1)), side="right"), b)
            x, e = rng.standard_normal((2, n, 1))
            y = rho * x + np.sqrt(1.0 - rho * rho) * e
            return np.where(atom, x_atoms[i], x), np.where(atom, y_atoms[j], y)

        parameters = {"rho": rho, "share": share, "table": table.tolist()}
        parameters |= {"x_atoms": x_atoms.tolist(), "y_atoms": y_atoms.tolist()}
        return Labelled(1, 1, mi, sample, parameters)


def zero_inflated_poisson_mi(shape: float, mean: float, inflation: float) -> float:
    """I(X; Y) in nats for X ~ Gamma(shape), rate λ = X mean / shape, Y ~ Poisson(λ), set to 0 with prob. `inflation`.

    I = E ln p(Y | X) − E ln p(Y). Y is zero-inflated negative binomial; given Y = y ≥ 1, λ is gamma again, which makes
    that part a sum; y = 0 is a quadrature over ln λ. For inflation 0 and shape 1: the Poisson-exponential pair. The
    formula (1 − p) I(p = 0), in circulation for p > 0, would need the extra zeros to be told from the Poisson ones.
    """
    scale = mean / shape
    tail = mean + 30.0 * scale + 8.0 * np.sqrt(mean * (1.0 + scale)) + 30.0
    y = np.arange(1.0, tail)
    log_q = -np.log1p(1.0 / scale)  # ln of scale / (1 + scale)
    log_zero = -shape * np.log1p(scale)
    log_nb = gammaln(shape + y) - gammaln(shape) - gammaln(y + 1.0) + log_zero + y * log_q
    weights = (1.0 - inflation) * np.exp(log_nb)
    rate = 1.0 + 1.0 / scale
    log_likelihood = y * (psi(shape + y) - np.log(rate)) - (shape + y) / rate - gammaln(y + 1.0)
    total = float(weights @ (log_likelihood - log_nb))
    zero = inflation + (1.0 - inflation) * np.exp(log_zero)
    top = np.log(scale * (shape + 8.0 * np.sqrt(shape) + 30.0))
    t, w = panels(np.linspace(top - 32.0 / min(shape, 1.0) - 4.0, top, 49))
    rates = np.exp(t)
    density = np.exp(shape * (t - np.log(scale)) - rates / scale - gammaln(shape))
    given = inflation + (1.0 - inflation) * np.exp(-rates)
    return max(0.0, total + float((w * density) @ xlogy(given, given)) - float(xlogy(zero, zero)))


@register
@dataclass(frozen=True)
class ZeroInflatedPoisson(Family):
    """X ~ Gamma(shape) (half of the time exponential), Y ~ Poisson of mean proportional to X, with extra zeros.

    I by `zero_inflated_poisson_mi`. X is one column or a lift of one.

    Options: max_mean: E of the Poisson rate is log-uniform on 0.1..max_mean. dy = 1 or dx = 1, up to 32.
    """

    name: ClassVar[str] = "zero-inflated-poisson"
    max_mean: float = 60.0

    def __post_init__(self) -> None:
        check_range("max_mean", self.max_mean, 0.1, 1000.0)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) == 1 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        swapped = random_swap(rng, dx, dy)
        shape = 1.0 if rng.random() < 0.5 else float(np.exp(rng.uniform(np.log(0.4), np.log(8.0))))
        mean = float(np.exp(rng.uniform(np.log(0.1), np.log(self.max_mean))))
        inflation = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.02, 0.8))
        mi = zero_inflated_poisson_mi(shape, mean, inflation)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = rng.standard_gamma(shape, (n, 1))
            y = np.where(rng.random((n, 1)) < inflation, 0, rng.poisson(x * (mean / shape)))
            return x, y.astype(np.float64)

        columns = dy if swapped else dx
        lift = random_lift(rng, columns, ("identity",) if columns == 1 else ("linear", "linear", "radial", "parity"))
        parameters = {"shape": shape, "mean": mean, "inflation": inflation}
        return LiftedPair(dx, dy, mi, sample, parameters, lift=lift, swapped=swapped)
