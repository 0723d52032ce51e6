"""What a source of labelled samples must offer. This file imports nothing of its own package.

A *joint distribution* samples pairs of rows and states its mutual information (MI). A *family* is a distribution over
joint distributions: it draws one, with random parameters, for asked-for dimensions.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

# Samples may be float32 or float64: records are stored in float32, so a family that has no need of more is free to
# draw in it.
Array = NDArray[np.floating[Any]]


class JointDistribution(ABC):
    """A joint distribution of X in R^dx and Y in R^dy with known mutual information.

    Attributes:
        dx, dy: dimensions of X and Y.
        mi: mutual information I(X; Y) in nats, at least 0.
        mi_stderr: standard error of `mi` in nats; 0 where `mi` is exact (closed form or quadrature).
        parameters: the numbers that define the distribution, JSON-serialisable (arrays only where they are small).
    """

    dx: int
    dy: int
    mi: float
    mi_stderr: float = 0.0
    parameters: dict[str, Any]

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draws n independent rows: x of shape (n, dx), y of shape (n, dy), finite."""

    def blocks(self) -> list["JointDistribution"]:
        """Joint distributions of fewer columns whose MI add up to this one's; itself where it is not made of others.

        They are what a check of the label looks at: of many columns there is no telling.
        """
        return [self]

    def core(self) -> "JointDistribution":
        """One of fewer columns with the same MI, from which this one is made by maps that lose none; or itself.

        What hides in many columns shows in these, to a method that can look at few.
        """
        return self

    def estimate_again(self, rng: np.random.Generator) -> tuple[float, float] | None:
        """Where `mi` is a Monte Carlo mean: one of other random numbers, and its standard error. None where exact."""
        return None


class Family(ABC):
    """A named distribution over joint distributions.

    Subclasses are frozen dataclasses: their fields are the options a configuration may set (ranges of parameters).
    """

    name: ClassVar[str]

    @abstractmethod
    def supports(self, dx: int, dy: int) -> bool:
        """Whether this family can draw a joint distribution of these dimensions."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        """Draws a joint distribution with random parameters."""
