"""Who works on which job, and what is left when a worker ends: two workers on one file, on a clock of our own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.errors import DataError
from mutualist.serving.jobs.blocks import TILE_WORK, Block, Tile, estimate_block, joined, tiles
from mutualist.serving.jobs.claims import LEASE, MAX_TRIES, Claims
from mutualist.serving.jobs.database import Job
from mutualist.serving.jobs.store import Full, Store

MODEL = {"name": "gaussian", "version": "0"}
TABLE = np.random.default_rng(np.random.SeedSequence(11)).normal(size=(40, 5))
PAIRS = np.array(list(combinations(range(5), 2)))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made = Store(tmp_path / "jobs.sqlite", clock)
    yield made
    made.close()


@pytest.fixture
def workers(tmp_path: Path, clock: Clock, store: Store) -> Iterator[tuple[Claims, Claims]]:
    made = Claims(tmp_path / "jobs.sqlite", clock), Claims(tmp_path / "jobs.sqlite", clock)
    for i, one in enumerate(made):
        one.me = f"elsewhere{i} {os.getpid()} {i}"  # of another machine: only its lease can tell
    yield made
    for one in made:
        one.close()


def add(store: Store, most: int = 10, client: str | None = None) -> Job:
    return store.add("{}", list("abcde"), ["a note"], TABLE, client, most)


def block(gaussian: Any, start: int, stop: int) -> Block:
    return estimate_block(gaussian, TABLE, Tile(start, PAIRS[start:stop]))


def test_a_job_has_one_worker_and_the_oldest_goes_first(store: Store, workers: tuple[Claims, Claims]) -> None:
    first, second = add(store), add(store)
    a, b = workers
    claimed = a.claim(), b.claim(), a.claim()
    assert [job.id if job else None for job in claimed] == [first.id, second.id, None]
    assert claimed[0] is not None
    np.testing.assert_array_equal(a.input(claimed[0]), TABLE)
    assert (claimed[0].names, claimed[0].notes, claimed[0].total) == (list("abcde"), ["a note"], 10)


def test_another_goes_on_where_a_worker_fell_silent(
    store: Store, workers: tuple[Claims, Claims], clock: Clock, gaussian: Any
) -> None:
    add(store)
    a, b = workers
    job = a.claim()
    assert job
    assert a.write(job, block(gaussian, 0, 4))
    clock.now += LEASE - 1
    a.renew()
    clock.now += LEASE - 1
    assert b.claim() is None  # the lease was renewed
    clock.now += 2
    again = b.claim()
    assert again
    assert (again.id, again.done) == (job.id, 4)
    assert b.finished_spans(again, MODEL) == {(0, 4)}
    assert not a.write(job, block(gaussian, 4, 7)), "a worker that has lost its lease must not write"
    for start, stop in ((4, 7), (7, 10)):
        assert b.write(again, block(gaussian, start, stop))
    b.finish(again)
    done = store.get(job.id, None)
    assert done
    assert (done.state, done.done) == ("done", 10)
    found = store.result(done)
    assert found is not None
    np.testing.assert_array_equal(found.mi, gaussian.pairwise(TABLE).mi)


def test_the_job_of_a_dead_process_here_is_free_at_once(store: Store, workers: tuple[Claims, Claims]) -> None:
    job = add(store)
    a, b = workers
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    a.me = f"here {ended.stdout.strip()} 0"
    b.me = f"here {os.getpid()} 1"
    assert a.claim()
    again = b.claim()
    assert again
    assert again.id == job.id


def test_the_job_of_a_living_process_here_is_not(store: Store, workers: tuple[Claims, Claims]) -> None:
    add(store)
    a, b = workers
    a.me, b.me = f"here {os.getppid()} 0", f"here {os.getpid()} 1"
    assert a.claim()
    assert b.claim() is None


def test_a_job_that_ends_its_workers_is_given_up(store: Store, workers: tuple[Claims, Claims], clock: Clock) -> None:
    job = add(store)
    for i in range(MAX_TRIES):
        assert workers[i % 2].claim()
        clock.now += LEASE + 1
    assert workers[0].claim() is None
    failed = store.get(job.id, None)
    assert failed
    assert failed.state == "failed"
    assert "ended 4 times" in (failed.error or "")


def test_what_a_stopping_worker_gives_back_can_be_taken_at_once(store: Store, workers: tuple[Claims, Claims]) -> None:
    add(store)
    assert workers[0].claim()
    workers[0].release()
    assert workers[1].claim()


def test_blocks_of_other_weights_are_not_mixed_in(store: Store, workers: tuple[Claims, Claims], gaussian: Any) -> None:
    job = add(store)
    claimed = workers[0].claim()
    assert claimed
    workers[0].write(claimed, block(gaussian, 0, 4))
    assert workers[0].finished_spans(claimed, {"name": "gaussian", "version": "1"}) == set()
    seen = store.get(job.id, None)
    assert seen
    assert seen.done == 0


def test_cancelling_stops_the_worker_and_frees_the_disk(
    store: Store, workers: tuple[Claims, Claims], gaussian: Any
) -> None:
    job = add(store)
    claimed = workers[0].claim()
    assert claimed
    assert workers[0].write(claimed, block(gaussian, 0, 4))
    assert store.remove(job.id) == "running"
    assert not workers[0].write(claimed, block(gaussian, 4, 7))
    workers[0].finish(claimed)
    assert store.get(job.id, None) is None
    assert store.remove(job.id) is None
    rows = [store._db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("jobs", "inputs", "blocks")]
    assert rows == [(0,)] * 3


def test_a_bounded_number_is_unfinished_and_old_ones_are_forgotten(
    store: Store, workers: tuple[Claims, Claims], clock: Clock
) -> None:
    jobs = [add(store, most=3) for _ in range(3)]
    with pytest.raises(Full):
        add(store, most=3)
    for _ in jobs[:2]:
        claimed = workers[0].claim()
        assert claimed
        workers[0].finish(claimed, error="no")
        clock.now += 10
    add(store, most=3)
    workers[0].forget(older_than=19, most=10)
    assert [bool(store.get(job.id, None)) for job in jobs] == [False, True, True]
    clock.now += 1000
    workers[0].forget(older_than=2000, most=1)  # the latest is kept, and so are all that are unfinished
    assert [bool(store.get(job.id, None)) for job in jobs] == [False, False, True]


def test_a_job_is_seen_by_its_own_client_only(store: Store) -> None:
    job = add(store, client="ann")
    assert store.get(job.id, "ann")
    assert store.get(job.id, "bob") is None
    assert store.get(job.id, None) is None


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_text("not a database, but some text that is long enough to look at")
    with pytest.raises(DataError, match="name another --state-dir"):
        Store(tmp_path / "jobs.sqlite")


def test_nobody_else_reads_the_tables(store: Store, tmp_path: Path) -> None:
    add(store)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes) == {"jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_a_file_of_another_release_is_refused(tmp_path: Path) -> None:
    made = Store(tmp_path / "jobs.sqlite")
    made._db.execute("PRAGMA user_version = 1")
    made.close()
    with pytest.raises(DataError, match="is of another release; name another --state-dir"):
        Store(tmp_path / "jobs.sqlite")


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(4, 10**6), columns=st.integers(2, 130))
def test_tiles_hold_each_pair_once_and_little_work_each(rows: int, columns: int) -> None:
    found = list(tiles(rows, columns))
    assert [tile.start for tile in found] == [0, *(tile.stop for tile in found[:-1])]
    pairs = np.concatenate([tile.pairs for tile in found])
    assert sorted(map(tuple, pairs.tolist())) == list(combinations(range(columns), 2))
    assert max(len(tile.pairs) for tile in found) <= max(1, TILE_WORK / rows)


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_blocks_joined_are_the_whole(gaussian: Any, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    rng = np.random.default_rng(np.random.SeedSequence(12))
    for rows in (40, 501):  # the longer is beyond the trained range: warnings
        monkeypatch.setattr("mutualist.serving.jobs.blocks.TILE_WORK", rows * side**2)
        table = rng.normal(size=(rows, 7)).cumsum(1)
        blocks = [estimate_block(gaussian, table, tile) for tile in tiles(rows, 7)]
        assert len(blocks) == {1: 21, 2: 9, 3: 6, 5: 3}[side]
        whole = gaussian.pairwise(table)
        found = joined(list("abcdefg"), rows, blocks)
        np.testing.assert_array_equal(found.values, whole.values)
        assert (found.n, list(found.warnings.items())) == (rows, list(whole.warnings.items()))
        assert len(found.warnings) == (21 if rows > 500 else 0)
