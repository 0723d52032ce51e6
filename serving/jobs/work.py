"""Where the blocks of a job are estimated: in this process, or on a Dask cluster."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mutualist import factory
from mutualist.errors import ConfigError, MutualistError
from mutualist.serving.jobs.blocks import Block, Tile, estimate_block

if TYPE_CHECKING:
    from distributed import Client, Future

Array = NDArray[np.float64]
CONNECT = "10s"
AHEAD = 4  # blocks that wait for each thread of the cluster


def here(estimator: factory.Estimator, values: Array, tiles: Sequence[Tile]) -> Iterator[Block]:
    """One block after the other, in this thread."""
    for tile in tiles:
        yield estimate_block(estimator, values, tile)


class Cluster:
    """A Dask cluster. Its workers need mutualist installed, and the same weights under the same path.

    Args:
        address: of the scheduler.
        weights: folder of the weights; None for those of the package.
        model: name and version that its answers must have.
    """

    def __init__(self, address: str, weights: Path | None, model: Mapping[str, str]) -> None:
        try:
            import distributed
        except ModuleNotFoundError:
            raise ConfigError('--dask-scheduler needs distributed; run: pip install "mutualist[cluster]"') from None
        self._distributed, self._address = distributed, address
        self._weights, self._model = weights, model

    def __call__(self, values: Array, tiles: Sequence[Tile]) -> Iterator[Block]:
        """Blocks as they come; raises MutualistError if the scheduler cannot be reached or the weights are others."""
        with self._client() as client:
            table = client.scatter(np.ascontiguousarray(values), broadcast=True, hash=False)
            waiting = deque(tiles)
            threads = max(1, sum(client.nthreads().values()))
            first = [self._submit(client, table, waiting.popleft()) for _ in tiles[: threads * AHEAD]]
            running = self._distributed.as_completed(first, loop=client.loop)
            for future in running:
                block: Block = future.result()
                future.release()
                if dict(block.model) != dict(self._model):
                    raise MutualistError("the cluster has other weights than this service; give both the same")
                if waiting:
                    running.add(self._submit(client, table, waiting.popleft()))
                yield block

    def _client(self) -> "Client":
        try:
            return self._distributed.Client(self._address, timeout=CONNECT, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise Unreachable(f"the Dask scheduler cannot be reached: {type(error).__name__}") from None

    def _submit(self, client: "Client", table: "Future", tile: Tile) -> "Future":
        return client.submit(_on_a_worker, self._weights, table, tile, pure=False, retries=2)


class Unreachable(Exception):
    """The scheduler does not answer now; it may later."""


def _on_a_worker(weights: Path | None, values: Array, tile: Tile) -> Block:
    return estimate_block(_estimator(weights), values, tile)


@lru_cache(1)
def _estimator(weights: Path | None) -> factory.Estimator:
    return factory.load_estimator(weights)
