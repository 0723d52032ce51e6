"""Noise whose size depends on X. MI in nats, by quadrature."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mutualist.datagen.families.functional import LAWS, draw_law, law_nodes
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, pick
from mutualist.datagen.families.shapes import Shape, draw_shape
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

SMOOTH = ("line", "sine", "absolute", "saturating", "hinge", "bump", "steps")
LOG_2PIE = float(np.log(2 * np.pi * np.e))
LEAST_VARIANCE = 1e-4  # of a shape over X


_STEPS = np.array([-6.0, -4.5, -3.2, -2.4, -1.75, -1.2, -0.6, 0.0, 0.6, 1.2, 1.75, 2.4, 3.2, 4.5, 6.0])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


def normal_mixture_entropy(centres: Array, scales: Array, weights: Array, panels: int = 40) -> float:
    """Entropy in nats of the mixture of N(centres[i], scales[i]^2) with the given weights.

    Gauss-Legendre in panels that hold equal shares of the components' own grids, so that they are narrow where the
    density can change fast.
    """
    marks = np.sort((centres[:, None] + scales[:, None] * _STEPS).ravel())
    ends = np.interp(np.linspace(0, len(marks) - 1, panels + 1), np.arange(len(marks)), marks)
    half = np.diff(ends) / 2
    y = ((ends[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
    z = (y[:, None] - centres) / scales
    density = np.exp(-0.5 * z * z) @ (weights / scales) / np.sqrt(2 * np.pi)
    p = density * (half[:, None] * _WEIGHTS).ravel()
    return float(-p @ np.log(np.maximum(density, 1e-300)))


@register
@dataclass(frozen=True)
class Heteroscedastic(Family):
    """Y_k = m(X) + exp(g(X)) N: both the mean and the size of normal noise depend on one column or projection of X.

    MI = h(Y) - E[g] - 1/2 ln 2 pi e with h(Y) by quadrature, in nats. The other columns are independent. Without a
    mean (a third of the draws) Y is uncorrelated with every function of X but in its square.

    Attributes:
        shapes: kinds of m and g.
        signal: range of the ratio of the standard deviation of m to the median size of the noise, log-uniform.
        swing: range of the standard deviation of g, log-uniform.
    """

    name: ClassVar[str] = "heteroscedastic"
    shapes: tuple[str, ...] = SMOOTH
    signal: tuple[float, float] = (0.05, 6.0)
    swing: tuple[float, float] = (0.1, 1.2)

    def __post_init__(self) -> None:
        check_names("heteroscedastic: shapes", self.shapes, SMOOTH)
        check_range("heteroscedastic: signal", self.signal)
        check_range("heteroscedastic: swing", self.swing)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        law = pick(rng, LAWS)
        t, weights = law_nodes(law, 200)
        mean, size = (self._shape(rng, t, weights) for _ in range(2))
        gains = [float(low * (high / low) ** rng.random()) for low, high in (self.signal, self.swing)]
        if rng.random() < 1 / 3:
            gains[0] = 0.0
        at = [float(weights @ shape(t)) for shape in (mean, size)]
        for i, shape in enumerate((mean, size)):
            gains[i] /= float(np.sqrt(weights @ (shape(t) - at[i]) ** 2))
        # a narrow bump must not make the size of the noise range over more than e^6
        gains[1] = min(gains[1], 6.0 / float(np.ptp(size(t))))

        def log_size(t: Array) -> Array:  # beyond the nodes as well
            return np.clip(gains[1] * (size(t) - at[1]), -6.0, 6.0)

        centres, logs = gains[0] * (mean(t) - at[0]), log_size(t)
        mi = normal_mixture_entropy(centres, np.exp(logs), weights) - float(weights @ logs) - LOG_2PIE / 2
        direction = np.eye(1, dx, int(rng.integers(dx)))[0]
        if law == "normal" and rng.random() < 0.5:
            direction = rng.standard_normal(dx)
            direction /= np.sqrt(direction @ direction)
        column = int(rng.integers(dy))

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = draw_law(law, (n, dx), rng), rng.standard_normal((n, dy))
            s = x @ direction
            y[:, column] *= np.exp(log_size(s))
            y[:, column] += gains[0] * (mean(s) - at[0])
            return x, y

        parameters = {"law": law, "mean": mean.describe(), "size": size.describe(), "gains": gains, "column": column}
        return Labelled(dx, dy, mi, sample, parameters | {"direction": direction.tolist()})

    def _shape(self, rng: np.random.Generator, t: Array, weights: Array) -> Shape:
        """A shape that moves where X has its mass: what only bends far out would be scaled up without bound."""
        while True:
            shape = draw_shape(pick(rng, self.shapes), rng)
            if weights @ (shape(t) - weights @ shape(t)) ** 2 > LEAST_VARIANCE:
                return shape
