"""The data module: Parquet shards of a meta-dataset in, batches of like size out."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor

from mutualist.datagen.config import load_config
from mutualist.datagen.integrity import finished_shards
from mutualist.datagen.storage import Store, StoredFile
from mutualist.errors import ConfigError, DataError
from mutualist.models import ModelConfig
from mutualist.models.describe import describe_values
from mutualist.training.batching import Batch, Batching
from mutualist.training.buffers import BufferedLoader
from mutualist.training.drawn import DrawnShard, DrawnShards
from mutualist.training.shards import count_records
from mutualist.training.stream import RecordStream, ResumableLoader


class MetaDataModule(L.LightningDataModule):
    """Streams the splits of a meta-dataset.

    Args:
        directory: the meta-dataset, as `mutualist datagen make --out` wrote it: a path, or a URI (s3://bucket/prefix).
        batching: how records become batches; validation and test never leave out rows.
        limit_records: records in a training epoch (validation follows each); the epochs go through the split one after
            the other. All records of the split if None.
        limit_validation: records of the validation split that are used; all if None.
        workers: processes that read, or draw, the training split; they share its shards, so there are never more than
            those. Where training runs on the CPU they describe the samples as well, a quarter of a step's work. The
            other splits are read by the main process.
        draw: a configuration of `mutualist datagen`, by name or path. If given, the workers draw training records from
            it while the network trains, each of them once unless they are kept in buffers, and `directory` need not
            hold a train split. It takes `limit_records`, and as many workers as keep up with the network.
        buffer_records: if given, drawn records are kept on the device that trains, so many at a time, and gone through,
            each time in other blocks of rows, until the next so many are drawn (`training.buffers`). It is for
            accelerators, which want larger batches than a worker's pool of records makes.
        seed: root of the order of the records and of the rows left out.
    """

    def __init__(
        self,
        directory: str,
        batching: Batching = Batching(),  # noqa: B008  (frozen)
        limit_records: int | None = None,
        limit_validation: int | None = None,
        workers: int = 1,
        draw: str | None = None,
        buffer_records: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        counts = {"limit_records": limit_records, "limit_validation": limit_validation}
        for name, value in (counts | {"buffer_records": buffer_records}).items():
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1 or absent, got {value}")
        if workers < 0:
            raise ConfigError(f"workers must not be negative, got {workers}")
        if draw is not None and limit_records is None:
            raise ConfigError("records that are drawn have no end: say by limit_records after how many an epoch ends")
        if buffer_records is not None and draw is None:
            raise ConfigError("buffer_records is for records that are drawn: say by draw what to draw them from")
        self.store = Store(directory)
        self.drawn = None if draw is None else DrawnShards(load_config(draw))
        self.batching = batching
        self.limit_records, self.limit_validation = limit_records, limit_validation
        self.buffer_records = buffer_records
        self.workers = workers
        self.seed = seed
        self._counts: dict[str, tuple[Sequence[StoredFile | DrawnShard], list[int]]] = {}

    def stream(self, split: str, *, shuffle: bool = False, limit: int | None = None) -> RecordStream:
        """The batches of a split, without a loader's workers.

        Raises:
            DataError: the split is missing, empty or damaged, or has fewer shards than there are devices.
        """
        if split == "train" and self.drawn is not None:
            self._counts[split] = self.drawn, [self.drawn.config.shard_records] * len(self.drawn)
        elif split not in self._counts:
            stored = finished_shards(self.store, split)
            self._counts[split] = stored, [count_records(shard) for shard in stored]
        shards, counts = self._counts[split]
        if sum(counts) == 0:
            raise DataError(f"{self.store.place(split)}: no records in {len(shards)} shards; make the split again")
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        if len(shards) < world_size:
            raise DataError(
                f"{self.store.place(split)}: {len(shards)} shards for {world_size} devices; use fewer devices or make "
                "the split again with more shards"
            )
        options = self.batching if shuffle else replace(self.batching, subsample=0.0, cut_rows=False)
        return RecordStream(
            shards, counts, options, shuffle=shuffle, seed=self.seed, limit=limit, rank=rank, world_size=world_size
        )

    @property
    def records_per_epoch(self) -> int:
        """Records of a training epoch, over all devices."""
        return self.limit_records or sum(self.stream("train", shuffle=True).counts)

    def train_dataloader(self) -> ResumableLoader | BufferedLoader:
        stream = self.stream("train", shuffle=True, limit=self.limit_records)
        workers = min(self.workers, len(stream.shards) // stream.world_size)
        trainer = self.trainer
        if trainer is not None and trainer.world_size > 1 and not isinstance(trainer.limit_train_batches, int):
            raise ConfigError(
                f"{trainer.world_size} devices must train on as many batches as one another: say how many make an "
                "epoch by --trainer.limit_train_batches"
            )
        if trainer is not None and self.buffer_records is not None and self.limit_records is not None:
            share = -(-self.limit_records // stream.world_size)
            device = trainer.strategy.root_device
            return BufferedLoader(stream, lambda: trainer.current_epoch, workers, self.buffer_records, share, device)
        if trainer is not None and workers and trainer.strategy.root_device.type == "cpu":
            module: Any = trainer.lightning_module
            stream.prepare = partial(described, config=module.net.config)
        return self._loader(stream, workers)

    def val_dataloader(self) -> ResumableLoader:
        return self._loader(self.stream("validation", limit=self.limit_validation))

    def test_dataloader(self) -> ResumableLoader:
        return self._loader(self.stream("test"))

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        return {k: v.to(device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}

    def _loader(self, stream: RecordStream, workers: int = 0) -> ResumableLoader:
        def position() -> tuple[int, int]:
            if not stream.shuffle or self.trainer is None:
                return 0, 0
            progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current
            return self.trainer.current_epoch, progress.processed

        options: dict[str, Any] = {}
        # A connection does not survive a fork: where there is one, workers start from nothing and make their own.
        if workers > 0 and self.store.local is None:
            options["multiprocessing_context"] = "spawn"
        if self.trainer is not None and self.trainer.strategy.root_device.type == "cuda":
            options["pin_memory"] = True  # memory that the device can read by itself
        return ResumableLoader(stream, position, workers, **options)


def described(batch: Batch, seed: int, config: ModelConfig) -> Batch:
    """The batch with its `description`, which depends on no weight, in place of its `values`. `seed` breaks ties."""
    values, side, rows, columns = (batch[key] for key in ("values", "side", "row_mask", "column_mask"))
    description = describe_values(values, side, rows, columns, config, torch.Generator().manual_seed(seed))
    return {key: value for key, value in batch.items() if key != "values"} | {"description": description}
