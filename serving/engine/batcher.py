"""Gathers pairs that arrive together into one call of `estimate_batch`, in a thread of its own.

One pass over 64 pairs costs an eighth of 64 passes over one, so requests that meet in the queue share a pass. A pass
starts when enough pairs wait, or when the first of them has waited long enough; while one runs, the next fills up.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mutualist.result import MIEstimate
from mutualist.serving.engine.load import Pair, overloaded
from mutualist.serving.http.problems import Refusal

Estimates = list[MIEstimate]


@dataclass(slots=True, eq=False)
class _Ticket:
    """Pairs of one request, and where its answer goes."""

    pairs: Sequence[Pair]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Estimates]"
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """A bounded queue before the estimator.

    Args:
        estimate_batch: answers pairs, each as if it were alone; called from one thread.
        max_pairs: most pairs in one call, but for a request that has more by itself.
        max_wait: seconds that the first pair may wait for others.
        max_waiting: most pairs in the queue; `estimate` refuses more with 429.
        observe: told of each call: number of pairs, seconds, pairs that wait now.
    """

    def __init__(
        self,
        estimate_batch: Callable[[Sequence[Pair]], Estimates],
        max_pairs: int,
        max_wait: float,
        max_waiting: int,
        observe: Callable[[int, float, int], None] = lambda pairs, seconds, waiting: None,
    ) -> None:
        self._estimate_batch, self._observe = estimate_batch, observe
        self._max_pairs, self._max_wait, self._max_waiting = max_pairs, max_wait, max_waiting
        self._queue: deque[_Ticket] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._seconds_a_pair = 0.01  # a guess until the first call; then a moving average
        self.waiting = 0
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Answers what waits, then ends the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    async def estimate(self, pairs: Sequence[Pair], seconds: float) -> Estimates:
        """The estimates for `pairs`, at least one; Refusal 429 if too many wait, 503 after `seconds`."""
        loop = asyncio.get_running_loop()
        ticket = _Ticket(pairs, loop, loop.create_future())
        with self._changed:
            if self.waiting and self.waiting + len(pairs) > self._max_waiting:
                raise overloaded(self.waiting * self._seconds_a_pair)
            self._queue.append(ticket)
            before, self.waiting = self.waiting, self.waiting + len(pairs)
            if before == 0 or before < self._max_pairs <= self.waiting:
                self._changed.notify()
        timer = loop.call_later(seconds, _give_up, ticket)
        try:
            return await ticket.answer
        finally:
            timer.cancel()

    def _work(self) -> None:
        while tickets := self._take():
            start = time.monotonic()
            outcomes = self._outcomes(tickets)
            count, seconds = sum(len(ticket.pairs) for ticket in tickets), time.monotonic() - start
            self._seconds_a_pair += 0.2 * (seconds / count - self._seconds_a_pair)
            self._observe(count, seconds, self.waiting)
            _deliver(tickets, outcomes)

    def _take(self) -> list[_Ticket]:
        """What the next call is for; empty once there is nothing left and no more will come."""
        with self._changed:
            while True:
                while not self._queue and not self._stopping:
                    self._changed.wait()
                if self._queue and not self._stopping:
                    latest = self._queue[0].since + self._max_wait
                    while self.waiting < self._max_pairs and (left := latest - time.monotonic()) > 0:
                        if not self._changed.wait(left) or self._stopping:
                            break
                taken: list[_Ticket] = []
                count = 0
                while self._queue and (not taken or count + len(self._queue[0].pairs) <= self._max_pairs):
                    ticket = self._queue.popleft()
                    self.waiting -= len(ticket.pairs)
                    if not ticket.answer.done():  # else its caller has given up
                        taken.append(ticket)
                        count += len(ticket.pairs)
                if taken or (self._stopping and not self._queue):
                    return taken

    def _outcomes(self, tickets: Sequence[_Ticket]) -> list[Estimates | Exception]:
        """The estimates of each ticket. What makes the call fail spoils the answer of its own ticket alone."""
        try:
            found = iter(self._estimate_batch([pair for ticket in tickets for pair in ticket.pairs]))
            return [[next(found) for _ in ticket.pairs] for ticket in tickets]
        except Exception as error:
            if len(tickets) == 1:
                return [error]
            return [self._outcomes([ticket])[0] for ticket in tickets]


def _deliver(tickets: Sequence[_Ticket], outcomes: Sequence[Any]) -> None:
    """Hands the answers over to the event loops that wait for them, with one call for each loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Ticket, Any]]] = {}
    for ticket, outcome in zip(tickets, outcomes, strict=True):
        loops.setdefault(ticket.loop, []).append((ticket, outcome))
    for loop, answers in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, answers)


def _set(answers: Sequence[tuple[_Ticket, Any]]) -> None:
    for ticket, outcome in answers:
        if ticket.answer.done():
            continue
        if isinstance(outcome, Exception):
            ticket.answer.set_exception(outcome)
        else:
            ticket.answer.set_result(outcome)


def _give_up(ticket: _Ticket) -> None:
    if not ticket.answer.done():
        ticket.answer.set_exception(Refusal(503, "the answer took too long; try again later", retry_after=5))
