"""A network whose weights are random everywhere, so that no path through it is silent."""

import pytest
import torch

from mutualist.models import ModelConfig, MutualInfoNet


@pytest.fixture(scope="module")
def net() -> MutualInfoNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MutualInfoNet(ModelConfig(width=32, pair_width=12, queries=64, max_rows=128))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.03 * torch.randn(parameter.shape))
            for reader in (network.several, network.single):  # away from the flat part of the softplus
                reader.head.correction.bias.copy_(torch.tensor([0.0, 16.0]))
    return network.eval().requires_grad_(False)
