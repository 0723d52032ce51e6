"""Copulas seen through lifts: any strength and shape of dependence, hidden in several columns. MI in nats, exact."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mutualist.datagen.families.copulas import KINDS, Copula
from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import MAX_COLUMNS, random_lift
from mutualist.datagen.families.tables import check_range, random_correlation
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
        return Labelled(dx, dy, pair.mi, sample, parameters, carrier=pair)


@register
@dataclass(frozen=True)
class LiftedNormal(Family):
    """A bivariate normal (s, t), each lifted to several columns: I = −½ ln(1 − ρ²), shown by no pair of columns.

    Radii that go together, products of signs, sums modulo one, linear projections of noise; see `lifts`.

    Options: min_mi, max_mi: the law of I, log-uniform. dx, dy ≤ 32.
    """

    name: ClassVar[str] = "lifted-normal"
    min_mi: float = 0.02
    max_mi: float = 4.0

    def __post_init__(self) -> None:
        check_range("max_mi", self.max_mi, self.min_mi, 8.0)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) >= 1 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        rho = random_correlation(rng, self.min_mi, self.max_mi)
        lift_x, lift_y = random_lift(rng, dx), random_lift(rng, dy)

        def draw_pair(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s, e = rng.standard_normal((2, n))
            return s[:, None], (rho * s + np.sqrt(1.0 - rho * rho) * e)[:, None]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s, t = draw_pair(n, rng)
            return lift_x(s[:, 0], rng), lift_y(t[:, 0], rng)

        parameters = {"rho": rho, "x_lift": lift_x.parameters, "y_lift": lift_y.parameters}
        pair = Labelled(1, 1, -0.5 * np.log1p(-rho * rho), draw_pair)
        return Labelled(dx, dy, pair.mi, sample, parameters, carrier=pair)
