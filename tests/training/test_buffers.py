"""Drawn records in buffers: each once a pass, with its own label, in blocks of rows; and no end to them."""

from itertools import islice

import numpy as np
import pytest
import torch

from mutualist.datagen.prior import Prior
from mutualist.errors import ConfigError, DataError
from mutualist.training.batching import Batching, collate
from mutualist.training.buffers import PACK, Buffer, BufferedLoader, Pack
from mutualist.training.data import MetaDataModule

CPU = torch.device("cpu")


def stream(directory, limit: int = 300):
    return MetaDataModule(str(directory), draw="tiny", limit_records=limit).stream("train", shuffle=True, limit=limit)


@pytest.fixture
def records(tmp_path):
    return list(islice(stream(tmp_path).records(endless=True), 400))


def buffer(records) -> Buffer:
    return Buffer([Pack.of(records[i : i + PACK]) for i in range(0, len(records), PACK)], CPU)


@pytest.mark.parametrize("subsample", [0.0, 0.7])
def test_each_record_comes_once_in_a_block_of_its_rows(records, subsample):
    options = Batching(max_batch=50, subsample=subsample, cut_rows=False)
    left = {record.values.tobytes(): record for record in records}
    assert len(left) == len(records)
    shortened = 0
    for batch in buffer(records).batches(options, np.random.default_rng(0)):
        assert len(batch["mi"]) <= 50
        for i, (n, dx, dy) in enumerate(zip(*(batch[key].tolist() for key in ("n", "dx", "dy")), strict=True)):
            block = batch["values"][i, :n, : dx + dy].numpy()
            assert not batch["values"][i, n:].any()
            assert not batch["values"][i, :, dx + dy :].any()
            (whole,) = [key for key in left if block.tobytes() in key]
            record = left.pop(whole)
            assert (batch["mi"][i], record.dx, record.d) == (np.float32(record.mi), dx, dx + dy)
            shortened += n < record.n
    assert not left
    assert (shortened > 0) == (subsample > 0)


def test_a_batch_is_what_collate_would_make(records):
    alike = records[:5]
    found = buffer(alike)._batch(np.arange(5), np.zeros(5, int), np.array([r.n for r in alike]))
    for key, expected in collate(alike).items():
        if key != "family":
            torch.testing.assert_close(found[key], expected, rtol=0, atol=0, msg=key)


@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_have_their_length_and_go_through_new_buffers(tmp_path, workers, torch_seed):
    loader = BufferedLoader(stream(tmp_path), lambda: 0, workers, records=200, limit=300, device=CPU)
    seen: set[bytes] = set()
    for _ in range(1000):  # until the next buffer is full
        batches = list(loader)
        assert 300 <= sum(len(batch["mi"]) for batch in batches) < 300 + Batching().max_batch
        seen |= {
            batch["values"][i, 0, : batch["dx"][i]].numpy().tobytes()
            for batch in batches
            for i in range(len(batch["mi"]))
        }
        if len(seen) > 200:  # more than a buffer holds
            return
    pytest.fail("no second buffer came")


def test_what_fails_while_a_buffer_fills_fails_where_it_is_waited_for(tmp_path, monkeypatch, torch_seed):
    def faulty(self, split, shard, i):
        raise DataError("nothing can be drawn")

    monkeypatch.setattr(Prior, "draw_record", faulty)
    loader = BufferedLoader(stream(tmp_path), lambda: 0, 0, records=200, limit=300, device=CPU)
    with pytest.warns(UserWarning, match="left out"), pytest.raises(DataError, match="nothing can be drawn"):
        next(iter(loader))


def test_they_are_for_drawn_records(tmp_path):
    with pytest.raises(ConfigError, match="buffer_records is for records that are drawn"):
        MetaDataModule(str(tmp_path), buffer_records=100)
