"""Every error is answered by one JSON object (RFC 9457) that says what to change, without data or traceback."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from mutualist.errors import InputError, MutualistError
from mutualist.serving.http.identity import request_id
from mutualist.serving.schemas.answers import Problem
from mutualist.serving.schemas.parse import InvalidRequest

_REMEDY = {
    404: "there is no such path; /docs lists those there are",
    405: "this path does not know this method; the header Allow names those it does",
}
MAX_DETAIL = 3000  # characters: a message may list names
MEDIA_TYPE = "application/problem+json"


class Refusal(MutualistError):
    """A request that is not answered, for a reason that is not its content.

    Attributes:
        status: the HTTP status.
        retry_after: seconds after which it may succeed.
    """

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(status, detail, retry_after)
        self.status, self.detail, self.retry_after = status, detail, retry_after

    def __str__(self) -> str:
        return self.detail

    @property
    def headers(self) -> dict[str, str]:
        """Of the answer."""
        headers = {} if self.retry_after is None else {"retry-after": str(max(1, math.ceil(self.retry_after)))}
        return headers | ({"www-authenticate": "Bearer"} if self.status == 401 else {})


def problem(
    status: int, detail: str, errors: list[dict[str, str]] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that failed."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _whole(detail[:MAX_DETAIL]),
        "errors": [{key: _whole(text) for key, text in error.items()} for error in errors or []],
        "request_id": request_id.get(),
    }
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def _whole(text: str) -> str:
    """Without halves of surrogate pairs: a name in the detail may hold one, and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses, for the OpenAPI document of a path."""
    return {status: {"model": Problem, "content": {MEDIA_TYPE: {}}} for status in statuses}


def answer_errors_as_problems(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Registers how each kind of error is answered. What is none of these is a defect; `Watch` answers it."""

    @app.exception_handler(InvalidRequest)
    async def invalid(_: Request, error: InvalidRequest) -> Response:
        return problem(422, str(error), [{"field": field, "message": message} for field, message in error.fields])

    @app.exception_handler(InputError)
    async def unusable(_: Request, error: InputError) -> Response:
        return problem(422, str(error))

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> Response:
        return problem(error.status, error.detail, headers=error.headers)

    @app.exception_handler(HTTPException)
    async def not_here(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the framework names the methods of one of the routes with this path only
            headers["Allow"] = ", ".join(sorted(_methods(routes, request.url.path)))
        return problem(error.status_code, _REMEDY.get(error.status_code, str(error.detail)), headers=headers)


def _methods(routes: Sequence[APIRoute], path: str) -> set[str]:
    pattern = next((route.path for route in routes if route.path_regex.match(path)), None)
    return {method for route in routes if route.path == pattern for method in route.methods or ()}
