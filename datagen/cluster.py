"""The Dask processes that make shards: on this machine, or behind the address of a scheduler."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from mutualist.errors import ConfigError, DataError

# A task whose worker died is tried again this often.
ALLOWED_FAILURES = 5
# What Dask does beside the work, for dashboards: unchanged, it takes a tenth of a core where two workers have two.
_HOUSEKEEPING = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
}


@contextmanager
def connect(workers: int | None, scheduler: str | None, tasks: int) -> Iterator[Client]:
    """A client of the scheduler at an address, or else of `workers` processes here (one a core by default).

    Raises:
        ConfigError: both are given.
        DataError: nothing answers at the address.
    """
    if scheduler is None:
        with local_workers(min(workers or os.cpu_count() or 1, tasks)) as client:
            yield client
        return
    if workers is not None:
        raise ConfigError("give workers (on this machine) or a scheduler, not both")
    try:
        client = Client(scheduler, timeout="20s")
    except OSError as error:
        raise DataError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        yield client


@contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """A client of this many processes on this machine, of one thread each."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES, **_HOUSEKEEPING}),
        # Port 0: any free one, for another run may hold the default. What a worker has to say of a failed shard comes
        # back as its exception.
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
