"""`mutualist datagen …`: make a meta-dataset, and look at what was made."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from mutualist.datagen import look
from mutualist.datagen.config import DatasetConfig, load_config
from mutualist.datagen.flow_command import fit_flow
from mutualist.errors import ConfigError

app = typer.Typer(help="Synthesise meta-datasets with known mutual information.", no_args_is_help=True)

DRY_RUN_RECORDS = 400
MI_EDGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)


@app.callback()
def _group() -> None:
    """Synthesise meta-datasets with known mutual information."""


@app.command()
def make(
    config: Annotated[str, typer.Option(help="Name of a packaged configuration (tiny, cpu) or path of a YAML file.")],
    out: Annotated[Path | None, typer.Option(help="Directory of the meta-dataset; an interrupted run goes on.")] = None,
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
        _dry_run(parsed, console)
    elif out is None:
        raise ConfigError("give the directory to write to (--out DIR), or --dry-run")
    else:
        _make(parsed, out, workers, scheduler, console)


app.command()(look.show)
app.command()(look.verify)
app.command()(look.report)


app.command()(fit_flow)


def _make(config: DatasetConfig, out: Path, workers: int | None, scheduler: str | None, console: Console) -> None:
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
    table = Table("split", "records", "shards", "MI = 0", "Monte Carlo", "MiB", title=str(out))
    for split, counts in manifest["splits"].items():
        row = (counts["records"], counts["shards"], counts["mi_zero"], counts["monte_carlo"])
        table.add_row(split, *(f"{v:,}" for v in row), f"{counts['bytes'] / 2**20:,.1f}")
    console.print(table)


def _dry_run(config: DatasetConfig, console: Console) -> None:
    """Counts, bytes, time on one process and the law of MI, from the first records of the first non-empty split."""
    import time

    from mutualist.datagen.prior import Prior

    prior = Prior(config)
    split = next((s for s in config.splits if config.splits[s].records), None)
    if split is None:
        console.print("no records are asked for")
        return
    count = min(DRY_RUN_RECORDS, config.splits[split].records)
    start = time.perf_counter()
    size = config.shard_records
    records = [prior.draw_record(split, *divmod(i, size)) for i in range(count)]
    each = (time.perf_counter() - start) / count
    bytes_each = sum(4 * r.n * (r.dx + r.dy) + len(r.parameters) + len(r.transforms) + 100 for r in records) / count

    table = Table("split", "records", "shards", "MiB, about", "seconds on one process, about")
    for name in config.splits:
        n = config.splits[name].records
        table.add_row(
            name, f"{n:,}", f"{len(config.shards(name)):,}", f"{n * bytes_each / 2**20:,.0f}", f"{n * each:,.0f}"
        )
    console.print(table)
    mi = np.array([r.mi for r in records])
    zero = int((mi == 0).sum())
    console.print(f"Mutual information of {count} records of {split!r}, nats (exactly 0: {zero / count:.1%}):")
    counts = np.histogram(mi[mi > 0], bins=np.asarray(MI_EDGES))[0]
    for low, high, k in zip(MI_EDGES, MI_EDGES[1:], counts, strict=False):
        console.print(f"  {low:>5g} to {high:<5g} {k / count:6.1%} {'█' * round(60 * k / count)}", highlight=False)
    families = Counter(r.family for r in records)
    console.print("Families: " + ", ".join(f"{f} {k / count:.0%}" for f, k in families.most_common()), highlight=False)
