#!/usr/bin/env python3
"""Families that training never drew: do intervals hold, and do strangeness and width find the large errors?

    python benchmarks/strangeness.py [--records 600] [--plot docs/images/strangeness.png]

Samples of Dirichlet shares, order statistics, and normals under chain and graph correlations, none of which is among
the families of the configuration `cpu` that the bundled weights learned from. The AUROC is the chance that one of the
tenth with the largest absolute errors ranks above another sample. Ends with one JSON line.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

import mutualist.datagen.families  # noqa: F401  (registers them)
from mutualist import MutualInfoEstimator
from mutualist.datagen.registry import make_family

KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("dirichlet", {}),
    ("order-statistics", {}),
    ("multivariate-normal", {"structure": "chain"}),
    ("multivariate-normal", {"structure": "graph"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=600)
    parser.add_argument("--plot", type=Path, default=None, help="where to write a picture")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    names, errors, widths, covers, strange = [], [], [], [], []
    for i in track(range(args.records), description="estimating"):
        rng = np.random.default_rng([7, i])
        name, options = KINDS[i % len(KINDS)]
        family = make_family(name, options)
        while True:
            dx, dy = (int(value) for value in np.exp(rng.uniform(0, np.log(9), 2)))
            if family.supports(dx, dy):
                break
        joint = family.draw(rng, dx, dy)
        x, y = joint.sample(int(np.exp(rng.uniform(np.log(30), np.log(2000)))), rng)
        found = estimator.estimate(x, y)
        low, high = found.interval(0.9)
        names.append(options.get("structure", name))
        errors.append(abs(found.mi - joint.mi))
        widths.append(high - low)
        covers.append(low <= joint.mi <= high)
        strange.append(found.strangeness)
    error, width, covered, strangeness, kind = (
        np.array(part) for part in (errors, widths, covers, np.array(strange, float), names)
    )
    large = error > np.quantile(error, 0.9)
    scores = {
        "mae": float(error.mean()),
        "cover90": float(covered.mean()),
        "auroc_strangeness": float(roc_auc_score(large, strangeness)),
        "auroc_width": float(roc_auc_score(large, width)),
        "auroc_both": float(roc_auc_score(large, width.argsort().argsort() + strangeness.argsort().argsort())),
        "share_warned": float((strangeness > 0.995).mean()),
    }
    shown = Table("family", "samples", "MAE", "90 % interval covers", "its mean width", "mean strangeness")
    for name in dict.fromkeys(names):
        at = kind == name
        shown.add_row(name, str(at.sum()), *(f"{part[at].mean():.3f}" for part in (error, covered, width, strangeness)))
    Console().print(shown)
    if args.plot is not None:
        picture(strangeness, error, args.plot)
    print(json.dumps(scores))


def picture(strangeness: np.ndarray, error: np.ndarray, path: Path) -> None:
    """Errors against strangeness, with the mean error of each fifth of the samples."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(strangeness, error + 1e-3, s=9, alpha=0.45, color="#4C8CBF", linewidths=0, label="a sample")
    order = np.argsort(strangeness)
    fifths = np.array_split(order, 5)
    axes.plot(
        [strangeness[part].mean() for part in fifths],
        [error[part].mean() for part in fifths],
        "o-",
        color="#1B2733",
        label="mean of each fifth",
    )
    axes.set(xlabel="strangeness", ylabel="absolute error, nats", yscale="log")
    axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_figure(str(path), dpi=130)


if __name__ == "__main__":
    main()
