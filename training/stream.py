"""Which records a loader reads, in which order: shards shared out among devices and workers, shuffled in each epoch."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from mutualist.datagen.storage import StoredFile
from mutualist.errors import DataError
from mutualist.training.batching import Batch, Batching, batches
from mutualist.training.drawn import DrawnShard
from mutualist.training.shards import Record, read_records

Segment = tuple[int, int, int]  # shard, first record, end


def epoch_segments(
    counts: Sequence[int],
    *,
    consumer: int,
    consumers: int,
    epoch: int,
    limit: int | None,
    rng: Callable[[int], np.random.Generator] | None,
) -> list[Segment]:
    """The parts of shards that one of `consumers` readers goes through in an epoch.

    Each consumer owns every consumers-th shard, and reads its own in an order drawn anew for each pass by `rng(pass)`
    (in order, if None). Without a limit an epoch is one pass. With one, an epoch is the next `limit` records (of all
    consumers together) of an endless sequence of passes, so that over epochs every record still comes equally often.

    Args:
        counts: records of each shard.
    """
    mine = np.arange(consumer, len(counts), consumers)
    total = int(np.asarray(counts)[mine].sum()) if len(mine) else 0
    if total == 0:
        return []
    share = total if limit is None else limit // consumers + (consumer < limit % consumers)
    skip = epoch * share
    segments: list[Segment] = []
    for number in count(skip // total):
        order = (mine if rng is None else rng(number).permutation(mine)).tolist()
        position = number * total
        for shard in order:
            first, end = max(skip - position, 0), min(skip + share - position, counts[shard])
            if first < end:
                segments.append((shard, first, end))
            position += counts[shard]
        if position >= skip + share:
            return segments
    raise AssertionError("unreachable: the sequence of passes has no end")


class RecordStream(IterableDataset[Batch]):
    """Batches of the records of some shards, in bounded memory.

    Args:
        shards, counts: the shards, read or drawn, and the number of records in each.
        options: how records become batches.
        shuffle: whether shards, batches and rows are drawn at random (training).
        seed: root of the randomness; an epoch's order depends on it, the epoch and the number of consumers alone.
        limit: records in an epoch, over all devices and workers; all of them if None.
        rank, world_size: this device's number, and how many there are.
        prepare: what is done to each batch where it is read, given the batch and a seed of its own.
    """

    def __init__(
        self,
        shards: Sequence[StoredFile | DrawnShard],
        counts: Sequence[int],
        options: Batching,
        *,
        shuffle: bool,
        seed: int = 0,
        limit: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        prepare: Callable[[Batch, int], Batch] | None = None,
    ) -> None:
        super().__init__()
        self.shards, self.counts, self.options = shards, list(counts), options
        self.shuffle, self.seed, self.limit = shuffle, seed, limit
        self.rank, self.world_size = rank, world_size
        self.prepare = prepare
        self.epoch = 0

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def records(self, worker: int = 0, workers: int = 1, endless: bool = False) -> Iterator[Record]:
        """The records that one worker of this device reads in the current epoch; `endless`, and in all that follow.

        Several devices must train on as many batches as one another, and cannot know how many the others will have. So
        theirs never run out either, and `limit_train_batches` ends the epoch.
        """
        if self.shuffle and (endless or self.world_size > 1):
            for epoch in count(self.epoch):
                yield from self._of_epoch(epoch, worker, workers)
        else:
            yield from self._of_epoch(self.epoch, worker, workers)

    def _of_epoch(self, epoch: int, worker: int, workers: int) -> Iterator[Record]:
        consumer = self.rank * workers + worker
        segments = epoch_segments(
            self.counts,
            consumer=consumer,
            consumers=self.world_size * workers,
            epoch=epoch,
            limit=self.limit,
            rng=(lambda number: self._rng(0, consumer, number)) if self.shuffle else None,
        )
        for number, first, end in segments:
            shard = self.shards[number]
            given = shard.records(first, end) if isinstance(shard, DrawnShard) else read_records(shard, first, end)
            read = 0
            for record in given:
                read += 1
                yield record
            if read != end - first:
                raise DataError(
                    f"{shard}: gave {read} records where {end - first} were counted; was it changed while being read?"
                )

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        consumer = self.rank * workers + worker
        rng = self._rng(1, consumer, self.epoch) if self.shuffle else None
        made = batches(self.records(worker, workers), self.options, rng)
        if self.prepare is None:
            return made
        seeds = self._rng(2, consumer, self.epoch)
        return map(self.prepare, made, (int(seeds.integers(2**62)) for _ in count()))


class ResumableLoader(DataLoader[Batch]):
    """A loader that knows its epoch, and after a kill goes on in the middle of it.

    Args:
        stream: what to load.
        position: returns the current epoch and the number of its batches already trained on.
        workers: worker processes; 0 loads in the calling one.
    """

    def __init__(
        self, stream: RecordStream, position: Callable[[], tuple[int, int]], workers: int, **options: Any
    ) -> None:
        # A generator of its own: a DataLoader without one draws from torch's global state whenever it is iterated.
        super().__init__(
            stream,
            batch_size=None,
            num_workers=workers,
            generator=torch.Generator().manual_seed(stream.seed),
            **options,
        )
        self._stream = stream
        self._position = position
        self._resume: tuple[int, int] | None = None

    def state_dict(self) -> dict[str, int]:
        epoch, done = self._position()
        return {"epoch": epoch, "batches": done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._resume = state["epoch"], state["batches"]

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self._stream.epoch, _ = self._position()
        skip = 0
        if self._resume is not None:
            self._stream.epoch, skip = self._resume
            self._resume = None
        iterator = super().__iter__()
        for _ in range(skip):  # the batches done are read, or drawn, again: each costs less than a step does
            next(iterator, None)
        return iterator
