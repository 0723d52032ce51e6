"""Columns that another of their side determines: a total in two units, a code beside a name, a class of age.

If B = f(A) for columns A and B of X, then I(A, B, ..; Y) = I(A, ..; Y) exactly. The estimator leaves such columns out
rather than learn to count them once. What is seen is the sample: B counts as a function of A where it is one in all
rows, unless independent columns could have come out so by chance. Shapes: n rows, d columns, X's and Y's side by side.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from mutualist.canonical import Ints, column_keys

LOOK = 48  # rows that tell nearly all pairs of columns apart
UNLIKELY = 14.0  # minus the logarithm of what counts as chance: one in a million


def informative(centred: Ints, side: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(d,) which columns are not constant, and the first of a side on which all are.

    A constant is a function of anything, so it adds nothing exactly; its ties, broken at random, would look like noise.

    Args:
        centred: (n, d), what `centred_mid_ranks` gives for the columns: 0 throughout in a constant one.
        side: (d,), true for columns of Y.
    """
    kept = np.asarray(centred.any(axis=0))
    for own in (np.flatnonzero(~side), np.flatnonzero(side)):
        if not kept[own].any():
            kept[own[0]] = True
    return kept


def repeated(centred: Ints, tied: NDArray[np.bool_], side: NDArray[np.bool_]) -> dict[int, int]:
    """Columns that are functions of another of their side, each with one that it is a function of and that stays.

    Of columns that determine each other one stays, which one depends on content alone and not on their order.

    Args:
        centred, tied: (n, d) and (d,), what `centred_mid_ranks` gives for the columns.
        side: (d,), true for columns of Y.
    """
    found: dict[int, int] = {}
    keys: NDArray[np.uint64] | None = None
    for own in (np.flatnonzero(~side), np.flatnonzero(side)):
        candidates = _candidates(centred[:LOOK, own], tied[own])
        if not candidates.any():
            continue
        keys = column_keys(np.abs(centred), side) if keys is None else keys
        values = {j: len(np.unique(centred[:, j])) for j in own.tolist()}
        kept: list[int] = []
        for j in sorted(own.tolist(), key=lambda j: (-values[j], keys[j])):
            place = int(np.searchsorted(own, j))
            sources = (i for i in kept if candidates[np.searchsorted(own, i), place])
            source = next((i for i in sources if _is_function(centred[:, i], centred[:, j], values[i])), None)
            if source is None:
                kept.append(j)
            else:
                found[j] = source
    return found


def _candidates(centred: Ints, tied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(d, d) whether in these few rows the second column may be a function of the first, other than itself."""
    d = centred.shape[1]
    order = np.argsort(centred, axis=0, kind="stable")
    steps = np.diff(centred[order], axis=0)  # (m - 1, d, d): of the second column along the first
    same = np.diff(np.take_along_axis(centred, order, 0), axis=0) == 0
    broken = (same[:, :, None] & (steps != 0)).any(0)
    monotone = (steps >= 0).all(0) | (steps <= 0).all(0)
    return np.asarray(~broken & (monotone | (tied[:, None] & tied)) & ~np.eye(d, dtype=bool))


def _is_function(a: Ints, b: Ints, values: int) -> bool:
    """Whether b (n,) is a function of a, which takes so many values, and hardly by chance.

    Of all orders of the values of b, of which there are n! / (n1! n2! ..), two are monotone in a where it has no ties,
    and no more than k ^ values are functions of a at all, for k values of b.
    """
    order = np.argsort(a, kind="stable")
    steps = np.diff(b[order])
    if steps[np.diff(a[order]) == 0].any():
        return False
    counts = np.unique(b, return_counts=True)[1]
    orders = float(gammaln(len(b) + 1) - gammaln(counts + 1).sum())
    monotone = bool((steps >= 0).all() or (steps <= 0).all())
    functions = float(np.log(2) if monotone else values * np.log(len(counts)))
    return orders - functions > UNLIKELY
