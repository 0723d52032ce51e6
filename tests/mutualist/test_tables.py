"""Reading CSV and Parquet: what is accepted, and what each refusal says."""

import datetime
import decimal
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mutualist import tables
from mutualist.columns import complete_rows, resolve_columns
from mutualist.errors import InputError
from mutualist.tables import column_names, read_table


def write(path: Path, content: str | bytes | dict[str, Any]) -> Path:
    if isinstance(content, dict):
        pq.write_table(pa.table(content), path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_and_parquet_give_the_same_numbers(tmp_path: Path) -> None:
    text = "i,f,b,kind,name\n1,0.5,true,y,r\n-2,1e3,false,x,s\n3,,true,y,t\n"
    from_csv = read_table(write(tmp_path / "t.csv", text))
    columns = {"i": [1, -2, 3], "f": [0.5, 1e3, None], "b": [True, False, True]}
    columns |= {"kind": ["y", "x", "y"], "name": ["r", "s", "t"]}
    from_parquet = read_table(write(tmp_path / "t.parquet", columns))
    for table in (from_csv, from_parquet):
        assert table.names == ("i", "f", "b", "kind")
        np.testing.assert_array_equal(table.values, [[1, 0.5, 1, 1], [-2, 1e3, 0, 0], [3, np.nan, 1, 1]])
        assert [name for name, _ in table.skipped] == ["name"]
    np.testing.assert_array_equal(from_csv.columns(["b", "i"]), [[1, 1], [0, -2], [1, 3]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "a;b\n1;2\n3;4\n"),
        ("t.csv", "a\tb\n1\t2\n3\t4\n"),
        ("t.tsv", "a\tb\n1\t2\n3\t4\n"),
        ("t.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n3,4\n")),
        ("t.csv", '"a","b"\n"1", 2\n\n3,4'),
    ],
    ids=["semicolon", "tab", "tsv", "bom and crlf", "gzip", "quotes and spaces"],
)
def test_other_ways_to_write_csv(tmp_path: Path, name: str, content: str | bytes) -> None:
    table = read_table(write(tmp_path / name, content), ["a", "b"])
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('"a, in m";b\n1;2\n3;4\n', ["a, in m", "b"]),
        ('"a\nin m","b;c"\n1,2\n3,4\n', ["a\nin m", "b;c"]),
        ('"a ""x"", y"\tb\n1\t2\n3\t4\n', ['a "x", y', "b"]),
        ('5" pipes,b\n1,2\n3,4\n', ['5" pipes', "b"]),
    ],
    ids=["comma", "line break and semicolon", "quotes", "a quote that is none"],
)
def test_names_in_quotes(tmp_path: Path, content: str, names: list[str]) -> None:
    table = read_table(write(tmp_path / "t.csv", content))
    assert list(table.names) == names
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "content", ["a;b\n1,5;2\n-3,25;,5\n", "a\tb\n1,5\t2\n-3,25\t0,5\n", 'a;b\n"1,5";"2"\n-3,25;0,5']
)
def test_commas_are_decimal_where_they_do_not_delimit(tmp_path: Path, content: str) -> None:
    np.testing.assert_array_equal(read_table(write(tmp_path / "t.csv", content)).values, [[1.5, 2], [-3.25, 0.5]])


def test_points_stay_decimal_beside_texts_with_commas(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", "a;b\n1.5;Paris, 7\n-3.25;1,2\n"))
    np.testing.assert_array_equal(table.columns(["a"]), [[1.5], [-3.25]])


def test_texts_over_several_lines(tmp_path: Path) -> None:
    rows = "".join(f'{i},"{"no" if i % 3 else "yes"}\nor so"\n' for i in range(200_000))  # more than a block
    assert len(read_table(write(tmp_path / "t.csv", "a,b\n" + rows)).values) == 200_000


def test_a_pipe_is_not_called_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"is a pipe or a device, .*; save it as a file"):
        read_table(tmp_path / "pipe")


def test_types_of_parquet(tmp_path: Path) -> None:
    columns = {
        "decimal": [decimal.Decimal("1.5"), decimal.Decimal("2.5")],
        "coded": pa.array([7, 8]).dictionary_encode(),
        "half": pa.array(np.array([1, 2], np.float16)),
        "wide": pa.array([2**63, 0], pa.uint64()),
    }
    table = read_table(write(tmp_path / "t.pq", columns), list(columns))
    np.testing.assert_array_equal(table.values, [[1.5, 7, 1, 2], [2.5, 8, 2, 1]])


