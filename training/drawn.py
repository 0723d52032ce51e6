"""Training records drawn where they are needed, beside the training, instead of read: none is drawn twice."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from mutualist.datagen.config import DatasetConfig
from mutualist.errors import DataError
from mutualist.training.shards import Record

SHARDS = 100_000  # more than any run draws; a pass through all of them would begin again with the same records


class DrawnShards(Sequence["DrawnShard"]):
    """The shards of the train split that `mutualist datagen make` would write for a configuration, and further ones.

    Each process that reads makes its own prior, when it first draws.
    """

    def __init__(self, config: DatasetConfig) -> None:
        self.config = config
        self._prior: Any = None

    def __len__(self) -> int:
        return SHARDS

    @overload
    def __getitem__(self, number: int) -> "DrawnShard": ...
    @overload
    def __getitem__(self, number: slice) -> "list[DrawnShard]": ...
    def __getitem__(self, number: int | slice) -> "DrawnShard | list[DrawnShard]":
        if isinstance(number, slice):
            return [DrawnShard(self, i) for i in range(SHARDS)[number]]
        return DrawnShard(self, range(SHARDS)[number])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_prior": None}

    def draw(self, shard: int, i: int) -> Record:
        """Record i of a shard. One of millions may be faulty: the run goes on, with another in its place.

        Raises DataError where that is faulty as well.
        """
        if self._prior is None:
            from mutualist.datagen.prior import Prior  # its families take a while to import

            self._prior = Prior(self.config)
        try:
            drawn = self._prior.draw_record("train", shard, i)
        except DataError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
            drawn = self._prior.draw_record("train", shard, i + self.config.shard_records)
        values = np.concatenate([drawn.x, drawn.y], axis=1)
        return Record(values, drawn.dx, drawn.mi, drawn.family)


@dataclass(frozen=True)
class DrawnShard:
    """One of `DrawnShards`."""

    shards: DrawnShards
    number: int

    def records(self, start: int, stop: int) -> Iterator[Record]:
        """Records start..stop, drawn now."""
        return (self.shards.draw(self.number, i) for i in range(start, stop))

    def __str__(self) -> str:
        return f"shard {self.number} drawn from a configuration"
