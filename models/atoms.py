"""Values that rows share: what discrete and mixed columns show, and ranks with broken ties hide.

Ties are broken at random before anything else looks at a column, which keeps its mutual information but hides that a
column takes few values. Where rows share their values on both sides, the counts of the table are an estimate of their
own, which no order of the values can disturb. Where one side alone is discrete, its values are classes of the other
side's rows (`models.classes`); so are they but for rows beyond a threshold, where a single column is discrete in part,
as amounts of rain are (`models.kinds`). Shapes: B datasets, S of them with values that rows share, N rows, D columns.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mutualist.models.chance import SIGNS, adjusted_information, dependence_signs
from mutualist.models.classes import LAGS, Classes, class_information
from mutualist.models.counts import COUNTS, count_equal, count_information, repetition
from mutualist.models.discriminant import discriminant_information
from mutualist.models.indicators import indicator_classes
from mutualist.models.kinds import ENOUGH, Kinds, find_kinds
from mutualist.models.partners import PAIR_FEATURES, mixtures_of_pairs, tables_of_pairs
from mutualist.models.scores import scores_from_ranks

COLUMN_FEATURES = 2 + len(LAGS) + 1
TABLE = COUNTS + 1  # estimates from a table
ESTIMATES = TABLE + len(LAGS) + 1
CONTEXT_FEATURES = 5 + 2 + TABLE + SIGNS + 2 + 1 + len(LAGS) + 2
CLASSES = 0.9  # share of rows of a side that must share their values with another row for these to be classes
SMALL = 1e-3  # nats; standard errors below are as good as none
PAIRS = 64  # of columns of a sample that are looked at, where columns of all kinds are side by side


@dataclass(frozen=True)
class Atoms:
    """Values that rows share. All of it is zero where no column has atoms.

    Attributes:
        columns: (B, D, 7) share of the rows that are in atoms, and 1 - H / ln n for the entropy H of the values, of
            which only atoms count as equal; ln(1 + I), by `LAGS`, for what a column tells of the other side's
            classes, or else of the column there that it tells most of, where one of the two has atoms; and ln of how
            many columns are indicators of the same class, each of which stands for that class in the latter.
        estimates: (B, 8) of mutual information in nats. From the counts of the table of X's and Y's rows, with the bias
            that Miller and Madow (1955) give for the cells met, with that for all cells, and adjusted for chance; from
            classes, where a side is one continuous column and the other discrete, or one that is so in part; and by the
            discriminant, where there are classes.
        known: (B, 8) whether these say something: else they are 0.
        context: (B, 21) shares and entropies of X, of Y and of both as wholes, blind to which is which, the estimates,
            how far the table is from what independent columns give, and the standard error of counts.
        pairs: (B, D, D, 6) where a column of X or of Y has atoms, and there are more than these two: whether it is
            known what they tell of one another, and ln(1 + I) of it; whether both have atoms, how far their table is
            from what independent columns give, and ln(1 + I) adjusted for chance. In such a table all values beyond
            atoms are one.
        classes: of all rows; None where no sample has any.
        levels: (B, N, D) int64, ranks that are equal in atoms; None where no sample has any, or all have two columns.
    """

    columns: Tensor
    estimates: Tensor
    known: Tensor
    context: Tensor
    pairs: Tensor
    classes: Classes | None = None
    levels: Tensor | None = None

    @classmethod
    def none(cls, b: int, d: int, device: torch.device | None = None) -> "Atoms":
        """Those of b samples of d columns without atoms."""
        return cls(
            torch.zeros(b, d, COLUMN_FEATURES, device=device),
            torch.zeros(b, ESTIMATES, device=device),
            torch.zeros(b, ESTIMATES, dtype=torch.bool, device=device),
            torch.zeros(b, CONTEXT_FEATURES, device=device),
            torch.zeros(b, d, d, PAIR_FEATURES, device=device),
        )

    @property
    def tied(self) -> Tensor:
        """(B,) share of rows in atoms, in the column of each sample that has most."""
        return self.columns[..., 0].amax(1)

    @property
    def weights(self) -> Tensor:
        """(B, D) 1, or 1 / k for a column that is one of k indicators of a class."""
        return torch.exp(-self.columns[..., -1])

    def padded(self, d: int) -> "Atoms":
        """What the network reads of them: without rows, and with columns up to d, which have none."""
        more = d - self.columns.shape[1]
        columns = torch.nn.functional.pad(self.columns, (0, 0, 0, more))
        pairs = torch.nn.functional.pad(self.pairs, (0, 0, 0, more, 0, more))
        return replace(self, columns=columns, pairs=pairs, classes=None, levels=None)


def find_atoms(
    ranks: Tensor,
    shared: Tensor,
    side: Tensor,
    row_mask: Tensor,
    column_mask: Tensor,
    scores: Tensor | None = None,
) -> Atoms:
    """What rows share.

    Args:
        ranks, shared: (B, N, D) int64, ranks without ties, and one of these for all rows that have the same value.
        side: (B, D), true for columns of Y.
        row_mask: (B, N), true for rows that exist.
        column_mask: (B, D), true for columns that exist.
        scores: (B, N, D) smooth normal scores, if what columns tell of classes is to have slopes.
    """
    b, n, d = shared.shape
    out = Atoms.none(b, d, shared.device)
    kinds = find_kinds(ranks, shared, row_mask, column_mask)
    if kinds is None:
        return out
    at = kinds.samples
    order, sides, two = ranks.transpose(1, 2)[at], side[at], kinds.exist.sum(1) == 2
    number = kinds.numbers(sides)
    count = count_equal(number, kinds.rows)
    repeated = repetition(count, kinds.rows)
    estimates, known, features = _of_table(count, repeated, kinds)
    features.append(kinds.mixed.any(1, True).float())

    discrete = (repeated[:, :2, 0] > CLASSES) & ~_on_side(kinds.lone, sides)  # (S, 2)
    given = (kinds.thin | kinds.mixed) & discrete.gather(1, (~sides).long())  # the other side's values are classes
    of_classes = _classes(order, number, count, given, sides, kinds.existing)
    named, members = indicator_classes(
        torch.where(kinds.atom, kinds.level, n), sides, kinds.existing & kinds.partly[..., None]
    )
    pairs = _asked_pairs(kinds, given, sides, two)
    level = torch.where(kinds.atom, named, kinds.level)
    of_mixtures = mixtures_of_pairs(order, level, kinds.beyond, pairs, kinds.existing)
    both = (pairs | pairs.transpose(1, 2)) & kinds.partly[:, :, None] & kinds.partly[:, None]
    of_pairs = torch.cat([of_mixtures[2], tables_of_pairs(named, both, kinds.existing)], 3)
    told, tells = of_classes[0] + of_mixtures[0], of_classes[1] | (of_mixtures[1] & two[:, None, None])
    out.columns[at] = torch.cat([kinds.repetition, told.log1p(), members.float().log()[..., None]], 2)
    out.pairs[at] = of_pairs * ~two[:, None, None, None]

    single = tells & _alone(sides, kinds.exist)[..., None]  # both columns of two say the same
    of_class, class_known = (told * single).sum(1) / single.sum(1).clamp(min=1), single.any(1)
    of = discrete & _on_side(kinds.thin, ~sides)  # classes of the other side's rows
    classes = _gather(number, of, at, shared, row_mask)
    by_all, all_known = _together(ranks, scores, classes, at, sides, row_mask, column_mask)
    features += [class_known[:, :1].float(), of_class.log1p(), all_known.float(), by_all.log1p()]
    out.known[at] = torch.cat([known, class_known, all_known], 1)
    return replace(
        out,
        estimates=out.estimates.index_put((at,), torch.cat([estimates, of_class, by_all], 1)),
        context=out.context.index_put((at,), torch.cat(features, 1)),
        classes=classes,
        levels=ranks.index_put((at,), kinds.level.transpose(1, 2)) if d > 2 else None,
    )


def _of_table(count: Tensor, repeated: Tensor, kinds: Kinds) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Estimates (S, TABLE) from the table of X's and Y's rows, in nats, whether they are known, and its context.

    `count` is (S, 3, N), how many rows have the value of each row in X, in Y and in both, and `repeated` is of these.
    """
    estimates, error, cells = count_information(count, kinds.rows)
    sides, table = repeated[:, :2], repeated[:, 2]
    enough = table[:, :1] > ENOUGH
    adjusted, above = adjusted_information(count, kinds.rows)
    estimates, known = torch.cat([estimates * enough, adjusted], 1), torch.cat([enough.expand(-1, COUNTS), above], 1)
    share = (cells / kinds.rows.sum(2)).float()
    features = [sides.sum(1), sides[..., 1].prod(1, True), table[:, :1], share * enough, enough.float(), above.float()]
    features += [estimates.log1p(), dependence_signs(count, kinds.rows)]
    return estimates, known, [*features, ((error + SMALL).log() / 2 + 1.5) * enough]


