"""Forms batches of records of like size, so that little of a batch is padding.

A pool of records is sorted into buckets by dimension and, within each, by n; batches are cut from it under a budget,
so that many small records or few large ones fill one. What does not fill a batch waits for the next pool.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mutualist.errors import ConfigError
from mutualist.training.shards import Record

Batch = dict[str, Any]

_MAX_ROWS_CUT = 0.2  # rows that a record may lose so that a training batch needs no padding


@dataclass(frozen=True)
class Batching:
    """How records become batches.

    Attributes:
        max_elements: budget of a batch; a record of N rows and D columns costs D * (N + pair_cost * D), with the N
            and D that it is padded to. A record that exceeds it makes a batch of its own.
        pair_cost: cost of a pair of columns, in rows of one column.
        max_batch: most records in a batch.
        min_batch: below this, records are padded further to keep one another company.
        max_ratio: records whose dx + dy differ by more are not padded to one another.
        max_padding: a batch of at least `min_batch` records is closed rather than padded by more.
        pool_records, pool_elements: the pool holds at most so many records, and values.
        subsample: probability that a record is used with a random part of its rows only (training).
        min_rows: least rows that remain then.
        cut_rows: in a batch whose smallest n is within 20 % of its largest, use the smallest n for all (training).
    """

    max_elements: int = 250_000
    pair_cost: int = 4
    max_batch: int = 128
    min_batch: int = 8
    max_ratio: float = 1.15
    max_padding: float = 1.3
    pool_records: int = 8192
    pool_elements: int = 2**25
    subsample: float = 0.0
    min_rows: int = 10
    cut_rows: bool = True

    def __post_init__(self) -> None:
        for name in ("max_elements", "max_batch", "min_batch", "pool_records", "pool_elements", "min_rows"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("max_ratio", "max_padding"):
            if getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be above 1, got {getattr(self, name)}")
        if self.pair_cost < 0:
            raise ConfigError(f"pair_cost must not be negative, got {self.pair_cost}")
        if not 0 <= self.subsample <= 1:
            raise ConfigError(f"subsample is a probability, got {self.subsample}")

    def cost(self, rows: int, columns: int) -> int:
        """Cost of one record padded to `rows` and `columns`."""
        return columns * (rows + self.pair_cost * columns)


def batches(records: Iterator[Record], options: Batching, rng: np.random.Generator | None = None) -> Iterator[Batch]:
    """Groups every record of `records` into exactly one batch.

    With a generator (training) batches come in random order and rows may be left out as `options` say; without one
    (validation, test) the order is fixed and every row is used.
    """
    pool: list[Record] = []
    size = 0
    for record in records:
        if rng is not None and options.subsample:
            record = _subsample(record, options, rng)
        pool.append(record)
        size += record.values.size
        if len(pool) >= options.pool_records or size >= options.pool_elements:
            groups, pool = _split_full(_group(pool, options), options)
            size = sum(r.values.size for r in pool)
            yield from _emit(groups, options, rng)
    yield from _emit(_group(pool, options), options, rng)


def collate(records: Sequence[Record], cut_rows: bool = False) -> Batch:
    """Pads records into one batch of B records, N rows and D columns.

    Returns:
        values (B, N, D) float32, zero in padding; side (B, D) bool, true for Y; row_mask (B, N) and column_mask (B, D)
        bool, true where data are; mi (B,) float32, nats; n, dx, dy (B,) int64; family, a list of B names.
    """
    n = np.array([r.n for r in records])
    if cut_rows:
        n = rows_kept(n)
    d = np.array([r.d for r in records])
    dx = np.array([r.dx for r in records])
    values = np.zeros((len(records), n.max(), d.max()), np.float32)
    for i, record in enumerate(records):
        values[i, : n[i], : d[i]] = record.values[: n[i]]
    column = np.arange(d.max())
    column_mask = column < d[:, None]
    return {
        "values": torch.from_numpy(values),
        "side": torch.from_numpy((column >= dx[:, None]) & column_mask),
        "row_mask": torch.from_numpy(np.arange(n.max()) < n[:, None]),
        "column_mask": torch.from_numpy(column_mask),
        "mi": torch.tensor([r.mi for r in records], dtype=torch.float32),
        "n": torch.from_numpy(n),
        "dx": torch.from_numpy(dx),
        "dy": torch.from_numpy(d - dx),
        "family": [r.family for r in records],
    }


def chosen_rows(
    n: NDArray[np.int64], options: Batching, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a block of rows begins and how many they are, for records of n (B,) rows: log-uniform, or all of them.

    Rows are independent, so any block is a random subset of them.
    """
    chosen, fraction, at = rng.random((len(n), 3)).T
    some = (chosen < options.subsample) & (n > options.min_rows)
    shares = n / options.min_rows
    rows = np.where(some, np.rint(options.min_rows * shares**fraction), n).astype(np.int64)
    return (at * (n - rows + some)).astype(np.int64), rows


