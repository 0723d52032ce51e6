"""Several columns tell no less than one of them does, and the answer for them is held to that."""

from typing import Any

import numpy as np
import pytest
import torch

import mutualist.datagen.families  # noqa: F401  registers the families
from mutualist import MutualInfoEstimator
from mutualist.datagen.registry import make_family
from mutualist.models import ModelConfig
from mutualist.models.describe import describe_values
from mutualist.models.strongest import strongest_pair


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


def ordered(seed: int, n: int) -> tuple[Any, Any, float]:
    """Order statistics: the largest of X and the smallest of Y share all there is, and the others add nothing."""
    rng = np.random.default_rng(seed)
    joint = make_family("order-statistics", {"most_more": 2}).draw(rng, 3, 3)
    return *joint.sample(n, rng), joint.mi


def test_no_less_than_the_pair_that_shares_all(estimator: MutualInfoEstimator) -> None:
    for seed in range(10):
        x, y, mi = ordered(seed, 1000)
        found = estimator.estimate(x, y)
        pair = estimator.estimate(x[:, x.mean(0).argmax()], y[:, y.mean(0).argmin()])
        for level in (0.05, 0.5, 0.95):
            assert found.quantile(level) >= pair.quantile(level / 9) - 1e-6  # 9 pairs could have been the largest
        assert found.mi > 0.8 * mi


def test_a_batch_is_held_to_it_as_well(estimator: MutualInfoEstimator) -> None:
    samples = [ordered(seed, 300)[:2] for seed in range(4)]
    for one, found in zip(samples, estimator.estimate_batch(samples), strict=True):
        np.testing.assert_allclose(found.values, estimator.estimate(*one).values, atol=1e-4)


@pytest.mark.parametrize("law", ["normal", "counts"])
def test_chance_does_not_count(estimator: MutualInfoEstimator, law: str) -> None:
    """Of independent samples with nine pairs each, at most one in twenty has a lower end above 0.01 nats."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=(300, 2, 100, 3)) if law == "normal" else rng.poisson(2.0, size=(300, 2, 100, 3))
    samples = [(x, y) for x, y in both]
    assert np.mean([found.interval(0.9)[0] > 0.01 for found in estimator.estimate_batch(samples)]) <= 0.05


def strongest(values: np.ndarray, dx: int) -> tuple[list[int], float, int]:
    n, d = values.shape
    side = torch.arange(d)[None] >= dx
    exist = torch.ones(1, n, dtype=torch.bool), torch.ones(1, d, dtype=torch.bool)
    found = strongest_pair(
        describe_values(torch.from_numpy(values)[None], side, *exist, ModelConfig(), torch.Generator().manual_seed(0))
    )
    return found[0][0].tolist(), float(found[1]), int(found[2])


@pytest.mark.parametrize("kind", ["line", "edge", "class", "table"])
def test_the_strongest_pair_is_found_whatever_its_kind(kind: str) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(600, 5))  # three of X, two of Y
    if kind == "line":
        values[:, 4] += values[:, 1]
    elif kind == "edge":
        values[:, 4] = values[:, 1] ** 2 + 0.1 * rng.random(600)
    else:
        values[:, 1] = rng.integers(4, size=600)
        values[:, 4] = (values[:, 1] + (rng.random(600) < 0.2)) % 4
        values[:, 4] += 0.5 * rng.normal(size=600) if kind == "class" else 0
    pair, nats, rivals = strongest(values, 3)
    assert (pair, rivals) == ([1, 4], 1)
    assert nats > 0.1


def test_pairs_that_share_as_much_are_rivals() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2000, 2))
    assert strongest(np.column_stack([x, x + rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))]), 2)[2] == 2


def test_equal_quantiles_of_the_pair_stay_in_order(estimator: MutualInfoEstimator) -> None:
    """Between equal quantiles interpolation falls by 2e-16, for which valid samples were refused."""
    for seed in range(2, 12):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=300)
        noise = 0.05 * rng.normal(size=(2, 300))
        answer = estimator.estimate(np.round(4 * z), np.column_stack([z + noise[0], np.round(2 * z + noise[1])]))
        assert (np.diff(answer.values) >= 0).all()
