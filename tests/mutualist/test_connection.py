"""What a client does about a service that is busy, broken, foreign or absent: a scripted server on a real socket."""

import json
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from mutualist import InputError, RemoteEstimator, ServiceError
from mutualist.connection import Connection, retry_after

Answer = tuple[int, dict[str, str], bytes]
Script = Callable[..., "Served"]
X, Y = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 4.0, 3.0, 5.0]


class Served:
    """Answers one after the other, the last one for ever; keeps what was asked."""

    def __init__(self, answers: list[Answer | None]) -> None:
        served = self
        self.answers, self.asked, self.keys = answers, list[str](), list[str | None]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                served.asked.append(f"{self.command} {self.path}")
                served.keys.append(self.headers["Authorization"])
                given = served.answers.pop(0) if len(served.answers) > 1 else served.answers[0]
                if given is None:  # the connection breaks
                    self.close_connection = True
                    return
                status, headers, body = given
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def served() -> Iterator[Script]:
    opened: list[Served] = []

    def serve(*answers: Answer | None) -> Served:
        opened.append(Served(list(answers)))
        return opened[-1]

    yield serve
    for one in opened:
        one.close()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; none is really waited."""
    waits: list[float] = []
    monkeypatch.setattr("mutualist.connection.time.sleep", waits.append)
    return waits


def ok(content: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def problem(status: int, detail: str, **headers: str) -> Answer:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": detail, "errors": []}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/problem+json", **names}, json.dumps(body).encode()


def test_a_busy_service_is_asked_again_after_the_time_it_names(served: Script, slept: list[float]) -> None:
    service = served(problem(429, "full", Retry_After="3"), problem(503, "starting", Retry_After="1"), ok({"a": 1}))
    with_patience = Connection(service.url)
    assert with_patience.ask("GET", "v1/model") == {"a": 1}
    assert [3 <= slept[0] <= 3.3, 1 <= slept[1] <= 1.1, len(slept)] == [True, True, 2]
    with_patience.close()


def test_patience_ends(served: Script, slept: list[float]) -> None:
    service = served(problem(429, "the queue is full", Retry_After="4"))
    connection = Connection(service.url, patience=10)
    with pytest.raises(ServiceError, match=r"the queue is full.*come back later") as caught:
        connection.ask("GET", "v1/model")
    assert caught.value.status == 429
    assert sum(slept) <= 10
    assert len(slept) == len(service.asked) - 1 == 2
    connection.close()


def test_waits_grow_where_the_service_names_no_time(served: Script, slept: list[float]) -> None:
    service = served(*[problem(429, "full")] * 4, ok({}))
    connection = Connection(service.url)
    connection.ask("GET", "v1/model")
    assert all(later > 1.5 * earlier for earlier, later in pairwise(slept))
    connection.close()


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": formatdate(0, usegmt=True)}) == 0
    ahead = retry_after({"retry-after": formatdate(4e9, usegmt=True)})
    assert ahead is not None
    assert ahead > 1e6
    for text in ("soon", "-3", ""):
        assert retry_after({"retry-after": text}) is None
    assert retry_after({}) is None


def test_a_broken_connection_is_tried_again_and_then_reported(served: Script, slept: list[float]) -> None:
    service = served(None, ok({"a": 1}))
    connection = Connection(service.url)
    assert connection.ask("POST", "v1/estimate", json={}) == {"a": 1}
    connection.close()
    broken = served(None)
    connection = Connection(broken.url)
    with pytest.raises(ServiceError, match="no answer from http://127"):
        connection.ask("GET", "v1/model")
    assert len(broken.asked) == 3
    connection.close()


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (problem(422, "x has 3 rows and y 4"), InputError, "^x has 3 rows and y 4$"),
        (problem(413, "too many rows"), InputError, "^too many rows$"),
        (problem(415, "unreadable"), InputError, "^unreadable$"),
        (problem(401, "unknown key"), ServiceError, "refuses this caller: unknown key.*api_key"),
        (problem(500, "its log says why"), ServiceError, "failed with 500: its log says why"),
        (problem(503, "stopping"), ServiceError, "failed with 503"),
        ((404, {}, b"<html>"), ServiceError, "is this a mutualist service"),
        ((301, {"Location": "https://elsewhere"}, b""), ServiceError, "answered 301"),
        ((200, {}, b"<html>"), ServiceError, "something else than JSON"),
        ((200, {}, b"{}"), ServiceError, "does not describe its weights"),
        ((200, {}, b"3"), ServiceError, "does not describe its weights"),
        ((502, {}, b'["odd"]'), ServiceError, "failed with 502: Bad Gateway"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_errors_come_in_the_classes_of_the_library(
    served: Script, answer: Answer, kind: type[Exception], message: str
) -> None:
    with RemoteEstimator(served(answer).url) as estimator, pytest.raises(kind, match=message):
        estimator.estimate(X, Y)


def test_nobody_listens() -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with RemoteEstimator(url) as estimator, pytest.raises(ServiceError, match="does `mutualist serve` run there"):
            estimator.estimate(X, Y)


def test_a_service_that_says_nothing_is_given_up() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with (
            RemoteEstimator(url, timeout=0.05) as estimator,
            pytest.raises(ServiceError, match=r"did not answer in time \(0.05 s\)"),
        ):
            estimator.estimate(X, Y)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://", "http://host:port", "", None], ids=str)
def test_what_is_no_address_is_refused_at_once(url: Any) -> None:
    with pytest.raises(InputError, match="http://localhost:8000"):
        RemoteEstimator(url)


def test_impossible_waits_are_refused() -> None:
    with pytest.raises(InputError, match="timeout is 0"):
        RemoteEstimator("http://localhost:8000", timeout=0)
    with pytest.raises(InputError, match="patience -1"):
        RemoteEstimator("http://localhost:8000", patience=-1)


def test_the_key_and_the_path_in_front_travel_along(served: Script) -> None:
    described = {"name": "a", "version": "1", "levels": [0.25, 0.75], "limits": {}}
    service = served(ok(described))
    with RemoteEstimator(f"{service.url}/mi/", api_key="secret") as estimator:
        assert estimator.info == described
        assert estimator.levels == (0.25, 0.75)
    assert service.asked == ["GET /mi/v1/model"]  # once
    assert service.keys == ["Bearer secret"]
    assert "secret" not in repr(estimator)


def test_new_weights_are_noticed(served: Script) -> None:
    def model(version: str) -> Answer:
        return ok({"name": "m", "version": version, "levels": [0.25, 0.5, 0.75], "limits": {}})

    def answer(version: str) -> Answer:
        quantiles = [{"level": level, "value": level} for level in (0.25, 0.5, 0.75)]
        named = {"name": "m", "version": version}
        return ok({"quantiles": quantiles, "n": 5, "dx": 1, "dy": 1, "warnings": [], "model": named})

    service = served(model("1"), answer("1"), answer("2"), model("2"), answer("2"))
    with RemoteEstimator(service.url) as estimator:
        versions = [estimator.estimate(X, Y).model["version"] for _ in range(3)]
        assert versions == ["1", "2", "2"]
        assert estimator.info["version"] == "2"
    assert [asked.split()[0] for asked in service.asked] == ["GET", "POST", "POST", "GET", "POST"]
