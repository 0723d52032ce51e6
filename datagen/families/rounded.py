"""Continuous columns as they are written down: rounded to a grid. MI of what is left, in nats, by quadrature."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from mutualist.datagen.families.copula_cells import cell_probabilities, half_cut_information
from mutualist.datagen.families.copulas import KINDS, ROTATIONS, draw_pair, rotate
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, draw_target, pick
from mutualist.datagen.families.tables import check_range as check_between
from mutualist.datagen.families.tables import random_levels, table_mi
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

MARGINS = ("uniform", "normal", "exponential", "lognormal")
# A grid ends where so little lies beyond; its first and last values stand for that as well.
BEYOND = 5e-4
MOST_LEVELS = 1000


@dataclass(frozen=True)
class Margin:
    """A law of a column: `uniform`, `normal`, `exponential`, or `lognormal` with the given sigma."""

    law: str
    sigma: float = 1.0

    def quantile(self, u: Array) -> Array:
        if self.law == "uniform":
            return u
        u = np.clip(u, 1e-16, 1 - 1e-16)
        if self.law == "exponential":
            return -np.log1p(-u)
        return ndtri(u) if self.law == "normal" else np.exp(self.sigma * ndtri(u))

    def cdf(self, x: Array) -> Array:
        if self.law == "uniform":
            return x
        if self.law == "exponential":
            return -np.expm1(-x)
        return ndtr(x) if self.law == "normal" else ndtr(np.log(x) / self.sigma)


@dataclass(frozen=True)
class Grid:
    """The cuts (levels - 1,) between cells of a uniform column, increasing in (0, 1), and the value of each cell."""

    cuts: Array
    values: Array

    def round(self, u: Array) -> Array:
        return self.values[np.searchsorted(self.cuts, u, side="right")]


def equal_steps(margin: Margin, levels: int, phase: float) -> Grid:
    """Cells of equal width on the margin; the first cut lies `phase` of a step above its quantile `BEYOND`."""
    low, high = margin.quantile(np.array([BEYOND, 1 - BEYOND]))
    step = (high - low) / levels
    cuts = low + step * (phase + np.arange(levels - 1))
    return Grid(margin.cdf(cuts), cuts[0] + step * (np.arange(levels) - 0.5))


def equal_shares(margin: Margin, levels: int) -> Grid:
    """Cells of equal probability, each at its median."""
    return Grid(np.arange(1, levels) / levels, margin.quantile((np.arange(levels) + 0.5) / levels))


@register
@dataclass(frozen=True)
class RoundedCopula(Family):
    """One pair of columns joined by a copula as in `copula`, one or both of them then rounded, as ages and prices are.

    Both: I = Σ p ln p / (p_x p_y) over the cells, with p from differences of C(u, v) (Nelsen 2006, eq. 2.1.2), or of
    the conditional law dC/du integrated over a cell for the normal and the Student copula. One:
    I = H(cell) - E[H(cell | u)], by quadrature over u. In nats, to 1e-6.

    The number of cells is log-uniform. They are of equal width on the margin of the column, or of equal probability.

    Attributes:
        kinds, nu: as in `Copula`.
        mi: range of the MI aimed at before rounding.
        levels: range of the number of cells, 2 to 1000.
        margins: laws of the columns before rounding.
        both: probability that both columns are rounded; else X or Y alone, equally likely.
        shares: probability that the cells of a column are of equal probability.
    """

    name: ClassVar[str] = "rounded-copula"
    kinds: tuple[str, ...] = KINDS
    mi: tuple[float, float] = (0.005, 2.5)
    nu: tuple[float, float] = (0.7, 30.0)
    levels: tuple[int, int] = (5, 300)
    margins: tuple[str, ...] = MARGINS
    both: float = 0.5
    shares: float = 0.2

    def __post_init__(self) -> None:
        check_names("rounded-copula: kinds", self.kinds, KINDS)
        check_names("rounded-copula: margins", self.margins, MARGINS)
        check_range("rounded-copula: mi", self.mi)
        check_range("rounded-copula: nu", self.nu)
        check_range("rounded-copula: levels", self.levels, 1)
        check_between("rounded-copula: highest of levels", self.levels[1], 2, MOST_LEVELS)
        check_between("rounded-copula: both", self.both, 0.0, 1.0)
        check_between("rounded-copula: shares", self.shares, 0.0, 1.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        kind, target = pick(rng, self.kinds), draw_target(rng, *self.mi)
        rotation = int(ROTATIONS[int(rng.random() * 4)])
        copula = draw_pair(rng, kind, target, self.nu)
        rounded = ("x", "y") if rng.random() < self.both else (pick(rng, ("x", "y")),)
        margins = [Margin(pick(rng, self.margins), float(rng.uniform(0.3, 1.2))) for _ in range(2)]
        grids = [self._grid(rng, m) if side in rounded else None for side, m in zip("xy", margins, strict=True)]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = (
                margin.quantile(u) if grid is None else grid.round(u)
                for u, margin, grid in zip(rotate(*copula.uniforms(n, rng), rotation), margins, grids, strict=True)
            )
            return x[:, None], y[:, None]

        # Where rotation mirrors a column, its cuts are mirrored instead and the copula is left as it is.
        mirrored = (rotation in (90, 180), rotation in (180, 270))
        cuts = [
            1 - grid.cuts[::-1] if mirror else grid.cuts
            for grid, mirror in zip(grids, mirrored, strict=True)
            if grid is not None
        ]
        mi = table_mi(cell_probabilities(copula, *cuts)) if len(cuts) == 2 else half_cut_information(copula, cuts[0])
        parameters: dict[str, Any] = {
            "kind": kind,
            "rotation": rotation,
            **copula.parameters,
            "unrounded_mi": copula.mi,
            "margins": [m.law for m in margins],
            "levels": [None if grid is None else len(grid.values) for grid in grids],
        }
        return Labelled(1, 1, mi, sample, parameters)

    def _grid(self, rng: np.random.Generator, margin: Margin) -> Grid:
        levels = random_levels(rng, *self.levels)
        shares, phase = rng.random() < self.shares, float(rng.random())
        return equal_shares(margin, levels) if shares else equal_steps(margin, levels, phase)
