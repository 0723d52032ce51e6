"""The most that a side can tell: the entropy of its values, as far as the rows tell that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.models.ceiling import ROWS_A_VALUE, ceiling

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
TIED = np.array([True])


def entropy(shares: np.ndarray) -> float:
    return -float(shares @ np.log(shares))


@settings(deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=8), seed=st.integers(0, 2**32 - 1))
def test_it_rises_with_the_level_up_to_the_logarithm_of_the_values(counts: list[int], seed: int) -> None:
    column = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))[:, None]
    found = ceiling(LEVELS, column, TIED)
    if ROWS_A_VALUE * len(counts) > len(column):
        assert np.isinf(found).all()
        return
    assert (np.diff(found) >= 0).all()
    assert (found >= 0).all()
    assert (found <= np.log(len(counts))).all()
    np.testing.assert_array_equal(ceiling(LEVELS, 7 * column[::-1] - 3, TIED), found)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.6, 0.3, 0.1), (0.25, 0.25, 0.25, 0.25)])
def test_it_holds_as_often_as_it_says(shares: tuple[float, ...]) -> None:
    rng, truth = np.random.default_rng(0), entropy(np.array(shares))
    found = np.array([ceiling(LEVELS, rng.choice(len(shares), (300, 1), p=shares), TIED) for _ in range(400)])
    assert (found[:, -1] >= truth - 1e-9).mean() > 0.92  # 0.95, of 400
    assert (found[:, 0] <= truth).mean() > 0.92


def test_several_columns_hold_what_their_rows_do() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(6, size=600)
    pair = np.column_stack([rows // 3, rows % 3])
    both = np.array([True, True])
    np.testing.assert_array_equal(ceiling(LEVELS, pair, both), ceiling(LEVELS, rows[:, None], TIED))
    np.testing.assert_array_equal(ceiling(LEVELS, pair[:, ::-1], both), ceiling(LEVELS, pair, both))


def test_numbers_constants_and_too_many_values_have_none() -> None:
    n = 200
    many = np.arange(n)[:, None] // 3
    for columns, tied in (
        (np.arange(n)[:, None], [False]),
        (np.zeros((n, 1), int), [True]),
        (many, [True]),
        (np.column_stack([np.arange(n) % 2, np.arange(n)]), [True, False]),
        (np.column_stack([np.arange(n) % 9, np.arange(n) // 20]), [True, True]),
    ):
        assert np.isinf(ceiling(LEVELS, columns, np.array(tied))).all()
