"""The network in numpy answers as the network in torch does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.estimator import BUNDLED
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.atoms import find_atoms
from mutualist.models.bundle import load_bundle
from mutualist.models.column_statistics import column_statistics
from mutualist.models.describe import Description
from mutualist.models.pairwise import describe_pairs
from mutualist.models.scores import random_ranks, scores_from_ranks
from mutualist.models.single import SinglePair


def description(net: MutualInfoNet, x: np.ndarray, y: np.ndarray, times: int = 1) -> Description:
    values, rows = torch.from_numpy(np.stack([x, y], 1)[None]), torch.ones(1, len(x), dtype=torch.bool)
    ranks, shared = random_ranks(values, rows, torch.Generator().manual_seed(0))
    atoms = find_atoms(ranks, shared, torch.tensor([[False, True]]), rows, torch.ones(1, 2, dtype=torch.bool))
    first = torch.zeros(times, dtype=torch.long)
    statistics = column_statistics(scores_from_ranks(ranks)[0], net.config)
    return describe_pairs(statistics, first, first + 1, net.config, atoms if times == 1 else None)


def shaken(config: ModelConfig, seed: int) -> MutualInfoNet:
    """A network none of whose weights is zero, as some are before training."""
    torch.manual_seed(seed)
    net = MutualInfoNet(config).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return net


BUNDLED_NET = load_bundle(BUNDLED).net
OTHERS = [shaken(ModelConfig(), 0), shaken(ModelConfig(width=24, pair_width=12, layers=2, heads=3, cosines=3), 1)]


@pytest.mark.parametrize("net", [BUNDLED_NET, *OTHERS])
@settings(deadline=None, max_examples=25)
@given(
    n=st.integers(4, 400),
    seed=st.integers(0, 2**32 - 1),
    noise=st.sampled_from([0.001, 0.3, 3.0]),
    discrete=st.sampled_from(["", "x", "y", "xy"]),
)
def test_it_answers_as_the_network_does(net: MutualInfoNet, n: int, seed: int, noise: float, discrete: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = x**2 + noise * rng.normal(size=n)
    sample = description(net, np.sign(x) if "x" in discrete else x, np.round(y) if "y" in discrete else y)
    with torch.inference_mode():
        quantiles, summary = (part.numpy() for part in net.read(sample))
        found, found_summary = SinglePair(net).read(sample)
    np.testing.assert_allclose(found, quantiles, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found_summary, summary, rtol=1e-4, atol=1e-4)
    assert found.dtype == found_summary.dtype == np.float32


def test_several_pairs_are_not_for_it() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    with pytest.raises(ValueError, match="one sample"):
        SinglePair(BUNDLED_NET).read(description(BUNDLED_NET, x, y, times=2))
