"""The meta-distribution: a configuration made ready to draw records from."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mutualist.datagen.families  # registers the families
import mutualist.datagen.flows.transform  # noqa: F401  registers the transform
from mutualist.datagen.composite import Concatenation, Independent, Swapped
from mutualist.datagen.config import Component, DatasetConfig, MIRange, Part, Range, Shape, Step
from mutualist.datagen.filler import Filled
from mutualist.datagen.held_out import check_held_out
from mutualist.datagen.interface import Family, JointDistribution
from mutualist.datagen.registry import make_family
from mutualist.datagen.schema import SPLITS
from mutualist.datagen.transforms import Transform, make_transform
from mutualist.errors import ConfigError, DataError, MutualistError

PILOT_ROWS = 64
# Draws of a joint distribution for one record before a part's law of MI counts as out of its reach.
MOST_DRAWS = 20_000


class Record(NamedTuple):
    """One labelled sample. x: (n, dx) float32, y: (n, dy) float32; mi and mi_stderr in nats; the rest as `SCHEMA`."""

    id: int
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    n: int
    dx: int
    dy: int
    mi: float
    mi_stderr: float
    family: str
    parameters: str
    transforms: str
    seed_path: tuple[int, int, int, int]


def seed_path(config: DatasetConfig, split: str, shard: int, i: int) -> tuple[int, int, int, int]:
    """Root entropy, then the spawn key of record i of a shard."""
    return config.seed, SPLITS.index(split), shard, i


def generator(path: tuple[int, int, int, int]) -> np.random.Generator:
    """The random numbers of one record: no two records share any, whatever their split."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(path[0], spawn_key=path[1:])))


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

    def core(self, rng: np.random.Generator, dx: int, dy: int, widen: float) -> tuple[int, int]:
        """Dimensions that the family itself supplies of dx × dy: all, if it can and is not to be widened."""
        if self.supported[dx, dy] and not (widen and dx + dy > 2 and rng.random() < widen):
            return dx, dy
        options = np.argwhere(self.supported[: dx + 1, : dy + 1])
        cx, cy = options[rng.integers(len(options))]
        return int(cx), int(cy)


class MILaw:
    """Draws a range of MI, in nats."""

    def __init__(self, ranges: Sequence[MIRange], what: str) -> None:
        self._ranges = ranges
        self._choose = Chooser([r.weight for r in ranges], what)

    def __call__(self, rng: np.random.Generator) -> MIRange:
        return self._ranges[self._choose(rng)]


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
        cx, cy = source.core(rng, dx, dy, self.part.widen)
        blocks = [source.family.draw(rng, cx, cy)]
        rest_x, rest_y = dx - cx, dy - cy
        while rest_x and rest_y and rng.random() < self.part.concatenate:
            other = self.sources[self.choose(rng)]
            if not other.fits(rest_x, rest_y):
                break
            ox, oy = other.core(rng, rest_x, rest_y, 0.0)
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


class Prior:
    """Draws records of a configuration.

    Raises:
        ConfigError: an unknown family, transform or option, a family for which no dimensions are left, or a split
            out of the meta-distribution that draws what training draws.
    """

    def __init__(self, config: DatasetConfig) -> None:
        self.config = config
        check_held_out(config)
        parts = self._parts = {part.name: Ingredients(part) for part in config.parts}
        weights = {part.name: part.weight for part in config.parts}
        self._mixtures: dict[str, tuple[list[Ingredients], Chooser]] = {}
        for split, settings in config.splits.items():
            names = settings.parts or tuple(parts)
            chooser = Chooser([weights[name] for name in names], f"parts of split {split!r}")
            self._mixtures[split] = ([parts[name] for name in names], chooser)

    @property
    def rejected(self) -> int:
        """How many joint distributions laws of MI have rejected so far."""
        return sum(part.rejected for part in self._parts.values())

    def draw_record(self, split: str, shard: int, i: int) -> Record:
        """Record i of a shard of a split; the same whatever was drawn before it.

        Raises:
            DataError: a family or transform failed or drew something faulty; the message says where to find it again.
        """
        path = seed_path(self.config, split, shard, i)
        try:
            return self._draw(path, split, shard * self.config.shard_records + i)
        except MutualistError:
            raise
        except (ArithmeticError, ValueError, IndexError) as error:
            raise DataError(
                f"record {i} of shard {shard} of split {split!r} (seed path {path}) cannot be drawn: {error!r}; this "
                "is a defect of a family or transform: report it with the configuration"
            ) from error

    def draw_joint(self, split: str, shard: int, i: int) -> tuple[JointDistribution, np.random.Generator]:
        """The joint distribution that record i of a shard was sampled from, before its transforms, and the generator
        as it was left; with it one may draw more rows than the record has, to check the label."""
        rng, _, joint, _ = self._begin(seed_path(self.config, split, shard, i), split)
        return joint, rng

    def _begin(
        self, path: tuple[int, int, int, int], split: str
    ) -> tuple[np.random.Generator, Source, JointDistribution, int]:
        rng = generator(path)
        ingredients, choose = self._mixtures[split]
        return rng, *ingredients[choose(rng)].draw(rng)

    def _draw(self, path: tuple[int, int, int, int], split: str, number: int) -> Record:
        rng, source, joint, n = self._begin(path, split)
        steps = [transform for probability, transform in source.steps if rng.random() < probability]
        rows = n + PILOT_ROWS if any(step.needs_pilot for step in steps) else n
        x, y = joint.sample(rows, rng)
        stated: list[dict[str, Any]] = []
        for step in steps:
            x, y, parameters = step.apply(rng, x, y, n)
            stated.append({"name": step.name, **parameters})
        x, y = x[:n].astype(np.float32, copy=False), y[:n].astype(np.float32, copy=False)
        record = Record(
            id=number,
            x=x,
            y=y,
            n=n,
            dx=x.shape[1],
            dy=y.shape[1],
            mi=float(joint.mi),
            mi_stderr=float(joint.mi_stderr),
            family=source.family.name,
            parameters=_json(joint.parameters),
            transforms=_json(stated) if stated else "[]",
            seed_path=path,
        )
        _check(record, joint)
        return record


def draw_record(config: DatasetConfig, split: str, shard: int, i: int) -> Record:
    """One record of a configuration, made alone. To draw many, make a `Prior` once."""
    return Prior(config).draw_record(split, shard, i)


def _check(record: Record, joint: JointDistribution) -> None:
    """No record that lies leaves this module: shapes as stated, everything finite, MI not negative."""
    if (
        record.x.shape != (record.n, joint.dx)
        or record.y.shape != (record.n, joint.dy)
        or not np.isfinite(record.x).all()
        or not np.isfinite(record.y).all()
        or not 0 <= record.mi < float("inf")
        or not 0 <= record.mi_stderr < float("inf")
    ):
        raise DataError(
            f"family {record.family!r} drew a faulty record at seed path {record.seed_path}: x {record.x.shape}, "
            f"y {record.y.shape}, mi {record.mi}, stderr {record.mi_stderr}, parameters {record.parameters[:300]}, "
            f"transforms {record.transforms[:300]}; its sample must be finite and of the stated shape"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"parameters must be JSON-serialisable, got {type(value).__name__}")


_json = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def _hashable(options: dict[str, Any]) -> dict[str, Any]:
    """YAML lists as tuples: options of a frozen dataclass are not to be changed."""
    return {key: _tuple(value) for key, value in options.items()}


def _tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuple(v) for v in value)
    if isinstance(value, dict):
        return {k: _tuple(v) for k, v in value.items()}
    return value
