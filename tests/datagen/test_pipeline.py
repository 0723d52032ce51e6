import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from mutualist.datagen.cluster import local_workers
from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.manifest import read_manifest
from mutualist.datagen.pipeline import Progress, make_dataset, prepare
from mutualist.datagen.prior import Prior
from mutualist.datagen.schema import SCHEMA, shard_path
from mutualist.datagen.shards import RecordWriter, make_shard, write_shard
from mutualist.datagen.storage import Store
from mutualist.errors import ConfigError, DataError


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def make_here(config: DatasetConfig, directory: Path) -> dict[str, object]:
    """All shards in this process; what is left for `make_dataset` is the manifest."""
    prepare(config, directory)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(directory))
    return make_dataset(config, directory)


def test_files_hold_what_the_prior_draws(small: DatasetConfig, tmp_path: Path) -> None:
    manifest = make_here(small, tmp_path / "d")
    prior = Prior(small)
    paths = [Path(str(shard)) for shard in Store(tmp_path / "d").shards("train")]
    assert [p.name for p in paths] == ["shard-00000.parquet", "shard-00001.parquet", "shard-00002.parquet"]
    ids = []
    for shard, path in enumerate(paths):
        table = pq.read_table(path)
        assert table.schema.equals(SCHEMA)
        for i, row in enumerate(table.to_pylist()):
            record = prior.draw_record("train", shard, i)
            assert record.seed_path == tuple(row["seed_path"]) == (small.seed, 0, shard, i)
            np.testing.assert_array_equal(np.asarray(row["x"], np.float32).reshape(row["n"], row["dx"]), record.x)
            np.testing.assert_array_equal(np.asarray(row["y"], np.float32).reshape(row["n"], row["dy"]), record.y)
            assert (row["mi"], row["family"], row["parameters"]) == (record.mi, record.family, record.parameters)
            ids.append(row["id"])
    assert ids == list(range(50))
    splits = manifest["splits"]
    assert isinstance(splits, dict)
    assert splits["train"]["records"] == sum(splits["train"]["families"].values()) == 50
    assert splits["train"]["dropped"] == 0


def test_row_groups_are_bounded_and_buffers_used_again(small: DatasetConfig, tmp_path: Path) -> None:
    """More records than a row group holds, of which the first is larger than the first buffer."""
    prior = Prior(small)
    big = prior.draw_record("train", 0, 0)
    big = big._replace(x=np.arange(1_200_000, dtype=np.float32).reshape(-1, 1), n=1_200_000, dx=1)
    records = [big, *(prior.draw_record("train", 0, i) for i in range(1, 300))]
    write_shard(tmp_path / "s.parquet", records, {})
    file = pq.ParquetFile(tmp_path / "s.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [250, 50]
    x = file.read(columns=["x"])["x"]
    for row, record in zip(x, records, strict=True):
        np.testing.assert_array_equal(row.values.to_numpy(), record.x.ravel())


def test_nothing_half_written_keeps_its_final_name(small: DatasetConfig, tmp_path: Path) -> None:
    def interrupted():
        yield Prior(small).draw_record("train", 0, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "s.parquet", interrupted(), {})
    assert list(tmp_path.iterdir()) == []


def test_manifest_states_config_counts_and_checksums(small: DatasetConfig, tmp_path: Path) -> None:
    make_here(small, tmp_path)
    manifest = read_manifest(tmp_path)
    assert manifest["complete"] is True
    assert manifest["config_sha256"] == small.digest()
    assert parse_config(manifest["config"]) == small
    assert {"python", "mutualist", "numpy", "pyarrow"} <= set(manifest["versions"])
    for entry in manifest["shards"]:
        assert (tmp_path / entry["path"]).stat().st_size == entry["bytes"]
        assert len(entry["sha256"]) == 64


def test_directory_of_another_configuration_is_left_alone(small: DatasetConfig, tmp_path: Path) -> None:
    make_here(small, tmp_path)
    before = contents(tmp_path)
    other = parse_config({**small.model_dump(mode="json"), "seed": 8})
    with pytest.raises(DataError, match="another configuration"):
        make_dataset(other, tmp_path)
    assert contents(tmp_path) == before
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(DataError, match="not empty"):
        make_dataset(small, tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "foreign", "flipped"])
def test_a_damaged_shard_is_named(small: DatasetConfig, tmp_path: Path, damage: str) -> None:
    make_here(small, tmp_path)
    path = shard_path(tmp_path, "train", 1)
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(data[:-100])
    elif damage == "foreign":
        path.write_text("not a parquet file")
    else:
        data[200] ^= 1
        path.write_bytes(data)
    with pytest.raises(DataError, match=r"train.shard-00001\.parquet"):
        make_dataset(small, tmp_path)


def test_a_shard_of_another_place_or_configuration_is_named(small: DatasetConfig, tmp_path: Path) -> None:
    make_here(small, tmp_path / "a")
    other = parse_config({**small.model_dump(mode="json"), "seed": 8})
    make_here(other, tmp_path / "b")
    target = shard_path(tmp_path / "a", "train", 1)
    for source in (shard_path(tmp_path / "a", "train", 0), shard_path(tmp_path / "b", "train", 1)):
        target.write_bytes(source.read_bytes())
        with pytest.raises(DataError, match=r"shard-00001\.parquet"):
            make_dataset(small, tmp_path / "a")


