"""Cells of a grid: a density that is constant on each, in patterns that correlation does not see. MI in nats, exact."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import xlogy

from mutualist.datagen.families.labelled import Labelled, check_names, check_range, pick
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def table_information(p: Array) -> float:
    """MI in nats of a joint table of probabilities."""
    product = np.multiply.outer(p.sum(axis=1), p.sum(axis=0))
    return float(np.sum(xlogy(p, np.where(p > 0, p, 1.0)) - xlogy(p, np.where(product > 0, product, 1.0))))


PATTERNS = ("random", "checkerboard", "diagonal", "cross", "ring", "blocks", "sparse")


def random_table(pattern: str, rows: int, columns: int, rng: np.random.Generator) -> Array:
    """A joint table with the given pattern over a uniform background of random weight."""
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    s, t = (i + 0.5) / rows - 0.5, (j + 0.5) / columns - 0.5
    if pattern == "checkerboard":
        mask = (i + j) % 2 == 0
    elif pattern == "diagonal":
        mask = np.abs(s - t) < 0.75 * max(1 / rows, 1 / columns)
    elif pattern == "cross":
        mask = np.minimum(np.abs(s - t), np.abs(s + t)) < 0.75 * max(1 / rows, 1 / columns)
    elif pattern == "ring":
        mask = np.abs(np.hypot(s, t) - 0.36) < 0.8 * max(1 / rows, 1 / columns)
    elif pattern == "blocks":
        mask = rng.integers(0, 3, rows)[:, None] == rng.integers(0, 3, columns)[None, :]
    elif pattern == "sparse":
        mask = rng.random((rows, columns)) < rng.uniform(0.2, 0.7)
    else:
        mask = np.ones((rows, columns), dtype=bool)
    weights = mask * (rng.standard_gamma(10 ** rng.uniform(-0.5, 1.0), (rows, columns)) + 1e-3)
    background = 10 ** rng.uniform(-3.0, 0.8)
    table = weights / max(weights.sum(), 1e-12) + background / (rows * columns)
    return np.asarray(table / table.sum())


@register
@dataclass(frozen=True)
class Patchwork(Family):
    """A density that is constant on the cells of a grid: random, checkerboard, diagonal, cross, ring, blocks, sparse.

    Within its cell (i, j) the point is uniform, so MI is that of the table of cell probabilities, in nats. Cells have
    random widths in half of the draws.

    Attributes:
        patterns: which patterns to draw from.
        most_cells: the largest number of cells in a row or column of the grid; the smallest is 2.
    """

    name: ClassVar[str] = "patchwork"
    patterns: tuple[str, ...] = PATTERNS
    most_cells: int = 9

    def __post_init__(self) -> None:
        check_names("patchwork: patterns", self.patterns, PATTERNS)
        check_range("patchwork: most_cells", (self.most_cells, self.most_cells), 1.5)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        pattern = pick(rng, self.patterns)
        rows, columns = (int(k) for k in rng.integers(2, self.most_cells + 1, 2))
        table = random_table(pattern, rows, columns, rng)
        even = bool(rng.random() < 0.5)
        edges = [self._edges(rng, k, even) for k in (rows, columns)]
        cumulative = np.cumsum(table.ravel())
        cumulative[-1] = 1.0

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            cell = np.searchsorted(cumulative, rng.random(n), side="right")
            i, j = np.divmod(cell, columns)
            x = edges[0][i] + np.diff(edges[0])[i] * rng.random(n)
            y = edges[1][j] + np.diff(edges[1])[j] * rng.random(n)
            return x[:, None], y[:, None]

        parameters = {"pattern": pattern, "table": table.tolist(), "edges": [e.tolist() for e in edges]}
        return Labelled(1, 1, table_information(table), sample, parameters)

    @staticmethod
    def _edges(rng: np.random.Generator, cells: int, even: bool) -> Array:
        widths = np.ones(cells) if even else 0.2 + rng.random(cells)
        return np.concatenate([[0.0], np.cumsum(widths)]) / widths.sum()
