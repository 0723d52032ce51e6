"""Which reader reads what: shards are shared out, and epochs go on where the last one ended."""

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest

from mutualist.errors import ConfigError, DataError
from mutualist.training.batching import Batching
from mutualist.training.data import MetaDataModule
from mutualist.training.stream import RecordStream, ResumableLoader, epoch_segments

SMALL = Batching(max_elements=2000, max_batch=8)


def names(batches) -> list[int]:
    """The numbers that the fixture wrote into x[0], of all records in order."""
    return [int(value) - 1000 for batch in batches for value in batch["values"][:, 0, 0]]


def rng(number: int) -> np.random.Generator:
    return np.random.default_rng(number)


def test_consumers_share_the_shards_between_them():
    counts = [10, 20, 30, 40, 50]
    parts = [epoch_segments(counts, consumer=c, consumers=2, epoch=3, limit=None, rng=rng) for c in range(2)]
    assert sorted(segment for part in parts for segment in part) == [(i, 0, n) for i, n in enumerate(counts)]
    assert not {s[0] for s in parts[0]} & {s[0] for s in parts[1]}


@pytest.mark.parametrize("limit", [7, 60, 100, 333])
def test_limited_epochs_go_through_all_records_equally_often(limit):
    counts = [10, 20, 30]
    total: Counter[tuple[int, int]] = Counter()
    epochs = 60 * 10 // limit + 1
    for epoch in range(epochs):
        segments = epoch_segments(counts, consumer=0, consumers=1, epoch=epoch, limit=limit, rng=rng)
        assert sum(end - first for _, first, end in segments) == limit
        for shard, first, end in segments:
            total.update((shard, i) for i in range(first, end))
    passes = limit * epochs / 60
    assert set(total.values()) <= {int(passes), int(passes) + 1}
    assert len(total) == 60


def test_an_empty_share_reads_nothing():
    assert epoch_segments([5], consumer=1, consumers=2, epoch=0, limit=None, rng=None) == []


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_epoch_gives_every_record_once_for_any_number_of_workers(dataset, workers):
    module = MetaDataModule(str(dataset), batching=SMALL, workers=workers)
    assert sorted(names(module.train_dataloader())) == list(range(120))


def test_workers_read_disjoint_shards(dataset):
    stream = MetaDataModule(str(dataset)).stream("train", shuffle=True)
    parts = [{int(r.values[0, 0] - 1000) // 40 for r in stream.records(w, 2)} for w in range(2)]
    assert parts == [{0, 2}, {1}]


def test_more_workers_than_shards_are_not_started(make_dataset):
    dataset = make_dataset(shards=1, per_shard=2)
    loader = MetaDataModule(str(dataset), workers=9).train_dataloader()
    assert isinstance(loader, ResumableLoader)
    assert loader.num_workers == 1


def test_devices_read_disjoint_records(dataset):
    """And never run out of them, so that all can take as many batches."""
    one = MetaDataModule(str(dataset)).stream("train", shuffle=True)
    found, again = [], []
    for rank in range(3):
        records = RecordStream(one.shards, one.counts, SMALL, shuffle=True, rank=rank, world_size=3).records()
        found += [int(record.values[0, 0]) - 1000 for record in islice(records, 40)]
        again += [int(record.values[0, 0]) - 1000 for record in islice(records, 40)]
    assert sorted(found) == sorted(again) == list(range(120))


def test_order_depends_on_seed_and_epoch_alone(dataset):
    def order(seed, epoch, workers=0):
        loader = MetaDataModule(str(dataset), batching=SMALL, workers=workers, seed=seed).train_dataloader()
        assert isinstance(loader, ResumableLoader)
        loader.load_state_dict({"epoch": epoch, "batches": 0})
        return names(loader)

    first = order(0, 0)
    assert first == order(0, 0)
    assert first != order(0, 1)
    assert first != order(1, 0)
    assert sorted(first) == sorted(order(0, 1))
    assert order(0, 0, workers=2) == order(0, 0, workers=2)


def test_a_loader_goes_on_in_the_middle_of_an_epoch(dataset):
    module = MetaDataModule(str(dataset), batching=SMALL, workers=0)
    whole = [names([batch]) for batch in module.train_dataloader()]
    loader = module.train_dataloader()
    assert isinstance(loader, ResumableLoader)
    loader.load_state_dict({"epoch": 0, "batches": 5})
    assert [names([batch]) for batch in loader] == whole[5:]
    assert [names([batch]) for batch in loader] == whole  # the next epoch begins at its beginning


def test_limits_count_records(dataset):
    module = MetaDataModule(str(dataset), batching=SMALL, limit_records=50, limit_validation=30, workers=0)
    assert module.records_per_epoch == 50
    assert len(names(module.train_dataloader())) == 50
    assert names(module.val_dataloader()) != names(module.train_dataloader())
    assert sorted(names(module.val_dataloader())) == list(range(30))
    assert len(names(module.test_dataloader())) == 120


def test_validation_and_test_use_every_row(dataset):
    module = MetaDataModule(str(dataset), batching=Batching(subsample=1.0, cut_rows=True, min_rows=2))
    for split, loader in (("validation", module.val_dataloader()), ("test", module.test_dataloader())):
        whole = {int(r.values[0, 0]) - 1000: r.n for r in module.stream(split).records()}
        found = {int(b["values"][i, 0, 0]) - 1000: int(n) for b in loader for i, n in enumerate(b["n"])}
        assert found == whole


def test_a_shard_that_shrinks_while_being_read_is_noticed(dataset):
    stream = MetaDataModule(str(dataset)).stream("train")
    counts = [stream.counts[0] + 1, *stream.counts[1:]]
    with pytest.raises(DataError, match=r"shard-00000\.parquet: gave 40 records where 41 were counted"):
        list(RecordStream(stream.shards, counts, SMALL, shuffle=False))


def test_an_empty_split_is_refused(make_dataset):
    with pytest.raises(DataError, match="no records in 1 shards"):
        MetaDataModule(str(make_dataset(shards=1, per_shard=0))).stream("train")


@pytest.mark.parametrize("option", ["limit_records", "limit_validation"])
def test_a_limit_of_nothing_is_refused(dataset, option):
    with pytest.raises(ConfigError, match=option):
        MetaDataModule(str(dataset), **dict[str, Any]({option: 0}))
