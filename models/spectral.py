"""Plug-in mutual information of one pair of columns from the cosine expansion of its copula density."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mutualist.models.chunks import at_once

SHRINKAGES = (0.0, 1.0, 2.0, 4.0, 8.0)  # of squared coefficients, in units of 1 / n
GRID = 32
CHUNK = 1 << 19  # values of densities held at once in a cache


def spectral_mi(coefficients: Tensor, n: Tensor | int) -> Tensor:
    """Integral of c ln c for c(u, v) = 1 + sum a_kl phi_k(u) phi_l(v), at several shrinkages: (B, 5) nats.

    Each coefficient is scaled by a^2 / (a^2 + s / n), the James-Stein-like weight of a mean with variance 1 / n. The
    estimate is consistent as n and the number of cosines grow; the network learns what is missing.

    Args:
        coefficients: (B, K, K), means over rows of sqrt(2) cos(pi k u) sqrt(2) cos(pi l v).
        n: (B,) rows, or one number.
    """
    step = max(1, at_once(CHUNK, coefficients.device) // (len(SHRINKAGES) * GRID**2))
    if len(coefficients) > step:
        parts = coefficients.split(step)
        rows = n.split(step) if isinstance(n, Tensor) else [n] * len(parts)
        return torch.cat([spectral_mi(part, of) for part, of in zip(parts, rows, strict=True)])
    waves = _waves(coefficients.shape[-1], coefficients.device).to(coefficients.dtype)
    shrunk = torch.stack([shrunken(coefficients, n, strength) for strength in SHRINKAGES], 1)
    density = (1 + waves.T @ shrunk @ waves).clamp(min=1e-3)
    mass = density.mean((-2, -1))  # 1, but for what the clamp added
    return (density * _log(density)).mean((-2, -1)) / mass - mass.log()


@cache
def _waves(count: int, device: torch.device) -> Tensor:
    """sqrt(2) cos(pi k u) for k = 1..count on the grid: (K, G)."""
    with torch.inference_mode(False):  # kept for later calls, which may ask for gradients
        u = (torch.arange(GRID) + 0.5) / GRID
        return (math.sqrt(2.0) * torch.cos(math.pi * torch.arange(1, count + 1)[:, None] * u)).to(device)


def _log(values: Tensor) -> Tensor:
    """ln. numpy takes it in a third of the time that torch does on a processor."""
    if values.device.type != "cpu" or values.requires_grad:
        return values.log()
    return torch.from_numpy(np.log(values.numpy()))


def shrunken(coefficients: Tensor, n: Tensor | int, strength: float) -> Tensor:
    """Coefficients (B, K, K) scaled by a^2 / (a^2 + strength / n)."""
    squares = coefficients.square()
    noise = strength / (n[:, None, None] if isinstance(n, Tensor) else n)
    return coefficients * squares / (squares + noise + 1e-12)
