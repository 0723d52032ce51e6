"""The estimator: data in, calibrated quantiles of mutual information out. Every door leads here."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutualist.canonical import Ints, canonical_ranks, centred_mid_ranks
from mutualist.inputs import (
    NanPolicy,
    Sample,
    as_complete_table,
    as_pairs,
    as_sample,
    as_samples,
    constant_warnings,
    few_values,
    range_warnings,
    repeat_warnings,
    strangeness_warnings,
    tie_warnings,
)
from mutualist.models.blocks import find_blocks, share_of_sum, sum_of_blocks
from mutualist.models.bundle import Bundle, load_bundle
from mutualist.models.ceiling import ceiling
from mutualist.models.gaps import MEAN_ERROR, with_gaps
from mutualist.models.quantiles import interpolate
from mutualist.passes import Array, Ranked, Raw, answer_pairs, answer_samples
from mutualist.repeats import repeated
from mutualist.result import MIEstimate, PairwiseEstimates

BUNDLED = Path(__file__).parent / "weights"
NEAR = 0.7  # of the answer: a pair of columns that shares less, by a guess, is not looked at again
CLEAR = 0.01  # nats: what a pair shares at least, or chance would count where nothing is shared


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
        levels, n = np.array(self.levels), len(values)
        return [
            MIEstimate(levels, quantiles, n, 1, 1, warnings, self._model, *trust)
            for quantiles, trust, warnings in zip(*self._columns(values, chosen), strict=True)
        ]

    def _columns(self, values: Array, pairs: Ints) -> tuple[Array, list[list[float]], list[tuple[str, ...]]]:
        """Calibrated quantiles (P, Q), what `Trust.judge` says, and warnings, of pairs (P, 2) of columns of values."""
        centred, tied = centred_mid_ranks(values)
        alone = tied[pairs].any(1)  # how ties are broken depends on both columns
        raw = Raw.room(self.bundle, len(pairs))
        ranks = (centred + len(values) - 1) // 2
        raw[~alone] = answer_pairs(self.bundle, ranks, pairs[~alone])
        samples = [self._ranked(centred[:, pair], tied[pair], 1) for pair in pairs[alone]]
        raw[alone] = answer_samples(self.bundle, samples)
        ranges = range_warnings(len(values), 1, 1, self._trained)
        columns: list[tuple[str, ...]] = [()] * len(pairs)  # constant ones have ties
        for i in np.flatnonzero(alone):
            columns[i] = constant_warnings(values[:, pairs[i]], 1)
        calibrated, trust = self._calibrated(raw, len(values), 1, 1)
        ceilings = np.array([ceiling(self.levels, centred[:, [j]], tied[[j]]) for j in range(len(tied))])
        calibrated = np.minimum(calibrated, ceilings[pairs].min(1))
        judged = trust.tolist()
        warnings = [
            (*ranges, *of_columns, *strangeness_warnings(strange))
            for of_columns, (strange, _) in zip(columns, judged, strict=True)
        ]
        return calibrated, judged, warnings

    def _calibrated(self, raw: Raw, n: Ints | int, dx: Ints | int, dy: Ints | int) -> tuple[Array, Array]:
        """Calibrated quantiles (B, Q), what `Trust.judge` says (B, 2), and in both what gaps say of very many rows."""
        levels = np.array(self.levels)
        calibrated = self.bundle.calibration.apply(levels, raw.quantiles, n, dx, dy, raw.tied)
        calibrated, shares = with_gaps(levels, calibrated, n, raw.gaps)
        asked, trust = shares > 0, raw.trust.copy()
        trust[asked, 1] += shares[asked] * (MEAN_ERROR * raw.gaps[asked, 1] - trust[asked, 1])
        return calibrated, trust

    def _by_parts(self, ranked: Sequence[Ranked]) -> tuple[Array, Array, Raw]:
        """What `_calibrated` gives for samples, and what the network says of the first part of each.

        What was learned of so many rows does not hold for more of them: parts of a larger sample are averaged.
        """
        parts = [one.parts(self._trained["n"]["max"]) for one in ranked]
        flat = [part for one in parts for part in one]
        counts = np.array([len(one) for one in parts])
        first = np.cumsum(counts) - counts
        raw = answer_samples(self.bundle, flat)
        of_parts = self._calibrated(raw, *np.array([part.shape for part in flat]).T)
        calibrated, trust = (np.add.reduceat(values, first) / counts[:, None] for values in of_parts)
        return calibrated, trust, raw[first]

    def _ranked(self, centred: Ints, tied: NDArray[np.bool_], dx: int) -> Ranked:
        """Columns (n, dx + dy), as `centred_mid_ranks` gives them, as the network takes them."""
        n, d = centred.shape
        side = np.arange(d) >= dx
        some_rows_only = d > 2 and n > self.bundle.net.config.queries
        ranks, shared = canonical_ranks(centred, tied, side, ordered=some_rows_only)
        return Ranked(ranks, side, tied, shared)

    def _raise_to_pairs(
        self,
        calibrated: Array,
        raw: Raw,
        columns: Sequence[tuple[Ints, NDArray[np.bool_]]],
    ) -> None:
        """Raises quantiles (B, Q) in place to those of the pair of columns that shares most: I(X; Y) >= I(X_i; Y_j).

        Only where the pair may share nearly all (a guess above `NEAR` of the answer) and certainly shares something. It
        is the largest of several, so its quantiles count at levels divided by the number of its rivals (Bonferroni).

        Args:
            columns: as `centred_mid_ranks` gives them, of each sample.
        """
        levels = np.array(self.levels)
        near = raw.shared > NEAR * calibrated[:, self.bundle.net.config.median]
        for i in np.flatnonzero(near).tolist():
            (centred, tied), two = columns[i], raw.pair[i]
            if len(tied) == 2:  # the sample is its one pair
                continue
            pair = answer_samples(self.bundle, [self._ranked(centred[:, two], tied[two], 1)])
            found = self._calibrated(pair, len(centred), 1, 1)[0][0]
            least = interpolate(levels, found, levels / raw.rivals[i])
            if interpolate(levels, least, 0.05) > CLEAR:
                calibrated[i] = np.maximum(calibrated[i], least)

    def _add_blocks(
        self,
        calibrated: Array,
        trust: Array,
        ranked: Sequence[Ranked],
        columns: Sequence[tuple[Ints, NDArray[np.bool_]]],
    ) -> None:
        """Averages quantiles (B, Q), and what `Trust.judge` says (B, 2), in place with the sums of independent blocks.

        Args:
            ranked, columns: each sample, and its columns as `centred_mid_ranks` gives them.
        """
        levels = np.array(self.levels)
        blocks = [find_blocks(one.ranks, one.side) if len(one.side) > 2 else [] for one in ranked]
        of = np.array([i for i, groups in enumerate(blocks) for _ in groups], np.int64)
        if not len(of):
            return
        parts = [
            self._ranked(columns[i][0][:, group], columns[i][1][group], int((~ranked[i].side[group]).sum()))
            for i, groups in enumerate(blocks)
            for group in groups
        ]
        terms, judged, _ = self._by_parts(parts)
        for i in np.unique(of).tolist():
            summed = sum_of_blocks(levels, terms[of == i])
            strange, errors = judged[of == i].T
            share = share_of_sum(levels, calibrated[i], summed, *ranked[i].ranks.shape)
            calibrated[i] += share * (summed - calibrated[i])
            trust[i] += share * (np.array([strange.max(), np.sqrt(np.square(errors).sum())]) - trust[i])

    def _keep_below_entropies(
        self, calibrated: Array, columns: Sequence[tuple[Ints, NDArray[np.bool_]]], dx: Sequence[int]
    ) -> None:
        """Lowers quantiles (B, Q) in place to those of the entropies of X and of Y, where these take few values.

        Args:
            columns: as `centred_mid_ranks` gives them, of each sample, of which the first `dx` are X's.
        """
        for i, ((centred, tied), of_x) in enumerate(zip(columns, dx, strict=True)):
            for side in (slice(of_x), slice(of_x, None)):
                calibrated[i] = np.minimum(calibrated[i], ceiling(self.levels, centred[:, side], tied[side]))

    def _warnings(self, sample: Sample, left_out: Mapping[int, int], ranked: Ranked) -> tuple[str, ...]:
        """What to say of a sample, of which the columns `left_out` repeat others; the rest is `ranked`."""
        n, dx, dy = ranked.shape
        return (
            *sample.notes,
            *range_warnings(n, dx, dy, self._trained),
            *constant_warnings(sample.values, sample.dx),
            *repeat_warnings(left_out, sample.dx),
            # Of single columns it makes no difference how categories are numbered.
            *(tie_warnings(self._codes(sample, left_out, ranked), n, sample.dx) if dx + dy > 2 else ()),
        )

    @staticmethod
    def _codes(sample: Sample, left_out: Mapping[int, int], ranked: Ranked) -> Ints:
        """What `few_values` says of each column of a sample, 0 for those that are left out."""
        kept = ~np.isin(np.arange(sample.values.shape[1]), list(left_out))
        few = np.zeros(len(kept), np.int64)
        few[kept] = few_values(sample.values[:, kept], ranked.tied)
        return few

    def _answer(self, samples: Sequence[Sample]) -> list[MIEstimate]:
        if not len(samples):
            return []
        levels = np.array(self.levels)
        ranked, warnings, columns = [], [], []
        for sample in samples:
            centred, tied = centred_mid_ranks(sample.values)
            left_out, dx = {}, sample.dx
            if len(tied) > 2 and (left_out := repeated(centred, tied, np.arange(len(tied)) >= dx)):
                kept = ~np.isin(np.arange(len(tied)), list(left_out))
                centred, tied, dx = centred[:, kept], tied[kept], int(kept[:dx].sum())
            columns.append((centred, tied))
            one = self._ranked(centred, tied, dx)
            warnings.append(self._warnings(sample, left_out, one))
            ranked.append(one)
        calibrated, trust, raw = self._by_parts(ranked)
        self._add_blocks(calibrated, trust, ranked, columns)
        self._raise_to_pairs(calibrated, raw, columns)
        self._keep_below_entropies(calibrated, columns, [one.shape[1] for one in ranked])
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
            for sample, values, said, (strange, error) in zip(
                samples, calibrated, warnings, trust.tolist(), strict=True
            )
        ]
