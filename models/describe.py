"""Everything the network is told about a sample, without a single weight.

Shapes: B datasets, N rows, D columns (X's, Y's, and one derived column a side), K basis functions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mutualist.models.basis import basis, cosines_of_ranks, orientation, unit_scores
from mutualist.models.config import ModelConfig
from mutualist.models.gaussian import STRENGTHS, gaussian_mi
from mutualist.models.neighbours import neighbour_statistics
from mutualist.models.pairs import MOVES, concomitants, cross_moments
from mutualist.models.scores import scores_from_ranks
from mutualist.models.smooth import smooth_concomitants, smooth_scores, soft_neighbour_statistics
from mutualist.models.spectral import SHRINKAGES, spectral_mi

CHUNK = 1 << 24  # basis values held at once


@dataclass(frozen=True)
class Description:
    """A sample as the network sees it.

    Attributes:
        features: (B, M, D, K) oriented basis values of the first rows, zero where nothing exists.
        rows: (B, M) which of them exist.
        moments: (B, D, D, K * K) cross-moments of each ordered pair of columns.
        moves: (B, D, D, P) concomitants both ways, and flags: same side, derived first, derived second.
        columns: (B, D) which columns exist.
        side: (B, D) true for columns of Y. Used only to tell whether two columns share a side.
        derived: (B, D) true for the radius columns.
        anchors: (B, A) classical estimates in nats.
        context: (B, C) the scale of things: n, dx, dy, the anchors and their spreads.
    """

    features: Tensor
    rows: Tensor
    moments: Tensor
    moves: Tensor
    columns: Tensor
    side: Tensor
    derived: Tensor
    anchors: Tensor
    context: Tensor


def moment_features(config: ModelConfig) -> int:
    """K * K."""
    return (config.cosines + 2) ** 2


MOVE_FEATURES = 2 * MOVES + 3


def anchor_count(config: ModelConfig) -> int:
    """A: Gaussian, nearest neighbours (or, in 1 x 1, spectral), pair sum, zero, two sums over best partners."""
    return len(STRENGTHS) + 1 + local_count(config) + 4


def local_count(config: ModelConfig) -> int:
    """Slots for nearest-neighbour estimates, which in 1 x 1 hold the spectral ones."""
    return max(len(config.neighbours), len(SHRINKAGES))


def doubling_lags(config: ModelConfig) -> tuple[int, ...]:
    """Of the walks that fill the slots of spreads in 1 x 1."""
    return tuple(2 ** (i + 1) for i in range(local_count(config)))


def context_features(config: ModelConfig) -> int:
    """C."""
    return 6 + anchor_count(config) + local_count(config)


def describe(
    scores: Tensor, side: Tensor, row_mask: Tensor, column_mask: Tensor, config: ModelConfig, smooth: bool = False
) -> Description:
    """Describes samples given as normal scores (B, N, D); see `MutualInfoNet.forward` for the arguments."""
    existing = column_mask[:, None, :] & row_mask[..., None]
    scores = scores.masked_fill(~existing, 0.0)
    n = row_mask.sum(1).clamp(min=1).to(scores.dtype)
    counts = torch.stack([(column_mask & ~side).sum(1), (column_mask & side).sum(1)], 1).to(scores.dtype)

    scores, side, columns, derived = _with_radii(scores, side, row_mask, column_mask, counts, smooth)
    unit = unit_scores(scores, row_mask)
    signs = orientation(unit, row_mask)
    unit, scores = unit * signs, scores * signs
    moments, features = _moments(unit, scores, row_mask, n, config)

    same = (side[:, :, None] == side[:, None, :]) & columns[:, :, None] & columns[:, None, :]
    cross = (side[:, :, None] != side[:, None, :]) & columns[:, :, None] & columns[:, None, :]
    flags = torch.stack([same, _across(derived), _across(derived).transpose(1, 2)], -1).to(scores.dtype)
    lags = (1, *doubling_lags(config)) if scores.shape[2] == 2 else (1,)
    far = smooth_concomitants(scores, lags) if smooth else concomitants(scores, row_mask, lags)
    walks = far[..., 0, :] * (~derived)[:, :, None, None]  # none goes along a radius: its ties have no order
    moves = torch.cat([walks, walks.transpose(1, 2), flags], -1)

    z = config.cosines  # index of the scores themselves among the basis functions
    given = columns & ~derived
    linear = moments[..., z, z] * _both(given)
    gaussian = gaussian_mi(linear, same & _both(given), n, counts)
    crossing = cross & _both(given)
    pair_mi = -0.5 * torch.log1p(-(linear.clamp(-0.9999, 0.9999).square())) * crossing
    known = unit * given[:, None, :]
    local, spread = _local(scores, known, side, row_mask, given, counts, n, config, far[..., 1:, 1], smooth)
    partners = _best_partners(walks[..., 1], pair_mi, crossing, gaussian[:, 0])
    pair_sum, zero = 0.5 * pair_mi.sum((1, 2))[:, None], torch.zeros_like(n)[:, None]
    anchors = torch.cat([gaussian, local, pair_sum, zero, partners], 1)
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
    context = torch.cat([torch.stack(sizes, 1), anchors.clamp(min=-0.9).log1p(), spread], 1)
    m = config.max_rows
    return Description(
        features[:, :m], row_mask[:, :m], moments.flatten(3), moves, columns, side, derived, anchors, context
    )


def _best_partners(walks: Tensor, normal: Tensor, crossing: Tensor, gaussian: Tensor) -> Tensor:
    """Sums over the columns of what each shares with its best partner on the other side: (B, 2) nats.

    Mean ln |du| between neighbours is the entropy of one column given the other, up to the shape of the noise: exactly
    so where it is uniform. The first sum takes each column's best partner by it. The second adds to the Gaussian
    estimate what these pairs hold beyond their own normal mutual information, as sharp edges do. Both count each pair
    from both of its ends, hence the halves.

    Args:
        walks: (B, D, D), -(E ln |du| + 3/2) along column j for column k.
        normal: (B, D, D), -1/2 ln(1 - r^2) of each pair.
        crossing: (B, D, D), true for pairs of given columns of different sides.
        gaussian: (B,), the Gaussian estimate to correct.
    """
    shared = (0.5 * (walks + walks.transpose(1, 2))).masked_fill(~crossing, -torch.inf)
    best, partner = shared.max(2)  # (B, D)
    best = best.masked_fill(~crossing.any(2), 0.0).clamp(min=0)
    beyond = (best - normal.gather(2, partner[..., None])[..., 0]) * (2 * best).clamp(max=1)
    return torch.stack([0.5 * best.sum(1), gaussian + 0.5 * beyond.sum(1)], 1)


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


def _moments(unit: Tensor, scores: Tensor, row_mask: Tensor, n: Tensor, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cross-moments over all rows, a chunk at a time, and the basis values of the first `max_rows` rows."""
    b, rows, d = scores.shape
    step = max(config.max_rows, CHUNK // max(1, b * d * (config.cosines + 2)))
    first: Tensor | None = None
    total: Tensor | None = None
    for start in range(0, rows, step):
        part = slice(start, start + step)
        features = basis(unit[:, part], scores[:, part], row_mask[:, part], config.cosines)
        products = cross_moments(features, n)
        first = features if first is None else first
        total = products if total is None else total + products
    if first is None or total is None:
        raise ValueError("a sample without rows cannot be described")
    return total, first


def _local(
    scores: Tensor,
    unit: Tensor,
    side: Tensor,
    row_mask: Tensor,
    given: Tensor,
    counts: Tensor,
    n: Tensor,
    config: ModelConfig,
    far: Tensor,
    smooth: bool,
) -> tuple[Tensor, Tensor]:
    """Local estimates and how they vary, in `local_count` slots each.

    Nearest-neighbour estimates and the spread of their terms; where X and Y have one column each, spectral estimates
    and concomitants at doubling lags, which say as much there and cost no distances. `far` (B, D, D, lags) holds the
    latter if all samples are such.
    """
    slots = local_count(config)
    bivariate = counts.sum(1) == 2
    estimates, spreads = unit.new_zeros(unit.shape[0], slots), unit.new_zeros(unit.shape[0], slots)
    if not bool(bivariate.all()):
        m = config.max_rows
        if smooth:
            found, spread = soft_neighbour_statistics(unit[:, :m], side, config.neighbours)
        else:
            found, spread = neighbour_statistics(unit[:, :m], side, row_mask[:, :m], config.neighbours, config.queries)
        pad = slots - found.shape[1]
        estimates = torch.cat([found, found[:, -1:].expand(-1, pad)], 1)
        spreads = torch.cat([spread, spread[:, -1:].expand(-1, pad)], 1)
    if bool(bivariate.any()):
        x, y = (given & ~side).float().argmax(1), (given & side).float().argmax(1)
        both = torch.stack([x, y], 1)[:, None, :].expand(-1, unit.shape[1], -1)
        pair = scores.gather(2, both)  # (B, N, 2)
        waves = torch.stack(cosines_of_ranks(pair, config.spectral_cosines), -1) * row_mask[:, :, None, None]
        coefficients = waves[:, :, 0].transpose(1, 2) @ waves[:, :, 1] / n[:, None, None]
        spectral = spectral_mi(coefficients, n)
        pad = slots - spectral.shape[1]
        spectral = torch.cat([spectral, spectral[:, -1:].expand(-1, pad)], 1)
        estimates = torch.where(bivariate[:, None], spectral, estimates)
        if not far.shape[3]:
            far = concomitants(pair, row_mask, doubling_lags(config))[..., 1]
        spreads = torch.where(bivariate[:, None], far[:, 0, 1] + far[:, 1, 0], spreads)
    return estimates, spreads
