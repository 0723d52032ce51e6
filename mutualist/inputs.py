"""What users pass in, as clean arrays: every complaint says what came, what was expected, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutualist.errors import InputError

NanPolicy = Literal["raise", "omit"]
MIN_ROWS = 4
STRANGE = 0.995
EXACT = 2**53  # integers beyond it are not all told apart as float64
CODES = 20  # most values of a column that may be codes of categories


@dataclass(frozen=True)
class Sample:
    """A sample that can be estimated: finite values (n, dx + dy), those of X first, and what its making left out."""

    values: NDArray[np.float64]
    dx: int
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, dx, dy."""
        n, d = self.values.shape
        return n, self.dx, d - self.dx


def as_sample(x: ArrayLike, y: ArrayLike, nan_policy: NanPolicy) -> Sample:
    """What `estimate` is given, checked; raises InputError."""
    x, y = as_columns(x, "x"), as_columns(y, "y")
    same_rows(x, y)
    both = np.concatenate([x, y], 1)
    values = enough_rows(drop_missing(both, nan_policy, "x and y"))
    left_out = len(both) - len(values)
    notes = (f"left out {left_out:,} of {len(both):,} rows",) if left_out else ()
    return Sample(values, x.shape[1], notes)


def as_samples(pairs: Sequence[tuple[ArrayLike, ArrayLike]], nan_policy: NanPolicy) -> list[Sample]:
    """What `estimate_batch` is given, checked; raises InputError that says in which pair."""
    samples = []
    for i, pair in enumerate(pairs):
        try:
            x, y = pair
        except (TypeError, ValueError) as error:
            raise InputError(f"pair {i} is a {type(pair).__name__}; give pairs (x, y)") from error
        try:
            samples.append(as_sample(x, y, nan_policy))
        except InputError as error:
            raise InputError(f"pair {i}: {error}") from error
    return samples


