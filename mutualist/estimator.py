"""The estimator: data in, calibrated quantiles of mutual information out. Every door leads here."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mutualist.answers import Answerer
from mutualist.canonical import Ints, centred_mid_ranks
from mutualist.inputs import (
    NanPolicy,
    Sample,
    as_complete_table,
    as_pairs,
    as_sample,
    as_samples,
    constant_warnings,
    range_warnings,
    repeat_warnings,
    strangeness_warnings,
    tie_warnings,
)
from mutualist.models.bundle import Bundle, load_bundle
from mutualist.passes import Array
from mutualist.repeats import informative, repeated
from mutualist.result import MIEstimate, PairwiseEstimates

BUNDLED = Path(__file__).parent / "weights"


class MutualInfoEstimator:
    """Estimates mutual information with intervals, from weights learned on distributions whose MI is known.

    The answer does not depend on the order of rows, on the order of columns within X and within Y, on which side is
    called X, on units, on any strictly monotone map of a column, nor on columns that another of their side determines.
    Ties are broken at random from a seed that the sample itself gives, so the same sample gets the same answer.

    Args:
        bundle: the network, its calibration, and what the weights say of themselves; kept as the attribute `bundle`.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._answerer = Answerer(bundle)
        self._trained = bundle.info["meta_distribution"]
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
        return self.bundle.info

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the quantiles in every answer; between them, an answer interpolates."""
        return tuple(self.bundle.net.config.levels)

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
        return self._answer([as_sample(x, y, nan_policy)])[0]

    def estimate_batch(
        self, pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, nan_policy: NanPolicy = "raise"
    ) -> list[MIEstimate]:
        """Estimates each pair (x, y) as `estimate` does, several in one pass of the network.

        Raises:
            InputError: unusable data; the message says in which pair.
        """
        return self._answer(as_samples(pairs, nan_policy))

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
        pairs = np.array(list(combinations(range(values.shape[1]), 2)))
        quantiles, _, warnings = self._columns(values, pairs)
        said = {(i, j): texts for (i, j), texts in zip(pairs.tolist(), warnings, strict=True) if texts}
        return PairwiseEstimates(names, np.array(self.levels), quantiles, len(values), said, self._model)

    def estimate_pairs(self, table: ArrayLike | Mapping[str, ArrayLike], pairs: ArrayLike) -> list[MIEstimate]:
        """Estimates some pairs of columns of a table as `estimate` does each; what they share is computed once.

        Worth it where most columns stand in several of the pairs, as in a block of the matrix of `pairwise`.

        Args:
            table: real numbers, shape (n, d), or a mapping or data frame of named columns.
            pairs: numbers of columns, two different ones a pair, shape (P, 2).

        Raises:
            InputError: unusable data; the message says what to change.
        """
        values, _ = as_complete_table(table, None, "raise")
        chosen = as_pairs(pairs, values.shape[1])
        if not len(chosen):
            return []
        levels, n = np.array(self.levels), len(values)
        quantiles, trust, warnings = self._columns(values, chosen)
        return [
            MIEstimate(levels, of_pair, n, 1, 1, said, self._model, *judged)
            for of_pair, judged, said in zip(quantiles, trust.tolist(), warnings, strict=True)
        ]

    def _columns(self, values: Array, pairs: Ints) -> tuple[Array, Array, list[tuple[str, ...]]]:
        """Quantiles (P, Q), what `Trust.judge` says (P, 2), and warnings, of pairs (P, 2) of columns of values."""
        centred, tied = centred_mid_ranks(values)
        quantiles, trust = self._answerer.of_pairs(centred, tied, pairs)
        ranges = range_warnings(len(values), 1, 1, self._trained)
        constant = [constant_warnings(values[:, pair], 1) if tied[pair].any() else () for pair in pairs]
        warnings = [
            (*ranges, *of_columns, *strangeness_warnings(strange))
            for of_columns, strange in zip(constant, trust[:, 0].tolist(), strict=True)
        ]
        return quantiles, trust, warnings

    def _answer(self, samples: Sequence[Sample]) -> list[MIEstimate]:
        if not len(samples):
            return []
        levels = np.array(self.levels)
        ranked, warnings = [], []
        for sample in samples:
            centred, tied = centred_mid_ranks(sample.values)
            side = np.arange(len(tied)) >= sample.dx
            kept, left_out = informative(centred, side), {}
            if kept.sum() > 2:
                of = np.flatnonzero(kept)
                found = repeated(centred[:, kept], tied[kept], side[kept])
                left_out = {int(of[j]): int(of[source]) for j, source in found.items()}
                kept[list(left_out)] = False
            one = self._answerer.ranked(centred[:, kept], tied[kept], side[kept])
            ranked.append(one)
            warnings.append(
                (
                    *sample.notes,
                    *range_warnings(*one.shape, self._trained),
                    *constant_warnings(sample.values, sample.dx),
                    *repeat_warnings(left_out, sample.dx),
                    # Of single columns it makes no difference how categories are numbered.
                    *(tie_warnings(sample.values, tied & kept, sample.dx) if kept.sum() > 2 else ()),
                )
            )
        quantiles, trust = self._answerer.of_samples(ranked)
        return [
            MIEstimate(
                levels,
                values,
                *sample.shape,
                warnings=said + strangeness_warnings(strange),
                model=self._model,
                strangeness=strange,
                expected_error=error,
            )
            for sample, values, said, (strange, error) in zip(samples, quantiles, warnings, trust.tolist(), strict=True)
        ]
