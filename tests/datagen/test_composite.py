import numpy as np
import pytest
from scipy import stats

from mutualist.datagen.composite import Concatenation, Independent, Swapped
from mutualist.datagen.families.elliptical import MultivariateNormalFamily
from mutualist.datagen.filler import Filled
from mutualist.datagen.interface import JointDistribution

FAMILY = MultivariateNormalFamily(structure="canonical", ranges={"canonical_mi": (0.5, 2.0)})


def normal(seed: int, dx: int, dy: int) -> JointDistribution:
    return FAMILY.draw(np.random.default_rng(seed), dx, dy)


def gaussian_mi(x: np.ndarray, y: np.ndarray) -> float:
    """Of the sample covariance: an estimate that knows nothing of how the sample was made."""
    logdet = [np.linalg.slogdet(np.atleast_2d(np.cov(m.T)))[1] for m in (x, y, np.hstack([x, y]))]
    return float(0.5 * (logdet[0] + logdet[1] - logdet[2]))


def test_mi_of_independent_blocks_adds() -> None:
    joint = Concatenation([normal(1, 2, 1), normal(2, 1, 3)])
    x, y = joint.sample(100_000, np.random.default_rng(0))
    assert (x.shape[1], y.shape[1]) == (joint.dx, joint.dy) == (3, 4)
    assert joint.mi == pytest.approx(gaussian_mi(x, y), abs=0.01)


def test_swapping_keeps_mi_and_turns_the_sides() -> None:
    base = normal(1, 2, 3)
    x, y = base.sample(10, np.random.default_rng(0))
    u, v = Swapped(base).sample(10, np.random.default_rng(0))
    np.testing.assert_array_equal(u, y)
    np.testing.assert_array_equal(v, x)


def test_drawn_apart_margins_stay_and_mi_is_zero() -> None:
    base = normal(1, 2, 2)
    x, y = Independent(base).sample(50_000, np.random.default_rng(0))
    assert gaussian_mi(x, y) < 1e-3
    margin = base.sample(50_000, np.random.default_rng(1))[1]
    assert stats.ks_2samp(y[:, 0], margin[:, 0]).pvalue > 1e-3


def test_filled_columns_add_nothing() -> None:
    """Of normal columns and noisy linear functions of one side, MI is known again from the covariance."""
    seen = set()
    for seed in range(40):
        base = normal(seed, 2, 1)
        joint = Filled(base, np.random.default_rng(seed), 2, 1)
        assert (joint.dx, joint.dy, joint.mi) == (4, 2, base.mi)
        kinds = [c["kind"] for side in "xy" for c in joint.parameters["filled"][side]]
        seen.update(kinds)
        x, y = joint.sample(3000, np.random.default_rng(0))
        assert x.shape == (3000, 4)
        assert y.shape == (3000, 2)
        if set(kinds) == {"normal"}:
            assert gaussian_mi(x, y) == pytest.approx(base.mi, abs=0.12)
    assert {"normal", "uniform", "derived", "levels"} <= seen


def test_a_derived_column_is_a_function_of_its_own_side() -> None:
    """Given its side, it does not depend on the other: its residual has no correlation with the other side."""
    for seed in range(60):
        joint = Filled(normal(seed, 2, 1), np.random.default_rng(seed), 1, 0)
        (column,) = joint.parameters["filled"]["x"]
        if column["kind"] != "derived":
            continue
        x, y = joint.sample(5000, np.random.default_rng(0))
        order = joint.parameters["filled"]["order_x"]
        base, derived = x[:, [order.index(0), order.index(1)]], x[:, order.index(2)]
        t = np.arcsinh(base) @ np.asarray(column["weights"])
        expected = {"linear": t, "square": t * t, "sine": np.sin(2 * t), "abs": np.abs(t)}[column["function"]]
        residual = derived - expected
        if column["noise"] == 0:
            np.testing.assert_allclose(residual, 0, atol=1e-5)
        else:
            assert abs(np.corrcoef(residual, y[:, 0])[0, 1]) < 0.07
