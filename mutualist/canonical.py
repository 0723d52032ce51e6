"""Ranks without ties, rows in an order of their own: the one form in which the network meets a sample.

Two callers who hold the same sample must get the same answer, whatever the order of its rows and columns, whichever
side is called X, and in whichever units. Where no two values of a column are equal, ranks see to that. Ties must be
broken at random (the distributional transform keeps mutual information; mid-ranks do not), and the randomness must then
be a function of the sample and not of its order. So rows and columns get keys, hashes that depend on content alone,
refined in turn until they tell apart whatever differs (as Weisfeiler and Leman, 1968, colour graphs). All of it is
integer arithmetic, hence exact. Shapes: n rows, d columns, X's and Y's side by side.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
ROUNDS = 2


def canonical_ranks(
    centred: Ints, tied: NDArray[np.bool_], side: NDArray[np.bool_], ordered: bool = True
) -> tuple[Ints, Ints]:
    """Ranks 0..n-1 of each column, none equal, and the columns that they are ranks of.

    Args:
        centred, tied: (n, d) and (d,), what `centred_mid_ranks` gives for the columns.
        side: (d,), true for columns of Y.
        ordered: whether rows must come in canonical order. Where they need not and nothing is tied, ranks are enough.

    Returns:
        ranks, and `centred` up to the sign of each column, (n, d) each, of the same rows.
    """
    n = len(centred)
    if not ordered and not tied.any():
        return shared_ranks(centred), centred
    centred = centred * _orientation(centred, side)
    keys = column_keys(centred, side)
    if not _oriented(centred):  # the sample and its mirror image are told apart by content, or are the same
        mirrored = column_keys(-centred, side)
        if np.sort(mirrored).tolist() < np.sort(keys).tolist():
            centred, keys = -centred, mirrored
    places = np.argsort(keys, kind="stable")  # columns with equal keys are images of one another: any order will do
    rows = np.zeros(n, np.uint64)
    for place, j in enumerate(places):
        rows += _mix(centred[:, j].view(np.uint64) + _scramble(place))
    centred = centred[np.argsort(rows, kind="stable")]  # rows with equal keys are equal
    ranks = shared_ranks(centred)
    seen: dict[int, int] = {}
    for j in places[tied[places]]:
        occurrence = seen[int(keys[j])] = seen.get(int(keys[j]), -1) + 1
        noise = np.random.default_rng([int(keys[j]), occurrence]).random(n)
        ranks[np.lexsort((noise, centred[:, j])), j] = np.arange(n)
    return ranks, centred


def centred_mid_ranks(values: NDArray[np.float64] | Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Twice the mid-rank minus (n - 1): an integer that reversing the column negates. And which columns have ties."""
    n, d = values.shape
    columns = np.ascontiguousarray(values.T)  # along the last axis everything is several times faster
    out, tied = np.empty((d, n), np.int64), np.zeros(d, bool)
    steps = 2 * np.arange(n) - (n - 1)
    for j, column in enumerate(columns):
        order = np.argsort(column)
        ordered = column[order]
        out[j, order] = steps
        new = ordered[1:] != ordered[:-1]
        if not new.all():
            starts = np.flatnonzero(np.concatenate([[True], new]))
            ends = np.concatenate([starts[1:], [n]]) - 1
            out[j, order] = np.repeat(starts + ends - (n - 1), ends - starts + 1)
            tied[j] = True
    return out.T, tied


def shared_ranks(centred: Ints) -> Ints:
    """Ranks 0..n-1 (n, d) of what `centred_mid_ranks` gives: rows of one value get the middle one of theirs."""
    return (centred + len(centred) - 1) // 2


def _small(centred: Ints) -> NDArray[np.float64]:
    """The same integers with so few bits that a sum of products of three over all rows and columns is exact."""
    n, d = centred.shape
    bits = int((53 - np.log2(n) - np.log2(d + 1)) / 3) - 1
    shift = max(0, int(n).bit_length() + 1 - bits)
    small: NDArray[np.float64] = (np.sign(centred) * (np.abs(centred) >> shift)).astype(np.float64)
    return small


def _third_moments(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """sum_k sum_i c_ij c_ik^2 over the other columns k, centred: (d,). Odd in column j, even in all others."""
    squares = small**2
    return np.asarray(small.T @ (squares.sum(1)) - (small * squares).sum(0))


def _orientation(centred: Ints, side: NDArray[np.bool_]) -> Ints:
    """A sign for each column, negated when the column is (as `models.basis.orientation`, in exact arithmetic).

    Columns whose third moments vanish take the sign of their correlation with those that have one; where no correlation
    says anything either, the column with the least key, blind to signs, goes first.
    """
    small = _small(centred)
    sign = np.sign(_third_moments(small)).astype(np.int64)
    if sign.all():
        return sign
    products, keys = small.T @ small, column_keys(np.abs(centred), side)
    while not sign.all():
        towards = np.where(sign == 0, np.sign(products @ sign), 0).astype(np.int64)
        if towards.any():
            sign += towards
        else:
            unknown = np.flatnonzero(sign == 0)
            sign[unknown[np.argmin(keys[unknown])]] = 1
    return sign


def _oriented(centred: Ints) -> bool:
    return bool((_third_moments(_small(centred)) != 0).any())


def column_keys(centred: Ints, side: NDArray[np.bool_]) -> Keys:
    """(d,) keys that depend on the sample, not on the order of its rows and columns, nor on which side is X."""
    cells = np.ascontiguousarray(centred.T).view(np.uint64)  # (d, n)
    keys: Keys = _mix(cells).sum(1, dtype=np.uint64)
    for _ in range(ROUNDS):
        hashed = _mix(cells + keys[:, None])
        of_x, of_y = hashed[~side].sum(0, dtype=np.uint64), hashed[side].sum(0, dtype=np.uint64)
        own = np.where(side[:, None], _mix(of_y + _mix(of_x)), _mix(of_x + _mix(of_y)))
        keys = _mix(hashed + own).sum(1, dtype=np.uint64)
    return keys


def _mix(values: Keys) -> Keys:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit reaches every output bit."""
    mixed = np.asarray(values + np.uint64(0x9E3779B97F4A7C15))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _scramble(place: int) -> np.uint64:
    return np.uint64((place + 1) * 0xD1342543DE82EF95 % 2**64)
