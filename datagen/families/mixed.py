"""One side discrete and the other continuous, or both with atoms. Labels in nats: closed form, or 1-D quadrature."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, psi, rel_entr, xlogy

from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import LiftedPair, random_lift, random_swap
from mutualist.datagen.families.tables import (
    check_range,
    entropy,
    label_codes,
    panels,
    random_correlation,
    random_levels,
    random_pmf,
    table_mi,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

MAX_COLUMNS = 32


def staggered_uniform_mi(p_x: Array, width: float) -> float:
    """I(X; Y) in nats for X on 0..m−1 with probabilities `p_x`, Y | X ~ U(X, X + width): −∫ f ln f − ln width.

    Uniform X and width 2: ln m − (m − 1) ln 2 / m (Gao, Kannan, Oh & Viswanath 2017, arXiv:1709.06212, sect. 5).
    """
    starts = np.arange(len(p_x), dtype=np.float64)
    breaks = np.unique(np.concatenate([starts, starts + width]))
    middle = 0.5 * (breaks[1:] + breaks[:-1])
    density = ((middle[:, None] > starts) & (middle[:, None] < starts + width)) @ p_x / width
    return max(0.0, float(-np.diff(breaks) @ xlogy(density, density)) - np.log(width))


@register
@dataclass(frozen=True)
class StaggeredUniform(Family):
    """Gao's discrete X with continuous Y: X on 0..m−1, Y | X ~ U(X, X + w), or swapped. 1×1.

    I by `staggered_uniform_mi`.

    Options: max_levels. Half of the draws are the published ones: uniform X and w = 2; else w is in 0.3..6.
    """

    name: ClassVar[str] = "staggered-uniform"
    max_levels: int = 20

    def __post_init__(self) -> None:
        check_range("max_levels", self.max_levels, 2, 1000)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        m = random_levels(rng, 2, self.max_levels)
        published = rng.random() < 0.5
        p_x = np.full(m, 1.0 / m) if published else random_pmf(rng, m)
        width = 2.0 if published else float(np.exp(rng.uniform(np.log(0.3), np.log(6.0))))
        return staggered_uniform(p_x, width, bool(rng.random() < 0.5))


def staggered_uniform(p_x: Array, width: float, swapped: bool = False) -> JointDistribution:
    """X on 0..m−1 with probabilities `p_x`, Y | X ~ U(X, X + width); with `swapped` the other way round."""
    cumulative = np.cumsum(p_x)[:-1]

    def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        u = rng.random((2, n, 1))
        x = np.searchsorted(cumulative, u[0], side="right").astype(np.float64)
        y = x + width * u[1]
        return (y, x) if swapped else (x, y)

    parameters = {"p_x": p_x.tolist(), "width": width, "swapped": swapped}
    return Labelled(1, 1, staggered_uniform_mi(p_x, width), sample, parameters)


# Class-conditional laws of unit scale: log density, sampler, and the breaks between which the density is smooth, out
# to where what is left is below 1e-9.
def _log_student3(t: Array) -> Array:
    return np.asarray(np.log(2.0 / (np.pi * np.sqrt(3.0))) - 2.0 * np.log1p(t * t / 3.0))


LAWS: dict[str, Any] = {
    "normal": (
        lambda t: -0.5 * t * t - 0.5 * np.log(2.0 * np.pi),
        lambda rng, n: rng.standard_normal(n),
        [-9.0, -6.5, -4.5, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 9.0],
    ),
    "laplace": (
        lambda t: -np.abs(t) - np.log(2.0),
        lambda rng, n: rng.laplace(size=n),
        [-24.0, -16.0, -10.0, -6.0, -3.5, -1.5, 0.0, 1.5, 3.5, 6.0, 10.0, 16.0, 24.0],
    ),
    "logistic": (
        lambda t: -np.abs(t) - 2.0 * np.log1p(np.exp(-np.abs(t))),
        lambda rng, n: rng.logistic(size=n),
        [-25.0, -17.0, -11.0, -7.0, -4.0, -2.0, 0.0, 2.0, 4.0, 7.0, 11.0, 17.0, 25.0],
    ),
    "uniform": (
        lambda t: np.where((t >= 0.0) & (t < 1.0), 0.0, -np.inf),
        lambda rng, n: rng.random(n),
        [0.0, 1.0],
    ),
    "exponential": (
        lambda t: np.where(t >= 0.0, -t, -np.inf),
        lambda rng, n: rng.standard_exponential(n),
        [0.0, 1.5, 3.5, 6.0, 10.0, 16.0, 24.0],
    ),
    "student-3": (
        _log_student3,
        lambda rng, n: rng.standard_t(3.0, n),
        [*(-np.logspace(3.5, 0.0, 12)), 0.0, *np.logspace(0.0, 3.5, 12)],
    ),
}


def class_conditional_mi(p_x: Array, law: str, places: Array, scales: Array) -> float:
    """I(X; Y) = Σ_k p_k ∫ f_k ln f_k / f in nats, f_k the law of `places[k] + scales[k]` T, by piecewise quadrature."""
    log_density, _, offsets = LAWS[law]
    y, w = panels(np.unique(places[:, None] + scales[:, None] * np.array(offsets)), 8)
    f = np.exp(log_density((y - places[:, None]) / scales[:, None])) / scales[:, None]
    return max(0.0, float(p_x @ rel_entr(f, p_x @ f) @ w))


@register
@dataclass(frozen=True)
class ClassConditional(Family):
    """A class X and a continuous Y | X = k ~ place_k + scale_k T, I by quadrature (`class_conditional_mi`).

    T is normal, Laplace, logistic, uniform, exponential or Student-t(3). Y is one column or a lift of one: with the
    linear lift and normal T, the model of linear discriminant analysis with classes in a row; with the radial lift,
    classes as shells. X is a number, one-hot or another code.

    Options: max_classes. dx ≤ 8 for the class, dy ≤ 32, or swapped.
    """

    name: ClassVar[str] = "class-conditional"
    max_classes: int = 8

    def __post_init__(self) -> None:
        check_range("max_classes", self.max_classes, 2, 30)

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= min(dx, dy) <= 8 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        swapped = random_swap(rng, dx, dy, 8)
        columns, lifted = (dx, dy) if swapped else (dy, dx)
        classes = columns if columns > 2 else random_levels(rng, 2, self.max_classes)
        codes = label_codes(rng, classes, columns)
        p_x = random_pmf(rng, classes)
        law = str(rng.choice(list(LAWS)))
        spread = float(np.exp(rng.uniform(np.log(0.05), np.log(8.0))))
        places = spread * (np.arange(classes) if rng.random() < 0.4 else rng.standard_normal(classes))
        scales = np.ones(classes) if rng.random() < 0.5 else np.exp(rng.uniform(-1.2, 1.2, classes))
        mi = class_conditional_mi(p_x, law, places, scales)
        centre, width = float(p_x @ places), float(np.sqrt(p_x @ (scales**2 + (places - p_x @ places) ** 2)))
        cumulative = np.cumsum(p_x)[:-1]
        draw_law = LAWS[law][1]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            k = np.searchsorted(cumulative, rng.random(n), side="right")
            y = places[k] + scales[k] * draw_law(rng, n)
            # Lifts expect a variable of about unit scale.
            return ((y - centre) / width)[:, None], codes[k]

        kinds = ("identity",) if lifted == 1 else ("linear", "linear", "radial", "parity")
        lift = random_lift(rng, lifted, kinds)
        parameters = {
            "law": law,
            "p": p_x.tolist(),
            "places": places.tolist(),
            "scales": scales.tolist(),
            "codes": codes.tolist(),
        }
        return LiftedPair(dx, dy, mi, sample, parameters, lift=lift, swapped=swapped)


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


@register
@dataclass(frozen=True)
class IndependentMixed(Family):
    """Discrete columns on one side, continuous ones on the other, independent: I = 0 exactly. Any dx, dy up to 64.

    The columns of each side depend on each other: through a hidden class, and through a common scale.
    """

    name: ClassVar[str] = "independent-mixed"

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) >= 1 and max(dx, dy) <= 64

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        swapped = bool(rng.random() < 0.5)
        discrete, continuous = (dy, dx) if swapped else (dx, dy)
        classes, levels = int(rng.integers(1, 5)), random_levels(rng, 2, 20)
        p = np.array([[random_pmf(rng, levels) for _ in range(discrete)] for _ in range(classes)])
        cumulative = np.cumsum(p, axis=2)
        mixing = rng.standard_normal((continuous, continuous))
        tail = float(rng.uniform(0.0, 1.0))

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            u = rng.random((n, discrete))
            chosen = cumulative[rng.integers(0, classes, n)]
            x = np.zeros_like(u)
            for level in range(levels - 1):
                x += u >= chosen[:, :, level]
            y = rng.standard_normal((n, continuous)) @ mixing * np.exp(tail * rng.standard_normal((n, 1)))
            return (y, x) if swapped else (x, y)

        parameters = {"classes": classes, "levels": levels, "tail": tail, "swapped": swapped}
        return Labelled(dx, dy, 0.0, sample, parameters)
