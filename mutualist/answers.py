"""Calibrated answers for samples, and the rules beside the network (docs/decisions/0008) in the order they act in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mutualist.canonical import Ints, shared_ranks
from mutualist.models.blocks import find_blocks, share_of_sum, sum_of_blocks
from mutualist.models.bundle import Bundle
from mutualist.models.ceiling import ceiling
from mutualist.models.gaps import MEAN_ERROR, with_gaps
from mutualist.models.quantiles import interpolate
from mutualist.passes import Array, Raw, answer_pairs, answer_samples
from mutualist.ranked import Ranked

NEAR = 0.7  # of the answer: a pair of columns that shares less, by a guess, is not looked at again
PAIR = np.array([False, True])  # sides of a column of X and one of Y
CLEAR = 0.01  # nats: a pair's lower end must exceed this before it may raise the answer; otherwise chance would
ALARMS = 0.05  # the level of that lower end, over all pairs of which one is the largest by chance


class Answerer:
    """What a bundle says of samples, whose B answers are quantiles (B, Q) in nats and what `Trust.judge` says (B, 2).

    Args:
        bundle: the network, its calibration, and what the weights say of themselves.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._levels = np.array(bundle.net.config.levels)
        self._most_rows: int = bundle.info["meta_distribution"]["n"]["max"]

    def ranked(self, centred: Ints, tied: NDArray[np.bool_], side: NDArray[np.bool_]) -> Ranked:
        """Columns (n, d) as `centred_mid_ranks` gives them; `side` (d,) is true for those of Y."""
        return Ranked.of(centred, tied, side, self._bundle.net.config.queries)

    def of_samples(self, samples: Sequence[Ranked]) -> tuple[Array, Array]:
        """Answers for samples of any shapes, by all the rules."""
        quantiles, trust, raw = self._by_parts(samples)
        self._add_blocks(quantiles, trust, samples)
        self._raise_to_pairs(quantiles, raw, samples)
        for i, sample in enumerate(samples):
            for side in (~sample.side, sample.side) if sample.tied.any() else ():
                most = ceiling(self._levels, sample.centred[:, side], sample.tied[side])
                quantiles[i] = np.minimum(quantiles[i], most)
        return quantiles, trust

    def of_pairs(self, centred: Ints, tied: NDArray[np.bool_], pairs: Ints) -> tuple[Array, Array]:
        """Answers for pairs (P, 2) of columns (n, d), given as `centred_mid_ranks` gives them."""
        alone = tied[pairs].any(1)  # how ties are broken depends on both columns
        raw = Raw.room(self._bundle, len(pairs))
        raw[~alone] = answer_pairs(self._bundle, shared_ranks(centred), pairs[~alone])
        samples = [self.ranked(centred[:, pair], tied[pair], PAIR) for pair in pairs[alone]]
        raw[alone] = answer_samples(self._bundle, samples)
        quantiles, trust = self._calibrated(raw, len(centred), 1, 1)
        most = np.array([ceiling(self._levels, centred[:, [j]], tied[[j]]) for j in range(len(tied))])
        return np.minimum(quantiles, most[pairs].min(1)), trust

    def _calibrated(self, raw: Raw, n: Ints | int, dx: Ints | int, dy: Ints | int) -> tuple[Array, Array]:
        """What the network says, calibrated, and in it what gaps say of very many rows."""
        quantiles = self._bundle.calibration.apply(raw.quantiles, n, dx, dy, raw.tied)
        quantiles, shares = with_gaps(self._levels, quantiles, n, raw.gaps)
        asked, trust = shares > 0, raw.trust.copy()
        trust[asked, 1] += shares[asked] * (MEAN_ERROR * raw.gaps[asked, 1] - trust[asked, 1])
        return quantiles, trust

    def _by_parts(self, samples: Sequence[Ranked]) -> tuple[Array, Array, Raw]:
        """What `_calibrated` gives for samples, and what the network says of the first part of each.

        What was learned of so many rows does not hold for more of them: parts of a larger sample are averaged.
        """
        parts = [sample.parts(self._most_rows) for sample in samples]
        flat = [part for of_one in parts for part in of_one]
        counts = np.array([len(of_one) for of_one in parts])
        first = np.cumsum(counts) - counts
        raw = answer_samples(self._bundle, flat)
        of_parts = self._calibrated(raw, *np.array([part.shape for part in flat]).T)
        quantiles, trust = (np.add.reduceat(values, first) / counts[:, None] for values in of_parts)
        return quantiles, trust, raw[first]

    def _add_blocks(self, quantiles: Array, trust: Array, samples: Sequence[Ranked]) -> None:
        """Averages answers in place with the sums of independent blocks of columns."""
        several = {
            i: find_blocks(sample.ranks, sample.side) for i, sample in enumerate(samples) if len(sample.side) > 2
        }
        blocks = {i: groups for i, groups in several.items() if groups}
        if not blocks:
            return
        terms, judged, _ = self._by_parts([samples[i].columns(group) for i in blocks for group in blocks[i]])
        of = np.repeat(list(blocks), [len(groups) for groups in blocks.values()])
        for i in blocks:
            summed = sum_of_blocks(self._levels, terms[of == i])
            strange, errors = judged[of == i].T
            share = share_of_sum(self._levels, quantiles[i], summed, *samples[i].ranks.shape)
            quantiles[i] += share * (summed - quantiles[i])
            trust[i] += share * (np.array([strange.max(), np.sqrt(np.square(errors).sum())]) - trust[i])

    def _raise_to_pairs(self, quantiles: Array, raw: Raw, samples: Sequence[Ranked]) -> None:
        """Raises quantiles in place to those of the pair of columns that shares most: I(X; Y) >= I(X_i; Y_j).

        Only where the pair may share nearly all (a guess above `NEAR` of the answer) and certainly shares something,
        though it is the largest of all pairs (Bonferroni). Where it does, those that share far less were never in
        question, so its quantiles count at levels divided by the number of its rivals.
        """
        near = raw.shared > NEAR * quantiles[:, self._bundle.net.config.median]
        for i in np.flatnonzero(near).tolist():
            if len(samples[i].side) == 2:  # the sample is its one pair
                continue
            found, _, _ = self._by_parts([samples[i].columns(raw.pair[i])])
            # Between equal quantiles, interpolation falls by a rounding error.
            least = np.maximum.accumulate(interpolate(self._levels, found[0], self._levels / raw.rivals[i]))
            looks = np.bincount(samples[i].side).prod()
            if interpolate(self._levels, found[0], ALARMS / looks) > CLEAR:
                quantiles[i] = np.maximum(quantiles[i], least)
