"""Takes the network out of a training checkpoint. Only numbers are read from it, never code."""

from pathlib import Path

import torch

from mutualist.errors import ConfigError, WeightsError
from mutualist.models import ModelConfig, MutualInfoNet

CONFIG_KEY = "mutualist_config"
_PREFIX = "net."


def load_network(path: str | Path) -> MutualInfoNet:
    """The network in a checkpoint of `mutualist train`, in evaluation mode; the averaged one, if weights were averaged.

    Raises:
        WeightsError: the file is missing, damaged, or not a checkpoint of `mutualist train`.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path}: no such checkpoint; `mutualist train fit` writes them to RUN/checkpoints"
        ) from error
    except Exception as error:  # torch raises a dozen kinds for a file that is not what it should be
        raise WeightsError(f"{path}: damaged, or not a checkpoint ({error})") from error
    if not isinstance(checkpoint, dict) or CONFIG_KEY not in checkpoint:
        raise WeightsError(f"{path}: not a checkpoint of `mutualist train`; give one from RUN/checkpoints")
    state = checkpoint["state_dict"]
    try:
        net = MutualInfoNet(ModelConfig.from_dict(checkpoint[CONFIG_KEY]))
        net.load_state_dict({name.removeprefix(_PREFIX): state[name] for name in state if name.startswith(_PREFIX)})
    except (ConfigError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: does not fit this release's network ({error}); train again, or use its release"
        ) from error
    return net.eval().requires_grad_(False)
