"""Reads columns of CSV and Parquet files by name, as float64, with errors that say what to change."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mutualist.categories import is_number
from mutualist.columns import NumericTable, check_unlike, numeric_table, resolve_columns
from mutualist.errors import InputError

MAX_CSV_BYTES = 2 * 1024**3
HEAD_BYTES = 1 << 16  # of a CSV file, from which its layout is told
MAX_CELLS = 50_000_000  # rows x columns that are used: 400 MB as float64
PARQUET_SUFFIXES = (".parquet", ".pq")


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
    check_unlike(names, str(path))
    return names


def read_table(path: str | Path, columns: Sequence[str] | None = None, required: Sequence[str] = ()) -> NumericTable:
    """Reads columns of numbers and of categories.

    Integers, floats, decimals and booleans become float64. Texts become numbers from 0 on in the order of the texts,
    where these are few.

    Args:
        path: a CSV file with a header (comma, or where the header has none: semicolon, tab or bar, with
            decimal commas if so written; `.gz` as well), or a Parquet file (`.parquet`, `.pq`).
        columns: names of the columns to read; None reads all that can be used and lists the others in `skipped`.
        required: names that must be usable even where `columns` is None.

    Raises:
        InputError: the file is missing, empty, damaged or too large; a column is unknown, or holds dates,
            nested values or texts that are no categories.
    """
    known = column_names(path)
    path = Path(path)
    chosen = resolve_columns(columns, known) if columns is not None else known
    try:
        table = _read_parquet(path, chosen) if _is_parquet(path) else _read_csv(path, chosen)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    return numeric_table(table, str(path), required if columns is None else chosen)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name one CSV or Parquet file")
        if not path.exists():
            raise InputError(f"no file {path}; {_suggest_file(path)}")
        if not path.is_file():
            raise InputError(f"{path} is a pipe or a device, and tables are read twice; save it as a file")
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


def _head_and_layout(path: Path) -> tuple[bytes, pa.csv.ParseOptions]:
    with pa.input_stream(str(path), compression="detect") as stream:
        head = bytes(stream.read(HEAD_BYTES))
    return head, csv_layout(head, tabs=".tsv" in path.suffixes)


def csv_header(head: bytes) -> bytes:
    """The first record, whose quotes may hold line breaks; the first line where its quotes are never closed."""
    end, quotes = 0, 0
    while (found := head.find(b"\n", end) + 1) > 0:
        quotes += head.count(b'"', end, found)
        if quotes % 2 == 0:
            return head[:found]
        end = found
    return head[: head.find(b"\n") + 1 or len(head)]


def csv_layout(head: bytes, tabs: bool = False) -> pa.csv.ParseOptions:
    """The delimiter that the first record shows outside of quotes: a comma unless `tabs`, or what it holds instead."""
    header = re.sub(rb'"[^"]*"', b"", csv_header(head)).decode("utf-8", "replace")
    delimiter = "," if "," in header and not tabs else max(",;\t|", key=header.count)
    return pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in head)


def csv_values(names: Sequence[str] | None, head: bytes, layout: pa.csv.ParseOptions) -> pa.csv.ConvertOptions:
    """How cells are read, those of all columns if `names` is None.

    NA and the like are gaps among texts as well. Commas are decimal where they do not delimit and the head holds
    numbers with them, and none with a point.
    """
    decimal = {
        point: re.search(rb"(?m)(?:^|[;\t|\"]) *[-+]?\d*" + re.escape(point) + rb"\d+ *(?:[;\t|\"\r]|$)", head)
        for point in (b",", b".")
    }
    commas = layout.delimiter != "," and decimal[b","] and not decimal[b"."]
    return pa.csv.ConvertOptions(
        include_columns=None if names is None else list(names),
        strings_can_be_null=True,
        decimal_point="," if commas else ".",
    )


def starts_with_numbers(names: Sequence[str]) -> bool:
    """Whether the first line of a CSV file seems to hold data and not names: numbers other than 0, 1, 2, …"""
    return bool(names) and all(map(is_number, names)) and list(names) != [str(i) for i in range(len(names))]


def _csv_names(path: Path) -> list[str]:
    if path.stat().st_size > MAX_CSV_BYTES:
        raise InputError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB and the limit for CSV is "
            f"{MAX_CSV_BYTES / 1e9:.1f} GB; convert it to Parquet, or sample its rows"
        )
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{path} is UTF-16 text; save it as UTF-8")
    with pa.csv.open_csv(path, parse_options=_head_and_layout(path)[1]) as reader:
        names = list(reader.schema.names)
    if starts_with_numbers(names):
        raise InputError(
            f"{path} starts with numbers ({', '.join(names[:4])}); columns are used by name: add a header line"
        )
    return names


def _read_csv(path: Path, names: list[str]) -> pa.Table:
    head, layout = _head_and_layout(path)
    table = pa.csv.read_csv(path, parse_options=layout, convert_options=csv_values(names, head, layout))
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


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:300]
    kind = "Parquet" if _is_parquet(path) else "CSV"
    return InputError(f"{path} cannot be read as {kind}: {reason}")