def _asked_pairs(kinds: Kinds, given: Tensor, side: Tensor, two: Tensor) -> Tensor:
    """(S, D, D) whether column j is asked what it tells of column k, of the other side: at most `PAIRS` of a sample.

    Of `two` columns (S,), where k is discrete in part; of more, where one of them has atoms. Those that are `given`
    (S, D) classes are asked about these instead.
    """
    across = (side[:, :, None] != side[:, None]) & kinds.exist[:, :, None] & kinds.exist[:, None] & ~given[..., None]
    of_two = (kinds.thin | kinds.mixed)[:, :, None] & kinds.mixed[:, None]
    of_more = kinds.partly[:, :, None] | kinds.partly[:, None]
    pairs = across & torch.where(two[:, None, None], of_two, of_more)
    return pairs & (pairs.sum((1, 2), keepdim=True) <= PAIRS)


def _on_side(columns: Tensor, side: Tensor) -> Tensor:
    """(S, 2) whether any of X's, and any of Y's columns is such, of (S, D)."""
    return torch.stack([(columns & ~side).any(1), (columns & side).any(1)], 1)


def _gather(number: Tensor, of: Tensor, at: Tensor, shared: Tensor, row_mask: Tensor) -> Classes | None:
    """The classes of all samples, from the numbers (S, 3, N) and the discrete sides (S, 2) of samples `at` (S,)."""
    classed = of.any(1)
    if not bool(classed.any()):
        return None
    classes = Classes(shared.new_zeros(len(shared), shared.shape[1]), row_mask.new_zeros(len(shared), 2))
    classes.number[at[classed]] = number[classed, of[classed].long().argmax(1)]
    classes.side[at[classed]] = of[classed]
    return classes


