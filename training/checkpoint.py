"""Takes the network out of a training checkpoint. Only numbers are read from it, never code."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from mutualist.errors import ConfigError, WeightsError
from mutualist.models import ModelConfig, MutualInfoNet

CONFIG_KEY = "mutualist_config"
_PREFIX = "net."


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint of `mutualist train` holds.

    Raises:
        WeightsError: the file is missing, damaged, or not a checkpoint of `mutualist train`.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file; `mutualist train fit` writes RUN/checkpoints/last.ckpt") from error
    except Exception as error:  # torch raises a dozen kinds for a file that is not what it should be
        raise WeightsError(f"{path}: damaged, or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(checkpoint, dict) or not {CONFIG_KEY, "state_dict"} <= checkpoint.keys():
        raise WeightsError(f"{path}: not a checkpoint of `mutualist train`; give one from RUN/checkpoints")
    return checkpoint


def load_network(path: str | Path) -> MutualInfoNet:
    """The network in a checkpoint, in evaluation mode; the averaged one, if weights were averaged.

    Raises:
        WeightsError: as `read_checkpoint`, or the network is not one of this release.
    """
    checkpoint = read_checkpoint(path)
    state = checkpoint["state_dict"]
    try:
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn only to be replaced
            net = MutualInfoNet(ModelConfig.from_dict(checkpoint[CONFIG_KEY]))
        net.load_state_dict({name.removeprefix(_PREFIX): state[name] for name in state if name.startswith(_PREFIX)})
    except (ConfigError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: does not fit this release's network ({_first_line(error)}); train again, or use the release that "
            "wrote it"
        ) from error
    return net.eval().requires_grad_(False)


def digest(net: MutualInfoNet) -> str:
    """SHA-256 of the network's tensors: what a calibration says it was fitted for."""
    found = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
