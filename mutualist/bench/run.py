"""Every method on every chosen record of a suite, one at a time, timed."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mutualist.bench.data import Suite
from mutualist.bench.methods import LEVELS, Method

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What the methods said of R records of a suite.

    Attributes:
        suite: its name.
        number, n, dx, dy: (R,); truth (R,) nats; family (R,).
        quantiles: of each method, (R, 5) nats at `LEVELS`; NaN where it gave no answer.
        seconds: of each method, (R,) for an answer; NaN likewise.
        intervals: names of the methods whose quantiles are more than a point.
    """

    suite: str
    number: NDArray[np.int64]
    truth: Array
    n: NDArray[np.int64]
    dx: NDArray[np.int64]
    dy: NDArray[np.int64]
    family: NDArray[np.str_]
    quantiles: dict[str, Array]
    seconds: dict[str, Array]
    intervals: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truth)

    def answered(self, method: str) -> NDArray[np.bool_]:
        """(R,), true where the method gave an answer."""
        return np.asarray(np.isfinite(self.quantiles[method][:, 0]))


def selection(size: int, limit: int | None, subset: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers of at most `limit` records drawn at random, increasing, and which at most `subset` of them are for slow
    methods."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(size)[:limit]
    few = np.zeros(size, bool)
    few[order[:subset]] = True
    chosen = np.sort(order)
    return chosen, few[chosen]


def work(suite: Suite, methods: Sequence[Method], limit: int | None, subset: int) -> int:
    """How often `run` calls its `advance`."""
    records = min(len(suite), len(suite) if limit is None else limit)
    return sum(min(subset, records) if method.slow else records for method in methods)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch: small samples gain nothing from more, and times are then of one core."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def run(
    suite: Suite,
    methods: Sequence[Method],
    *,
    limit: int | None = None,
    subset: int = 0,
    seed: int = 0,
    advance: Callable[[str], object] = lambda name: None,
) -> Answers:
    """Asks every method about the same records, in one thread of torch.

    The same seed gives the same records and the same answers.

    Args:
        suite: where the records are.
        methods: asked in turn, one record at a time.
        limit: at most so many records, drawn at random; all if None.
        subset: slow methods get so many of them.
        seed: of the draw, of resamples and of trained networks.
        advance: called with the name of a method after each answer.

    Raises:
        DataError: a record cannot be read.
    """
    chosen, few = selection(len(suite), limit, subset, seed)
    r = len(chosen)
    truth, n, dx, dy = np.empty(r), *(np.empty(r, np.int64) for _ in range(3))
    family: list[str] = []
    quantiles = {method.name: np.full((r, len(LEVELS)), np.nan) for method in methods}
    seconds = {method.name: np.full(r, np.nan) for method in methods}
    with one_thread():
        for i, record in enumerate(suite.records(chosen)):
            truth[i], n[i], dx[i], dy[i] = record.mi, len(record.x), record.x.shape[1], record.y.shape[1]
            family.append(record.family)
            for method in methods:
                if method.slow and not few[i]:
                    continue
                seeds = [seed, record.number, *method.name.encode()]
                if not i and not method.slow:  # what a first call loads is not its time
                    method.answer(record.x, record.y, np.random.default_rng(seeds))
                start = time.perf_counter()
                answer = method.answer(record.x, record.y, np.random.default_rng(seeds))
                if answer is not None:
                    seconds[method.name][i] = time.perf_counter() - start
                    quantiles[method.name][i] = answer
                advance(method.name)
    intervals = tuple(method.name for method in methods if method.interval)
    return Answers(suite.name, chosen, truth, n, dx, dy, np.array(family), quantiles, seconds, intervals)
