"""I(S; S + N) for a one-dimensional signal S and independent noise N, by quadrature: the core of the noisy families.

As h(S + N | S) = h(N), MI = h(S + N) - h(N). The law of S is put on a fine grid and convolved with that of N by FFT,
which takes a fraction of a millisecond. All values in nats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import expit, ndtr

from mutualist.datagen.interface import Array

# Grid cells to a standard deviation of the noise or of the signal, whichever is smaller. Both entropies are those of
# the same cell-averaged noise, so that what remains is an error of MI of at most about 1e-3 of itself; noise with a
# jump in its density, seen through a signal with atoms, has an error of first order in the cell and gets finer ones.
CELLS = 20
CELLS_SHARP = 50
MOST_CELLS = 1 << 16


@dataclass(frozen=True)
class Noise:
    """A noise law with zero mean and unit standard deviation (of order one for `student3`).

    Attributes:
        cdf: its distribution function.
        draw: (n, rng) to n draws.
        low, high: it lies between these but for about 1e-6 of its mass (2e-5 for `student3`).
        sharp: whether the density jumps (at `low` or `high`).
    """

    cdf: Callable[[Array], Array]
    draw: Callable[[int, np.random.Generator], Array]
    low: float
    high: float
    sharp: bool = False


ROOT3, ROOT6 = 3**0.5, 6**0.5
GUMBEL_SCALE = ROOT6 / np.pi


def _laplace_cdf(x: Array) -> Array:
    tail = 0.5 * np.exp(-np.abs(x) * 2**0.5)
    return np.where(x < 0, tail, 1 - tail)


def _student3_cdf(x: Array) -> Array:
    return 0.5 + (x / (1 + x * x) + np.arctan(x)) / np.pi


def _triangular_cdf(x: Array) -> Array:
    rest = np.clip(1 - np.abs(x) / ROOT6, 0.0, 1.0) ** 2 / 2
    return np.where(x < 0, rest, 1 - rest)


NOISES: dict[str, Noise] = {
    "normal": Noise(ndtr, lambda n, rng: rng.standard_normal(n), -5.0, 5.0),
    "laplace": Noise(_laplace_cdf, lambda n, rng: rng.laplace(0.0, 0.5**0.5, n), -9.5, 9.5),
    "logistic": Noise(
        lambda x: expit(x * np.pi / ROOT3), lambda n, rng: rng.logistic(0.0, ROOT3 / np.pi, n), -8.0, 8.0
    ),
    "uniform": Noise(
        lambda x: np.clip(0.5 + x / (2 * ROOT3), 0.0, 1.0),
        lambda n, rng: rng.uniform(-ROOT3, ROOT3, n),
        -ROOT3,
        ROOT3,
        sharp=True,
    ),
    "triangular": Noise(_triangular_cdf, lambda n, rng: rng.triangular(-ROOT6, 0.0, ROOT6, n), -ROOT6, ROOT6),
    "exponential": Noise(
        lambda x: -np.expm1(-np.maximum(x + 1, 0.0)),
        lambda n, rng: rng.standard_exponential(n) - 1,
        -1.0,
        13.0,
        sharp=True,
    ),
    "gumbel": Noise(
        lambda x: np.exp(-np.exp(-(x / GUMBEL_SCALE + np.euler_gamma))),
        lambda n, rng: rng.gumbel(-np.euler_gamma * GUMBEL_SCALE, GUMBEL_SCALE, n),
        -3.0,
        11.0,
    ),
    # t with 3 degrees of freedom over sqrt(3)
    "student3": Noise(_student3_cdf, lambda n, rng: rng.standard_t(3, n) / ROOT3, -28.0, 28.0),
}


@dataclass(frozen=True)
class Signal:
    """The law of a signal: it takes values[i] with probability weights[i] (nodes of a quadrature, or atoms)."""

    values: Array
    weights: Array

    @property
    def variance(self) -> float:
        mean = self.weights @ self.values
        return float(self.weights @ (self.values - mean) ** 2)


def entropy(p: Array, cell: float) -> float:
    """Differential entropy in nats of the density that has mass p[i] spread over cell i."""
    p = p[p > 1e-300]
    return float(np.log(cell) - p @ np.log(p))


def additive_information(signals: Sequence[Signal], noise: Noise, sigma: float) -> float:
    """I(S; S + sigma N) in nats, S the sum of independent signals, N of the law `noise`.

    Also I(X; Y) for Y = f1(X1) + f2(X2) + … + sigma N, since Y depends on X through S alone.
    """
    spread = sum(s.variance for s in signals) ** 0.5
    if spread == 0:
        return 0.0
    bounds = [(float(s.values.min()), float(s.values.max())) for s in signals]
    width = sum(high - low for low, high in bounds) + sigma * (noise.high - noise.low)
    fineness = CELLS_SHARP if noise.sharp else CELLS
    cell = max(min(sigma, spread) / fineness, width / MOST_CELLS)

    # whole cells from end to end of the noise, so that a jump lies between two cells and costs no accuracy
    count = int(np.ceil(sigma * (noise.high - noise.low) / cell))
    cell = sigma * (noise.high - noise.low) / count
    kernel = np.diff(noise.cdf(np.linspace(noise.low, noise.high, count + 1)))
    kernel /= kernel.sum()
    size = int(sum((high - low) / cell for low, high in bounds)) + 2 * len(signals) + len(kernel)
    length = next_fast_len(size, real=True)
    transform = rfft(kernel, length)
    for s, (low, _) in zip(signals, bounds, strict=True):
        transform *= rfft(_binned(s, low, cell), length)
    density = irfft(transform, length)
    return max(entropy(density, cell) - entropy(kernel, cell), 0.0)


def _binned(signal: Signal, low: float, cell: float) -> Array:
    """Masses on the grid low + cell * i; a value between two points is shared so that the mean is kept."""
    at = (signal.values - low) / cell
    left = at.astype(np.int64)
    part = at - left
    size = int(left.max()) + 2
    right = np.bincount(left + 1, signal.weights * part, size)
    return np.asarray(np.bincount(left, signal.weights * (1 - part), size) + right, dtype=float)
