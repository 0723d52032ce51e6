"""How much a request asks for, and what is said when it is too much."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mutualist.serving.http.problems import Refusal

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

SMALL_VALUES = 50_000  # of all pairs of a request: 20 to 35 ms of work
SMALL_PAIRS = 16  # of a batch


def is_small(pairs: Sequence[Pair]) -> bool:
    """Whether these pairs may share a pass with others without keeping them waiting."""
    return len(pairs) <= SMALL_PAIRS and sum(x.size + y.size for x, y in pairs) <= SMALL_VALUES


def overloaded(seconds: float) -> Refusal:
    """The answer when too much waits already; `seconds` is how long that will take."""
    return Refusal(429, "too many requests wait for an answer; send this one again after Retry-After", seconds)
