"""What happens to work when processes are killed or told to stop: real processes, real sockets, real signals."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from mutualist import MutualInfoEstimator
from mutualist.serving.http.keys import digest

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(np.random.SeedSequence(31))
TABLE = {f"c{i}": RNG.normal(size=1000).round(3).tolist() for i in range(60)}  # six blocks, of tied columns: some time
PAIR = {"x": RNG.normal(size=200).tolist(), "y": RNG.normal(size=200).tolist()}


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """What `condition` answers once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("this took too long")


def client_of(address: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=120, trust_env=False, **options)


def children(pid: int) -> list[int]:
    """Processes that answer; those that help are not among them."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def expected(untrained: Path) -> Any:
    values = np.array(list(TABLE.values())).T
    return MutualInfoEstimator.from_pretrained(untrained).pairwise(values).mi


def done(client: httpx.Client, path: str) -> Any:
    """A job, once it is done."""
    job = client.get(path).json()
    return job["state"] == "done" and job


def replaced(supervisor: int, victim: int) -> bool:
    """Whether another worker has taken the place of a killed one."""
    now = children(supervisor)
    return len(now) == 2 and victim not in now


def assert_results(client: httpx.Client, paths: list[str], untrained: Path) -> None:
    truth = expected(untrained)
    for path in paths:
        job = wait_for(partial(done, client, path))
        assert job["progress"] == {"done": 1770, "total": 1770}
        got = np.array(client.get(f"{path}/result").json()["mi"], dtype=float)
        np.testing.assert_allclose(got, truth, atol=1e-5)


def test_killed_workers_under_load_lose_no_accepted_job(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    options = ["--weights", str(untrained), "--workers", "2", "--state-dir", str(tmp_path), "--log-requests", "false"]
    supervisor, address = start_service(*options)
    accepted: list[str] = []
    stop = threading.Event()
    answered = [0]

    def load() -> None:  # clients whose connection breaks connect again
        while not stop.is_set():
            try:
                with client_of(address) as client:
                    while not stop.is_set():
                        answered[0] += client.post("/v1/estimate", json=PAIR).status_code == 200
            except httpx.TransportError:
                time.sleep(0.05)

    def submit() -> str | None:
        try:
            with client_of(address) as client:
                response = client.post("/v1/jobs/pairwise", json={"columns": TABLE})
                return response.headers["location"] if response.status_code == 202 else None
        except httpx.TransportError:
            return None

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            accepted += [path for path in (submit(), submit()) if path]
            victims = wait_for(lambda: len(found := children(supervisor.pid)) == 2 and found)
            time.sleep(1)
            os.kill(victims[0], signal.SIGKILL)
            wait_for(partial(replaced, supervisor.pid, victims[0]))
        with client_of(address) as client:
            wait_for(lambda: client.get("/healthz").status_code == 200)
            assert len(accepted) >= 3
            assert_results(client, accepted, untrained)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert answered[0] > 0


def test_a_killed_service_goes_on_after_a_restart(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    options = ["--weights", str(untrained), "--state-dir", str(tmp_path)]
    process, address = start_service(*options)
    with client_of(address) as client:
        paths = [client.post("/v1/jobs/pairwise", json={"columns": TABLE}).headers["location"] for _ in range(2)]
        wait_for(lambda: client.get(paths[0]).json()["progress"]["done"])
        process.kill()
        process.wait()
    _, address = start_service(*options)
    with client_of(address) as client:
        assert client.get(paths[0]).json()["progress"]["done"] > 0  # what was done is kept
        assert_results(client, paths, untrained)


def test_told_to_stop_it_finishes_what_it_accepted(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    options = [
        "--weights",
        str(untrained),
        "--state-dir",
        str(tmp_path),
        "--stop-seconds",
        "300",
        "--answer-seconds",
        "300",
    ]
    body = {"columns": {name: TABLE[name] for name in list(TABLE)[:20]}}
    process, address = start_service(*options)
    statuses: list[int] = []
    connected = threading.Barrier(4)

    def ask() -> None:
        with client_of(address) as client:
            client.get("/healthz")
            connected.wait()
            statuses.append(client.post("/v1/pairwise", json=body).status_code)

    with client_of(address) as client:
        path = client.post("/v1/jobs/pairwise", json={"columns": TABLE}).headers["location"]
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    connected.wait()
    with client_of(address) as client:  # the first has been read by now, so all have arrived
        wait_for(lambda: re.search("^mutualist_waiting_large [1-9]", client.get("/metrics").text, re.MULTILINE))
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 3
    assert process.wait(60) in (0, -signal.SIGTERM)
    _, address = start_service(*options)
    with client_of(address) as client:
        assert_results(client, [path], untrained)


def test_what_a_stop_does_not_leave_time_for_may_be_sent_again(start_service: Any, untrained: Path) -> None:
    process, address = start_service("--weights", str(untrained), "--stop-seconds", "1")
    answers: list[httpx.Response] = []

    def ask() -> None:
        with client_of(address) as client:
            answers.append(client.post("/v1/pairwise", json={"columns": TABLE}))

    threads = [threading.Thread(target=ask) for _ in range(8)]  # more than a second of work
    for thread in threads:
        thread.start()
    with client_of(address) as client:
        wait_for(lambda: re.search("^mutualist_waiting_large [1-9]", client.get("/metrics").text, re.MULTILINE))
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    late = [answer for answer in answers if answer.status_code != 200]
    assert late
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in late} == {(503, "5")}
    assert process.wait(60) in (0, -signal.SIGTERM)


def test_workers_count_the_requests_of_a_key_together(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[ann]\nsha256 = "{digest("ann key")}"\nper_minute = 30\n')
    options = ["--weights", str(untrained), "--workers", "2", "--keys-file", str(keys)]
    supervisor, address = start_service(*options)
    wait_for(lambda: len(children(supervisor.pid)) == 2)
    with client_of(address) as client:
        assert client.post("/v1/estimate", json=PAIR).status_code == 401
        assert client.get("/healthz").status_code == 200
    statuses = []
    for _ in range(60):  # each in a connection of its own, so that both workers get some
        with client_of(address, headers={"authorization": "Bearer ann key"}) as client:
            response = client.get("/v1/model")
            statuses.append(response.status_code)
    assert 30 <= statuses.count(200) < 60, statuses
    assert statuses.count(200) + statuses.count(429) == 60
    assert int(response.headers["retry-after"]) >= 1
    with client_of(address) as client:
        text = client.get("/metrics").text
    seen = [line for line in text.splitlines() if line.startswith("mutualist_request_seconds_count")]
    by_status: Counter[str] = Counter()
    for line in seen:
        by_status[line.split('status="')[1][:3]] += int(float(line.split()[-1]))
    assert (by_status["200"], by_status["429"]) == (statuses.count(200) + 1, statuses.count(429))  # and /healthz


def test_the_log_is_json_with_request_ids_and_without_data(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr:
        words = ["serve", "--port", "0", "--weights", str(untrained), "--state-dir", str(tmp_path)]
        process = subprocess.Popen(
            [sys.executable, "-m", "mutualist", *words], stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    address = process.stdout.readline().split(" on ")[1].split(" ")[0]
    try:
        with client_of(address) as client:
            named = client.post("/v1/estimate", json=PAIR, headers={"x-request-id": "mine-1"})
            assert named.headers["x-request-id"] == "mine-1"
            client.post("/v1/table/estimate?x=secret_name&y=b", content=b"secret_name\n1\n")
            assert client.get("/nowhere/secret").headers["x-request-id"] != "a b"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    asked = [line for line in lines if line["message"] == "request"]
    assert asked[0].items() >= {"request_id": "mine-1", "path": "/v1/estimate", "status": 200, "level": "INFO"}.items()
    assert len({line["request_id"] for line in asked}) == 3
    assert "secret" not in log.read_text()
