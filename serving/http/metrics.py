"""Prometheus metrics. With several worker processes they are gathered in a folder, which the server names."""

import os

from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_FAST = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 5, 10, 30, 60)

requests = Histogram("mutualist_request_seconds", "Time to answer", ["path", "method", "status"], buckets=_FAST)
_pairs = Histogram("mutualist_pass_pairs", "Pairs in one pass", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
_seconds = Histogram("mutualist_pass_seconds", "Time of one pass", buckets=_FAST)
refused = Counter("mutualist_refused_total", "Requests refused because too much waited", ["path"])
waiting = Gauge("mutualist_waiting_pairs", "Pairs that wait for a pass", multiprocess_mode="livesum")
large = Gauge("mutualist_waiting_large", "Large requests that wait or are at work", multiprocess_mode="livesum")
jobs = Counter("mutualist_jobs_total", "Jobs by how they ended, and accepted ones", ["state"])
job_pairs = Counter("mutualist_job_pairs_total", "Pairs estimated for jobs")


def observe_pass(pairs: int, seconds: float, left: int) -> None:
    """Notes one pass of the network, and how many pairs are left waiting."""
    waiting.set(left)
    _pairs.observe(pairs)
    _seconds.observe(seconds)


def exposition() -> Response:
    """All metrics, of all worker processes, as Prometheus reads them."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
