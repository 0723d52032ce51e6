"""What the counts of a table tell by chance alone: compared with all ways to pair the rows of X with those of Y.

Shapes: B samples, N rows.
"""

import torch
from torch import Tensor

from mutualist.models.counts import entropies

SIGNS = 2
STEP = 0.75  # of the quadrature in ln t
LEAST = 0.1  # part of its largest value that an estimate must have left above chance
CELLS = 1 << 21  # pairs of counts of several tables, held at once
MOST = 1 << 18  # pairs of counts of a table; one with more is not looked at


def adjusted_information(count: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
    """Mutual information of X's and Y's values adjusted for chance (B, 1), in nats, and whether it is known (B, 1).

    h (I - E I) / (h - E I) for the plug-in estimate I, its mean E I over all permutations of the rows of Y, and the
    smaller entropy h of X's and of Y's values (Vinh, Epps and Bailey 2010, eq. 9): 0 on average where X and Y are
    independent, and h where one determines the other, however few rows a cell has. It is unknown where chance alone
    tells nearly h, as where most rows have values of their own.

    Args:
        count: (B, 3, N), how many rows have the value of each row in X, in Y and in both.
        exists: (B, 1, N).
    """
    entropy = entropies(count, exists)
    plain = entropy[:, :1] + entropy[:, 1:2] - entropy[:, 2:]
    most = entropy[:, :2].amin(1, True)
    chance, found = expected_information(count[:, :2], exists)
    left = most - chance
    known = found & (left > LEAST * most) & (most > 1e-6)
    adjusted = most * (plain - chance) / torch.where(known, left, 1.0)
    return (adjusted.clamp(min=-0.5) * known).float(), known


def expected_information(count: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the plug-in estimate over all permutations of the rows of Y (B, 1), in nats, and whether it is known.

    A cell of a value with a rows and one with b holds c rows, hypergeometric, and E c ln c = (a b / n) E ln(1 + c'),
    c' hypergeometric for a - 1, b - 1 and n - 1. In place of c' stands a binomial count of its mean and variance, of m
    trials that succeed with p: then it is the integral of (1 - (1 - p (1 - e^-t))^m) e^-t / t over t > 0.

    Args:
        count: (B, 2, N), how many rows have the value of each row in X and in Y.
        exists: (B, 1, N).
    """
    rows, n = count.shape[2], exists.sum(2).double()
    # How many values have a rows, for each a. Only these counts are gone through, not the values.
    there = exists.expand_as(count)
    values = torch.zeros(*count.shape[:2], rows + 1, dtype=torch.float64, device=count.device)
    values.scatter_add_(2, count, there / count.double())
    different = (values > 0.5).sum(2)  # (B, 2)
    known = (different.prod(1, True) <= MOST) & (n > 2)
    chance = torch.zeros_like(n)
    if not bool(known.any()):
        return chance, known
    most = int((different * known).max())
    size = torch.where(values > 0.5, torch.arange(rows + 1, device=count.device), 0).topk(most).values  # (B, 2, K)
    many = values.gather(2, size) * (size > 0)
    log_rows = (many * size * size.clamp(min=1).double().log()).sum((1, 2))[:, None]  # sums of a ln a and of b ln b
    per = max(1, CELLS // most**2)
    for start in range(0, len(n), per):
        part = slice(start, start + per)
        (a, b), total = size[part, :, :].double().unbind(1), n[part].clamp(min=3)[..., None]
        (one, other) = many[part].unbind(1)
        a, b = a[:, :, None], b[:, None, :]
        mean = (a - 1) * (b - 1) / (total - 1)
        spread = mean * (total - a) / (total - 1) * (total - b) / (total - 2)
        log_cell = _mean_log(mean.clamp(min=0), spread)  # (b, K, K)
        cells = (one[:, :, None] * other[:, None] * a * b * log_cell).sum((1, 2)) / total[:, 0, 0]
        chance[part, 0] = cells
    chance = (chance - log_rows) / n + n.log()
    return chance.clamp(min=0) * known, known


def _mean_log(mean: Tensor, variance: Tensor) -> Tensor:
    """E ln(1 + c) for counts c of this mean and of this variance, which is not larger: as of a binomial law."""
    p = (1 - variance / mean.clamp(min=1e-9)).clamp(1e-9, 1)
    trials = mean / p
    t = torch.exp(torch.arange(-27, 5, device=mean.device, dtype=mean.dtype) * STEP)
    total = torch.zeros_like(mean)
    for q, weight in zip((-torch.expm1(-t)).tolist(), (STEP * torch.exp(-t)).tolist(), strict=True):
        total -= weight * torch.expm1(trials * torch.log1p(-q * p))
    return total


def dependence_signs(count: Tensor, exists: Tensor) -> Tensor:
    """How far a table is from what independent X and Y give: (B, SIGNS).

    Pearson's chi-squared less its mean, over its standard deviation, both over all permutations of the rows of Y and
    exact however few rows a cell has (Kazi-Aoual et al. 1995, for the projections on the values of X and of Y), as
    sign(z) ln(1 + |z|). And ln(1 + phi^2) for phi^2 = chi^2 / n less that mean: near twice a small mutual information.
    Both are 0 where all permutations give the same, as where each row has a value of its own.

    Args:
        count, exists: as for `adjusted_information`.
    """
    counts, n = count.double(), exists.sum(2).double()
    trace = (exists / counts[:, :2]).sum(2) - 1
    rest = (n - 1) * trace - trace.square()
    squares = ((1 / counts[:, :2] - 1 / n[..., None]).square() * exists).sum(2)
    fourth = n * (n + 1) * squares - (n - 1) * (trace.square() + 2 * trace)
    m = n.clamp(min=4)
    variance = 2 * rest.prod(1, True) / ((m - 1).square() * (m + 1) * (m - 2))
    variance = variance + fourth.prod(1, True) / ((m + 1) * m * (m - 1) * (m - 2) * (m - 3))
    mean = trace.prod(1, True) / (m - 1)
    beyond = (exists[:, 0] * counts[:, 2] / counts[:, :2].prod(1)).sum(1, True) - 1 - mean
    beyond = beyond.masked_fill((variance < 1e-9 * (1e-3 + mean)) | (n < 4), 0.0)
    z = beyond / variance.clamp(min=1e-12).sqrt()
    return torch.cat([z.sign() * z.abs().log1p(), beyond.clamp(min=-0.5).log1p()], 1).float()
