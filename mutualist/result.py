"""What an estimate answers: calibrated quantiles of the mutual information, in nats.

This module needs numpy alone, so that a client which never runs the network can hold the same answers.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutualist.errors import InputError

Unit = Literal["nats", "bits"]
Layout = Literal["matrix", "rows"]

UNITS: tuple[str, ...] = get_args(Unit)
DEFAULT_LEVEL = 0.9
DEFAULT_QUANTILES = (0.05, 0.5, 0.95)


def unit_factor(unit: str) -> float:
    """The number that turns nats into `unit`: 1 for "nats", 1/ln 2 for "bits"."""
    if unit == "nats":
        return 1.0
    if unit == "bits":
        return 1.0 / math.log(2.0)
    raise InputError(f"unknown unit {unit!r}; use one of: {', '.join(UNITS)}")


def with_names(text: str, x: Sequence[str], y: Sequence[str]) -> str:
    """A warning of the estimator, which knows no names, with those of the columns in place of x[0], y[1] and so on."""
    sides = {"x": x, "y": y}
    return re.sub(r"\b([xy])\[(\d+)\]", lambda found: sides[found[1]][int(found[2])], text)


def check_level(level: float, what: str = "level") -> float:
    """`level` as a float strictly between 0 and 1; anything else raises InputError, which names it `what`."""
    if isinstance(level, bool | np.bool_) or not isinstance(level, int | float | np.integer | np.floating):
        raise InputError(f"{what} is {level!r}; give a number strictly between 0 and 1, such as 0.9")
    if not 0.0 < level < 1.0:
        hint = f" (did you mean {level / 100:g}?)" if 1 < level < 100 else ""
        raise InputError(f"{what} is {level:g}; it must lie strictly between 0 and 1{hint}")
    return float(level)


def central_levels(level: float) -> tuple[float, float]:
    """The two quantile levels that bound the central interval: 0.9 gives (0.05, 0.95)."""
    level = check_level(level, "interval level")
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def _grid(levels: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read-only copies of levels (Q,) and values (..., Q); quantiles that cross raise InputError."""
    levels = np.array(levels, dtype=np.float64)
    values = np.array(values, dtype=np.float64)
    if levels.ndim != 1 or levels.size < 2 or values.shape[-1:] != levels.shape:
        raise InputError(f"levels has shape {levels.shape} and values {values.shape}; give (Q,) and (..., Q), Q >= 2")
    if not (np.all(np.diff(levels) > 0) and levels[0] > 0 and levels[-1] < 1):
        raise InputError(f"quantile levels must increase strictly inside (0, 1), but are {levels.tolist()}")
    if not np.all(np.isfinite(values)):
        raise InputError("quantile values must be finite")
    if np.any(values < 0) or np.any(np.diff(values, axis=-1) < 0):
        raise InputError("quantile values must be at least 0 and must not decrease with the level")
    levels.flags.writeable = False
    values.flags.writeable = False
    return levels, values


