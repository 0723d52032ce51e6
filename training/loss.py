"""The training loss: pinball over the levels, with samples of large mutual information damped."""

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


def weight(median: Tensor) -> Tensor:
    """Weight of each sample by its predicted median (B,) in nats, 1 / (1 + median / 4): (B,), without gradient.

    So samples of 30 nats do not drown those of 0.1. It is the prediction that counts: a weight by the truth, which the
    sample does not tell, would teach the quantiles of another distribution, tilted towards small values.
    """
    return 1 / (1 + _DAMPING * median.detach())
