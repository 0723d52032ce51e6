#!/usr/bin/env python3
"""Two categorical columns: how near are the estimates, beside what is counted, and does the numbering show?

    python benchmarks/tables.py [--draws 15]

Tables of k × k random cells (Dirichlet with concentration 0.3, 1 or 5), so that the order of the categories says
nothing. Counts: the plug-in estimate with the correction of Miller and Madow (1955). Adjusted: the plug-in estimate
adjusted for chance (Vinh et al. 2010), times the smaller entropy. Spread: standard deviation of our answer over six
numberings of the same categories. Ends with one JSON line.
"""

import argparse
import json

import numpy as np
import torch
from _figures import HEADINGS, figures
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from mutualist import MutualInfoEstimator

SIZES = [(k, n) for k in (3, 6, 12, 20, 50) for n in (100, 400, 2000)]
NUMBERINGS = 6


def information(cells: NDArray[np.float64]) -> float:
    """Mutual information in nats of a table of probabilities."""
    apart = np.outer(cells.sum(1), cells.sum(0))
    return float((cells * np.log(np.where(cells > 0, cells, 1) / np.where(apart > 0, apart, 1))).sum())


def counted(x: NDArray[np.int64], y: NDArray[np.int64], k: int) -> float:
    """The plug-in estimate in nats, with the bias of the cells that were met taken off."""
    met = len(np.unique(x * k + y)) - len(np.unique(x)) - len(np.unique(y)) + 1
    return float(mutual_info_score(x, y)) - met / (2 * len(x))


def adjusted(x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    """What is above chance, as a share of all that could be, times what one of the two can tell at most."""
    most = min(mutual_info_score(x, x), mutual_info_score(y, y))
    return float(adjusted_mutual_info_score(x, y, average_method="min") * most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    columns = "values a side", "rows", *HEADINGS, "counts: MAE", "adjusted: MAE", "spread"
    shown, measured = Table(*columns, title=f"{args.draws} tables each"), {}
    for k, n in track(SIZES, description="estimating"):
        rows = []
        for draw in range(args.draws):
            rng = np.random.default_rng([k, n, draw])
            cells = rng.dirichlet(np.full(k * k, (0.3, 1, 5)[draw % 3])).reshape(k, k)
            x, y = np.divmod(rng.choice(k * k, n, p=cells.ravel()), k)
            found = [estimator.estimate(rng.permutation(k)[x], rng.permutation(k)[y]) for _ in range(NUMBERINGS)]
            spread = np.std([each.mi for each in found])
            ours = (found[0].mi, *found[0].interval(0.9))
            rows.append((information(cells), ours, counted(x, y, k), adjusted(x, y), spread))
        mi, answers, counts, above, spreads = zip(*rows, strict=True)
        row = figures(mi, answers, counts=counts, adjusted=above) | {"spread": float(np.mean(spreads))}
        measured[f"{k}x{k} {n}"] = row
        shown.add_row(str(k), f"{n:,}", *(f"{value:.3f}" for value in row.values()))
    Console().print(shown)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
