"""`mutualist export`: a checkpoint and its calibration become two files that the estimator reads."""

import json
import platform
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from safetensors.torch import save

from mutualist.datagen.integrity import finished_shards
from mutualist.datagen.storage import Store
from mutualist.errors import ConfigError, DataError, WeightsError
from mutualist.models.bundle import DESCRIPTION, FORMAT, TENSORS, load_bundle
from mutualist.models.calibration import Calibration
from mutualist.training.calibrate import read_calibration, read_trust
from mutualist.training.checkpoint import digest, load_network

_VERSIONS = ("mutualist", "torch", "numpy", "scipy", "safetensors", "lightning")


def export(
    checkpoint: str | Path,
    calibration: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    name: str = "mutualist",
    version: str = "1",
) -> Path:
    """Writes model.safetensors and model.json to the directory `out`, reads them back, and returns `out`.

    Args:
        checkpoint: of `mutualist train`.
        calibration: of `mutualist calibrate` for this checkpoint.
        data: the meta-dataset that the weights were trained on, whose ranges the export states.
        out: directory; made if missing.
        name, version: what the weights call themselves.

    Raises:
        WeightsError, DataError: the checkpoint, calibration or meta-dataset cannot be used.
    """
    net = load_network(checkpoint)
    document = read_calibration(calibration)
    try:
        fitted = Calibration.from_dict(document["calibration"])
    except (ConfigError, KeyError) as error:
        raise WeightsError(f"{calibration}: {error}; run `mutualist calibrate` again") from error
    if document.get("weights") != digest(net):
        raise WeightsError(f"{calibration}: fitted for other weights than those of {checkpoint}; calibrate that one")
    trust = read_trust(calibration)
    info = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "config": net.config.to_dict(),
        "calibration": fitted.to_dict(),
        "meta_distribution": meta_distribution(data),
        "metrics": document["metrics"],
        "versions": {"python": platform.python_version()} | {package: installed(package) for package in _VERSIONS},
    }
    directory = Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {key: tensor.contiguous() for key, tensor in net.state_dict().items()}
    tensors |= {key: torch.from_numpy(values) for key, values in trust.to_tensors().items()}
    # safetensors' own writer leaves files that no other account can read, such as that of a service
    (directory / TENSORS).write_bytes(save(tensors, {"format": str(FORMAT)}))
    (directory / DESCRIPTION).write_text(json.dumps(info), encoding="utf-8")
    load_bundle(directory)
    return directory


def meta_distribution(data: str | Path) -> dict[str, Any]:
    """What the training split of a meta-dataset holds: ranges of n, dx, dy and mi, and the shares of families.

    Raises:
        DataError: the training split is missing, or a shard of it is damaged.
    """
    parts: dict[str, list[np.ndarray]] = {key: [] for key in ("n", "dx", "dy", "mi", "family")}
    for shard in finished_shards(Store(data), "train"):
        try:
            with shard.store.open(shard.name) as file:
                table = pq.ParquetFile(file).read(columns=list(parts))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{shard}: damaged or foreign ({error}); make this shard again") from error
        for key, values in parts.items():
            values.append(table[key].to_numpy())
    whole = {key: np.concatenate(values) for key, values in parts.items()}
    records = len(whole["n"])
    if records == 0:
        raise DataError(f"{data}: the training split holds no records; make it again")
    names, counts = np.unique(whole["family"].astype(str), return_counts=True)
    ranges: dict[str, Any] = {
        key: {"min": whole[key].min().item(), "max": whole[key].max().item()} for key in ("n", "dx", "dy", "mi")
    }
    shares = {str(name): round(count / records, 4) for name, count in zip(names, counts, strict=True)}
    independent = round(float((whole["mi"] == 0).mean()), 4)
    return ranges | {"records": records, "independent": independent, "families": shares}
