"""The pairs of a table in blocks: small enough to show progress, to stop between, and to do again after a crash.

A block is a tile of the matrix of all pairs: some columns against some others, so that what its pairs share is computed
once for all of them. Blocks are numbered through: each begins at the place where the one before ends.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutualist.factory import Estimator
from mutualist.result import PairwiseEstimates

TILE_WORK = 500_000  # rows times pairs: about a tenth of a second, or half of one where columns are tied
Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tile:
    """Pairs to be estimated together.

    Attributes:
        start, stop: their places among the pairs of all tiles.
        pairs: numbers of columns, the smaller first, (stop - start, 2).
    """

    start: int
    pairs: Ints

    @property
    def stop(self) -> int:
        """After the last."""
        return self.start + len(self.pairs)


@dataclass(frozen=True)
class Block:
    """Estimates of the pairs of a tile.

    Attributes:
        start, stop: places of the pairs.
        model: name and version of the weights.
        levels: (Q,).
        values: (stop - start, Q) nats.
        warnings: of pairs that have any, by their place in the block.
    """

    start: int
    stop: int
    model: Mapping[str, Any]
    levels: Array
    values: Array
    warnings: Mapping[int, Sequence[str]]


def tiles(rows: int, columns: int) -> Iterator[Tile]:
    """All tiles of a table of this size, in order."""
    side = max(1, math.isqrt(TILE_WORK // rows))
    groups = np.array_split(np.arange(columns), -(-columns // side))
    place = 0
    for a, first in enumerate(groups):
        for second in groups[a:]:
            pairs = np.stack(np.meshgrid(first, second, indexing="ij"), -1).reshape(-1, 2)
            tile = Tile(place, pairs[pairs[:, 0] < pairs[:, 1]])
            if len(tile.pairs):
                yield tile
                place = tile.stop


def estimate_block(estimator: Estimator, values: Array, tile: Tile) -> Block:
    """Estimates the pairs of a tile of the columns of `values` (n, d)."""
    columns, inside = np.unique(tile.pairs, return_inverse=True)
    found = estimator.estimate_pairs(values[:, columns], inside.reshape(-1, 2))
    warnings = {i: list(one.warnings) for i, one in enumerate(found) if one.warnings}
    cells = np.array([one.values for one in found])
    return Block(tile.start, tile.stop, found[0].model, found[0].levels, cells, warnings)


def joined(names: Sequence[str], rows: int, blocks: Sequence[Block]) -> PairwiseEstimates:
    """The result of a table out of all its blocks, in order."""
    d = len(names)
    pairs = np.concatenate([tile.pairs for tile in tiles(rows, d)])
    values = np.concatenate([block.values for block in blocks])
    in_order = np.lexsort((pairs[:, 1], pairs[:, 0]))  # as `itertools.combinations` has them
    by_place = {block.start + i: tuple(texts) for block in blocks for i, texts in block.warnings.items()}
    warnings = {tuple(pairs[place].tolist()): by_place[place] for place in in_order.tolist() if place in by_place}
    return PairwiseEstimates(tuple(names), blocks[0].levels, values[in_order], rows, warnings, blocks[0].model)
