#!/usr/bin/env python3
"""Columns that repeat what others on their side say: is their part counted once?

    python benchmarks/redundant.py [--draws 3]

One pair of columns of known mutual information (two numbers, a class and a number, two classes, a number and a rounded
one), and beside one of them, or both, one or three more of their side: noisy copies, monotone maps, classes of a size,
squares. Given the first column these say nothing about the other side, so that mutual information stays as it was,
while each alone tells of it. Totals beside parts, codes beside names, two readings of an instrument: most tables have
such columns. Neighbours: as in mixed.py. Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from _figures import HEADINGS, figures
from mixed import KINDS, ROWS, Array, Row, neighbours
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mutualist import MutualInfoEstimator

Repeat = Callable[[np.random.Generator, Array], Array]  # a standardised column (n,) to one that adds nothing to it (n,)
BASES = ("numbers", "classes", "table", "rounded")
COUNTS = (1, 3)


def copy(rng: np.random.Generator, z: Array) -> Array:
    """The column and noise."""
    r = rng.choice([0.5, 0.8, 0.95])
    return r * z + np.sqrt(1 - r * r) * rng.normal(size=len(z))


def mapped(rng: np.random.Generator, z: Array) -> Array:
    """The column again, under a map that keeps its order."""
    return np.exp(rng.choice([0.3, 1.0]) * z)


def cut(rng: np.random.Generator, z: Array) -> Array:
    """In which of a few intervals it lies."""
    return np.searchsorted(np.sort(rng.normal(size=int(rng.integers(1, 6)))), z).astype(float)


def square(rng: np.random.Generator, z: Array) -> Array:
    """Its square and noise."""
    return z * z + 0.3 * rng.normal(size=len(z))


REPEATS: dict[str, Repeat] = {repeat.__name__: repeat for repeat in (copy, mapped, cut, square)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="of each of the combinations")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    cases = list(product(BASES, REPEATS, COUNTS, ("one side", "both sides")))
    found: list[tuple[tuple[str, ...], Row]] = []
    for n in ROWS:
        for number, (base, repeat, count, where) in enumerate(track(cases, description=f"{n:,} rows")):
            for draw in range(args.draws):
                rng = np.random.default_rng([n, number, draw])
                x, y, mi = KINDS[base](rng, n)
                x = _beside(rng, x, REPEATS[repeat], count)
                y = _beside(rng, y, REPEATS[repeat], count) if where == "both sides" else y
                answer = estimator.estimate(x, y)
                labels = f"{n:,} rows", base, repeat, f"{count} more", where, "all"
                found.append((labels, (mi, (answer.mi, *answer.interval(0.9)), neighbours(x, y))))
    shown, measured = Table("samples", *HEADINGS, "neighbours: MAE", title=f"{len(found):,} samples"), {}
    for name in sorted({label for labels, _ in found for label in labels}, key=str.casefold):
        mi, ours, others = zip(*(row for labels, row in found if name in labels), strict=True)
        measured[name] = row = figures(mi, ours, neighbours=others)
        shown.add_row(name, *(f"{value:.3f}" for value in row.values()))
    Console().print(shown)
    print(json.dumps(measured))


def _beside(rng: np.random.Generator, columns: Array, repeat: Repeat, count: int) -> Array:
    """The first column and `count` that repeat it."""
    z = (columns[:, 0] - columns[:, 0].mean()) / columns[:, 0].std()
    return np.column_stack([columns, *(repeat(rng, z) for _ in range(count))])


if __name__ == "__main__":
    main()