def _together(
    ranks: Tensor,
    scores: Tensor | None,
    classes: Classes | None,
    at: Tensor,
    side: Tensor,
    row_mask: Tensor,
    column_mask: Tensor,
) -> tuple[Tensor, Tensor]:
    """What columns tell of classes together (S, 1), in nats, and whether it is known, for samples `at` (S,).

    `side` is theirs (S, D), the rest of all samples, as `find_atoms` has it.
    """
    told = side.new_zeros(len(at), 1, dtype=torch.float32)
    known = side.new_zeros(len(at), 1)
    if classes is None:
        return told, known
    of = classes.side[at]
    classed = of.any(1).nonzero()[:, 0]
    where = at[classed]
    telling = column_mask[where] & (side[classed] != of[classed, 1:])
    z = scores_from_ranks(ranks[where], row_mask[where]) if scores is None else scores[where]
    found, enough = discriminant_information(z, classes.number[where], row_mask[where], telling)
    known[classed] = enough[:, None]
    return told.index_put((classed,), found.to(told)[:, None].clamp(min=-0.5)), known


def _classes(
    ranks: Tensor, number: Tensor, count: Tensor, asked: Tensor, side: Tensor, existing: Tensor
) -> tuple[Tensor, Tensor]:
    """`class_information` of columns whose other side is discrete, and whether it is known: (S, D, LAGS).

    Args:
        ranks: (S, D, N).
        number, count: (S, 3, N) of the values of X's and Y's rows, and how many rows have them.
        asked: (S, D) the columns.
        side, existing: (S, D) and (S, D, N).
    """
    told = torch.zeros(*side.shape, len(LAGS), device=side.device)
    tells = torch.zeros_like(told, dtype=torch.bool)
    sample, column = asked.nonzero().unbind(1)
    if len(sample):
        at = sample, (~side[sample, column]).long()
        told[sample, column], tells[sample, column] = class_information(
            ranks[sample, column], number[at], count[at], existing[sample, column]
        )
    return told, tells


def _alone(side: Tensor, exists: Tensor) -> Tensor:
    """(S, D) whether a column is the only one of its side."""
    of_y = (side & exists).sum(1, keepdim=True)
    of_x = (~side & exists).sum(1, keepdim=True)
    return exists & (torch.where(side, of_y, of_x) == 1)
