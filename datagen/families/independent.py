"""Columns that depend on each other within X and within Y, and not at all between them: I = 0 exactly."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.tables import (
    random_levels,
    random_pmf,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


class _Side:
    """Columns of levels, or all of them counts, that share a hidden class.

    Of counts, `parameters` states the rates about which those of the classes lie.
    """

    def __init__(self, rng: np.random.Generator, columns: int) -> None:
        classes = int(rng.integers(1, 5))
        self._edges = np.cumsum(random_pmf(rng, classes))[:-1]
        self.parameters: dict[str, Any] = {"classes": classes}
        self._law: Array  # (classes, columns) rates of counts, or (classes, columns, k) cumulative of levels
        self._counts = rng.random() < 0.4
        if self._counts:
            rates = np.exp(rng.uniform(np.log(0.2), np.log(20.0), columns))
            self._law = rates * np.exp(rng.random() * rng.standard_normal((classes, columns)))
            self.parameters["rates"] = rates.tolist()
        else:
            k, concentration = random_levels(rng, 2, 20), float(np.exp(rng.uniform(np.log(0.3), np.log(20.0))))
            p = rng.standard_gamma(concentration, (classes, columns, k)) + 1e-6
            self._law = np.cumsum(p / p.sum(axis=2, keepdims=True), axis=2)
            self.parameters |= {"levels": k, "concentration": concentration}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        z = np.searchsorted(self._edges, rng.random(n), side="right")
        if self._counts:
            return rng.poisson(self._law[z]).astype(np.float64)
        return _levels(rng.random((n, self._law.shape[1])), z, self._law)


def _levels(u: Array, z: NDArray[np.integer], cumulative: Array) -> Array:
    """Levels (n, columns) of rows with hidden classes z (n,), from uniform u (n, columns)."""
    out = np.zeros_like(u)
    for level in range(cumulative.shape[2] - 1):
        out += u >= cumulative[z, :, level]
    return out


class _IndependentDiscrete(JointDistribution):
    mi = 0.0

    def __init__(self, rng: np.random.Generator, dx: int, dy: int) -> None:
        self.dx, self.dy = dx, dy
        self._x, self._y = _Side(rng, dx), _Side(rng, dy)
        self.parameters = {"x": self._x.parameters, "y": self._y.parameters}

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return self._x.sample(n, rng), self._y.sample(n, rng)


@register
@dataclass(frozen=True)
class IndependentDiscrete(Family):
    """Discrete X independent of discrete Y: I = 0 exactly. Any dx, dy up to 64.

    The columns of a side are of 2 to 20 levels, or Poisson counts, and depend on each other through a hidden class.
    """

    name: ClassVar[str] = "independent-discrete"

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= dx <= 64 and 1 <= dy <= 64

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        return _IndependentDiscrete(rng, dx, dy)


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
            x = _levels(u, rng.integers(0, classes, n), cumulative)
            y = rng.standard_normal((n, continuous)) @ mixing * np.exp(tail * rng.standard_normal((n, 1)))
            return (y, x) if swapped else (x, y)

        parameters = {"classes": classes, "levels": levels, "tail": tail, "swapped": swapped}
        return Labelled(dx, dy, 0.0, sample, parameters)