def as_complete_table(
    table: ArrayLike | Mapping[str, ArrayLike], names: Sequence[str] | None, nan_policy: NanPolicy
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """What `pairwise` is given, checked: finite values (n, d) and the d names; raises InputError."""
    values, names = as_table(table, names)
    return enough_rows(drop_missing(values, nan_policy, "table")), names


def as_pairs(pairs: ArrayLike, d: int) -> NDArray[np.int64]:
    """What `estimate_pairs` is given, checked: numbers (P, 2) of columns of a table with d of them."""
    array = np.asarray(pairs)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise InputError(
            f"pairs has shape {array.shape} and dtype {array.dtype}; give two numbers of columns a pair, shape (P, 2)"
        )
    if ((array < 0) | (array >= d)).any() or (array[:, 0] == array[:, 1]).any():
        raise InputError(f"each pair needs two different columns out of 0 to {d - 1}; change those that have not")
    return array.astype(np.int64)


def as_columns(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """`values` of shape (n,) or (n, d) as float64 of shape (n, d)."""
    array = _numbers(values, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"{name} has shape {array.shape}; give (n,) for one column or (n, d) for several")
    if array.shape[1] == 0:
        raise InputError(f"{name} has shape {array.shape}, so no columns; give at least one")
    return array


def as_table(table: Any, names: Sequence[str] | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Values (n, d) and the d column names of an array, a mapping or a data frame."""
    if isinstance(table, Mapping):
        keys = list(table)
        columns = [as_columns(table[key], f"column {key!r}") for key in keys]
        if len({len(c) for c in columns}) > 1:
            lengths = {str(key): len(c) for key, c in zip(keys, columns, strict=True)}
            raise InputError(f"the columns of the table have unlike lengths {lengths}; give columns of one length")
        wide = [str(key) for key, c in zip(keys, columns, strict=True) if c.shape[1] != 1]
        if wide:
            raise InputError(f"the entries {wide} of the table are not single columns; give one column for each name")
        values = np.concatenate(columns, 1) if columns else np.empty((0, 0))
        names = [str(key) for key in keys] if names is None else names
    else:
        own = getattr(table, "column_names", getattr(table, "columns", None))  # of Arrow, of data frames
        if names is None and own is not None:
            names = [str(c) for c in own]
        values = as_columns(table, "table")
    if values.shape[1] < 2:
        raise InputError(f"the table has {values.shape[1]} columns; pairs need at least two")
    names = [str(i) for i in range(values.shape[1])] if names is None else list(names)
    if len(names) != values.shape[1]:
        raise InputError(f"{len(names)} names came for {values.shape[1]} columns; give one for each column")
    return values, tuple(names)


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.ma.filled(values.astype(np.float64), np.nan) if np.ma.isMaskedArray(values) else np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that need gradients
        raise InputError(
            f"{name} cannot be read as an array ({error}); give numbers of shape (n,) or (n, d)"
        ) from error
    if array.dtype == object:
        try:
            missing = np.array([type(value).__name__ == "NAType" for value in array.flat], bool)  # pandas' NA
            array = np.where(missing.reshape(array.shape), np.nan, array).astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{name} holds values that are not numbers ({error}); encode text as integers, fill what is missing"
            ) from error
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} has dtype {array.dtype}; give real numbers: encode categories as integers and dates as timestamps"
        )
    if array.dtype.kind in "iu" and array.size and max(-int(array.min()), int(array.max())) > EXACT:
        array = np.unique(array, return_inverse=True)[1].reshape(array.shape)  # only the order counts
    return array.astype(np.float64)


def same_rows(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Complains unless x and y have the same number of rows."""
    if len(x) != len(y):
        raise InputError(
            f"x has {len(x)} rows and y has {len(y)}; row i of both must be one observation, so give as many"
        )


def drop_missing(values: NDArray[np.float64], nan_policy: NanPolicy, name: str) -> NDArray[np.float64]:
    """The rows without NaN and infinities; with nan_policy "raise", all rows or InputError."""
    if nan_policy not in get_args(NanPolicy):
        raise InputError(f"nan_policy is {nan_policy!r}; use one of: {', '.join(get_args(NanPolicy))}")
    finite = np.isfinite(values)
    if finite.all():
        return values
    if nan_policy == "raise":
        nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        rows = int((~finite.all(1)).sum())
        raise InputError(
            f"{name} hold {nan} NaN and {infinite} infinite values, in {rows} of {len(values)} rows; fill them, or "
            'leave these rows out with nan_policy="omit"'
        )
    return values[finite.all(1)]


def enough_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values (n, d); raises InputError if there are fewer rows than an estimate takes."""
    if len(values) < MIN_ROWS:
        raise InputError(f"{len(values)} rows came, at least {MIN_ROWS} are needed; give more rows")
    return values


def range_warnings(n: int, dx: int, dy: int, trained: Mapping[str, Any]) -> tuple[str, ...]:
    """What to say of sizes that the estimator was not trained on.

    `trained` holds the ranges of the training data: "n", "dx", "dy", each {"min": .., "max": ..}. More rows need no
    warning: parts of them are averaged, and of two single columns very many tell without what was learned.
    """
    notes = []
    for key, size in {"n": n, "dx": dx, "dy": dy}.items():
        low, high = trained[key]["min"], trained[key]["max"]
        if size < low or (size > high and key != "n"):
            notes.append(f"{key} = {size} is outside the range {low} to {high} that the estimator was trained on")
    return tuple(notes)


def constant_warnings(values: NDArray[np.float64], dx: int) -> tuple[str, ...]:
    """What to say of constant columns among values (n, d), of which the first dx are X's."""
    constant = np.flatnonzero((values == values[0]).all(0)).tolist()
    if not constant:
        return ()
    return (f"constant columns carry no information: {', '.join(_column(j, dx) for j in constant)}",)


def repeat_warnings(left_out: Mapping[int, int], dx: int) -> tuple[str, ...]:
    """What to say of columns that are functions of others: numbers of columns, of which the first dx are X's."""
    if not left_out:
        return ()
    said = ", ".join(f"{_column(j, dx)} by {_column(of, dx)}" for j, of in sorted(left_out.items()))
    return (f"left out columns that another of their side determines, as they add nothing: {said}",)


def tie_warnings(values: NDArray[np.float64], tied: NDArray[np.bool_], dx: int) -> tuple[str, ...]:
    """What to say of `tied` columns (d,) of values (n, d) that may be codes of categories. The first dx are X's.

    Codes are more than two (the order of two is no matter), few, and most rows share theirs with another row.
    """
    codes = []
    for j in np.flatnonzero(tied).tolist():
        met = np.unique(values[:, j], return_counts=True)[1]
        if 2 < len(met) <= CODES and 2 * met[met > 1].sum() > len(values):
            codes.append(f"{_column(j, dx)} takes {len(met)} values")
    if not codes:
        return ()
    return (
        f"many ties: {', '.join(codes)} in {len(values):,} rows, read as numbers in order; where they only name "
        "categories, another numbering can change the estimate",
    )


def _column(j: int, dx: int) -> str:
    return f"x[{j}]" if j < dx else f"y[{j - dx}]"


def strangeness_warnings(strangeness: float) -> tuple[str, ...]:
    """What to say of a sample that is as unlike those that the estimator knows as `strangeness` says."""
    if strangeness <= STRANGE:
        return ()
    return (
        f"the sample is stranger than {STRANGE:.1%} of those that the estimator knows: its error may be larger than "
        "the interval says",
    )
