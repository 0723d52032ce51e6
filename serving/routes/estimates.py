"""Estimates of pairs of samples that come as JSON."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mutualist.errors import InputError
from mutualist.inputs import MIN_ROWS
from mutualist.serving.engine.load import Pair
from mutualist.serving.http.answers import Json
from mutualist.serving.http.body import media_type, read_body
from mutualist.serving.http.problems import Refusal
from mutualist.serving.routes.documents import ESTIMATING, json_body
from mutualist.serving.schemas import examples
from mutualist.serving.schemas.answers import BatchResponse, EstimateResponse
from mutualist.serving.schemas.parse import InvalidRequest, check_quantiles, parse_json
from mutualist.serving.schemas.requests import BatchRequest, EstimateRequest, Options
from mutualist.serving.schemas.samples import Array
from mutualist.serving.service import Service, service_of
from mutualist.serving.settings import Settings
from mutualist.serving.tables.columns import check_values

router = APIRouter(tags=["estimates"])


@router.post(
    "/v1/estimate",
    response_model=EstimateResponse,
    responses=ESTIMATING,
    openapi_extra=json_body(EstimateRequest, examples.ESTIMATE),
    summary="Estimate the mutual information of x and y",
)
async def estimate(request: Request) -> Response:
    """One pair of samples."""
    answers = await _answers(service_of(request), request, EstimateRequest)
    return Json(answers[0])


@router.post(
    "/v1/estimate/batch",
    response_model=BatchResponse,
    responses=ESTIMATING,
    openapi_extra=json_body(BatchRequest, examples.BATCH),
    summary="Estimate many pairs of unlike shapes",
)
async def estimate_batch(request: Request) -> Response:
    """Many pairs of samples; one that cannot be used refuses all."""
    return Json({"results": await _answers(service_of(request), request, BatchRequest)})


async def _answers(
    service: Service, request: Request, model: type[EstimateRequest] | type[BatchRequest]
) -> list[dict[str, Any]]:
    if media_type(request) != "application/json":
        raise Refusal(415, "the Content-Type is not application/json; send JSON, or a table to /v1/table/estimate")
    if request.query_params:
        raise InvalidRequest([("", "options of a pair stand in the body, beside x and y; send none in the query")])
    body = await read_body(request, service.settings)
    pairs, options = await service.read(body, parse_pairs, model, body, service.settings)
    results = await service.estimate(pairs)
    return [result.to_dict(options.unit, options.level, options.quantiles) for result in results]


def parse_pairs(
    model: type[EstimateRequest] | type[BatchRequest], body: bytes, settings: Settings
) -> tuple[list[Pair], Options]:
    """The pairs of a request within its limits, and how it is to be answered; raises InputError."""
    check_values(body, settings.max_values)
    asked = parse_json(model, body)
    check_quantiles(asked.quantiles, settings.max_quantiles)
    pairs = asked.pairs_of_samples()
    if len(pairs) > settings.max_pairs:
        raise InputError(
            f"{len(pairs):,} pairs came and the limit is {settings.max_pairs:,}; send them in several batches"
        )
    for i, (x, y) in enumerate(pairs):
        where = "" if isinstance(asked, EstimateRequest) else f"pair {i}: "
        _check(f"{where}x", x, settings)
        _check(f"{where}y", y, settings)
        if len(x) != len(y):
            raise InputError(
                f"{where}x has {len(x)} rows and y {len(y)}; row i of both must be one observation, so give as many"
            )
    return pairs, Options(level=asked.level, unit=asked.unit, quantiles=asked.quantiles)


def _check(name: str, sample: Array, settings: Settings) -> None:
    rows, columns = len(sample), sample.shape[1] if sample.ndim == 2 else 1
    if rows < MIN_ROWS:
        raise InputError(f"{name} has {rows} rows, at least {MIN_ROWS} are needed; send more rows")
    if rows > settings.max_rows:
        raise InputError(
            f"{name} has {rows:,} rows and the limit is {settings.max_rows:,}; send a random part of the rows"
        )
    if columns > settings.max_columns:
        raise InputError(
            f"{name} has {columns:,} columns and the limit is {settings.max_columns:,}; send fewer columns"
        )
