"""Plug-in mutual information of one pair of columns from the cosine expansion of its copula density."""

import math

import torch
from torch import Tensor

SHRINKAGES = (0.0, 1.0, 2.0, 4.0, 8.0)  # of squared coefficients, in units of 1 / n
GRID = 32


def spectral_mi(coefficients: Tensor, n: Tensor) -> Tensor:
    """Integral of c ln c for c(u, v) = 1 + sum a_kl phi_k(u) phi_l(v), at several shrinkages: (B, 5) nats.

    Each coefficient is scaled by a^2 / (a^2 + s / n), the James-Stein-like weight of a mean with variance 1 / n. The
    estimate is consistent as n and the number of cosines grow; the network learns what is missing.

    Args:
        coefficients: (B, K, K), means over rows of sqrt(2) cos(pi k u) sqrt(2) cos(pi l v).
        n: (B,) rows.
    """
    k = coefficients.shape[-1]
    u = ((torch.arange(GRID, device=coefficients.device) + 0.5) / GRID).to(coefficients.dtype)
    waves = math.sqrt(2.0) * torch.cos(math.pi * torch.arange(1, k + 1, device=u.device)[:, None] * u)  # (K, G)
    strengths = torch.tensor(SHRINKAGES, device=u.device)[None, :, None, None] / n[:, None, None, None]
    a = coefficients[:, None]
    shrunk = a * a.square() / (a.square() + strengths + 1e-12)
    density = (1 + waves.T @ shrunk @ waves).clamp(min=1e-3)
    density = density / density.mean((-2, -1), keepdim=True)
    return (density * density.log()).mean((-2, -1))
