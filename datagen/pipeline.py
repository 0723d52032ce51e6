"""Makes a meta-dataset: one Dask task a shard, on this machine's processes or on any Dask scheduler.

The same configuration gives the same bytes whatever the number of workers, for a record depends on its seed path
alone. A shard under its final name is complete, so an interrupted run goes on where it stopped. Shards and manifest go
to a directory, or to any filesystem that `mutualist.datagen.storage` knows by URI.
"""

import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distributed import Client, as_completed
from distributed.scheduler import KilledWorker

from mutualist.datagen.cluster import ALLOWED_FAILURES, connect
from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.manifest import FORMAT, MANIFEST, read_manifest
from mutualist.datagen.prior import Prior
from mutualist.datagen.shards import describe_shard, make_shard
from mutualist.datagen.storage import Store, shard_name
from mutualist.errors import ConfigError, DataError

# A task that raised is tried again this often; one whose worker died, ALLOWED_FAILURES times.
RETRIES = 2
HASHED_AT_ONCE = 4
# Summed over the shards of a split. `mi_rejected`: draws that a part's law of MI refused, none of which is a record.
COUNTED = ("records", "mi_zero", "monte_carlo", "mi_rejected", "dropped", "bytes")


@dataclass(frozen=True)
class Progress:
    """How far a run is. Seconds are of this run; records and bytes found from an earlier one count as `found`."""

    total: int
    found: int
    records: int
    bytes: int
    seconds: float

    @property
    def records_per_s(self) -> float:
        return self.records / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        rate = self.records_per_s
        return (self.total - self.found - self.records) / rate if rate > 0 else None


def make_dataset(
    config: DatasetConfig,
    directory: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Makes all shards that are not there yet, writes the manifest, and returns it.

    Args:
        directory: a path, or a URI such as `s3://bucket/prefix`.
        workers: processes on this machine (default: one a core). Not with `scheduler`.
        scheduler: address of a Dask scheduler (`tcp://host:8786`) whose workers see `directory` under the same name.
        on_progress: called after each shard.

    Raises:
        ConfigError: the configuration or the URI names what does not exist, or `workers` is not positive.
        DataError: the directory holds something else, or a damaged shard; or a task failed again and again; or the
            filesystem refuses.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}")
    Prior(config)  # says what is wrong with the configuration before a cluster starts
    store = Store(directory)
    if not store.shared:
        raise ConfigError(f"{store} lives in one process alone, and workers have their own: give another place")
    prepare(config, store)
    wanted = [(split, i, n) for split in config.splits for i, n in enumerate(config.shards(split))]
    entries = _found(config, store, [(split, i) for split, i, _ in wanted])
    _compare_checksums(store, entries)
    missing = [(split, i, n) for split, i, n in wanted if (split, i) not in entries]

    total, found = sum(n for _, _, n in wanted), sum(e["records"] for e in entries.values())
    start, made, size = time.monotonic(), 0, 0
    on_progress(Progress(total, found, 0, 0, 0.0))
    if missing:
        with connect(workers, scheduler, len(missing)) as client:
            for entry in _run(client, config, store, missing):
                entries[entry["split"], entry["shard"]] = entry
                made, size = made + entry["records"], size + entry["bytes"]
                on_progress(Progress(total, found, made, size, time.monotonic() - start))
    manifest = _manifest(config, [entries[split, i] for split, i, _ in wanted], complete=True)
    _write_manifest(store, manifest)
    store.sweep()
    return manifest


def prepare(config: DatasetConfig, directory: str | Path | Store) -> None:
    """Makes the directory this configuration's own: it must be new, empty, or begun with the same configuration."""
    store = directory if isinstance(directory, Store) else Store(directory)
    if store.exists(MANIFEST):
        manifest = read_manifest(store)
        if manifest["config_sha256"] != config.digest():
            raise DataError(
                f"{store} holds a meta-dataset of another configuration ({manifest['config_sha256'][:12]}…, not "
                f"{config.digest()[:12]}…): give another directory, or delete this one"
            )
        return
    if store.names():
        raise DataError(f"{store} is not empty and holds no {MANIFEST}: give a new directory")
    _write_manifest(store, _manifest(config, [], complete=False))


def _write_manifest(store: Store, values: dict[str, Any]) -> None:
    store.write(MANIFEST, (json.dumps(values, indent=1) + "\n").encode())


def _found(config: DatasetConfig, store: Store, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
    """The entries of those shards that an earlier run finished; several at a time, for each is read and hashed."""
    names = store.names()
    there = [(split, i) for split, i in wanted if shard_name(split, i) in names]
    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        return dict(zip(there, pool.map(lambda at: describe_shard(config, at[0], at[1], store), there), strict=True))


def _compare_checksums(store: Store, entries: dict[tuple[str, int], dict[str, Any]]) -> None:
    """Shards that a finished run listed must still have the bytes it listed."""
    listed = {(e["split"], e["shard"]): e["sha256"] for e in read_manifest(store)["shards"]}
    for key, entry in entries.items():
        if listed.get(key, entry["sha256"]) != entry["sha256"]:
            raise DataError(f"shard {entry['path']} at {store} has changed since it was made: delete it, run again")


def _run(
    client: Client, config: DatasetConfig, store: Store, missing: list[tuple[str, int, int]]
) -> Iterator[dict[str, Any]]:
    plain = config.model_dump(mode="json")
    futures = [
        client.submit(
            make_shard,
            plain,
            split,
            i,
            store.location,
            key=f"{split}-{i}-{config.digest()[:12]}-{store}",
            retries=RETRIES,
            pure=False,
        )
        for split, i, _ in missing
    ]
    for future in as_completed(futures):
        try:
            yield future.result()
        except (KilledWorker, CancelledError) as error:
            raise DataError(
                f"a shard failed because its worker died {ALLOWED_FAILURES} times ({error}); finished shards are kept: "
                "look for lack of memory, then run again"
            ) from error
        future.release()


def _manifest(config: DatasetConfig, shards: list[dict[str, Any]], complete: bool) -> dict[str, Any]:
    splits: dict[str, dict[str, Any]] = {}
    for split in config.splits:
        own = [s for s in shards if s["split"] == split]
        families: Counter[str] = Counter()
        for s in own:
            families.update(s["families"])
        sums = {key: sum(s.get(key, 0) for s in own) for key in COUNTED}
        splits[split] = {**sums, "shards": len(own), "families": dict(sorted(families.items()))}
    return {
        "format": FORMAT,
        "complete": complete,
        "config_sha256": config.digest(),
        "config": config.model_dump(mode="json"),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("mutualist", "numpy", "scipy", "pyarrow", "distributed")},
        },
        "splits": splits,
        "shards": shards,
    }
