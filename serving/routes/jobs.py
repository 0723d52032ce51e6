"""Jobs: tables that take longer than a request should."""

from datetime import UTC, datetime
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from mutualist.errors import InputError
from mutualist.serving.answering import pairwise_answer
from mutualist.serving.http import metrics
from mutualist.serving.http.answers import Json
from mutualist.serving.http.identity import key_name
from mutualist.serving.http.problems import Refusal, documented
from mutualist.serving.jobs.database import Job
from mutualist.serving.jobs.store import Full
from mutualist.serving.routes.documents import ESTIMATING, JOB_ID, table_body
from mutualist.serving.routes.tables import read_table
from mutualist.serving.schemas import examples
from mutualist.serving.schemas.answers import JobResponse, PairwiseResponse
from mutualist.serving.schemas.requests import PairwiseOptions
from mutualist.serving.service import service_of

router = APIRouter(tags=["jobs"])
GONE = "there is no such job; it may have been forgotten, or be another key's"
LOCATION = {"Location": {"description": "Path of the job.", "schema": {"type": "string"}}}


@router.post(
    "/v1/jobs/pairwise",
    status_code=202,
    response_model=JobResponse,
    responses={202: {"headers": LOCATION}, **ESTIMATING},
    openapi_extra=table_body(PairwiseOptions, examples.PAIRWISE, {}),
    summary="Have all pairs of columns estimated, however long it takes",
)
async def submit(request: Request) -> Response:
    """Answers as soon as the job is on disk; from then on it survives restarts."""
    service = service_of(request)
    table = await read_table(service, request, PairwiseOptions)
    n, d = table.values.shape
    work, most = n * d * (d - 1) // 2, service.settings.max_job_work
    if work > most:
        raise InputError(f"rows times pairs are {work:,} and the limit of a job is {most:,}; send fewer of them")
    options, most = table.options.model_dump_json(), service.settings.max_jobs
    try:
        job = await anyio.to_thread.run_sync(
            service.store.add, options, table.names, table.notes, table.values, key_name.get(), most
        )
    except Full:
        raise Refusal(429, "too many jobs are unfinished; submit this one again later", retry_after=30) from None
    service.runner.wake()
    metrics.jobs.labels("accepted").inc()
    return Json(_shown(job), 202, {"location": f"/v1/jobs/{job.id}"})


@router.get(
    "/v1/jobs/{id}",
    response_model=JobResponse,
    responses=documented(401, 404, 429),
    openapi_extra=JOB_ID,
    summary="See a job",
)
async def look(request: Request) -> Response:
    """Where a job stands."""
    return Json(_shown(await _job(request)))


@router.get(
    "/v1/jobs/{id}/result",
    response_model=PairwiseResponse,
    responses=documented(401, 404, 409, 429),
    openapi_extra=JOB_ID,
    summary="Get the result of a job",
)
async def result(request: Request) -> Response:
    """What /v1/pairwise would have answered; 409 for a job that is not done."""
    service, job = service_of(request), await _job(request)
    if job.state != "done":
        raise Refusal(409, f"the job is {job.state}{f': {job.error}' if job.error else ''}; it has no result")
    found = await anyio.to_thread.run_sync(service.store.result, job)
    if found is None:
        raise Refusal(404, GONE)
    return Json(pairwise_answer(found, PairwiseOptions.model_validate_json(job.options), job.notes))


@router.delete(
    "/v1/jobs/{id}",
    status_code=204,
    responses=documented(401, 404, 429),
    openapi_extra=JOB_ID,
    summary="Cancel a job, or forget its result",
)
async def remove(request: Request) -> Response:
    """Stops a job that is unfinished, and forgets it with all that was kept of it."""
    service, job = service_of(request), await _job(request)
    if await anyio.to_thread.run_sync(service.store.remove, job.id) in ("queued", "running"):
        metrics.jobs.labels("cancelled").inc()
    return Response(status_code=204)


async def _job(request: Request) -> Job:
    store = service_of(request).store
    job = await anyio.to_thread.run_sync(store.get, request.path_params["id"], key_name.get())
    if job is None:
        raise Refusal(404, GONE)
    return job


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": "pairwise",
        "state": job.state,
        "progress": {"done": job.done, "total": job.total},
        "created": _time(job.created),
        "updated": _time(job.updated),
        "error": job.error,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
