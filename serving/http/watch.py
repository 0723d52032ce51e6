"""The outermost layer: gives each request an id and a key, counts it, logs it, and answers for defects."""

import asyncio
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mutualist.serving.http import metrics
from mutualist.serving.http.identity import identify, key_name, request_id
from mutualist.serving.http.keys import Keys
from mutualist.serving.http.logs import log
from mutualist.serving.http.problems import Refusal, problem


class Watch:
    """ASGI middleware.

    Args:
        app: what answers.
        keys: who may ask; None for everybody.
        log_requests: whether each request gets a line in the log.
    """

    def __init__(self, app: ASGIApp, keys: Keys | None, log_requests: bool) -> None:
        self._app, self._keys, self._log_requests = app, keys, log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0
        headers = Headers(scope=scope)
        given = identify(headers.get("x-request-id", "").encode("latin-1"))
        request_id.set(given)
        key_name.set(None)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = given
            await send(message)

        try:
            if self._keys is not None and scope["path"].startswith("/v1/"):
                key_name.set(self._keys.admit(headers.get("authorization", "")))
            await self._app(scope, receive, answer)
        except Refusal as refusal:
            await problem(refusal.status, refusal.detail, headers=refusal.headers)(scope, receive, answer)
        except asyncio.CancelledError:  # told to stop, and the time to finish what was accepted is over
            if not status:
                late = Refusal(503, "the service stops before this is answered; send the request again later", 5)
                await problem(late.status, late.detail, headers=late.headers)(scope, receive, answer)
            raise
        except Exception:
            log.exception("defect")
            if status:
                raise  # the answer has begun: only the connection can tell
            await problem(500, "the service failed on this request; its log says why")(scope, receive, answer)
        finally:
            self._note(scope, status, time.perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", "other")  # the pattern: no ids, and no end of labels
        metrics.requests.labels(path, scope["method"] if route else "other", status).observe(seconds)
        if status == 429:
            metrics.refused.labels(path).inc()
        if self._log_requests:
            log.info(
                "request",
                extra={"method": scope["method"], "path": path, "status": status, "ms": round(1e3 * seconds, 2)},
            )
