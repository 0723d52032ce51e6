"""One side discrete and the other continuous, or both with atoms. Labels in nats: closed form, or 1-D quadrature."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import rel_entr, xlogy

from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import MAX_COLUMNS, LiftedPair, random_lift, random_swap
from mutualist.datagen.families.quadrature import panels
from mutualist.datagen.families.tables import (
    check_range,
    label_codes,
    random_levels,
    random_pmf,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


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
        check_range("max_classes", self.max_classes, 2, 128)

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
