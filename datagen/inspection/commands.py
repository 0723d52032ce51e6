"""`mutualist datagen show | report`: look at a meta-dataset that was made."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mutualist.datagen.inspection.verify import BAR_COLUMNS, Place

if TYPE_CHECKING:
    from mutualist.datagen.inspection.provenance import Comparison

HEAD = 5  # rows shown
WIDEST = 6  # columns of X and of Y shown


def show(
    place: Place,
    number: Annotated[int, typer.Option("--id", help="The record's id within its split, from 0.")],
    split: Annotated[str, typer.Option(help="train, validation, calibration or test.")] = "train",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one record, make it again from its seed path and configuration, and say whether it is identical.

    Exit code 0 if it is, and its shard is the one that the manifest lists; else 1.
    """
    from mutualist.datagen.inspection.provenance import compare_record

    found = compare_record(place, split, number)
    if as_json:
        typer.echo(json.dumps(_plain(found, split)))
    else:
        _print(found, split, Console())
    if not found.identical or found.file_problem:
        raise typer.Exit(1)


def _plain(found: "Comparison", split: str) -> dict[str, Any]:
    from mutualist.datagen.inspection.provenance import describe_difference

    stored, again = found.stored, found.again
    return {
        "split": split,
        "id": stored.id,
        "path": str(found.file),
        "row": found.row,
        "identical": found.identical,
        "differences": {
            name: describe_difference(getattr(stored, name), getattr(again, name)) for name in found.differences
        },
        "file_problem": found.file_problem,
        "versions_changed": {name: list(pair) for name, pair in found.versions.items()},
        "record": {
            **stored._replace(
                x=stored.x[:HEAD].tolist(),
                y=stored.y[:HEAD].tolist(),
                parameters=json.loads(stored.parameters),
                transforms=json.loads(stored.transforms),
            )._asdict(),
            "rows_shown": min(HEAD, stored.n),
        },
    }


def _print(found: "Comparison", split: str, console: Console) -> None:
    from mutualist.datagen.inspection.provenance import describe_difference, describe_versions

    r = found.stored
    transforms = [t["name"] for t in json.loads(r.transforms)]
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    exactness = "exact" if r.mi_stderr == 0 else f"± {r.mi_stderr:.2g} (standard error, Monte Carlo)"
    for name, value in (
        ("family", r.family),
        ("MI", f"{r.mi:.6g} nats, {exactness}"),
        ("shape", f"n = {r.n:,} rows, dx = {r.dx}, dy = {r.dy}"),
        ("parameters", _cut(r.parameters)),
        ("transforms", ", ".join(transforms) or "none"),
        ("", _cut(r.transforms) if transforms else ""),
        ("seed path", ", ".join(str(v) for v in r.seed_path)),
        ("stored in", f"{found.file}, row {found.row}"),
    ):
        if name or value:
            facts.add_row(name, value)
    console.print(f"record {r.id} of {split!r}", style="bold", highlight=False)
    console.print(facts, markup=False, highlight=False)
    console.print(_rows(r.x, r.y), highlight=False)
    if found.identical:
        console.print("[bold]identical[/]: made again from its seed path, every bit is the same", highlight=False)
    else:
        console.print("[bold]different[/]: made again from its seed path, these fields are not the same:")
        for name in found.differences:
            text = describe_difference(getattr(r, name), getattr(found.again, name))
            console.print(f"  {name}: {text}", markup=False, highlight=False)
        if found.versions:
            console.print(describe_versions(found.versions), markup=False, highlight=False)
    if found.file_problem:
        console.print(f"[bold]the file[/] {found.file}: {found.file_problem}", highlight=False)


def _cut(text: str, most: int = 600) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters; all with --json)"


def _rows(x: "np.ndarray[Any, Any]", y: "np.ndarray[Any, Any]") -> Table:
    """The first rows and columns of both."""
    table = Table(title=f"first rows of {len(x):,}", title_justify="left")
    for letter, values in (("x", x), ("y", y)):
        for j in range(min(values.shape[1], WIDEST)):
            table.add_column(f"{letter}{j}", justify="right", no_wrap=True)
        if values.shape[1] > WIDEST:
            table.add_column("…")
    for i in range(min(len(x), HEAD)):
        cells: list[str] = []
        for values in (x, y):
            cells += [f"{v:.4g}" for v in values[i, :WIDEST]] + ["…"] * (values.shape[1] > WIDEST)
        table.add_row(*cells)
    return table


def report(
    place: Place,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    checks: Annotated[int, typer.Option(min=0, help="Labels to check by second methods; 0 for none.")] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Which records are shown and checked.")] = 0,
) -> None:
    """Write one HTML page with pictures: what was made, and whether its labels hold."""
    from mutualist.datagen.inspection.report import write_report

    console = Console()
    with Progress(*BAR_COLUMNS, console=console, transient=True) as progress:

        def step(what: str, done: int, total: int) -> None:
            task = next((t for t in progress.tasks if t.description == what), None)
            key = progress.add_task(what, total=total) if task is None else task.id
            progress.update(key, completed=done)

        summary = write_report(place, out, checks=checks, seed=seed, on_progress=step)
    console.print(f"{out}: {summary}", markup=False, highlight=False, soft_wrap=True)
