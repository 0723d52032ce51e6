"""Columns that another of their side determines: the answer is as if they were not there, and says so."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist import MutualInfoEstimator
from mutualist.canonical import centred_mid_ranks
from mutualist.repeats import repeated

REPEATS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "other units": lambda x: 32 + 1.8 * x,
    "falling": lambda x: -np.expm1(x),
    "cut": np.round,
    "in two": lambda x: x > 0.3,
}


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


def sample(rng: np.random.Generator, n: int, dx: int) -> tuple[Any, Any]:
    x = rng.normal(size=(n, dx))
    return x, x[:, 0] + rng.normal(size=n)


def left_out(values: Any, dx: int) -> dict[int, int]:
    centred, tied = centred_mid_ranks(np.asarray(values, float))
    return repeated(centred, tied, np.arange(len(tied)) >= dx)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dx=st.integers(1, 3), how=st.lists(st.sampled_from(list(REPEATS)), max_size=3))
def test_repeating_columns_changes_nothing(estimator: MutualInfoEstimator, seed: int, dx: int, how: list[str]) -> None:
    rng = np.random.default_rng(seed)
    x, y = sample(rng, 80, dx)
    more = np.column_stack([x, *(REPEATS[name](x[:, rng.integers(dx)]) for name in how)])
    plain, found = estimator.estimate(x, y), estimator.estimate(more[:, rng.permutation(more.shape[1])], y)
    np.testing.assert_allclose(found.values, plain.values, atol=1e-5, rtol=1e-4)
    assert (found.n, found.dx, found.dy) == (80, dx + len(how), 1)
    assert len(found.warnings) == len(plain.warnings) + bool(how)


def test_it_says_which_by_which(estimator: MutualInfoEstimator) -> None:
    x, y = sample(np.random.default_rng(0), 100, 2)
    (said,) = estimator.estimate(np.column_stack([np.round(x[:, 1]), x]), y).warnings
    assert "x[0] by x[2]" in said
    (said,) = estimator.estimate(x, np.column_stack([y, -y])).warnings
    assert "y[1] by y[0]" in said or "y[0] by y[1]" in said


def test_a_code_beside_a_name_and_an_indicator_beside_a_class(estimator: MutualInfoEstimator) -> None:
    rng = np.random.default_rng(0)
    code = rng.integers(5, size=300)
    name, y = np.array([3, 0, 4, 1, 2])[code], code % 3 + 0.5 * rng.normal(size=300)
    columns = np.column_stack([code, name, code == 2])
    answers = [estimator.estimate(columns[:, order], y) for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0])]
    assert len({answer.mi for answer in answers}) == 1
    assert left_out(columns, 3).keys() >= {2}
    assert len(left_out(columns, 3)) == 2


def test_what_may_be_chance_stays() -> None:
    rng = np.random.default_rng(0)
    few = rng.normal(size=(4, 2))
    few[:, 1] = few[:, 0]
    assert not left_out(np.column_stack([few, few[:, 0]]), 2)
    rare = np.arange(200.0) > 197.5  # two ones, which may stand beside the largest values by chance
    assert not left_out(np.column_stack([np.arange(200.0), rare, rng.normal(size=200)]), 2)
    many = rng.integers(20_000, size=(200, 1))  # nearly every value once: almost anything is a function of these
    assert not left_out(np.column_stack([many, many % 7, rng.normal(size=200)]), 2)


def test_nothing_else_is_left_out() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3))
    noisy = x[:, 0] + 1e-3 * rng.normal(size=500)
    table = np.column_stack([x, noisy, x[:, 0] + x[:, 1], x[:, 0] ** 2, rng.integers(3, size=(500, 2)), np.ones(500)])
    assert not left_out(table, table.shape[1] - 1)
    assert not left_out(np.column_stack([x[:, 0], x[:, 1], x[:, 0]]), 2), "the other side is another matter"


def test_a_function_in_the_first_rows_alone_stays() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=500)
    other = np.where(np.arange(500) < 450, x, rng.normal(size=500))
    assert not left_out(np.column_stack([x, other, rng.normal(size=500)]), 2)


@pytest.mark.parametrize("where", ["x", "y", "both"])
def test_constant_columns_add_nothing(estimator: MutualInfoEstimator, where: str) -> None:
    rng = np.random.default_rng(1)
    x, y = sample(rng, 200, 2)
    expected = estimator.estimate(x, y)
    more = np.full((200, 10), 3.0)
    wide_x = x if where == "y" else np.column_stack([more[:, :4], x, more[:, 4:]])
    wide_y = y if where == "x" else np.column_stack([y, more])
    found = estimator.estimate(wide_x, wide_y)
    np.testing.assert_array_equal(found.values, expected.values)
    assert any("constant columns carry no information" in warning for warning in found.warnings)


def test_a_side_of_constants_is_one_constant(estimator: MutualInfoEstimator) -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    found, expected = (estimator.estimate(x, np.zeros((20, d))) for d in (5, 1))
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.interval(0.9)[0] == 0
