"""`mutualist datagen …`: make a meta-dataset, and look at what was made."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from mutualist.datagen.catalogue import families
from mutualist.datagen.config import DatasetConfig, load_config
from mutualist.datagen.flows.command import fit_flow
from mutualist.datagen.inspection import commands
from mutualist.datagen.inspection.verify import verify
from mutualist.errors import ConfigError

app = typer.Typer(help="Synthesise meta-datasets with known mutual information.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Synthesise meta-datasets with known mutual information."""


@app.command()
def make(
    config: Annotated[
        str, typer.Option(help="Name of a packaged configuration (tiny, cpu, pairs, full) or path of a YAML file.")
    ],
    out: Annotated[
        str | None,
        typer.Option(help="Directory of the meta-dataset, or a URI (s3://bucket/prefix); an interrupted run goes on."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine; one a core by default.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, from a few records.")] = False,
) -> None:
    """Make the shards of a configuration that are not there yet, and their manifest."""
    console = Console()
    parsed = load_config(config)
    if dry_run:
        from mutualist.datagen.forecast import forecast, show_forecast

        show_forecast(forecast(parsed), console)
    elif out is None:
        raise ConfigError("give the directory to write to (--out DIR), or --dry-run")
    else:
        _make(parsed, out, workers, scheduler, console)


app.command()(commands.show)
app.command()(verify)
app.command()(commands.report)
app.command()(families)
app.command()(fit_flow)


def _make(config: DatasetConfig, out: str, workers: int | None, scheduler: str | None, console: Console) -> None:
    from mutualist.datagen.pipeline import Progress, make_dataset

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console) as bar:
        task: TaskID | None = None

        def show(progress: Progress) -> None:
            nonlocal task
            if task is None:
                task = bar.add_task("records", total=progress.total, completed=progress.found, rate="")
            rate = f"{progress.records_per_s:,.0f}/s  {progress.bytes / 2**20:,.0f} MiB"
            bar.update(task, completed=progress.found + progress.records, rate=rate)

        manifest = make_dataset(config, out, workers, scheduler, show)
    table = Table("split", "records", "shards", "MI = 0", "Monte Carlo", "MiB", title=out)
    for split, counts in manifest["splits"].items():
        row = (counts["records"], counts["shards"], counts["mi_zero"], counts["monte_carlo"])
        table.add_row(split, *(f"{v:,}" for v in row), f"{counts['bytes'] / 2**20:,.1f}")
    console.print(table)
