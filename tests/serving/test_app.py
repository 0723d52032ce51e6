"""The service in this process: answers, documentation, limits, and that it stays responsive."""

import asyncio
import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from mutualist.errors import WeightsError
from mutualist.serving.app import create_app
from mutualist.serving.http.watch import Watch
from mutualist.serving.settings import Settings

Client = Callable[..., httpx.Response]
RNG = np.random.default_rng(np.random.SeedSequence(5))
X = RNG.normal(size=(50, 2))
Y = X[:, 0] + RNG.normal(size=50)
BODY = {"x": X.tolist(), "y": Y.tolist()}


def test_an_answer_is_what_the_estimator_says(client: Client, gaussian: Any) -> None:
    options = {"level": 0.5, "unit": "bits", "quantiles": [0.9, 0.1]}
    response = client("POST", "/v1/estimate", json=BODY | options)
    assert response.status_code == 200
    assert response.json() == gaussian.estimate(X, Y).to_dict("bits", 0.5, [0.9, 0.1])
    plain = client("POST", "/v1/estimate", json=BODY).json()
    assert plain == gaussian.estimate(X, Y).to_dict()
    assert list(plain) == [
        *("mi", "unit", "interval", "quantiles", "n", "dx", "dy", "warnings", "model", "strangeness", "expected_error")
    ]
    assert plain["mi"] == pytest.approx(response.json()["mi"] * math.log(2))


def test_one_dimension_and_one_column_are_the_same(client: Client) -> None:
    flat = client("POST", "/v1/estimate", json={"x": X[:, 0].tolist(), "y": Y.tolist()})
    column = client("POST", "/v1/estimate", json={"x": X[:, :1].tolist(), "y": Y[:, None].tolist()})
    assert flat.status_code == 200
    assert flat.json() == column.json()


POSTED = [
    "/v1/estimate",
    "/v1/estimate/batch",
    "/v1/table/estimate",
    "/v1/pairwise",
    "/v1/jobs/pairwise",
]


@pytest.mark.parametrize("path", POSTED)
def test_examples_of_the_documentation_work_when_pasted(client: Client, path: str) -> None:
    document = client("GET", "/openapi.json").json()
    assert [name for name, methods in document["paths"].items() if "post" in methods] == POSTED
    operation = document["paths"][path]["post"]
    wanted = "202" if "jobs" in path else "200"
    assert {wanted, "401", "408", "413", "415", "422", "429", "503"} == set(operation["responses"])
    content = operation["requestBody"]["content"]
    assert content["application/json"]["schema"]["additionalProperties"] is False
    for example in content["application/json"]["examples"].values():
        assert client("POST", path, json=example["value"]).status_code == int(wanted)
    if "text/csv" in content:
        (example,) = content["text/csv"]["examples"].values()
        query = {"x": "age,weight", "y": "height"} if "estimate" in path else {}
        headers = {"content-type": "text/csv"}
        answer = client("POST", path, content=example["value"], params=query, headers=headers)
        assert answer.status_code == int(wanted)
        assert not query or str(query) in example["summary"]
    assert client("GET", "/docs").status_code == 200


def test_a_batch_answers_in_its_order_or_says_which_pair_is_wrong(client: Client, gaussian: Any) -> None:
    pairs = [{"x": X.tolist(), "y": Y.tolist()}, {"x": Y[:9].tolist(), "y": X[:9].tolist()}]
    found = client("POST", "/v1/estimate/batch", json={"pairs": pairs, "unit": "bits"}).json()["results"]
    assert found == [gaussian.estimate(X, Y).to_dict("bits"), gaussian.estimate(Y[:9], X[:9]).to_dict("bits")]
    for wrong, says in (
        ({"x": [1, 2, 3, 4], "y": [1, 2, 3, 4, 5]}, "pair 2: x has 4 rows and y"),
        ({"x": [1, None, 3, 4], "y": [1, 2, 3, 4]}, "pairs: [2].x: row [1] is null"),
        ({"x": [1, 2, 3, 4]}, "pairs: [2] is not an object with x and y alone"),
    ):
        refused = client("POST", "/v1/estimate/batch", json={"pairs": [*pairs, wrong]})
        assert refused.status_code == 422
        assert says in refused.json()["detail"], refused.text


def test_it_answers_others_while_an_estimate_runs(make_client: Any, gaussian: Any) -> None:
    class Slow:
        info, levels = gaussian.info, gaussian.levels
        go = threading.Event()

        def estimate_batch(self, pairs: Any) -> Any:
            assert self.go.wait(30)
            return gaussian.estimate_batch(pairs)

    client: Client = make_client(Slow())
    statuses: list[int] = []
    asking = threading.Thread(target=lambda: statuses.append(client("POST", "/v1/estimate", json=BODY).status_code))
    asking.start()
    assert client("GET", "/healthz").status_code == 200  # the estimate cannot end before this is answered
    assert client("GET", "/v1/model").status_code == 200
    assert statuses == []
    Slow.go.set()
    asking.join()
    assert statuses == [200]


