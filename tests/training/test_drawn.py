"""Records drawn beside the training: those of the configuration, each once, from any number of workers."""

import numpy as np
import pytest

from mutualist.datagen.config import load_config
from mutualist.datagen.prior import Prior
from mutualist.errors import ConfigError, DataError
from mutualist.training.batching import Batching
from mutualist.training.data import MetaDataModule
from mutualist.training.drawn import DrawnShards
from mutualist.training.stream import ResumableLoader


def drawing(directory, workers: int = 0, limit: int | None = 60) -> MetaDataModule:
    batching = Batching(max_elements=20_000, max_batch=20, pool_records=30, cut_rows=False)
    return MetaDataModule(str(directory), batching, limit_records=limit, workers=workers, draw="tiny")


def test_they_are_what_would_have_been_written():
    config = load_config("tiny")
    written = [Prior(config).draw_record("train", 2, i) for i in range(3, 6)]
    drawn = list(DrawnShards(config)[2].records(3, 6))
    for expected, found in zip(written, drawn, strict=True):
        np.testing.assert_array_equal(found.values, np.concatenate([expected.x, expected.y], 1))
        assert (found.dx, found.mi, found.family) == (expected.dx, expected.mi, expected.family)


def test_a_faulty_record_is_left_out_and_said_so(monkeypatch):
    config, draw = load_config("tiny"), Prior.draw_record

    def faulty(self, split, shard, i):
        if i == 4:
            raise DataError("family 'x' drew a faulty record")
        return draw(self, split, shard, i)

    monkeypatch.setattr(Prior, "draw_record", faulty)
    with pytest.warns(UserWarning, match="left out: family 'x'"):
        drawn = list(DrawnShards(config)[0].records(3, 6))
    labels = [draw(Prior(config), "train", 0, i).mi for i in (3, 4 + config.shard_records, 5)]
    assert [record.mi for record in drawn] == labels


@pytest.mark.parametrize("workers", [0, 2])
def test_none_comes_twice(tmp_path, workers):
    """Nor does the folder need a train split."""
    loader = drawing(tmp_path, workers).train_dataloader()
    assert isinstance(loader, ResumableLoader)
    seen: list[bytes] = []
    for epoch in range(2):
        loader.load_state_dict({"epoch": epoch, "batches": 0})
        for batch in loader:
            seen += [
                values[mask].numpy().tobytes() for values, mask in zip(batch["values"], batch["row_mask"], strict=True)
            ]
    assert len(seen) == len(set(seen)) == 120


def test_an_epoch_of_them_needs_an_end(tmp_path):
    with pytest.raises(ConfigError, match="limit_records"):
        drawing(tmp_path, limit=None)


def test_an_unknown_configuration_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no configuration 'nothing'"):
        MetaDataModule(str(tmp_path), draw="nothing", limit_records=5)
