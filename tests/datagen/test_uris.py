"""What reads a meta-dataset reads it by URI as well: from a real S3 server on loopback, and with the same answers."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mutualist.datagen.cli import app
from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.inspection import report
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.shards import make_shard
from mutualist.datagen.storage import Store, StoredFile
from mutualist.errors import ConfigError, DataError
from mutualist.training.data import MetaDataModule
from mutualist.training.export import meta_distribution


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "300"})


def make_at(config: DatasetConfig, place: str | Path) -> None:
    prepare(config, place)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(place))
    make_dataset(config, place)


def test_one_record_and_every_file_are_looked_at_where_they_lie(small: DatasetConfig, bucket: str) -> None:
    make_at(small, bucket)
    stated = json.loads(run("show", bucket, "--id", 21, "--json").output)
    assert stated["identical"] is True
    assert stated["file_problem"] is None
    assert stated["path"].startswith(bucket.partition("?")[0] + "/train/shard-00001.parquet?")
    checked = run("verify", bucket)
    assert checked.exit_code == 0, checked.output
    assert "4 of 4 shards" in checked.output

    store = Store(bucket)
    whole = store.read("train/shard-00001.parquet")
    store.write("train/shard-00001.parquet", whole[:-50])
    store.write("train/shard-00009.parquet", whole)
    wrong = run("verify", bucket)
    assert isinstance(wrong.exception, DataError)
    assert "shard-00001.parquet" in wrong.output
    assert "truncated" in wrong.output
    assert "foreign" in wrong.output
    assert isinstance(run("show", bucket, "--id", 21).exception, DataError)


def test_the_page_is_made_from_afar(
    small: DatasetConfig, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "EXAMPLES", 1)
    make_at(small, bucket)
    result = run("report", bucket, "--out", tmp_path / "page.html", "--checks", 1)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<h1>prefix</h1>" in page
    assert "60</dd>" in page


def test_training_reads_the_same_records_from_afar(small: DatasetConfig, bucket: str, tmp_path: Path) -> None:
    make_at(small, tmp_path)
    make_at(small, bucket)
    here, there = (MetaDataModule(str(place), workers=0) for place in (tmp_path, bucket))
    pairs = zip(here.stream("train").records(), there.stream("train").records(), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a.values, b.values)
        assert (a.mi, a.family) == (b.mi, b.family)
    assert meta_distribution(str(tmp_path)) == meta_distribution(bucket)

    store = Store(bucket)
    store.write("train/shard-00000.parquet", store.read("train/shard-00001.parquet"))
    with pytest.raises(DataError, match="under another name"):
        list(there.stream("train").records())


def test_what_is_not_there_is_said(small: DatasetConfig, bucket: str) -> None:
    for command in (("show", bucket, "--id", 0), ("verify", bucket), ("report", bucket)):
        error = run(*command).exception
        assert isinstance(error, DataError)
        assert "no meta-dataset" in str(error)
    assert isinstance(run("verify", "nothing://bucket/x").exception, ConfigError)
    with pytest.raises(DataError, match="no meta-dataset"):
        MetaDataModule(bucket).stream("train")


def test_a_stored_file_names_its_place(tmp_path: Path) -> None:
    assert str(StoredFile(Store(tmp_path), "train/a")) == str(tmp_path / "train" / "a")
    assert str(StoredFile(Store("memory://bucket/x/"), "train/a")) == "memory://bucket/x/train/a"
    assert StoredFile.at(tmp_path / "d" / "train" / "a") == StoredFile(Store(tmp_path / "d"), "train/a")


@pytest.mark.slow
def test_workers_of_training_read_from_afar(small: DatasetConfig, bucket: str) -> None:
    make_at(small, bucket)
    sizes = [len(batch["mi"]) for batch in MetaDataModule(bucket, workers=2).train_dataloader()]
    assert sum(sizes) == 50