def test_missing_splits_and_shards_are_named(small: DatasetConfig, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no meta-dataset"):
        Store(tmp_path / "nowhere").shards("train")
    make_here(small, tmp_path)
    with pytest.raises(DataError, match="calibration"):
        Store(tmp_path).shards("calibration")
    with pytest.raises(DataError, match="no split"):
        Store(tmp_path).shards("trian")
    shard_path(tmp_path, "train", 1).unlink()
    with pytest.raises(DataError, match="shard-00001"):
        Store(tmp_path).shards("train")


def test_workers_and_scheduler_exclude_each_other(small: DatasetConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not both"):
        make_dataset(small, tmp_path / "a", workers=1, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(ConfigError, match="at least 1"):
        make_dataset(small, tmp_path / "a", workers=0)


def test_a_writer_counts_what_it_writes(small: DatasetConfig, tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "s.parquet")
    records = [Prior(small).draw_record("train", 0, i) for i in range(12)]
    for record in records:
        writer.add(record)
    writer.close({"split": "train"})
    stated = json.loads(pq.read_metadata(tmp_path / "s.parquet").metadata[b"mutualist"])
    assert stated["split"] == "train"
    assert stated["records"] == 12
    assert stated["mi_zero"] == sum(r.mi == 0 for r in records)


def test_bytes_are_equal_for_any_number_of_workers(small: DatasetConfig, tmp_path: Path) -> None:
    """Against shards made one after another in this process; progress reaches the total."""
    make_here(small, tmp_path / "here")
    seen: list[Progress] = []
    make_dataset(small, tmp_path / "two", workers=2, on_progress=seen.append)
    assert contents(tmp_path / "here") == contents(tmp_path / "two")
    assert [p.records for p in seen] == sorted(p.records for p in seen)
    assert seen[-1].records == seen[-1].total == 60
    assert seen[-1].seconds_left == 0


@pytest.mark.slow
def test_one_and_two_workers_and_a_resumed_run_agree(small: DatasetConfig, tmp_path: Path) -> None:
    make_dataset(small, tmp_path / "one", workers=1)
    make_dataset(small, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    kept = shard_path(tmp_path / "two", "train", 0)
    time_kept = kept.stat().st_mtime_ns
    shard_path(tmp_path / "two", "train", 1).unlink()
    make_dataset(small, tmp_path / "two", workers=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert kept.stat().st_mtime_ns == time_kept


def _larger(small: DatasetConfig) -> DatasetConfig:
    values = small.model_dump(mode="json")
    values["shard_records"] = 200
    values["splits"] = {"train": {"records": 4000}}
    return parse_config(values)


@pytest.mark.slow
def test_a_killed_client_is_resumed_to_the_same_bytes(small: DatasetConfig, tmp_path: Path) -> None:
    config = _larger(small)
    path, out = tmp_path / "config.yaml", tmp_path / "killed"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    code = "from mutualist.datagen.cli import app; app()"
    arguments = ["make", "--config", str(path), "--out", str(out), "--workers", "1"]
    client = subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    {code}", *arguments], start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not list(out.glob("train/shard-*.parquet")):
            assert client.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        # The client alone: its workers must notice by themselves.
        os.kill(client.pid, signal.SIGKILL)
        client.wait()
    done = list(out.glob("train/shard-*.parquet"))
    assert 0 < len(done) < 20
    assert read_manifest(out)["complete"] is False
    make_dataset(config, out, workers=2)
    make_here(config, tmp_path / "undisturbed")
    assert contents(out) == contents(tmp_path / "undisturbed")


@pytest.mark.slow
def test_a_killed_worker_of_a_remote_scheduler_changes_nothing(small: DatasetConfig, tmp_path: Path) -> None:
    """A scheduler reached over TCP, two worker processes, one of which is killed while it works."""
    from distributed import Client, LocalCluster

    config = _larger(small)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        with Client(cluster.scheduler_address) as client:
            victim = next(iter(client.run(os.getpid).values()))
        killed = threading.Event()

        def kill(progress: object) -> None:
            if getattr(progress, "records", 0) > 0 and not killed.is_set():
                killed.set()
                os.kill(victim, signal.SIGKILL)

        make_dataset(config, tmp_path / "disturbed", scheduler=cluster.scheduler_address, on_progress=kill)
        assert killed.is_set()
    make_here(config, tmp_path / "undisturbed")
    assert contents(tmp_path / "disturbed") == contents(tmp_path / "undisturbed")


@pytest.mark.slow
def test_workers_here_spare_what_only_dashboards_show() -> None:
    """The benchmark's speed of two workers rests on it; the settings travel to the processes."""
    import dask

    with local_workers(1) as client:
        wanted = client.run(dask.config.get, "distributed.worker.profile.enabled")
        ticks = client.run(dask.config.get, "distributed.admin.tick.interval")
    assert list(wanted.values()) == [False]
    assert list(ticks.values()) == ["500ms"]
