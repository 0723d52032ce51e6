"""Lifts: the scalar can be read off the row again, and where promised no single column tells of it."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2_contingency, kstest

from mutualist.datagen.families.lifts import Lift, random_lift
from mutualist.datagen.interface import Array
from mutualist.datagen.registry import make_family


def scalar_of(lift: Lift, x: Array) -> Array:
    """A strictly monotone function of s, computed from the lifted row."""
    if lift.kind == "identity":
        return x[:, 0]
    if lift.kind == "fold":
        at, branch = np.modf(x[:, 0] * lift.parts)
        return np.where(branch % 2 == 0, at, 1 - at)
    if lift.kind == "linear":
        return np.linalg.solve(lift.matrix.T, x.T).T @ lift.direction
    if lift.kind == "radial":
        return np.linalg.norm(x, axis=1)
    if lift.kind == "modular":
        return x[:, : lift.parts].sum(axis=1) % 1.0
    return x[:, 0] * np.prod(np.sign(x[:, 1 : lift.parts]), axis=1)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("identity", 1), ("fold", 1), ("linear", 2), ("linear", 9), ("radial", 3), ("parity", 4), ("modular", 2)],
)
def test_the_scalar_can_be_read_off_the_row(kind: str, columns: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        s = rng.standard_normal(500)
        lift = random_lift(rng, columns, (kind,))
        x = lift(s, rng)
        assert x.shape == (500, columns)
        order = np.argsort(scalar_of(lift, x))
        # Up to rounding, the recovered values are in the order of s.
        np.testing.assert_allclose(s[order], np.sort(s), atol=1e-9)


def test_lifts_do_not_consume_what_they_are_given() -> None:
    rng = np.random.default_rng(0)
    s = rng.standard_normal(10)
    before = s.copy()
    for kind, columns in (("linear", 3), ("parity", 3), ("modular", 3), ("radial", 3), ("fold", 1)):
        random_lift(rng, columns, (kind,))(s, rng)
        np.testing.assert_array_equal(s, before)


@pytest.mark.parametrize("columns", [2, 3])
def test_every_part_of_a_modular_lift_is_independent_of_the_scalar(columns: int) -> None:
    rng = np.random.default_rng(2)
    s = rng.standard_normal(40_000)
    x = Lift("modular", columns, parts=columns)(s, rng)
    high = ndtr(s) > 0.5
    for j in range(columns):
        assert kstest(x[:, j], "uniform").pvalue > 1e-4
        counts = np.histogram2d(x[:, j], high, bins=(10, 2))[0]
        assert chi2_contingency(counts).pvalue > 1e-4
    # All together they tell everything.
    total = x.sum(axis=1) % 1.0
    np.testing.assert_allclose(np.minimum(abs(total - ndtr(s)), 1 - abs(total - ndtr(s))), 0, atol=1e-12)


def test_lifted_normal_states_the_information_of_its_scores() -> None:
    rng = np.random.default_rng(6)
    joint = make_family("lifted-normal", {}).draw(rng, 1, 1)
    for _ in range(50):
        if joint.parameters["x_lift"]["kind"] == joint.parameters["y_lift"]["kind"] == "identity":
            break
        joint = make_family("lifted-normal", {}).draw(rng, 1, 1)
    x, y = joint.sample(100_000, rng)
    r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    assert joint.mi == pytest.approx(-0.5 * np.log(1 - r * r), abs=0.01)
