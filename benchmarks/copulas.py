#!/usr/bin/env python3
"""How accurate an estimate is for one column on each side, where nearest neighbours are at their best.

    python benchmarks/copulas.py [--rows 2000] [--draws 20]

Bivariate copulas of known mutual information: mean absolute error in nats, beside scikit-learn's nearest-neighbour
estimator on the same samples, and beside the mean of the true log-density over the sample: the error that is left to
one who knows the density (for many rows, to any estimator that assumes no family). Ends with one JSON line.
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
from scipy import stats
from sklearn.feature_selection import mutual_info_regression

from mutualist import MutualInfoEstimator
from mutualist.datagen.families.archimedean import Clayton, Frank, Gumbel, Joe
from mutualist.datagen.families.copulas import elliptical_uniforms, student_excess

Sampler = Callable[[int, np.random.Generator], tuple[Any, Any]]
LogDensity = Callable[[Any, Any], Any]


def elliptical_log_density(rho: float, nu: float, u: Any, v: Any) -> Any:
    """ln of the density of a normal copula (nu infinite) or of a Student one."""
    one = stats.norm if np.isinf(nu) else stats.t(nu)
    both: Any = stats.multivariate_t(shape=[[1, rho], [rho, 1]], df=nu)  # the normal one for an infinite nu
    x, y = one.ppf(u), one.ppf(v)
    return both.logpdf(np.stack([x, y], 1)) - one.logpdf(x) - one.logpdf(y)


def cases() -> dict[str, tuple[float, Sampler, LogDensity]]:
    """Mutual information in nats, a sampler and the logarithm of the density, by name."""
    found: dict[str, tuple[float, Sampler, LogDensity]] = {}
    for rho, nu in ((0.7, np.inf), (-0.7, np.inf), (0.7, 5.0)):
        name = f"normal {rho:+g}" if np.isinf(nu) else f"Student {rho:+g}, nu {nu:g}"
        mi = -0.5 * np.log1p(-(rho**2)) + (0.0 if np.isinf(nu) else student_excess(nu))
        found[name] = float(mi), partial(elliptical_uniforms, rho, nu), partial(elliptical_log_density, rho, nu)
    for kind, theta in ((Clayton(), 3.0), (Gumbel(), 2.5), (Joe(), 3.0), (Frank(), 5.0)):
        log_density = partial(kind.log_density, theta)
        found[f"{type(kind).__name__} {theta:g}"] = kind.information(theta), partial(kind.sample, theta), log_density
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    columns = "copula", "MI", "MAE", "bias", "density known: MAE", "scikit-learn MAE"
    shown = Table(*columns, title=f"{args.rows} rows, {args.draws} draws each")
    errors: dict[str, list[float]] = {"mutualist": [], "density_known": [], "sklearn": []}
    for number, (name, (mi, sample, log_density)) in enumerate(track(cases().items(), description="estimating")):
        ours, known, theirs = [], [], []
        for draw in range(args.draws):
            x, y = sample(args.rows, np.random.default_rng([number, draw]))
            ours.append(estimator.estimate(x, y).mi - mi)
            known.append(float(np.mean(log_density(np.asarray(x), np.asarray(y)))) - mi)
            theirs.append(float(mutual_info_regression(x[:, None], y, random_state=0)[0]) - mi)
        errors["mutualist"] += ours
        errors["density_known"] += known
        errors["sklearn"] += theirs
        row = (mi, np.abs(ours).mean(), np.mean(ours), np.abs(known).mean(), np.abs(theirs).mean())
        shown.add_row(name, *(f"{value:.4f}" for value in row))
    Console().print(shown)
    print(json.dumps({f"{name}_mae": float(np.abs(found).mean()) for name, found in errors.items()}))


if __name__ == "__main__":
    main()
