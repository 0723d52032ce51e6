"""An answer does not depend on what shares its pass: within 1e-5 nats, alone or in a batch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist import MutualInfoEstimator


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


@st.composite
def samples(draw: Any) -> tuple[Any, Any]:
    n, dx, dy = draw(st.integers(4, 300)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    y[:, 0] += draw(st.sampled_from([0.0, 1.0, 30.0])) * x[:, 0]
    if draw(st.booleans()):  # ties
        x = x.round()
    return x, y


@settings(max_examples=15, deadline=None)
@given(pairs=st.lists(samples(), min_size=2, max_size=10))
def test_alone_or_in_a_batch(estimator: MutualInfoEstimator, pairs: list[tuple[Any, Any]]) -> None:
    together = np.array([one.values for one in estimator.estimate_batch(pairs)])
    alone = np.array([estimator.estimate(x, y).values for x, y in pairs])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_short_samples_beside_long_ones(estimator: MutualInfoEstimator) -> None:
    rng = np.random.default_rng(np.random.SeedSequence(42))
    pairs = [(x := rng.normal(size=n), x + 0.03 * rng.normal(size=n)) for n in (4, 4, 5, 7, 10, 20, 100, 300)]
    together = np.array([one.values for one in estimator.estimate_batch(pairs)])
    alone = np.array([estimator.estimate(x, y).values for x, y in pairs])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_a_pair_of_a_table_or_by_itself(estimator: MutualInfoEstimator) -> None:
    values = np.random.default_rng(np.random.SeedSequence(41)).normal(size=(200, 5)).cumsum(1)
    values[:, 4] = values[:, 4].round()
    table = estimator.pairwise(values)
    alone = [estimator.estimate(values[:, i], values[:, j]).values for i in range(5) for j in range(i + 1, 5)]
    np.testing.assert_allclose(table.values, alone, rtol=0, atol=1e-5)


def test_a_pair_of_a_tile_or_by_itself(estimator: MutualInfoEstimator) -> None:
    values = np.random.default_rng(np.random.SeedSequence(43)).normal(size=(150, 6)).cumsum(1)
    values[:, 1], values[:, 4] = values[:, 1].round(), 3.0
    pairs = [(0, 3), (5, 0), (1, 2), (1, 3), (0, 4), (2, 5)]
    found = estimator.estimate_pairs(values, pairs)
    for (i, j), one in zip(pairs, found, strict=True):
        alone = estimator.estimate(values[:, i], values[:, j])
        np.testing.assert_allclose(one.values, alone.values, rtol=0, atol=1e-5)
        assert one.strangeness == pytest.approx(alone.strangeness, abs=0.01)
        assert (one.n, one.dx, one.dy, one.warnings, one.model) == (150, 1, 1, alone.warnings, alone.model)
