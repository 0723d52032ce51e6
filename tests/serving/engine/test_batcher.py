"""The queue before the estimator: what shares a call, what is refused, what one bad request spoils."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import anyio
import numpy as np
import pytest

from mutualist.errors import InputError
from mutualist.serving.engine.batcher import Batcher
from mutualist.serving.engine.large import Large
from mutualist.serving.http.problems import Refusal


class Recorder:
    """Answers a pair by its first number; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, pairs: Sequence[Any]) -> list[Any]:
        found = [float(x[0]) for x, _ in pairs]
        self.calls.append(found)
        self.begun.set()
        assert self.go.wait(30)
        if -1.0 in found:
            raise InputError("minus one")
        return found


def pair(number: float) -> tuple[Any, Any]:
    return np.array([number]), np.array([0.0])


def run(
    scenario: Callable[[Batcher, Recorder], Coroutine[Any, Any, Any]], max_pairs: int = 8, max_waiting: int = 20
) -> list[list[float]]:
    """The calls that a scenario leads to."""
    recorder = Recorder()
    batcher = Batcher(recorder, max_pairs, max_wait=0.001, max_waiting=max_waiting)
    batcher.start()

    async def whole() -> None:
        await scenario(batcher, recorder)

    try:
        anyio.run(whole)
    finally:
        recorder.go.set()
        batcher.stop()
    return recorder.calls


async def begun(batcher: Batcher, recorder: Recorder) -> "asyncio.Task[Any]":
    """A first request, whose call has begun and waits."""
    first = asyncio.ensure_future(batcher.estimate([pair(0)], 30))
    assert await anyio.to_thread.run_sync(recorder.begun.wait, 30)
    return first


def test_what_arrives_during_a_call_shares_the_next_up_to_the_limit() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        first = await begun(batcher, recorder)
        others = [asyncio.ensure_future(batcher.estimate([pair(2 * i), pair(2 * i + 1)], 30)) for i in range(1, 7)]
        await asyncio.sleep(0)
        recorder.go.set()
        assert await first == [0]
        assert [await one for one in others] == [[2 * i, 2 * i + 1] for i in range(1, 7)]

    assert run(scenario) == [[0], [2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12, 13]]


def test_one_pair_a_call_when_batching_is_off() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        recorder.go.set()
        await asyncio.gather(*(batcher.estimate([pair(i)], 30) for i in range(5)))

    assert sorted(run(scenario, max_pairs=1)) == [[0], [1], [2], [3], [4]]


def test_a_request_with_more_pairs_than_a_call_goes_by_itself() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        recorder.go.set()
        assert await batcher.estimate([pair(i) for i in range(12)], 30) == list(range(12))

    assert run(scenario) == [list(range(12))]


def test_too_many_waiting_are_refused_at_once_and_the_others_answered() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        first = await begun(batcher, recorder)
        others = [asyncio.ensure_future(batcher.estimate([pair(i)], 30)) for i in range(1, 4)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refusal:
            await batcher.estimate([pair(9)], 30)
        assert refusal.value.status == 429
        assert int(refusal.value.headers["retry-after"]) >= 1
        recorder.go.set()
        assert [(await one)[0] for one in (first, *others)] == [0, 1, 2, 3]
        assert batcher.waiting == 0
        assert await batcher.estimate([pair(9)], 30) == [9]

    run(scenario, max_waiting=3)


def test_a_pair_that_fails_spoils_its_own_answer_only() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        first = await begun(batcher, recorder)
        good, bad = (asyncio.ensure_future(batcher.estimate([pair(i)], 30)) for i in (1, -1))
        await asyncio.sleep(0)
        recorder.go.set()
        assert await first == [0]
        assert await good == [1]
        with pytest.raises(InputError, match="minus one"):
            await bad

    assert run(scenario) == [[0], [1, -1], [1], [-1]]


def test_who_waits_too_long_is_told_so_and_not_computed() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        first = await begun(batcher, recorder)
        with pytest.raises(Refusal) as refusal:
            await batcher.estimate([pair(1)], 0.01)
        assert refusal.value.status == 503
        recorder.go.set()
        await first
        assert await batcher.estimate([pair(2)], 30) == [2]

    assert run(scenario) == [[0], [2]]


def test_stopping_answers_what_waits() -> None:
    async def scenario(batcher: Batcher, recorder: Recorder) -> None:
        first = await begun(batcher, recorder)
        other = asyncio.ensure_future(batcher.estimate([pair(1)], 30))
        await asyncio.sleep(0)
        threading.Timer(0.05, recorder.go.set).start()
        await anyio.to_thread.run_sync(batcher.stop)
        assert [await first, await other] == [[0], [1]]

    assert run(scenario) == [[0], [1]]


def test_large_calls_take_turns_and_a_bounded_number_waits() -> None:
    go, running, most = threading.Event(), [0], [0]

    def call(number: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        assert go.wait(30)
        running[0] -= 1
        return number

    async def scenario() -> None:
        large = Large(3)
        waiting = [asyncio.ensure_future(large.run(call, i, seconds=30)) for i in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as full:
            await large.run(call, 9, seconds=30)
        assert full.value.status == 429
        go.set()
        assert await asyncio.gather(*waiting) == [0, 1, 2]
        while large.waiting:
            await asyncio.sleep(0.01)
        go.clear()
        late = asyncio.ensure_future(large.run(call, 4, seconds=0.05))
        with pytest.raises(Refusal) as slow:
            await late
        assert slow.value.status == 503
        go.set()
        large.stop()

    anyio.run(scenario)
    assert most == [1]
