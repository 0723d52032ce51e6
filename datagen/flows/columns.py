"""Columns of a user's table, read for a flow: numbers from CSV or Parquet, and how finely each column is rounded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from mutualist.errors import DataError, InputError

PARQUET_SUFFIXES = (".parquet", ".pq")


def read_columns(path: Path, names: Sequence[str]) -> NDArray[np.float64]:
    """The named columns of a Parquet file (.parquet, .pq) or a CSV file with a header, shape (n, len(names)).

    Raises:
        InputError: no such file or column, a column named twice, or one that is not numeric or has missing values.
        DataError: the file is damaged, or not what its name says.
    """
    if not path.is_file():
        raise InputError(f"no table at {path}; give a CSV or Parquet file")
    try:
        table = pa.parquet.read_table(path) if path.suffix in PARQUET_SUFFIXES else pa.csv.read_csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); give a CSV file with a header, or Parquet") from error
    known = table.column_names
    columns = []
    for name in names:
        if known.count(name) != 1:
            found = "has several columns" if name in known else "has no column"
            raise InputError(f"{path} {found} {name!r}; its columns are {', '.join(known)}")
        if list(names).count(name) > 1:
            raise InputError(f"column {name!r} is named twice; name each once")
        columns.append(_numbers(table[name], f"column {name!r} of {path}"))
    return np.column_stack(columns)


def _numbers(column: pa.ChunkedArray, what: str) -> NDArray[np.float64]:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InputError(f"{what} holds {kind}, not numbers; leave it out or convert it")
    if column.null_count:
        raise InputError(f"{what} has {column.null_count} missing values; leave those rows out of the table")
    values = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{what} has NaN or infinite values; leave those rows out of the table")
    return values


def rounding(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To which power of ten each column is rounded, from 1e6 down to 1e-6; 0 where to none. Shape (d,)."""
    steps = np.zeros(values.shape[1])
    for j, column in enumerate(values.T):
        for power in range(6, -7, -1):
            multiples = column * 10.0**-power
            if (np.abs(multiples - np.round(multiples)) < 1e-9 * np.maximum(1.0, np.abs(multiples))).all():
                steps[j] = 10.0**power
                break
    return steps


def unrounded(values: NDArray[np.float64], steps: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each value anywhere in the interval that is rounded to it, at random: a density has no ties."""
    return values + steps * (rng.random(values.shape) - 0.5)


def rounded(values: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as the table would write them."""
    safe = np.where(steps > 0, steps, 1.0)
    return np.where(steps > 0, np.round(values / safe) * safe, values)
