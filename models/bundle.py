"""Reads exported weights: safetensors and JSON, never a pickle, and nothing that does not fit exactly."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file

from mutualist.errors import ConfigError, WeightsError
from mutualist.models.calibration import Calibration
from mutualist.models.config import ModelConfig
from mutualist.models.network import MutualInfoNet
from mutualist.models.reader import summary_features
from mutualist.models.single import SinglePair
from mutualist.models.trust import Trust, is_trust

FORMAT = 10
TENSORS, DESCRIPTION = "model.safetensors", "model.json"
REQUIRED = ("name", "version", "config", "calibration", "meta_distribution", "metrics", "versions")


@dataclass(frozen=True)
class Bundle:
    """An export, ready to answer.

    Attributes:
        net: the network, in evaluation mode, on the CPU.
        calibration: what makes its quantiles honest.
        trust: how strange a sample is to it, and how large an error to expect.
        info: everything else that the export says of itself: name, version, meta_distribution, metrics, versions.
    """

    net: MutualInfoNet
    calibration: Calibration
    trust: Trust
    info: dict[str, Any]

    @cached_property
    def single(self) -> SinglePair:
        """The network for one pair of single columns at a time."""
        return SinglePair(self.net)


def load_bundle(path: str | Path) -> Bundle:
    """Reads the export in the directory `path`.

    Raises:
        WeightsError: a file is missing, truncated, of another format, or its tensors are not exactly those of its
        network.
    """
    directory = Path(path)
    if not directory.is_dir():
        raise WeightsError(f"{directory}: no such directory; give one that `mutualist export` wrote")
    info = _description(directory / DESCRIPTION)
    try:
        config = ModelConfig.from_dict(info.pop("config"))
        calibration = Calibration.from_dict(info.pop("calibration"))
        with torch.random.fork_rng(devices=[]):  # initial values are drawn; the caller's random state stays as it was
            net = MutualInfoNet(config)
    except (ConfigError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{directory / DESCRIPTION}: {error}; export the model again") from error
    if not np.array_equal(calibration.levels, config.levels):
        raise WeightsError(f"{directory / DESCRIPTION}: the calibration is for other levels than the network's")
    trust = _load_tensors(net, directory / TENSORS)
    if (fitted := len(trust.reference.centre)) != summary_features(config):
        raise WeightsError(
            f"{directory / TENSORS}: calibrated for a network whose summaries hold {fitted} numbers, not "
            f"{summary_features(config)}; calibrate this checkpoint and export it again"
        )
    return Bundle(net.eval().requires_grad_(False), calibration, trust, info)


def _description(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error}); give a directory that `mutualist export` wrote"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path}: not JSON ({error}); export the model again") from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        found = info.get("format") if isinstance(info, dict) else type(info).__name__
        raise WeightsError(
            f"{path}: format {found!r}, this release reads format {FORMAT}; export the model again, or use the release "
            "that wrote it"
        )
    if missing := [key for key in REQUIRED if key not in info]:
        raise WeightsError(f"{path}: does not say {', '.join(missing)}; export the model again")
    for key in ("n", "dx", "dy"):
        trained = info["meta_distribution"].get(key) if isinstance(info["meta_distribution"], dict) else None
        if not isinstance(trained, dict) or not trained.keys() >= {"min", "max"}:
            raise WeightsError(
                f"{path}: meta_distribution does not say the trained range of {key}; export the model again"
            )
    return info


def _load_tensors(net: MutualInfoNet, path: Path) -> Trust:
    """Gives the network its tensors, and returns what the other ones are."""
    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file; give a directory that `mutualist export` wrote") from error
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: truncated or not safetensors ({error}); export the model again") from error
    others = {key: tensors.pop(key) for key in list(tensors) if is_trust(key)}
    expected = net.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        raise WeightsError(
            f"{path}: tensors missing: {missing[:5]}, unknown: {extra[:5]}; the file belongs to another network than "
            f"{DESCRIPTION} describes"
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            raise WeightsError(
                f"{path}: {name} is {tensor.dtype} {tuple(tensor.shape)}, expected {expected[name].dtype} "
                f"{tuple(expected[name].shape)}; the file belongs to another network than {DESCRIPTION} describes"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(f"{path}: {name} holds NaN or infinity; the file is damaged: export the model again")
    net.load_state_dict(tensors, strict=True)
    try:
        return Trust.from_tensors({key: tensor.float().numpy() for key, tensor in others.items()})
    except ConfigError as error:
        raise WeightsError(f"{path}: {error}; export the model again") from error
