"""Whether the shards of a meta-dataset are those that its manifest lists: whole, unchanged, and its own.

Imports pyarrow and the standard library only, for training checks each shard before it reads from it.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mutualist.datagen.manifest import MANIFEST, read_manifest
from mutualist.datagen.schema import SCHEMA, SPLITS
from mutualist.errors import DataError

METADATA_KEY = "mutualist"


class Checked(NamedTuple):
    """A file of a meta-dataset, its size, and what is wrong with it, if anything."""

    path: Path
    bytes: int
    problem: str | None


def read_stated(path: Path, file: Any = None) -> dict[str, Any]:
    """What a shard says of itself: config digest, split, shard, counts. `file`: it, open, if it lies elsewhere.

    Raises:
        DataError: the file is truncated, not Parquet, or not a shard of a meta-dataset.
    """
    try:
        footer = pq.read_metadata(path if file is None else file)
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"shard {path} is damaged or not a Parquet file ({error}): delete it and make it again"
        ) from error
    stated = (footer.metadata or {}).get(METADATA_KEY.encode())
    if stated is None or not schema.equals(SCHEMA):
        raise DataError(
            f"{path} is no shard of a meta-dataset made by this version: delete it, or use another directory"
        )
    return dict(json.loads(stated))


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shard_problem(path: Path, manifest: dict[str, Any]) -> str | None:
    """What is wrong with a shard of the meta-dataset that `manifest` describes; None if nothing is.

    A run that is not finished has listed no checksums yet: of its shards only the footer is checked.
    """
    name = f"{path.parent.name}/{path.name}"
    entry = next((e for e in manifest["shards"] if e["path"] == name), None)
    if manifest["complete"] and entry is None:
        return "foreign: the manifest does not list it; delete it"
    if not path.is_file():
        return "missing: run `mutualist datagen make` with this directory again"
    size = path.stat().st_size
    again = "delete it, and run `mutualist datagen make` with this directory again"
    try:
        stated = read_stated(path)
    except DataError:
        if entry and size < entry["bytes"]:
            return f"truncated: {size:,} bytes of {entry['bytes']:,}; {again}"
        return f"no whole shard of a meta-dataset: damaged, or another kind of file; {again}"
    if stated["config"] != manifest["config_sha256"]:
        return f"foreign: made with another configuration ({stated['config'][:12]}…); {again}"
    if (found := f"{stated['split']}/shard-{stated['shard']:05d}.parquet") != name:
        return f"foreign: it is {found} under another name; {again}"
    if entry and (found := checksum(path)) != entry["sha256"]:
        return f"changed: sha256 {found[:12]}…, the manifest lists {entry['sha256'][:12]}…; {again}"
    return None


def check_files(directory: str | Path) -> Iterator[Checked]:
    """Checks every shard that the manifest lists, and names further files in the folders of the splits.

    Raises:
        DataError: no meta-dataset, its manifest was changed, or it is not finished and so lists no checksums.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    if not manifest["complete"]:
        raise DataError(
            f"the meta-dataset at {directory} is not finished, so that its manifest lists no checksums: "
            "run `mutualist datagen make` with this directory again"
        )
    listed = [directory / entry["path"] for entry in manifest["shards"]]
    others = sorted({p for s in SPLITS for p in (directory / s).rglob("*") if p.is_file()} - set(listed))
    for path in [*listed, *others]:
        problem = shard_problem(path, manifest)
        yield Checked(path, path.stat().st_size if path.is_file() else 0, problem)


def check_on_read(path: Path) -> None:
    """Raises DataError if a shard about to be read is not what the manifest beside it lists.

    Once a process for each state of the file; hashing takes far less time than training on what it holds. Shards that
    lie outside a meta-dataset (no manifest) have nothing to be compared with.
    """
    manifest = path.parent.parent / MANIFEST
    if manifest.is_file() and path.is_file():
        _check_once(path, *(value for p in (path, manifest) for value in (p.stat().st_size, p.stat().st_mtime_ns)))


@lru_cache(maxsize=100_000)
def _check_once(path: Path, *state: int) -> None:
    if problem := shard_problem(path, _manifest_once(path.parent.parent, *state[2:])):
        raise DataError(f"shard {path} cannot be read; {problem}")


@lru_cache(maxsize=1)
def _manifest_once(directory: Path, *state: int) -> dict[str, Any]:
    return read_manifest(directory)
