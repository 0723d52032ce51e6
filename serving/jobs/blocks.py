"""The pairs of a table in blocks: small enough to show progress, to stop between, and to do again after a crash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutualist.factory import Estimator
from mutualist.result import PairwiseEstimates

BLOCK_WORK = 100_000  # rows times pairs: about a tenth of a second
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """Estimates of the pairs `start` to `stop` in the order of `itertools.combinations`.

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


def spans(rows: int, total: int) -> list[tuple[int, int]]:
    """(start, stop) of all blocks of a table with so many rows and pairs."""
    step = max(1, BLOCK_WORK // rows)
    return [(start, min(start + step, total)) for start in range(0, total, step)]


def estimate_block(estimator: Estimator, values: Array, start: int, stop: int) -> Block:
    """Estimates the pairs `start` to `stop` of the columns of `values` (n, d)."""
    pairs = islice(combinations(range(values.shape[1]), 2), start, stop)
    found = estimator.estimate_batch([(values[:, i], values[:, j]) for i, j in pairs])
    warnings = {i: list(one.warnings) for i, one in enumerate(found) if one.warnings}
    return Block(start, stop, found[0].model, found[0].levels, np.array([one.values for one in found]), warnings)


def joined(names: Sequence[str], rows: int, blocks: Sequence[Block]) -> PairwiseEstimates:
    """The result of a table out of all its blocks, in order."""
    pairs = list(combinations(range(len(names)), 2))
    warnings = {pairs[block.start + i]: tuple(texts) for block in blocks for i, texts in block.warnings.items()}
    values = np.concatenate([block.values for block in blocks])
    return PairwiseEstimates(tuple(names), blocks[0].levels, values, rows, warnings, blocks[0].model)
