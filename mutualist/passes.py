"""Samples through the network, as many in one pass as fit: what `MutualInfoEstimator` calibrates and hands out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mutualist.canonical import Ints
from mutualist.models import scores_from_ranks
from mutualist.models.bundle import Bundle
from mutualist.models.column_statistics import column_statistics
from mutualist.models.describe import describe
from mutualist.models.pairwise import describe_pairs

Array = NDArray[np.float64]

BATCH_VALUES = 1 << 20  # n * d of the samples in one pass
BATCH_PAIRS = 1 << 15  # d * d of the samples in one pass
LIKE = 0.7  # fewest over most rows in one pass: long padding costs time, and the last digits of short samples
BLOCK_VALUES = 1 << 24  # n * d of the columns whose pairs share one look at the rows
BLOCK_COLUMNS = 256
PAIRS_AT_ONCE = 1 << 9  # such pairs in one pass


@dataclass(frozen=True)
class Ranked:
    """A sample ready for the network: ranks (n, d) without ties, and side (d,)."""

    ranks: Ints
    side: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, dx, dy."""
        dy = int(self.side.sum())
        return len(self.ranks), len(self.side) - dy, dy


def answer_samples(bundle: Bundle, samples: Sequence[Ranked]) -> tuple[Array, Array]:
    """Quantiles (B, Q) in nats before calibration, and what `Trust.judge` says (B, 2), of samples of any shapes."""
    quantiles, trust = _room(bundle, len(samples))
    for group in _groups([s.ranks.shape for s in samples]):
        if len(group) == 1 and samples[group[0]].ranks.shape[1] == 2:
            found = answer_pairs(bundle, samples[group[0]].ranks, np.array([[0, 1]]))
        else:
            found = _padded(bundle, [samples[i] for i in group])
        quantiles[group], trust[group] = found
    return quantiles, trust


def answer_pairs(bundle: Bundle, ranks: Ints, pairs: Ints) -> tuple[Array, Array]:
    """The same for single columns as X and Y: pairs (P, 2) of the columns of ranks (n, d), none of which is tied."""
    config = bundle.net.config
    quantiles, trust = _room(bundle, len(pairs))
    with torch.inference_mode():
        for members, columns, inside in _blocks(pairs, len(ranks)):
            scores = scores_from_ranks(torch.from_numpy(ranks[None, :, columns]))[0]
            shared = column_statistics(scores, config)
            for start in range(0, len(members), PAIRS_AT_ONCE):
                part = slice(start, start + PAIRS_AT_ONCE)
                first, second = torch.from_numpy(inside[part]).unbind(1)
                described = describe_pairs(shared, first, second, config)
                if len(first) == 1:
                    answer, summaries = bundle.single.read(described)
                else:
                    answer, summaries = (found.numpy() for found in bundle.net.read(described))
                quantiles[members[part]] = answer
                trust[members[part]] = bundle.trust.judge(summaries)
    return quantiles, trust


def _padded(bundle: Bundle, samples: Sequence[Ranked]) -> tuple[Array, Array]:
    """The same for samples that are padded to one shape."""
    rows, columns = (max(s.ranks.shape[axis] for s in samples) for axis in (0, 1))
    ranks = np.zeros((len(samples), rows, columns), np.int64)
    side = np.zeros((len(samples), columns), bool)
    row_mask = np.zeros((len(samples), rows), bool)
    column_mask = np.zeros((len(samples), columns), bool)
    for i, sample in enumerate(samples):
        n, d = sample.ranks.shape
        ranks[i, :n, :d], side[i, :d], row_mask[i, :n], column_mask[i, :d] = sample.ranks, sample.side, True, True
    exists = torch.from_numpy(row_mask)
    with torch.inference_mode():
        scores = scores_from_ranks(torch.from_numpy(ranks), exists)
        described = describe(scores, torch.from_numpy(side), exists, torch.from_numpy(column_mask), bundle.net.config)
        answer, summaries = bundle.net.read(described)
    return answer.double().numpy(), bundle.trust.judge(summaries.numpy())


def _room(bundle: Bundle, count: int) -> tuple[Array, Array]:
    return np.empty((count, len(bundle.net.config.levels))), np.empty((count, 2))


def _blocks(pairs: NDArray[np.int64], n: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Pairs in blocks that share columns: numbers of the pairs, the columns, and the pairs as positions among these."""
    if len(pairs) < 2:
        yield from ((np.array([0]), pairs[0], np.array([[0, 1]])) for _ in pairs)
        return
    half = int(np.clip(BLOCK_VALUES // n, 2, BLOCK_COLUMNS)) // 2
    block = pairs // half
    keys = block.min(1) * (block.max() + 1) + block.max(1)
    for key in np.unique(keys):
        members = np.flatnonzero(keys == key)
        columns, inside = np.unique(pairs[members], return_inverse=True)
        yield members, columns, inside.reshape(-1, 2)


def _groups(shapes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Indices of samples of like size, so that little is padded and a pass fits in memory."""
    groups: list[list[int]] = []
    fewest = columns = 0  # of the last group
    for i in sorted(range(len(shapes)), key=lambda i: (shapes[i][1], shapes[i][0])):
        n, d = shapes[i]
        if groups and d == columns and fewest >= LIKE * n:
            count = len(groups[-1]) + 1
            if count * n * d <= BATCH_VALUES and count * d**2 <= BATCH_PAIRS:
                groups[-1].append(i)
                continue
        groups.append([i])
        fewest, columns = n, d
    return groups