def _subsample(record: Record, options: Batching, rng: np.random.Generator) -> Record:
    (start,), (rows,) = chosen_rows(np.array([record.n]), options, rng)
    return record.rows(start, start + rows)


def group(n: Sequence[int], d: Sequence[int], options: Batching) -> list[list[int]]:
    """Cuts records of n rows and d columns into groups within budget, in order of size: their numbers."""
    buckets = [int(math.log(columns) / math.log(options.max_ratio)) for columns in d]
    groups: list[list[int]] = []
    rows = columns = own = bucket = 0
    for i in sorted(range(len(n)), key=lambda i: (buckets[i], n[i], d[i])):
        if groups:
            new_rows, new_columns, count = max(rows, n[i]), max(columns, d[i]), len(groups[-1])
            fits = (
                count < options.max_batch
                and buckets[i] == bucket
                and (count + 1) * options.cost(new_rows, new_columns) <= options.max_elements
                and (
                    count < options.min_batch
                    or (count + 1) * new_rows * new_columns <= options.max_padding * (own + n[i] * d[i])
                )
            )
            if fits:
                groups[-1].append(i)
                rows, columns, own = new_rows, new_columns, own + n[i] * d[i]
                continue
        groups.append([i])
        rows, columns, own, bucket = n[i], d[i], n[i] * d[i], buckets[i]
    return groups


def rows_kept(n: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of each record of a training batch of records of n (B,) rows: the least for all, if that costs few."""
    return np.full_like(n, n.min()) if n.min() >= (1 - _MAX_ROWS_CUT) * n.max() else n


def _group(pool: list[Record], options: Batching) -> list[list[Record]]:
    found = group([record.n for record in pool], [record.d for record in pool], options)
    return [[pool[i] for i in members] for members in found]


def _split_full(groups: list[list[Record]], options: Batching) -> tuple[list[list[Record]], list[Record]]:
    """Groups worth a step now, and the records of thin ones, which wait: at most half a pool, the thinnest first."""

    def fill(group: list[Record]) -> float:
        cost = options.cost(max(r.n for r in group), max(r.d for r in group))
        return max((len(group) + 1) * cost / options.max_elements, len(group) / options.max_batch)

    full: list[list[Record]] = []
    waiting: list[Record] = []
    values = 0
    for group in sorted(groups, key=fill):
        size = sum(r.values.size for r in group)
        room = len(waiting) + len(group) <= options.pool_records // 2 and values + size <= options.pool_elements // 2
        if room and fill(group) < 0.5:
            waiting.extend(group)
            values += size
        else:
            full.append(group)
    return full, waiting


def _emit(groups: list[list[Record]], options: Batching, rng: np.random.Generator | None) -> Iterator[Batch]:
    order = range(len(groups)) if rng is None else rng.permutation(len(groups))
    for i in order:
        yield collate(groups[i], cut_rows=options.cut_rows and rng is not None)
        groups[i] = []  # free the records as they go
