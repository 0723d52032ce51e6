"""Random strictly increasing maps of a column. Each entry of COLUMN_MAPS draws (map, parameters).

A map must stay strictly increasing after rounding to float32, or rows that differed would become ties and information
would be lost: maps that level off do so no faster than float32 can follow, and maps that explode are bent to
logarithmic growth far out in the tails. Columns of unit scale are expected.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mutualist.datagen.interface import Array

Map: TypeAlias = Callable[[Array], Array]
Drawn: TypeAlias = tuple[Map, dict[str, Any]]

_STEEPEST = 73.0  # exponents end here: e^73 times the largest unit of a column, 10^6, is a float32 still


def standardise(values: Array, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(values − location) / scale in float64, by median and interquartile range of the pilot rows (those from n on).

    Where more than half of the pilot rows agree the scale is their mean absolute deviation, and 1 if all agree.
    """
    pilot = np.sort(np.asarray(values[n:], dtype=np.float64), axis=0)
    rows = len(pilot)
    low, location, high = pilot[rows // 4], pilot[rows // 2], pilot[(3 * rows) // 4]
    scale = (high - low) / 1.349
    if (scale <= 0).any():
        scale = np.where(scale > 0, scale, np.abs(pilot - location).mean(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
    return (values - location) / scale, location, scale


def _asinh(rng: np.random.Generator) -> Drawn:
    return np.arcsinh, {}


def _half_cube(rng: np.random.Generator) -> Drawn:
    return lambda x: x * np.sqrt(np.abs(x)), {}


def _wigglify(rng: np.random.Generator) -> Drawn:
    """x + Σ a_i sin(w_i x + b_i) with Σ a_i w_i = s < 1, so that the slope stays within [1 − s, 1 + s].

    After the "wiggly" map of Czyż et al. 2023 (app. D), whose numbers are fixed.
    """
    w = np.exp(rng.uniform(np.log(0.5), np.log(4.0), size=2))
    b = rng.uniform(0, 2 * np.pi, size=2)
    share, strength = rng.uniform(0.2, 0.8), rng.uniform(0.4, 0.9)
    a = strength * np.array([share, 1 - share]) / w
    (w1, w2), (b1, b2), (a1, a2) = w.tolist(), b.tolist(), a.tolist()

    def wiggle(x: Array) -> Array:
        return x + a1 * np.sin(w1 * x + b1) + a2 * np.sin(w2 * x + b2)

    return wiggle, {"a": [a1, a2], "w": [w1, w2], "b": [b1, b2]}


def _bend(x: Array, at: float) -> Array:
    """Identity near 0 and logarithmic beyond ±`at`: strictly increasing, odd, smooth."""
    return at * np.arcsinh(x / at)


def _normal_cdf(rng: np.random.Generator) -> Drawn:
    """Φ(z) up to |z| = 3, continued by tails that fall as 1/|z| instead of e^(−z²/2).

    Φ itself makes ties of everything beyond z = 5 in float32; with the tail c/(|z| − 3 + d) values differ up to
    |z| ≈ 10⁴. c and d make value and slope continuous.
    """
    edge = 3.0
    tail = float(ndtr(-edge))
    slope = float(np.exp(-edge * edge / 2) / np.sqrt(2 * np.pi))
    d = tail / slope

    def cdf(z: Array) -> Array:
        beyond = np.maximum(np.abs(z) - edge, 0)
        far = tail * d / (beyond + d)
        return np.where(np.abs(z) <= edge, ndtr(z), np.where(z < 0, far, 1 - far))

    return cdf, {}


def _arctan(rng: np.random.Generator) -> Drawn:
    return lambda z: 0.5 + np.arctan(z) / np.pi, {}


def _exp(rng: np.random.Generator) -> Drawn:
    rate = float(np.exp(rng.uniform(np.log(0.3), np.log(2.0))))

    def exp(z: Array) -> Array:
        return np.exp(np.clip(_bend(rate * z, 3.0), -_STEEPEST, _STEEPEST))

    return exp, {"rate": rate}


def _power(rng: np.random.Generator) -> Drawn:
    p = float(np.exp(rng.uniform(np.log(0.3), np.log(3.0))))
    return lambda z: np.sign(z) * np.minimum(np.abs(z), 1e10) ** p, {"p": p}


def _heavy_tails(rng: np.random.Generator) -> Drawn:
    rate = float(rng.uniform(0.3, 2.0))

    def sinh(z: Array) -> Array:
        return np.sinh(np.clip(_bend(rate * z, 3.0), -_STEEPEST, _STEEPEST))

    return sinh, {"rate": rate}


def _spline(rng: np.random.Generator) -> Drawn:
    """A random smooth monotone spline: slope piecewise linear between random positive slopes at knots on ±4.

    Between knots f is quadratic, beyond them linear, everywhere continuously differentiable.
    """
    knots = np.sort(rng.uniform(-3.0, 3.0, size=int(rng.integers(3, 9))))
    slopes = np.exp(rng.uniform(np.log(0.05), np.log(5.0), size=len(knots)))
    gaps = np.maximum(np.diff(knots), 1e-3)
    knots = knots[0] + np.concatenate(([0.0], np.cumsum(gaps)))
    heights = np.concatenate(([0.0], np.cumsum(gaps * (slopes[1:] + slopes[:-1]) / 2)))
    bends = np.diff(slopes) / gaps

    def spline(z: Array) -> Array:
        i = np.clip(np.searchsorted(knots, z) - 1, 0, len(gaps) - 1)
        t = z - knots[i]
        inside = heights[i] + t * (slopes[i] + 0.5 * bends[i] * t)
        below, above = slopes[0] * (z - knots[0]), heights[-1] + slopes[-1] * (z - knots[-1])
        return np.where(z < knots[0], below, np.where(z > knots[-1], above, inside))

    return spline, {"knots": knots.tolist(), "slopes": slopes.tolist()}


COLUMN_MAPS: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "asinh": _asinh,
    "half-cube": _half_cube,
    "wigglify": _wigglify,
    "normal-cdf": _normal_cdf,
    "arctan": _arctan,
    "exp": _exp,
    "power": _power,
    "heavy-tails": _heavy_tails,
    "spline": _spline,
}
