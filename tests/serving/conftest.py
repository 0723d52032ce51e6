"""A client for the application in this process, without a socket."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from mutualist.serving.app import create_app
from mutualist.serving.limits import Limits

Client = Callable[..., httpx.Response]


def client_of(app: Any, raise_defects: bool = True) -> Client:
    """A function (method, path, **options) that sends one request to `app`.

    A defect of the service is raised in the test, or answered by 500.
    """

    def request(method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=raise_defects)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **options)

        return anyio.run(send)

    return request


@pytest.fixture
def make_client(gaussian: Any) -> Callable[..., Client]:
    """Makes a client of a service with the stand-in estimator, or another, under the given limits."""

    def make(estimator: Any = None, raise_defects: bool = True, **limits: int) -> Client:
        return client_of(create_app(estimator or gaussian, Limits(**limits)), raise_defects)

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()
