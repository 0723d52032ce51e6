"""Laws that a configuration states by weighted ranges: of n, of the dimensions, of MI."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from mutualist.datagen.config import MIRange, Range, Shape
from mutualist.errors import ConfigError


class Chooser:
    """Draws an index by weight."""

    def __init__(self, weights: Sequence[float], what: str) -> None:
        if sum(weights) <= 0:
            raise ConfigError(f"{what}: at least one weight must be above 0")
        self._edges = list(accumulate(weights))

    def __call__(self, rng: np.random.Generator) -> int:
        return bisect_right(self._edges, rng.random() * self._edges[-1])


class RangeLaw:
    """Draws an integer from a weighted mixture of ranges."""

    def __init__(self, ranges: Sequence[Range], what: str) -> None:
        self._ranges = ranges
        self._choose = Chooser([r.weight for r in ranges], what) if len(ranges) > 1 else None
        self.high = max(r.high for r in ranges)

    def __call__(self, rng: np.random.Generator) -> int:
        r = self._ranges[self._choose(rng)] if self._choose else self._ranges[0]
        if r.law == "uniform":
            return r.low + int(rng.random() * (r.high + 1 - r.low))
        return min(r.high, int(r.low * ((r.high + 1) / r.low) ** rng.random()))


class ShapeLaw:
    """Draws (dx, dy) from a weighted mixture of shapes."""

    def __init__(self, shapes: Sequence[Shape], what: str) -> None:
        self._choose = Chooser([s.weight for s in shapes], what)
        self._laws = [
            (RangeLaw((s.dx,), what), None if isinstance(s.dy, str) else RangeLaw((s.dy,), what)) for s in shapes
        ]
        self.high = max(max(dx.high, dy.high if dy else 0) for dx, dy in self._laws)

    def __call__(self, rng: np.random.Generator) -> tuple[int, int]:
        law_x, law_y = self._laws[self._choose(rng)]
        dx = law_x(rng)
        return dx, law_y(rng) if law_y else dx


class MILaw:
    """Draws a range of MI, in nats."""

    def __init__(self, ranges: Sequence[MIRange], what: str) -> None:
        self._ranges = ranges
        self._choose = Chooser([r.weight for r in ranges], what)

    def __call__(self, rng: np.random.Generator) -> MIRange:
        return self._ranges[self._choose(rng)]
