"""Joint distributions made of joint distributions, with known MI."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mutualist.datagen.interface import Array, JointDistribution


class Concatenation(JointDistribution):
    """Independent joint distributions side by side: X = (X₁, X₂, …), Y = (Y₁, Y₂, …); MI adds (chain rule)."""

    def __init__(self, parts: Sequence[JointDistribution]) -> None:
        self.parts = list(parts)
        self.dx, self.dy = sum(p.dx for p in parts), sum(p.dy for p in parts)
        self.mi = float(sum(p.mi for p in parts))
        self.mi_stderr = float(np.sqrt(sum(p.mi_stderr**2 for p in parts)))
        self.parameters: dict[str, Any] = {
            "concatenation": [{"dx": p.dx, "dy": p.dy, "mi": p.mi, **p.parameters} for p in parts]
        }

    def blocks(self) -> list[JointDistribution]:
        return [block for part in self.parts for block in part.blocks()]

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        samples = [part.sample(n, rng) for part in self.parts]
        return np.concatenate([x for x, _ in samples], axis=1), np.concatenate([y for _, y in samples], axis=1)


class Swapped(JointDistribution):
    """(Y, X) in place of (X, Y); MI is symmetric."""

    def __init__(self, base: JointDistribution) -> None:
        self.base = base
        self.dx, self.dy = base.dy, base.dx
        self.mi, self.mi_stderr = base.mi, base.mi_stderr
        self.parameters: dict[str, Any] = {**base.parameters, "swapped": True}

    def blocks(self) -> list[JointDistribution]:
        return self.base.blocks()

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        x, y = self.base.sample(n, rng)
        return y, x


class Independent(JointDistribution):
    """X and Y of `base` drawn apart, so that the margins stay and MI is exactly 0."""

    def __init__(self, base: JointDistribution) -> None:
        self.base = base
        self.dx, self.dy = base.dx, base.dy
        self.mi, self.mi_stderr = 0.0, 0.0
        self.parameters: dict[str, Any] = {**base.parameters, "independent": True}

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        x, _ = self.base.sample(n, rng)
        _, y = self.base.sample(n, rng)
        return x, y
