"""Whether the shards of a meta-dataset are those that its manifest lists: whole, unchanged, and its own.

Imports pyarrow and the standard library only, for training checks each shard before it reads from it.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mutualist.datagen.manifest import MANIFEST, read_manifest
from mutualist.datagen.schema import SCHEMA, SPLITS
from mutualist.datagen.storage import Store, StoredFile, shard_name
from mutualist.errors import DataError

METADATA_KEY = "mutualist"


class Checked(NamedTuple):
    """A file of a meta-dataset, its size, and what is wrong with it, if anything."""

    file: StoredFile
    bytes: int
    problem: str | None


def read_stated(shard: StoredFile) -> dict[str, Any]:
    """What a shard says of itself: config digest, split, shard, counts.

    Raises:
        DataError: the file is truncated, not Parquet, or not a shard of a meta-dataset.
    """
    try:
        with shard.store.open(shard.name) as file:
            footer = pq.read_metadata(file)
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"shard {shard} is damaged or not a Parquet file ({error}): delete it and make it again"
        ) from error
    stated = (footer.metadata or {}).get(METADATA_KEY.encode())
    if stated is None or not schema.equals(SCHEMA):
        raise DataError(
            f"{shard} is no shard of a meta-dataset made by this version: delete it, or use another directory"
        )
    return dict(json.loads(stated))


def shard_problem(shard: StoredFile, manifest: dict[str, Any]) -> str | None:
    """What is wrong with a shard of the meta-dataset that `manifest` describes; None if nothing is.

    A run that is not finished has listed no checksums yet: of its shards only the footer is checked.
    """
    entry = next((e for e in manifest["shards"] if e["path"] == shard.name), None)
    if manifest["complete"] and entry is None:
        return "foreign: the manifest does not list it; delete it"
    if not shard.store.exists(shard.name):
        return "missing: run `mutualist datagen make` with this directory again"
    size = shard.store.size(shard.name)
    again = "delete it, and run `mutualist datagen make` with this directory again"
    try:
        stated = read_stated(shard)
    except DataError:
        if entry and size < entry["bytes"]:
            return f"truncated: {size:,} bytes of {entry['bytes']:,}; {again}"
        return f"no whole shard of a meta-dataset: damaged, or another kind of file; {again}"
    if stated["config"] != manifest["config_sha256"]:
        return f"foreign: made with another configuration ({stated['config'][:12]}…); {again}"
    if (found := shard_name(stated["split"], stated["shard"])) != shard.name:
        return f"foreign: it is {found} under another name; {again}"
    if entry and (found := shard.store.checksum(shard.name)) != entry["sha256"]:
        return f"changed: sha256 {found[:12]}…, the manifest lists {entry['sha256'][:12]}…; {again}"
    return None


def check_files(place: str | Path | Store) -> Iterator[Checked]:
    """Checks every shard that the manifest lists, and names further files in the folders of the splits.

    Raises:
        DataError: no meta-dataset, its manifest was changed, or it is not finished and so lists no checksums.
    """
    store = place if isinstance(place, Store) else Store(place)
    manifest = read_finished(store)
    listed = [entry["path"] for entry in manifest["shards"]]
    folders = tuple(f"{split}/" for split in SPLITS)
    others = sorted(name for name in store.names() - set(listed) if name.startswith(folders))
    for name in [*listed, *others]:
        shard = StoredFile(store, name)
        yield Checked(shard, store.size(name), shard_problem(shard, manifest))


def read_finished(store: Store) -> dict[str, Any]:
    """The manifest of a finished run. Raises DataError for one that is not."""
    manifest = read_manifest(store)
    if not manifest["complete"]:
        raise DataError(
            f"the meta-dataset at {store} is not finished, so that its manifest lists no checksums: "
            "run `mutualist datagen make` with this directory again"
        )
    return manifest


def finished_shards(store: Store, split: str) -> list[StoredFile]:
    """The shards of a split. Raises DataError if a manifest beside them says that the run is not finished.

    Shards without a manifest may come from anywhere, and are taken as they are.
    """
    if store.exists(MANIFEST):
        read_finished(store)
    return store.shards(split)


def check_on_read(shard: StoredFile) -> None:
    """Raises DataError if a shard about to be read is not what the manifest beside it lists.

    Once a process for each state of the file; hashing takes far less time than training on what it holds. Shards that
    lie outside a meta-dataset (no manifest) have nothing to be compared with.
    """
    manifest, state = shard.store.state(MANIFEST), shard.store.state(shard.name)
    if manifest and state:
        _check_once(shard, state, manifest)


@lru_cache(maxsize=100_000)
def _check_once(shard: StoredFile, state: tuple[int, int], manifest: tuple[int, int]) -> None:
    if problem := shard_problem(shard, _manifest_once(shard.store, manifest)):
        raise DataError(f"shard {shard} cannot be read; {problem}")


@lru_cache(maxsize=1)
def _manifest_once(store: Store, state: tuple[int, int]) -> dict[str, Any]:
    return read_manifest(store)
