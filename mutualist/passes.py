"""Samples through the network, as many in one pass as fit: what `answers.Answerer` calibrates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mutualist.canonical import Ints
from mutualist.models import scores_from_ranks
from mutualist.models.atoms import Atoms, find_atoms
from mutualist.models.bundle import Bundle
from mutualist.models.column_statistics import column_statistics
from mutualist.models.describe import describe
from mutualist.models.gaps import FEWEST, gap_information
from mutualist.models.pairwise import describe_pairs
from mutualist.models.strongest import strongest_pair
from mutualist.ranked import Ranked

Array = NDArray[np.float64]

BATCH_VALUES = 1 << 20  # n * d of the samples in one pass
BATCH_PAIRS = 1 << 15  # d * d of the samples in one pass
LIKE = 0.7  # fewest over most rows in one pass: long padding costs time, and the last digits of short samples
BLOCK_VALUES = 1 << 24  # n * d of the columns whose pairs share one look at the rows
BLOCK_COLUMNS = 256
PAIRS_AT_ONCE = 1 << 9  # such pairs in one pass
NOT_ASKED = 0.0, np.inf  # what gaps say where they are not looked at


@dataclass(frozen=True)
class Raw:
    """What the network says of B samples.

    Attributes:
        quantiles: (B, Q) nats, before calibration.
        trust: (B, 2) what `Trust.judge` says.
        tied: (B,) share of rows in atoms, by which calibration goes (`Atoms.tied`).
        pair: (B, 2) numbers of the columns of X and Y that share most, the lower first (`strongest_pair`).
        shared: (B,) about how much, in nats; 0 where X and Y have one column each and were not asked.
        rivals: (B,) how many pairs share at least half as much.
        gaps: (B, 2) what `gap_information` says, nats; with an infinite error where there is no pair of very many rows.
    """

    quantiles: Array
    trust: Array
    tied: Array
    pair: Ints
    shared: Array
    rivals: Array
    gaps: Array

    @classmethod
    def room(cls, bundle: Bundle, count: int) -> "Raw":
        """For the answers of so many samples."""
        return cls(
            np.empty((count, len(bundle.net.config.levels))),
            np.empty((count, 2)),
            np.empty(count),
            np.tile([0, 1], (count, 1)),
            np.zeros(count),
            np.ones(count),
            np.tile(NOT_ASKED, (count, 1)),
        )

    def __getitem__(self, at: Any) -> "Raw":
        return Raw(**{name: values[at] for name, values in vars(self).items()})

    def __setitem__(self, at: Any, found: "Raw") -> None:
        for name, values in vars(found).items():
            getattr(self, name)[at] = values


def answer_samples(bundle: Bundle, samples: Sequence[Ranked]) -> Raw:
    """What the network says of samples of any shapes."""
    raw = Raw.room(bundle, len(samples))
    for group in _groups([s.ranks.shape for s in samples]):
        first = samples[group[0]]
        if len(group) == 1 and first.ranks.shape[1] == 2:
            shared = first.shared if first.tied.any() else None
            raw[group] = answer_pairs(bundle, first.ranks, np.array([[0, 1]]), shared)
        else:
            raw[group] = _padded(bundle, [samples[i] for i in group])
    return raw


def answer_pairs(bundle: Bundle, ranks: Ints, pairs: Ints, shared: Ints | None = None) -> Raw:
    """The same for single columns as X and Y: pairs (P, 2) of the columns of ranks (n, d).

    None of the columns has ties, or `shared` (n, 2), as of `Ranked`, is given for the one pair there is.
    """
    config = bundle.net.config
    raw = Raw.room(bundle, len(pairs))
    with torch.inference_mode():
        atoms = None if shared is None else _atoms_of_pair(ranks, shared)
        for members, columns, inside in _blocks(pairs, len(ranks)):
            scores = scores_from_ranks(torch.from_numpy(ranks[None, :, columns]))[0]
            statistics = column_statistics(scores, config)
            for start in range(0, len(members), PAIRS_AT_ONCE):
                part = slice(start, start + PAIRS_AT_ONCE)
                first, second = torch.from_numpy(inside[part]).unbind(1)
                described = describe_pairs(statistics, first, second, config, atoms)
                if len(first) == 1:
                    answer, summaries = bundle.single.read(described)
                else:
                    answer, summaries = (found.numpy() for found in bundle.net.read(described))
                at = members[part]
                raw.quantiles[at], raw.trust[at] = answer, bundle.trust.judge(summaries)
                raw.tied[at] = described.atoms.tied.numpy()
    if len(ranks) > FEWEST:
        for i, pair in enumerate(pairs):
            raw.gaps[i] = gap_information(ranks[:, pair])
    return raw


def _padded(bundle: Bundle, samples: Sequence[Ranked]) -> Raw:
    """The same for samples that are padded to one shape."""
    rows, columns = (max(s.ranks.shape[axis] for s in samples) for axis in (0, 1))
    ranks = np.zeros((len(samples), rows, columns), np.int64)
    shared = np.zeros_like(ranks)
    side = np.zeros((len(samples), columns), bool)
    row_mask = np.zeros((len(samples), rows), bool)
    column_mask = np.zeros((len(samples), columns), bool)
    for i, sample in enumerate(samples):
        n, d = sample.ranks.shape
        ranks[i, :n, :d], shared[i, :n, :d] = sample.ranks, sample.shared
        side[i, :d], row_mask[i, :n], column_mask[i, :d] = sample.side, True, True
    placed, sides, exists, exist = (torch.from_numpy(each) for each in (ranks, side, row_mask, column_mask))
    with torch.inference_mode():
        scores = scores_from_ranks(placed, exists)
        any_tied = any(sample.tied.any() for sample in samples)
        atoms = find_atoms(placed, torch.from_numpy(shared), sides, exists, exist) if any_tied else None
        described = describe(scores, sides, exists, exist, bundle.net.config, atoms=atoms)
        answer, summaries = bundle.net.read(described)
        strongest = strongest_pair(described)
    found = answer.double(), summaries, described.atoms.tied, *strongest
    quantiles, summed, tied, pair, most, rivals = (each.numpy() for each in found)
    gaps = [gap_information(s.ranks) if columns == 2 and len(s.ranks) > FEWEST else NOT_ASKED for s in samples]
    return Raw(quantiles, bundle.trust.judge(summed), tied, pair, most, rivals, np.array(gaps))


def _atoms_of_pair(ranks: Ints, shared: Ints) -> Atoms:
    pair = [torch.from_numpy(columns)[None] for columns in (ranks, shared)]
    rows = torch.ones(1, len(ranks), dtype=torch.bool)
    return find_atoms(pair[0], pair[1], torch.tensor([[False, True]]), rows, torch.ones(1, 2, dtype=torch.bool))


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
