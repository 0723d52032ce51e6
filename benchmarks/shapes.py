#!/usr/bin/env python3
"""Few rows and very many, one column and a hundred, many columns and one: does the estimate hold at every size?

    python benchmarks/shapes.py [--scale 1]

Single columns are joined by a copula (normal, Student, Clayton) or by uniform noise, from 4 rows to a million. Several
are normal: y a linear score of up to 64 columns, with noise (half of the variance or more); five pairs hidden among up
to 100 columns a side; nothing at all; pairs that all but determine one another. All mutual informations are known in
closed form. Beside them the Gaussian copula without bias, which is made for all of these but some of the single
columns. Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable, Iterator

import numpy as np
import torch
from _figures import HEADINGS, figures
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mutualist import MutualInfoEstimator
from mutualist.bench.gaussian import copula_mi
from mutualist.datagen.families.archimedean import Clayton
from mutualist.datagen.families.copulas import elliptical_uniforms, student_excess
from mutualist.datagen.interface import Array

Drawn = tuple[Array, Array, float]  # columns of X and of Y, and their mutual information in nats
Case = Callable[[np.random.Generator], Drawn]
HIDDEN = 5  # pairs among many columns


def pair(n: int) -> Case:
    """Two columns, under one of four laws."""

    def draw(rng: np.random.Generator) -> Drawn:
        kind, r = rng.integers(4), rng.choice([0.3, 0.7, 0.9])
        if kind < 2:
            nu = (np.inf, 4.0)[kind]
            x, y = elliptical_uniforms(r, nu, n, rng)
            return x, y, float(-0.5 * np.log1p(-r * r)) + (student_excess(nu) if kind else 0.0)
        if kind == 2:
            x, y = Clayton().sample(4 * r, n, rng)
            return x, y, Clayton().information(4 * r)
        x = rng.random(n)  # and noise of half-width e <= 1/2: the entropy of their sum less that of the noise
        e = 0.5 * (1 - r) + 0.01
        return x, x + rng.uniform(-e, e, n), float(e - np.log(2 * e))

    return draw


def score(n: int, columns: int, targets: int = 1) -> Case:
    """A target that is a score of all columns and noise, beside others that are noise."""

    def draw(rng: np.random.Generator) -> Drawn:
        share = rng.choice([0.1, 0.3, 0.5])
        x, y = rng.normal(size=(n, columns)), rng.normal(size=(n, targets))
        weights = rng.normal(size=columns)
        y[:, 0] = np.sqrt(share) * x @ (weights / np.linalg.norm(weights)) + np.sqrt(1 - share) * y[:, 0]
        return x, y, -0.5 * np.log1p(-share)

    return draw


def hidden(n: int, columns: int, pairs: int, correlations: tuple[float, ...] = (0.5, 0.8)) -> Case:
    """Some pairs among many columns, or all of them."""

    def draw(rng: np.random.Generator) -> Drawn:
        r = rng.choice(correlations)
        x, y = rng.normal(size=(2, n, columns))
        y[:, :pairs] = r * x[:, :pairs] + np.sqrt(1 - r * r) * y[:, :pairs]
        return x, y, -0.5 * pairs * np.log1p(-r * r)

    return draw


def cases() -> Iterator[tuple[str, Case, int]]:
    """Names, laws, and how many samples are drawn."""
    for n, draws in ((4, 200), (6, 200), (10, 200), (1000, 100), (20_000, 60), (100_000, 40), (1_000_000, 12)):
        yield f"1 + 1, {n:,} rows", pair(n), draws
    for n, draws in ((6, 100), (10, 100), (100_000, 6)):
        yield f"score of 3, 2 targets, {n:,} rows", score(n, 3, 2), draws
    for columns in (10, 32, 64):
        for n in (200, 1000):
            yield f"score of {columns}, {n:,} rows", score(n, columns), 20
    for columns in (32, 64, 100):
        for n in (500, 2000):
            yield f"{HIDDEN} pairs in {columns} + {columns}, {n:,} rows", hidden(n, columns, HIDDEN), 8
            yield f"nothing in {columns} + {columns}, {n:,} rows", hidden(n, columns, 0), 8
    for columns, r in ((8, 0.999), (32, 0.99)):
        for n in (500, 2000):
            yield f"{columns} pairs, r = {r}, {n:,} rows", hidden(n, columns, columns, (r,)), 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="how many samples, in shares of the usual")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    shown, measured = Table("columns, rows", *HEADINGS, "Gaussian copula: MAE"), {}
    for number, (name, draw, draws) in enumerate(track(list(cases()), description="estimating")):
        rows = []
        for i in range(max(1, round(args.scale * draws))):
            x, y, mi = draw(np.random.default_rng([number, i]))
            answer = estimator.estimate(x, y)
            peer = copula_mi(*(columns.reshape(len(columns), -1).astype(np.float64) for columns in (x, y)))
            rows.append((mi, (answer.mi, *answer.interval(0.9)), np.nan if peer is None else peer))
        truths, ours, peers = zip(*rows, strict=True)
        measured[name] = row = figures(truths, ours, copula=peers)
        shown.add_row(name, *("none" if np.isnan(value) else f"{value:.3f}" for value in row.values()))
    Console().print(shown)
    print(json.dumps({name: {k: v for k, v in row.items() if np.isfinite(v)} for name, row in measured.items()}))


if __name__ == "__main__":
    main()
