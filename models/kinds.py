"""Which columns are discrete, continuous, or discrete in part, by the values that rows share.

Values that two rows or more share are atoms, unless they are so many, with few rows each, that the column must be taken
for a continuous one that was rounded. Shapes: B datasets, of which S have a column with atoms, N rows, D columns.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mutualist.models.counts import count_equal, numbered, repetition

# Atoms of a column, and of one with `MIXED` rows in each: one that has more counts as continuous, and has none.
MOST = 32, 128
ENOUGH = 0.5  # share of rows that must share their values with another row for these to say something
# A column of which a tenth has values of its own may be one that is continuous beyond a threshold, as amounts of rain
# are. The values of a discrete one that single rows have are few, however many rows there are.
LONE = 3.0, 0.25  # rows, and per root of n, that may have a value of their own in a discrete column
MIXED = 4.0  # rows an atom from which on a column with atoms is more than a rounded one, however few rows are in them


@dataclass(frozen=True)
class Kinds:
    """Kinds of columns, of samples in which one or more has atoms.

    Attributes:
        samples: (S,) int64, which of the B these are.
        level: (S, D, N) int64, ranks that are equal in atoms.
        atom: (S, D, N) rows in atoms.
        existing: (S, D, N) rows that exist, in columns that do.
        rows: (S, 1, N) rows that exist.
        repetition: (S, D, 2) share of the rows that are in atoms, and 1 - H / ln n for the entropy H of the values.
        partly: (S, D) columns with `MIXED` rows an atom, which are thus not continuous ones that were rounded.
        lone: (S, D) columns in which so many rows have values of their own that they are not discrete as a whole.
    """

    samples: Tensor
    level: Tensor
    atom: Tensor
    existing: Tensor
    rows: Tensor
    repetition: Tensor
    partly: Tensor
    lone: Tensor

    @property
    def exist(self) -> Tensor:
        """(S, D) columns."""
        return self.existing.any(2)

    @property
    def thin(self) -> Tensor:
        """(S, D) columns of which few rows are in atoms."""
        return (self.repetition[..., 0] < 1 - ENOUGH) & self.exist

    @property
    def mixed(self) -> Tensor:
        """(S, D) columns that are discrete in part."""
        return self.partly & self.lone

    @property
    def beyond(self) -> Tensor:
        """(S, D, N) rows where a column is continuous: in no atom of a mixed one, or anywhere in one without atoms."""
        whole = self.thin & ~self.partly
        return (whole[..., None] | (self.mixed[..., None] & ~self.atom)) & self.existing

    def numbers(self, side: Tensor) -> Tensor:
        """(S, 3, N) numbers 0..N-1 of X's, of Y's and of both's values, equal in rows that share them.

        In a column that is discrete in part, there is one value beyond its atoms. `side` is (S, D), true for Y's.
        """
        # All values of a row on one side become one number: a sum of products with random numbers, modulo 2^64.
        _, d, rows = self.level.shape
        factors = torch.from_numpy(np.random.default_rng(0).integers(2**63, size=d + 1)).to(side.device)
        parts = torch.where(self.mixed[..., None] & ~self.atom, rows, self.level) * factors[:d, None] * self.existing
        of_x, of_y = (parts * ~side[..., None]).sum(1), (parts * side[..., None]).sum(1)
        return numbered(torch.stack([of_x, of_y, of_x * factors[d] + of_y], 1))


def find_kinds(ranks: Tensor, shared: Tensor, row_mask: Tensor, column_mask: Tensor) -> Kinds | None:
    """Kinds of columns, or None where no column has atoms.

    Args:
        ranks, shared: (B, N, D) int64, ranks without ties, and one of these for all rows that have the same value.
        row_mask, column_mask: (B, N) and (B, D), true for rows and columns that exist.
    """
    level, existing = shared.transpose(1, 2), column_mask[..., None] & row_mask[:, None, :]  # (B, D, N)
    count = count_equal(level, existing)
    atom = (count > 1) & existing
    atoms = (atom / count).sum(2).round()  # (B, D): how many
    few = (atoms <= MOST[0]) | ((atoms <= MOST[1]) & (atom.sum(2) >= MIXED * atoms))
    atom = atom & few[..., None]
    samples = atom.any(2).any(1).nonzero()[:, 0]
    if not len(samples):
        return None
    level, count, atom, atoms, existing = (v[samples] for v in (level, count, atom, atoms, existing))
    level = torch.where(atom, level, ranks.transpose(1, 2)[samples])
    rows = row_mask[samples, None, :]
    n = rows.sum(2).double()  # (S, 1)
    repeated = repetition(torch.where(atom, count, 1), existing)
    exist = existing.any(2)
    lone = ((1 - repeated[..., 0]) * n > LONE[0] + LONE[1] * n.sqrt()) & exist
    partly = (atom.sum(2) / atoms.clamp(min=1) >= MIXED) & exist
    return Kinds(samples, level, atom, existing, rows, repeated, partly, lone)
