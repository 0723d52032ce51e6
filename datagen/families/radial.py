"""Dependence in size alone: the scale of Y depends on X, its direction does not. MI in nats, exact by quadrature."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.special import digamma, gammainc, gammaincinv, polygamma

from mutualist.datagen.families.additive import NOISES, Noise, Signal, additive_information
from mutualist.datagen.families.functional import law_nodes
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, draw_target, pick
from mutualist.datagen.families.shapes import draw_shape
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

# Functions whose range stays within a few standard deviations: they sit in an exponent here.
SMOOTH = ("line", "sine", "waves", "steps", "absolute", "saturating", "hinge", "bump", "sawtooth")


@cache
def log_chi(d: int) -> Noise:
    """The law of ln |E|, E standard normal in R^d, standardised: what a normal vector of given scale does to ln |Y|."""
    centre, spread = (digamma(d / 2) + np.log(2)) / 2, float(np.sqrt(polygamma(1, d / 2))) / 2

    low, high = (0.5 * np.log(2 * gammaincinv(d / 2, np.array([1e-6, 1 - 1e-7]))) - centre) / spread
    # the incomplete gamma function is slow: interpolated in steps far below the size of a cell
    grid = np.linspace(low, high, 16384)
    mass = gammainc(d / 2, np.exp(2 * (centre + spread * grid)) / 2)

    def cdf(x: Array) -> Array:
        return np.asarray(np.interp(x, grid, mass))

    def draw(n: int, rng: np.random.Generator) -> Array:
        return (0.5 * np.log(2 * rng.standard_gamma(d / 2, n)) - centre) / spread

    return Noise(cdf, draw, float(low), float(high))


@cache
def radius_nodes(d: int, count: int = 2048) -> tuple[Array, Array, float, float]:
    """Standardised nodes and weights for |X|, X standard normal in R^d, and the mean and standard deviation of |X|."""
    edge = np.sqrt(2 * gammaincinv(d / 2, np.array([1e-7, 1 - 1e-7])))
    r = np.linspace(edge[0], edge[1], count)
    log_density = (d - 1) * np.log(r) - r * r / 2
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    mean = float(weights @ r)
    sd = float(np.sqrt(weights @ (r - mean) ** 2))
    return (r - mean) / sd, weights, mean, sd


@register
@dataclass(frozen=True)
class Radial(Family):
    """Y = exp(g(S) + sigma N) · W with W uniform on the unit sphere of R^dy (a random sign when dy = 1).

    X is standard normal in R^dx and S is either its length |X| or a projection w·X. So |Y| depends on |X|, or on one
    direction of X: a volatility that X drives. The direction of Y carries nothing, hence MI = I(g(S); g(S) + sigma N),
    `additive_information`, in nats. With noise `chi` the vector exp(sigma N) W is a normal one, that is
    Y = exp(g(S)) E with E standard normal; the others are keys of `NOISES`.

    Attributes:
        shapes: kinds of g.
        noises: laws of N.
        mi: range of the MI aimed at.
    """

    name: ClassVar[str] = "radial"
    shapes: tuple[str, ...] = SMOOTH
    noises: tuple[str, ...] = ("chi", "normal", "uniform", "laplace")
    mi: tuple[float, float] = (0.005, 2.5)

    def __post_init__(self) -> None:
        check_names("radial: shapes", self.shapes, SMOOTH)
        check_names("radial: noises", self.noises, ("chi", *NOISES))
        check_range("radial: mi", self.mi)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        shape, noise_name = draw_shape(pick(rng, self.shapes), rng), pick(rng, self.noises)
        noise = log_chi(dy) if noise_name == "chi" else NOISES[noise_name]
        length = bool(rng.random() < 0.6)
        if length:
            t, weights, mean, sd = radius_nodes(dx)
            standardised = _length(mean, sd)
        else:
            t, weights = law_nodes("normal")
            direction = rng.standard_normal(dx)
            standardised = _projection(direction / np.sqrt(direction @ direction))
        raw = Signal(shape(t), weights)
        if raw.variance < 1e-12:  # a step or hinge outside the range of S
            shape = draw_shape("line", rng)
            raw = Signal(shape(t), weights)
        # The noise in the exponent has the size 1/2, or what makes a normal vector; g is scaled to reach the target.
        sigma = float(np.sqrt(polygamma(1, dy / 2))) / 2 if noise_name == "chi" else 0.5
        gain = sigma * float(np.sqrt(np.expm1(2 * draw_target(rng, *self.mi)))) / raw.variance**0.5
        gain = min(gain, 40.0 / float(np.ptp(raw.values)))  # keeps |Y| within float32
        mi = additive_information([Signal(gain * raw.values, weights)], noise, sigma)
        centre = float(weights @ raw.values)

        def scales(n: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
            x = rng.standard_normal((n, dx))
            s = standardised(x)
            return x, s, gain * (shape(s) - centre) + sigma * noise.draw(n, rng)

        def draw_scales(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            _, s, log_radius = scales(n, rng)
            return s[:, None], log_radius[:, None]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, _, log_radius = scales(n, rng)
            w = rng.standard_normal((n, dy))
            return x, w * (np.exp(log_radius) / np.sqrt(np.einsum("ij,ij->i", w, w)))[:, None]

        parameters = {"of": "length" if length else "projection", "noise": noise_name, "sigma": sigma, "gain": gain}
        parameters |= {"shape": shape.describe()}
        return Labelled(dx, dy, mi, sample, parameters, carrier=Labelled(1, 1, mi, draw_scales))


def _length(mean: float, sd: float) -> Callable[[Array], Array]:
    return lambda x: (np.sqrt(np.einsum("ij,ij->i", x, x)) - mean) / sd


def _projection(direction: Array) -> Callable[[Array], Array]:
    return lambda x: x @ direction
