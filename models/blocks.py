"""Columns that fall into independent blocks: what these tell adds up, which needs no learning.

If (X1, Y1) and (X2, Y2) are independent of one another, then I(X1, X2; Y1, Y2) = I(X1; Y1) + I(X2; Y2) exactly, and
each term is easier to tell than all at once. What is seen is the sample: columns are linked where their ranks depend on
one another beyond chance, and blocks are what links hold together. Links too weak to be seen, and dependence that no
two columns show, make the sum too low. So it is averaged with the answer for all columns.
Shapes: n rows, d columns, X's and Y's side by side.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import chdtri, expit, ndtri

from mutualist.models.quantiles import interpolate, width90

Array = NDArray[np.float64]

VALUES = 1 << 22  # n * d of the rows that are looked at
COSINES = 4
CHANCE = 0.01  # that any two columns of a sample are linked where none depend
# How much a sum counts, fitted to 3,945 records of the prior that the network never saw (docs/experiments.md, 26).
ROWS, WIDTH, BELOW, LACK, CONSTANT = 0.77, 2.78, 1.17, 10.8, 0.82
MOST_BELOW = 5.0
LITTLE = 0.05  # nats: what a sum lacks is compared with no less


def find_blocks(ranks: NDArray[np.integer], side: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Numbers of the columns of each block, and last those of the rest; none where nothing falls apart.

    A block has columns of both sides, linked. The rest, which may depend in ways that no two columns show, comes with
    them if it has columns of both sides; else it tells nothing. Two columns are linked by the correlation of their
    normal scores, or by n times the sum of the squared coefficients of their copula's cosine expansion to order 4:
    chi-squared with 1 and with 16 degrees of freedom where they are independent (a smooth test, Neyman 1937). Sums of
    these over the columns of a block and of the rest show what is too weak in each, as where a target is a score of
    many columns: such a block stays with the rest.

    Args:
        ranks: (n, d), 0..n-1 in each column, none equal; of so many rows that not all are looked at, the first are.
        side: (d,), true for columns of Y.
    """
    d = len(side)
    linear, smooth = _dependence(ranks)
    linked = _beyond_chance(linear, smooth, 1, d * (d - 1) / 2)
    number, label = connected_components(linked, directed=False)
    blocks = [label == i for i in range(number) if len(np.unique(side[label == i])) == 2]
    rest = ~np.any(blocks, axis=0) if blocks else np.ones(d, bool)
    parted = [np.outer(block, rest) & (side[:, None] != side) for block in blocks]
    apart = [
        block
        for block, pairs in zip(blocks, parted, strict=True)
        if not _beyond_chance(linear[pairs].sum(), smooth[pairs].sum(), pairs.sum(), len(blocks))
    ]
    if not apart or apart[0].all():
        return []
    rest = ~np.any(apart, axis=0)
    groups = [*apart, rest] if len(np.unique(side[rest])) == 2 else apart
    return [np.flatnonzero(group) for group in groups]


def _beyond_chance(linear: ArrayLike, smooth: ArrayLike, pairs: int, looks: float) -> NDArray[np.bool_]:
    """Whether sums of both statistics over so many pairs say that these depend, at one of so many looks."""
    chance = CHANCE / (2 * looks)
    return np.asarray((linear > chdtri(pairs, chance)) | (smooth > chdtri(COSINES**2 * pairs, chance)))


def _dependence(ranks: NDArray[np.integer]) -> tuple[Array, Array]:
    """Of each two columns, n times the squared correlation of normal scores, and the smooth statistic: (d, d)."""
    n, d = ranks.shape
    places = (np.arange(n) + 0.5) / n
    scores = ndtri(places)
    table = [scores / np.sqrt(np.square(scores).mean())]
    table += [np.sqrt(2) * np.cos(np.pi * k * places) for k in range(1, COSINES + 1)]
    looked = ranks[: VALUES // d]
    linear, *waves = (each.astype(np.float32)[looked] for each in table)
    smooth = sum(np.square(one.T @ other) for one in waves for other in waves)
    return np.square(linear.T @ linear) / len(looked), np.asarray(smooth) / len(looked)


def sum_of_blocks(levels: ArrayLike, quantiles: Array) -> Array:
    """Quantiles (Q,) in nats of a sum of independent terms, from those of each (G, Q).

    Medians add up, and so do the squares of the distances from them, which is exact for normal laws.
    """
    middle = interpolate(levels, quantiles, 0.5)
    spread = np.sqrt(np.square(quantiles - middle[:, None]).sum(0))
    return np.asarray(middle.sum() + np.sign(np.asarray(levels) - 0.5) * spread)


def share_of_sum(levels: ArrayLike, whole: Array, summed: Array, n: int, d: int) -> float:
    """How much the sum of blocks counts beside the answer for all columns: from 0 to 1.

    It counts more where rows are many for so many pairs of columns, as then links are seen; where it is narrower; and
    less, the further below the other answer it is, in its own width and as a share of that answer, for then there may
    be more than links show.

    Args:
        levels: (Q,).
        whole, summed: (Q,) nats.
    """
    both = np.stack([whole, summed])
    middle, widths = interpolate(levels, both, 0.5), np.maximum(width90(levels, both), 1e-3)
    lack = max(middle[0] - middle[1], 0.0)
    doubt = BELOW * min(lack / widths[1], MOST_BELOW) + LACK * lack / max(middle[0], LITTLE)
    return float(expit(ROWS * np.log(n / d**2) - WIDTH * np.log(widths[1] / widths[0]) - doubt + CONSTANT))
