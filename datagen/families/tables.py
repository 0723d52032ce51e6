"""Discrete joint distributions as a table of probabilities: mutual information, sampling, helpers.

Values are float64. Ties are the point: rows repeat, and an estimator has to live with that.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, rel_entr

from mutualist.datagen.families.quadrature import normal_panels
from mutualist.datagen.interface import Array, JointDistribution
from mutualist.errors import ConfigError

# A table larger than this is left out of the stored parameters; the seed path makes it again.
STORED_CELLS = 64


def table_mi(table: Array) -> float:
    """I(X; Y) = Σ p ln p / (p_x p_y) in nats for joint probabilities of shape (a, b) (Cover & Thomas 2006, 2.28)."""
    independent = np.outer(table.sum(axis=1), table.sum(axis=0))
    return max(0.0, float(rel_entr(table, independent).sum()))


def entropy(probabilities: Array) -> float:
    """−Σ p ln p in nats."""
    return -float(rel_entr(probabilities, np.ones_like(probabilities)).sum())


class TableDistribution(JointDistribution):
    """A finite joint distribution: state i of X is written as the row `x_codes[i]`, state j of Y as `y_codes[j]`.

    Args:
        table: joint probabilities of shape (a, b); normalised here.
        parameters: what defines the table; up to `STORED_CELLS` cells the table itself is added.
        x_codes, y_codes: values of shapes (a, dx) and (b, dy), rows distinct; by default the state's number.
    """

    def __init__(
        self,
        table: Array,
        parameters: dict[str, Any],
        x_codes: Array | None = None,
        y_codes: Array | None = None,
    ) -> None:
        table = table / table.sum()
        self._cumulative = np.cumsum(table)[:-1]
        self._columns = table.shape[1]
        self._x_codes = numbers(table.shape[0]) if x_codes is None else x_codes
        self._y_codes = numbers(table.shape[1]) if y_codes is None else y_codes
        self.dx, self.dy = self._x_codes.shape[1], self._y_codes.shape[1]
        self.mi = table_mi(table)
        self.parameters = parameters
        if table.size <= STORED_CELLS:
            self.parameters = {**parameters, "table": table.tolist()}

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        cells = np.searchsorted(self._cumulative, rng.random(n), side="right")
        i, j = np.divmod(cells, self._columns)
        return self._x_codes[i], self._y_codes[j]


def numbers(states: int) -> Array:
    """0, 1, …, states − 1 as codes of shape (states, 1)."""
    return np.arange(states, dtype=np.float64)[:, None]


def grid_codes(levels: tuple[int, ...]) -> Array:
    """All rows of a grid with the given number of levels per column, shape (Π levels, len(levels))."""
    return np.indices(levels).reshape(len(levels), -1).T.astype(np.float64)


def label_codes(rng: np.random.Generator, states: int, columns: int) -> Array:
    """Distinct codes of shape (states, columns) for the states of one variable, as data in the wild has them.

    One column: the number. More: one-hot where `columns` equals `states`, thermometer where it is one less (both
    in most draws), else random levels.
    """
    if columns == 1:
        return numbers(states)
    if columns == states and rng.random() < 0.7:
        return np.eye(states)
    if columns == states - 1 and rng.random() < 0.7:
        return (np.arange(states)[:, None] > np.arange(columns)).astype(np.float64)
    levels = 2
    while levels**columns < states:
        levels += 1
    chosen = rng.choice(min(levels**columns, 65_536), size=states, replace=False)
    return (chosen[:, None] // levels ** np.arange(columns, dtype=np.int64) % levels).astype(np.float64)


def random_levels(rng: np.random.Generator, lowest: int, highest: int) -> int:
    """A number of levels, log-uniform on lowest..highest."""
    return int(np.exp(rng.uniform(np.log(lowest), np.log(highest + 1))))


def random_pmf(rng: np.random.Generator, states: int) -> NDArray[np.float64]:
    """Random probabilities of shape (states,), none below 1e-4 / states: uniform, Dirichlet, or decaying."""
    kind = rng.random()
    if kind < 0.3:
        return np.full(states, 1.0 / states)
    if kind < 0.8:
        pmf = rng.standard_gamma(np.exp(rng.uniform(np.log(0.5), np.log(10.0))), states)
    else:
        pmf = rng.uniform(0.3, 0.95) ** np.arange(states, dtype=np.float64)
    pmf /= pmf.sum()
    pmf += 1e-4 / states
    return pmf / pmf.sum()


def random_correlation(rng: np.random.Generator, low: float, high: float) -> float:
    """A correlation of random sign whose Gaussian mutual information is log-uniform on low..high nats."""
    mi = np.exp(rng.uniform(np.log(low), np.log(high)))
    return float(np.sqrt(-np.expm1(-2.0 * mi)) * rng.choice((-1.0, 1.0)))


def quantised_normal_table(pmf_x: Array, pmf_y: Array, rho: float) -> Array:
    """Joint table of two ordinal variables that cut a bivariate normal of correlation `rho` into levels.

    Row i integrates φ(x) P(Y = j | x) over the i-th interval by Gauss-Legendre panels about as wide as the
    conditional standard deviation: cells are never negative, and good to 1e-9 for |rho| ≤ 0.999.
    """
    s = np.sqrt((1.0 - rho) * (1.0 + rho))
    cuts_x, cuts_y = ndtri(np.cumsum(pmf_x)[:-1]), ndtri(np.cumsum(pmf_y)[:-1])
    breaks = np.unique(np.concatenate([cuts_x, np.linspace(-8.0, 8.0, 2 + int(16.0 / min(1.0, 1.5 * s)))]))
    x, w = normal_panels(breaks)
    below = ndtr((cuts_y - rho * x[:, None]) / s)
    given_x = np.diff(below, axis=1, prepend=0.0, append=1.0)
    mass = given_x * w[:, None]
    starts = np.concatenate([[0], np.searchsorted(x, cuts_x)])
    return np.maximum(np.add.reduceat(mass, starts, axis=0), 0.0)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raises ConfigError unless low ≤ value ≤ high."""
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must lie between {low} and {high}")
