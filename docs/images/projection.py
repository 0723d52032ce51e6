"""Draws projection.png and prints the table of ../differentiable.md: which single direction of a table tells most?

python docs/images/projection.py docs/images/projection.png [--splits 12]

Each split trains on three fifths of the rows. A direction is learned by climbing the mutual information of the
projection with the target, from the first principal component on, and judged on the other rows, by estimators that it
never met: nearest neighbours' mutual information, and a nearest-neighbour prediction from the projection alone.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.progress import track
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from mutualist import mutual_information
from mutualist.bench.nearest import ksg_mi
from mutualist.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
STEPS, RATE, SAMPLES, NOISE = 60, 0.1, 2, 0.3
FIRST_SPLIT = 100  # steps, rate and noise were chosen on splits 0 to 4
INK, QUIET, OURS, OTHER = "#1B2733", "#5B6770", "#0072B2", "#B9C3CB"
COLOURS = ("#E69F00", "#0072B2", "#009E73")
NAMES = ("Barolo", "Grignolino", "Barbera")  # classes 0, 1, 2 of wine.csv

Array = np.ndarray[Any, np.dtype[np.float64]]


def climb(table: Array, target: Array, start: Array, seed: int) -> Array:
    """The direction (d,) whose projection of `table` (n, d) tells most about `target` (n,).

    Every step looks at two random halves of the rows, with some noise on the columns, and the second half of the way is
    averaged: a direction that only fits the sample at hand does not last.
    """
    rng, n = np.random.default_rng(seed), len(table)
    z, y = torch.from_numpy(table), torch.from_numpy(target)
    w = torch.from_numpy(start / np.linalg.norm(start)).requires_grad_(True)
    adam = torch.optim.Adam([w], lr=RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    kept = []
    for step in range(STEPS):
        rows = np.stack([rng.permutation(n)[: n // 2] for _ in range(SAMPLES)])
        noisy = z[rows] + NOISE * torch.from_numpy(rng.normal(size=(*rows.shape, z.shape[1])))
        told = mutual_information((noisy @ (w / w.norm()))[..., None], y[rows][..., None], levels=[0.5])
        adam.zero_grad()
        (-told.mean()).backward()
        adam.step()
        slower.step()
        if step >= STEPS // 2:
            kept.append((w / w.norm()).detach().numpy().copy())
    mean = np.mean(kept, 0)
    return np.asarray(mean / np.linalg.norm(mean))


def directions(table: Array, target: Array, classes: Array | None, seed: int) -> dict[str, Array]:
    """Directions (d,) by each method; LDA where there are classes."""
    first = PCA(1).fit(table).components_[0]
    found = {
        "PCA": first,
        "PLS": PLSRegression(1).fit(table, target).x_rotations_[:, 0],
        "CCA": LinearRegression().fit(table, target).coef_,  # with one target, least squares is CCA
    }
    if classes is not None:
        found["LDA"] = LinearDiscriminantAnalysis().fit(table, classes).scalings_[:, 0]
    found["mutual information"] = climb(table, target, first, seed)
    return found


def judge(trained: Array, held: Array, known: Array, asked: Array, classes: bool) -> tuple[float, float]:
    """On rows held out: mutual information, and accuracy (or R²) of a prediction, both by nearest neighbours."""
    a, b = trained[:, None] / trained.std(), held[:, None] / trained.std()
    if classes:
        told = mutual_info_classif(b, asked.astype(int), random_state=0)[0]
        return float(told), float(KNeighborsClassifier(9).fit(a, known).score(b, asked))
    told = ksg_mi(b, asked[:, None], np.random.default_rng(0))
    return float(told or 0.0), float(KNeighborsRegressor(15).fit(a, known).score(b, asked))


def load(name: str, target: str) -> tuple[Array, Array]:
    table = read_table(ROOT / "data" / "examples" / f"{name}.csv")
    return table.columns([c for c in table.names if c != target]), table.columns([target])[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--splits", type=int, default=12)
    args = parser.parse_args()
    torch.set_num_threads(1)
    wine, cultivar = load("wine", "class")
    patients, progression = load("diabetes", "progression")
    alphabetical = np.array([1.0, 2.0, 0.0])[cultivar.astype(int)]  # Barbera, Barolo, Grignolino
    cases: dict[str, tuple[Array, Array, Array | None]] = {
        "cultivar of a wine, numbered as in the file": (wine, cultivar, cultivar),
        "cultivar of a wine, numbered by the alphabet": (wine, alphabetical, cultivar),
        "progression of diabetes": (patients, progression, None),
    }
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    shown: dict[str, tuple[Array, Array]] = {}
    for case, (table, target, classes) in cases.items():
        scores = found.setdefault(case, {})
        for split in track(range(FIRST_SPLIT, FIRST_SPLIT + args.splits), description=case):
            train, test = train_test_split(np.arange(len(table)), test_size=0.4, random_state=split, stratify=classes)
            z = (table - table[train].mean(0)) / table[train].std(0)
            judged = target if classes is None else classes
            ways = directions(z[train], target[train], None if classes is None else classes[train], split)
            for method, w in ways.items():
                row = judge(z[train] @ w, z[test] @ w, judged[train], judged[test], classes is not None)
                scores.setdefault(method, []).append(row)
                if split == FIRST_SPLIT and "alphabet" in case:
                    shown[method] = (z[test] @ w, judged[test])
    print("| target | method | mutual information, nats | accuracy, or R² |\n|---|---|---:|---:|")
    for case, methods in found.items():
        for method, rows in methods.items():
            mean, error = np.mean(rows, 0), np.std(rows, 0, ddof=1) / np.sqrt(len(rows))
            bold = "**" if method == "mutual information" else ""
            cells = " | ".join(f"{bold}{m:.3f}{bold} ± {e:.3f}" for m, e in zip(mean, error, strict=True))
            print(f"| {case} | {bold}{method}{bold} | {cells} |")
    draw(found, shown, args.picture)


def draw(
    found: dict[str, dict[str, list[tuple[float, float]]]], shown: dict[str, tuple[Array, Array]], path: Path
) -> None:
    """Held-out wines along three directions, and how well each method's direction predicts in each case."""
    figure = Figure(figsize=(12, 6.6), facecolor="white", layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    for axes, method in zip(above.subplots(1, 3), ("PCA", "CCA", "mutual information"), strict=True):
        values, classes = shown[method]
        bins = np.linspace(values.min(), values.max(), 26)
        for label, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True)):
            axes.hist(values[classes == label], bins, color=colour, alpha=0.75, label=name)
        axes.set_title(method, loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.set_yticks([])
        style(axes)
        if method == "PCA":
            axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    above.suptitle(
        "Wines held out, along one direction of 13 measurements (cultivars numbered by the alphabet)",
        x=0.01, ha="left", fontsize=12, color=INK,
    )  # fmt: skip
    for axes, (case, methods) in zip(below.subplots(1, 3), found.items(), strict=True):
        mean = [np.mean(rows, 0)[1] for rows in methods.values()]
        error = [np.std(rows, 0, ddof=1)[1] / np.sqrt(len(rows)) for rows in methods.values()]
        names = ["MI" if name == "mutual information" else name for name in methods]
        colours = [OURS if name == "MI" else OTHER for name in names]
        axes.bar(range(len(names)), mean, yerr=error, color=colours, ecolor=INK, capsize=3, width=0.66)
        for i, value in enumerate(mean):
            axes.text(
                i, value / 2, f"{value:.2f}", ha="center", fontsize=10, color="white" if names[i] == "MI" else INK
            )
        axes.set_xticks(range(len(names)), names, fontsize=10, color=INK)
        axes.set_title(case, loc="left", fontsize=10, color=INK)
        axes.set_ylabel("R², held out" if "diabetes" in case else "accuracy, held out", color=QUIET, fontsize=9)
        style(axes)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100)


def style(axes: Any) -> None:
    axes.tick_params(colors=QUIET, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#C9D0D5")


if __name__ == "__main__":
    main()