def _interpolate(levels: NDArray[np.float64], values: NDArray[np.float64], at: Sequence[float]) -> NDArray[np.float64]:
    """The quantile functions of `values` (P, Q) at the levels `at` (K,): (P, K), in nats."""
    # Here and not above: the package of the network is imported when a number is asked for.
    from mutualist.models.quantiles import interpolate

    return np.asarray(interpolate(levels, values, np.asarray(at, dtype=np.float64)), dtype=np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class MIEstimate:
    """The estimated mutual information of one pair of variables, as calibrated quantiles.

    Args:
        levels: quantile levels of the grid, shape (Q,), strictly increasing inside (0, 1).
        values: mutual information in nats at these levels, shape (Q,), at least 0, not decreasing.
        n: number of rows the estimate was made from.
        dx, dy: number of columns of X and of Y.
        warnings: what a reader of the numbers should know, such as an input outside the trained range.
        model: name and version of the weights.
        strangeness: share of known samples that lie closer to their neighbours than this one does, 0 to 1: near 1 means
            unusual. None if unknown.
        expected_error: mean absolute error, in nats, of estimates for samples in which the network sees the like, as
            learned beside the calibration; it tells large errors about as well as the width does. None if unknown.

    Raises:
        InputError: levels or values are not a quantile function.
    """

    levels: NDArray[np.float64]
    values: NDArray[np.float64]
    n: int
    dx: int
    dy: int
    warnings: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    strangeness: float | None = None
    expected_error: float | None = None

    def __post_init__(self) -> None:
        levels, values = _grid(self.levels, self.values)
        if values.ndim != 1:
            raise InputError(f"values of one estimate must have shape (Q,), but have {values.shape}")
        for name, value in (("levels", levels), ("values", values), ("warnings", tuple(self.warnings))):
            object.__setattr__(self, name, value)

    @property
    def mi(self) -> float:
        """The estimate itself: the median, in nats."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> float:
        """The mutual information, in nats, that the true value stays below with probability `level`.

        Between the levels of the grid, and beyond them, the quantile function is linear in the probit of
        the level and clipped at 0. Raises InputError unless 0 < level < 1.
        """
        at = [check_level(level, "quantile level")]
        return float(_interpolate(self.levels, self.values[None], at)[0, 0])

    def interval(self, level: float = DEFAULT_LEVEL) -> tuple[float, float]:
        """The central interval (low, high), in nats, that covers the true value with probability `level`.

        Raises InputError unless 0 < level < 1.
        """
        low, high = _interpolate(self.levels, self.values[None], central_levels(level))[0]
        return float(low), float(high)

    def to_dict(
        self,
        unit: str = "nats",
        level: float = DEFAULT_LEVEL,
        quantiles: Sequence[float] = DEFAULT_QUANTILES,
    ) -> dict[str, Any]:
        """The answer of the command and of the service: JSON-serialisable, numbers in `unit`.

        Args:
            unit: "nats" or "bits".
            level: probability of the central interval.
            quantiles: levels of the quantiles to list, in the order given.

        Raises:
            InputError: an unknown unit, or a level outside (0, 1).
        """
        asked = [check_level(q, "quantile level") for q in quantiles]
        at = (0.5, *central_levels(level), *asked)
        mi, low, high, *values = (_interpolate(self.levels, self.values[None], at)[0] * unit_factor(unit)).tolist()
        return {
            "mi": mi,
            "unit": unit,
            "interval": {"level": float(level), "low": low, "high": high},
            "quantiles": [{"level": q, "value": value} for q, value in zip(asked, values, strict=True)],
            "n": self.n,
            "dx": self.dx,
            "dy": self.dy,
            "warnings": list(self.warnings),
            "model": dict(self.model),
            "strangeness": self.strangeness,
            "expected_error": None if self.expected_error is None else self.expected_error * unit_factor(unit),
        }

    def __repr__(self) -> str:
        low, high = self.interval(DEFAULT_LEVEL)
        note = f", warnings={list(self.warnings)}" if self.warnings else ""
        return (
            f"MIEstimate(mi={self.mi:.3g} nats, {DEFAULT_LEVEL:.0%} interval [{low:.3g}, {high:.3g}], "
            f"n={self.n}, dx={self.dx}, dy={self.dy}{note})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MIEstimate):
            return NotImplemented
        return (
            np.array_equal(self.levels, other.levels)
            and np.array_equal(self.values, other.values)
            and (self.n, self.dx, self.dy) == (other.n, other.dx, other.dy)
            and self.warnings == other.warnings
            and dict(self.model) == dict(other.model)
        )

    __hash__ = None  # type: ignore[assignment]  # equal by value, and holds arrays


@dataclass(frozen=True, eq=False, repr=False)
class PairwiseEstimates:
    """Estimates for all pairs of the columns of a table.

    Matrices are symmetric, of shape (d, d), with NaN on the diagonal: the mutual information of a continuous
    column with itself is infinite and not estimated.

    Args:
        names: names of the d columns, d >= 2.
        levels: quantile levels of the grid, shape (Q,).
        values: mutual information in nats, shape (d (d - 1) / 2, Q); pairs (i, j), i < j, in the order of
            `itertools.combinations(range(d), 2)`.
        n: number of rows.
        warnings: for each pair (i, j) that has any, its warnings.
        model: name and version of the weights.
    """

    names: tuple[str, ...]
    levels: NDArray[np.float64]
    values: NDArray[np.float64]
    n: int
    warnings: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        levels, values = _grid(self.levels, self.values)
        d = len(self.names)
        if d < 2 or values.ndim != 2 or len(values) != d * (d - 1) // 2:
            raise InputError(
                f"{d} columns have {d * (d - 1) // 2} pairs, but values has shape {values.shape}; "
                "at least two columns are needed"
            )
        for name, value in (("levels", levels), ("values", values), ("names", tuple(map(str, self.names)))):
            object.__setattr__(self, name, value)

    @property
    def mi(self) -> NDArray[np.float64]:
        """The medians, in nats, shape (d, d)."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> NDArray[np.float64]:
        """The quantile at `level` of every pair, in nats, shape (d, d)."""
        at = [check_level(level, "quantile level")]
        return self._square(_interpolate(self.levels, self.values, at)[:, 0])

    def interval(self, level: float = DEFAULT_LEVEL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The central intervals at `level` as two matrices (low, high), in nats, each of shape (d, d)."""
        bounds = _interpolate(self.levels, self.values, central_levels(level))
        return self._square(bounds[:, 0]), self._square(bounds[:, 1])

    def pair(self, a: str, b: str) -> MIEstimate:
        """The estimate for the columns named `a` and `b`; InputError if there is no such pair."""
        for name in (a, b):
            if name not in self.names:
                raise InputError(f"no column {name!r}; the columns are {', '.join(self.names)}")
            if self.names.count(name) > 1:
                raise InputError(f"several columns are called {name!r}; give each its own name")
        if a == b:
            raise InputError(f"the pair of {a!r} with itself is not estimated; name two different columns")
        i, j = sorted((self.names.index(a), self.names.index(b)))
        d = len(self.names)
        row = i * d - i * (i + 1) // 2 + (j - i - 1)
        return MIEstimate(self.levels, self.values[row], self.n, 1, 1, self.warnings.get((i, j), ()), self.model)

    def to_rows(self, unit: str = "nats", level: float = DEFAULT_LEVEL) -> list[dict[str, Any]]:
        """A row for each pair, strongest first: a, b, mi, low, high (in `unit`), n, warnings."""
        factor = unit_factor(unit)
        at = (0.5, *central_levels(level))
        numbers = _interpolate(self.levels, self.values, at) * factor
        rows = [
            {
                "a": self.names[i],
                "b": self.names[j],
                "mi": float(mi),
                "low": float(low),
                "high": float(high),
                "n": self.n,
                "warnings": [
                    with_names(text, [self.names[i]], [self.names[j]]) for text in self.warnings.get((i, j), ())
                ],
            }
            for (i, j), (mi, low, high) in zip(self._pairs(), numbers, strict=True)
        ]
        return sorted(rows, key=lambda row: -row["mi"])

    def to_csv(
        self,
        path: str | Path,
        unit: str = "nats",
        level: float = DEFAULT_LEVEL,
        layout: Layout = "matrix",
    ) -> None:
        """Writes a CSV file.

        Args:
            path: file to write.
            unit: "nats" or "bits".
            level: probability of the intervals; only the layout "rows" shows them.
            layout: "matrix", the medians with names in the first row and column and an empty diagonal;
                or "rows", a line for each pair with its interval.
        """
        if layout not in get_args(Layout):
            raise InputError(f"unknown layout {layout!r}; use one of: {', '.join(get_args(Layout))}")
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if layout == "matrix":
                writer.writerow(["", *self.names])
                for name, row in zip(self.names, self.mi * unit_factor(unit), strict=True):
                    writer.writerow([name, *("" if math.isnan(v) else repr(float(v)) for v in row)])
            else:
                writer.writerow(["a", "b", f"mi_{unit}", f"low_{level:g}", f"high_{level:g}", "n"])
                for row in self.to_rows(unit, level):
                    writer.writerow([row["a"], row["b"], row["mi"], row["low"], row["high"], row["n"]])

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return combinations(range(len(self.names)), 2)

    def _square(self, upper: NDArray[np.float64]) -> NDArray[np.float64]:
        d = len(self.names)
        matrix = np.full((d, d), np.nan)
        rows, columns = np.triu_indices(d, k=1)
        matrix[rows, columns] = matrix[columns, rows] = upper
        return matrix

    def __repr__(self) -> str:
        top = self.to_rows()[0]
        return (
            f"PairwiseEstimates({len(self.names)} columns, {len(self.values)} pairs, n={self.n}, strongest: "
            f"{top['a']}, {top['b']} with {top['mi']:.3g} nats [{top['low']:.3g}, {top['high']:.3g}])"
        )
