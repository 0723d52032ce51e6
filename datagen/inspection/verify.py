"""`mutualist datagen verify`: files, and if asked for records and labels, against what they should be."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mutualist.errors import DataError

if TYPE_CHECKING:
    from mutualist.datagen.config import DatasetConfig
    from mutualist.datagen.storage import Store

Place = Annotated[
    str, typer.Argument(metavar="DIR", help="The meta-dataset that `make --out` wrote: a folder, or a URI (s3://…).")
]


def verify(
    place: Place,
    records: Annotated[
        bool, typer.Option("--records", help="Read every record too: finite, of a possible label, none twice.")
    ] = False,
    labels: Annotated[int, typer.Option(min=0, help="Check so many labels by second methods.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Which labels are checked.")] = 0,
) -> None:
    """Check every shard against the manifest: there, whole, unchanged, and of this meta-dataset.

    Names each file that is not, and then ends with exit code 2; and so with records and labels, if asked for.
    """
    from mutualist.datagen.storage import Store

    store, console = Store(place), Console()
    _verify_files(store, console)
    if records:
        _verify_records(store, console)
    if labels:
        _verify_labels(store, console, labels, seed)


def _verify_files(store: "Store", console: Console) -> None:
    from mutualist.datagen.integrity import check_files
    from mutualist.datagen.manifest import read_manifest

    total = len(read_manifest(store)["shards"])
    wrong, good, size = [], 0, 0
    with bar(console, "shards", total) as advance:
        for checked in check_files(store):
            advance(1)
            size += checked.bytes
            if checked.problem:
                wrong.append(checked)
            else:
                good += 1
    for checked in wrong:
        console.print(f"{checked.file}: {checked.problem}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{good:,} of {total:,} shards are as the manifest lists them ({size / 2**20:,.1f} MiB read)", highlight=False
    )
    if wrong:
        raise DataError(f"{store}: {len(wrong)} files are not what the manifest lists (named above)")


def _verify_records(store: "Store", console: Console) -> None:
    from mutualist.datagen.inspection.audit import audit_records

    config = _config(store)
    with bar(console, "records", sum(split.records for split in config.splits.values())) as advance:
        audit = audit_records(store, config, advance)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    for problem in audit.problems:
        say(problem)
    say(f"{audit.records:,} records: {audit.faulty:,} faulty, {audit.duplicates:,} met before by content")
    say(
        f"MI exactly 0: {audit.zero / audit.records:.2%}; X and Y drawn apart: {audit.apart / audit.records:.2%}, "
        f"configured {audit.expected / audit.records:.2%} ({audit.deviation:+.1f} standard deviations)"
    )
    if audit.problems:
        raise DataError(f"{store}: its records are not what they should be (named above)")


def _verify_labels(store: "Store", console: Console, count: int, seed: int) -> None:
    from mutualist.datagen.inspection.audit import choose_records
    from mutualist.datagen.inspection.label_checks import METHODS, check_labels

    config = _config(store)
    chosen = choose_records(config, count, np.random.default_rng(seed))
    with bar(console, "labels", len(chosen)) as advance:
        checks = check_labels(config, chosen, lambda: advance(1))
    table = Table("method", "checks", "outside", title=f"{len(chosen):,} labels", title_justify="left")
    for method in METHODS:
        own = [c for c in checks if c.method == method]
        table.add_row(method, f"{len(own):,}", f"{sum(not c.agrees for c in own):,}")
    console.print(table)
    wrong = [c for c in checks if not c.agrees]
    for c in wrong:
        console.print(
            f"record {c.id} of {c.split!r} ({c.family}, block {c.block}, {c.dx} × {c.dy}): label {c.mi:.4f}, "
            f"{c.method} {c.estimate:.4f}, allowed {c.mi - c.tolerance[0]:.4f} to {c.mi + c.tolerance[1]:.4f}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if wrong:
        raise DataError(f"{store}: {len(wrong)} checks of labels lie outside of what is allowed (named above)")


def _config(store: "Store") -> "DatasetConfig":
    from mutualist.datagen.config import parse_config
    from mutualist.datagen.integrity import read_finished
    from mutualist.datagen.manifest import MANIFEST

    return parse_config(read_finished(store)["config"], f"the configuration in {store.place(MANIFEST)}")


BAR_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@contextmanager
def bar(console: Console, what: str, total: int) -> Iterator[Any]:
    """A progress bar; yields what moves it on."""
    with Progress(*BAR_COLUMNS, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda step: progress.advance(task, step)
