"""Jobs as those see them who work on them.

Whoever works on a job holds a lease, which each block of its results renews. A worker that was killed cannot, so its
job is free again: at once if it was a process of this machine, soon otherwise. What it had written stays, and the next
worker goes on from there. Writing is fenced: a worker that has lost its lease cannot add to the job any more.
"""

import json
import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mutualist.serving.jobs.blocks import Block
from mutualist.serving.jobs.database import COLUMNS, UNFINISHED, Database, Job, as_job

LEASE = 30.0  # seconds
MAX_TRIES = 4  # beginnings without progress, after which a job is given up


class Claims(Database):
    """What a worker does with jobs."""

    def claim(self) -> Job | None:
        """The oldest job that nobody works on; it is this process's now."""
        now = self._clock()
        with self._writing():
            self._free_the_jobs_of_the_dead(now)
            self._db.execute(
                "UPDATE jobs SET state = 'failed', updated = ?, owner = NULL, error = ? "
                f"WHERE state IN {UNFINISHED} AND lease < ? AND tries >= ?",
                (now, f"the process that worked on it ended {MAX_TRIES} times; send a smaller table", now, MAX_TRIES),
            )
            row = self._one(
                "UPDATE jobs SET state = 'running', owner = ?, lease = ?, tries = tries + 1 WHERE id = (SELECT id FROM "
                f"jobs WHERE state IN {UNFINISHED} AND lease < ? ORDER BY created LIMIT 1) RETURNING {COLUMNS}",
                (self.me, now + LEASE, now),
            )
        return as_job(row) if row else None

    def input(self, job: Job) -> NDArray[np.float64]:
        """The table (n, d) of a job."""
        with self._lock:
            (cells,) = self._one("SELECT cells FROM inputs WHERE job = ?", (job.id,))
        return np.frombuffer(cells, "<f8").reshape(len(job.names), job.rows).T

    def finished_spans(self, job: Job, model: Mapping[str, str]) -> set[tuple[int, int]]:
        """(start, stop) of the blocks that are written. Those of other weights than `model` are thrown away first."""
        with self._writing():
            self._db.execute("DELETE FROM blocks WHERE job = ? AND model <> ?", (job.id, json.dumps(dict(model))))
            found = set(self._db.execute("SELECT start, stop FROM blocks WHERE job = ?", (job.id,)))
            done = sum(stop - start for start, stop in found)
            self._db.execute("UPDATE jobs SET done = ? WHERE id = ? AND owner = ?", (done, job.id, self.me))
        return found

    def write(self, job: Job, block: Block) -> bool:
        """Adds a block and renews the lease; False, and nothing written, if the job is no longer this process's."""
        now = self._clock()
        row = (
            job.id, block.start, block.stop, json.dumps(dict(block.model)), np.asarray(block.levels, "<f8").tobytes(),
            np.asarray(block.values, "<f8").tobytes(), json.dumps(block.warnings),
        )  # fmt: skip
        with self._writing():
            mine = self._db.execute(
                "UPDATE jobs SET done = done + ?, updated = ?, lease = ?, tries = 0 WHERE id = ? AND owner = ?",
                (block.stop - block.start, now, now + LEASE, job.id, self.me),
            ).rowcount
            if mine:
                self._db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return bool(mine)

    def finish(self, job: Job, error: str | None = None) -> None:
        """Marks a job of this process as done, or as failed."""
        with self._writing():
            self._db.execute(
                "UPDATE jobs SET state = ?, error = ?, updated = ?, owner = NULL WHERE id = ? AND owner = ?",
                ("failed" if error else "done", error, self._clock(), job.id, self.me),
            )
            self._db.execute("DELETE FROM inputs WHERE job IN (SELECT id FROM jobs WHERE state IN ('done', 'failed'))")

    def renew(self) -> None:
        """Renews the leases of this process."""
        with self._writing():
            self._db.execute("UPDATE jobs SET lease = ? WHERE owner = ?", (self._clock() + LEASE, self.me))

    def release(self) -> None:
        """Gives back what this process works on, for it stops."""
        with self._writing():
            self._db.execute(
                "UPDATE jobs SET state = 'queued', owner = NULL, lease = 0, tries = 0 WHERE owner = ?", (self.me,)
            )

    def forget(self, older_than: float, most: int) -> None:
        """Forgets jobs that ended longer ago than `older_than` seconds, and the oldest of more than `most`."""
        with self._writing():
            self._db.execute(
                f"DELETE FROM jobs WHERE state NOT IN {UNFINISHED} AND (updated < ? OR id NOT IN (SELECT id FROM jobs "
                "ORDER BY updated DESC LIMIT ?))",
                (self._clock() - older_than, most),
            )
        with self._lock:
            self._db.execute("PRAGMA incremental_vacuum(1000)").fetchall()

    def _free_the_jobs_of_the_dead(self, now: float) -> None:
        host, pid, _ = self.me.split(" ")
        rows = self._db.execute("SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL AND lease >= ?", (now,))
        for (owner,) in rows.fetchall():
            of, number, _ = owner.split(" ")
            if of == host and owner != self.me and (number == pid or not _lives(int(number))):
                self._db.execute("UPDATE jobs SET owner = NULL, lease = 0 WHERE owner = ?", (owner,))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
