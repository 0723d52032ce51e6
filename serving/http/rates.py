"""How often each key may ask, counted over all worker processes.

A bucket for each key holds a minute's worth of requests and fills evenly. What is kept is one number, the time at which
the bucket would be full again (the generic cell rate algorithm): it lies in memory that all workers map, one slot a
key, changed under a lock that the kernel takes back from a killed process.
"""

import fcntl
import mmap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

MINUTE = 60.0


class Rates:
    """Counts requests.

    Args:
        per_minute: requests a minute, by name.
        shared: file in which workers count together, made if absent; None counts in this process alone.
        clock: seconds, the same for all workers.
    """

    def __init__(
        self, per_minute: Mapping[str, float], shared: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._slots = {name: (i, MINUTE / rate) for i, (name, rate) in enumerate(sorted(per_minute.items()))}
        self._clock, self._file = clock, None
        size = 8 * len(self._slots)
        if shared is None:
            self._memory = mmap.mmap(-1, size)
        else:
            self._file = shared.open("r+b" if shared.exists() else "w+b")
            self._file.truncate(size)
            self._memory = mmap.mmap(self._file.fileno(), size)
        self._full_at = np.frombuffer(self._memory, np.float64)

    def wait(self, name: str) -> float:
        """Counts a request of `name` and answers 0; or counts nothing, and answers the seconds until one is allowed."""
        slot, interval = self._slots[name]
        with self._alone():
            now = self._clock()
            full_at = max(float(self._full_at[slot]), now)
            if (over := full_at + interval - now - max(MINUTE, interval)) > 1e-9:
                return over
            self._full_at[slot] = full_at + interval
        return 0.0

    def close(self) -> None:
        """Gives back the memory and the file."""
        del self._full_at
        self._memory.close()
        if self._file is not None:
            self._file.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._file is None:  # only the thread of the event loop comes here
            yield
            return
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # held for a microsecond
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
