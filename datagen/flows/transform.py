"""Random invertible flows as a transform, so that a configuration can say `transform: flow`."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mutualist.datagen.column_maps import standardise
from mutualist.datagen.dispersion import Range
from mutualist.datagen.interface import Array
from mutualist.datagen.transforms import SideTransform, Stated, register
from mutualist.errors import ConfigError

KINDS = ("coupling", "spline")


@register
@dataclass(frozen=True)
class RandomFlow(SideTransform):
    """A random invertible flow of X and another of Y (`flows.invertible`): nonlinear mixing of columns.

    Columns are brought to unit scale first.

    `kinds`: which layers; `strength`: range of the scale of what they do; `share`: of sides that get a flow.
    """

    name: ClassVar[str] = "flow"
    kinds: tuple[str, ...] = KINDS
    strength: Range = (0.3, 1.0)
    share: float = 0.7

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ConfigError(f"option kinds: {list(self.kinds)}: give one or both of {list(KINDS)}")
        if not 0 <= self.strength[0] <= self.strength[1] <= 2:
            raise ConfigError(f"option strength: {list(self.strength)}: give [low, high] with 0 ≤ low ≤ high ≤ 2")
        if not 0 < self.share <= 1:
            raise ConfigError(f"option share: {self.share}: give a number above 0, at most 1")

    def map_side(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        if rng.random() >= self.share:
            return values, None
        # torch takes seconds to import: only those pay who use a flow.
        from mutualist.datagen.flows.invertible import random_flow

        scaled, location, scale = standardise(values, n)
        kind = self.kinds[int(rng.random() * len(self.kinds))]
        flow = random_flow(rng, values.shape[1], kind, strength=float(rng.uniform(*self.strength)))  # type: ignore[arg-type]
        stated = {"location": location.tolist(), "scale": scale.tolist(), **flow.parameters}
        return flow.forward(scaled), stated
