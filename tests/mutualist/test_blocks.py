"""What independent blocks of columns tell adds up, also where they are asked together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mutualist import MutualInfoEstimator

Array = NDArray[np.float64]
N = 2500


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


def side_by_side(n: int = N, seed: int = 0) -> tuple[Array, Array, float]:
    """Two numbers, a class and a number, two classes: and what they share in nats."""
    rng = np.random.default_rng(seed)
    a, noise = rng.normal(size=(2, n))
    half, fifth = rng.integers(2, size=n), rng.integers(5, size=n)
    same = np.where(rng.random(n) < 0.5, fifth, rng.integers(5, size=n))
    x = np.column_stack([a, half, fifth])
    y = np.column_stack([0.8 * a + 0.6 * noise, half * 100 + rng.normal(size=n), same])
    cells = (0.5 * np.eye(5) + 0.1) / 5
    return x, y, float(-0.5 * np.log(1 - 0.64) + np.log(2) + (cells * np.log(cells * 25)).sum())


def test_three_pairs_are_told_as_well_as_each(estimator: MutualInfoEstimator) -> None:
    for seed in range(5):
        x, y, mi = side_by_side(seed=seed)
        found = estimator.estimate(x, y)
        each = estimator.estimate_batch([(x[:, i], y[:, i]) for i in range(3)])
        assert found.mi == pytest.approx(sum(one.mi for one in each), abs=0.02)
        assert found.mi == pytest.approx(mi, abs=0.08)
        widths = [high - low for low, high in (one.interval(0.9) for one in each)]
        low, high = found.interval(0.9)
        assert max(widths) < high - low < 1.1 * sum(widths)


def test_the_sample_alone_decides(estimator: MutualInfoEstimator) -> None:
    x, y, _ = side_by_side(300)
    found = estimator.estimate(x, y)
    rows = np.random.default_rng(1).permutation(300)
    for one in (
        estimator.estimate(y, x),
        estimator.estimate(x[rows][:, [2, 0, 1]], np.exp(y[rows] / 50)),
        estimator.estimate_batch([(x[:50], y[:50]), (x, y)])[1],
    ):
        np.testing.assert_allclose(one.values, found.values, atol=1e-4)
        assert one.expected_error == pytest.approx(found.expected_error, abs=1e-4)


def test_noise_beside_pairs_tells_nothing(estimator: MutualInfoEstimator) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 1000, 12))
    y[:, 0] += x[:, 0]
    found = estimator.estimate(x, y)
    assert found.mi == pytest.approx(0.5 * np.log(2), abs=0.06)


def test_more_than_links_show_is_not_lost(estimator: MutualInfoEstimator) -> None:
    """X2 says how wide Y is spread about X1: no correlation, and so no link, but half a nat."""
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(3000, 2)), rng.normal(size=3000)
    loud = rng.integers(2, size=3000)
    y = x[:, 0] + np.where(loud, 2.0, 0.05) * noise
    both, first = estimator.estimate(np.column_stack([x[:, 0], loud]), y), estimator.estimate(x[:, 0], y)
    assert both.mi > first.mi + 0.3
