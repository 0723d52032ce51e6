"""Draws fitted-flow.png: a table beside what a flow fitted to it makes. See ../fitted-flows.md.

python docs/images/fitted_flow.py runs/diabetes-flow data/examples/diabetes.csv docs/images/fitted-flow.png
python docs/images/fitted_flow.py --forest data/examples/diabetes.csv bmi,ldl,…    (the table of AUCs)
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mutualist.datagen.flows.columns import read_columns, rounded, rounding
from mutualist.datagen.flows.fit import FittedFlow
from mutualist.datagen.flows.table import SYNTHETIC_ROWS, TEST_SHARE, fit_table

# Blue and vermilion of Okabe & Ito: apart for every kind of colour vision.
REAL, MADE, INK, QUIET = "#0072B2", "#D55E00", "#1B2733", "#5B6770"


def draw(directory: Path, table: Path, out: Path) -> None:
    """Real rows below the diagonal and filled, as many synthetic ones above it and outlined."""
    flow = FittedFlow.load(directory)
    grid = np.array(flow.facts["rounding"])
    real = read_columns(table, flow.columns)
    made, many = (rounded(flow.sample(n, np.random.default_rng(n)), grid) for n in (len(real), 20_000))
    names, d = [name.replace("_", " ") for name in flow.columns], real.shape[1]
    margin = 0.06 * np.ptp(real, axis=0)
    low, high = real.min(axis=0) - margin, real.max(axis=0) + margin
    figure = Figure(figsize=(10, 10), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(d, d, gridspec_kw={"wspace": 0.07, "hspace": 0.07})
    for i, j in np.ndindex(d, d):
        a = axes[i, j]
        a.spines[:].set(color="#C9D0D5", linewidth=0.8)
        a.tick_params(labelsize=7, colors=QUIET, length=2, width=0.6)
        a.set_xlim(low[j], high[j])
        if i == j:
            bins = np.linspace(low[j], high[j], 23)
            a.hist(real[:, j], bins, density=True, color=REAL, alpha=0.35, lw=0)
            a.hist(many[:, j], bins, density=True, histtype="step", color=MADE, lw=1.6)
            a.set_yticks([])
        else:
            rows, colour = (real, REAL) if i > j else (made, MADE)
            a.scatter(rows[:, j], rows[:, i], s=7, color=colour, alpha=0.55, lw=0)
            a.set_ylim(low[i], high[i])
            a.locator_params(nbins=4)
        a.tick_params(labelbottom=i == d - 1, labelleft=j == 0)
        if i == d - 1:
            a.set_xlabel(names[j], fontsize=9.5, color=INK)
        if j == 0:
            a.set_ylabel(names[i], fontsize=9.5, color=INK)
    figure.text(0.075, 0.965, f"{table.name}: real", color=REAL, fontsize=16, weight="bold")
    figure.text(0.075, 0.94, "below the diagonal, filled histograms", color=QUIET, fontsize=10)
    figure.text(0.925, 0.965, "synthetic", color=MADE, fontsize=16, weight="bold", ha="right")
    figure.text(0.925, 0.94, "above the diagonal, outlined histograms", color=QUIET, fontsize=10, ha="right")
    figure.subplots_adjust(left=0.075, right=0.925, bottom=0.06, top=0.925)
    figure.savefig(out, dpi=100)
    Image.open(out).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(out, optimize=True)


def forest(table: Path, columns: list[str]) -> None:
    """AUC of the command's classifier and of a random forest, for four splits into rows fitted and tested."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    values = read_columns(table, columns)
    grid = rounding(values)
    for seed in range(4):
        flow = fit_table(table, columns, seed)
        order = np.random.default_rng(seed).permutation(len(values))
        cut = round(TEST_SHARE * len(values))
        test, train = values[order[:cut]], values[order[cut:]]
        rng, n = np.random.default_rng(9), len(train) + SYNTHETIC_ROWS
        normal = rng.multivariate_normal(train.mean(axis=0), np.cov(train.T), n)
        for name, made in (("flow", flow.sample(n, rng)), ("normal", normal)):
            made = rounded(made, grid)
            trees = RandomForestClassifier(300, min_samples_leaf=3, random_state=0)
            trees.fit(np.concatenate([train, made[: len(train)]]), np.repeat([0, 1], len(train)))
            scores = trees.predict_proba(np.concatenate([test, made[len(train) :]]))[:, 1]
            found = roc_auc_score(np.repeat([0, 1], [cut, SYNTHETIC_ROWS]), scores)
            print(f"seed {seed}  {name:6}  command {flow.facts['auc'][name]['value']:.3f}  forest {found:.3f}")


if __name__ == "__main__":
    if sys.argv[1] == "--forest":
        forest(Path(sys.argv[2]), sys.argv[3].split(","))
    else:
        draw(*map(Path, sys.argv[1:4]))
