#!/usr/bin/env python3
"""Columns of all kinds side by side, as in the tables that people have: how near are estimates, do intervals hold?

    python benchmarks/mixed.py [--draws 2]

X and Y each have one to three columns, or more where a class is one-hot. The first column of X tells of the first of Y,
the second of the second, and so on, so that their mutual informations, known in closed form or by one integral, add up.
A pair may be two numbers, a number and one rounded to a few values, a class and a number, a class in indicator columns
and a number, two classes, an amount that is mostly 0 beside a number, or nothing but noise. Neighbours: Gao, Kannan, Oh
and Viswanath (2017), who made them for mixtures of discrete and continuous columns, with k = 3 on standardised columns.
Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch
from _figures import HEADINGS, figures
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial import cKDTree
from scipy.special import digamma, ndtr, xlogy
from scipy.stats import norm

from mutualist import MutualInfoEstimator

Array = NDArray[np.float64]
Drawn = tuple[Array, Array, float]  # columns of X and of Y, (n, d) each, and their mutual information in nats
Kind = Callable[[np.random.Generator, int], Drawn]
Row = tuple[float, tuple[float, float, float], float]  # mutual information; our answer and its interval; neighbours'

ROWS = (150, 600, 2500)
MOST = 3  # pairs side by side
GRID = np.linspace(-10, 30, 20_001)


def _normal(rng: np.random.Generator, n: int) -> tuple[Array, Array, float]:
    r = rng.choice([0.4, 0.7, 0.95])
    x, noise = rng.normal(size=(2, n, 1))
    return x, r * x + np.sqrt(1 - r * r) * noise, r


def numbers(rng: np.random.Generator, n: int) -> Drawn:
    """Two normal columns."""
    x, y, r = _normal(rng, n)
    return x, y, -0.5 * np.log(1 - r * r)


def rounded(rng: np.random.Generator, n: int) -> Drawn:
    """Two normal columns, one rounded to steps of a quarter to one: I by the probability of a step given the other."""
    x, y, r = _normal(rng, n)
    step = rng.choice([0.25, 0.5, 1.0])
    edges = (np.arange(-40, 41) - 0.5) * step
    other = np.linspace(-8, 8, 4001)
    within = np.diff(ndtr((edges[:, None] - r * other) / np.sqrt(1 - r * r)), axis=0)
    steps = np.diff(ndtr(edges))
    terms = xlogy(within, within).sum(0) - xlogy(within, np.maximum(steps, 1e-300)[:, None]).sum(0)
    return np.round(x / step), y, float(np.trapezoid(terms * norm.pdf(other), other))


def classes(rng: np.random.Generator, n: int) -> Drawn:
    """A class and a column that is normal in each: I from the density of the column."""
    k, apart = int(rng.integers(2, 6)), rng.choice([0.7, 1.5, 3])
    c = rng.integers(k, size=n)
    density = np.mean([norm.pdf(GRID, apart * i) for i in range(k)], axis=0)
    entropy = -np.trapezoid(xlogy(density, density), GRID)
    mi = float(entropy - 0.5 * (1 + np.log(2 * np.pi)))
    return c[:, None].astype(float), (apart * c + rng.normal(size=n))[:, None], mi


def indicators(rng: np.random.Generator, n: int) -> Drawn:
    """The same, the class as a column for each of its values."""
    x, y, mi = classes(rng, n)
    return (x == np.arange(x.max() + 1)).astype(float), y, mi


def table(rng: np.random.Generator, n: int) -> Drawn:
    """Two classes of k values, equal in a share of the rows."""
    k, share = int(rng.integers(2, 6)), rng.choice([0.2, 0.5, 0.8])
    x = rng.integers(k, size=(n, 1))
    y = np.where(rng.random((n, 1)) < share, x, rng.integers(k, size=(n, 1)))
    cells = (share * np.eye(k) + (1 - share) / k) / k
    return x.astype(float), y.astype(float), float(xlogy(cells, cells * k * k).sum())


def amounts(rng: np.random.Generator, n: int) -> Drawn:
    """A number, and an amount that is 0 but in a share of the rows, where both are normal."""
    x, y, r = _normal(rng, n)
    share = rng.choice([0.1, 0.4, 0.8])
    return x, np.where(rng.random((n, 1)) < share, np.exp(y), 0.0), -0.5 * share * np.log(1 - r * r)


def noise(rng: np.random.Generator, n: int) -> Drawn:
    """A class and a number that have nothing in common."""
    return rng.integers(3, size=(n, 1)).astype(float), rng.normal(size=(n, 1)), 0.0


KINDS: dict[str, Kind] = {
    kind.__name__: kind for kind in (numbers, rounded, classes, indicators, table, amounts, noise)
}


def neighbours(x: Array, y: Array, k: int = 3) -> float:
    """The estimate of Gao et al. (2017) in nats, with digamma for all counts, as in their own program."""
    x, y = (columns / np.maximum(columns.std(0), 1e-12) for columns in (x, y))
    both, n = np.hstack([x, y]), len(x)
    tree = cKDTree(both)
    radius = tree.query(both, k + 1, p=np.inf)[0][:, k]
    reach = np.maximum(np.nextafter(radius, 0), 1e-15)
    at_once = np.where(radius > 0, k, tree.query_ball_point(both, reach, p=np.inf, return_length=True))
    inside = [cKDTree(side).query_ball_point(side, reach, p=np.inf, return_length=True) for side in (x, y)]
    return float(np.mean(digamma(at_once) + np.log(n) - digamma(inside[0]) - digamma(inside[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2, help="of each of the combinations of kinds")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    together = [names for most in range(1, MOST + 1) for names in combinations(KINDS, most)]
    found: list[tuple[int, tuple[str, ...], Row]] = []
    for n in ROWS:
        for number, names in enumerate(track(together, description=f"{n:,} rows")):
            for draw in range(args.draws):
                rng = np.random.default_rng([n, number, draw])
                xs, ys, parts = zip(*(KINDS[name](rng, n) for name in names), strict=True)
                x, y = np.hstack(xs), np.hstack(ys)
                answer = estimator.estimate(x, y)
                found.append((n, names, (sum(parts), (answer.mi, *answer.interval(0.9)), neighbours(x, y))))
    groups = {f"{n:,} rows": [row for rows, _, row in found if rows == n] for n in ROWS}
    groups |= {f"{k} side by side": [row for _, names, row in found if len(names) == k] for k in range(1, MOST + 1)}
    groups |= {f"with {kind}": [row for _, names, row in found if kind in names] for kind in KINDS}
    groups["all"] = [row for _, _, row in found]
    shown, measured = Table("samples", *HEADINGS, "neighbours: MAE", title=f"{len(found):,} samples"), {}
    for name, rows in groups.items():
        mi, ours, others = zip(*rows, strict=True)
        measured[name] = row = figures(mi, ours, neighbours=others)
        shown.add_row(name, *(f"{value:.3f}" for value in row.values()))
    Console().print(shown)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
