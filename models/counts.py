"""Counts of rows with equal values, and what the counts of a table tell. Shapes: N rows, any axes before them."""

import torch
from torch import Tensor

COUNTS = 2  # estimates


def count_equal(level: Tensor, exists: Tensor) -> Tensor:
    """How many existing rows have the level, 0..N-1, of each row (..., N); at least 1."""
    count = torch.zeros_like(level).scatter_add_(-1, level, exists.expand_as(level).long())
    return count.gather(-1, level).clamp(min=1)


def numbered(values: Tensor) -> Tensor:
    """Numbers 0..N-1 for integers (..., N), equal where these are."""
    ordered, order = values.sort(-1)
    run = torch.nn.functional.pad((ordered[..., 1:] != ordered[..., :-1]).long().cumsum(-1), (1, 0))
    return torch.empty_like(run).scatter_(-1, order, run)


def repetition(count: Tensor, exists: Tensor) -> Tensor:
    """Share of rows whose value another row has, and 1 - H / ln n for the entropy H of values: (B, K, 2) of (B, K, N).

    Values of columns that do not exist have no rows in `exists`, which is (B, K, N) or (B, 1, N).
    """
    n = exists.any(1).sum(1, keepdim=True).double()
    shared = ((count > 1) & exists).sum(2) / n
    missing = (count.double().log() * exists).sum(2) / n / n.log().clamp(min=1)
    return torch.stack([shared, missing], 2).float()


def entropies(count: Tensor, exists: Tensor) -> Tensor:
    """Plug-in entropies of values, in nats: (B, K) of how many rows (B, K, N) have the value of each row."""
    n = exists.sum(2).double()
    return n.log() - (count.double().log() * exists).sum(2) / n


def count_information(count: Tensor, exists: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mutual information of the table of X's and Y's values, (B, COUNTS) nats, its standard error and its cells.

    The plug-in estimate with the bias that Miller and Madow (1955) give for the cells met, and with that for all cells.
    The standard error (B, 1) in nats is that of large samples: of a mean of ln p(x, y) / p(x) p(y). Cells that are met:
    (B, 1).

    Args:
        count: (B, 3, N), how many rows have the value of each row in X, in Y and in both.
        exists: (B, 1, N).
    """
    counts, n = count.double(), exists.sum(2).double()
    entropy = entropies(count, exists)
    taken = (exists / counts).sum(2)  # values of X, of Y, cells of their table
    met = taken[:, 2] - taken[:, 0] - taken[:, 1] + 1
    bias = torch.stack([met, (taken[:, 0] - 1) * (taken[:, 1] - 1)], 1) / (2 * n)
    plain = entropy[:, :1] + entropy[:, 1:2] - entropy[:, 2:]
    logs = counts.log()
    beyond = logs[:, 2] - logs[:, 0] - logs[:, 1] + n.log() - plain  # a difference of squares would leave its rounding
    error = (beyond.square() * exists[:, 0]).sum(1, True).sqrt() / n
    return (plain - bias).float().clamp(min=-0.5), error.float(), taken[:, 2:]
