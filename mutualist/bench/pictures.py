"""Scores as pictures: errors by size, dimension and family, and what intervals are worth."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from mutualist.bench.methods import OURS
from mutualist.plots import GRID, INK, QUIET

# Okabe and Ito (2008): apart for every kind of colour vision. A method keeps its colour and mark in every picture.
STYLE: Mapping[str, tuple[str, str]] = {
    OURS: ("#0072B2", "o"),
    "ksg": ("#D55E00", "s"),
    "sklearn": ("#CC79A7", "D"),
    "copula": ("#009E73", "^"),
    "cca": ("#7A7A7A", "v"),
    "ksg-bootstrap": ("#D55E00", "s"),
    "copula-bootstrap": ("#009E73", "^"),
    "mine": ("#E69F00", "P"),
    "infonce": ("#56B4E9", "X"),
}
FEW = 5  # a mean over fewer records is not drawn
DOTTED = (OURS, "ksg", "copula", "cca")

Value = Callable[[str, str], float | None]


def draw_suite(name: str, report: Mapping[str, Any], path: str | Path) -> None:
    """Mean absolute error by n and by d, and the interval score by n, as lines over bands of common records.

    Args:
        name: of the suite, for the title.
        report: what `scores.report` gave.
        path: a .png, .pdf or .svg file to write.
    """
    figure = Figure(figsize=(12, 4.4), facecolor="white", layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    n_axes, d_axes, score_axes = figure.subplots(1, 3)
    for axes, by, title in ((n_axes, "n", "rows"), (d_axes, "d", "columns of X and Y together")):
        bands = report["by"][by]

        def error(method: str, band: str, bands: Any = bands) -> float | None:
            row = bands[band].get(method)
            return row["mae"] if row and row["records"] >= FEW else None

        _lines(axes, list(report["methods"]), list(bands), error)
        _label(axes, "mean absolute error, nats" if by == "n" else "", title)
    bands = report["intervals_by"]["n"]

    def score(method: str, band: str) -> float | None:
        row = bands[band].get(method)
        return row["score"] if row and row["records"] >= FEW else None

    _lines(score_axes, list(report["intervals"]), list(bands), score)
    _label(score_axes, "interval score, nats (lower is better)", "rows")
    handles: dict[str, Any] = {}
    for axes in (n_axes, d_axes):
        handles |= {str(line.get_label()): line for line in axes.get_lines()}
    n_axes.legend(handles.values(), handles, fontsize=8.5, frameon=False, labelcolor=INK)
    covered = {m: f"{m}: {100 * row['cover']:.0f} % inside" for m, row in report["intervals"].items()}
    lines = {str(line.get_label()): line for line in score_axes.get_lines()}
    if lines:
        bottom, top = score_axes.get_ylim()
        score_axes.set_ylim(bottom, top * (top / bottom) ** 0.35)  # room for the legend
        names = [covered[m] for m in lines]
        score_axes.legend(lines.values(), names, fontsize=8.5, frameon=False, labelcolor=INK, loc="upper left")
    figure.suptitle(
        f"{name}: {report['records']:,} samples of known mutual information",
        x=0.012,
        ha="left",
        fontsize=13,
        fontweight="bold",
        color=INK,
    )
    _save(figure, path)


def draw_families(name: str, report: Mapping[str, Any], path: str | Path) -> None:
    """Mean absolute error in each family, on common records, the largest of ours on top."""
    rows = report["by"]["family"]
    lead = OURS if OURS in report["methods"] else next(iter(report["methods"]))
    families = sorted((f for f in rows if rows[f].get(lead, {}).get("records")), key=lambda f: rows[f][lead]["mae"])
    figure = Figure(
        figsize=(8.6, 1.6 + 0.24 * len(families)),
        facecolor="white",
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08),
    )
    axes = figure.add_subplot()
    shown = [m for m in report["methods"] if m in DOTTED or m == lead]
    for method in reversed(shown):
        places = [i for i, f in enumerate(families) if rows[f].get(method, {}).get("records")]
        colour, mark = STYLE[method]
        axes.scatter(
            [max(rows[families[i]][method]["mae"], 1e-3) for i in places],
            places,
            color=colour,
            marker=mark,
            s=46 if method == lead else 22,
            zorder=4 if method == lead else 3,
            label=method,
            edgecolor="white",
            linewidth=0.6,
        )
    counts = [max(row["records"] for row in rows[f].values()) for f in families]
    labels = [f"{family} ({count:,})" for family, count in zip(families, counts, strict=True)]
    axes.set_yticks(range(len(families)), labels, fontsize=8.5, color=INK)
    axes.set_ylim(-0.7, len(families) - 0.3)
    axes.set_xscale("log")
    _plain(axes.xaxis)
    axes.grid(axis="y", color=GRID, zorder=0)
    _label(axes, "", "mean absolute error, nats")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], names[::-1], fontsize=9, frameon=False, labelcolor=INK, loc="lower right")
    axes.set_title(f"{name}: by family (records)", loc="left", fontsize=12, fontweight="bold", color=INK)
    _save(figure, path)


def _lines(axes: Axes, methods: list[str], bands: list[str], value: Value) -> None:
    for method in methods:
        found = [(i, v) for i, band in enumerate(bands) if (v := value(method, band)) is not None]
        if not found:
            continue
        colour, mark = STYLE[method]
        places, values = np.array(found).T
        ours = method == OURS
        axes.plot(
            places,
            values,
            color=colour,
            marker=mark,
            markersize=7 if ours else 5,
            linewidth=2.6 if ours else 1.3,
            zorder=4 if ours else 3,
            label=method,
        )
    axes.set_xticks(range(len(bands)), bands, fontsize=8.5)
    axes.set_xlim(-0.3, len(bands) - 0.7)
    if axes.get_lines():
        axes.set_yscale("log")
        _plain(axes.yaxis)
    axes.grid(axis="y", color=GRID, zorder=0)


def _label(axes: Axes, y: str, x: str) -> None:
    axes.set_ylabel(y, color=INK, fontsize=9.5)
    axes.set_xlabel(x, color=INK, fontsize=9.5)
    axes.tick_params(colors=QUIET, length=0, which="both")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _plain(axis: Axis) -> None:
    """Numbers on a logarithmic axis as people write them."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _save(figure: Figure, path: str | Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110)
