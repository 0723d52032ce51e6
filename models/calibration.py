"""Recalibration of the network's quantiles, so that an interval covers as often as it says.

Let Q be the quantile function that the network gives for a record, and u = Q^-1(truth) (the probability integral
transform, uniform if Q is right). The t-quantile g(t) of u over held-out records is the level at which Q must be read
so that the answer covers with probability t: this is split-conformal prediction on the scale of levels (Chernozhukov,
Wüthrich and Zhu, 2021, "Distributional conformal prediction"). g depends on n, on d = dx + dy and on the network's
median, and on whether columns have ties: it is kept at the nodes of a grid, as probits, and interpolated linearly
between them, so that the answer does not jump.

Levels are read up to `REACH` probits. Where the truth often lies beyond even that (a network that has hardly learned),
the value there is shifted as well: conformalised quantile regression (Romano, Patterson and Candès, 2019). Shifts are
zero for a network that is nearly right.

Near 0 the truth may be an atom (independence), which no continuous Q has. So the levels below 0.5 are read with a
floor: values under it count as 0. numpy alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutualist.errors import ConfigError
from mutualist.models.arrays import check_arrays
from mutualist.models.quantiles import interpolate_probit, probit

Array = NDArray[np.float64]

N_KNOTS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
D_KNOTS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TIED_KNOTS = (0.0, 1.0)  # share of rows in atoms, in the column that has most (`models.atoms`)
REACH = 3.0
MEDIAN_KNOTS = (0.0, 0.05, 0.2, 0.6, 2.0, 6.0, 20.0)  # nats
_MEDIAN_OFFSET = 0.02  # nats; medians are interpolated in the logarithm of median + offset
_LOG_N, _LOG_D = np.log(N_KNOTS), np.log(D_KNOTS)
_LOG_MEDIAN = np.log(np.add(MEDIAN_KNOTS, _MEDIAN_OFFSET))


def grid_weights(knots: Array, at: ArrayLike) -> Array:
    """Weights (B, K) of the K knots at B points: linear between two knots, constant beyond the ends; they sum to 1."""
    steps = np.arange(len(knots))
    place = np.interp(np.asarray(at, np.float64), knots, steps)
    return np.maximum(1 - np.abs(place[:, None] - steps), 0.0)


def weights_n(n: ArrayLike) -> Array:
    """Weights (B, 7) of the nodes in n."""
    return grid_weights(_LOG_N, np.log(np.maximum(n, 1)))


def weights_d(d: ArrayLike) -> Array:
    """Weights (B, 6) of the nodes in d = dx + dy."""
    return grid_weights(_LOG_D, np.log(np.maximum(d, 1)))


def weights_median(median: ArrayLike) -> Array:
    """Weights (B, 7) of the nodes in the network's median, nats."""
    return grid_weights(_LOG_MEDIAN, np.log(np.add(median, _MEDIAN_OFFSET)))


def weights_tied(tied: ArrayLike) -> Array:
    """Weights (B, 2) of the nodes in the share of rows in atoms."""
    return grid_weights(np.array(TIED_KNOTS), tied)


def soft_floor(values: ArrayLike, floor: ArrayLike) -> Array:
    """0 up to `floor`, `values` from twice the floor on, linear between: continuous and non-decreasing."""
    values = np.asarray(values, np.float64)
    return np.minimum(values, 2 * np.maximum(values - floor, 0.0))


