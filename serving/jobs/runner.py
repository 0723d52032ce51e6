"""Works on jobs, a block at a time, in a thread of the service."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mutualist.errors import MutualistError
from mutualist.serving.http import metrics
from mutualist.serving.http.logs import log
from mutualist.serving.jobs.blocks import Block, Tile, tiles
from mutualist.serving.jobs.claims import LEASE, Claims
from mutualist.serving.jobs.database import Job
from mutualist.serving.jobs.work import Unreachable

# From a table (n, d) and tiles of its pairs, the blocks in any order.
Work = Callable[[NDArray[np.float64], Sequence[Tile]], Iterator[Block]]
LOOK = 0.5  # seconds between two looks for a job
PATIENCE = 5.0  # seconds before a cluster that does not answer is tried again


class Runner:
    """A thread that takes jobs as they come.

    Args:
        claims: where they are; opened for this runner alone.
        work: makes the blocks of one job.
        model: name and version of the weights that it uses.
        keep_seconds, keep_most: how long, and how many, finished jobs are kept.
    """

    def __init__(
        self, claims: Claims, work: Work, model: Mapping[str, str], keep_seconds: float, keep_most: int
    ) -> None:
        self._claims, self._work, self._model = claims, work, model
        self._keep = keep_seconds, keep_most
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=run, name="jobs", daemon=True) for run in (self._run, self._renew)]

    def start(self) -> None:
        """Starts the thread, and one that shows that it lives."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends after the block at hand; the job goes on where the next service starts."""
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._claims.release()
        self._claims.close()

    def wake(self) -> None:
        """There is a new job."""
        self._wake.set()

    def _run(self) -> None:
        tidied = -np.inf
        while not self._stopping.is_set():
            try:
                if time.monotonic() - tidied > 60:
                    self._claims.forget(*self._keep)
                    tidied = time.monotonic()
                job = self._claims.claim()
                if job:
                    self._do(job)
                    continue
            except Exception:  # the disk may be full, or the file locked: neither must end the thread
                log.exception("the store of jobs failed")
                with contextlib.suppress(Exception):
                    self._claims.release()
            self._wake.wait(LOOK)
            self._wake.clear()

    def _renew(self) -> None:
        """A block may take longer than a lease."""
        while not self._stopping.wait(LEASE / 3):
            try:
                self._claims.renew()
            except Exception:
                log.exception("the lease of a job could not be renewed")

    def _do(self, job: Job) -> None:
        finished = self._claims.finished_spans(job, self._model)
        left = [tile for tile in tiles(job.rows, len(job.names)) if (tile.start, tile.stop) not in finished]
        log.info("job", extra={"job": job.id, "pairs": job.total, "left": len(left)})
        try:
            for block in self._work(self._claims.input(job), left):
                if not self._claims.write(job, block):
                    return  # cancelled
                metrics.job_pairs.inc(block.stop - block.start)
                if self._stopping.is_set():
                    return
        except Unreachable as error:
            log.warning("a job waits", extra={"job": job.id, "reason": str(error)})
            self._claims.release()
            self._stopping.wait(PATIENCE)
            return
        except MutualistError as error:
            self._end(job, str(error))
            return
        except Exception:
            log.exception("a job failed", extra={"job": job.id})
            self._end(job, "the service failed on this job; its log says why")
            return
        self._end(job)

    def _end(self, job: Job, error: str | None = None) -> None:
        self._claims.finish(job, error)
        metrics.jobs.labels("failed" if error else "done").inc()
