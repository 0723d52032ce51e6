"""Columns that add nothing to the MI, for shapes wider than a family supplies."""

from typing import Any

import numpy as np

from mutualist.datagen.interface import Array, JointDistribution

INDEPENDENT = ("normal", "uniform", "student", "exponential", "levels")


class Filled(JointDistribution):
    """`base` with `extra_x` further columns of X and `extra_y` of Y, in random order; MI is that of `base`.

    A further column is independent of everything, or a function of columns of its own side plus noise of its own:
    then X' – X – Y is a Markov chain and I(X, X'; Y) = I(X; Y) (Cover & Thomas, sec. 2.8).
    """

    def __init__(self, base: JointDistribution, rng: np.random.Generator, extra_x: int, extra_y: int) -> None:
        self.base = base
        self.dx, self.dy = base.dx + extra_x, base.dy + extra_y
        self.mi, self.mi_stderr = base.mi, base.mi_stderr
        self._x, self._y = _draw_columns(rng, base.dx, extra_x), _draw_columns(rng, base.dy, extra_y)
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


def _draw_columns(rng: np.random.Generator, d: int, count: int) -> list[dict[str, Any]]:
    """What each further column is, for a side that has d."""
    columns: list[dict[str, Any]] = []
    derive = rng.random() < 0.3
    for _ in range(count):
        if derive and rng.random() < 0.5:
            weights = rng.standard_normal(d)
            columns.append(
                {
                    "kind": "derived",
                    "weights": weights.tolist(),
                    "function": ("linear", "square", "sine", "abs")[int(rng.integers(4))],
                    "noise": float(rng.uniform(0, 1) if rng.random() < 0.5 else 0.0),
                }
            )
        else:
            columns.append({"kind": INDEPENDENT[int(rng.choice(len(INDEPENDENT), p=(0.4, 0.2, 0.2, 0.1, 0.1)))]})
    return columns


def _fill(rng: np.random.Generator, values: Array, columns: list[dict[str, Any]]) -> Array:
    if not columns:
        return values
    n = len(values)
    return np.column_stack([values, *(_column(rng, values, n, column) for column in columns)])


def _column(rng: np.random.Generator, values: Array, n: int, column: dict[str, Any]) -> Array:
    kind = column["kind"]
    if kind == "normal":
        return rng.standard_normal(n)
    if kind == "uniform":
        return rng.random(n)
    if kind == "student":
        return rng.standard_t(2.0, size=n)
    if kind == "exponential":
        return rng.standard_exponential(n)
    if kind == "levels":
        return rng.integers(0, 4, size=n).astype(np.float64)
    # asinh keeps heavy tails within float32 after squaring, and is a function of the same side like any other.
    t = np.arcsinh(values) @ np.asarray(column["weights"])
    derived = {"linear": t, "square": t * t, "sine": np.sin(2 * t), "abs": np.abs(t)}[column["function"]]
    return derived + column["noise"] * rng.standard_normal(n)
