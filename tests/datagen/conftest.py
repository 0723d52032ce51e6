"""Small configurations for the tests of datagen."""

from typing import Any

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
