"""Y is a point on a curve that X runs along, with noise. MI by Monte Carlo over the noise, in nats."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from mutualist.datagen.families.functional import LAWS, draw_law, law_nodes
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, pick
from mutualist.datagen.families.montecarlo import log_sum_exp, monte_carlo_information
from mutualist.datagen.families.shapes import Shape, draw_shape
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

SMOOTH = ("line", "polynomial", "sine", "waves", "absolute", "saturating", "hinge", "bump")
Curve = Callable[[Array], Array]


def curve_information(points: Array, weights: Array, sigma: float, rng: np.random.Generator) -> tuple[float, float]:
    """I(T; F(T) + sigma N) in nats and its standard error, where F(T) = points[i] with probability weights[i].

    ln p(y | t) - ln p(y) at random t and noise, with p(y) summed over all points. The mean of ln p(y | t) is known,
    which gives a control variate.
    """
    d = points.shape[1]
    cumulative = np.cumsum(weights)
    # -|y - f|^2 / 2 sigma^2 + ln w = y·f / sigma^2 + (ln w - |f|^2 / 2 sigma^2) - |y|^2 / 2 sigma^2. The matrix is in
    # float32, twice as fast; rounding is far below the Monte Carlo error.
    slopes = (points / sigma**2).astype(np.float32)
    offsets = np.log(weights) - np.einsum("id,id->i", points, points) / (2 * sigma**2)
    offsets = offsets[:, None].astype(np.float32)

    def draw(n: int) -> tuple[Array, list[Array]]:
        i = np.minimum(np.searchsorted(cumulative, rng.random(n)), len(weights) - 1)
        noise = rng.standard_normal((n, d))
        y = points[i] + sigma * noise
        exponent = slopes @ y.T.astype(np.float32)
        exponent += offsets
        square = 0.5 * np.einsum("nd,nd->n", noise, noise)
        log_p = log_sum_exp(exponent).astype(np.float64) - np.einsum("nd,nd->n", y, y) / (2 * sigma**2)
        s = -square - log_p
        return s, [square - d / 2]

    return monte_carlo_information(draw, first=1000)


@register
@dataclass(frozen=True)
class CurveFamily(Family):
    """Y = F(S) + sigma N in R^dy, 2 to 6 columns, S one column or projection of X: circles, knots, and random curves.

    MI = E[ln p(y | s) - ln p(y)] with p(y) = sum over 256 points of the curve, by Monte Carlo (`curve_information`), in
    nats. A circle run through more than once has columns that tell little of X singly.

    Attributes:
        shapes: kinds of the coordinates of a random curve.
        sigma: range of the size of noise beside a curve of unit variance in each column, log-uniform.
    """

    name: ClassVar[str] = "curve"
    shapes: tuple[str, ...] = SMOOTH
    sigma: tuple[float, float] = (0.1, 8.0)

    def __post_init__(self) -> None:
        check_names("curve: shapes", self.shapes, SMOOTH)
        check_range("curve: sigma", self.sigma)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and 2 <= dy <= 6

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        law = pick(rng, LAWS)
        t, weights = law_nodes(law, 256)
        if rng.random() < 0.4:
            frequency, phase = rng.uniform(0.5, 2.5, dy), rng.uniform(0, 2 * np.pi, dy)
            frequency[1], phase[1] = frequency[0], phase[0] + np.pi / 2
            curve = _knot(frequency, phase)
            described: list[object] = [{"frequency": frequency.tolist(), "phase": phase.tolist()}]
        else:
            shapes = [draw_shape(pick(rng, self.shapes), rng) for _ in range(dy)]
            curve = _coordinates(shapes)
            described = [s.describe() for s in shapes]
        values = curve(t)
        centre = weights @ values
        spread = np.sqrt(weights @ (values - centre) ** 2) + 1e-9
        points = (values - centre) / spread
        sigma = float(self.sigma[0] * (self.sigma[1] / self.sigma[0]) ** rng.random())
        # neighbouring points must lie within the noise, or the sum over points would not be an integral
        sigma = max(sigma, 0.7 * float(np.max(np.linalg.norm(np.diff(points[weights > 1e-5], axis=0), axis=1))))
        estimate = partial(curve_information, points, weights, sigma)
        mi, stderr = estimate(rng)
        direction = np.eye(1, dx, int(rng.integers(dx)))[0]
        if law == "normal" and rng.random() < 0.5:
            direction = rng.standard_normal(dx)
            direction /= np.sqrt(direction @ direction)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = draw_law(law, (n, dx), rng)
            return x, (curve(x @ direction) - centre) / spread + sigma * rng.standard_normal((n, dy))

        parameters = {"law": law, "curve": described, "sigma": sigma, "direction": direction.tolist()}
        return Labelled(dx, dy, mi, sample, parameters, stderr, estimate)


def _knot(frequency: Array, phase: Array) -> Curve:
    return lambda t: np.cos(np.multiply.outer(np.pi / 3**0.5 * t, frequency) + phase)


def _coordinates(shapes: list[Shape]) -> Curve:
    return lambda t: np.stack([shape(t) for shape in shapes], axis=1)