@pytest.mark.parametrize(
    ("content", "columns", "says"),
    [
        ("", None, "is empty"),
        ("\n\n", None, "cannot be read as CSV"),
        ("a,b\n", None, "no rows"),
        ("a,b\n1,2\n3\n", None, "Expected 2 columns, got 1"),
        ("a,a\n1,2\n", None, "several columns are called 'a'"),
        ("1,2.5\n3,4\n", None, "add a header line"),
        ("a,b\nx,y\nz,w\n", None, "no usable column"),
        ("a\nred\nblue\ngreen\n", ["a"], "3 different texts .*'red'.*3 of them in one row only; group"),
        ("a\n1\n2\n?\n4\n", ["a"], r"1 of 4 values that are not numbers .*'\?'.*--nan-policy omit"),
        ("a\n2020-01-01\n2020-01-02\n", ["a"], "dates or times; turn it into a number"),
        ("a\n2020-01-01 10:00:00\n", ["a"], "dates or times"),
        ("alpha,beta\n1,2\n", ["Alhpa"], "did you mean 'alpha'"),
        ("alpha,beta\n1,2\n", ["zzz"], "the columns are: alpha, beta"),
        ("alpha,beta\n1,2\n", ["alpha,alpha"], "named twice"),
        ("alpha,beta\n1,2\n", [","], "no column is named"),
        ("a,b\n1,\xe9\n".encode("latin-1"), ["b"], "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), ["b"], "UTF-16 text; save it as UTF-8"),
        (b"PAR1 and then nothing that belongs there", None, "cannot be read as Parquet"),
        (b"\x1f\x8b not really gzip", None, "cannot be read as CSV"),
    ],
)
def test_what_a_refusal_says(tmp_path: Path, content: str | bytes, columns: list[str] | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_table(write(tmp_path / "t.csv", content), columns)


def test_parquet_that_cannot_be_used(tmp_path: Path) -> None:
    good = write(tmp_path / "good.parquet", {"a": list(range(5000)), "l": [[1]] * 5000, "s": ["x"] * 5000})
    with pytest.raises(InputError, match="values of type list"):
        read_table(good, ["l"])
    for length in (3, 100, len(good.read_bytes()) - 9):
        with pytest.raises(InputError, match="cannot be read as Parquet"):
            read_table(write(tmp_path / "cut.parquet", good.read_bytes()[:length]))
    damaged = bytearray(good.read_bytes())
    damaged[4:4000] = bytes(3996)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(write(tmp_path / "damaged.parquet", bytes(damaged)), ["a"])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(write(tmp_path / "text.parquet", "a,b\n1,2\n"))
    when = write(tmp_path / "when.parquet", {"d": [datetime.timedelta(seconds=1)]})
    with pytest.raises(InputError, match="dates or times"):
        read_table(when, ["d"])


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "diabetes.csv").touch()
    with pytest.raises(InputError, match=r"no file .*did you mean diabetes\.csv"):
        column_names(tmp_path / "diabtes.csv")
    with pytest.raises(InputError, match="there is no folder"):
        column_names(tmp_path / "nowhere" / "t.csv")
    with pytest.raises(InputError, match="is a folder"):
        column_names(tmp_path)


def test_columns_that_nobody_asked_for_are_left_out_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ",a,empty,when,what\n0,1,,2020-01-01,x\n1,2,,2020-01-02,y\n")
    table = read_table(path)
    assert table.names == ("a",)
    assert dict(table.skipped).keys() == {"", "empty", "when", "what"}
    assert any("'what': it has 2 different texts" in note for note in table.notes())
    with pytest.raises(InputError, match="'what' has 2 different texts"):
        read_table(path, required=["what"])


def test_names_with_commas_are_taken_whole() -> None:
    assert resolve_columns(["a,b", "c"], ["a,b", "c"]) == ["a,b", "c"]
    assert resolve_columns(["a, b", "c"], ["c", "b", "a"]) == ["a", "b", "c"]


def test_missing_and_infinite_values_are_counted_and_can_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,c\n1,1,1\n,2,2\nnan,inf,3\n4,-inf,4\n5,5,5\n6,6,6\n7,7,7\n")
    table = read_table(path)
    with pytest.raises(InputError, match=r"'a' has 2 missing, 'b' has 2 infinite; .*--nan-policy omit"):
        complete_rows(table)
    kept = complete_rows(table, "omit")
    assert kept.dropped == 3
    np.testing.assert_array_equal(kept.values, [[1, 1, 1], [5, 5, 5], [6, 6, 6], [7, 7, 7]])
    assert "left out 3 of 7 rows" in kept.notes()[0]
    assert complete_rows(read_table(path, ["c"])).dropped == 0  # gaps in other columns do not matter
    with pytest.raises(InputError, match="raise, omit"):
        complete_rows(table, "ignore")


def test_leaving_too_few_rows_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,\n2,\n3,4\n4,5\n5,6\n,5\n")
    with pytest.raises(InputError, match=r"only 3 of 6 rows .*'b' has 2 missing"):
        complete_rows(read_table(path), "omit")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv = write(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 10)
    parquet = write(tmp_path / "t.parquet", {"a": [1] * 10, "b": [2] * 10})
    monkeypatch.setattr(tables, "MAX_CELLS", 15)
    for path in (csv, parquet):
        with pytest.raises(InputError, match="limit is 15; name fewer columns, or sample"):
            read_table(path)
        assert read_table(path, ["a"]).values.shape == (10, 1)
    monkeypatch.setattr(tables, "MAX_CSV_BYTES", 20)
    with pytest.raises(InputError, match="convert it to Parquet"):
        read_table(csv, ["a"])


def test_large_integers_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": pa.array([2**60 + 2, None, 2**60, 2**60 + 1]), "b": [1, 2, 3, 4]}), path)
    np.testing.assert_array_equal(read_table(path).values[:, 0].argsort(), [2, 3, 0, 1])


def test_the_index_of_a_data_frame_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1.0, 2, 3, 4], "__index_level_0__": [4, 2, 1, 3]}), path)
    table = read_table(path)
    assert table.names == ("a",)
    assert "row index" in table.notes()[0]
