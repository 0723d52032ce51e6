"""Small configurations for the tests of datagen, and a server that speaks S3."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import fs

from mutualist.datagen.config import DatasetConfig, parse_config


def small_values(**changes: Any) -> dict[str, Any]:
    """Plain values of a configuration of a few records; `changes` replace keys at the top."""
    values: dict[str, Any] = {
        "seed": 7,
        "shard_records": 20,
        "splits": {"train": {"records": 50}, "test": {"records": 10}},
        "parts": [
            {
                "name": "all",
                "n": [{"low": 10, "high": 60}],
                "dims": [{"dx": 1, "dy": 1}, {"dx": {"low": 1, "high": 4}, "dy": {"low": 1, "high": 4}}],
                "independent": 0.2,
                "widen": 0.3,
                "swap": 0.5,
                "components": [
                    {"family": "multivariate-normal", "options": {"structure": "canonical"}},
                    {"family": "multivariate-student", "options": {"structure": "lvm"}},
                    {"family": "additive-noise"},
                ],
                "transforms": [
                    {"name": "mixing", "probability": 0.5},
                    {"name": "spiral", "probability": 0.3},
                    {"name": "columns", "probability": 0.5},
                ],
            }
        ],
    }
    return {**values, **changes}


@pytest.fixture
def small() -> DatasetConfig:
    return parse_config(small_values())


@pytest.fixture(scope="session")
def stored_flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flow of two columns, hardly fitted, but bent: what a family needs that reads one."""
    from mutualist.datagen.flows.fit import fit_flow

    rng = np.random.default_rng(0)
    u = rng.standard_normal(200)
    table = np.column_stack([np.exp(0.5 * u), u**2 + 0.3 * rng.standard_normal(200)])
    path = tmp_path_factory.mktemp("flows") / "bent"
    fit_flow(table, rng, columns=("a", "b"), layers=2, steps=40).save(path)
    return path


# Read by pyarrow's S3 client, here and in workers.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}
QUERY = "endpoint_override={host}:{port}&scheme=http&allow_bucket_creation=true"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The query part of URIs that lead to a real server, which speaks S3 over a loopback port."""
    # Takes a second to import, which only the tests that need it pay.
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        running = ThreadedMotoServer("127.0.0.1", port=0)
        running.start()
        host, port = running.get_host_and_port()
        yield QUERY.format(host=host, port=port)
        running.stop()


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest) -> str:
    """A URI of an empty place in a bucket of its own."""
    name = "bucket-" + request.node.name.replace("_", "-")[:40]
    filesystem, root = fs.FileSystem.from_uri(f"s3://{name}?{server}")
    filesystem.create_dir(root)
    return f"s3://{name}/some/prefix?{server}"
