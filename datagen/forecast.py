"""What a configuration would make, from a few of its records: counts, bytes, time, and the law of MI."""

import time
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.prior import Prior, Record

SAMPLE = 400
MI_EDGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)
# Of a record's row besides its numbers and texts, and of page headers.
OVERHEAD_BYTES = 100


class Mixture(NamedTuple):
    """Splits that draw from the same parts, and what a sample of them shows.

    Attributes:
        splits: names, records and shards of each.
        sampled: number of records of the first of them that were drawn.
        bytes_each, seconds_each: of a record, on average; drawing alone, on one process.
        mi: (sampled,) nats.
        families: how many of the sampled have which.
        rejected: draws a record that a law of MI refused.
    """

    splits: dict[str, tuple[int, int]]
    sampled: int
    bytes_each: float
    seconds_each: float
    mi: np.ndarray
    families: Counter[str]
    rejected: float


def forecast(config: DatasetConfig, sample: int = SAMPLE) -> list[Mixture]:
    """Draws up to `sample` records of each mixture of parts that the non-empty splits use."""
    prior = Prior(config)
    if any(step.name == "flow" for part in config.parts for step in part.transforms):
        import mutualist.datagen.flows.invertible  # noqa: F401  # seconds, once a process: no record is to be charged
    mixtures: dict[tuple[str, ...], list[str]] = {}
    for split, settings in config.splits.items():
        if settings.records:
            mixtures.setdefault(settings.parts or tuple(p.name for p in config.parts), []).append(split)
    with threadpool_limits(1):
        return [_sample(config, prior, splits, sample) for splits in mixtures.values()]


def _sample(config: DatasetConfig, prior: Prior, splits: list[str], sample: int) -> Mixture:
    first, size = splits[0], config.shard_records
    count = min(sample, config.splits[first].records)
    before = prior.rejected
    records: list[Record] = []
    seconds: list[float] = []
    for i in range(count):
        start = time.perf_counter()
        records.append(prior.draw_record(first, *divmod(i, size)))
        seconds.append(time.perf_counter() - start)
    # Tables, and modules that only some records need, are made once a process: the later half is free of most of them.
    steady = seconds[count // 2 :]
    return Mixture(
        splits={s: (config.splits[s].records, len(config.shards(s))) for s in splits},
        sampled=count,
        bytes_each=sum(_bytes(r) for r in records) / count,
        seconds_each=sum(steady) / len(steady),
        mi=np.array([r.mi for r in records]),
        families=Counter(r.family for r in records),
        rejected=(prior.rejected - before) / count,
    )


def _bytes(record: Record) -> int:
    values = 4 * record.n * (record.dx + record.dy)
    return values + len(record.parameters) + len(record.transforms) + OVERHEAD_BYTES


def show_forecast(mixtures: list[Mixture], console: Console) -> None:
    """Prints a table of the splits, and for each mixture the histogram of its MI."""
    if not mixtures:
        console.print("no records are asked for")
        return
    table = Table("split", "records", "shards", "MiB, about", "seconds on one process, about")
    records, size, seconds = 0, 0.0, 0.0
    for m in mixtures:
        for split, (n, shards) in m.splits.items():
            row = (f"{n:,}", f"{shards:,}", f"{n * m.bytes_each / 2**20:,.0f}", f"{n * m.seconds_each:,.0f}")
            table.add_row(split, *row)
            records, size, seconds = records + n, size + n * m.bytes_each, seconds + n * m.seconds_each
    table.add_section()
    table.add_row("all", f"{records:,}", "", f"{size / 2**20:,.0f}", f"{seconds:,.0f}")
    console.print(table)
    for m in mixtures:
        _show_mixture(m, console)


def _show_mixture(m: Mixture, console: Console) -> None:
    zero = int((m.mi == 0).sum())
    names = ", ".join(m.splits)
    console.print(
        f"Mutual information of {m.sampled} records of {names}, nats (exactly 0: {zero / m.sampled:.1%}):",
        highlight=False,
    )
    counts = np.histogram(m.mi[m.mi > 0], bins=np.asarray(MI_EDGES))[0]
    for (low, high), k in zip(pairwise(MI_EDGES), counts, strict=True):
        share = k / m.sampled
        console.print(f"  {low:>5g} to {high:<5g} {share:6.1%} {'█' * round(60 * share)}", highlight=False)
    if m.rejected:
        console.print(f"Draws that a law of MI refused: {m.rejected:.1f} a record", highlight=False)
    named = ", ".join(f"{family} {k / m.sampled:.0%}" for family, k in m.families.most_common())
    console.print("Families: " + named, highlight=False)
