"""Pictures: estimates with their intervals, and all pairs of a table as a heat map."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from mutualist.result import PairwiseEstimates, unit_factor

# Blue and near-black keep apart for every kind of colour vision, and in grey print.
BAR, INK, QUIET, GRID = "#4C8CBF", "#1B2733", "#5B6770", "#E3E7EA"
NUMBERED_CELLS = 16  # beyond this the numbers in a heat map are too small to read


def plot_ranking(ranking: Mapping[str, Any], path: str | Path) -> None:
    """Bars with intervals, the most informative column on top.

    Args:
        ranking: the answer of `mutualist rank --json`.
        path: a .png, .pdf or .svg file to write.
    """
    rows = ranking["columns"][::-1]  # matplotlib counts from below
    names = [_short(row["column"]) for row in rows]
    mi = np.array([row["mi"] for row in rows])
    low = np.array([row["interval"]["low"] for row in rows])
    high = np.array([row["interval"]["high"] for row in rows])
    figure = Figure(figsize=(8.6, 1.5 + 0.42 * len(rows)), facecolor="white", layout=_layout())
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    axes.barh(places, mi, height=0.62, color=BAR, zorder=2)
    errors = [np.maximum(mi - low, 0.0), np.maximum(high - mi, 0.0)]
    axes.errorbar(mi, places, xerr=errors, fmt="none", ecolor=INK, elinewidth=1.4, capsize=3.5, zorder=3)
    top = float(high.max()) or 1.0
    for place, (value, end) in enumerate(zip(mi, high, strict=True)):
        axes.text(end + 0.018 * top, place, f"{value:.3f}", va="center", ha="left", fontsize=9.5, color=INK)
    axes.set_yticks(places, names, fontsize=10.5, color=INK)
    axes.set_xlim(0, 1.12 * top)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"mutual information with {_short(ranking['target'])} ({ranking['unit']})", color=INK)
    axes.tick_params(axis="x", colors=QUIET, length=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=4)
    figure.suptitle(
        f"How much does each column tell about {_short(ranking['target'])}?",
        x=0.012,
        ha="left",
        fontsize=14,
        fontweight="bold",
        color=INK,
    )
    axes.set_title(
        f"estimate with its {100 * ranking['level']:.4g}% interval, from {ranking['n']:,} rows",
        loc="left",
        fontsize=9.5,
        color=QUIET,
    )
    _save(figure, path)


def plot_pairs(result: PairwiseEstimates, path: str | Path, unit: str = "nats") -> None:
    """A heat map of the medians of all pairs of columns, darker where columns tell more about one another."""
    d = len(result.names)
    matrix = np.ma.masked_invalid(result.mi * unit_factor(unit))
    size = min(24.0, max(4.5, 2.4 + 0.48 * d))
    figure = Figure(figsize=(size + 0.9, size), facecolor="white", layout=_layout())
    axes = figure.add_subplot()
    top = float(matrix.max()) or 1.0
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=top)
    names = [_short(name, 24) for name in result.names]
    axes.set_xticks(range(d), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=9, color=INK)
    axes.set_yticks(range(d), names, fontsize=9, color=INK)
    axes.tick_params(length=0)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.set_xticks(np.arange(d + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(d + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    if d <= NUMBERED_CELLS:
        for i in range(d):
            for j in range(d):
                if i != j:
                    colour = "white" if matrix[i, j] > 0.6 * top else INK
                    axes.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour)
    bar = figure.colorbar(image, ax=axes, shrink=0.75, aspect=28, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label(f"mutual information ({unit})", color=INK)
    bar.ax.tick_params(colors=QUIET, length=0)
    axes.set_title(f"All pairs of {d} columns, {result.n:,} rows", loc="left", fontweight="bold", color=INK)
    _save(figure, path)


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06)  # inches around the picture


def _save(figure: Figure, path: str | Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=160)


def _short(name: str, most: int = 40) -> str:
    """A name that fits, with dollars that matplotlib would read as mathematics escaped."""
    name = name if len(name) <= most else name[: most - 1] + "…"
    return name.replace("$", r"\$")