def test_metrics_count_what_was_answered(client: Client) -> None:
    client("POST", "/v1/estimate", json=BODY)
    client("POST", "/v1/estimate", json={})
    text = client("GET", "/metrics").text
    for status in (200, 422):
        assert f'mutualist_request_seconds_count{{method="POST",path="/v1/estimate",status="{status}"}}' in text
    assert "mutualist_pass_pairs_count" in text


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_3", True), ("a" * 65, False), ("a b", False), ("", False)])
def test_requests_have_an_id(client: Client, given: str, kept: bool) -> None:
    answer = client("POST", "/v1/estimate", json={}, headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) == kept
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_every_reference_of_the_documentation_resolves(client: Client) -> None:
    text = client("GET", "/openapi.json").text
    document = json.loads(text)
    names = {part.split('"')[0] for part in text.split('"$ref":"#/components/schemas/')[1:]}
    assert names
    assert names == set(document["components"]["schemas"]), "no answer is documented that is never given"
    assert "HTTPValidationError" not in names


def test_the_model_describes_itself(client: Client, gaussian: Any) -> None:
    described = client("GET", "/v1/model").json()
    assert (described["name"], described["version"]) == ("gaussian", "0")
    assert described["meta_distribution"] == gaussian.info["meta_distribution"]
    assert described["limits"]["max_rows"] == Settings().max_rows
    assert described["levels"] == gaussian.levels.tolist()


def test_health(client: Client) -> None:
    assert client("GET", "/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/estimate", 405)])
def test_other_paths_and_methods_are_problems_too(client: Client, method: str, path: str, status: int) -> None:
    response = client(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"


def test_the_methods_of_a_path_are_named(client: Client) -> None:
    assert client("OPTIONS", "/v1/jobs/x").headers["allow"] == "DELETE, GET"
    assert client("GET", "/v1/estimate").headers["allow"] == "POST"
    assert client("OPTIONS", "/v1/jobs/pairwise").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("limit", "value", "status", "says"),
    [
        ("max_rows", 49, 422, "x has 50 rows and the limit is 49; send a random part of the rows"),
        ("max_columns", 1, 422, "x has 2 columns and the limit is 1"),
        ("max_quantiles", 2, 422, "3 quantiles are asked for and the limit is 2"),
        ("max_body_mib", 500 / 2**20, 413, "more than 500 bytes; send fewer rows or columns"),
    ],
)
def test_limits(make_client: Any, limit: str, value: int, status: int, says: str) -> None:
    body = BODY | {"quantiles": [0.1, 0.5, 0.9]}
    response = make_client(**{limit: value})("POST", "/v1/estimate", json=body)
    assert response.status_code == status
    assert says in response.json()["detail"]
    assert make_client()("POST", "/v1/estimate", json=body).status_code == 200


def test_a_body_of_undeclared_length_is_cut_off(make_client: Any) -> None:
    sent: list[int] = []

    async def endless() -> Any:
        for i in range(1000):
            sent.append(i)
            yield b"[" * 100

    response = make_client(max_body_mib=1000 / 2**20)("POST", "/v1/estimate", content=endless())
    assert response.status_code == 413
    assert len(sent) < 20  # of 1000


def test_a_defect_is_answered_without_its_details(make_client: Any, gaussian: Any) -> None:
    class Broken:
        info = gaussian.info

        def estimate_batch(self, pairs: Any) -> Any:
            raise RuntimeError("secret path /home")

    response = make_client(Broken())("POST", "/v1/estimate", json=BODY)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["title"] == "Internal Server Error"


def test_a_request_that_is_ended_by_a_stop_may_be_sent_again() -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep_forever()

    async def scenario() -> list[Any]:
        sent: list[Any] = []
        scope = {"type": "http", "method": "POST", "path": "/v1/estimate", "headers": []}

        async def send(message: Any) -> None:
            sent.append(message)

        task = asyncio.ensure_future(Watch(endless, None, False)(scope, asyncio.Event().wait, send))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return sent

    start, body = anyio.run(scenario)
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"5"
    assert "send the request again later" in json.loads(body["body"])["detail"]


def test_weights_load_when_the_service_starts(gaussian: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("MUTUALIST_SERVE_STATE_DIR", str(tmp_path))

    async def started(app: Any) -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
        ):
            assert (await client.post("/v1/estimate", json=BODY)).status_code == 200

    anyio.run(started, create_app())

    def missing(weights: Any = None) -> Any:
        raise WeightsError("no weights")

    monkeypatch.setattr("mutualist.factory.load_estimator", missing)
    with pytest.raises(WeightsError, match="no weights"):
        anyio.run(started, create_app())


def test_a_pair_has_its_options_in_the_body(client: Client) -> None:
    answer = client("POST", "/v1/estimate?unit=bits", json={"x": [1, 2, 3, 4, 5], "y": [2, 1, 4, 3, 5]})
    assert answer.status_code == 422
    assert "in the body" in answer.json()["detail"]
