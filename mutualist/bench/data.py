"""Labelled samples from Parquet, a few at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mutualist.errors import DataError

_ROWS_PER_READ = 64


@dataclass(frozen=True)
class Labelled:
    """A sample whose mutual information is known.

    Attributes:
        number: its place in the suite, from 0.
        x, y: (n, dx) and (n, dy) float64.
        mi: nats.
        family: what kind of distribution made it.
    """

    number: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    mi: float
    family: str


@dataclass(frozen=True)
class Suite:
    """Records that are scored together.

    Attributes:
        name: the split, or the name of the file.
        files: Parquet files, in order.
        counts: number of records in each.
    """

    name: str
    files: tuple[Path, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return sum(self.counts)

    def records(self, chosen: NDArray[np.int64]) -> Iterator[Labelled]:
        """The records whose numbers are in `chosen` (increasing), one after the other.

        Raises:
            DataError: a file is damaged, or a record contradicts itself.
        """
        first = 0
        for path, count in zip(self.files, self.counts, strict=True):
            here = chosen[(chosen >= first) & (chosen < first + count)] - first
            if len(here):
                yield from _read(path, here, first)
            first += count


def find_suites(data: list[Path], splits: list[str]) -> list[Suite]:
    """One suite for each Parquet file, and one for each split of each folder of a meta-dataset.

    Raises:
        DataError: nothing there, or not of the schema; the message says what was looked for.
    """
    suites = []
    for path in data:
        if path.is_dir():
            for split in splits:
                files = sorted((path / split).glob("*.parquet"))
                if not files:
                    held = sorted({file.parent.name for file in path.glob("*/*.parquet")})
                    has = f"it has {', '.join(held)}: choose with --split" if held else "it has no splits at all"
                    raise DataError(f"{path} has no Parquet files in a split {split!r}; {has}")
                name = split if len(data) == 1 else f"{path.name}/{split}"
                suites.append(_suite(name, files))
        elif path.exists():
            suites.append(_suite(path.stem, [path]))
        else:
            raise DataError(
                f"{path}: no such file or folder; make test data with `mutualist datagen make`, or give a Parquet file"
            )
    return suites


def _suite(name: str, files: list[Path]) -> Suite:
    counts = []
    for path in files:
        with _open(path) as file:
            counts.append(int(file.metadata.num_rows))
    if not sum(counts):
        raise DataError(f"{name}: no records in {files[0]}")
    return Suite(name, tuple(files), tuple(counts))


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a whole Parquet file ({error})") from error
    if missing := _missing(set(file.schema_arrow.names)):
        file.close()
        raise DataError(
            f"{path}: no column {missing}; a file to be scored has n, dx, dy, mi (nats), the values as lists row by "
            "row (x and y, or both in xy), and family or task"
        )
    return file


def _missing(names: set[str]) -> str:
    for needed in ("n", "dx", "dy", "mi"):
        if needed not in names:
            return needed
    if "xy" not in names and not {"x", "y"} <= names:
        return "xy, nor x and y"
    return "" if names & {"family", "task"} else "family, nor task"


def _read(path: Path, rows: NDArray[np.int64], offset: int) -> Iterator[Labelled]:
    with _open(path) as file:
        names = set(file.schema_arrow.names)
        values = ["x", "y"] if {"x", "y"} <= names else ["xy"]
        label = "family" if "family" in names else "task"
        first = 0
        try:
            for batch in file.iter_batches(
                _ROWS_PER_READ, columns=["n", "dx", "dy", "mi", label, *values], use_threads=False
            ):
                for row in rows[(rows >= first) & (rows < first + batch.num_rows)] - first:
                    cells = {name: batch.column(name)[int(row)] for name in batch.schema.names}
                    yield _record(cells, values, label, offset + first + int(row), path)
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: damaged near record {offset + first} ({error})") from error


def _record(cells: dict[str, pa.Scalar], values: list[str], label: str, number: int, path: Path) -> Labelled:
    here = f"{path}: record {number}"
    if empty := [name for name, cell in cells.items() if not cell.is_valid]:
        raise DataError(f"{here} has nothing in {empty}")
    try:
        n, dx, dy = (int(cells[name].as_py()) for name in ("n", "dx", "dy"))
        mi = float(cells["mi"].as_py())
        parts = [np.asarray(cells[name].values.to_numpy(zero_copy_only=False), np.float64) for name in values]
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{here} is of other types than numbers and lists of numbers ({error})") from error
    lengths = [n * dx, n * dy] if len(values) == 2 else [n * (dx + dy)]
    if min(n, dx, dy) < 1 or [len(part) for part in parts] != lengths or not 0 <= mi < np.inf:
        raise DataError(
            f"{here} contradicts itself: n={n}, dx={dx}, dy={dy} and mi={mi} with {sum(map(len, parts))} values"
        )
    if not all(np.isfinite(part).all() for part in parts):
        raise DataError(f"{here} holds NaN or infinite values")
    if len(values) == 2:
        x, y = parts[0].reshape(n, dx), parts[1].reshape(n, dy)
    else:
        x, y = np.split(parts[0].reshape(n, dx + dy), [dx], axis=1)
    return Labelled(number, x, y, mi, str(cells[label].as_py()))
