"""Columns of text: which become categories, with which codes, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mutualist.categories import MOST, ROWS_EACH
from mutualist.cli import app
from mutualist.columns import complete_rows
from mutualist.errors import InputError
from mutualist.models import kinds as kinds_of_columns
from mutualist.tables import read_table

KINDS = ["oak", "elm", "Ash", "été", "\U0001f332", "\ufb01r"]  # the last two stand in another order in UTF-16


def csv(path: Path, **columns: Any) -> Path:
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def parquet(path: Path, column: pa.Array) -> Path:
    pq.write_table(pa.table({"a": column}), path)
    return path


def test_texts_and_their_codes_are_answered_the_same(tmp_path: Path, runner: CliRunner, gaussian: Any) -> None:
    rng = np.random.default_rng(5)
    code, length = rng.integers(0, len(KINDS), 90), rng.normal(size=90).round(3)
    texts = [sorted(KINDS)[k] for k in code]
    with_texts = csv(tmp_path / "texts.csv", kind=texts, length=length)
    with_codes = csv(tmp_path / "codes.csv", kind=code, length=length)
    for words in (["estimate", "--x", "kind", "--y", "length"], ["rank", "--target", "kind"], ["pairwise"]):
        answers = []
        for path in (with_texts, with_codes):
            done = runner.invoke(app, [words[0], str(path), *words[1:], "--json"])
            assert done.exit_code == 0, done.stderr
            answers.append(json.loads(done.stdout))
        assert "took column 'kind' as 6 categories" in answers[0].pop("warnings")
        del answers[1]["warnings"]
        assert answers[0] == answers[1]
    said = runner.invoke(app, ["rank", str(with_texts), "--target", "length"])
    assert said.stderr.count("took column 'kind' as 6 categories") == 1


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["b", None, "a", "b", "a"]),
        pa.array([" b", "  ", "a", "b ", "a\t"], pa.large_string()),
        pa.array(["b", "", "a", "b", "a"], pa.string_view()),
        pa.array(["b", None, "a", "b", "a"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays([3, 4, 1, 2, 0], ["a", "a", "b", "b", "", "unused"]),
        pa.chunked_array([pa.array(chunk).dictionary_encode() for chunk in (["b", None], ["a", "b"], ["a"])]),
    ],
    ids=["string", "spaces", "view", "dictionary", "twice in a dictionary", "chunks"],
)
def test_every_type_of_text(tmp_path: Path, column: pa.Array) -> None:
    table = read_table(parquet(tmp_path / "t.parquet", column))
    np.testing.assert_array_equal(table.values[:, 0], [1, np.nan, 0, 1, 0])
    assert table.notes() == ["took column 'a' as 2 categories"]


def test_missing_texts_are_gaps(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", kind=["a", "b", "", "NA", "a", "b"], n=range(6))
    table = read_table(path)
    with pytest.raises(InputError, match=r"'kind' has 2 missing; .*--nan-policy omit"):
        complete_rows(table)
    kept = complete_rows(table, "omit")
    np.testing.assert_array_equal(kept.values, [[0, 0], [1, 1], [0, 4], [1, 5]])
    assert kept.notes() == [
        "left out 2 of 6 rows with missing or infinite values",
        "took column 'kind' as 2 categories",
    ]


def test_as_many_categories_as_the_network_knows_and_no_more(tmp_path: Path) -> None:
    assert (MOST, ROWS_EACH) == (kinds_of_columns.MOST, kinds_of_columns.MIXED)
    most = MOST[1]
    kinds = {name: [f"kind {i % k}" for i in range(4 * most)] for name, k in (("some", most), ("many", most + 1))}
    path = csv(tmp_path / "t.csv", **kinds, n=range(4 * most))
    table = read_table(path)
    assert table.names == ("some", "n")
    assert len(np.unique(table.values[:, 0])) == most
    said = rf"has {most + 1} different texts \(for instance 'kind 0', .*\), and categories are at most {most}; group"
    with pytest.raises(InputError, match=f"column 'many' {said}"):
        read_table(path, ["many"])
    (_, note) = table.notes()
    assert note.startswith(f"left out column 'many': it has {most + 1} different texts")


def test_more_than_a_few_categories_want_rows(tmp_path: Path) -> None:
    few = MOST[0]
    kinds = {name: [f"kind {i % k}" for i in range(100)] for name, k in (("few", few), ("more", few + 1))}
    path = csv(tmp_path / "t.csv", **kinds, n=range(100))
    assert read_table(path).names == ("few", "n")
    with pytest.raises(InputError, match=r"33 different texts .*, and more than 32 take at least 4 rows each"):
        read_table(path, ["more"])


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([f"id{i}" for i in range(20)], "20 different texts .* 20 of them in one row only"),
        (["x"] * 9 + [f"id{i}" for i in range(10)], "11 different texts .* 10 of them in one row only"),
        ([f"id{i}" for i in range(5000)], "5,000 different texts .* at most 128"),
    ],
    ids=["few ids", "half ids", "ids"],
)
def test_ids_are_no_categories(tmp_path: Path, texts: list[str], says: str) -> None:
    path = csv(tmp_path / "t.csv", who=texts, n=range(len(texts)))
    assert read_table(path).names == ("n",)
    with pytest.raises(InputError, match=f"'who' has {says}; group the rare ones, or encode it as numbers"):
        read_table(path, ["who"])


def test_half_of_the_rows_may_hold_a_text_of_their_own(tmp_path: Path) -> None:
    assert read_table(csv(tmp_path / "t.csv", who=["x"] * 5 + list("abcde"))).notes() == [
        "took column 'who' as 6 categories"
    ]


def test_texts_that_are_numbers(tmp_path: Path) -> None:
    few = read_table(parquet(tmp_path / "t.parquet", pa.array(["1", "2", "1", "2"])))
    assert few.notes() == ["took column 'a' as 2 categories"]
    many = parquet(tmp_path / "t.parquet", pa.array([f"{i / 7:.3e}" for i in range(99)]))
    with pytest.raises(InputError, match="'a' holds numbers written as text; convert it"):
        read_table(many, ["a"])
    marked = csv(tmp_path / "t.csv", a=[*range(50), "?", "?"])
    with pytest.raises(InputError, match=r"'a' has 2 of 52 values that are not numbers \(for instance '\?'\); leave"):
        read_table(marked, ["a"])


def test_empty_texts_alone_are_no_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2], "b": ["", " "]}), path)
    assert read_table(path).notes() == ["left out column 'b': it has no values"]


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    buffers = [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xff")]
    path = parquet(tmp_path / "t.parquet", pa.Array.from_buffers(pa.string(), 2, buffers))
    with pytest.raises(InputError, match="'a' is not UTF-8 text; save the file as UTF-8"):
        read_table(path, ["a"])
