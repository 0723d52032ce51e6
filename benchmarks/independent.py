#!/usr/bin/env python3
"""How often is something seen where nothing is: false alarms on independent columns.

    python benchmarks/independent.py [--scale 1]

Of independent X and Y, of many sizes, under laws that people meet: the share of 90 % intervals whose lower end is above
0.01 nats (at most 5 % is the aim), and the mean of the estimate, which should be 0. Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mutualist import MutualInfoEstimator

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, int, int], Array]

ROWS = (30, 100, 300, 1000)
COLUMNS = ((1, 1), (2, 2), (1, 5), (3, 3), (5, 5), (10, 10), (30, 30))


def normal(rng: np.random.Generator, n: int, d: int) -> Array:
    return rng.normal(size=(n, d))


def factors(rng: np.random.Generator, n: int, d: int) -> Array:
    """Columns that share two factors with those of their own side."""
    return rng.normal(size=(n, 2)) @ rng.normal(size=(2, d)) + 0.5 * rng.normal(size=(n, d))


def heavy(rng: np.random.Generator, n: int, d: int) -> Array:
    """Columns whose scale is shared by those of their own side: a Student vector, two degrees of freedom."""
    return np.asarray(rng.normal(size=(n, d)) / np.sqrt(rng.chisquare(2, size=(n, 1)) / 2))


def counts(rng: np.random.Generator, n: int, d: int) -> Array:
    return rng.poisson(2.0, size=(n, d)).astype(np.float64)


LAWS: dict[str, Law] = {"normal": normal, "two factors": factors, "heavy tails": heavy, "counts": counts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="how many samples, in shares of the usual")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    draws = max(4, round(100 * args.scale))
    alarms: dict[tuple[str, int, str], list[bool]] = {}
    medians: dict[tuple[str, int, str], list[float]] = {}
    cells = [(law, n, shape) for law in LAWS for n in ROWS for shape in COLUMNS]
    for number, (law, n, (dx, dy)) in enumerate(track(cells, description="estimating")):
        rng = np.random.default_rng([number, n])
        samples = [(LAWS[law](rng, n, dx), LAWS[law](rng, n, dy)) for _ in range(draws)]
        found = estimator.estimate_batch(samples)
        alarms[law, n, f"{dx} + {dy}"] = [one.interval(0.9)[0] > 0.01 for one in found]
        medians[law, n, f"{dx} + {dy}"] = [one.mi for one in found]
    result = {}
    shown = Table(
        "samples", "number", "false alarms", "highest in a cell", "mean estimate", title="independent columns"
    )
    everything: list[tuple[object, object, int]] = [("all", None, 0)]
    everything += [(name, name, part) for part in range(3) for name in dict.fromkeys(key[part] for key in alarms)]
    for name, value, part in everything:
        keys = [key for key in alarms if value is None or key[part] == value]
        label = f"{name:,} rows" if part == 1 else str(name)
        hits = np.concatenate([alarms[key] for key in keys])
        highest = max(float(np.mean(alarms[key])) for key in keys)
        mean = float(np.mean(np.concatenate([medians[key] for key in keys])))
        result[label] = {"samples": len(hits), "alarms": float(hits.mean()), "highest": highest, "mean": mean}
        shown.add_row(label, f"{len(hits):,}", f"{100 * hits.mean():.1f} %", f"{100 * highest:.0f} %", f"{mean:.3f}")
    Console().print(shown)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
