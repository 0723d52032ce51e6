"""The training loss: pinball over the levels, with samples of large or little known mutual information damped."""

import torch
from torch import Tensor

_DAMPING = 0.25  # per nat
_NARROW = 0.01  # nats; quartiles nearer than this weigh hardly more
_USUAL = 0.1  # nats; quartiles this far apart weigh 1


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


def weight(quantiles: Tensor, levels: Tensor, spread_power: float = 0.0) -> Tensor:
    """Weight of each sample by what is predicted for it: (B,), without gradient.

    1 / (1 + median / 4), so that samples of 30 nats do not drown those of 0.1; and inversely as a power of the
    distance between the quartiles, so that samples of many rows, which tell their mutual information to a hundredth of
    a nat, are not drowned by those of ten. It is the prediction that counts: a weight by the truth, which the sample
    does not tell, would teach the quantiles of another distribution, tilted towards small values.

    Args:
        quantiles: (B, Q) nats.
        levels: (Q,).
        spread_power: of the distance between the quartiles; 0 leaves it out.
    """
    low, median, high = (quantiles.detach()[:, int((levels - at).abs().argmin())] for at in (0.25, 0.5, 0.75))
    return ((high - low + _NARROW) / _USUAL) ** -spread_power / (1 + _DAMPING * median)
