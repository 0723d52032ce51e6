"""Columns of Arrow tables as float64: which of them are numbers, and what to say of those that are not."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mutualist.errors import InputError

NAN_POLICIES = ("raise", "omit")
OMIT = "--nan-policy omit"  # how the command says it


@dataclass(frozen=True)
class NumericTable:
    """Columns of a table.

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


def check_unlike(names: Sequence[str], source: str) -> None:
    """Raises InputError if two columns have the same name; `source` names the table in the message."""
    if len(set(names)) == len(names):
        return
    seen: set[str] = set()
    twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    raise InputError(f"{source}: several columns are called {twice!r}; give each its own name")


def numeric_table(
    table: pa.Table, source: str, required: Sequence[str] = (), omit: str = OMIT, show: bool = True
) -> NumericTable:
    """The columns of `table` that are numbers.

    Args:
        table: its columns have unlike names.
        source: names the table in messages.
        required: columns that must be numeric; the others are left out if they are not, and listed in `skipped`.
        omit: how the caller asks for rows with gaps to be left out, for messages.
        show: whether messages may show some of the values.

    Raises:
        InputError: no rows, no numeric column, or a required column that holds text, dates or nested values.
    """
    if table.num_rows == 0:
        raise InputError(f"{source} has a header but no rows; add rows of numbers")
    kept: list[str] = []
    arrays: list[NDArray[np.float64]] = []
    skipped: list[tuple[str, str]] = []
    needed = set(required)
    for name in table.column_names:
        column = table.column(name)
        reason, remedy = _why_not_numeric(column, omit, show)
        optional = name not in needed
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
        raise InputError(f"{source} has no numeric column: {reasons}")
    return NumericTable(tuple(kept), np.column_stack(arrays), tuple(skipped))


def complete_rows(table: NumericTable, nan_policy: str = "raise", omit: str = OMIT) -> NumericTable:
    """The rows without missing or infinite values in any column of the table.

    Args:
        table: the columns that will be used; all estimates are then made from the same rows.
        nan_policy: "raise" refuses a table with such values, "omit" leaves their rows out and counts them.
        omit: how the caller says the latter, for the message.

    Raises:
        InputError: such values under "raise", or fewer than 2 rows left under "omit".
    """
    if nan_policy not in NAN_POLICIES:
        raise InputError(f"unknown nan policy {nan_policy!r}; use one of: {', '.join(NAN_POLICIES)}")
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(table.values).all(axis=1))
    if complete.all():
        return table
    if nan_policy == "raise":
        raise InputError(f"{_count_bad(table)}; leave out these rows with {omit}, or fill the gaps")
    left = int(complete.sum())
    if left < 2:
        raise InputError(
            f"only {left} of {len(complete)} rows have values in all columns used ({_count_bad(table)}); "
            "leave out the columns with the most gaps"
        )
    return replace(table, values=table.values[complete], dropped=len(complete) - left)


def _value_type(column: pa.ChunkedArray) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of this type can become float64: integers, floats, decimals, booleans, or nothing at all."""
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return any(check(kind) for check in checks)


def _why_not_numeric(column: pa.ChunkedArray, omit: str, show: bool) -> tuple[str, str]:
    """Why a column cannot be used, and what to do about it; empty for numeric ones."""
    kind, types = _value_type(column), pa.types
    if is_numeric(kind):
        return "", ""
    if types.is_temporal(kind):
        return "holds dates or times", "turn it into a number first, such as days since the first row"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _why_text(column, omit, show)
    if types.is_binary(kind) or types.is_large_binary(kind):
        return "is not UTF-8 text", "save the file as UTF-8, with numbers in this column"
    return f"has values of type {kind}", "give one number in each cell"


def _why_text(column: pa.ChunkedArray, omit: str, show: bool) -> tuple[str, str]:
    plain = column.cast(pa.string())
    counts = pc.value_counts(plain.drop_null()).to_pylist()
    odd = sorted((c for c in counts if not is_number(c["values"])), key=lambda c: -c["counts"])
    examples = f" (for instance {', '.join(repr(c['values'][:24]) for c in odd[:3])})" if show else ""
    if not odd:
        return "holds numbers written as text", "convert it to a numeric type"
    if len(odd) < len(counts) / 2:
        many = sum(c["counts"] for c in odd)
        return (
            f"has {many} of {len(column)} values that are not numbers{examples}",
            f"leave these cells empty and add {omit}",
        )
    return (
        f"holds text{examples}",
        "encode it as numbers: integers if it is ordered or has two values, otherwise one 0/1 column for each "
        "value, all of them named on one side (red,green,blue)",
    )


def _to_float(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    floats = column.cast(pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def is_number(text: str) -> bool:
    """Whether `text` reads as a number."""
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
