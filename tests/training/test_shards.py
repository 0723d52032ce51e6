"""Reading shards: every record once, and damage named."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mutualist.datagen.schema import SCHEMA, shard_path
from mutualist.datagen.storage import StoredFile
from mutualist.errors import DataError
from mutualist.training.shards import count_records, read_records


@pytest.fixture
def shard(make_dataset):
    return shard_path(make_dataset(shards=1, per_shard=40, splits=("train",)), "train", 0)


def rewrite(shard, change) -> None:
    rows = pq.read_table(shard).to_pylist()
    change(rows[20])
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), shard, row_group_size=16)


def test_records_are_those_of_the_file(shard):
    rows = pq.read_table(shard).to_pylist()
    records = list(read_records(StoredFile.at(shard)))
    assert count_records(StoredFile.at(shard)) == len(records) == len(rows) == 40
    for row, record in zip(rows, records, strict=True):
        np.testing.assert_array_equal(record.values[:, : record.dx].ravel(), row["x"])
        np.testing.assert_array_equal(record.values[:, record.dx :].ravel(), row["y"])
        assert (record.n, record.dx, record.d - record.dx) == (row["n"], row["dx"], row["dy"])
        assert (record.mi, record.family) == (row["mi"], row["family"])


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (0, 1), (15, 17), (16, 32), (39, 40), (20, 20), (33, None)])
def test_a_range_is_that_part_of_the_whole(shard, start, stop):
    whole = [record.values[0, 0] for record in read_records(StoredFile.at(shard))]
    assert [record.values[0, 0] for record in read_records(StoredFile.at(shard), start, stop)] == whole[start:stop]


def test_a_missing_shard_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.parquet: no such shard"):
        count_records(StoredFile.at(tmp_path / "nowhere.parquet"))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.95])
def test_a_truncated_shard_is_named(shard, part):
    content = shard.read_bytes()
    shard.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(DataError, match=r"shard-00000\.parquet: not a whole Parquet file"):
        list(read_records(StoredFile.at(shard)))


def test_a_shard_damaged_inside_is_named(make_dataset):
    shard = shard_path(make_dataset(shards=1, per_shard=40, splits=("train",)), "train", 0)
    content = bytearray(shard.read_bytes())
    content[50:3000] = bytes(2950)
    shard.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"shard-00000\.parquet: damaged near record 0"):
        list(read_records(StoredFile.at(shard)))


def test_a_foreign_table_is_named(tmp_path):
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    with pytest.raises(DataError, match=r"foreign\.parquet: no column 'x'"):
        list(read_records(StoredFile.at(path)))


def test_a_column_of_another_type_is_named(shard):
    table = pq.read_table(shard)
    pq.write_table(table.set_column(table.column_names.index("n"), "n", table["n"].cast("double")), shard)
    with pytest.raises(DataError, match="column 'n' is double, expected int32"):
        list(read_records(StoredFile.at(shard)))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(n=row["n"] + 1),
        lambda row: row.update(dx=0),
        lambda row: row.update(mi=-0.1),
        lambda row: row.update(mi=float("nan")),
    ],
)
def test_a_record_that_contradicts_itself_is_named(shard, change):
    rewrite(shard, change)
    with pytest.raises(DataError, match=r"shard-00000\.parquet: record 20 contradicts itself"):
        list(read_records(StoredFile.at(shard)))


def test_nan_is_refused_but_infinity_and_huge_values_can_be_ranked(shard):
    rewrite(shard, lambda row: row.update(x=[float("nan"), *row["x"][1:]]))
    with pytest.raises(DataError, match=r"record 20 of family .* holds NaN"):
        list(read_records(StoredFile.at(shard)))
    rewrite(shard, lambda row: row.update(x=[float("inf"), -float("inf"), 3e38, *row["x"][3:]]))
    assert len(list(read_records(StoredFile.at(shard)))) == 40
