"""A sample as the network meets it: ranks of columns X and Y side by side, and what is needed to take parts of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mutualist.canonical import Ints, canonical_ranks, centred_mid_ranks, shared_ranks


@dataclass(frozen=True)
class Ranked:
    """A sample ready for the network.

    Attributes:
        ranks: (n, d) without ties.
        centred: (n, d) of the same rows, as `centred_mid_ranks` gives it up to the sign of each column.
        tied: (d,) which columns have ties.
        side: (d,) true for columns of Y.
        asked: rows are put in canonical order if there are more than two columns and more rows than this, because only
            the first are then queried for neighbours.
    """

    ranks: Ints
    centred: Ints
    tied: NDArray[np.bool_]
    side: NDArray[np.bool_]
    asked: int

    @classmethod
    def of(cls, centred: Ints, tied: NDArray[np.bool_], side: NDArray[np.bool_], asked: int) -> "Ranked":
        """Columns as `centred_mid_ranks` gives them, in their canonical form."""
        n, d = centred.shape
        ranks, centred = canonical_ranks(centred, tied, side, ordered=d > 2 and n > asked)
        return cls(ranks, centred, tied, side, asked)

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, dx, dy."""
        dy = int(self.side.sum())
        return len(self.ranks), len(self.side) - dy, dy

    @property
    def shared(self) -> Ints:
        """(n, d) ranks that rows of one value share."""
        return shared_ranks(self.centred) if self.tied.any() else self.ranks

    def columns(self, chosen: Ints) -> "Ranked":
        """The sample of some of the columns."""
        return Ranked.of(self.centred[:, chosen], self.tied[chosen], self.side[chosen], self.asked)

    def parts(self, most: int) -> list["Ranked"]:
        """The sample; or, if it has several columns and many more rows than `most`, parts of about half as many.

        Many parts err less, averaged, than few large ones; up to half more rows than `most` do less harm than parts do.
        Rows come in an order that their content gives, so each part is a random one.
        """
        n, d = self.ranks.shape
        count = n // (most // 2) if d > 2 and n > 1.5 * most else 1
        return [self] if count == 1 else [self._rows(slice(i, None, count)) for i in range(count)]

    def _rows(self, rows: slice) -> "Ranked":
        centred, tied = centred_mid_ranks(self.centred[rows])
        ranks = self.ranks[rows].argsort(0).argsort(0) if tied.any() else shared_ranks(centred)
        return Ranked(ranks, centred, tied, self.side, self.asked)
