"""Fits a `Calibration` to records that the network was never trained on.

At each node of the grid over ties, n, d and the network's median, the distribution of the probability integral
transform is the weighted one of the records near the node, pooled with so many pseudo-records from the node's parent:
(ties, n, d, median) from (ties, n, median), that from (ties, n), that from ties, that from all records. A node without
records of its own answers like its parent.

Families count by the square root of their number of records: intervals must hold in each of them, whatever its share of
a meta-dataset.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mutualist.models.calibration import (
    REACH,
    Calibration,
    floor_share,
    weights_d,
    weights_median,
    weights_n,
    weights_tied,
)
from mutualist.models.quantiles import crossing_probits, interpolate, probit
from mutualist.training.predict import Answers, joined

Array = NDArray[np.float64]

_PARENT_RECORDS = 50.0  # weight of the parent's distribution, in records
_PARENT_INDEPENDENT = 50.0  # the same where only independent records count
_FINEST = 0.005  # nats; smaller mutual informations are not told from 0
_FALSE_ALARMS = 0.05  # share of independent records whose lower end may be above the floor
_LOW_LEVEL = 0.05
_GRID = np.linspace(-REACH, REACH, 1401)  # of probits of levels
_SHIFTS = np.sinh(np.linspace(-8, 8, 1601)) / 30  # nats, up to 50 and finer near 0


def transform(answers: Answers, rng: np.random.Generator) -> Array:
    """Probability integral transform of the truth, as a probit: (R,).

    A truth of (nearly) 0 is an atom: an interval whose lower end is 0 covers it, whatever the level. So its transform
    is drawn uniformly from the levels, up to the median, whose quantile counts as 0.
    """
    plain = crossing_probits(answers.levels, answers.quantiles, answers.truth)
    zero = np.minimum(crossing_probits(answers.levels, answers.quantiles, np.full(len(answers), _FINEST)), 0.0)
    atom = (answers.truth <= _FINEST) & (plain < 0)
    return np.where(atom, probit(ndtr(zero) * rng.random(len(answers))), plain)


def fit(answers: Answers, rng: np.random.Generator, shuffled: Answers | None = None) -> Calibration:
    """The calibration that makes `answers` cover as they say. The median stays as the network gave it.

    Args:
        answers: of records that the network was never trained on.
        rng: draws the transform at atoms.
        shuffled: of such records with the rows of Y in another order. A meta-dataset may hold few independent records
            of a size, and margins of some kinds among them only; these are of all.
    """
    levels, middle = answers.levels, answers.median
    z = transform(answers, rng)
    probits = _at_nodes(answers, np.repeat(z[:, None], len(levels), 1), _GRID, ndtr(_GRID))
    probits[..., :middle] = np.minimum(probits[..., :middle], 0.0)
    probits[..., middle] = 0.0
    probits[..., middle + 1 :] = np.maximum(probits[..., middle + 1 :], 0.0)
    shifts, floors = np.zeros_like(probits), np.zeros(probits.shape[1:3])
    beyond = np.abs(probits) >= REACH - 1e-9
    if beyond.any():
        maps = Calibration(levels, probits, shifts, floors)
        values = maps.apply(answers.quantiles, answers.n, answers.dx, answers.dy, answers.tied)
        missing = answers.truth[:, None] - values
        shifts = np.where(beyond, _at_nodes(answers, missing, _SHIFTS, (_SHIFTS >= 0).astype(float)), 0.0)
    independent = answers.where(answers.truth == 0)
    independent = independent if shuffled is None else joined([independent, shuffled])
    return Calibration(levels, probits, shifts, _floors(Calibration(levels, probits, shifts, floors), independent))


def _at_nodes(answers: Answers, samples: Array, grid: Array, prior: Array) -> Array:
    """Quantiles (2, 7, 6, 7, Q) of column q of `samples` (R, Q) at level q, near each node.

    Args:
        grid: (G,) the values that a quantile may take.
        prior: (G,) the distribution function that all records are pooled with.
    """
    in_n, in_d = weights_n(answers.n), weights_d(answers.dx + answers.dy)
    in_median, in_tied = weights_median(answers.quantiles[:, answers.median]), weights_tied(answers.tied)
    shape = in_tied.shape[1], in_n.shape[1], in_d.shape[1], in_median.shape[1]
    weights = np.einsum("rt,ri,rj,rk->rtijk", in_tied, in_n, in_d, in_median).reshape(len(answers), -1)
    record, node = np.nonzero(weights)  # at most sixteen nodes a record
    weight = weights[record, node] * _family_weights(answers)[record]
    positions = np.minimum(np.searchsorted(grid, samples), len(grid) - 1)
    out = np.empty((*shape, len(answers.levels)))
    for q in range(len(answers.levels)):
        if q == 0 or (samples[:, q] != samples[:, q - 1]).any():
            cells = node * len(grid) + positions[record, q]
            counts = np.bincount(cells, weight, weights.shape[1] * len(grid)).reshape(*shape, -1).cumsum(-1)
            distribution = _pooled(counts, prior)
        out[..., q] = _invert(distribution, grid, answers.levels[q], len(answers))
    return out


def _family_weights(answers: Answers) -> Array:
    """Weights of records (R,), on average 1; of independent ones, which are no family, exactly so."""
    dependent = answers.truth > 0
    _, family, count = np.unique(answers.family[dependent], return_inverse=True, return_counts=True)
    weights = np.ones(len(answers))
    weights[dependent] = count[family] ** -0.5
    weights[dependent] /= weights[dependent].mean() if dependent.any() else 1.0
    return weights


def _pooled(counts: Array, prior: Array) -> Array:
    """Distribution functions (2, 7, 6, 7, G) of cumulative weights, each pooled with its parent's."""
    parent = prior
    for axes in (
        (0, 1, 2, 3),
        (1, 2, 3),
        (2, 3),
        (2,),
        (),
    ):  # what is summed over: all records; those with ties or without; of one n; of one n and median; the node
        total = counts.sum(axes, keepdims=True) if axes else counts
        parent = (total + _PARENT_RECORDS * parent) / (total[..., -1:] + _PARENT_RECORDS)
    return parent


def _invert(distribution: Array, grid: Array, level: float, records: int) -> Array:
    """Points at which distributions (..., G) reach a level, taken outwards by one record (finite samples)."""
    outwards = min(max(0.5 + (level - 0.5) * (1 + 1 / records), 0.0), 1.0)
    return np.asarray(grid[np.minimum((distribution < outwards).sum(-1), len(grid) - 1)])


def _floors(maps: Calibration, independent: Answers) -> Array:
    """Floors (7, 6): what the lower end of independent records stays under in all but 5 % of cases."""
    floors = np.full(maps.floors.shape, _FINEST)
    if len(independent) < _PARENT_INDEPENDENT:
        return floors
    sizes = independent.n, independent.dx, independent.dy
    calibrated = maps.apply(independent.quantiles, *sizes, independent.tied)
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
            floors[i, j] = max(_FINEST, low[np.minimum(at, len(low) - 1)] / floor_share(_LOW_LEVEL))
    return floors
