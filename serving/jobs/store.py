"""Jobs as their clients see them: accepted, looked at, cancelled, with a result.

A job is accepted once its row and its table are committed, with the disk flushed.
"""

import json
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutualist.result import PairwiseEstimates
from mutualist.serving.jobs.blocks import Block, joined
from mutualist.serving.jobs.database import COLUMNS, UNFINISHED, Database, Job, as_job


class Full(Exception):
    """As many jobs as the store takes are unfinished."""


class Store(Database):
    """What the paths of the service do with jobs."""

    def add(
        self,
        options: str,
        names: Sequence[str],
        notes: Sequence[str],
        values: NDArray[np.float64],
        client: str | None,
        most: int,
    ) -> Job:
        """Accepts a job for a table (n, d); raises Full if `most` are unfinished."""
        now, d = self._clock(), values.shape[1]
        job = Job(
            secrets.token_urlsafe(16), "queued", now, now, client, options, list(names), list(notes), len(values), 0,
            d * (d - 1) // 2, None,
        )  # fmt: skip
        row = [json.dumps(v) if isinstance(v, list) else v for v in vars(job).values()]
        with self._writing():
            if self._one(f"SELECT count(*) FROM jobs WHERE state IN {UNFINISHED}")[0] >= most:
                raise Full
            self._db.execute(f"INSERT INTO jobs ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)
            cells = np.asarray(values.T, "<f8").tobytes()
            self._db.execute("INSERT INTO inputs VALUES (?, ?)", (job.id, cells))
        return job

    def get(self, id: str, client: str | None) -> Job | None:
        """A job, if there is one with this id and `client` may see it."""
        with self._lock:
            row = self._one(f"SELECT {COLUMNS} FROM jobs WHERE id = ? AND client IS ?", (id, client))
        return as_job(row) if row else None

    def result(self, job: Job) -> PairwiseEstimates | None:
        """The estimates of a job that is done; None if it was forgotten meanwhile."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM blocks WHERE job = ? ORDER BY start", (job.id,)).fetchall()
        return joined(job.names, job.rows, [_block(row) for row in rows]) if rows else None

    def remove(self, id: str) -> str | None:
        """Removes a job, its table and its result; answers the state it was in, or None if it was gone already."""
        with self._writing():
            row = self._one("DELETE FROM jobs WHERE id = ? RETURNING state", (id,))
        return str(row[0]) if row else None


def _block(row: Sequence[Any]) -> Block:
    _, start, stop, model, levels, cells, warnings = row
    levels = np.frombuffer(levels, "<f8")
    values = np.frombuffer(cells, "<f8").reshape(stop - start, len(levels))
    return Block(start, stop, json.loads(model), levels, values, {int(i): w for i, w in json.loads(warnings).items()})
