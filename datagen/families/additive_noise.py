"""Additive uniform noise: dependence with sharp edges."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mutualist.datagen.dispersion import Range
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register
from mutualist.errors import ConfigError


def additive_noise_mi(epsilon: float) -> float:
    """MI in nats of X ~ U(0, 1) and Y = X + U(−ε, ε): ε − ln 2ε for ε ≤ ½, else 1/(4ε).

    h(Y) − h(Y|X) with h(Y|X) = ln 2ε and Y trapezoidal (Czyż et al. 2023, app. D).
    """
    return epsilon - math.log(2 * epsilon) if epsilon <= 0.5 else 1 / (4 * epsilon)


class AdditiveNoise(JointDistribution):
    """X ~ U(0, 1)^dx, Y_i = X_i + U(−ε_i, ε_i) for i ≤ min(dx, dy); the further columns are independent uniforms.

    MI = Σ_i `additive_noise_mi`(ε_i) nats: the pairs are independent of one another.
    """

    def __init__(self, dx: int, dy: int, epsilon: list[float]) -> None:
        self.dx, self.dy = dx, dy
        self.mi = sum(additive_noise_mi(e) for e in epsilon)
        same = len(set(epsilon)) == 1
        self.parameters: dict[str, Any] = {"epsilon": epsilon[0] if same else epsilon}
        self.epsilon = epsilon
        self._widths = np.asarray(epsilon, dtype=np.float32)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        k = len(self._widths)
        u = rng.random((n, self.dx + self.dy), dtype=np.float32)
        x, y = u[:, : self.dx], u[:, self.dx :]
        y[:, :k] = x[:, :k] + (2 * y[:, :k] - 1) * self._widths
        return x, y


@register
@dataclass(frozen=True)
class AdditiveNoiseFamily(Family):
    """Pairs of uniform columns with uniform noise between them, and uniform columns besides: see `AdditiveNoise`.

    Any dimensions. `epsilon`: range of ε, drawn uniformly (as the reference) or, with `log_epsilon`, log-uniformly, as
    narrow noise needs to come up at all; one ε for all pairs (as the reference) unless `per_column`.
    """

    name: ClassVar[str] = "additive-noise"
    epsilon: Range = (0.1, 2.0)
    log_epsilon: bool = False
    per_column: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.epsilon[0] <= self.epsilon[1]:
            raise ConfigError(f"option epsilon: {self.epsilon}: give [low, high] with 0 < low <= high")

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> AdditiveNoise:
        k = min(dx, dy)
        count = k if self.per_column else 1
        low, high = self.epsilon
        if self.log_epsilon:
            epsilon = [float(e) for e in np.exp(rng.uniform(np.log(low), np.log(high), size=count))]
        else:
            epsilon = [float(e) for e in rng.uniform(low, high, size=count)]
        return AdditiveNoise(dx, dy, epsilon if self.per_column else epsilon * k)
