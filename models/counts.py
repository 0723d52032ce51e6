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
    entropy = n.log() - (counts.log() * exists).sum(2) / n
    taken = (exists / counts).sum(2)  # values of X, of Y, cells of their table
    met = taken[:, 2] - taken[:, 0] - taken[:, 1] + 1
    bias = torch.stack([met, (taken[:, 0] - 1) * (taken[:, 1] - 1)], 1) / (2 * n)
    plain = entropy[:, :1] + entropy[:, 1:2] - entropy[:, 2:]
    logs = counts.log()
    squares = ((logs[:, 2] - logs[:, 0] - logs[:, 1] + n.log()).square() * exists[:, 0]).sum(1, True) / n
    error = ((squares - plain.square()).clamp(min=0) / n).sqrt()
    return (plain - bias).float().clamp(min=-0.5), error.float(), taken[:, 2:]
