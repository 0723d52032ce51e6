"""Copulas seen through lifts: any strength and shape of dependence, hidden in several columns. MI in nats, exact."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mutualist.datagen.families.copulas import KINDS, Copula
from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import random_lift
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


@register
@dataclass(frozen=True)
class LiftedCopula(Family):
    """A pair (S, T) joined by a copula; X shows S, and Y shows T, only through several columns together.

    S becomes the radius of X, the sign of a product of its columns, a sum of them modulo one, a projection, or (for a
    single column) an even oscillating function: see `lifts.Lift`. Each lift determines S and adds noise independent of
    all else, so I(X; Y) = I(S; T), the MI of the copula. Except for projections no pair of columns shows it fully, and
    often none at all.

    Attributes:
        kinds, mi: as in `Copula`.
    """

    name: ClassVar[str] = "lifted-copula"
    kinds: tuple[str, ...] = KINDS
    mi: tuple[float, float] = (0.005, 2.5)

    def __post_init__(self) -> None:
        self._scores()  # raises for options that no copula has

    def _scores(self) -> Copula:
        return Copula(self.kinds, self.mi, margins=("normal",))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        pair = self._scores().draw(rng, 1, 1)
        to_x, to_y = random_lift(rng, dx), random_lift(rng, dy)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s, t = pair.sample(n, rng)
            return to_x(s[:, 0], rng), to_y(t[:, 0], rng)

        parameters = {"copula": pair.parameters, "lift_x": to_x.parameters, "lift_y": to_y.parameters}
        return Labelled(dx, dy, pair.mi, sample, parameters)
