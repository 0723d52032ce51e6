"""Jobs on a Dask cluster: the same answers, and a scheduler that is away makes them wait and not fail."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mutualist import MutualInfoEstimator
from mutualist.errors import MutualistError
from mutualist.serving.jobs.blocks import joined, tiles
from mutualist.serving.jobs.work import Cluster, Unreachable

pytestmark = pytest.mark.slow
TABLE = np.random.default_rng(np.random.SeedSequence(61)).normal(size=(300, 100))
NAMES = [f"c{i}" for i in range(100)]
TILES = list(tiles(300, 100))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_answers_as_this_process_does(address: str, untrained: Path) -> None:
    cluster = Cluster(address, untrained, {"name": "untrained", "version": "0"})
    blocks = sorted(cluster(TABLE, TILES), key=lambda block: block.start)
    assert len(blocks) == 6
    found = joined(NAMES, 300, blocks)
    expected = MutualInfoEstimator.from_pretrained(untrained).pairwise(TABLE, NAMES)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


def test_other_weights_on_the_cluster_are_refused(address: str, untrained: Path) -> None:
    cluster = Cluster(address, untrained, {"name": "untrained", "version": "1"})
    with pytest.raises(MutualistError, match="has other weights"):
        list(cluster(TABLE, TILES))


def test_a_scheduler_that_is_away_is_told_from_a_job_that_fails(untrained: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("mutualist.serving.jobs.work.CONNECT", "1s")
    with pytest.raises(Unreachable):
        list(Cluster("tcp://127.0.0.1:9", untrained, {})(TABLE, TILES))


def test_the_service_uses_it(address: str, make_client: Any, untrained: Path) -> None:
    estimator = MutualInfoEstimator.from_pretrained(untrained)
    client = make_client(estimator, dask_scheduler=address, weights=untrained)
    columns = {name: column.tolist() for name, column in zip("abc", TABLE[:, :3].T, strict=True)}
    path = client("POST", "/v1/jobs/pairwise", json={"columns": columns}).headers["location"]
    end = time.monotonic() + 60
    while (job := client("GET", path).json())["state"] != "done" and time.monotonic() < end:
        assert job["state"] in ("queued", "running"), job
        time.sleep(0.1)
    found = np.array(client("GET", f"{path}/result").json()["mi"], float)
    np.testing.assert_allclose(found, estimator.pairwise(TABLE[:, :3]).mi, atol=1e-5)
