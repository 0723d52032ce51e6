#!/usr/bin/env python3
"""How fast an estimate is, beside scikit-learn's nearest-neighbour estimator, in one thread.

    python benchmarks/estimate.py [--rounds 15] [--columns 100]

import_s             a fresh interpreter that imports mutualist, less one that imports nothing
load_s               reading the bundled weights, torch already imported
one_ms               one estimate, 1×1, n = 500
one_1000_ms          one estimate, 1×1, n = 1,000, and over_sklearn, its time over mutual_info_regression's
wide_ms              one estimate, 32×32, n = 500
pairwise_s           all pairs of columns of a table of 1,000 rows, and sklearn_over_pairwise
million_s            one estimate, 1×1, 10⁶ rows, and peak_mib, the largest memory of this process

The two estimators take turns, and ratios are medians over these pairs, so that a change of speed touches both.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.feature_selection import mutual_info_regression

from mutualist import MutualInfoEstimator


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_ms(work: Callable[[], Any], rounds: int) -> float:
    """Median of several rounds after one that does not count."""
    work()
    return 1e3 * float(np.median([seconds(work) for _ in range(rounds)]))


def side_by_side(a: Callable[[], Any], b: Callable[[], Any], rounds: int) -> tuple[float, float, float]:
    """Median seconds of a and of b, run in turn, and the median of the ratios a / b."""
    a(), b()
    pairs = np.array([(seconds(a), seconds(b)) for _ in range(rounds)])
    return float(np.median(pairs[:, 0])), float(np.median(pairs[:, 1])), float(np.median(pairs[:, 0] / pairs[:, 1]))


def import_seconds(rounds: int) -> float:
    """Of `import mutualist` in a fresh interpreter, less the interpreter's own start."""

    def run(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    with_import, without, _ = side_by_side(run("import mutualist"), run("pass"), rounds)
    return with_import - without


def measure(rounds: int, columns: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    estimator = MutualInfoEstimator.from_pretrained()
    out = {
        "import_s": import_seconds(rounds),
        "load_s": median_ms(MutualInfoEstimator.from_pretrained, 5) / 1e3,
    }
    x = rng.normal(size=1000)
    y = x + rng.normal(size=1000)
    out["one_ms"] = median_ms(lambda: estimator.estimate(x[:500], y[:500]), rounds)
    ours, theirs, ratio = side_by_side(
        lambda: estimator.estimate(x, y), lambda: mutual_info_regression(x[:, None], y), rounds
    )
    out |= {"one_1000_ms": 1e3 * ours, "sklearn_1000_ms": 1e3 * theirs, "over_sklearn": ratio}
    wide = rng.normal(size=(2, 500, 32))
    out["wide_ms"] = median_ms(lambda: estimator.estimate(wide[0], wide[1]), 5)
    table = rng.normal(size=(1000, columns))

    def all_pairs_by_sklearn() -> None:
        for j in range(1, columns):  # column j with those before it: every pair once
            mutual_info_regression(table[:, :j], table[:, j])

    ours, theirs, ratio = side_by_side(lambda: estimator.pairwise(table), all_pairs_by_sklearn, 1)
    out |= {"pairwise_s": ours, "sklearn_pairwise_s": theirs, "sklearn_over_pairwise": 1 / ratio}
    x = rng.normal(size=10**6)
    y = x + rng.normal(size=10**6)
    out["million_s"] = seconds(lambda: estimator.estimate(x, y))
    out["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--columns", type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(args.rounds, args.columns)
    shown = Table("figure", "value", title="One estimate, one thread")
    for name, value in found.items():
        shown.add_row(name, f"{value:,.3g}")
    Console().print(shown)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
