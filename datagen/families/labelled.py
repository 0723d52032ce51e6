"""What the families share: a joint distribution made of a sampling function and a label, and the law of target MI."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mutualist.datagen.interface import Array, JointDistribution
from mutualist.errors import ConfigError

Sampler = Callable[[int, np.random.Generator], tuple[Array, Array]]
MonteCarlo = Callable[[np.random.Generator], tuple[float, float]]


@dataclass
class Labelled(JointDistribution):
    """A joint distribution given by a function that samples it and by its mutual information in nats.

    Attributes:
        sampler: (n, rng) to x of shape (n, dx) and y of shape (n, dy).
        again: what `mi` and `mi_stderr` came from, if by Monte Carlo.
        carrier: what `core` is, if not this itself.
    """

    dx: int
    dy: int
    mi: float
    sampler: Sampler
    parameters: dict[str, Any] = field(default_factory=dict)
    mi_stderr: float = 0.0
    again: MonteCarlo | None = None
    carrier: JointDistribution | None = None

    def __post_init__(self) -> None:
        self.mi = max(float(self.mi), 0.0)
        self.mi_stderr = float(self.mi_stderr)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return self.sampler(n, rng)

    def core(self) -> JointDistribution:
        return self.carrier or self

    def estimate_again(self, rng: np.random.Generator) -> tuple[float, float] | None:
        return None if self.again is None else self.again(rng)


def check_names(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises ConfigError when `given` is empty or names something that is not `known`."""
    given, known = tuple(given), tuple(known)
    if not given or set(given) - set(known):
        raise ConfigError(f"{what}: got {list(given)}, expected one or more of {list(known)}")


def check_range(what: str, given: Iterable[float], least: float = 0.0) -> None:
    """Raises ConfigError unless `given` is a pair low <= high with low > least."""
    pair = tuple(given)
    if len(pair) != 2 or not least < pair[0] <= pair[1] < np.inf:
        raise ConfigError(f"{what}: got {list(pair)}, expected [low, high] with {least} < low <= high")


def draw_target(rng: np.random.Generator, low: float, high: float) -> float:
    """An MI to aim at, in nats: half of the time log-uniform, half of the time uniform on [low, high].

    Most real questions lie between 0.01 and 1 nats, which the logarithmic half covers; the other half keeps strong
    dependence from being rare.
    """
    if rng.random() < 0.5:
        return float(low * (high / low) ** rng.random())
    return float(low + (high - low) * rng.random())


def pick(rng: np.random.Generator, names: Iterable[str]) -> str:
    """One of the names, all equally likely."""
    names = tuple(names)
    return names[int(rng.random() * len(names))]


def random_signs(rng: np.random.Generator, count: int) -> Array:
    """`count` independent signs, -1.0 or 1.0."""
    return np.where(rng.random(count) < 0.5, -1.0, 1.0)
