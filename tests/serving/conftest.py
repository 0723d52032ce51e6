"""A client for the application in this process: a real event loop that stays, no socket."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import pytest

from mutualist.serving.app import create_app
from mutualist.serving.settings import Settings

Starter = Callable[..., tuple[subprocess.Popen[str], str]]
Client = Callable[..., httpx.Response]


def client_of(app: Any, stack: ExitStack) -> Client:
    """A function (method, path, **options) that sends one request to `app`, which is started and later stopped."""
    portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
    stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)
    stack.callback(portal.call, client.aclose)

    async def send(method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        return await client.request(method, path, **options)

    return lambda method, path, **options: portal.call(send, method, path, options)


@pytest.fixture
def make_client(gaussian: Any, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes a client of a service with the stand-in estimator, or another, under the given settings."""
    with ExitStack() as stack:

        def make(estimator: Any = None, **settings: Any) -> Client:
            chosen = Settings(**({"state_dir": tmp_path / "state"} | settings))
            return client_of(create_app(chosen, estimator or gaussian), stack)

        yield make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture(scope="module")
def shared_client(stand_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One client for all tests of a module: for those that need a process that reads, which takes time to start."""
    with ExitStack() as stack:
        yield client_of(create_app(Settings(state_dir=tmp_path_factory.mktemp("state")), stand_in), stack)


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts `mutualist serve` as users do, with the given options, and gives the process and its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        folder = tmp_path_factory.mktemp("service")
        words = ["serve", "--port", "0", "--state-dir", str(folder), *options]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "mutualist", *words], stdout=subprocess.PIPE, stderr=log, text=True
            )
        started.append(process)
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found, (folder / "log").read_text()
        return process, found[0]

    yield start
    for process in started:
        process.kill()
        process.wait()  # not for its pipes: worker processes end a little later
        assert process.stdout is not None
        process.stdout.close()
