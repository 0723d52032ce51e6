"""What each pair of columns carries: cross-moments of the basis, and how one column moves along the other."""

import math

import torch
from torch import Tensor

LAGS = (1, 3)
CHUNK = 1 << 22  # elements held at once


def cross_moments(features: Tensor, n: Tensor) -> Tensor:
    """Means over rows of all products of basis functions of two columns: (B, D, D, K, K).

    features: (B, N, D, K). This is linear attention over the sample axis, exact for any number of rows.
    """
    b, rows, d, k = features.shape
    flat = features.reshape(b, rows, d * k)
    gram = flat.transpose(1, 2) @ flat / n.clamp(min=1)[:, None, None]
    return gram.view(b, d, k, d, k).transpose(2, 3)


def concomitants(scores: Tensor, row_mask: Tensor) -> Tensor:
    """How far column k moves between rows that are neighbours in column j: (B, D, D, 2 * lags), entry [j, k].

    Along the rows sorted by column j, mean |du| (Chatterjee 2021) and mean ln(|du| + 1/n) of the ranks u of column k,
    centred so that independence gives about 0. It resolves sharp edges and strong dependence, which a short basis cannot.
    """
    b, rows, d = scores.shape
    n = row_mask.sum(1).clamp(min=2)
    u = 0.5 * torch.erf(scores / math.sqrt(2.0))
    keys = scores.masked_fill(~row_mask[..., None], torch.inf)
    order = keys.argsort(dim=1)  # (B, N, D)
    base = (torch.arange(b, device=scores.device) * rows)[:, None]
    flat = u.reshape(b * rows, d)
    floor = (1.0 / n)[:, None, None]
    out = scores.new_zeros(b, d, d, 2 * len(LAGS))
    step = max(1, CHUNK // (b * rows * d))
    for start in range(0, d, step):
        some = order[:, :, start : start + step] + base[..., None]  # (B, N, J)
        walk = flat[some.transpose(1, 2).reshape(-1)].view(b, -1, rows, d)  # (B, J, N, D)
        stats = []
        for lag in LAGS:
            if rows <= lag:
                stats += [scores.new_zeros(b, walk.shape[1], d)] * 2
                continue
            move = (walk[:, :, lag:] - walk[:, :, :-lag]).abs()  # (B, J, N - lag, D)
            keep = (torch.arange(lag, rows, device=scores.device) < n[:, None])[:, None, :, None]
            count = (n - lag).clamp(min=1)[:, None, None]
            mean = (move * keep).sum(2) / count
            log = ((move + floor[..., None]).log() * keep).sum(2) / count
            present = (n > lag)[:, None, None]
            stats += [torch.where(present, 1 - 3 * mean, 0.0), torch.where(present, -(log + 1.5), 0.0)]
        out[:, start : start + step] = torch.stack(stats, -1)
    return out
