"""Columns of Arrow tables as float64: which are numbers or categories, and what to say of those that are neither."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mutualist.categories import UnusableColumnError, categories, is_text
from mutualist.errors import InputError
from mutualist.inputs import EXACT, MIN_ROWS

NAN_POLICIES = ("raise", "omit")
OMIT = "--nan-policy omit"  # how the command says it


@dataclass(frozen=True)
class NumericTable:
    """Columns of a table.

    Attributes:
        names: names of the d columns.
        values: shape (n, d), float64; missing values are NaN, and texts the codes of their categories.
        skipped: columns that were not asked for by name and cannot be used, each with the reason.
        dropped: number of rows left out because of missing or infinite values.
        categories: columns of text, each with the number of different texts.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    skipped: tuple[tuple[str, str], ...] = ()
    dropped: int = 0
    categories: tuple[tuple[str, int], ...] = ()

    def columns(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The columns called `names`, in this order: shape (n, len(names))."""
        return self.values[:, [self.names.index(name) for name in names]]

    def why(self) -> str:
        """What follows a complaint that there are too few columns: why others were left out."""
        return "".join(f"; {note}" for note in self.notes())

    def notes(self) -> list[str]:
        """What was left out or taken as categories, in words for the reader of the numbers."""
        total = self.dropped + len(self.values)
        rows = f"left out {self.dropped:,} of {total:,} rows with missing or infinite values"
        taken = [f"took column {name!r} as {k} {'category' if k == 1 else 'categories'}" for name, k in self.categories]
        columns = [*taken, *(f"left out column {name!r}: it {reason}" for name, reason in self.skipped)]
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
    """The columns of `table` that are numbers, and those of text that can be categories.

    Args:
        table: its columns have unlike names.
        source: names the table in messages.
        required: columns that must be usable; the others are left out if they are not, and listed in `skipped`.
        omit: how the caller asks for rows with gaps to be left out, for messages.
        show: whether messages may show some of the values.

    Raises:
        InputError: no rows, no usable column, or a required column that holds dates, nested values, or texts that
            are no categories.
    """
    if table.num_rows == 0:
        raise InputError(f"{source} has a header but no rows; add rows of numbers")
    arrays: dict[str, NDArray[np.float64]] = {}
    skipped: list[tuple[str, str]] = []
    taken: list[tuple[str, int]] = []
    needed = set(required)
    for name in table.column_names:
        column = table.column(name)
        try:
            values, k = _to_float(column, omit, show)
            if name not in needed:
                _check_worth(name, values)
        except UnusableColumnError as error:
            if name in needed:
                raise InputError(f"column {name!r} {error}") from None
            skipped.append((name, str(error)))
            continue
        arrays[name] = values
        if k is not None:
            taken.append((name, k))
    if not arrays:
        reasons = "; ".join(f"{name!r} {reason}" for name, reason in skipped[:5])
        raise InputError(f"{source} has no usable column: {reasons}")
    return NumericTable(tuple(arrays), np.column_stack(list(arrays.values())), tuple(skipped), categories=tuple(taken))


def complete_rows(table: NumericTable, nan_policy: str = "raise", omit: str = OMIT) -> NumericTable:
    """The rows without missing or infinite values in any column of the table.

    Args:
        table: the columns that will be used; all estimates are then made from the same rows.
        nan_policy: "raise" refuses a table with such values, "omit" leaves their rows out and counts them.
        omit: how the caller says the latter, for the message.

    Raises:
        InputError: such values under "raise", or fewer than 4 rows left under "omit".
    """
    if nan_policy not in NAN_POLICIES:
        raise InputError(f"unknown nan policy {nan_policy!r}; use one of: {', '.join(NAN_POLICIES)}")
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(table.values).all(axis=1))
    if complete.all():
        return table
    if nan_policy == "raise":
        raise InputError(f"{_count_bad(table)}; leave out these rows with {omit}, or fill the gaps")
    left = int(complete.sum())
    if left < MIN_ROWS:
        raise InputError(
            f"only {left} of {len(complete)} rows have values in all columns used ({_count_bad(table)}); "
            "leave out the columns with the most gaps"
        )
    return replace(table, values=table.values[complete], dropped=len(complete) - left)


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values that a column of type `kind` holds, be it a dictionary or not."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of this type can become float64: integers, floats, decimals, booleans, or nothing at all."""
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return any(check(kind) for check in checks)


def _to_float(column: pa.ChunkedArray, omit: str, show: bool) -> tuple[NDArray[np.float64], int | None]:
    """The values, shape (n,), and how many categories they are, if they are; raises UnusableColumnError."""
    kind, types = value_type(column.type), pa.types
    if is_text(kind):
        return categories(column, omit, show)
    if types.is_temporal(kind):
        raise UnusableColumnError("holds dates or times; turn it into a number first, such as days since the first row")
    if types.is_binary(kind) or types.is_large_binary(kind):
        raise UnusableColumnError("is not UTF-8 text; save the file as UTF-8")
    if not is_numeric(kind):
        raise UnusableColumnError(f"has values of type {kind}; give one number in each cell")
    if types.is_dictionary(column.type):
        column = column.cast(kind)
    floats = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    if types.is_integer(kind) and (np.abs(floats) > EXACT).any():  # only the order counts
        places = np.asarray(pc.rank(column, tiebreaker="dense").to_numpy(zero_copy_only=False), dtype=np.float64)
        floats = np.where(np.isnan(floats), np.nan, places)
    return floats, None


def _check_worth(name: str, values: NDArray[np.float64]) -> None:
    """Raises UnusableColumnError for a column that nobody asked for and that can tell nothing."""
    if not name.strip():
        raise UnusableColumnError("has no name (a row index?)")
    if re.fullmatch(r"__index_level_\d+__", name):
        raise UnusableColumnError("is the row index of a data frame")
    if np.isnan(values).all():
        raise UnusableColumnError("has no values")


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
