"""Small configurations for the tests of datagen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
