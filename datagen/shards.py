"""Makes one shard: records drawn and written row group by row group, the file whole or not at all."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.integrity import METADATA_KEY, read_stated
from mutualist.datagen.prior import Prior, Record
from mutualist.datagen.schema import SCHEMA
from mutualist.datagen.storage import Store, StoredFile, replacing, shard_name
from mutualist.errors import DataError

# Readers that stream take one row group at a time: at most this many records.
ROW_GROUP_RECORDS = 250


class _Ragged:
    """Gathers arrays into one buffer that is used again for each row group.

    Fresh memory costs its first touch: keeping the arrays of a whole shard takes longer than drawing their numbers.
    """

    def __init__(self) -> None:
        self._values = np.empty(1 << 20, dtype=np.float32)
        self._offsets = [0]

    def add(self, array: NDArray[np.float32]) -> None:
        start = self._offsets[-1]
        end = start + array.size
        if end > len(self._values):
            grown = np.empty(max(end, 2 * len(self._values)), dtype=np.float32)
            grown[:start] = self._values[:start]
            self._values = grown
        self._values[start:end].reshape(array.shape)[...] = array
        self._offsets.append(end)

    def take(self, kind: pa.DataType) -> pa.ListArray:
        """What was gathered, as a view that is valid until the next `add`."""
        offsets = pa.array(self._offsets, type=pa.int32())
        values = pa.array(self._values[: self._offsets[-1]])
        self._offsets = [0]
        return pa.ListArray.from_arrays(offsets, values, type=kind)


class RecordWriter:
    """Writes records to a Parquet file one row group at a time, in bounded memory.

    Neither dictionaries nor compression: random floats gain nothing by them, and the table is written at the speed of
    memory (`benchmarks/datagen.py`).
    """

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(
            path, SCHEMA, use_dictionary=False, compression="none", write_statistics=False, store_schema=True
        )
        self._x, self._y = _Ragged(), _Ragged()
        self._rows: list[Record] = []
        self._families: Counter[str] = Counter()
        self._counts = {"records": 0, "mi_zero": 0, "monte_carlo": 0, "dropped": 0}

    def add(self, record: Record) -> None:
        self._x.add(record.x)
        self._y.add(record.y)
        self._rows.append(record._replace(x=_NOTHING, y=_NOTHING))
        self._families[record.family] += 1
        self._counts["records"] += 1
        self._counts["mi_zero"] += record.mi == 0
        self._counts["monte_carlo"] += record.mi_stderr > 0
        if len(self._rows) == ROW_GROUP_RECORDS:
            self._flush()

    def _flush(self) -> None:
        columns = dict(zip(Record._fields, zip(*self._rows, strict=True), strict=True))
        ragged = {"x": self._x, "y": self._y}
        arrays = [
            ragged[f.name].take(f.type) if f.name in ragged else pa.array(columns[f.name], type=f.type) for f in SCHEMA
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._rows.clear()

    def close(self, stated: dict[str, Any]) -> None:
        """Ends the file; `stated` and the counts go into its metadata, where a resumed run finds them."""
        if self._rows:
            self._flush()
        counts = {**self._counts, "families": dict(sorted(self._families.items()))}
        self._writer.add_key_value_metadata({METADATA_KEY: json.dumps({**stated, **counts}, sort_keys=True)})
        self._writer.close()


_NOTHING = np.empty(0, dtype=np.float32)


def write_shard(path: Path, records: Iterable[Record], stated: dict[str, Any]) -> None:
    """Writes beside the target and renames: a file under its final name is complete."""
    with replacing(path) as temporary:
        _write(temporary, records, stated)


def _write(path: Path, records: Iterable[Record], stated: dict[str, Any]) -> None:
    writer = RecordWriter(path)
    for record in records:
        writer.add(record)
    writer.close(stated)


def make_shard(config: dict[str, Any] | DatasetConfig, split: str, shard: int, directory: str) -> dict[str, Any]:
    """Makes a shard, unless it is there already, and returns what the manifest says of it.

    The config travels as plain values; a worker parses it. One thread for linear algebra: tasks run one to a core,
    and sums in another order would give other bytes. `directory`: a path or a URI (`mutualist.datagen.storage`).
    """
    parsed = config if isinstance(config, DatasetConfig) else parse_config(config)
    store, name = Store(directory), shard_name(split, shard)
    if not store.exists(name):
        stated: dict[str, Any] = {"config": parsed.digest(), "split": split, "shard": shard}
        with threadpool_limits(1), store.writing(name) as path:
            _write(path, _draw(parsed, split, shard, stated), stated)
    return describe_shard(parsed, split, shard, store)


def _draw(config: DatasetConfig, split: str, shard: int, stated: dict[str, Any]) -> Iterator[Record]:
    """The records of a shard; adds to `stated`, in the end, what only the one who drew them knows."""
    prior = Prior(config)
    for i in range(config.shards(split)[shard]):
        yield prior.draw_record(split, shard, i)
    stated["mi_rejected"] = prior.rejected


def describe_shard(config: DatasetConfig, split: str, shard: int, directory: str | Store) -> dict[str, Any]:
    """The manifest's entry of a finished shard, whose bytes are read back from where they were written.

    Raises:
        DataError: damaged, or made from another configuration.
    """
    store = directory if isinstance(directory, Store) else Store(directory)
    name = shard_name(split, shard)
    stated = read_stated(StoredFile(store, name))
    if (stated["config"], stated["split"], stated["shard"]) != (config.digest(), split, shard):
        raise DataError(f"shard {name} at {store} was made from another configuration: use another place, or delete it")
    counts = {key: value for key, value in stated.items() if key != "config"}
    return {"path": name, **counts, "bytes": store.size(name), "sha256": store.checksum(name)}
