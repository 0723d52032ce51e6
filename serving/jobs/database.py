"""The file of the jobs: SQLite with a write-ahead log, shared by all worker processes of a machine."""

import json
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutualist.errors import DataError
from mutualist.serving.jobs.schema import TABLES, VERSION

UNFINISHED = "('queued', 'running')"


@dataclass(frozen=True)
class Job:
    """A row of the store; see `schema.TABLES`."""

    id: str
    state: str
    created: float
    updated: float
    client: str | None
    options: str
    names: list[str]
    notes: list[str]
    rows: int
    done: int
    total: int
    error: str | None


COLUMNS = ", ".join(Job.__dataclass_fields__)


class Database:
    """A connection to the file; methods may be called from any thread, and take turns.

    Args:
        path: the file, made if absent.
        clock: seconds since 1970.

    Raises:
        DataError: the file cannot be opened, or is of another release.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self.me = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"  # the owner of what is claimed here
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # it holds people's tables, and the folder may be open to others
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            with self._writing():
                found = self._db.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    for statement in TABLES.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        except (sqlite3.Error, OSError) as error:
            raise DataError(f"the store of jobs {path} cannot be opened: {error}; name another --state-dir") from None
        if found not in (0, VERSION):
            raise DataError(f"the store of jobs {path} is of another release; name another --state-dir, or remove it")

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which no other process can come between."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _one(self, query: str, values: Sequence[Any] = ()) -> Any:
        return self._db.execute(query, values).fetchone()


def as_job(row: Sequence[Any]) -> Job:
    """The job that a row of COLUMNS holds."""
    named = dict(zip(Job.__dataclass_fields__, row, strict=True))
    return Job(**named | {key: json.loads(named[key]) for key in ("names", "notes")})
