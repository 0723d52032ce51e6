"""Whatever the body, the answer is 200, 413 or 422 with a message, and the next good request is answered."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Client = Callable[..., httpx.Response]
GOOD = {"x": [1, 2, 3, 4, 5, 6], "y": [2, 1, 4, 3, 6, 5]}


def refused(client: Client, body: Any) -> str:
    """The message for a body that must be refused."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    response = client("POST", "/v1/estimate", content=content)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 422
    assert len(response.content) < 4000
    return str(problem["detail"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": [1, "2", 3, 4, 5, 6]}, "x: row [1] is a string; send a finite number"),
        ({"x": [1, True, 3, 4, 5, 6]}, "x: row [1] is a boolean"),
        ({"x": [1, None, 3, 4, 5, 6]}, "x: row [1] is null"),
        ({"x": [[1], [2], [3], [4, 4], [5], [6]]}, "x: row [3] has 2 numbers and row [0] has 1"),
        ({"x": [[1], 2, 3, 4, 5, 6]}, "x: row [1] is a number, but row [0] is a list"),
        ({"x": [1, [2], 3, 4, 5, 6]}, "x: row [1] is a list, but row [0] is a number"),
        ({"x": [[1, 2], [3, "4"]]}, "x: row [1][1] is a string"),
        ({"x": [[[1]], [[2]]]}, "x: row [0][0] is a list"),
        ({"x": [[], []]}, "x: row [0] is empty"),
        ({"x": [{}, {}]}, "x: row [0] is an object"),
        ({"x": []}, "x: this list is empty"),
        ({"x": "1,2,3"}, "x: this is a string; send a list of numbers"),
        ({"x": None}, "x: this is null"),
        ({"x": 3}, "x: this is a number"),
        ({"x": [1, 2, 3, 4, 5]}, "x has 5 rows and y 6"),
        ({"x": [1], "y": [1]}, "x has 1 rows"),
        ({"x": [10**400] * 6}, "x: row [0] is not finite"),
        ({"unit": "hartleys"}, "unit: Input should be 'nats' or 'bits'"),
        ({"level": 1}, "level: this is not strictly between 0 and 1"),
        ({"level": "0.9"}, "level: this is a string"),
        ({"level": True}, "level: this is a boolean"),
        ({"level": 90}, "level: this is not strictly between"),
        ({"quantiles": [0.5, 1.5]}, "quantiles: this is not strictly between"),
        ({"quantiles": 0.5}, "quantiles: this is a number; send a list"),
        ({"quantiles": [0.5] * 100}, "100 quantiles are asked for and the limit is 99"),
        ({"levle": 0.5}, "there is no field 'levle'; the fields are x, y, level, unit, quantiles"),
    ],
    ids=str,
)
def test_what_a_refusal_says(client: Client, change: dict[str, Any], says: str) -> None:
    assert says in refused(client, GOOD | change)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "Invalid JSON"),
        ('{"x": [1, 2', "Invalid JSON"),
        ("x=1&y=2", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        ("null", "must be a JSON object"),
        ("[1, 2]", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ('{"y": [1, 2, 3]}', "x: this field is missing"),
        ('{"x": [1, NaN, 3], "y": [1, 2, 3]}', "x: row [1] is not finite"),
        ('{"x": [1, Infinity, 3], "y": [1, 2, 3]}', "x: row [1] is not finite"),
        ('{"x": [1, -Infinity, 3], "y": [1, 2, 3]}', "x: row [1] is not finite"),
        ('{"x": [1, 1e999, 3], "y": [1, 2, 3]}', "x: row [1] is not finite"),
        ('{"x": [1, nan, 3], "y": [1, 2, 3]}', "Invalid JSON"),
        ('{"x": [1, 2, 3], "y": [1, 2, 3], "level": NaN}', "level: this is not strictly"),
        ('{"\\ud800": 1}', "Invalid JSON"),
        ("[" * 100_000, "recursion limit"),
        ('{"x": ' * 100_000, "recursion limit"),
        ('{"x": [' + "9" * 100_000 + "]}", "Invalid JSON"),
        (b'{"x": [1, 2], "y": [1, 2]}\x00', "Invalid JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_a_request_at_all(client: Client, body: str | bytes, says: str) -> None:
    assert says in refused(client, body)


def test_many_mistakes_make_a_short_answer(client: Client) -> None:
    refused(client, {f"k{i}": 0 for i in range(20_000)})
    refused(client, GOOD | {"quantiles": ["a"] * 20_000})
    refused(client, GOOD | {"x": ["a"] * 20_000})
    refused(client, {"k" * 100_000: 0})
    assert client("POST", "/v1/estimate", json=GOOD).status_code == 200


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner), max_leaves=8
)
samples = st.lists(st.floats(-1e308, 1e308) | st.integers(), min_size=4, max_size=8) | st.lists(
    st.lists(st.floats(), min_size=1, max_size=2), max_size=6
)
requests = st.fixed_dictionaries(
    {"x": samples | anything, "y": samples | anything},
    optional={"level": st.floats(0, 1) | anything, "unit": st.sampled_from(["nats", "bits"]), "quantiles": anything},
)
many = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(body=requests | anything)
def test_no_json_breaks_it(client: Client, body: Any) -> None:
    # The client raises what the service does not handle, so a 500 would show as an error here.
    response = client("POST", "/v1/estimate", content=json.dumps(body))
    assert response.status_code in (200, 422)
    if response.status_code == 200:
        answer = response.json()
        assert 0 <= answer["interval"]["low"] <= answer["mi"] <= answer["interval"]["high"]


@many
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_no_bytes_break_it(client: Client, body: bytes) -> None:
    assert client("POST", "/v1/estimate", content=body).status_code == 422
