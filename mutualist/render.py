"""What the command shows to people: tables and bars in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mutualist.result import PairwiseEstimates, unit_factor

BAR_WIDTH = 24
MATRIX_COLUMNS = 8  # a wider matrix does not fit a terminal


def show_estimate(console: Console, answer: Mapping[str, Any], x: Sequence[str], y: Sequence[str]) -> None:
    """One estimate, from the answer of `MIEstimate.to_dict`, with the names of its columns."""
    interval, unit = answer["interval"], answer["unit"]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("X", Text(", ".join(x)))
    table.add_row("Y", Text(", ".join(y)))
    table.add_row("rows", f"{answer['n']:,}")
    estimate = Text(f"{answer['mi']:.3f} {unit}", style="bold")
    estimate.append(
        f"   {100 * interval['level']:.4g}% interval [{interval['low']:.3f}, {interval['high']:.3f}]", style="not bold"
    )
    table.add_row("mutual information", estimate)
    quantiles = "   ".join(f"{q['level']:g}: {q['value']:.3f}" for q in answer["quantiles"])
    table.add_row("quantiles", quantiles)
    if answer.get("expected_error") is not None:
        table.add_row("expected error", f"{answer['expected_error']:.3f} {unit}")
    model = answer["model"]
    table.add_row("model", " ".join(str(model[key]) for key in ("name", "version") if key in model))
    console.print(table)


def show_ranking(console: Console, ranking: Mapping[str, Any]) -> None:
    """The columns of a table, the most informative first, each with its interval and a bar.

    The bar is thick up to the lower end of the interval, thin up to its upper end, with a dot at the estimate.
    """
    unit, level = ranking["unit"], ranking["level"]
    title = f"How much does each column tell about {ranking['target']}?"
    top = max((row["interval"]["high"] for row in ranking["columns"]), default=0.0) or 1.0
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("column", overflow="fold")
    table.add_column(f"MI [{unit}]".replace("[", r"\["), justify="right", no_wrap=True, style="bold")
    table.add_column(f"{100 * level:.4g}% interval", justify="center", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in ranking["columns"]:
        low, high = row["interval"]["low"], row["interval"]["high"]
        bar = _bar(row["mi"] / top, low / top, high / top, ascii_only=console.options.ascii_only)
        table.add_row(Text(row["column"]), f"{row['mi']:.3f}", Text(f"[{low:.3f}, {high:.3f}]"), bar)
    console.print(table)
    console.print(
        f"{ranking['n']:,} rows; {100 * level:.4g}% of such intervals hold the true value.",
        style="dim",
        highlight=False,
    )


def show_pairs(console: Console, result: PairwiseEstimates, unit: str, level: float, most: int = 10) -> None:
    """The matrix if it is small, otherwise the strongest pairs."""
    if len(result.names) <= MATRIX_COLUMNS:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(f"MI [{unit}]".replace("[", r"\["), overflow="fold")
        for name in result.names:
            table.add_column(Text(name), justify="right", overflow="fold")
        for name, row in zip(result.names, result.mi * unit_factor(unit), strict=True):
            table.add_row(Text(name), *("·" if value != value else f"{value:.3f}" for value in row))
        console.print(table)
        return
    rows = result.to_rows(unit, level)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("column", "column"):
        table.add_column(name, overflow="fold")
    table.add_column(f"MI [{unit}]".replace("[", r"\["), justify="right", no_wrap=True, style="bold")
    table.add_column(f"{100 * level:.4g}% interval", no_wrap=True)
    for row in rows[:most]:
        interval = Text(f"[{row['low']:.3f}, {row['high']:.3f}]")
        table.add_row(Text(row["a"]), Text(row["b"]), f"{row['mi']:.3f}", interval)
    console.print(table)
    if len(rows) > most:
        console.print(f"the strongest {most} of {len(rows):,} pairs", style="dim", highlight=False)


def _bar(mi: float, low: float, high: float, ascii_only: bool) -> Text:
    """A bar for fractions of the full width: thick to `low`, thin to `high`, a dot at `mi`."""
    thick, thin, dot = ("=", "-", "o") if ascii_only else ("━", "─", "●")
    a, m, b = (min(BAR_WIDTH - 1, max(0, round(value * (BAR_WIDTH - 1)))) for value in (low, mi, high))
    text = Text()
    for i in range(b + 1):
        if i == m:
            text.append(dot, style="bold cyan")
        else:
            text.append(thick if i < a else thin, style="cyan" if i < a else "dim cyan")
    return text
