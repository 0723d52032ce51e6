"""Makes one record of a meta-dataset again, from its seed path and the manifest's configuration, and compares."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.integrity import shard_problem
from mutualist.datagen.manifest import MANIFEST, read_manifest
from mutualist.datagen.prior import Prior, Record
from mutualist.datagen.schema import SPLITS
from mutualist.datagen.storage import Store, StoredFile, shard_name
from mutualist.errors import DataError, InputError, MutualistError


@dataclass(frozen=True)
class Comparison:
    """A stored record beside the one made again.

    Attributes:
        file, row: where it is stored.
        stored, again: both records.
        differences: names of the fields that are not equal to the last bit.
        file_problem: what is wrong with the shard as a file, if anything (see `integrity.shard_problem`).
        versions: of each package that is not what it was when the record was made: (then, now).
    """

    file: StoredFile
    row: int
    stored: Record
    again: Record
    differences: tuple[str, ...]
    file_problem: str | None
    versions: dict[str, tuple[str, str]]

    @property
    def identical(self) -> bool:
        return not self.differences


def compare_record(place: str | Path, split: str, number: int) -> Comparison:
    """Reads record `number` of a split of the meta-dataset at a path or URI, and makes it again.

    Raises:
        InputError: no such split or id; the message says which there are.
        DataError: no meta-dataset, or the shard is missing, truncated or foreign; or the record can no longer be made.
    """
    store = Store(place)
    manifest = read_manifest(store)
    versions = changed_versions(manifest)
    try:
        config = parse_config(manifest["config"], f"the configuration in {store.place(MANIFEST)}")
        shard, row = locate(config, split, number)
        file = StoredFile(store, shard_name(split, shard))
        problem = shard_problem(file, manifest)
        stored = read_record(file, row, problem)
        with threadpool_limits(1):  # as when it was made: sums in another order give other bits
            again = Prior(config).draw_record(split, shard, row)
    except InputError:
        raise
    except MutualistError as error:
        if not versions:
            raise
        raise type(error)(f"{error}\n{describe_versions(versions)}") from error
    return Comparison(file, row, stored, again, _differences(stored, again), problem, versions)


def locate(config: DatasetConfig, split: str, number: int) -> tuple[int, int]:
    """Shard and row of a record. Raises InputError where there is none."""
    if split not in config.splits:
        raise InputError(
            f"no split {split!r}; this meta-dataset has {', '.join(s for s in SPLITS if s in config.splits)}"
        )
    records = config.splits[split].records
    if not 0 <= number < records:
        there = f"its ids go from 0 to {records - 1}" if records else "it has no records"
        raise InputError(f"no record {number} in split {split!r}: {there}")
    return divmod(number, config.shard_records)


def read_record(shard: StoredFile, row: int, problem: str | None = None) -> Record:
    """One record of a shard; `problem`, if known, explains an error."""
    try:
        with shard.store.open(shard.name) as opened, pq.ParquetFile(opened) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                if row < size:
                    plain = file.read_row_group(group, use_threads=False).slice(row, 1)
                    break
                row -= size
            else:
                raise DataError(f"shard {shard} ends {row + 1} records too early; {problem or 'make it again'}")
        cells = {name: plain[name][0] for name in Record._fields}
        n, dx, dy = (cells[name].as_py() for name in ("n", "dx", "dy"))
        x = cells["x"].values.to_numpy().reshape(n, dx)
        y = cells["y"].values.to_numpy().reshape(n, dy)
        rest = {name: cell.as_py() for name, cell in cells.items() if name not in ("x", "y")}
        rest["seed_path"] = tuple(rest["seed_path"])
        return Record(x=x, y=y, **rest)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise DataError(f"shard {shard} cannot be read; {problem or error}") from error


def changed_versions(manifest: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Packages whose version is not that of the manifest: (then, now)."""
    then = {name: v for name, v in manifest["versions"].items() if name != "python"}
    return {name: (v, now) for name, v in then.items() if (now := _installed(name)) != v}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def describe_versions(versions: dict[str, tuple[str, str]]) -> str:
    changes = ", ".join(f"{name} {then} (now {now})" for name, (then, now) in versions.items())
    return f"The meta-dataset was made with {changes}: with those versions the record may come out as it was."


def _differences(stored: Record, again: Record) -> tuple[str, ...]:
    return tuple(name for name in Record._fields if not _same(getattr(stored, name), getattr(again, name)))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.tobytes() == b.tobytes()
    return bool(a == b)


def describe_difference(stored: Any, again: Any) -> str:
    """How two values of a field differ, in a few words."""
    if not isinstance(stored, np.ndarray):
        return f"stored {str(stored)[:300]}, made again {str(again)[:300]}"
    if stored.shape != again.shape:
        return f"stored {stored.shape}, made again {again.shape}"
    off = stored.view(np.uint32) != again.view(np.uint32)
    worst = np.abs(stored.astype(np.float64) - again.astype(np.float64)).max()
    return f"{int(off.sum()):,} of {stored.size:,} values, by up to {worst:.3g}"
