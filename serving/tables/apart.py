"""Runs a reader in a process apart, with a limit on its memory and on its time."""

import resource
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter

from mutualist.errors import InputError
from mutualist.serving.http.problems import Refusal

Answer = TypeVar("Answer")
READERS = 2  # processes, each with its own limit


class Apart:
    """Calls functions in worker processes.

    Args:
        memory_mib: most memory that one of them may fill.
        seconds: longest time of one call.
    """

    def __init__(self, memory_mib: int, seconds: float) -> None:
        self._memory_mib, self._seconds = memory_mib, seconds
        self._limiter = CapacityLimiter(READERS)

    async def run(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """What `call` answers, with its errors.

        Raises:
            InputError: the process ran out of memory, or a library crashed.
            Refusal: it took too long.
        """
        try:
            with anyio.fail_after(self._seconds):
                return await anyio.to_process.run_sync(
                    _limited, self._memory_mib, call, *arguments, cancellable=True, limiter=self._limiter
                )
        except TimeoutError:
            raise Refusal(413, "the body takes too long to unpack; send fewer rows or columns") from None
        except BrokenWorkerProcess:
            raise InputError(
                "the body cannot be unpacked: it is damaged, or needs too much memory; send fewer rows or columns"
            ) from None


def _limited(memory_mib: int, call: Callable[..., Answer], *arguments: Any) -> Answer:
    """In the worker process."""
    most = memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return call(*arguments)
    except MemoryError:
        raise InputError("the body needs too much memory once it is unpacked; send fewer rows or columns") from None
