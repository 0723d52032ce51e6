#!/usr/bin/env python3
"""Families that training never drew: do intervals hold, and which number finds the large errors?

    python benchmarks/trust.py [--records 1200] [--plot docs/images/trust.png]

Samples of the families and correlations that `accuracy.py` calls unseen, none of which is among those of the
configuration `cpu` that the bundled weights learned from. The AUROC is the chance that one of the tenth with the
largest absolute errors ranks above another sample. Ends with one JSON line.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from accuracy import UNSEEN
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

import mutualist.datagen.families  # noqa: F401  (registers them)
from mutualist import MutualInfoEstimator
from mutualist.datagen.registry import make_family

KINDS = [(one["family"], one.get("options", {})) for one in UNSEEN["components"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1200)
    parser.add_argument("--plot", type=Path, default=None, help="where to write a picture")
    args = parser.parse_args()
    torch.set_num_threads(1)
    estimator = MutualInfoEstimator.from_pretrained()
    names, errors, widths, covers, strange, expected = [], [], [], [], [], []
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
        names.append(" ".join([name, *options.values()]))
        errors.append(abs(found.mi - joint.mi))
        widths.append(high - low)
        covers.append(low <= joint.mi <= high)
        strange.append(found.strangeness)
        expected.append(found.expected_error)
    error, width, covered, strangeness, likely, kind = (
        np.array(part) for part in (errors, widths, covers, np.array(strange, float), np.array(expected, float), names)
    )
    large = error > np.quantile(error, 0.9)
    scores = {
        "mae": float(error.mean()),
        "cover90": float(covered.mean()),
        "mean_expected_error": float(likely.mean()),
        "auroc_expected_error": float(roc_auc_score(large, likely)),
        "auroc_width": float(roc_auc_score(large, width)),
        "auroc_strangeness": float(roc_auc_score(large, strangeness)),
        "share_warned": float((strangeness > 0.995).mean()),
    }
    shown = Table("family", "samples", "MAE", "expected error", "90 % interval covers", "its width", "strangeness")
    for name in dict.fromkeys(names):
        at = kind == name
        shown.add_row(
            name, str(at.sum()), *(f"{part[at].mean():.3f}" for part in (error, likely, covered, width, strangeness))
        )
    Console().print(shown)
    if args.plot is not None:
        picture(likely, error, args.plot)
    print(json.dumps(scores))


def picture(likely: np.ndarray, error: np.ndarray, path: Path) -> None:
    """Errors against expected ones, with the mean error of each tenth of the samples."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(likely, error + 1e-3, s=9, alpha=0.45, color="#4C8CBF", linewidths=0, label="a sample")
    tenths = np.array_split(np.argsort(likely), 10)
    axes.plot(
        [likely[part].mean() for part in tenths],
        [error[part].mean() for part in tenths],
        "o-",
        color="#1B2733",
        label="mean of each tenth",
    )
    axes.set(xlabel="expected error, nats", ylabel="absolute error, nats", xscale="log", yscale="log")
    axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_figure(str(path), dpi=130)


if __name__ == "__main__":
    main()