@dataclass(frozen=True)
class Calibration:
    """Maps of levels over ties, n, d and the median, and the floors of the lower levels.

    Attributes:
        levels: (Q,) the levels of the network's answer.
        probits: (2, 7, 6, 7, Q) at each node of ties, n, d and median: the probit of the level to read for each of
            `levels`.
        shifts: (2, 7, 6, 7, Q) at each node: nats to add to the value read for each of `levels`.
        floors: (7, 6) at each node of n and d, nats: below the median, values under it count as 0.
    """

    levels: Array
    probits: Array
    shifts: Array
    floors: Array

    def __post_init__(self) -> None:
        shape = (len(N_KNOTS), len(D_KNOTS))
        maps = (len(TIED_KNOTS), *shape, len(MEDIAN_KNOTS), len(self.levels))
        check_arrays("calibration", self, {"probits": maps, "shifts": maps, "floors": shape})
        if (np.diff(self.probits, axis=-1) < 0).any() or (self.floors < 0).any():
            raise ConfigError("calibration: the maps must not decrease in the level, and floors not be negative")

    @classmethod
    def identity(cls, levels: ArrayLike) -> "Calibration":
        """The calibration that changes nothing."""
        grid = np.asarray(levels, np.float64)
        shape = (len(N_KNOTS), len(D_KNOTS))
        maps = np.broadcast_to(probit(grid), (len(TIED_KNOTS), *shape, len(MEDIAN_KNOTS), len(grid)))
        return cls(grid, maps.copy(), np.zeros_like(maps), np.zeros(shape))

    @classmethod
    def from_dict(cls, values: Any) -> "Calibration":
        """The calibration that `to_dict` described; raises ConfigError for anything else."""
        expected = {"levels", "probits", "shifts", "floors"}
        if not isinstance(values, Mapping) or set(values) != expected:
            raise ConfigError(f"a calibration has exactly the keys {sorted(expected)}")
        try:
            keys = ("levels", "probits", "shifts", "floors")
            levels, probits, shifts, floors = (np.array(values[key], np.float64) for key in keys)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"calibration: not arrays of numbers ({error})") from error
        return cls(levels, probits, shifts, floors)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable values, rounded to four decimals of a probit."""
        return {
            "levels": self.levels.tolist(),
            "probits": np.round(self.probits, 4).tolist(),
            "shifts": np.round(self.shifts, 4).tolist(),
            "floors": np.round(self.floors, 5).tolist(),
        }

    def apply(self, quantiles: ArrayLike, n: ArrayLike, dx: ArrayLike, dy: ArrayLike, tied: ArrayLike) -> Array:
        """Calibrated quantiles.

        Args:
            quantiles: (B, Q) nats at `levels`, non-decreasing, as the network gave them.
            n, dx, dy: (B,) or numbers: size and dimensions of each sample.
            tied: (B,) or a number: share of rows in atoms, in the column of each sample that has most.

        Returns:
            (B, Q) nats at the same levels, non-decreasing, at least 0.
        """
        quantiles = np.asarray(quantiles, np.float64)
        count = len(quantiles)
        in_n, in_d = weights_n(np.atleast_1d(n)), weights_d(np.atleast_1d(np.add(dx, dy)))
        # (B, nodes in n and d), or (1, nodes) where all samples are of one shape, as pairs of one table are
        both = (in_n[:, :, None] * in_d[:, None, :]).reshape(max(len(in_n), len(in_d)), -1)
        in_median = weights_median(quantiles[:, self.median])
        in_tied = weights_tied(np.broadcast_to(tied, count))
        rest = (in_tied[:, :, None] * in_median[:, None, :]).reshape(count, -1)
        at, shift = (_weighed(nodes, both, rest) for nodes in (self.probits, self.shifts))
        values = interpolate_probit(self.levels, quantiles, at)
        values = np.maximum(values + shift, 0.0)
        floor = (both @ self.floors.reshape(-1, 1)) * floor_share(self.levels)
        return np.asarray(np.maximum.accumulate(soft_floor(values, floor), axis=1))

    @property
    def median(self) -> int:
        """Index of the level nearest to 0.5."""
        return int(np.abs(self.levels - 0.5).argmin())


def _weighed(nodes: Array, both: Array, rest: Array) -> Array:
    """Nodes (T, n, d, M, Q) weighed by both (B, n * d) or (1, n * d), and by rest (B, T * M): (B, Q)."""
    ties, in_n, in_d, medians, levels = nodes.shape
    given = both @ nodes.transpose(1, 2, 0, 3, 4).reshape(in_n * in_d, -1)
    given = given.reshape(len(both), ties * medians, levels)
    return np.asarray(rest @ given[0] if len(both) == 1 else (rest[:, None] @ given)[:, 0])


def floor_share(levels: ArrayLike) -> Array:
    """How much of the floor a level gets: all up to 0.05, falling linearly to none at the median."""
    return np.clip((0.5 - np.asarray(levels, np.float64)) / 0.45, 0.0, 1.0)
