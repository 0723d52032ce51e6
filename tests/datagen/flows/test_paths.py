"""Flows in configurations: where their paths start, and that a flow fitted anew is another configuration."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from mutualist.datagen.config import DatasetConfig, load_config, parse_config
from mutualist.datagen.families.fitted_flow import flow_digest
from mutualist.datagen.pipeline import make_dataset
from mutualist.datagen.prior import Prior
from mutualist.datagen.schema import shard_path
from mutualist.datagen.shards import make_shard
from mutualist.errors import ConfigError, DataError


def values(**options: Any) -> dict[str, Any]:
    return {
        "seed": 3,
        "shard_records": 8,
        "splits": {"train": {"records": 16}},
        "parts": [
            {
                "name": "like-mine",
                "n": [{"low": 20, "high": 60}],
                "dims": [{"dx": 2, "dy": {"low": 1, "high": 3}}],
                "swap": 0.5,
                "components": [{"family": "fitted-flow", "options": options}],
            }
        ],
    }


@pytest.fixture
def folder(tmp_path: Path, stored_flow: Path) -> Path:
    """A configuration, and beside it the flow that it names by a relative path."""
    shutil.copytree(stored_flow, tmp_path / "here" / "bent")
    (tmp_path / "here" / "mine.yaml").write_text(yaml.safe_dump(values(flow="bent")))
    return tmp_path / "here"


def test_paths_start_at_the_file_and_flows_are_pinned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    config = load_config(folder / "mine.yaml")
    options = config.parts[0].components[0].options
    assert options == {"flow": str(folder / "bent"), "digest": flow_digest(folder / "bent")}
    record = Prior(config).draw_record("train", 0, 0)
    assert record.family == "fitted-flow"
    assert json.loads(record.parameters)["flow_x"] == options["digest"]
    # What a worker or the manifest is given says the same.
    assert parse_config(config.model_dump(mode="json")).digest() == config.digest()


def test_a_flow_that_is_missing_or_another_is_named(folder: Path) -> None:
    config = load_config(folder / "mine.yaml")
    description = folder / "bent" / "flow.json"
    description.write_text(description.read_text().replace('"a"', '"other"'))
    with pytest.raises(DataError, match="another than the configuration was read with"):
        Prior(config)
    assert load_config(folder / "mine.yaml").digest() != config.digest()
    shutil.rmtree(folder / "bent")
    with pytest.raises(ConfigError, match=r"no flow at .*bent .*fit-flow"):
        load_config(folder / "mine.yaml")
    (folder / "mine.yaml").write_text(yaml.safe_dump(values(flow=3)))
    with pytest.raises(ConfigError, match="option flow: 3"):
        load_config(folder / "mine.yaml")


def test_configurations_without_flows_stay_as_they_are(small: DatasetConfig, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small.model_dump(mode="json")))
    assert load_config(tmp_path / "small.yaml") == small


@pytest.mark.slow
def test_spawned_workers_write_what_this_process_would(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(folder / "mine.yaml")
    monkeypatch.chdir(tmp_path)
    make_dataset(config, tmp_path / "made", workers=1)
    for shard in range(2):
        make_shard(config, "train", shard, str(tmp_path / "here-made"))
        made = [shard_path(tmp_path / name, "train", shard) for name in ("made", "here-made")]
        assert made[0].read_bytes() == made[1].read_bytes()
        assert set(pq.read_table(made[0])["family"].to_pylist()) == {"fitted-flow"}
