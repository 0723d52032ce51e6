"""Makes one shard: records drawn, gathered into one table and written whole or not at all."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.prior import Prior, Record
from mutualist.datagen.schema import SCHEMA, shard_path
from mutualist.errors import DataError

# Readers that stream take one row group at a time: at most this many records.
ROW_GROUP_RECORDS = 250
METADATA_KEY = b"mutualist"


def _ragged(arrays: Sequence[NDArray[np.float32]], kind: pa.DataType) -> pa.ListArray:
    sizes = np.fromiter((a.size for a in arrays), dtype=np.int32, count=len(arrays))
    offsets = np.zeros(len(arrays) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    values = np.concatenate([a.ravel() for a in arrays]) if arrays else np.empty(0, np.float32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=kind)


def to_table(records: Sequence[Record]) -> pa.Table:
    """Records as a table with `SCHEMA`."""
    columns = []
    for field in SCHEMA:
        if field.name in ("x", "y"):
            columns.append(_ragged([getattr(r, field.name) for r in records], field.type))
        else:
            columns.append(pa.array([getattr(r, field.name) for r in records], type=field.type))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def summarise(records: Sequence[Record]) -> dict[str, Any]:
    """What the manifest counts, kept in the shard itself so that a resumed run need not read the data."""
    return {
        "records": len(records),
        "families": dict(sorted(Counter(r.family for r in records).items())),
        "mi_zero": sum(r.mi == 0 for r in records),
        "monte_carlo": sum(r.mi_stderr > 0 for r in records),
        "dropped": 0,
    }


def write_shard(path: Path, records: Sequence[Record], stated: dict[str, Any]) -> None:
    """Writes beside the target and renames: a file under its final name is complete.

    Neither dictionaries nor compression: random floats gain nothing by them, and the table is written at the speed of
    memory (`benchmarks/datagen.py`).
    """
    metadata = {METADATA_KEY: json.dumps(stated, sort_keys=True).encode()}
    table = to_table(records).replace_schema_metadata(metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        pq.write_table(
            table,
            temporary,
            row_group_size=ROW_GROUP_RECORDS,
            use_dictionary=False,
            compression="none",
            write_statistics=False,
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_stated(path: Path) -> dict[str, Any]:
    """What a shard says of itself: config digest, split, shard, counts.

    Raises:
        DataError: the file is truncated, not Parquet, or not a shard of a meta-dataset.
    """
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"shard {path} is damaged or not a Parquet file ({error}): delete it and make it again"
        ) from error
    stated = (schema.metadata or {}).get(METADATA_KEY)
    if stated is None or not schema.equals(SCHEMA):
        raise DataError(
            f"{path} is no shard of a meta-dataset made by this version: delete it, or use another directory"
        )
    return dict(json.loads(stated))


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_shard(config: dict[str, Any] | DatasetConfig, split: str, shard: int, directory: str) -> dict[str, Any]:
    """Makes a shard, unless it is there already, and returns what the manifest says of it.

    The config travels as plain values; a worker parses it. One thread for linear algebra: tasks run one to a core,
    and sums in another order would give other bytes.
    """
    parsed = config if isinstance(config, DatasetConfig) else parse_config(config)
    path = shard_path(directory, split, shard)
    digest = parsed.digest()
    if not path.exists():
        with threadpool_limits(1):
            prior = Prior(parsed)
            count = parsed.shards(split)[shard]
            records = [prior.draw_record(split, shard, i) for i in range(count)]
            write_shard(path, records, {"config": digest, "split": split, "shard": shard, **summarise(records)})
    return describe_shard(parsed, split, shard, directory)


def describe_shard(config: DatasetConfig, split: str, shard: int, directory: str) -> dict[str, Any]:
    """The manifest's entry of a finished shard.

    Raises:
        DataError: damaged, or made from another configuration.
    """
    path = shard_path(directory, split, shard)
    stated = read_stated(path)
    if (stated["config"], stated["split"], stated["shard"]) != (config.digest(), split, shard):
        raise DataError(f"shard {path} was made from another configuration: use another directory, or delete it")
    counts = {key: value for key, value in stated.items() if key != "config"}
    return {"path": f"{split}/{path.name}", **counts, "bytes": path.stat().st_size, "sha256": checksum(path)}
