"""Fits a `Calibration` to records that the network was never trained on.

At each node of the grid over n, d and the network's median, the distribution of the probability integral transform is
the weighted one of the records near the node, pooled with so many pseudo-records from the node's parent: (n, d, median)
from (n, median), that from n, that from all records. A node without records of its own answers like its parent.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mutualist.models.calibration import Calibration, floor_share, weights_d, weights_median, weights_n
from mutualist.models.quantiles import crossing_probits, interpolate, probit
from mutualist.training.predict import Answers

Array = NDArray[np.float64]

_PARENT_RECORDS = 200.0  # weight of the parent's distribution, in records
_PARENT_INDEPENDENT = 50.0  # the same where only independent records count
_FINEST = 0.005  # nats; smaller mutual informations are not told from 0
_FALSE_ALARMS = 0.05  # share of independent records whose lower end may be above the floor
_LOW_LEVEL = 0.05
_GRID = np.linspace(-8, 8, 3201)  # of probits of levels


def transform(answers: Answers, rng: np.random.Generator) -> Array:
    """Probability integral transform of the truth, as a probit: (R,).

    A truth of (nearly) 0 is an atom: an interval whose lower end is 0 covers it, whatever the level. So its transform
    is drawn uniformly from the levels, up to the median, whose quantile counts as 0.
    """
    plain = crossing_probits(answers.levels, answers.quantiles, answers.truth)
    zero = np.minimum(crossing_probits(answers.levels, answers.quantiles, np.full(len(answers), _FINEST)), 0.0)
    atom = (answers.truth <= _FINEST) & (plain < 0)
    return np.where(atom, probit(ndtr(zero) * rng.random(len(answers))), plain)


def fit(answers: Answers, rng: np.random.Generator, keep_median: bool | None = None) -> Calibration:
    """The calibration that makes `answers` cover as they say.

    Args:
        answers: of records that the network was never trained on.
        rng: draws the transform at atoms, and the folds.
        keep_median: whether the median stays as the network gave it; if None, whichever is more accurate on held-out
            folds.
    """
    if keep_median is None:
        keep_median = _median_is_best_kept(answers, rng)
    levels = answers.levels
    positions = np.digitize(transform(answers, rng), _GRID)
    positions = np.minimum(positions, len(_GRID) - 1)
    probits = _node_maps(answers, positions, levels)
    if keep_median:
        middle = int(np.abs(levels - 0.5).argmin())
        probits[..., :middle] = np.minimum(probits[..., :middle], 0.0)
        probits[..., middle] = 0.0
        probits[..., middle + 1 :] = np.maximum(probits[..., middle + 1 :], 0.0)
    maps = Calibration(levels, probits, np.zeros(probits.shape[:2]))
    return Calibration(levels, probits, _floors(maps, answers))


def _node_maps(answers: Answers, positions: NDArray[np.int64], levels: Array) -> Array:
    """Probits (6, 6, 7, Q) to read at each node."""
    in_n, in_d = weights_n(answers.n), weights_d(answers.dx + answers.dy)
    in_median = weights_median(answers.quantiles[:, int(np.abs(levels - 0.5).argmin())])

    def pooled(weights: Array, parent: Array) -> tuple[Array, float]:
        counts = np.bincount(positions, weights=weights, minlength=len(_GRID)).cumsum()
        total = counts[-1] + _PARENT_RECORDS
        return (counts + _PARENT_RECORDS * parent) / total, total

    out = np.empty((in_n.shape[1], in_d.shape[1], in_median.shape[1], len(levels)))
    everywhere, _ = pooled(np.ones(len(answers)), ndtr(_GRID))
    for i in range(in_n.shape[1]):
        at_n, _ = pooled(in_n[:, i], everywhere)
        for k in range(in_median.shape[1]):
            weights = in_n[:, i] * in_median[:, k]
            at_median, _ = pooled(weights, at_n)
            for j in range(in_d.shape[1]):
                distribution, total = pooled(weights * in_d[:, j], at_median)
                out[i, j, k] = _invert(distribution, levels, total)
    return out


def _invert(distribution: Array, levels: Array, records: float) -> Array:
    """Probits at which a distribution over the grid reaches `levels`, taken outwards by one record (finite samples)."""
    outwards = np.clip(0.5 + (levels - 0.5) * (1 + 1 / records), 0.0, 1.0)
    at = np.searchsorted(distribution, outwards, side="left")
    return np.asarray(_GRID[np.clip(at, 0, len(_GRID) - 1)])


def _floors(maps: Calibration, answers: Answers) -> Array:
    """Floors (6, 6): what the lower end of independent records stays under in all but 5 % of cases."""
    independent = answers.where(answers.truth == 0)
    floors = np.full(maps.floors.shape, _FINEST)
    if len(independent) < _PARENT_INDEPENDENT:
        return floors
    calibrated = maps.apply(maps.levels, independent.quantiles, independent.n, independent.dx, independent.dy)
    low = interpolate(maps.levels, calibrated, _LOW_LEVEL)
    order = np.argsort(low)
    low = low[order]
    in_n, in_d = weights_n(independent.n)[order], weights_d(independent.dx + independent.dy)[order]

    def pooled(weights: Array, parent: Array) -> Array:
        counts = weights.cumsum() + _PARENT_INDEPENDENT * parent
        return np.asarray(counts / (weights.sum() + _PARENT_INDEPENDENT))

    everywhere = np.arange(1, len(low) + 1) / len(low)
    for i in range(in_n.shape[1]):
        at_n = pooled(in_n[:, i], everywhere)
        for j in range(in_d.shape[1]):
            at = np.searchsorted(pooled(in_n[:, i] * in_d[:, j], at_n), 1 - _FALSE_ALARMS)
            floors[i, j] = max(_FINEST, low[min(at, len(low) - 1)] / floor_share(_LOW_LEVEL))
    return floors


def _median_is_best_kept(answers: Answers, rng: np.random.Generator) -> bool:
    """Whether recalibrating the median makes it less accurate, as measured on halves that it was not fitted to."""
    half = rng.random(len(answers)) < 0.5
    loss = {True: 0.0, False: 0.0}
    for fitted in (half, ~half):
        held_out = answers.where(~fitted)
        for keep in loss:
            maps = fit(answers.where(fitted), np.random.default_rng(0), keep_median=keep)
            values = maps.apply(answers.levels, held_out.quantiles, held_out.n, held_out.dx, held_out.dy)
            error = np.abs(interpolate(answers.levels, values, 0.5) - held_out.truth)
            loss[keep] += float((error / (1 + held_out.truth / 4)).sum())  # weighted as in training
    return loss[True] <= loss[False]
