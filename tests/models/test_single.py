"""The network in numpy answers as the network in torch does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.estimator import BUNDLED
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.bundle import load_bundle
from mutualist.models.column_statistics import column_statistics
from mutualist.models.describe import Description
from mutualist.models.pairwise import describe_pairs
from mutualist.models.scores import scores_from_ranks
from mutualist.models.single import SinglePair


def description(net: MutualInfoNet, x: np.ndarray, y: np.ndarray, times: int = 1) -> Description:
    ranks = np.stack([x, y], 1).argsort(0).argsort(0)
    scores = scores_from_ranks(torch.from_numpy(ranks[None]))[0]
    first = torch.zeros(times, dtype=torch.long)
    return describe_pairs(column_statistics(scores, net.config), first, first + 1, net.config)


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
@given(n=st.integers(4, 400), seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.001, 0.3, 3.0]))
def test_it_answers_as_the_network_does(net: MutualInfoNet, n: int, seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    sample = description(net, x, x**2 + noise * rng.normal(size=n))
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
