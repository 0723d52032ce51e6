"""A table means the same in whatever form it comes; what cannot be used is refused with what to change."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Client = Callable[..., httpx.Response]
RNG = np.random.default_rng(np.random.SeedSequence(51))
COLUMNS: dict[str, list[float | None]] = {name: RNG.normal(size=30).round(3).tolist() for name in ("a", "b c", "d,e")}
GAPS = COLUMNS | {"g": [None, *RNG.normal(size=29).round(3).tolist()]}
PARQUET, STREAM, FILE = (f"application/vnd.apache.{kind}" for kind in ("parquet", "arrow.stream", "arrow.file"))
FORMS = ["application/json", "text/csv", PARQUET, STREAM, FILE]


def body(form: str, columns: dict[str, Any]) -> bytes:
    """`columns` as a body of this form."""
    if form == "application/json":
        return json.dumps({"columns": columns}).encode()
    if form == "text/csv":
        names = ",".join(f'"{name}"' for name in columns)
        rows = zip(*columns.values(), strict=True)
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        return "\n".join([names, *lines]).encode()
    table, sink = pa.table(columns), io.BytesIO()
    if form == PARQUET:
        pq.write_table(table, sink)
    else:
        with (pa.ipc.new_stream if form == STREAM else pa.ipc.new_file)(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def post(client: Client, path: str, form: str, table: dict[str, Any], /, **query: str) -> httpx.Response:
    return client("POST", path, params=query, content=body(form, table), headers={"content-type": form})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_answer(shared_client: Client, gaussian: Any, form: str) -> None:
    answer = post(
        shared_client, "/v1/pairwise", form, GAPS, nan_policy="omit", unit="bits", quantiles="0.25,0.75", level="0.5"
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    values = np.array([GAPS[name][1:] for name in GAPS], dtype=float).T
    expected = gaussian.pairwise(values, list(GAPS))
    low, high = expected.interval(0.5)
    assert found["names"] == list(GAPS)
    assert (found["n"], found["unit"], found["level"]) == (29, "bits", 0.5)
    for key, matrix in (("mi", expected.mi), ("low", low), ("high", high)):
        np.testing.assert_allclose(np.array(found[key], float) * np.log(2), matrix, rtol=1e-12)
    np.testing.assert_allclose(np.array(found["quantiles"][0]["values"], float) * np.log(2), low, rtol=1e-12)
    assert found["warnings"] == ["left out 1 of 30 rows with missing or infinite values"]


@pytest.mark.parametrize("form", FORMS)
def test_two_groups_of_columns(shared_client: Client, gaussian: Any, form: str) -> None:
    answer = post(shared_client, "/v1/table/estimate", form, GAPS, x="d,e", y="a,b c")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    x, y = (np.array([COLUMNS[name] for name in names], float).T for names in (["d,e"], ["a", "b c"]))
    assert (found["x"], found["y"]) == (["d,e"], ["a", "b c"])
    assert found["mi"] == gaussian.estimate(x, y).mi  # the gap is in a column that is not used


@pytest.mark.parametrize("form", FORMS)
def test_columns_are_chosen_in_the_order_given(shared_client: Client, form: str) -> None:
    found = post(shared_client, "/v1/pairwise", form, GAPS, columns="d,e").json()
    assert "pairs need at least two columns" in found["detail"]
    assert post(shared_client, "/v1/pairwise", form, COLUMNS, columns="b c,a").json()["names"] == ["b c", "a"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("columns", "query", "says"),
    [
        (GAPS, {}, "'g' has 1 missing; leave out these rows with nan_policy=omit"),
        (COLUMNS, {"columns": "a,x"}, "no column 'x'"),
        (COLUMNS, {"columns": "a,a"}, "named twice"),
        (COLUMNS, {"unit": "hartleys"}, "unit: Input should be 'nats' or 'bits'"),
        (COLUMNS, {"level": "high"}, "level: this is no number"),
        (COLUMNS, {"level": "90"}, "level: this is not strictly between"),
        (COLUMNS, {"quantiles": "0.5,two"}, "quantiles: this is no number"),
        (COLUMNS, {"quantiles": ",".join(["0.5"] * 100)}, "100 quantiles are asked for and the limit is 99"),
        (COLUMNS, {"levle": "0.9"}, "there is no option 'levle'; the options are level, unit, quantiles"),
        ({"a": [1.0, 2, 3], "b": [1.0, 2, 3]}, {}, "3 rows came, at least 4 are needed"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_a_refusal_says(shared_client: Client, form: str, columns: Any, query: dict[str, str], says: str) -> None:
    answer = post(shared_client, "/v1/pairwise", form, columns, **query)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("form", FORMS)
def test_limits_of_a_table(make_client: Any, form: str) -> None:
    for limit, says in (
        ({"max_rows": 29}, "30 rows and the limit is 29"),
        ({"max_columns": 2}, "3 columns are to be used and the limit is 2"),
        ({"max_work": 80}, "submit the table to /v1/jobs/pairwise"),
        ({"max_values": 80}, "80"),
        ({"max_body_mib": 0.0002}, "the body has more than"),
    ):
        answer = post(make_client(**limit), "/v1/pairwise", form, COLUMNS)
        assert answer.status_code == (413 if "max_body_mib" in limit else 422)
        assert says in answer.json()["detail"], answer.text


@pytest.mark.parametrize("form", FORMS)
def test_texts_and_their_codes_are_answered_the_same(shared_client: Client, form: str) -> None:
    kinds, codes = ["oak", "Ash", "elm"] * 10, [2, 0, 1] * 10
    texts = post(shared_client, "/v1/pairwise", form, COLUMNS | {"kind": kinds}).json()
    numbers = post(shared_client, "/v1/pairwise", form, COLUMNS | {"kind": codes}).json()
    assert texts.pop("warnings") == ["took column 'kind' as 3 categories", *numbers.pop("warnings")]
    assert texts == numbers
    sides = post(shared_client, "/v1/table/estimate", form, COLUMNS | {"kind": kinds}, x="a", y="kind").json()
    assert "took column 'kind' as 3 categories" in sides["warnings"]
    assert sides["mi"] == pytest.approx(texts["mi"][0][3])


@pytest.mark.parametrize("form", FORMS)
def test_missing_texts_are_gaps(shared_client: Client, form: str) -> None:
    table = COLUMNS | {"kind": [None, "", " ", *["x", "y", "z"] * 9]}
    refused = post(shared_client, "/v1/pairwise", form, table)
    assert "'kind' has 3 missing; leave out these rows with nan_policy=omit" in refused.json()["detail"]
    found = post(shared_client, "/v1/pairwise", form, table, nan_policy="omit").json()
    assert (found["n"], found["names"]) == (27, [*COLUMNS, "kind"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([f"Ann Secret {i}" for i in range(30)], "has 30 different texts, and 30 of them in one row only; group"),
        ([f"Ann Secret {i % 129}" for i in range(600)], "has 129 different texts, and categories are at most 128"),
        ([f"Ann Secret {i % 33}" for i in range(99)], "has 33 different texts, and more than 32 take at least 4 rows"),
    ],
    ids=["names", "too many", "too few rows"],
)
def test_names_are_left_out_or_refused_and_never_shown(
    shared_client: Client, form: str, texts: list[str], says: str
) -> None:
    table = {"a": list(range(len(texts))), "b": list(range(len(texts)))[::-1], "who": texts}
    answer = post(shared_client, "/v1/pairwise", form, table)
    assert answer.json()["names"] == ["a", "b"]
    assert any(note.startswith(f"left out column 'who': it {says}") for note in answer.json()["warnings"])
    refused = post(shared_client, "/v1/pairwise", form, table, columns="a,who")
    assert refused.status_code == 422
    assert f"column 'who' {says}" in refused.json()["detail"]
    assert "Secret" not in answer.text + refused.text


@pytest.mark.parametrize("form", [PARQUET, STREAM, FILE])
@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), "dictionary", "dictionary of views", "null in the dictionary"],
    ids=str,
)
def test_every_type_of_text(shared_client: Client, form: str, kind: Any) -> None:
    texts = pa.array(["oak", "Ash", None] * 10)
    if form == PARQUET and kind in ("dictionary of views", "null in the dictionary"):
        pytest.skip("pyarrow does not write it")
    if kind == "dictionary of views":
        column = pa.DictionaryArray.from_arrays(np.tile([1, 0, 2], 10), pa.array(["Ash", "oak", ""], pa.string_view()))
    elif kind == "null in the dictionary":
        column = pa.DictionaryArray.from_arrays(np.tile([2, 0, 1], 10), ["Ash", None, "oak"])
    else:
        column = texts.dictionary_encode() if kind == "dictionary" else texts.cast(kind)
    columns = {"a": COLUMNS["a"], "b": COLUMNS["d,e"]}
    found = post(shared_client, "/v1/pairwise", form, columns | {"kind": column}, nan_policy="omit").json()
    code = post(shared_client, "/v1/pairwise", form, columns | {"kind": [1, 0, None] * 10}, nan_policy="omit").json()
    assert (found["n"], found["mi"]) == (20, code["mi"])


@pytest.mark.parametrize("form", [STREAM, FILE])
def test_each_batch_may_have_a_dictionary_of_its_own(shared_client: Client, form: str) -> None:
    halves = [["oak", "Ash", "elm"] * 5, ["elm", "fir", "Ash"] * 5]
    table, sink = (
        pa.table({"a": COLUMNS["a"], "kind": pa.chunked_array([pa.array(half) for half in halves])}),
        io.BytesIO(),
    )
    own = pa.chunked_array([pa.array(half).dictionary_encode() for half in halves])
    table = table.set_column(1, "kind", own)
    options = pa.ipc.IpcWriteOptions(unify_dictionaries=form == FILE)
    with (pa.ipc.new_stream if form == STREAM else pa.ipc.new_file)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    sent = shared_client("POST", "/v1/pairwise", content=sink.getvalue(), headers={"content-type": form}).json()
    plain = {"a": COLUMNS["a"], "kind": [["Ash", "elm", "fir", "oak"].index(text) for half in halves for text in half]}
    assert sent["mi"] == post(shared_client, "/v1/pairwise", form, plain).json()["mi"]


def test_text_is_not_spelt_out_row_by_row(shared_client: Client) -> None:
    long = ["x" * 2_000_000, "y" * 2_000_000]  # 80 GB in 40,000 rows
    code = np.random.default_rng(1).integers(0, 2, 40_000)
    table = {"a": np.arange(40_000), "kind": pa.DictionaryArray.from_arrays(code, long)}
    for form in (STREAM, FILE):
        found = post(shared_client, "/v1/pairwise", form, table)
        assert found.status_code == 200, found.text
        assert "took column 'kind' as 2 categories" in found.json()["warnings"]


@pytest.mark.parametrize(
    ("form", "content", "says"),
    [
        ("application/json", b'{"columns": {"a": [1, 2], "b": [1]}}', "this has 1 rows and the first column 2"),
        ("application/json", b'{"columns": {"a": "x"}}', "columns.a: this is a string"),
        ("application/json", b'{"columns": {"a": [1, "x"]}}', "columns.a: row [1] is a string"),
        ("application/json", b'{"columns": {"a": ["x", true]}}', "columns.a: row [0] is a string"),
        ("application/json", b'{"columns": {}}', "this object is empty"),
        ("application/json", b'{"columns": {"a": []}}', "the columns are empty"),
        ("application/json", b'{"columns": {"a": [1]}, "unit": "bits", "levle": 1}', "there is no field 'levle'"),
        ("text/csv", b"a,b\n1,2\n3\n", "row 3 has 1 fields and the header 2"),
        ("text/csv", b"1.5,2.5\n1,2\n", "the first line holds numbers"),
        ("text/csv", b"a,a\n1,2\n", "several columns are called 'a'"),
        ("text/csv", b"a,b\n", "has a header but no rows"),
        ("text/csv", b"", "the body is empty"),
        (PARQUET, b"PAR1", "cannot be read as Parquet: it is truncated"),
        (STREAM, b"ARROW1", "cannot be read as Arrow IPC"),
        (FILE, b"\x00" * 100, "cannot be read as Arrow IPC"),
    ],
)
def test_what_is_no_table(shared_client: Client, form: str, content: bytes, says: str) -> None:
    answer = shared_client("POST", "/v1/pairwise", content=content, headers={"content-type": form})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_an_option_is_given_once(shared_client: Client) -> None:
    content = json.dumps({"columns": COLUMNS, "unit": "bits"})
    twice = shared_client("POST", "/v1/pairwise?unit=bits", content=content)
    assert "given in the query and in the body" in twice.json()["detail"]
    again = shared_client("POST", "/v1/pairwise?unit=bits&unit=nats", content=json.dumps({"columns": COLUMNS}))
    assert "unit: this is given twice" in again.json()["detail"]
    beside = shared_client("POST", "/v1/pairwise?level=0.5", content=content)
    assert (beside.json()["unit"], beside.json()["level"]) == ("bits", 0.5)


def test_a_side_is_needed_and_no_column_stands_on_both(shared_client: Client) -> None:
    assert (
        "x: this field is missing" in post(shared_client, "/v1/table/estimate", STREAM, COLUMNS, y="a").json()["detail"]
    )
    both = post(shared_client, "/v1/table/estimate", STREAM, COLUMNS, x="a", y="b c,a")
    assert "column 'a' is both in x and in y" in both.json()["detail"]
    body = {"columns": {"": [1, 2, 3, 5]}, "x": [""], "y": [""]}  # no name is a name as well
    both = shared_client("POST", "/v1/table/estimate", json=body)
    assert (both.status_code, "column '' is both" in both.json()["detail"]) == (422, True)


def test_other_content_types_are_named(shared_client: Client) -> None:
    answer = shared_client("POST", "/v1/pairwise", content=b"x", headers={"content-type": "application/x-pickle"})
    assert answer.status_code == 415
    assert "application/vnd.apache.parquet" in answer.json()["detail"]
    packed = shared_client("POST", "/v1/estimate", content=b"x", headers={"content-encoding": "gzip"})
    assert packed.status_code == 415
