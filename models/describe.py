"""Everything the network is told about a sample, without a single weight.

Shapes: B datasets, N rows, D columns (X's, Y's, and one derived column a side), K basis functions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mutualist.models.atoms import CONTEXT_FEATURES, Atoms, find_atoms
from mutualist.models.basis import basis, orientation, unit_scores
from mutualist.models.best_partners import best_of_all_kinds, best_partners
from mutualist.models.chunks import at_once
from mutualist.models.config import ModelConfig
from mutualist.models.counts import count_equal
from mutualist.models.details import at_pair, details_of, doubling_lags, fill, local_count, radial_information
from mutualist.models.gaussian import STRENGTHS, correlations, cross_products, gaussian_mi
from mutualist.models.neighbours import neighbour_statistics
from mutualist.models.pairs import MOVES, concomitants, cross_moments, walks_along
from mutualist.models.partners import PAIR_FEATURES
from mutualist.models.scores import random_ranks, scores_from_ranks
from mutualist.models.slices import SLICE_FEATURES
from mutualist.models.smooth import smooth_concomitants, smooth_scores, soft_neighbour_statistics
from mutualist.models.turns import anchor_orders, pair_features, turned, turned_mi

CHUNK = 1 << 24  # basis values held at once by a processor


@dataclass(frozen=True)
class Description:
    """A sample as the network sees it.

    Attributes:
        features: oriented basis values (B, M, D, K) of the first rows, zero where nothing exists, and which of these
            rows exist (B, M); None if no sample needs them, as X and Y have one column each in all.
        moments: (B, D, D, K * K) cross-moments of each ordered pair of columns.
        turns: (B, D, D, T) moments of columns multiplied by cosines of the radii; None as `features`.
        moves: (B, D, D, P) concomitants both ways, flags (same side, derived first, derived second), and the pairs of
            the atoms.
        fine: (B, D, D, E) shrunken coefficients of the copula's cosine expansion, and information in slices, where X
            and Y have one column each; zero elsewhere, None if no sample is such.
        columns: (B, D) which columns exist.
        side: (B, D) true for columns of Y. Used only to tell whether two columns share a side.
        derived: (B, D) true for the radius columns.
        atoms: values that rows share; none in radius columns.
        bivariate: (B,) true where X and Y have one column each.
        anchors: (B, A) classical estimates in nats.
        context: (B, C) the scale of things: n, dx, dy, the anchors and their spreads, and the context of the atoms.
    """

    features: tuple[Tensor, Tensor] | None
    moments: Tensor
    turns: Tensor | None
    moves: Tensor
    fine: Tensor | None
    columns: Tensor
    side: Tensor
    derived: Tensor
    atoms: Atoms
    bivariate: Tensor
    anchors: Tensor
    context: Tensor


def moment_features(config: ModelConfig) -> int:
    """K * K."""
    return (config.cosines + 2) ** 2


MOVE_FEATURES = 2 * MOVES + 3 + PAIR_FEATURES


def anchor_count(config: ModelConfig) -> int:
    """A: Gaussian, nearest neighbours, pair sum, zero, three sums over best partners, with radii, of turned columns.

    In 1 x 1 there are spectral estimates in place of neighbours, slices in place of radii, and nothing turns.
    """
    return len(STRENGTHS) + 1 + local_count(config) + 5 + SLICE_FEATURES + len(anchor_orders(config.turns))


def context_features(config: ModelConfig) -> int:
    """C."""
    return 6 + anchor_count(config) + local_count(config) + CONTEXT_FEATURES


def describe_values(
    values: Tensor,
    side: Tensor,
    row_mask: Tensor,
    column_mask: Tensor,
    config: ModelConfig,
    generator: torch.Generator | None = None,
) -> Description:
    """Describes samples given as values (B, N, D), whose ties `generator` breaks; for the rest see `describe`."""
    ranks, shared = random_ranks(values, row_mask, generator)
    atoms = find_atoms(ranks, shared, side, row_mask, column_mask)
    return describe(scores_from_ranks(ranks, row_mask), side, row_mask, column_mask, config, atoms=atoms)


def describe(
    scores: Tensor,
    side: Tensor,
    row_mask: Tensor,
    column_mask: Tensor,
    config: ModelConfig,
    smooth: bool = False,
    atoms: Atoms | None = None,
) -> Description:
    """Describes samples given as normal scores (B, N, D); see `MutualInfoNet.forward` for the arguments."""
    existing = column_mask[:, None, :] & row_mask[..., None]
    scores = scores.masked_fill(~existing, 0.0)
    atoms = Atoms.none(len(side), side.shape[1], side.device) if atoms is None else atoms
    n = row_mask.sum(1).clamp(min=1).to(scores.dtype)
    counts = torch.stack([(column_mask & ~side).sum(1), (column_mask & side).sum(1)], 1).to(scores.dtype)

    scores, side, columns, derived = _with_radii(scores, side, row_mask, column_mask, counts, smooth)
    unit = unit_scores(scores, row_mask)
    signs = orientation(unit, row_mask)
    bivariate = counts.sum(1) == 2
    alone = bool(bivariate.all())
    radii = None if alone else scores[..., -2:]  # blind to the signs of columns
    unit, scores = unit * signs, scores * signs
    moments, correlation, features = _moments(unit, scores, row_mask, n, config)

    lags = (1, *doubling_lags(config)) if scores.shape[2] == 2 else (1,)
    along = None if smooth else walks_along(scores, row_mask)
    far = smooth_concomitants(scores, lags) if along is None else concomitants(along, lags)
    given = columns & ~derived
    estimates = spreads = unit.new_zeros(len(n), local_count(config))
    fine: Tensor | None = None
    if not alone:
        near = unit if atoms.levels is None else _with_ties(atoms.levels, scores, signs, row_mask, smooth)
        found = _neighbours(near * given[:, None, :], side, row_mask, atoms, config, smooth)
        estimates, spreads = (fill(values.to(unit), local_count(config)) for values in found)
    same = (side[:, :, None] == side[:, None, :]) & _both(columns)
    given_pairs = _both(given)
    linear = correlation * given_pairs
    gaussian = gaussian_mi(linear, same & given_pairs, n, counts)
    whole = unit.new_zeros(len(n), SLICE_FEATURES)
    turning = gaussian[:, -1:].expand(-1, len(anchor_orders(config.turns)))
    turns: Tensor | None = None
    x, y = (given & ~side).float().argmax(1), (given & side).float().argmax(1)
    if radii is not None:
        last = scores.shape[2] - 2  # where the radii begin; a side of one column stands for itself
        ends = torch.where(counts[:, 0] > 1, last, x), torch.where(counts[:, 1] > 1, last + 1, y)
        radial = radial_information(scores, row_mask, *ends, n, config)
        whole = fill(torch.cat([radial[:, 2:3], gaussian + radial], 1), SLICE_FEATURES)
        turned_moments = _turned_moments(scores, radii, counts > 1, side, n, config)
        turns = pair_features(turned_moments).to(unit)
        found_turning = turned_mi(
            turned_moments[:, :last, :last], (same & given_pairs)[:, :last, :last], n, counts, gaussian[:, -1]
        )
        turning = torch.where(bivariate[:, None], turning, found_turning)  # as where all samples are such
    if bool(bivariate.any()):
        pair = details_of(scores, row_mask, x, y, along, far, n, config)
        estimates = torch.where(bivariate[:, None], pair.estimates, estimates)
        spreads = torch.where(bivariate[:, None], pair.spreads, spreads)
        whole = torch.where(bivariate[:, None], pair.slices, whole)
        fine = at_pair(pair.fine * bivariate[:, None, None], x, y, scores.shape[2])

    walks = far[..., 0, :] * (~derived)[:, :, None, None]  # none goes along a radius: its ties have no order
    flags = torch.stack([same, _across(derived), _across(derived).transpose(1, 2)], -1).to(scores.dtype)
    atoms = atoms.padded(scores.shape[2])
    moves = torch.cat([walks, walks.transpose(1, 2), flags, atoms.pairs], -1)

    crossing = given_pairs & ~same
    pair_mi = -0.5 * torch.log1p(-(linear.clamp(-0.9999, 0.9999).square())).to(n.dtype) * crossing
    partners = best_partners(walks[..., 1], pair_mi, crossing, gaussian[:, 0])
    partners = torch.cat([partners, best_of_all_kinds(partners[:, 1], pair_mi, atoms, crossing, n)], 1)
    pair_sum, zero = 0.5 * pair_mi.sum((1, 2))[:, None], torch.zeros_like(n)[:, None]
    anchors = torch.cat([gaussian, estimates, pair_sum, zero, partners, whole, turning], 1)
    context = torch.cat([_sizes(n, counts, config), anchors.clamp(min=-0.9).log1p(), spreads, atoms.context], 1)
    seen = None if alone else (features[:, : config.max_rows], row_mask[:, : config.max_rows])
    return Description(
        seen, moments.flatten(3), turns, moves, fine, columns, side, derived, atoms, bivariate, anchors, context
    )


def _sizes(n: Tensor, counts: Tensor, config: ModelConfig) -> Tensor:
    """The scale of things (B, 6), blind to which side is X: of rows n (B,), and of columns of X and of Y (B, 2)."""
    log_n = n.log().clamp(max=config.max_log_n)
    log_d = counts.log1p()
    sizes = [
        log_n / 3 - 1.5,
        log_d.sum(1) / 2 - 1.5,
        (log_d[:, 0] - log_d[:, 1]).abs(),
        (counts.sum(1).log() - log_n) / 2 + 1,
        (counts.sum(1) + 1 >= n).to(n.dtype),
        (counts.sum(1) == 2).to(n.dtype),
    ]
    return torch.stack(sizes, 1)


def _neighbours(
    near: Tensor, side: Tensor, row_mask: Tensor, atoms: Atoms, config: ModelConfig, smooth: bool
) -> tuple[Tensor, Tensor]:
    """Estimates by nearest neighbours among the first `max_rows` rows, and their spreads, for scores (B, N, D)."""
    near, exist = near[:, : config.max_rows], row_mask[:, : config.max_rows]
    if smooth:
        return soft_neighbour_statistics(near, side, config.neighbours, atoms.classes, atoms.levels is not None)
    tied = None if atoms.levels is None else atoms.padded(near.shape[2]).columns[..., 0] > 0
    return neighbour_statistics(near, side, exist, config.neighbours, config.queries, atoms.classes, tied)


def _with_ties(levels: Tensor, scores: Tensor, signs: Tensor, row_mask: Tensor, smooth: bool) -> Tensor:
    """Scores of unit variance, equal where rows share a value, and zero in columns beyond those of levels: (B, N, D').

    Args:
        levels: (B, N, D) ranks, equal in atoms.
        scores: (B, N, D'), with ties broken.
        signs: (B, 1, D') by which these were multiplied.
        row_mask: (B, N).
        smooth: whether `scores` have slopes, which then remain where no value is shared.
    """
    d = levels.shape[2]
    level = scores_from_ranks(levels, row_mask) * signs[..., :d]
    if smooth:
        shared = count_equal(levels.transpose(1, 2), row_mask[:, None]).transpose(1, 2) > 1
        level = torch.where(shared, level.to(scores), scores[..., :d])
    return nn.functional.pad(unit_scores(level, row_mask), (0, scores.shape[2] - d))


def _across(flags: Tensor) -> Tensor:
    return flags[:, :, None].expand(-1, -1, flags.shape[1])


def _both(flags: Tensor) -> Tensor:
    return flags[:, :, None] & flags[:, None, :]


def _with_radii(
    scores: Tensor, side: Tensor, row_mask: Tensor, column_mask: Tensor, counts: Tensor, smooth: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Appends the rank of |X|^2 and of |Y|^2 as columns of their sides.

    A function of one side alone keeps mutual information, and these two show radial dependence to a network that looks
    at pairs. A side of one column has none: its square is among the basis functions already.
    """
    derived = torch.zeros_like(column_mask)
    if not bool((counts > 1).any()):
        return scores, side, column_mask, derived
    extra = []
    for mask in (~side, side):
        radius = (scores.square() * mask[:, None, :]).sum(2)
        if smooth:
            extra.append(smooth_scores(radius[..., None]))
            continue
        # Scores come from one grid of numbers, so rows often share a radius. They get their mean rank, with rounding
        # that hides the order of summation: an order among them would be that of the rows.
        radius = (radius * 1024).round().masked_fill(~row_mask, torch.inf)
        ordered = radius.sort(1).values
        below, upto = torch.searchsorted(ordered, radius), torch.searchsorted(ordered, radius, right=True)
        extra.append(scores_from_ranks(((below + upto - 1) / 2)[..., None], row_mask))
    exists = counts > 1
    scores = torch.cat([scores, *(e * exists[:, i, None, None] for i, e in enumerate(extra))], 2)
    new_side = torch.tensor([False, True], device=side.device).expand(side.shape[0], 2)
    return (
        scores,
        torch.cat([side, new_side], 1),
        torch.cat([column_mask, exists], 1),
        torch.cat([derived, torch.ones_like(exists)], 1),
    )


def _moments(
    unit: Tensor, scores: Tensor, row_mask: Tensor, n: Tensor, config: ModelConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-moments over all rows, a chunk at a time, and the basis values of the first `max_rows` rows.

    Between them come the correlations of the scores in double precision: near 1, their rounding is what is left.
    """
    b, rows, d = scores.shape
    step = max(config.max_rows, at_once(CHUNK, scores.device) // max(1, b * d * (config.cosines + 2)))
    first: Tensor | None = None
    total: Tensor | None = None
    exact = scores.new_zeros(b, d, d, dtype=torch.float64)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        features = basis(unit[:, part], scores[:, part], row_mask[:, part], config.cosines)
        products = cross_moments(features, n)
        first = features if first is None else first
        total = products if total is None else total + products
        exact = exact + cross_products(scores[:, part])
    if first is None or total is None:
        raise ValueError("a sample without rows cannot be described")
    return total, correlations(exact), first


def _turned_moments(
    scores: Tensor, radii: Tensor, exist: Tensor, side: Tensor, n: Tensor, config: ModelConfig
) -> Tensor:
    """Cross-moments of turned columns over all rows, a chunk at a time: (B, D, D, turns + 1, turns + 1).

    In double precision, as correlations near 1 need it: a determinant would show how float32 was rounded in a batch.
    """
    b, rows, d = scores.shape
    step = max(1, at_once(CHUNK, scores.device) // (b * d * (config.turns + 1)))
    total = scores.new_zeros(b, d, d, config.turns + 1, config.turns + 1, dtype=torch.float64)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        columns = turned(scores[:, part], radii[:, part], exist, side, config.turns)
        total = total + cross_moments(columns.double(), n.double())
    return total
