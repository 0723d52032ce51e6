"""Requests to a mutualist service: patient with a busy one, and with errors of this library's own tree."""

import email.utils
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from mutualist.errors import InputError, ServiceError

BROKEN_TRIES = 3  # of a request whose connection breaks; estimates change nothing, so they may be asked again
FIRST_WAIT = 0.2  # seconds before a request is sent again, doubled each time, where the service names no time itself
LONGEST_WAIT = 10.0  # seconds, where the service names no time itself
DIRECT = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}  # no proxy to this machine


class Connection:
    """Sends requests to one service.

    Args:
        url: address of the service, such as "http://localhost:8000"; a path in front of /v1 may follow.
        api_key: sent with every request, if the service asks for one.
        timeout: seconds to wait for one answer.
        patience: seconds in all that one call waits for a service that says it is busy (429, or 503 with Retry-After).

    Raises:
        InputError: url is no address of the web.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout: float = 60.0, patience: float = 60.0) -> None:
        example = "give one such as http://localhost:8000"
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError) as error:
            raise InputError(f"{url!r} is no address ({error}); {example}") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError(f"{url!r} is no address of a service; {example}")
        if timeout <= 0 or patience < 0:
            raise InputError(
                f"timeout is {timeout:g} and patience {patience:g} seconds; give at least 0, and a timeout above"
            )
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._url = str(parsed)
        self._patience = patience
        self._client = httpx.Client(base_url=parsed, headers=headers, timeout=timeout, mounts=DIRECT)
        self._random = random.Random()

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._url

    def close(self) -> None:
        """Closes the sockets."""
        self._client.close()

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """The JSON of the answer to one request.

        Args:
            method: "GET", "POST" or "DELETE".
            path: from the address of the service on: "v1/model".
            content: what `httpx.Client.request` takes: params, json, content, headers.

        Raises:
            InputError: the service says what to change about the data.
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        waited, tries = 0.0, 0
        while True:
            tries += 1
            try:
                response = self._client.request(method, path, **content)
            except httpx.TimeoutException:
                raise ServiceError(
                    f"{self._url} did not answer in time ({self._client.timeout.read:g} s); send less at once, or "
                    "give a larger timeout"
                ) from None
            except httpx.TransportError as error:
                if tries < BROKEN_TRIES:
                    time.sleep(FIRST_WAIT * 2 ** (tries - 1))
                    continue
                raise ServiceError(
                    f"no answer from {self._url} ({error}); is the address right, and does `mutualist serve` run there?"
                ) from None
            wait = self._busy_for(response, tries)
            if wait is None:
                return _content(response, self._url)
            if waited + wait > self._patience:
                raise ServiceError(
                    f"{self._url} is busy: {_problem(response)}; it asks for {wait:.3g} s of patience, and "
                    f"{self._patience - waited:.3g} of {self._patience:g} s are left; come back later, or give more",
                    status=response.status_code,
                )
            time.sleep(wait)
            waited += wait

    def _busy_for(self, response: httpx.Response, tries: int) -> float | None:
        """Seconds until the request should be sent again; None if this is the answer."""
        asked = retry_after(response.headers)
        if response.status_code != 429 and not (response.status_code == 503 and asked is not None):
            return None
        if asked is None:
            asked = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
        return asked * (1 + 0.1 * self._random.random())  # those who were refused together do not return together


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header Retry-After asks for, as a number or as a date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())


def _content(response: httpx.Response, url: str) -> Any:
    status = response.status_code
    if response.is_success:
        try:
            return response.json()
        except ValueError:
            raise ServiceError(f"{url} answered with something else than JSON; is this a mutualist service?") from None
    said = _problem(response)
    if status in (400, 413, 415, 422):
        raise InputError(said)
    if status in (401, 403):
        raise ServiceError(f"{url} refuses this caller: {said}; give the right api_key", status=status)
    if status in (404, 405) or response.is_redirect:
        raise ServiceError(
            f"{url} answered {status} ({said}) for {response.request.url.path}; is this a mutualist service of this "
            "release?",
            status=status,
        )
    raise ServiceError(f"{url} failed with {status}: {said}", status=status)


def _problem(response: httpx.Response) -> str:
    """What the service says is wrong (RFC 9457), or the name of the status."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = None
    return detail if isinstance(detail, str) and detail else response.reason_phrase or "no reason given"
