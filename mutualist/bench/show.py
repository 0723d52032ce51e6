"""Scores for people: tables in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mutualist.bench.methods import OURS


def show_suite(console: Console, name: str, report: Mapping[str, Any], by: Sequence[str]) -> None:
    """Accuracy, intervals, mean absolute errors in bands of `by`, and where a peer is better."""
    _accuracy(console, name, report)
    _intervals(console, report)
    for one in by:
        _bands(console, one, report)
    _losses(console, report)


def _accuracy(console: Console, name: str, report: Mapping[str, Any]) -> None:
    title = f"{name}: errors of the estimate, in nats, on {report['records']:,} records"
    table = _table(title, ["method", "records", "MSE", "MAE", "bias", "pinball", "ms", "our MAE"])
    for method, row in report["methods"].items():
        if not row["records"]:
            table.add_row(method, "0", *[""] * 6)
            continue
        ours = f"{row['ours_mae']:.3f}" if "ours_mae" in row else ""
        cells = (f"{row['mse']:.3f}", f"{row['mae']:.3f}", f"{row['bias']:+.3f}", f"{row['pinball']:.3f}")
        table.add_row(_method(method), f"{row['records']:,}", *cells, _ms(row["ms"]), ours)
    console.print(table)


def _intervals(console: Console, report: Mapping[str, Any]) -> None:
    if not report["intervals"]:
        return
    records = next(iter(report["intervals"].values()))["records"]
    title = f"90 % intervals, on the {records:,} records that all of these answered"
    table = _table(title, ["method", "coverage", "width", "interval score", "false alarms"])
    for method, row in report["intervals"].items():
        alarms = "" if row["false_alarms"] is None else f"{100 * row['false_alarms']:.1f} %"
        cells = (f"{100 * row['cover']:.1f} %", f"{row['width']:.3f}", f"{row['score']:.3f}", alarms)
        table.add_row(_method(method), *cells)
    console.print(table)


def _bands(console: Console, by: str, report: Mapping[str, Any]) -> None:
    bands = report["by"][by]
    methods = [m for m in report["methods"] if any(m in rows for rows in bands.values())]
    table = _table(f"mean absolute error by {by}, on the same records", [by, "records", *methods])
    for band, rows in bands.items():
        if not rows:
            continue
        count = max(row["records"] for row in rows.values())
        cells = [f"{rows[m]['mae']:.3f}" if m in rows else "" for m in methods]
        table.add_row(band, f"{count:,}", *cells)
    console.print(table)


def _losses(console: Console, report: Mapping[str, Any]) -> None:
    rows = report["losses"]
    if OURS not in report["methods"] or len(report["methods"]) < 2:
        return
    if not rows:
        console.print("No group of 20 records or more in which a peer is better by two standard errors.", style="dim")
        return
    table = _table(
        "where a peer is better, by two standard errors", ["group", "method", "records", "its MAE", "our MAE"]
    )
    for row in rows:
        group = row["group"] if row["by"] in ("all", "family") else f"{row['by']} {row['group']}"
        table.add_row(group, row["method"], f"{row['records']:,}", f"{row['mae']:.3f}", f"{row['ours_mae']:.3f}")
    console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _method(name: str) -> Text:
    return Text(name, style="bold cyan" if name == OURS else "")
