#!/usr/bin/env python3
"""How accurate an estimate is for one column on each side, where nearest neighbours are at their best.

    python benchmarks/copulas.py [--rows 2000] [--draws 20]

Bivariate copulas of known mutual information: mean absolute error in nats, beside scikit-learn's nearest-neighbour
estimator on the same samples. Ends with one JSON line.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.feature_selection import mutual_info_regression

from mutualist import MutualInfoEstimator
from mutualist.datagen.families.archimedean import Clayton, Frank, Gumbel, Joe
from mutualist.datagen.families.copulas import elliptical_uniforms, student_excess

Sampler = Callable[[int, np.random.Generator], tuple[Any, Any]]


def cases() -> dict[str, tuple[float, Sampler]]:
    """Mutual information in nats, and a sampler, by name."""
    found: dict[str, tuple[float, Sampler]] = {}
    for rho, nu in ((0.7, np.inf), (-0.7, np.inf), (0.7, 5.0)):
        name = f"normal {rho:+g}" if np.isinf(nu) else f"Student {rho:+g}, nu {nu:g}"
        mi = -0.5 * np.log1p(-(rho**2)) + (0.0 if np.isinf(nu) else student_excess(nu))
        found[name] = float(mi), partial(elliptical_uniforms, rho, nu)
    for kind, theta in ((Clayton(), 3.0), (Gumbel(), 2.5), (Joe(), 3.0), (Frank(), 5.0)):
        found[f"{type(kind).__name__} {theta:g}"] = kind.information(theta), partial(kind.sample, theta)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    shown = Table("copula", "MI", "MAE", "bias", "scikit-learn MAE", title=f"{args.rows} rows, {args.draws} draws each")
    errors: dict[str, list[float]] = {"mutualist": [], "sklearn": []}
    for number, (name, (mi, sample)) in enumerate(track(cases().items(), description="estimating")):
        ours, theirs = [], []
        for draw in range(args.draws):
            x, y = sample(args.rows, np.random.default_rng([number, draw]))
            ours.append(estimator.estimate(x, y).mi - mi)
            theirs.append(float(mutual_info_regression(x[:, None], y, random_state=0)[0]) - mi)
        errors["mutualist"] += ours
        errors["sklearn"] += theirs
        row = (mi, np.abs(ours).mean(), np.mean(ours), np.abs(theirs).mean())
        shown.add_row(name, *(f"{value:.4f}" for value in row))
    Console().print(shown)
    print(json.dumps({f"{name}_mae": float(np.abs(found).mean()) for name, found in errors.items()}))


if __name__ == "__main__":
    main()
