"""Lifts: a scalar s becomes a row of d columns that tells exactly as much about anything else as s does.

A lift adds randomness of its own, independent of all else, and s can be read off the row with probability one. So
I(lift(s); Y) = I(s; Y), exactly (data processing in both directions, Cover & Thomas 2006, 2.8). Except for the linear
one, lifts hide the dependence from any look at single columns: in the radius, in the sign of a product, in a sum
modulo one.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr

from mutualist.datagen.families.labelled import Labelled, Sampler, pick
from mutualist.datagen.interface import Array, JointDistribution

# To how many columns the families lift, at most.
MAX_COLUMNS = 32

# Which lifts exist for one column, and for more.
SINGLE = ("identity", "identity", "identity", "fold")
SEVERAL = ("linear", "linear", "radial", "parity", "modular")


@dataclass(frozen=True)
class Lift:
    """One lift to `columns` columns.

    - *identity*: s itself. One column.
    - *fold*: a zigzag of `parts` branches, of which each row takes one at random, so that s is an even, oscillating
      function of the column. One column, in [0, 1].
    - *linear*: M (s w + the part of a standard normal vector orthogonal to the unit vector w).
    - *radial*: a random direction times exp(κ asinh s / √(2d)).
    - *parity*: s times the product of the signs of `parts` − 1 independent normal columns, and these.
    - *modular*: Φ(s) minus the sum of `parts` − 1 independent uniform columns, modulo one, and these. For normal s, any
      `parts` − 1 of the columns together are exactly independent of s.
    """

    kind: str
    columns: int
    parts: int = 1
    kappa: float = 1.0
    direction: Array = field(default_factory=lambda: np.ones(1))
    matrix: Array = field(default_factory=lambda: np.ones((1, 1)))

    def __call__(self, s: Array, rng: np.random.Generator) -> Array:
        """The lift of s, shape (n,), to shape (n, columns)."""
        n, d = len(s), self.columns
        if self.kind == "identity":
            return s[:, None]
        if self.kind == "fold":
            branch = rng.integers(0, self.parts, n)
            u = ndtr(s)
            return ((branch + np.where(branch % 2 == 0, u, 1.0 - u)) / self.parts)[:, None]
        if self.kind == "modular":
            out = rng.random((n, d))
            out[:, 0] = (ndtr(s) - out[:, 1 : self.parts].sum(axis=1)) % 1.0
            return out
        z = rng.standard_normal((n, d))
        if self.kind == "linear":
            z += np.outer(s - z @ self.direction, self.direction)
            return np.asarray(z @ self.matrix)
        if self.kind == "radial":
            radius = np.exp(self.kappa * np.arcsinh(s) / np.sqrt(2.0 * d))
            return z * (radius / np.sqrt(np.einsum("ij,ij->i", z, z)))[:, None]
        z[:, 0] = s * np.prod(np.sign(z[:, 1 : self.parts]), axis=1)
        return z

    @property
    def parameters(self) -> dict[str, Any]:
        """What defines the lift, as far as it is small."""
        return {"kind": self.kind, "columns": self.columns, "parts": self.parts, "kappa": self.kappa}


def random_lift(rng: np.random.Generator, columns: int, kinds: tuple[str, ...] | None = None) -> Lift:
    """A lift to `columns` columns, of one of the `kinds` (by default, of those that fit), with random numbers."""
    kind = pick(rng, kinds or (SINGLE if columns == 1 else SEVERAL))
    if kind == "fold":
        return Lift(kind, columns, parts=int(rng.integers(2, 6)))
    if kind == "radial":
        return Lift(kind, columns, kappa=float(rng.uniform(0.5, 3.0)))
    if kind in ("parity", "modular"):
        return Lift(kind, columns, parts=int(rng.integers(2, min(columns, 3) + 1)))
    if kind == "linear":
        direction = rng.standard_normal(columns) * (rng.random(columns) < rng.uniform(0.2, 1.0))
        direction[int(rng.integers(columns))] += 1.0
        matrix = np.eye(columns)
        if rng.random() < 0.6:
            matrix += rng.uniform(0.1, 0.7) * rng.standard_normal((columns, columns)) / np.sqrt(columns)
        return Lift(kind, columns, direction=direction / np.linalg.norm(direction), matrix=matrix)
    return Lift(kind, columns)


@dataclass
class LiftedPair(Labelled):
    """A pair (S, Y) of known MI with S scalar, S lifted: `sampler` gives s of shape (n, 1) and y; `lift` makes X of s.

    With `swapped` the lifted side is Y.
    """

    lift: Lift = field(default_factory=lambda: Lift("identity", 1))
    swapped: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = {**self.parameters, "lift": self.lift.parameters, "swapped": self.swapped}

    def core(self) -> JointDistribution:
        return Labelled(1, self.dx if self.swapped else self.dy, self.mi, self.sampler)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        s, y = self.sampler(n, rng)
        x = self.lift(s[:, 0], rng)
        return (y, x) if self.swapped else (x, y)


def random_swap(rng: np.random.Generator, dx: int, dy: int, most: int = 1) -> bool:
    """Whether X and Y change places in a family whose Y has at most `most` columns: at random where both ways fit."""
    return dy > most or (dx <= most and bool(rng.random() < 0.5))


def respond(
    rng: np.random.Generator, dx: int, dy: int, swapped: bool, mi: float, sampler: Sampler, parameters: dict[str, Any]
) -> JointDistribution:
    """Y's joint distribution with X, which is a random lift of the score that `sampler` draws beside Y."""
    lift = random_lift(rng, dy if swapped else dx)
    return LiftedPair(dx, dy, mi, sampler, parameters, lift=lift, swapped=swapped)
