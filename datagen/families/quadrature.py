"""Quadrature in one dimension: composite Gauss-Legendre rules, and the MI of a channel that a score goes into."""

import numpy as np
from scipy.special import rel_entr

from mutualist.datagen.interface import Array

END = 8.5  # The normal probability beyond is 2e-17.


def normal_panels(breaks: Array, nodes: int = 8) -> tuple[Array, Array]:
    """Nodes s and weights φ(s) ds of the composite rule between increasing `breaks`."""
    s, w = panels(breaks, nodes)
    return s, w * np.exp(-0.5 * s * s) / np.sqrt(2.0 * np.pi)


def normal_rule(width: float, extra: Array | None = None) -> tuple[Array, Array]:
    """Nodes s and weights φ(s) ds for smooth functions that vary over `width`, with further breaks at `extra`."""
    breaks = np.linspace(-END, END, 1 + int(np.ceil(2 * END / min(1.0, width))))
    if extra is not None:
        breaks = np.unique(np.clip(np.concatenate([breaks, np.ravel(extra)]), -END, END))
    return normal_panels(breaks)


def channel_mi(weights: Array, rows: Array) -> float:
    """I in nats of a score with quadrature `weights` (m,) and the probabilities `rows` (m, levels) of Y given it."""
    marginal = weights @ rows
    return max(0.0, float(weights @ rel_entr(rows, marginal).sum(axis=1)))


def panels(breaks: Array, nodes: int = 12) -> tuple[Array, Array]:
    """Composite Gauss-Legendre rule between increasing `breaks`: (len − 1)·nodes nodes and their weights."""
    t, w = legendre(nodes)
    half = 0.5 * np.diff(breaks)
    middle = 0.5 * (breaks[1:] + breaks[:-1])
    return (middle[:, None] + half[:, None] * t).ravel(), (half[:, None] * w).ravel()


_RULES: dict[int, tuple[Array, Array]] = {}


def legendre(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Legendre rule on [-1, 1], made once."""
    if nodes not in _RULES:
        _RULES[nodes] = np.polynomial.legendre.leggauss(nodes)
    return _RULES[nodes]
