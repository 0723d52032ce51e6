"""Reads columns of CSV and Parquet files by name, as float64, with errors that say what to change."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from mutualist.errors import InputError

MAX_CSV_BYTES = 2 * 1024**3
MAX_CELLS = 50_000_000  # rows x columns that are used: 400 MB as float64
PARQUET_SUFFIXES = (".parquet", ".pq")
NAN_POLICIES = ("raise", "omit")


@dataclass(frozen=True)
class NumericTable:
    """Columns of a file.

    Attributes:
        names: names of the d columns.
        values: shape (n, d), float64; missing values are NaN.
        skipped: columns that were not asked for by name and cannot be used, each with the reason.
        dropped: number of rows left out because of missing or infinite values.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    skipped: tuple[tuple[str, str], ...] = ()
    dropped: int = 0

    def columns(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The columns called `names`, in this order: shape (n, len(names))."""
        return self.values[:, [self.names.index(name) for name in names]]

    def notes(self) -> list[str]:
        """What was left out, in words for the reader of the numbers."""
        total = self.dropped + len(self.values)
        rows = f"left out {self.dropped:,} of {total:,} rows with missing or infinite values"
        columns = [f"left out column {name!r}: it {reason}" for name, reason in self.skipped]
        return [rows, *columns] if self.dropped else columns


def column_names(path: str | Path) -> list[str]:
    """Names of the columns of a file, in its order; InputError if it is missing, empty or damaged."""
    path = _existing(path)
    try:
        if _is_parquet(path):
            with pa.parquet.ParquetFile(path) as file:
                names = list(file.schema_arrow.names)
        else:
            names = _csv_names(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{path}: several columns are called {twice[0]!r}; give each its own name")
    return names


def resolve_columns(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names meant by command-line values: each is the name of a column, or several joined by commas.

    Raises InputError for an unknown name (with those most like it) and for one that is given twice.
    """
    names: list[str] = []
    for item in asked:
        parts = [item] if item in known else [part.strip() for part in item.split(",") if part.strip()]
        names.extend(parts)
    if not names:
        raise InputError(f"no column is named; the columns are: {_listing(known)}")
    for name in names:
        check_column(name, known)
        if names.count(name) > 1:
            raise InputError(f"column {name!r} is named twice; name each column once")
    return names


def check_column(name: str, known: Sequence[str]) -> None:
    """Raises InputError, with the names most like it, unless `name` is one of `known`."""
    if name not in known:
        raise InputError(f"no column {name!r}; {_suggestion(name, known)}")


def read_table(path: str | Path, columns: Sequence[str] | None = None, required: Sequence[str] = ()) -> NumericTable:
    """Reads numeric columns; integers, floats, decimals and booleans become float64.

    Args:
        path: a CSV file with a header (comma, or where the header has none: semicolon, tab or bar; `.gz` as
            well), or a Parquet file (`.parquet`, `.pq`).
        columns: names of the columns to read; None reads all numeric ones and lists the others in `skipped`.
        required: names that must be numeric even where `columns` is None.

    Raises:
        InputError: the file is missing, empty, damaged or too large; a column is unknown, or holds text,
            dates or nested values.
    """
    known = column_names(path)
    path = Path(path)
    chosen = resolve_columns(columns, known) if columns is not None else known
    try:
        table = _read_parquet(path, chosen) if _is_parquet(path) else _read_csv(path, chosen)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    if table.num_rows == 0:
        raise InputError(f"{path} has a header but no rows; add rows of numbers")
    kept: list[str] = []
    arrays: list[NDArray[np.float64]] = []
    skipped: list[tuple[str, str]] = []
    for name in chosen:
        column = table.column(name)
        reason, remedy = _why_not_numeric(name, column)
        optional = columns is None and name not in required
        if optional and not reason and not name.strip():
            reason = "has no name (a row index?)"
        if optional and not reason and column.null_count == len(column):
            reason = "has no values"
        if not reason:
            kept.append(name)
            arrays.append(_to_float(column))
        elif optional:
            skipped.append((name, reason))
        else:
            raise InputError(f"column {name!r} {reason}; {remedy}")
    if not kept:
        reasons = "; ".join(f"{name!r} {reason}" for name, reason in skipped[:5])
        raise InputError(f"{path} has no numeric column: {reasons}")
    return NumericTable(tuple(kept), np.column_stack(arrays), tuple(skipped))


def complete_rows(table: NumericTable, nan_policy: str = "raise") -> NumericTable:
    """The rows without missing or infinite values in any column of the table.

    Args:
        table: the columns that will be used; all estimates are then made from the same rows.
        nan_policy: "raise" refuses a table with such values, "omit" leaves their rows out and counts them.

    Raises:
        InputError: such values under "raise", or fewer than 2 rows left under "omit".
    """
    if nan_policy not in NAN_POLICIES:
        raise InputError(f"unknown nan policy {nan_policy!r}; use one of: {', '.join(NAN_POLICIES)}")
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(table.values).all(axis=1))
    if complete.all():
        return table
    if nan_policy == "raise":
        raise InputError(
            f"{_count_bad(table)}; leave out these rows with --nan-policy omit, or fill the gaps in the file"
        )
    left = int(complete.sum())
    if left < 2:
        raise InputError(
            f"only {left} of {len(complete)} rows have values in all columns used ({_count_bad(table)}); "
            "leave out the columns with the most gaps"
        )
    return replace(table, values=table.values[complete], dropped=len(complete) - left)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name one CSV or Parquet file")
        if not path.exists():
            raise InputError(f"no file {path}; {_suggest_file(path)}")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty; a header line and rows of numbers are needed")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return path


