"""`mutualist serve` as users start it: its own process, a real socket, a real network with random weights."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from mutualist import MutualInfoEstimator
from mutualist.serving.server import Supervisor
from mutualist.tables import read_table

DIABETES = Path(__file__).parents[2] / "data" / "examples" / "diabetes.csv"


@pytest.fixture(scope="module")
def process(untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    state = str(tmp_path_factory.mktemp("state"))
    options = ["--port", "0", "--weights", str(untrained), "--max-rows", "1000", "--state-dir", state]
    command = [sys.executable, "-m", "mutualist", "serve", *options]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    try:
        line = started.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + started.communicate(timeout=30)[1]
        yield started, found[0]
    finally:
        started.kill()
        started.communicate()


@pytest.fixture(scope="module")
def service(process: tuple[subprocess.Popen[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=process[1], timeout=60, trust_env=False) as client:
        yield client


def test_it_answers_as_the_library_does(service: httpx.Client, untrained: Path) -> None:
    table = read_table(DIABETES)
    x, y = table.columns(["bmi", "glucose"]), table.columns(["progression"])
    got = service.post("/v1/estimate", json={"x": x.tolist(), "y": y[:, 0].tolist()}).json()
    expected: dict[str, Any] = MutualInfoEstimator.from_pretrained(untrained).estimate(x, y).to_dict()
    assert got["mi"] == pytest.approx(expected["mi"], abs=1e-6)
    assert got["interval"] == pytest.approx(expected["interval"], abs=1e-6)
    assert (got["n"], got["dx"], got["dy"]) == (442, 2, 1)
    assert got["model"] == expected["model"]
    described = service.get("/v1/model").json()
    assert got["model"] == {key: described[key] for key in ("name", "version")}
    assert described["meta_distribution"].keys() == {"n", "dx", "dy"}
    assert described["limits"]["max_rows"] == 1000


@pytest.mark.parametrize(
    "x",
    [[3.0] * 40, [0, 1] * 20, [(i - 20) / 20 * 1e308 for i in range(40)], [1e-320 * i for i in range(40)]],
    ids=["constant", "ties", "huge", "tiny"],
)
def test_odd_columns_get_an_answer(service: httpx.Client, x: list[float]) -> None:
    y = np.random.default_rng(np.random.SeedSequence(3)).normal(size=40)
    response = service.post("/v1/estimate", json={"x": x, "y": y.tolist()})
    assert response.status_code == 200
    answer = response.json()
    assert 0 <= answer["interval"]["low"] <= answer["mi"] <= answer["interval"]["high"] < 10


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": [1, NaN, 3, 4], "y": [1, 2, 3, 4]}',
        b'{"x": [1], "y": [1]}',
        b'{"x": [1, 2, 3, 4], "y": [1, 2, 3, 4, 5]}',
        b'{"x": [[1], [2, 3]], "y": [1, 2]}',
        b'{"x": ["a", "b", "c", "d"], "y": [1, 2, 3, 4]}',
        b"[" * 50_000,
        b"",
    ],
    ids=["nan", "one row", "unequal", "ragged", "text", "deep", "empty"],
)
def test_wrong_input_is_answered_by_422(service: httpx.Client, body: bytes) -> None:
    response = service.post("/v1/estimate", content=body)
    assert response.status_code == 422
    assert response.json()["detail"]


def test_a_huge_body_is_refused_and_the_next_request_answered(service: httpx.Client) -> None:
    assert service.post("/v1/estimate", content=b"[" * (17 * 2**20)).status_code == 413
    assert service.get("/healthz").status_code == 200


def test_it_stops_when_told_to(process: tuple[subprocess.Popen[str], str], service: httpx.Client) -> None:
    service.get("/healthz")
    started, _ = process
    started.send_signal(signal.SIGTERM)
    _, log = started.communicate(timeout=60)
    assert started.returncode in (0, -signal.SIGTERM)  # uvicorn raises the signal again once it has shut down
    assert "Application shutdown complete" in log
    assert "Traceback" not in log


def test_a_worker_that_has_ended_is_not_waited_for() -> None:
    def started(code: str) -> Any:
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        parent, child = Pipe()
        return SimpleNamespace(
            process=SimpleNamespace(sentinel=process.stdout), running=process, parent=parent, child_conn=child
        )

    ended, living = started(""), started("input()")
    ended.running.wait()
    supervisor = Supervisor.__new__(Supervisor)  # without its signal handlers, which are for a process of its own
    supervisor.processes = [ended, living]
    supervisor.hang_up()
    assert ended.parent.poll(0), "the end of the connection can be read"
    with pytest.raises(EOFError):
        ended.parent.recv()
    assert not living.parent.poll(0)
    for one in (ended, living):
        one.running.communicate(b"\n")
        one.parent.close()
        one.child_conn.close()
