"""Reads records from Parquet shards, a few at a time.

Memory stays bounded whatever the shards' size: record batches are decoded in small pieces, and each record's two
lists of floats are copied once, into one array, so that no Arrow buffer outlives its batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mutualist.datagen.integrity import check_on_read
from mutualist.datagen.schema import SCHEMA
from mutualist.datagen.storage import StoredFile
from mutualist.errors import DataError

COLUMNS = ("x", "y", "n", "dx", "dy", "mi", "family")
_ROWS_PER_READ = 64


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled sample.

    Attributes:
        values: (n, dx + dy) float32, the columns of X and then those of Y.
        dx: number of columns of X.
        mi: mutual information, nats.
        family: name of the family that made it.
    """

    values: NDArray[np.float32]
    dx: int
    mi: float
    family: str

    @property
    def n(self) -> int:
        return self.values.shape[0]

    @property
    def d(self) -> int:
        return self.values.shape[1]

    def rows(self, start: int, stop: int) -> "Record":
        """The same record with rows start..stop only; rows are independent, so the label holds."""
        return replace(self, values=self.values[start:stop])


def count_records(shard: StoredFile) -> int:
    """Number of records in a shard, from its footer. Raises DataError where the shard cannot be read."""
    with _open(shard) as file:
        return int(file.metadata.num_rows)


def read_records(shard: StoredFile, start: int = 0, stop: int | None = None) -> Iterator[Record]:
    """Yields records start..stop (all by default) of a shard, in the order of the file.

    Raises:
        DataError: the file is missing, truncated, not of the meta-dataset's schema, or a record contradicts itself
            (lengths, NaN, negative or infinite mutual information), or the file is not what the manifest beside it
            lists: its checksum is compared before the first record is read.
    """
    check_on_read(shard)
    with _open(shard) as file:
        stop = file.metadata.num_rows if stop is None else stop
        first = 0  # index of the row group's first record
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if first + size > start and first < stop:
                yield from _read_group(file, shard, group, first, start, stop)
            first += size


def _read_group(
    file: pq.ParquetFile, shard: StoredFile, group: int, first: int, start: int, stop: int
) -> Iterator[Record]:
    batches = file.iter_batches(_ROWS_PER_READ, row_groups=[group], columns=list(COLUMNS), use_threads=False)
    while first < stop:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{shard}: damaged near record {first} ({error}); make this shard again") from error
        if batch is None:
            return
        low, high = max(start - first, 0), min(stop - first, batch.num_rows)
        if low < high:
            yield from _decode(batch.slice(low, high - low), shard, first + low)
        first += batch.num_rows


@contextmanager
def _open(shard: StoredFile) -> Iterator[pq.ParquetFile]:
    if not shard.store.exists(shard.name):
        raise DataError(f"{shard}: no such shard; make it with `mutualist datagen make`")
    with shard.store.open(shard.name) as content:
        try:
            file = pq.ParquetFile(content)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{shard}: not a whole Parquet file ({error}); make this shard again") from error
        with file:
            _check_columns(file.schema_arrow, shard)
            yield file


def _check_columns(found: pa.Schema, shard: StoredFile) -> None:
    for name in COLUMNS:
        expected = SCHEMA.field(name).type
        if name not in found.names:
            raise DataError(f"{shard}: no column {name!r} ({expected}); is it a shard of `mutualist datagen`?")
        if not _same_type(found.field(name).type, expected):
            raise DataError(f"{shard}: column {name!r} is {found.field(name).type}, expected {expected}")


def _same_type(found: pa.DataType, expected: pa.DataType) -> bool:
    """Equality up to the name of a list's element, which writers choose differently."""
    if pa.types.is_list(expected):
        return pa.types.is_list(found) and found.value_type == expected.value_type
    return bool(found == expected)


def _decode(batch: pa.RecordBatch, shard: StoredFile, first: int) -> Iterator[Record]:
    columns = {name: batch.column(name) for name in COLUMNS}
    missing = [name for name, column in columns.items() if column.null_count]
    if missing:
        raise DataError(f"{shard}: empty cells in {missing} near record {first}; make this shard again")
    n, dx, dy, mi = (columns[name].to_numpy() for name in ("n", "dx", "dy", "mi"))
    family = columns["family"].to_pylist()
    x_at, x = _flat(columns["x"])
    y_at, y = _flat(columns["y"])
    wrong = (
        (n < 1) | (dx < 1) | (dy < 1)
        | (np.diff(x_at) != n.astype(np.int64) * dx) | (np.diff(y_at) != n.astype(np.int64) * dy)
        | ~np.isfinite(mi) | (mi < 0)
    )  # fmt: skip
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{shard}: record {first + i} contradicts itself: n={n[i]}, dx={dx[i]}, dy={dy[i]} with {np.diff(x_at)[i]} "
            f"values of x and {np.diff(y_at)[i]} of y, mi={mi[i]}; make this shard again"
        )
    for i in range(batch.num_rows):
        values = np.empty((n[i], dx[i] + dy[i]), np.float32)
        values[:, : dx[i]] = x[x_at[i] : x_at[i + 1]].reshape(n[i], dx[i])
        values[:, dx[i] :] = y[y_at[i] : y_at[i + 1]].reshape(n[i], dy[i])
        flat = values.ravel()
        with np.errstate(over="ignore"):
            squares = np.dot(flat, flat)
        if np.isnan(squares):  # only where a value is; infinities can be ranked
            raise DataError(f"{shard}: record {first + i} of family {family[i]!r} holds NaN, which has no rank")
        yield Record(values, int(dx[i]), float(mi[i]), family[i])


def _flat(column: pa.ListArray) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Offsets and values of a list column, without a copy."""
    return column.offsets.to_numpy().astype(np.int64), column.values.to_numpy()
