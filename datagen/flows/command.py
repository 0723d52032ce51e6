"""`mutualist datagen fit-flow`. What it needs is imported when it runs, so that help is quick."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mutualist.errors import ConfigError


def fit_flow(
    table: Annotated[Path, typer.Argument(help="CSV file with a header, or Parquet.")],
    columns: Annotated[
        list[str], typer.Option("--columns", metavar="NAMES", help="At least two numeric columns, joined by commas.")
    ],
    out: Annotated[Path, typer.Option(help="Directory for flow.safetensors and flow.json.")],
    seed: Annotated[int, typer.Option(min=0, help="Of every random number: same seed, same flow.")] = 0,
    layers: Annotated[int, typer.Option(min=1, max=16, help="Couplings of columns.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="At most; the fit ends when rows held out gain no more.")] = 600,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a flow that is there.")] = False,
) -> None:
    """Learn a flow from noise to rows like those of a table, for the family `fitted-flow`.

    A fifth of the rows is kept out of the fit. On them the flow's log-likelihood is stated, and how well a classifier
    tells them from synthetic rows (AUC; 0.5: not at all), both beside a normal distribution fitted to the same rows.
    """
    names = tuple(name.strip() for item in columns for name in item.split(",") if name.strip())
    if (out / "flow.json").exists() and not overwrite:
        raise ConfigError(f"{out} holds a flow already; give another directory, or --overwrite")

    from mutualist.datagen.flows.table import fit_table

    console = Console()
    bars = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[best]}"),
        TimeElapsedColumn(),
    )
    with Progress(*bars, console=console) as bar:
        task = bar.add_task("steps", total=steps, best="")

        def show(step: int, best: float) -> None:
            bar.update(task, completed=step, best=f"best held-out log-likelihood {best:.3f}")

        fitted = fit_table(table, names, seed, layers, steps, on_step=show)
    fitted.save(out)
    facts = fitted.facts
    rows = facts["rows"]
    result = Table("", "flow", "normal", title=f"{out}: {len(names)} columns, on {rows['tested']} rows not fitted")
    result.add_row("log-likelihood, nats a row", *(f"{facts['test_likelihood'][k]:.3f}" for k in ("flow", "normal")))
    scores = [facts["auc"][k] for k in ("flow", "normal")]
    result.add_row("AUC of a classifier", *(f"{s['value']:.3f} ± {s['stderr']:.3f}" for s in scores))
    console.print(result)
    console.print(
        f"{rows['fitted']} rows fitted; round trip within {facts['round_trip']:.1e}. "
        f"In a configuration: {{family: fitted-flow, options: {{flow: {out}}}}}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
