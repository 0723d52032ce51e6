"""Jobs over HTTP, in this process."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

Client = Callable[..., httpx.Response]
RNG = np.random.default_rng(np.random.SeedSequence(21))
BODY = {"columns": {name: RNG.normal(size=30).tolist() for name in "abcd"}, "unit": "bits", "quantiles": [0.25]}


def finished(client: Client, path: str) -> dict[str, Any]:
    """The job once it is no longer queued or running."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        job: dict[str, Any] = client("GET", path).json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{path} did not end")


def test_a_job_answers_what_the_request_answers_and_survives_a_restart(make_client: Any, tmp_path: Path) -> None:
    client = make_client()
    response = client("POST", "/v1/jobs/pairwise", json=BODY)
    assert response.status_code == 202
    path = response.headers["location"]
    assert path == f"/v1/jobs/{response.json()['id']}"
    job = finished(client, path)
    assert (job["state"], job["progress"], job["error"]) == ("done", {"done": 6, "total": 6}, None)
    found = client("GET", f"{path}/result").json()
    assert found == client("POST", "/v1/pairwise", json=BODY).json()
    assert make_client()("GET", f"{path}/result").json() == found  # another service on the same folder
    assert client("DELETE", path).status_code == 204
    assert client("GET", path).status_code == 404
    assert client("GET", f"{path}/result").status_code == 404
    assert client("DELETE", path).status_code == 404


class Gate:
    """An estimator that waits to be let through."""

    def __init__(self, estimator: Any) -> None:
        self.info, self.levels, self._estimator = estimator.info, estimator.levels, estimator
        self.started, self.go = threading.Event(), threading.Event()

    def estimate_pairs(self, table: Any, pairs: Any) -> Any:
        self.started.set()
        assert self.go.wait(30)
        return self._estimator.estimate_pairs(table, pairs)

    estimate_batch = None  # which the service asks for, and a job does not need


def test_a_job_that_runs_has_no_result_yet_and_can_be_cancelled(make_client: Any, gaussian: Any) -> None:
    gate = Gate(gaussian)
    client = make_client(gate, max_jobs=1)
    path = client("POST", "/v1/jobs/pairwise", json=BODY).headers["location"]
    assert gate.started.wait(30)
    assert client("GET", path).json()["state"] == "running"
    early = client("GET", f"{path}/result")
    assert early.status_code == 409
    assert "the job is running" in early.json()["detail"]
    full = client("POST", "/v1/jobs/pairwise", json=BODY)
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert client("DELETE", path).status_code == 204
    gate.go.set()
    assert client("GET", path).status_code == 404
    assert client("GET", f"{path}/result").status_code == 404
    assert client("POST", "/v1/jobs/pairwise", json=BODY).status_code == 202


def test_a_job_that_fails_says_so_and_no_more(make_client: Any, gaussian: Any) -> None:
    class Broken:
        info, levels = gaussian.info, gaussian.levels

        estimate_batch = None

        def estimate_pairs(self, table: Any, pairs: Any) -> Any:
            raise RuntimeError("secret path /home")

    client = make_client(Broken())
    job = finished(client, client("POST", "/v1/jobs/pairwise", json=BODY).headers["location"])
    assert job["state"] == "failed"
    assert "secret" not in str(job)
    assert "its log says why" in job["error"]


def test_a_job_may_be_larger_than_a_request_but_not_endless(make_client: Any) -> None:
    client = make_client(max_work=100, max_job_work=200)
    refused = client("POST", "/v1/pairwise", json=BODY)
    assert refused.status_code == 422
    assert "submit the table to /v1/jobs/pairwise" in refused.json()["detail"]
    assert client("POST", "/v1/jobs/pairwise", json=BODY).status_code == 202
    columns = {name: BODY["columns"][name] * 2 for name in "abcd"}  # type: ignore[index]
    assert client("POST", "/v1/jobs/pairwise", json={"columns": columns}).status_code == 422


@pytest.mark.parametrize("path", ["nothing", "a%2Fb", "%00", "'; DROP TABLE jobs"])
def test_an_unknown_job_is_a_404(client: Client, path: str) -> None:
    for method, tail in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
        assert client(method, f"/v1/jobs/{path}{tail}").status_code == 404
