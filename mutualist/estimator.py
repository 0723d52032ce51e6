"""The estimator: data in, calibrated quantiles of mutual information out. Every door leads here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mutualist.canonical import canonical_ranks
from mutualist.inputs import NanPolicy, Sample, as_complete_table, as_sample, as_samples, input_warnings
from mutualist.models import scores_from_ranks
from mutualist.models.bundle import Bundle, load_bundle
from mutualist.result import MIEstimate, PairwiseEstimates

BUNDLED = Path(__file__).parent / "weights"
BATCH_VALUES = 1 << 20  # n * d of the samples in one forward pass
BATCH_PAIRS = 1 << 15  # d * d of the samples in one forward pass


@dataclass(frozen=True)
class _Ranked:
    """A sample ready for the network: ranks (n, d), side (d,), and what to say about it."""

    ranks: NDArray[np.int64]
    side: NDArray[np.bool_]
    warnings: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, dx, dy."""
        dy = int(self.side.sum())
        return len(self.ranks), len(self.side) - dy, dy


class MutualInfoEstimator:
    """Estimates mutual information with intervals, from weights learned on distributions whose MI is known.

    The answer does not depend on the order of rows, on the order of columns within X and within Y, on which side is
    called X, on units, nor on any strictly monotone map of a column. Ties are broken at random from a seed that the
    sample itself gives, so the same sample gets the same answer.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._model = {"name": bundle.info["name"], "version": bundle.info["version"]}

    @classmethod
    def from_pretrained(cls, path: str | Path | None = None) -> "MutualInfoEstimator":
        """An estimator with the weights that ship with the package, or with those exported to the folder `path`.

        No network is used, and no pickle is read.

        Raises:
            WeightsError: the weights are missing, damaged or of a version that this release cannot read.
        """
        return cls(load_bundle(BUNDLED if path is None else Path(path)))

    @property
    def info(self) -> Mapping[str, Any]:
        """What the weights say of themselves: name, version, ranges of the training data, metrics."""
        return self._bundle.info

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the quantiles in every answer; between them, an answer interpolates."""
        return tuple(self._bundle.net.config.levels)

    @property
    def bundle(self) -> Bundle:
        """The network and its calibration."""
        return self._bundle

    def estimate(self, x: ArrayLike, y: ArrayLike, *, nan_policy: NanPolicy = "raise") -> MIEstimate:
        """Estimates I(X; Y) in nats from n paired rows.

        Args:
            x: real numbers, shape (n,) or (n, dx).
            y: real numbers, shape (n,) or (n, dy).
            nan_policy: "raise", or "omit" to leave out rows with missing or infinite values.

        Returns:
            Calibrated quantiles; `.mi` is the median, `.interval(0.9)` the central 90 % interval.

        Raises:
            InputError: unusable data; the message says what to change.
        """
        return self._answer([self._ranked(as_sample(x, y, nan_policy))])[0]

    def estimate_batch(
        self, pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, nan_policy: NanPolicy = "raise"
    ) -> list[MIEstimate]:
        """Estimates each pair (x, y) as `estimate` does, several in one pass of the network.

        Raises:
            InputError: unusable data; the message says in which pair.
        """
        return self._answer([self._ranked(sample) for sample in as_samples(pairs, nan_policy)])

    def pairwise(
        self,
        table: ArrayLike | Mapping[str, ArrayLike],
        names: Sequence[str] | None = None,
        *,
        nan_policy: NanPolicy = "raise",
    ) -> PairwiseEstimates:
        """Estimates the mutual information of all pairs of columns of a table, in nats.

        Args:
            table: real numbers, shape (n, d), or a mapping or data frame of named columns.
            names: names of the columns; those of the table, or "0", "1", ... if absent.
            nan_policy: "raise", or "omit" to leave out rows with missing or infinite values in any column.

        Raises:
            InputError: unusable data; the message says what to change.
        """
        values, names = as_complete_table(table, names, nan_policy)
        pairs = combinations(range(values.shape[1]), 2)
        samples = [self._ranked(Sample(values[:, [i, j]], 1)) for i, j in pairs]
        return PairwiseEstimates.from_estimates(names, self._answer(samples))

    def _ranked(self, sample: Sample) -> _Ranked:
        n, d = sample.values.shape
        side = np.arange(d) >= sample.dx
        config = self._bundle.net.config
        some_rows_only = n > (config.max_rows if d == 2 else config.queries)
        ranks, _ = canonical_ranks(sample.values, side, ordered=some_rows_only)
        notes = sample.notes + input_warnings(sample.values, sample.dx, self._bundle.info["meta_distribution"])
        return _Ranked(ranks, side, notes)

    def _answer(self, samples: Sequence[_Ranked]) -> list[MIEstimate]:
        levels = np.array(self._bundle.net.config.levels)
        quantiles = np.empty((len(samples), len(levels)))
        for group in _groups([(len(s.ranks), len(s.side)) for s in samples]):
            quantiles[group] = self._forward([samples[i] for i in group])
        if not len(samples):
            return []
        n, dx, dy = np.array([s.shape for s in samples]).T
        calibrated = self._bundle.calibration.apply(levels, quantiles, n, dx, dy)
        return [
            MIEstimate(levels, values, *sample.shape, warnings=sample.warnings, model=self._model)
            for sample, values in zip(samples, calibrated, strict=True)
        ]

    def _forward(self, samples: Sequence[_Ranked]) -> NDArray[np.float64]:
        """Raw quantiles (B, Q) of samples that are padded to one shape."""
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
            answer: torch.Tensor = self._bundle.net(
                scores, torch.from_numpy(side), exists, torch.from_numpy(column_mask)
            )
        return np.asarray(answer.double())


def _groups(shapes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Indices of samples of like size, so that little is padded and a pass fits in memory."""
    groups: list[list[int]] = []
    rows = columns = 0
    for i in sorted(range(len(shapes)), key=lambda i: (shapes[i][1], shapes[i][0])):
        n, d = shapes[i]
        if groups:
            count = len(groups[-1]) + 1
            new_rows, new_columns = max(rows, n), max(columns, d)
            like = n >= 0.7 * new_rows and d == new_columns
            if like and count * new_rows * new_columns <= BATCH_VALUES and count * new_columns**2 <= BATCH_PAIRS:
                groups[-1].append(i)
                rows, columns = new_rows, new_columns
                continue
        groups.append([i])
        rows, columns = n, d
    return groups
