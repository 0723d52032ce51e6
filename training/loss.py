"""The training loss: pinball over the levels, with records of large mutual information damped."""

import torch
from torch import Tensor

_DAMPING = 0.25  # per nat


def pinball(quantiles: Tensor, truth: Tensor, levels: Tensor) -> Tensor:
    """Pinball loss of each record, averaged over levels: (B,), nats.

    max(t (v - q), (t - 1) (v - q)) for truth v and the quantile q at level t: proper for every quantile (Koenker and
    Bassett, 1978).

    Args:
        quantiles: (B, Q) nats.
        truth: (B,) nats.
        levels: (Q,).
    """
    gap = truth[:, None] - quantiles
    return torch.maximum(levels * gap, (levels - 1) * gap).mean(1)


def weight(truth: Tensor) -> Tensor:
    """Weight of each record, 1 / (1 + mi / 4), so that records of 30 nats do not drown those of 0.1: (B,)."""
    return 1 / (1 + _DAMPING * truth)
