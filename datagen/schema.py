"""The Parquet schema of a meta-dataset, and where its files lie. Imports pyarrow and the standard library only.

    DIR/manifest.json                   config, versions, counts, checksums
    DIR/<split>/shard-00000.parquet …   one record a row

A record is one sample of one joint distribution. x and y are stored row by row: x[i * dx + j] is column j of row i.
"""

from pathlib import Path

import pyarrow as pa

# The order is part of every record's seed path: append, never reorder.
# test_ood is out of the meta-distribution: what it draws does not occur in training (`mutualist.datagen.held_out`).
SPLITS = ("train", "validation", "calibration", "test", "test_ood")


def _field(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind, nullable=False))


SCHEMA: pa.Schema = pa.schema(
    [
        _field("id", pa.int64()),  # global within the split
        _field("x", _list(pa.float32())),  # (n, dx), row-major
        _field("y", _list(pa.float32())),  # (n, dy), row-major
        _field("n", pa.int32()),
        _field("dx", pa.int32()),
        _field("dy", pa.int32()),
        _field("mi", pa.float64()),  # nats
        _field("mi_stderr", pa.float64()),  # nats; 0 where mi is exact
        _field("family", pa.string()),
        _field("parameters", pa.string()),  # JSON
        _field("transforms", pa.string()),  # JSON, in the order applied
        _field("seed_path", _list(pa.int64())),  # root entropy, then the spawn key (split, shard, i)
    ]
)


def shard_path(directory: str | Path, split: str, shard: int) -> Path:
    """Where a shard lies."""
    return Path(directory) / split / f"shard-{shard:05d}.parquet"
