#!/usr/bin/env python3
"""What several columns tell of a class together: how near are the estimates, beside nearest neighbours?

    python benchmarks/classes.py [--draws 10]

The question of feature selection, on classes of six shapes that training drew in part only: normal ones and ones of two
clusters (as training has them), half moons, rings, skewed ones, and a class by the sign of a product. Two columns tell,
four more may be noise. Mutual information by Monte Carlo of the exact posteriors, standard error below 0.005 nats.
Neighbours: Ross (2014) with k = 3, on standardised columns. Spread: standard deviation of our answer over six
numberings of the classes. Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable

import numpy as np
import torch
from _figures import HEADINGS, figures
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial import cKDTree
from scipy.special import digamma, expit, logsumexp
from scipy.stats import gamma

from mutualist import MutualInfoEstimator

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Drawn = tuple[Array, Labels, Array]  # columns (n, 2), classes (n,), ln p(class | columns) - ln p(class) (n,)
Shape = Callable[[np.random.Generator], Callable[[int, np.random.Generator], Drawn]]

SIZES = [(d, n) for d in (2, 6) for n in (100, 400, 2000)]
MONTE_CARLO = 40_000
NUMBERINGS = 6


def blobs(clusters: int, classes: int) -> Shape:
    """Classes of so many normal clusters each."""

    def shape(rng: np.random.Generator) -> Callable[[int, np.random.Generator], Drawn]:
        centres = rng.choice([0.7, 1.5, 3]) * rng.normal(size=(classes * clusters, 2))
        return lambda n, rng: _mixture(n, rng, centres, classes, 1.0)

    return shape


def _mixture(n: int, rng: np.random.Generator, centres: Array, classes: int, scale: float) -> Drawn:
    """Equally likely classes, each a mixture of equally likely normals around the next of `centres`."""
    each = len(centres) // classes
    part = rng.integers(len(centres), size=n)
    z = centres[part] + scale * rng.normal(size=(n, 2))
    log = (-((z[:, None] - centres) ** 2).sum(2) / (2 * scale**2)).reshape(n, classes, each)
    of_class = part // each
    own = logsumexp(log[np.arange(n), of_class], axis=1)
    return z, of_class, own - logsumexp(log, axis=(1, 2)) + np.log(classes)


def moons(rng: np.random.Generator) -> Callable[[int, np.random.Generator], Drawn]:
    """Two interleaving half circles."""
    angle, noise = np.pi * (np.arange(60) + 0.5) / 60, rng.choice([0.15, 0.3, 0.6])
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    centres = np.concatenate([upper, [1, 0.5] - upper])
    return lambda n, rng: _mixture(n, rng, centres, 2, noise)


def rings(rng: np.random.Generator) -> Callable[[int, np.random.Generator], Drawn]:
    """A ring within a ring: no column alone tells much."""
    angle, noise = 2 * np.pi * (np.arange(80) + 0.5) / 80, rng.choice([0.2, 0.35, 0.6])
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    centres = np.concatenate([ring, 2 * ring])
    return lambda n, rng: _mixture(n, rng, centres, 2, noise)


def skewed(rng: np.random.Generator) -> Callable[[int, np.random.Generator], Drawn]:
    """Gamma distributed columns whose scales differ by class."""
    scales = np.exp(rng.choice([0.3, 0.8, 1.5]) * rng.normal(size=(3, 2)))

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        of_class = rng.integers(3, size=n)
        z = scales[of_class] * rng.gamma(1.5, size=(n, 2))
        log = gamma.logpdf(z[:, None], 1.5, scale=scales).sum(2)
        return z, of_class, log[np.arange(n), of_class] - logsumexp(log, axis=1) + np.log(3)

    return draw


def product(rng: np.random.Generator) -> Callable[[int, np.random.Generator], Drawn]:
    """The class is the sign of the product of two columns, more or less."""
    slope = rng.choice([1.0, 3.0, 10.0])

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        z = rng.normal(size=(n, 2))
        p = expit(slope * z.prod(1))
        of_class = (rng.random(n) < p).astype(int)
        return z, of_class, np.log(2 * np.where(of_class == 1, p, 1 - p))

    return draw


SHAPES: dict[str, Shape] = {
    "normal": blobs(1, 3),
    "clusters": blobs(2, 2),
    "moons": moons,
    "rings": rings,
    "skewed": skewed,
    "product": product,
}


def neighbours(x: Array, of_class: Labels, k: int = 3) -> float:
    """Ross' estimate in nats."""
    z, n = x / x.std(0), len(x)
    near, whole = np.zeros(n), cKDTree(z)
    for c in np.unique(of_class):
        own = z[of_class == c]
        if len(own) > k:
            near[of_class == c] = cKDTree(own).query(own, k + 1)[0][:, k]
    counted = near > 0
    inside = whole.query_ball_point(z[counted], np.nextafter(near[counted], 0), return_length=True)
    size = np.bincount(of_class)[of_class[counted]]
    return float(digamma(k) + digamma(n) - np.mean(digamma(inside) + digamma(size)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10, help="of each of the six shapes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    columns = "columns", "rows", *HEADINGS, "neighbours: MAE", "spread"
    shown, measured = Table(*columns, title=f"{len(SHAPES)} shapes, {args.draws} draws each"), {}
    of_shape: dict[str, list[tuple[float, float]]] = {name: [] for name in SHAPES}
    for d, n in track(SIZES, description="estimating"):
        rows = []
        for number, (name, shape) in enumerate(SHAPES.items()):
            for draw in range(args.draws):
                rng = np.random.default_rng([d, n, number, draw])
                law = shape(rng)
                mi = float(law(MONTE_CARLO, rng)[2].mean())
                z, of_class, _ = law(n, rng)
                x = np.column_stack([z, rng.normal(size=(n, d - 2))])
                found = [
                    estimator.estimate(x, rng.permutation(of_class.max() + 1)[of_class]) for _ in range(NUMBERINGS)
                ]
                other = neighbours(x, of_class)
                of_shape[name].append((abs(found[0].mi - mi), abs(max(other, 0.0) - mi)))
                spread = np.std([each.mi for each in found])
                rows.append((mi, (found[0].mi, *found[0].interval(0.9)), other, spread))
        truth, ours, others, spreads = zip(*rows, strict=True)
        row = figures(truth, ours, neighbours=others) | {"spread": float(np.mean(spreads))}
        measured[f"{d} {n}"] = row
        shown.add_row(str(d), f"{n:,}", *(f"{value:.3f}" for value in row.values()))
    by_shape = {
        name: dict(zip(("mae", "neighbours_mae"), np.mean(v, 0).tolist(), strict=True)) for name, v in of_shape.items()
    }
    shapes = Table("shape", "MAE", "neighbours: MAE")
    for name, row in by_shape.items():
        shapes.add_row(name, *(f"{value:.3f}" for value in row.values()))
    Console().print(shown, shapes)
    print(json.dumps(measured | {"shapes": by_shape}))


if __name__ == "__main__":
    main()
