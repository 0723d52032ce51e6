"""The meta-distribution: a configuration made ready to draw records from."""

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mutualist.datagen.families  # registers the families
import mutualist.datagen.flows.transform  # noqa: F401  registers the transform
from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.held_out import check_held_out
from mutualist.datagen.ingredients import Ingredients, Source
from mutualist.datagen.interface import JointDistribution
from mutualist.datagen.laws import Chooser
from mutualist.datagen.schema import SPLITS
from mutualist.errors import DataError, MutualistError

PILOT_ROWS = 64


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
