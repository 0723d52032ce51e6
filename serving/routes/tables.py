"""Estimates over the columns of a table."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mutualist.errors import InputError
from mutualist.result import with_names
from mutualist.serving.answering import pairwise_answer
from mutualist.serving.http.answers import Json
from mutualist.serving.http.body import media_type, read_body
from mutualist.serving.routes.documents import ESTIMATING, table_body
from mutualist.serving.schemas import examples
from mutualist.serving.schemas.answers import PairwiseResponse, TableEstimateResponse
from mutualist.serving.schemas.parse import check_quantiles
from mutualist.serving.schemas.requests import PairwiseOptions, SidesOptions, TableOptions
from mutualist.serving.service import Service, service_of
from mutualist.serving.tables.forms import Form, form_of
from mutualist.serving.tables.reader import TableRequest, read_request

router = APIRouter(tags=["tables"])


async def read_table(service: Service, request: Request, model: type[TableOptions]) -> TableRequest:
    """The table that came with a request, within the limits of the service."""
    form = form_of(media_type(request))
    body = await read_body(request, service.settings)
    query: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    table = await service.read(
        body, read_request, form, body, query, model, service.caps, foreign=form is not Form.JSON
    )
    check_quantiles(table.options.quantiles, service.settings.max_quantiles)
    return table


@router.post(
    "/v1/table/estimate",
    response_model=TableEstimateResponse,
    responses=ESTIMATING,
    openapi_extra=table_body(SidesOptions, examples.TABLE_ESTIMATE, {"x": "age,weight", "y": "height"}),
    summary="Estimate the mutual information of two groups of columns",
)
async def estimate(request: Request) -> Response:
    """X and Y are columns of a table, named by x and y."""
    service = service_of(request)
    table = await read_table(service, request, SidesOptions)
    dx = len(table.x)
    (result,) = await service.estimate([(table.values[:, :dx], table.values[:, dx:])])
    answer = result.to_dict(table.options.unit, table.options.level, table.options.quantiles)
    answer["warnings"] = [*table.notes, *(with_names(text, table.x, table.y) for text in answer["warnings"])]
    return Json(answer | {"x": list(table.x), "y": list(table.y)})


@router.post(
    "/v1/pairwise",
    response_model=PairwiseResponse,
    responses=ESTIMATING,
    openapi_extra=table_body(PairwiseOptions, examples.PAIRWISE, {}),
    summary="Estimate the mutual information of all pairs of columns",
)
async def pairwise(request: Request) -> Response:
    """A table that takes longer than a request should goes to /v1/jobs/pairwise."""
    service = service_of(request)
    table = await read_table(service, request, PairwiseOptions)
    n, d = table.values.shape
    pairs, most = d * (d - 1) // 2, service.settings.max_work
    if n * pairs > most:
        raise InputError(
            f"{n:,} rows times {pairs:,} pairs are {n * pairs:,} and the limit of a request is {most:,}; submit the "
            "table to /v1/jobs/pairwise, or send fewer columns or rows"
        )
    result = await service.large.run(
        service.estimator.pairwise, table.values, table.names, seconds=service.settings.answer_seconds
    )
    return Json(pairwise_answer(result, table.options, table.notes))
