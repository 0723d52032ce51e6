"""What the service says of itself: its weights, whether it is well, what it has done."""

import platform
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

import mutualist
from mutualist.serving.answering import coverage
from mutualist.serving.http import metrics
from mutualist.serving.http.answers import Json
from mutualist.serving.http.problems import Refusal, documented
from mutualist.serving.schemas.answers import ModelResponse, Status
from mutualist.serving.service import service_of

router = APIRouter(tags=["service"])
LIMITS = ("max_rows", "max_columns", "max_quantiles", "max_pairs", "max_values", "max_work", "max_job_work")


@router.get("/v1/model", response_model=ModelResponse, responses=documented(401, 429), summary="Describe the weights")
async def model(request: Request) -> Response:
    """What the weights that answer were trained on, and how often their intervals hold the true value."""
    service = service_of(request)
    info, settings = service.estimator.info, service.settings
    answer: dict[str, Any] = {**service.model, "levels": list(service.estimator.levels)}
    answer |= {key: info.get(key, {}) for key in ("meta_distribution", "metrics")}
    running = {name: version(name) for name in ("torch", "numpy")} | {"python": platform.python_version()}
    answer["versions"] = {"export": info.get("versions", {}), "service": {"mutualist": mutualist.__version__} | running}
    answer["coverage"] = coverage(info.get("metrics", {}))
    answer["limits"] = {key: getattr(settings, key) for key in (*LIMITS, "max_body_bytes")}
    return Json(answer)


@router.get("/healthz", response_model=Status, summary="Say that the process lives")
async def healthz() -> Response:
    """Answers as long as the event loop runs."""
    return Json({"status": "ok"})


@router.get("/readyz", response_model=Status, responses=documented(503), summary="Say that requests can be taken")
async def readyz(request: Request) -> Response:
    """503 while too much waits."""
    service = service_of(request)
    if service.batcher.waiting >= service.settings.max_waiting:
        raise Refusal(503, "too many requests wait for an answer", retry_after=1)
    return Json({"status": "ok"})


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
def prometheus() -> Response:
    """Text, for Prometheus to scrape."""
    return metrics.exposition()
