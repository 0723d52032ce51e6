"""Large requests take turns in a thread of their own, so that small ones never wait behind them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mutualist.serving.engine.load import overloaded
from mutualist.serving.http.problems import Refusal

Answer = TypeVar("Answer")


class Large:
    """Runs one call at a time; a bounded number waits.

    Args:
        max_waiting: most calls that wait or run; `run` refuses more with 429.
        observe: told how many wait or run, when that changes.
    """

    def __init__(self, max_waiting: int, observe: Callable[[int], None] = lambda waiting: None) -> None:
        self._thread = ThreadPoolExecutor(1, "large")
        self._max_waiting, self._observe = max_waiting, observe
        self._usual = 1.0  # seconds of a call, a moving average
        self.waiting = 0

    async def run(self, call: Callable[..., Answer], *arguments: Any, seconds: float) -> Answer:
        """What `call` answers; Refusal 429 if too many wait, 503 after `seconds` (a call that runs goes on)."""
        if self.waiting >= self._max_waiting:
            raise overloaded(self.waiting * self._usual)
        self.waiting += 1
        self._observe(self.waiting)
        loop = asyncio.get_running_loop()
        future = self._thread.submit(self._timed, call, *arguments)
        future.add_done_callback(lambda done: _soon(loop, self._leave))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise Refusal(
                503,
                "the answer took too long; ask for fewer columns or rows, or submit a table as a job",
                retry_after=self.waiting * self._usual,
            ) from None

    def stop(self) -> None:
        """Waits for the call that runs."""
        self._thread.shutdown(cancel_futures=True)

    def _timed(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        start = time.monotonic()
        try:
            return call(*arguments)
        finally:
            self._usual += 0.3 * (time.monotonic() - start - self._usual)

    def _leave(self) -> None:
        self.waiting -= 1
        self._observe(self.waiting)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
