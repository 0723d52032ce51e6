"""Discrete X and discrete Y: tables and channels. The label is the MI of the joint table, in nats."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mutualist.datagen.families.tables import (
    TableDistribution,
    check_range,
    grid_codes,
    label_codes,
    quantised_normal_table,
    random_correlation,
    random_levels,
    random_pmf,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

MAX_STATES = 128


@register
@dataclass(frozen=True)
class ContingencyTable(Family):
    """Random tables p(i, j) = (1 − λ) p_x(i) p_y(j) + λ p_x(i) q(j | i): I = Σ p ln p / (p_x p_y), exact.

    The rows q are of one of four kinds: *dirichlet* (unordered, from near-deterministic to flat), *function*
    (Y = f(X), noisy), *ordered* (a Gaussian ridge, the wider the weaker) and *association* (log-linear in the
    product of scores, Goodman 1979). Half of the tables get their levels shuffled, so that order says nothing.
    Several columns: a state is a cell of a grid with 2-3 levels per column, or one-hot.

    Options: min_levels, max_levels: levels of one column. Supports dx, dy ≤ 4.
    """

    name: ClassVar[str] = "contingency-table"
    min_levels: int = 2
    max_levels: int = 20

    def __post_init__(self) -> None:
        check_range("min_levels", self.min_levels, 2, self.max_levels)
        check_range("max_levels", self.max_levels, 2, 128)

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= dx <= 4 and 1 <= dy <= 4

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        x_codes, y_codes = self._codes(rng, dx), self._codes(rng, dy)
        a, b = len(x_codes), len(y_codes)
        kind = str(rng.choice(["dirichlet", "function", "ordered", "association"]))
        rows, strength = _random_rows(rng, kind, a, random_pmf(rng, b))
        weight = 1.0 if rng.random() < 0.5 else float(rng.random())
        p_x = random_pmf(rng, a)
        table = p_x[:, None] * ((1.0 - weight) * (p_x @ rows) + weight * rows)
        shuffled = bool(rng.random() < 0.5)
        if shuffled:
            table = table[rng.permutation(a)][:, rng.permutation(b)]
        parameters = {
            "kind": kind,
            "strength": strength,
            "weight": weight,
            "levels": [a, b],
            "shuffled": shuffled,
        }
        return TableDistribution(table, parameters, x_codes, y_codes)

    def _codes(self, rng: np.random.Generator, columns: int) -> Array:
        if columns == 1:
            return label_codes(rng, random_levels(rng, self.min_levels, self.max_levels), 1)
        if columns > 2 and rng.random() < 0.3:
            return np.eye(columns)
        return grid_codes(tuple(int(k) for k in rng.integers(2, 4, columns)))


def _random_rows(rng: np.random.Generator, kind: str, a: int, p_y: Array) -> tuple[Array, float]:
    """Conditional probabilities q(j | i) of shape (a, b) and the number that sets their strength."""
    b = len(p_y)
    if kind == "dirichlet":
        strength = float(np.exp(rng.uniform(np.log(0.05), np.log(50.0))))
        rows = rng.standard_gamma(strength * b * p_y, (a, b)) + 1e-9 * p_y
    elif kind == "function":
        strength = 1.0 if rng.random() < 0.2 else float(rng.random())
        rows = (1.0 - strength) * np.tile(p_y, (a, 1))
        rows[np.arange(a), np.arange(a) % b if rng.random() < 0.5 else rng.integers(0, b, a)] += strength
    else:
        u, v = np.linspace(-1.0, 1.0, a)[:, None], np.linspace(-1.0, 1.0, b)
        if kind == "ordered":
            strength = float(np.exp(rng.uniform(np.log(0.08), np.log(3.0))))
            exponent = -0.5 * ((u - v) / strength) ** 2
        else:
            strength = float(np.exp(rng.uniform(np.log(0.1), np.log(10.0))))
            exponent = strength * u * v
        rows = p_y * np.exp(exponent - exponent.max(axis=1, keepdims=True))
        if rng.random() < 0.5:
            rows = rows[::-1]
    return rows / rows.sum(axis=1, keepdims=True), strength


@register
@dataclass(frozen=True)
class LatentClass(Family):
    """Columns that are independent given a hidden class z: p(x, y) = Σ_z w_z p(x | z) p(y | z).

    Lazarsfeld & Henry 1968. I is that of the joint table over all states of X and of Y, exact. Columns of one side
    depend on each other too.

    Options: max_classes. Supports dx, dy ≤ 6 (2-4 levels per column, at most 128 states a side).
    """

    name: ClassVar[str] = "latent-class"
    max_classes: int = 5

    def __post_init__(self) -> None:
        check_range("max_classes", self.max_classes, 2, 32)

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= dx <= 6 and 1 <= dy <= 6

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        classes = int(rng.integers(2, self.max_classes + 1))
        weights = random_pmf(rng, classes)
        concentration = float(np.exp(rng.uniform(np.log(0.05), np.log(8.0))))
        sides = []
        for columns in (dx, dy):
            most = max(k for k in (2, 3, 4) if k**columns <= MAX_STATES)
            levels = tuple(int(k) for k in rng.integers(2, most + 1, columns))
            given = np.ones((classes, 1))
            for k in levels:
                p = rng.standard_gamma(concentration, (classes, k)) + 1e-9
                p /= p.sum(axis=1, keepdims=True)
                given = (given[:, :, None] * p[:, None, :]).reshape(classes, -1)
            sides.append((given, grid_codes(levels), levels))
        (p_x, x_codes, x_levels), (p_y, y_codes, y_levels) = sides
        parameters = {
            "classes": classes,
            "weights": weights.tolist(),
            "concentration": concentration,
            "x_levels": list(x_levels),
            "y_levels": list(y_levels),
        }
        return TableDistribution((p_x.T * weights) @ p_y, parameters, x_codes, y_codes)


@register
@dataclass(frozen=True)
class SymmetricChannel(Family):
    """k-ary symmetric channel (Cover & Thomas 2006, 7.2): Y = X with probability 1 − e, else one of the other k − 1.

    Uniform X: I = ln k + (1 − e) ln(1 − e) + e ln(e / (k − 1)); else from the joint table. 1×1.

    Options: max_levels; max_error: e is drawn up to this share of (k − 1)/k, where I is 0.
    """

    name: ClassVar[str] = "symmetric-channel"
    max_levels: int = 20
    max_error: float = 1.0

    def __post_init__(self) -> None:
        check_range("max_levels", self.max_levels, 2, 128)
        check_range("max_error", self.max_error, 0.0, 1.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        k = random_levels(rng, 2, self.max_levels)
        p_x = np.full(k, 1.0 / k) if rng.random() < 0.5 else random_pmf(rng, k)
        return symmetric_channel(p_x, float(rng.random() * self.max_error * (k - 1) / k))


def symmetric_channel(p_x: Array, error: float) -> TableDistribution:
    """The symmetric channel with input probabilities `p_x` and the given probability of error."""
    k = len(p_x)
    rows = np.full((k, k), error / (k - 1))
    np.fill_diagonal(rows, 1.0 - error)
    return TableDistribution(p_x[:, None] * rows, {"levels": k, "error": error})


@register
@dataclass(frozen=True)
class BinaryChannel(Family):
    """Binary input through a symmetric, Z-, asymmetric or erasure channel (Cover & Thomas 2006, 7.1). 1×1.

    Uniform X: symmetric I = ln 2 − h(e); erasure I = (1 − e) ln 2, with h(e) = −e ln e − (1 − e) ln(1 − e).
    The erased symbol is a third level of Y, placed between the other two. The label comes from the table.
    """

    name: ClassVar[str] = "binary-channel"

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        p = 0.5 if rng.random() < 0.5 else float(rng.uniform(0.03, 0.97))
        kind = str(rng.choice(["symmetric", "z", "asymmetric", "erasure"]))
        e, f = (float(v) for v in rng.random(2))
        rows = {
            "symmetric": [[1 - e / 2, e / 2], [e / 2, 1 - e / 2]],
            "z": [[1, 0], [e, 1 - e]],
            "asymmetric": [[1 - e, e], [f, 1 - f]],
            "erasure": [[1 - e, e, 0], [0, e, 1 - e]],
        }[kind]
        table = np.array([[1.0 - p], [p]]) * np.array(rows, dtype=np.float64)
        return TableDistribution(table, {"kind": kind, "p": p})


@register
@dataclass(frozen=True)
class CorrelatedBernoulli(Family):
    """Two Bernoulli variables of means p, q and correlation φ within its Fréchet bounds. 1×1.

    p(1, 1) = pq + φ √(p(1 − p) q(1 − q)) (Teugels 1990); I from the 2×2 table.
    """

    name: ClassVar[str] = "correlated-bernoulli"

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        p, q = (float(v) for v in rng.uniform(0.03, 0.97, 2))
        low, high = max(0.0, p + q - 1.0), min(p, q)
        both = p * q + float(rng.random()) * ((high if rng.random() < 0.5 else low) - p * q)
        table = np.array([[1.0 - p - q + both, q - both], [p - both, both]])
        return TableDistribution(np.maximum(table, 0.0), {"p": p, "q": q})


@register
@dataclass(frozen=True)
class QuantisedNormal(Family):
    """Ordinal X and Y: a bivariate normal of correlation ρ cut into levels (Pearson's polychoric model). 1×1.

    I is that of the table, whose cells are rectangle probabilities of the bivariate normal, by quadrature to 1e-9.

    Options: max_levels; min_mi, max_mi: the law of the latent −½ ln(1 − ρ²), log-uniform.
    """

    name: ClassVar[str] = "quantised-normal"
    max_levels: int = 20
    min_mi: float = 0.003
    max_mi: float = 2.5

    def __post_init__(self) -> None:
        check_range("max_levels", self.max_levels, 2, 128)
        check_range("max_mi", self.max_mi, self.min_mi, 3.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        p_x, p_y = (random_pmf(rng, random_levels(rng, 2, self.max_levels)) for _ in range(2))
        parameters = {"rho": rho, "p_x": p_x.tolist(), "p_y": p_y.tolist()}
        return TableDistribution(quantised_normal_table(p_x, p_y, rho), parameters)
