"""The service in this process: answers, documentation, limits, and that it stays responsive."""

import json
import math
import threading
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from mutualist.errors import ConfigError, WeightsError
from mutualist.serving.app import create_app
from mutualist.serving.limits import Limits

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
    assert list(plain) == ["mi", "unit", "interval", "quantiles", "n", "dx", "dy", "warnings", "model"]
    assert plain["mi"] == pytest.approx(response.json()["mi"] * math.log(2))


def test_one_dimension_and_one_column_are_the_same(client: Client) -> None:
    flat = client("POST", "/v1/estimate", json={"x": X[:, 0].tolist(), "y": Y.tolist()})
    column = client("POST", "/v1/estimate", json={"x": X[:, :1].tolist(), "y": Y[:, None].tolist()})
    assert flat.status_code == 200
    assert flat.json() == column.json()


def test_examples_of_the_documentation_work_when_pasted(client: Client) -> None:
    document = client("GET", "/openapi.json").json()
    operation = document["paths"]["/v1/estimate"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert len(content["examples"]) >= 2
    for example in content["examples"].values():
        assert client("POST", "/v1/estimate", json=example["value"]).status_code == 200
    assert set(content["schema"]["properties"]) == {"x", "y", "level", "unit", "quantiles"}
    assert content["schema"]["additionalProperties"] is False
    assert set(operation["responses"]) == {"200", "413", "422"}
    assert client("GET", "/docs").status_code == 200


def test_every_reference_of_the_documentation_resolves(client: Client) -> None:
    text = client("GET", "/openapi.json").text
    document = json.loads(text)
    names = {part.split('"')[0] for part in text.split('"$ref":"#/components/schemas/')[1:]}
    assert names
    assert names <= set(document["components"]["schemas"])


def test_the_model_describes_itself(client: Client, gaussian: Any) -> None:
    described = client("GET", "/v1/model").json()
    assert (described["name"], described["version"]) == ("gaussian", "0")
    assert described["meta_distribution"] == gaussian.info["meta_distribution"]
    assert described["limits"]["max_rows"] == Limits().max_rows


def test_health(client: Client) -> None:
    assert client("GET", "/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/estimate", 405)])
def test_other_paths_and_methods_are_problems_too(client: Client, method: str, path: str, status: int) -> None:
    response = client(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("limit", "value", "status", "says"),
    [
        ("max_rows", 49, 422, "x has 50 rows and the limit is 49; send a random part of the rows"),
        ("max_columns", 1, 422, "x has 2 columns and the limit is 1"),
        ("max_quantiles", 2, 422, "3 quantiles are asked for and the limit is 2"),
        ("max_body_bytes", 500, 413, "more than 500 bytes; send fewer rows or columns"),
    ],
)
def test_limits(make_client: Any, limit: str, value: int, status: int, says: str) -> None:
    body = BODY | {"quantiles": [0.1, 0.5, 0.9]}
    response = make_client(**{limit: value})("POST", "/v1/estimate", json=body)
    assert response.status_code == status
    assert says in response.json()["detail"]
    assert make_client(**{limit: Limits().__dict__[limit]})("POST", "/v1/estimate", json=body).status_code == 200


def test_a_body_of_undeclared_length_is_cut_off(make_client: Any) -> None:
    sent: list[int] = []

    async def endless() -> Any:
        for i in range(1000):
            sent.append(i)
            yield b"[" * 100

    response = make_client(max_body_bytes=1000)("POST", "/v1/estimate", content=endless())
    assert response.status_code == 413
    assert len(sent) < 20  # of 1000


def test_limits_that_allow_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_rows is 1; it must be at least 2"):
        Limits(max_rows=1)


def test_a_defect_is_answered_without_its_details(make_client: Any, gaussian: Any) -> None:
    class Broken:
        info = gaussian.info

        def estimate(self, x: Any, y: Any) -> Any:
            raise RuntimeError("secret path /home")

    response = make_client(Broken(), raise_defects=False)("POST", "/v1/estimate", json=BODY)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["title"] == "Internal Server Error"


def test_it_answers_others_while_an_estimate_runs_and_runs_one_at_a_time(gaussian: Any) -> None:
    class Slow:
        info = gaussian.info

        def __init__(self) -> None:
            self.go, self.started = threading.Event(), threading.Event()
            self.running = self.most = 0

        def estimate(self, x: Any, y: Any) -> Any:
            self.running += 1
            self.most = max(self.most, self.running)
            self.started.set()
            assert self.go.wait(30)
            self.running -= 1
            return gaussian.estimate(x, y)

    slow: Any = Slow()
    statuses: list[int] = []

    async def scenario() -> None:
        transport = httpx.ASGITransport(create_app(slow))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
            anyio.create_task_group() as group,
        ):

            async def ask() -> None:
                statuses.append((await client.post("/v1/estimate", json=BODY)).status_code)

            for _ in range(4):
                group.start_soon(ask)
            assert await anyio.to_thread.run_sync(slow.started.wait, 30)
            health = await client.get("/healthz")  # the estimate cannot end before this is answered
            assert health.status_code == 200
            assert statuses == []
            slow.go.set()

    anyio.run(scenario)
    assert statuses == [200] * 4
    assert slow.most == 1


def test_weights_load_when_the_service_starts(gaussian: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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
