"""Small meta-datasets of the real schema: correlated normals, whose mutual information is -ln(1 - r^2) / 2 a column."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from mutualist.datagen.schema import SCHEMA, SPLITS, shard_path
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.training.calibrate import calibrate
from mutualist.training.checkpoint import load_network
from mutualist.training.export import export
from mutualist.training.module import MutualInfoModule

MakeDataset = Callable[..., Path]


def normal_record(identity: int, split: int, rng: np.random.Generator, sizes: tuple[int, int], most: int) -> dict:
    """A record whose x[0] names it, so that tests can tell which records they saw."""
    n = int(rng.integers(*sizes))
    dx, dy = rng.integers(1, most + 1, 2)
    r = float(rng.choice([0.0, 0.3, 0.6, 0.9]))
    x = rng.standard_normal((n, dx))
    y = rng.standard_normal((n, dy))
    y[:, 0] = r * x[:, 0] + math.sqrt(1 - r * r) * y[:, 0]
    x[0, 0] = 1000.0 + identity
    return {
        "id": identity,
        "x": x.astype(np.float32).ravel(),
        "y": y.astype(np.float32).ravel(),
        "n": n,
        "dx": dx,
        "dy": dy,
        "mi": -0.5 * math.log(1 - r * r),
        "mi_stderr": 0.0,
        "family": "independent" if r == 0 else "normal",
        "parameters": "{}",
        "transforms": "[]",
        "seed_path": [0, split, 0, identity],
    }


def write_shard(path: Path, records: list[dict], row_group: int = 16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records, SCHEMA), path, row_group_size=row_group)
    return path


def write_dataset(
    directory: Path,
    shards: int = 3,
    per_shard: int = 40,
    sizes: tuple[int, int] = (10, 60),
    most: int = 3,
    splits: tuple[str, ...] = SPLITS,
) -> Path:
    for split in splits:
        number = SPLITS.index(split)
        for shard in range(shards):
            rng = np.random.default_rng([number, shard])
            first = shard * per_shard
            records = [normal_record(first + i, number, rng, sizes, most) for i in range(per_shard)]
            write_shard(shard_path(directory, split, shard), records)
    return directory


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Three shards of forty records in every split."""
    return write_dataset(tmp_path_factory.mktemp("meta") / "small")


@pytest.fixture
def make_dataset(tmp_path) -> MakeDataset:
    return lambda **options: write_dataset(tmp_path / "made", **options)


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    """A network that runs a batch in a few hundredths of a second."""
    return ModelConfig(width=8, pair_width=4, layers=2, heads=2, cosines=2, row_width=4, neighbours=(1, 4), queries=16)


@pytest.fixture
def trainer() -> Callable[..., L.Trainer]:
    """Makes a quiet trainer that writes nothing."""
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    always: dict[str, Any] = {
        "accelerator": "cpu",
        "num_sanity_val_steps": 0,
        "gradient_clip_val": 1.0,
    } | dict.fromkeys(off, False)
    return lambda **options: L.Trainer(**(always | options))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, tiny) -> Path:
    """A checkpoint as `mutualist train` writes it, of a network that has not learned anything."""
    module = MutualInfoModule(tiny)
    path = tmp_path_factory.mktemp("checkpoint") / "last.ckpt"
    held: dict = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(held)
    torch.save(held, path)
    return path


@pytest.fixture(scope="session")
def exported(tmp_path_factory, checkpoint, dataset) -> tuple[Path, MutualInfoNet]:
    """The export of `checkpoint`, and its network."""
    folder = tmp_path_factory.mktemp("export")
    calibrate(checkpoint, dataset, folder / "calibration.json", console=Console(quiet=True))
    directory = export(checkpoint, folder / "calibration.json", dataset, folder / "small", name="small", version="7")
    return directory, load_network(checkpoint)
