"""No answer says that a column tells more than it holds: for one pair, many, and all pairs of a table alike."""

import numpy as np
import pytest

from mutualist import MutualInfoEstimator


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


@pytest.mark.parametrize("values", [2, 5])
def test_a_class_that_is_told_for_sure(estimator: MutualInfoEstimator, values: int) -> None:
    rng = np.random.default_rng(values)
    cls = rng.integers(values, size=300)
    far = 20 * cls + rng.normal(size=300)
    others = rng.normal(size=(300, 2))
    most = np.log(values) + 1e-9
    for x, y in ((cls, far), (far, cls), (cls, np.column_stack([far, others])), (cls, -cls)):
        found = estimator.estimate(x, y)
        assert found.quantile(0.995) <= most
        assert found.mi > 0.9 * np.log(values)
    table = estimator.pairwise(np.column_stack([cls, far, others]))
    assert table.quantile(0.995)[0, 1] <= most
    assert table.mi[0, 1] == pytest.approx(estimator.estimate(cls, far).mi, abs=1e-4)


def test_two_binary_columns_hold_two_bits(estimator: MutualInfoEstimator) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(400, 2))
    y = 30.0 * x[:, 0] + 10.0 * x[:, 1] + rng.normal(size=400)
    found = estimator.estimate(x, y)
    assert np.log(2) < found.mi <= 2 * np.log(2)
    assert found.quantile(0.95) <= 2 * np.log(2) + 1e-9
