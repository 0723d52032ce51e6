"""The pictures of `mutualist datagen report`, as PNG bytes. Colours that every kind of colour vision keeps apart."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from mutualist.datagen.inspection.label_checks import METHODS, LabelCheck

# Blue, vermilion and ink of Okabe & Ito (2008).
BLUE, VERMILION, INK, QUIET, GRID = "#0072B2", "#D55E00", "#1B2733", "#5B6770", "#E3E7EA"
DPI = 160
FEW_LEVELS = 12
SMALLEST_MI = 1e-3  # nats; what lies below, but not at 0, is counted in the first bar
_COUNTS = "YlGnBu"


class Example(NamedTuple):
    """One column of X and one of Y of a record: what a small picture shows."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    family: str
    mi: float
    caption: str


def draw_mi_law(mi: NDArray[np.float64]) -> bytes:
    """Histogram of the MI on a logarithmic axis, with the exact zeros as a bar of their own."""
    figure, (left, right) = _figure(10, 3.6, 1, 2, width_ratios=[1, 11], sharey=True)
    positive, zero = mi[mi > 0], float((mi == 0).mean())
    top = max(20.0, float(mi.max(initial=0)) * 1.05)
    edges = np.geomspace(SMALLEST_MI, top, 46)
    share = np.histogram(np.maximum(positive, SMALLEST_MI), bins=edges)[0] / len(mi)
    right.stairs(100 * share, edges, fill=True, color=BLUE, alpha=0.9)
    right.set_xscale("log")
    right.set_xlim(edges[0], edges[-1])
    right.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    right.set_xlabel("mutual information (nats, logarithmic axis)", color=INK)
    right.text(edges[0], 0.97, f"  to {edges[1]:.2g} in the first bar", color=QUIET, fontsize=8.5, va="top",
               transform=right.get_xaxis_transform())  # fmt: skip
    if len(positive):
        middle = float(np.median(positive))
        right.axvline(middle, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        right.text(middle, 0.97, f" median above 0: {middle:.2g}", color=INK, fontsize=9, va="top",
                   transform=right.get_xaxis_transform())  # fmt: skip
    left.bar([0], [100 * zero], width=0.7, color=VERMILION)
    left.text(0, 100 * zero, f"{zero:.1%}", ha="center", va="bottom", color=INK, fontsize=9.5)
    left.set_ylim(0, 100 * max(zero, share.max(initial=0.01)) * 1.15)
    left.set_xlim(-0.8, 0.8)
    left.set_xticks([0], ["exactly 0"])
    left.set_ylabel("share of records (%)", color=INK)
    return _png(figure)


def draw_coverage(n: NDArray[Any], dx: NDArray[Any], dy: NDArray[Any], mi: NDArray[np.float64]) -> bytes:
    """Three maps of how many records there are: n × d, dx × dy, MI × d."""
    figure, axes = _figure(12, 3.8, 1, 3)
    d = dx + dy
    d_edges = _whole_edges(int(d.max()))
    n_edges = np.unique(np.geomspace(n.min(), n.max() + 1, 36).round())
    _map(figure, axes[0], n, d, n_edges, d_edges)
    axes[0].set(xscale="log", xlabel="rows n", ylabel="columns dx + dy")
    _map(figure, axes[1], dx, dy, _whole_edges(int(dx.max())), _whole_edges(int(dy.max())))
    axes[1].set(xlabel="columns of X, dx", ylabel="columns of Y, dy")
    positive = mi > 0
    top = max(20.0, float(mi.max(initial=0)) * 1.05)
    _map(
        figure, axes[2], np.maximum(mi[positive], SMALLEST_MI), d[positive], np.geomspace(SMALLEST_MI, top, 36), d_edges
    )
    axes[2].set(xscale="log", xlabel="mutual information above 0 (nats)", ylabel="columns dx + dy")
    for a in (axes[0], axes[2]):
        a.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    return _png(figure)


def _whole_edges(high: int) -> NDArray[np.float64]:
    """Bins of whole numbers from 1: one each, or about 32 of equal width."""
    step = max(1, -(-high // 32))
    return np.arange(0.5, high + step + 0.5, step)


def _map(figure: Figure, axes: Axes, x: Any, y: Any, x_edges: Any, y_edges: Any) -> None:
    counts = np.histogram2d(x, y, bins=[x_edges, y_edges])[0].T
    top = max(2.0, float(counts.max(initial=0)))
    image = axes.pcolormesh(
        x_edges, y_edges, np.ma.masked_equal(counts, 0), cmap=_COUNTS, norm=LogNorm(1, top), rasterized=True
    )
    axes.grid(visible=False)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=QUIET, length=0, labelsize=8)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
    bar.set_label("records (logarithmic)", color=QUIET, fontsize=9)


def draw_families(by_family: Mapping[str, NDArray[np.float64]]) -> bytes:
    """Shares of the families, and the range of MI of each (5, 25, 50, 75 and 95 % of the records above 0)."""
    order = sorted(by_family, key=lambda f: len(by_family[f]))
    total = sum(len(v) for v in by_family.values())
    figure, (left, right) = _figure(11, 1.4 + 0.245 * len(order), 1, 2, width_ratios=[1, 1.5], sharey=True)
    places = np.arange(len(order))
    shares = np.array([100 * len(by_family[f]) / total for f in order])
    left.barh(places, shares, height=0.66, color=BLUE)
    for place, share in zip(places, shares, strict=True):
        left.text(share + 0.012 * shares.max(), place, f"{share:.3g}", va="center", fontsize=8, color=QUIET)
    left.set_xlim(0, 1.14 * shares.max())
    left.set_xlabel("share of records (%)", color=INK)
    left.set_yticks(places, order, fontsize=8.5, color=INK)
    left.set_ylim(-0.7, len(order) - 0.3)
    left.grid(axis="y", visible=False)
    for place, family in zip(places, order, strict=True):
        mi = by_family[family]
        positive = mi[mi > 0]
        if len(positive):
            low, q1, middle, q3, high = np.maximum(np.quantile(positive, [0.05, 0.25, 0.5, 0.75, 0.95]), SMALLEST_MI)
            right.plot([low, high], [place, place], color=BLUE, linewidth=1.2, solid_capstyle="round")
            right.plot([q1, q3], [place, place], color=BLUE, linewidth=5, solid_capstyle="butt", alpha=0.55)
            right.plot([middle], [place], "o", color=INK, markersize=4)
        right.text(1.01, place, f"{100 * (mi == 0).mean():.3g}%", transform=right.get_yaxis_transform(), va="center",
                   fontsize=8, color=VERMILION)  # fmt: skip
    right.text(1.01, len(order) - 0.2, "at 0", transform=right.get_yaxis_transform(), fontsize=8, color=VERMILION)
    right.set_xscale("log")
    right.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    right.set_xlabel("mutual information above 0 (nats): 5–95 %, 25–75 %, median", color=INK)
    right.tick_params(axis="y", length=0, labelleft=False)
    return _png(figure)


def draw_examples(examples: Sequence[Example], across: int = 6) -> bytes:
    """A grid of small scatter plots, each named by its family."""
    down = -(-len(examples) // across)
    figure, grid = _figure(2.05 * across, 2.3 * down, down, across, squeeze=False)
    for axes, example in zip(grid.flat, examples, strict=False):
        size = float(np.clip(1800 / len(example.x), 2, 10))
        x, y = _apart(example.x, 0), _apart(example.y, 1)
        axes.scatter(x, y, s=size, color=BLUE, alpha=float(np.clip(260 / len(x), 0.35, 0.85)), linewidths=0)
        axes.set_xlim(*_middle(x))
        axes.set_ylim(*_middle(y))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(example.family, fontsize=9, color=INK, fontweight="bold", pad=15)
        axes.text(0.5, 1.02, example.caption, transform=axes.transAxes, fontsize=7.6, color=QUIET, ha="center")
        for side in axes.spines.values():
            side.set_visible(True)
    for axes in grid.flat[len(examples) :]:
        axes.set_axis_off()
    return _png(figure)


def _apart(values: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Columns of few different values spread about each, so that points do not hide one another."""
    levels = np.unique(values).astype(np.float64)
    if not 1 < len(levels) <= FEW_LEVELS:
        return values.astype(np.float64)
    width = 0.3 * float(np.diff(levels).min())
    return values + np.random.default_rng(seed).uniform(-width, width, len(values))  # of the picture alone


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits that heavy tails do not stretch: the middle 96 % and a quarter of its width on both sides, at most."""
    low, high = np.quantile(values, [0.02, 0.98])
    least, most = float(values.min()), float(values.max())
    width = (high - low) or (most - least) or 1.0
    return max(least, low - 0.25 * width) - 0.06 * width, min(most, high + 0.25 * width) + 0.06 * width


_METHOD_COLOURS = dict(zip(METHODS, ("#CC79A7", "#009E73", BLUE, QUIET), strict=True))


def draw_label_checks(checks: Sequence[LabelCheck]) -> bytes:
    """Each estimate against its label, and where in its allowed range it lies; a ring around those outside."""
    figure, (left, right) = _figure(11, 4.4, 1, 2, width_ratios=[1, 1.25])
    rng = np.random.default_rng(0)  # of the picture alone
    top = max(0.5, *(max(c.mi, c.estimate) for c in checks)) * 1.06
    left.plot([0, top], [0, top], color=QUIET, linewidth=1)
    shown = [m for m in METHODS if any(c.method == m for c in checks)]
    for place, method in enumerate(reversed(shown)):
        own = [c for c in checks if c.method == method]
        mi, estimate = np.array([[c.mi, c.estimate] for c in own]).T
        side = np.array([c.tolerance[c.estimate > c.mi] for c in own])
        # Where nothing is asked of what lies below, the upper limit is the measure of both.
        side = np.where(np.isfinite(side), side, [c.tolerance[1] for c in own])
        within = np.clip((estimate - mi) / side, -2.4, 2.4)
        across = place + rng.uniform(-0.3, 0.3, len(own))
        agrees = np.array([c.agrees for c in own])
        dots = {"s": 22, "color": _METHOD_COLOURS[method], "alpha": 0.75, "linewidths": 0, "zorder": 3}
        left.scatter(mi, estimate, **dots)
        right.scatter(within, across, **dots)
        for axes, x, y in ((left, mi, estimate), (right, within, across)):
            axes.scatter(x[~agrees], y[~agrees], s=110, facecolors="none", edgecolors=VERMILION, linewidths=1.8,
                         zorder=4)  # fmt: skip
    left.set(xlim=(-0.03 * top, top), ylim=(min([-0.05 * top, *(c.estimate * 1.1 for c in checks)]), top))
    left.set_xlabel("label (nats)", color=INK)
    left.set_ylabel("second method (nats)", color=INK)
    right.axvspan(-1, 1, color="#EAF2F7", zorder=0)
    right.axvline(0, color=QUIET, linewidth=1)
    right.set(xlim=(-2.5, 2.5), ylim=(-0.6, len(shown) - 0.4), xticks=[-2, -1, 0, 1, 2])
    right.set_yticks(range(len(shown)), reversed(shown), fontsize=9, color=INK)
    right.grid(axis="y", visible=False)
    right.set_xlabel("second method minus label, as a share of what is allowed", color=INK)
    return _png(figure)


def _figure(width: float, height: float, rows: int, columns: int, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, **options)
    for a in np.atleast_1d(axes).flat:
        a.tick_params(colors=QUIET, labelsize=9, length=0)
        a.grid(color=GRID, linewidth=0.8)
        a.set_axisbelow(True)
        for side in a.spines.values():
            side.set_color("#C9D1D6")
        for side in ("top", "right"):
            a.spines[side].set_visible(False)
        a.xaxis.label.set_color(INK)
        a.yaxis.label.set_color(INK)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
