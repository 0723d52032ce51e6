"""A part of a configuration made ready: joint distributions of its families, composed to the dimensions asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mutualist.datagen.composite import Concatenation, Independent, Swapped
from mutualist.datagen.config import Component, Part, Step
from mutualist.datagen.filler import Filled
from mutualist.datagen.interface import Family, JointDistribution
from mutualist.datagen.laws import Chooser, MILaw, RangeLaw, ShapeLaw
from mutualist.datagen.registry import make_family
from mutualist.datagen.transforms import Transform, make_transform
from mutualist.errors import ConfigError

# Draws of a joint distribution for one record before a part's law of MI counts as out of its reach.
MOST_DRAWS = 20_000


class Source:
    """A component made ready: its family, which dimensions it has, its laws."""

    def __init__(self, component: Component, part: Part, where: str) -> None:
        self.family: Family = make_family(component.family, _hashable(component.options))
        self.n = RangeLaw(component.n or part.n, f"{where}.n")
        self.dims = ShapeLaw(component.dims or part.dims, f"{where}.dims")
        steps: tuple[Step, ...] = part.transforms if component.transforms is None else component.transforms
        self.steps: list[tuple[float, Transform]] = [
            (step.probability, make_transform(step.name, _hashable(step.options))) for step in steps
        ]
        high = self.dims.high
        # [dx, dy] → whether the family has these dimensions
        self.supported = np.zeros((high + 1, high + 1), dtype=bool)
        for dx in range(1, high + 1):
            for dy in range(1, high + 1):
                self.supported[dx, dy] = self.family.supports(dx, dy)
        if not self.supported.any():
            raise ConfigError(f"{where}: family {component.family!r} has no dimensions up to {high} by {high}")

    def fits(self, dx: int, dy: int) -> bool:
        """Whether a core of this family fits into dx × dy columns."""
        return bool(self.supported[: dx + 1, : dy + 1].any())

    def core(self, rng: np.random.Generator, dx: int, dy: int, widen: float, narrow: float) -> tuple[int, int]:
        """Dimensions that the family itself supplies of dx × dy: the fewest, with the probability `narrow`.

        Else all, if it can and is not to be widened, or any.

        Beside others it may be offered more columns than its own law of dimensions knows; of these it supplies none.
        """
        known = max(dx, dy) < len(self.supported)
        fewest = narrow > 0 and rng.random() < narrow
        if known and not fewest and self.supported[dx, dy] and not (widen and dx + dy > 2 and rng.random() < widen):
            return dx, dy
        options = np.argwhere(self.supported[: dx + 1, : dy + 1])
        if fewest:
            options = options[options.sum(1) == options.sum(1).min()]
        cx, cy = options[rng.integers(len(options))]
        return int(cx), int(cy)


class Ingredients:
    """A part made ready.

    Attributes:
        rejected: how many joint distributions its law of MI has rejected so far.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        where = f"parts.{part.name}"
        self.sources = [
            Source(component, part, f"{where}.components.{i}") for i, component in enumerate(part.components)
        ]
        self.choose = Chooser([c.weight for c in part.components], f"{where}.components")
        self.mi = MILaw(part.mi, f"{where}.mi") if part.mi else None
        self.rejected = 0

    def draw(self, rng: np.random.Generator) -> tuple[Source, JointDistribution, int]:
        """A source, a joint distribution that has it as first block, and the number of rows."""
        if self.mi is None:
            source, joint, n, turned = self._draw_once(rng)
            apart = rng.random() < self.part.independent
        else:
            apart = rng.random() < self.part.independent
            wanted = self.mi(rng)
            for _ in range(MOST_DRAWS):
                source, joint, n, turned = self._draw_once(rng)
                if apart or wanted.low <= joint.mi < wanted.high:
                    break
                self.rejected += 1
            else:
                raise ConfigError(
                    f"part {self.part.name!r}: none of {MOST_DRAWS} draws had an MI from {wanted.low} to {wanted.high} "
                    "nats as its law `mi` asks; give a range that its components reach"
                )
        if apart:
            joint = Independent(joint)
        return source, Swapped(joint) if turned else joint, n

    def _draw_once(self, rng: np.random.Generator) -> tuple[Source, JointDistribution, int, bool]:
        """The last value: whether X and Y are to change places."""
        source = self.sources[self.choose(rng)]
        n = source.n(rng)
        for _ in range(1000):
            dx, dy = source.dims(rng)
            if source.fits(dx, dy):
                turned = dx == dy and rng.random() < self.part.swap
                break
            if self.part.swap and source.fits(dy, dx):
                dx, dy, turned = dy, dx, True
                break
        else:
            raise ConfigError(
                f"part {self.part.name!r}: the law of dimensions hardly ever gives room for {source.family.name!r}"
            )
        return source, self._compose(rng, source, dx, dy), n, turned

    def _compose(self, rng: np.random.Generator, source: Source, dx: int, dy: int) -> JointDistribution:
        cx, cy = source.core(rng, dx, dy, self.part.widen, self.part.narrow)
        blocks = [source.family.draw(rng, cx, cy)]
        rest_x, rest_y = dx - cx, dy - cy
        while rest_x and rest_y and rng.random() < self.part.concatenate:
            other = self.sources[self.choose(rng)]
            if not other.fits(rest_x, rest_y):
                break
            ox, oy = other.core(rng, rest_x, rest_y, 0.0, self.part.narrow)
            block = other.family.draw(rng, ox, oy)
            if not _precise([*blocks, block]):
                break
            blocks.append(block)
            rest_x, rest_y = rest_x - ox, rest_y - oy
        joint = Concatenation(blocks) if len(blocks) > 1 else blocks[0]
        return Filled(joint, rng, rest_x, rest_y) if rest_x or rest_y else joint


def _precise(blocks: Sequence[JointDistribution]) -> bool:
    """Whether the standard error of the sum stays within what one Monte Carlo label may have: max(0.01, 2 %)."""
    variance = sum(b.mi_stderr**2 for b in blocks)
    return variance == 0 or variance**0.5 <= max(0.01, 0.02 * sum(b.mi for b in blocks))


def _hashable(options: dict[str, Any]) -> dict[str, Any]:
    """YAML lists as tuples: options of a frozen dataclass are not to be changed."""
    return {key: _tuple(value) for key, value in options.items()}


def _tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuple(v) for v in value)
    if isinstance(value, dict):
        return {k: _tuple(v) for k, v in value.items()}
    return value
