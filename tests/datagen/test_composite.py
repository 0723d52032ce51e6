from typing import Any

import numpy as np
import pytest
from scipy import stats

from mutualist.datagen.composite import Concatenation, Independent, Swapped
from mutualist.datagen.families.elliptical import MultivariateNormalFamily
from mutualist.datagen.filler import DERIVED, Filled
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
    """Of normal columns and noisy copies of one side, MI is known again from the covariance."""
    seen = set()
    for seed in range(60):
        base = normal(seed, 2, 1)
        joint = Filled(base, np.random.default_rng(seed), 2, 1)
        assert (joint.dx, joint.dy, joint.mi) == (4, 2, base.mi)
        kinds = [c["kind"] for side in "xy" for c in joint.parameters["filled"][side]]
        seen.update(kinds)
        x, y = joint.sample(3000, np.random.default_rng(0))
        assert x.shape == (3000, 4)
        assert y.shape == (3000, 2)
        if set(kinds) <= {"normal", "copy"}:
            noises = [c.get("noise", 1.0) for side in "xy" for c in joint.parameters["filled"][side]]
            if min(noises) > 0:  # else a column is there twice and the covariance singular
                assert gaussian_mi(x, y) == pytest.approx(base.mi, abs=0.12)
    assert {"normal", "uniform", "levels", *DERIVED} <= seen


def test_a_derived_column_is_a_function_of_its_own_side() -> None:
    """Given its side, it does not depend on the other: its residual has no correlation with the other side."""
    seen = set()
    for seed in range(120):
        joint = Filled(normal(seed, 2, 1), np.random.default_rng(seed), 1, 0)
        (column,) = joint.parameters["filled"]["x"]
        if column["kind"] not in DERIVED:
            continue
        seen.add((column["kind"], column.get("function")))
        x, y = joint.sample(5000, np.random.default_rng(0))
        order = joint.parameters["filled"]["order_x"]
        base, derived = x[:, [order.index(0), order.index(1)]], x[:, order.index(2)]
        residual = derived - expected_of(base, column)
        if column["noise"] == 0:
            np.testing.assert_allclose(residual, 0, atol=1e-5)
        else:
            assert abs(np.corrcoef(residual, y[:, 0])[0, 1]) < 0.07
    assert len(seen) >= 8


def expected_of(base: np.ndarray, column: dict[str, Any]) -> np.ndarray:
    t = np.arcsinh((base[:, column["of"]] - column["location"]) / column["scale"])
    if column["kind"] == "cut":
        return (t > np.asarray(column["at"])).sum(axis=1).astype(float)
    if column["kind"] == "pair":
        first, second = t.T
        return {
            "maximum": t.max(axis=1),
            "minimum": t.min(axis=1),
            "product": first * second,
            "difference": first - second,
        }[column["function"]]
    s = t @ np.asarray(column.get("weights", [1.0]))
    bent: dict[str, np.ndarray] = {"square": s * s, "sine": np.sin(2 * s), "abs": np.abs(s)}
    return bent.get(column.get("function", ""), s)


def test_derived_columns_are_made_of_earlier_ones_too() -> None:
    """So that trees of redundant columns come about; the label stays, and so does what is sampled from one seed."""
    longest = 0
    for seed in range(40):
        joint = Filled(normal(seed, 1, 1), np.random.default_rng(seed), 6, 0)
        made = [c for c in joint.parameters["filled"]["x"] if c["kind"] in DERIVED]
        longest = max([longest, *(max(c["of"]) for c in made)])
        first, again = (joint.sample(50, np.random.default_rng(3)) for _ in range(2))
        np.testing.assert_array_equal(first[0], again[0])
    assert longest >= 3
