"""The FastAPI application: estimates over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

import mutualist
from mutualist import factory
from mutualist.errors import InputError
from mutualist.serving.limits import BodyTooLarge, Limits, read_body
from mutualist.serving.schemas import (
    REQUEST_EXAMPLES,
    EstimateRequest,
    EstimateResponse,
    Health,
    ModelResponse,
    Problem,
)
from mutualist.serving.static import add_page

_PROBLEM: dict[str, Any] = {"model": Problem, "content": {"application/problem+json": {}}}
_REQUEST_BODY = {
    "required": True,
    "content": {"application/json": {"schema": EstimateRequest.model_json_schema(), "examples": REQUEST_EXAMPLES}},
}
MAX_ERRORS = 5  # that one answer lists


def create_app(estimator: factory.Estimator | None = None, limits: Limits | None = None) -> FastAPI:
    """The service.

    Args:
        estimator: answers the requests; None loads the bundled weights when the service starts.
        limits: what one request may ask for; None takes the defaults.

    Raises:
        WeightsError: at start, if the bundled weights cannot be read.
    """
    limits = limits or Limits()
    # One forward pass at a time uses all cores already; more at once would only wait for each other. Parsing holds
    # many times the memory of a body, so that is bounded as well.
    parsers, one_at_a_time = CapacityLimiter(2), CapacityLimiter(1)
    loaded: list[factory.Estimator] = [] if estimator is None else [estimator]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not loaded:
            loaded.append(await anyio.to_thread.run_sync(factory.load_estimator))
        yield

    app = FastAPI(
        title="mutualist",
        summary="Mutual information, learned: an estimate and an honest interval for any two groups of columns.",
        version=mutualist.__version__,
        lifespan=lifespan,
    )
    _answer_errors_as_problems(app)

    @app.post(
        "/v1/estimate",
        response_model=EstimateResponse,
        responses={413: _PROBLEM, 422: _PROBLEM},
        openapi_extra={"requestBody": _REQUEST_BODY},
        summary="Estimate the mutual information of x and y",
    )
    async def estimate(request: Request) -> JSONResponse:
        body = await read_body(request, limits.max_body_bytes)
        asked = await anyio.to_thread.run_sync(_parse, body, limits, limiter=parsers)
        answer = await anyio.to_thread.run_sync(_answer, loaded[0], asked, limiter=one_at_a_time)
        return JSONResponse(answer)

    @app.get("/v1/model", response_model=ModelResponse, summary="Describe the weights that answer")
    async def model() -> dict[str, Any]:
        info = loaded[0].info
        return {
            **{key: info[key] for key in ("name", "version")},
            **{key: info.get(key, {}) for key in ("meta_distribution", "metrics", "versions")},
            "limits": {
                "max_rows": limits.max_rows,
                "max_columns": limits.max_columns,
                "max_quantiles": limits.max_quantiles,
                "max_body_bytes": limits.max_body_bytes,
            },
        }

    @app.get("/healthz", response_model=Health, summary="Say that the service answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    add_page(app)
    return app


def _parse(body: bytes, limits: Limits) -> EstimateRequest:
    # Not left to the framework: pydantic's own parser bounds the depth of nesting, and works outside the event loop.
    request = EstimateRequest.model_validate_json(body)
    limits.check(request)
    return request


def _answer(estimator: factory.Estimator, request: EstimateRequest) -> dict[str, Any]:
    result = estimator.estimate(request.x, request.y)
    return result.to_dict(request.unit, request.level, request.quantiles)


def _answer_errors_as_problems(app: FastAPI) -> None:
    """Every error is answered by the same JSON object, and none shows the data or a traceback."""

    @app.exception_handler(ValidationError)
    async def invalid(_: Request, error: ValidationError) -> JSONResponse:
        fields = [_field_error(e) for e in error.errors(include_url=False, include_context=False, include_input=False)]
        said = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in fields[:MAX_ERRORS])
        return _problem(422, said, fields[:MAX_ERRORS])

    @app.exception_handler(BodyTooLarge)
    async def too_large(_: Request, error: BodyTooLarge) -> JSONResponse:
        return _problem(413, str(error))

    @app.exception_handler(InputError)
    async def unusable(_: Request, error: InputError) -> JSONResponse:
        return _problem(422, str(error))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> JSONResponse:
        return _problem(500, "the service failed on this request; its log says why")


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    field = ".".join(map(str, error["loc"]))
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        message = f"{message}; send a JSON object with x and y, numbers without NaN or Infinity"
    elif error["type"] == "missing":
        message = "this field is missing; send a list with one entry a row"
    return {"field": field, "message": message}


def _problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": errors or [],
    }
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")