def _suggest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either (paths start from {Path.cwd()})"
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"paths start from {Path.cwd()}"


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in PARQUET_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _csv_options(path: Path) -> pa.csv.ParseOptions:
    """The delimiter: a comma, or what the header holds instead of one."""
    with pa.input_stream(str(path), compression="detect") as stream:
        header = stream.read(1 << 16).split(b"\n")[0].decode("utf-8", "replace")
    if "," in header and ".tsv" not in path.suffixes:
        return pa.csv.ParseOptions(delimiter=",")
    return pa.csv.ParseOptions(delimiter=max(",;\t|", key=header.count))


def _csv_names(path: Path) -> list[str]:
    if path.stat().st_size > MAX_CSV_BYTES:
        raise InputError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB and the limit for CSV is "
            f"{MAX_CSV_BYTES / 1e9:.1f} GB; convert it to Parquet, or sample its rows"
        )
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{path} is UTF-16 text; save it as UTF-8")
    with pa.csv.open_csv(path, parse_options=_csv_options(path)) as reader:
        names = list(reader.schema.names)
    numbers = [name for name in names if name and _is_number(name)]
    if numbers and len(numbers) == len(names) and names != [str(i) for i in range(len(names))]:
        raise InputError(
            f"{path} starts with numbers ({', '.join(names[:4])}); columns are used by name: add a header line"
        )
    return names


def _read_csv(path: Path, names: list[str]) -> pa.Table:
    convert = pa.csv.ConvertOptions(include_columns=names, auto_dict_encode=False)
    table = pa.csv.read_csv(path, parse_options=_csv_options(path), convert_options=convert)
    _check_cells(path, table.num_rows, len(names))
    return table


def _read_parquet(path: Path, names: list[str]) -> pa.Table:
    with pa.parquet.ParquetFile(path) as file:
        _check_cells(path, file.metadata.num_rows, len(names))
        return file.read(columns=names)


def _check_cells(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise InputError(
            f"{path}: {rows:,} rows of {columns} columns are {rows * columns:,} values and the limit is "
            f"{MAX_CELLS:,}; name fewer columns, or sample the rows"
        )


def _value_type(column: pa.ChunkedArray) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _why_not_numeric(name: str, column: pa.ChunkedArray) -> tuple[str, str]:
    """Why a column cannot be used, and what to do about it; empty for numeric ones."""
    kind, types = _value_type(column), pa.types
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
        or types.is_null(kind)
    ):
        return "", ""
    if types.is_temporal(kind):
        return "holds dates or times", "turn it into a number first, such as days since the first row"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _why_text(column)
    if types.is_binary(kind) or types.is_large_binary(kind):
        return "is not UTF-8 text", "save the file as UTF-8, with numbers in this column"
    return f"has values of type {kind}", "give one number in each cell"


def _why_text(column: pa.ChunkedArray) -> tuple[str, str]:
    plain = column.cast(pa.string())
    counts = pc.value_counts(plain.drop_null()).to_pylist()
    odd = sorted((c for c in counts if not _is_number(c["values"])), key=lambda c: -c["counts"])
    examples = ", ".join(repr(c["values"][:24]) for c in odd[:3])
    if not odd:
        return "holds numbers written as text", "convert it to a numeric type"
    if len(odd) < len(counts) / 2:
        many = sum(c["counts"] for c in odd)
        return (
            f"has {many} of {len(column)} values that are not numbers (for instance {examples})",
            "leave these cells empty and add --nan-policy omit",
        )
    return (
        f"holds text (for instance {examples})",
        "encode it as numbers: integers if it is ordered or has two values, otherwise one 0/1 column for each "
        "value, named together (--x red,green,blue)",
    )


def _to_float(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    floats = column.cast(pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _count_bad(table: NumericTable) -> str:
    parts = []
    for name, column in zip(table.names, table.values.T, strict=True):
        missing, infinite = int(np.isnan(column).sum()), int(np.isinf(column).sum())
        found = [f"{k} {word}" for k, word in ((missing, "missing"), (infinite, "infinite")) if k]
        if found:
            parts.append((missing + infinite, f"{name!r} has {' and '.join(found)}"))
    parts.sort(key=lambda part: -part[0])
    more = f", and {len(parts) - 5} more columns have some" if len(parts) > 5 else ""
    return f"of {len(table.values)} values, " + ", ".join(text for _, text in parts[:5]) + more


def _suggestion(name: str, known: Sequence[str]) -> str:
    lower = {k.lower(): k for k in known}
    near = [lower[k] for k in difflib.get_close_matches(name.lower(), list(lower), n=3, cutoff=0.6)]
    if near:
        return f"did you mean {' or '.join(map(repr, near))}? The columns are: {_listing(known)}"
    return f"the columns are: {_listing(known)}"


def _listing(names: Sequence[str], most: int = 20) -> str:
    more = f", … ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:300]
    kind = "Parquet" if _is_parquet(path) else "CSV"
    return InputError(f"{path} cannot be read as {kind}: {reason}")
