"""What the paths of the service share: the estimator, and the ways to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from fastapi import Request

from mutualist.factory import Estimator
from mutualist.result import MIEstimate
from mutualist.serving.engine.batcher import Batcher
from mutualist.serving.engine.large import Large
from mutualist.serving.engine.load import Pair, is_small
from mutualist.serving.http import metrics
from mutualist.serving.jobs.claims import Claims
from mutualist.serving.jobs.runner import Runner, Work
from mutualist.serving.jobs.store import Store
from mutualist.serving.jobs.work import Cluster, here
from mutualist.serving.settings import Settings
from mutualist.serving.tables.apart import Apart
from mutualist.serving.tables.caps import Caps

Answer = TypeVar("Answer")
KEPT_JOBS = 10  # for each unfinished one that is allowed
SMALL_BODY = 64 * 1024  # bytes that are parsed where they arrive, within a millisecond or so


@dataclass
class Service:
    """One process of the service, between start and stop.

    Attributes:
        settings: of the service.
        estimator: answers the requests.
        batcher: the way of small requests.
        large: the way of all others.
        apart: the process that reads large and foreign bodies.
        store: jobs on disk.
        runner: works on them.
    """

    settings: Settings
    estimator: Estimator
    batcher: Batcher = field(init=False)
    large: Large = field(init=False)
    apart: Apart = field(init=False)
    store: Store = field(init=False)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        s = self.settings
        self.batcher = Batcher(
            self.estimator.estimate_batch, s.batch_pairs, s.batch_wait_ms / 1000, s.max_waiting, metrics.observe_pass
        )
        self.large = Large(s.max_large, metrics.large.set)
        self.apart = Apart(s.reader_mib, s.answer_seconds)
        path = s.state_dir.expanduser() / "jobs.sqlite"
        work: Work = partial(here, self.estimator)
        if s.dask_scheduler:
            work = Cluster(s.dask_scheduler, s.weights, self.model)
        self.store = Store(path)
        self.runner = Runner(Claims(path), work, self.model, 3600 * s.keep_hours, KEPT_JOBS * s.max_jobs)

    def start(self) -> None:
        """Starts the threads."""
        self.batcher.start()
        self.runner.start()

    def stop(self) -> None:
        """Answers what was accepted, then ends the threads."""
        self.batcher.stop()
        self.large.stop()
        self.runner.stop()
        self.store.close()

    @property
    def model(self) -> Mapping[str, str]:
        """Name and version of the weights."""
        return {key: self.estimator.info[key] for key in ("name", "version")}

    @property
    def caps(self) -> Caps:
        """Limits of a table."""
        s = self.settings
        return Caps(s.max_rows, s.max_columns, s.max_values, s.reader_mib)

    async def read(self, body: bytes, call: Callable[..., Answer], *arguments: Any, foreign: bool = False) -> Answer:
        """What `call` makes of a body: here if it is small JSON, else in a process apart."""
        if foreign or len(body) > SMALL_BODY:
            return await self.apart.run(call, *arguments)
        return call(*arguments)

    async def estimate(self, pairs: Sequence[Pair]) -> list[MIEstimate]:
        """The estimates for `pairs`, in a pass with those of others where they are small."""
        seconds = self.settings.answer_seconds
        if is_small(pairs):
            return await self.batcher.estimate(pairs, seconds)
        return await self.large.run(self.estimator.estimate_batch, pairs, seconds=seconds)


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service
