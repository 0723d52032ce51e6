"""Output to filesystems by URI: a real S3 server on loopback, an fsspec filesystem, and directories."""

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.manifest import MANIFEST
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.shards import make_shard
from mutualist.datagen.storage import Store
from mutualist.errors import ConfigError, DataError


def tree(store: Store) -> dict[str, bytes]:
    return {name: store.read(name) for name in sorted(store.names())}


def make_all(config: DatasetConfig, location: str | Path) -> None:
    prepare(config, location)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(location))


def test_s3_holds_the_bytes_of_a_directory_and_a_run_goes_on(small: DatasetConfig, bucket: str, tmp_path: Path) -> None:
    make_all(small, tmp_path)
    manifest = make_dataset(small, tmp_path)
    make_all(small, bucket)
    store = Store(bucket)
    assert json.loads(store.read(MANIFEST))["complete"] is False
    # All shards are there: no cluster starts, and what is left is to read them back and write the manifest.
    assert make_dataset(small, bucket) == manifest
    assert tree(store) == tree(Store(tmp_path))
    assert [shard.name for shard in store.shards("train")] == [f"train/shard-{i:05d}.parquet" for i in range(3)]
    with store.open("train/shard-00002.parquet") as file:
        assert pq.ParquetFile(file).metadata.num_rows == 10
    other = parse_config({**small.model_dump(mode="json"), "seed": 8})
    with pytest.raises(DataError, match="another configuration"):
        make_dataset(other, bucket)


@pytest.mark.slow
def test_damage_on_s3_is_named(small: DatasetConfig, bucket: str) -> None:
    make_all(small, bucket)
    store = Store(bucket)
    content = store.read("train/shard-00001.parquet")
    for damaged in (content[:-100], b"not a parquet file"):
        store.write("train/shard-00001.parquet", damaged)
        with pytest.raises(DataError, match=r"train/shard-00001\.parquet"):
            make_dataset(small, bucket)
    store.write("train/shard-00001.parquet", content)
    make_dataset(small, bucket)
    store.write("train/shard-00001.parquet", content[:200] + bytes([content[200] ^ 1]) + content[201:])
    with pytest.raises(DataError, match=r"train/shard-00001\.parquet .* has changed"):
        make_dataset(small, bucket)


def test_an_upload_that_fails_leaves_nothing(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(bucket)

    def begin() -> None:
        with store.writing("train/a") as path:
            path.write_bytes(b"begun")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin()
    assert store.names() == set()

    def fail(source: io.BufferedReader, target: io.BufferedWriter, size: int) -> None:
        target.write(source.read(3))
        raise KeyboardInterrupt

    monkeypatch.setattr("mutualist.datagen.storage.shutil.copyfileobj", fail)
    with pytest.raises(KeyboardInterrupt):
        store.write("train/a", b"half of this")
    assert store.names() == set()


def test_a_refusing_server_and_an_absent_bucket_are_named(small: DatasetConfig, server: str) -> None:
    with pytest.raises(DataError, match="s3://absent"):
        make_dataset(small, f"s3://absent/x?{server.replace('allow_bucket_creation=true', '')}")


def test_fsspec_supplies_what_pyarrow_does_not_know(small: DatasetConfig, tmp_path: Path) -> None:
    make_all(small, "memory://place/of/it")
    make_all(small, tmp_path)
    assert tree(Store("memory://place/of/it")) == tree(Store(tmp_path))
    with pytest.raises(ConfigError, match="one process"):
        make_dataset(small, "memory://place/of/it")


def test_a_file_uri_is_a_directory(small: DatasetConfig, tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/with%20space")
    assert store.local == tmp_path / "with space"
    store.write("train/a", b"1")
    assert (tmp_path / "with space" / "train" / "a").read_bytes() == b"1"
    assert store.names() == {"train/a"}


@pytest.mark.parametrize(
    ("uri", "words"),
    [("nothing://bucket/x", "no filesystem"), ("s3://key:secret@bucket/x", "credentials")],
)
def test_unusable_uris_are_refused_without_showing_secrets(uri: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        Store(uri)
    assert "secret" not in str(error.value)


def test_missing_shards_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(DataError, match="no meta-dataset"):
        store.shards("test")
    for number in (0, 2):
        store.write(f"test/shard-{number:05d}.parquet", b"")
    with pytest.raises(DataError, match="shard-00001"):
        store.shards("test")
    with pytest.raises(DataError, match="no shards"):
        store.shards("train")
    with pytest.raises(DataError, match="no split"):
        store.shards("trian")


@pytest.mark.slow
def test_workers_write_to_s3(small: DatasetConfig, bucket: str, tmp_path: Path) -> None:
    make_dataset(small, bucket, workers=2)
    make_all(small, tmp_path)
    make_dataset(small, tmp_path)
    assert tree(Store(bucket)) == tree(Store(tmp_path))
