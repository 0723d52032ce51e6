"""Columns that add nothing to the MI, for shapes wider than a family supplies."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mutualist.datagen.families.tables import random_levels
from mutualist.datagen.interface import Array, JointDistribution

INDEPENDENT = ("normal", "uniform", "student", "exponential", "levels", "counts")
DERIVED = ("projection", "copy", "cut", "pair")
_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda s: s,
    "square": np.square,
    "sine": lambda s: np.sin(2 * s),
    "abs": np.abs,
}
_PAIRS: dict[str, Callable[[Array, Array], Array]] = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "product": np.multiply,
    "difference": np.subtract,
}
_PILOT_ROWS = 64  # from which the scale of a column is known before the rows of a record are drawn


class Filled(JointDistribution):
    """`base` with `extra_x` further columns of X and `extra_y` of Y, in random order; MI is that of `base`.

    A further column is independent of everything, or a function of columns of its own side plus noise of its own:
    then X' – X – Y is a Markov chain and I(X, X'; Y) = I(X; Y) (Cover & Thomas, sec. 2.8). As it may be made of such
    columns again, whole trees of columns come about of which one tells all: the redundant columns that tables are full
    of, such as totals, classes of a size, a second reading of an instrument.
    """

    def __init__(self, base: JointDistribution, rng: np.random.Generator, extra_x: int, extra_y: int) -> None:
        self.base = base
        self.dx, self.dy = base.dx + extra_x, base.dy + extra_y
        self.mi, self.mi_stderr = base.mi, base.mi_stderr
        pilot_x, pilot_y = base.sample(_PILOT_ROWS, rng)
        self._x, self._y = _draw_columns(rng, pilot_x, extra_x), _draw_columns(rng, pilot_y, extra_y)
        self._order_x, self._order_y = rng.permutation(self.dx), rng.permutation(self.dy)
        self.parameters: dict[str, Any] = {
            **base.parameters,
            "filled": {
                "x": self._x,
                "y": self._y,
                "order_x": self._order_x.tolist(),
                "order_y": self._order_y.tolist(),
            },
        }

    def blocks(self) -> list[JointDistribution]:
        return self.base.blocks()

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        x, y = self.base.sample(n, rng)
        return _fill(rng, x, self._x)[:, self._order_x], _fill(rng, y, self._y)[:, self._order_y]


def _draw_columns(rng: np.random.Generator, pilot: Array, count: int) -> list[dict[str, Any]]:
    """What each further column is, for a side of which some rows are given."""
    columns: list[dict[str, Any]] = []
    derive = rng.random() < 0.5
    discrete = rng.random() < 0.15  # nothing but levels and counts beside what is there
    shares = (0, 0, 0, 0, 0.5, 0.5) if discrete else (0.4, 0.2, 0.18, 0.08, 0.08, 0.06)
    for _ in range(count):
        if derive and rng.random() < 0.7:
            columns.append(_draw_derived(rng, pilot))
        else:
            columns.append(_draw_independent(rng, INDEPENDENT[int(rng.choice(len(INDEPENDENT), p=shares))]))
        pilot = np.column_stack([pilot, _column(rng, pilot, columns[-1])])
    return columns


def _draw_independent(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    if kind == "levels":
        return {"kind": kind, "levels": random_levels(rng, 2, 12)}
    if kind == "counts":
        return {"kind": kind, "rate": float(np.exp(rng.uniform(np.log(0.2), np.log(20.0))))}
    return {"kind": kind}


def _draw_derived(rng: np.random.Generator, pilot: Array) -> dict[str, Any]:
    """A column made of the first columns of `pilot`, which were scaled by it, and noise."""
    kind = DERIVED[int(rng.choice(len(DERIVED), p=(0.3, 0.4, 0.1, 0.2)))]
    if kind == "pair" and pilot.shape[1] == 1:
        kind = "copy"
    of = np.arange(pilot.shape[1])
    if kind != "projection":
        of = rng.permutation(of)[: 2 if kind == "pair" else 1]
    noise = float(0.05 * 40 ** rng.random()) if rng.random() < 0.75 else 0.0
    column: dict[str, Any] = {"kind": kind, "of": of.tolist(), "noise": noise}
    location, scale = pilot[:, of].mean(0), pilot[:, of].std(0)
    column |= {"location": location.tolist(), "scale": np.where(scale > 0, scale, 1.0).tolist()}
    if kind == "projection":
        weights = rng.standard_normal(len(of)) / len(of) ** 0.5
        column |= {"weights": weights.tolist(), "function": _one_of(rng, _FUNCTIONS)}
    elif kind == "cut":
        column |= {"at": np.sort(rng.standard_normal(int(rng.integers(1, 8)))).tolist(), "noise": 0.0}
    elif kind == "pair":
        column["function"] = _one_of(rng, _PAIRS)
    return column


def _one_of(rng: np.random.Generator, functions: Mapping[str, Any]) -> str:
    return list(functions)[int(rng.integers(len(functions)))]


def _fill(rng: np.random.Generator, values: Array, columns: list[dict[str, Any]]) -> Array:
    for column in columns:
        values = np.column_stack([values, _column(rng, values, column)])
    return values


def _column(rng: np.random.Generator, values: Array, column: dict[str, Any]) -> Array:
    kind, n = column["kind"], len(values)
    if kind == "normal":
        return rng.standard_normal(n)
    if kind == "uniform":
        return rng.random(n)
    if kind == "student":
        return rng.standard_t(2.0, size=n)
    if kind == "exponential":
        return rng.standard_exponential(n)
    if kind == "levels":
        return rng.integers(0, column["levels"], size=n).astype(np.float64)
    if kind == "counts":
        return rng.poisson(column["rate"], size=n).astype(np.float64)
    derived = _derived(values, column)
    return derived + column["noise"] * rng.standard_normal(n) if column["noise"] else derived


def _derived(values: Array, column: dict[str, Any]) -> Array:
    """What a derived column is but for its noise: (n,), for columns of its side (n, d) of which it knows the first."""
    # asinh keeps heavy tails within float32 after squaring, and is a function of the same side like any other.
    t = np.arcsinh((values[:, column["of"]] - column["location"]) / column["scale"])
    if column["kind"] == "cut":
        return np.searchsorted(column["at"], t[:, 0]).astype(np.float64)
    if column["kind"] == "pair":
        a, b = t.T
        return _PAIRS[column["function"]](a, b)
    if column["kind"] == "projection":
        return _FUNCTIONS[column["function"]](t @ np.asarray(column["weights"]))
    return t[:, 0]
