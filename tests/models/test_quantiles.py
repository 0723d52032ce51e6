"""Quantile functions on a grid: read at any level, and inverted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from mutualist.models.quantiles import cdf, crossing_probits, interpolate, probit

LEVELS = np.array([0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995])
INSIDE = st.floats(1e-6, 1 - 1e-6)


def increasing(seed: int, rows: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.exponential(0.3, (rows, len(LEVELS))) * rng.integers(0, 2, (rows, len(LEVELS))), axis=1)


def test_grid_points_are_returned_exactly():
    values = increasing(0)
    np.testing.assert_array_equal(interpolate(LEVELS, values, LEVELS), values)


def test_a_normal_distribution_is_exact_everywhere_tails_included():
    at = np.array([1e-4, 0.01, 0.3, 0.5, 0.9, 0.9999])
    values = norm.ppf(LEVELS, 10, 0.5)
    np.testing.assert_allclose(interpolate(LEVELS, values, at), norm.ppf(at, 10, 0.5), rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.lists(INSIDE, min_size=2, max_size=8))
def test_never_crosses_and_never_is_negative(seed, levels):
    at = np.sort(levels)
    answer = interpolate(LEVELS, increasing(seed), at)
    assert (np.diff(answer, axis=1) >= -1e-12).all()
    assert (answer >= 0).all()


def test_levels_of_their_own_for_each_function():
    values = increasing(1)
    at = np.random.default_rng(1).uniform(0.01, 0.99, (4, 3))
    expected = [[interpolate(LEVELS, values[i], level) for level in at[i]] for i in range(4)]
    np.testing.assert_allclose(interpolate(LEVELS, values, at), expected, rtol=1e-13)


def test_one_level_gives_one_number_a_function():
    values = increasing(2)
    assert interpolate(LEVELS, values, 0.3).shape == (4,)
    assert interpolate(LEVELS, values[0], 0.3).shape == ()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.001, 0.999))
def test_cdf_inverts_interpolate_where_functions_increase(seed, level):
    values = increasing(seed) + np.arange(1, len(LEVELS) + 1) * 0.1 + 5
    truth = interpolate(LEVELS, values, level)
    np.testing.assert_allclose(cdf(LEVELS, values, truth), level, rtol=1e-6)


def test_a_flat_part_has_its_upper_end_as_level_and_beyond_it_there_is_none():
    flat = np.full((1, len(LEVELS)), 2.0)
    assert crossing_probits(LEVELS, flat, np.array([2.0])) == pytest.approx(probit(LEVELS[-1:]))
    assert cdf(LEVELS, flat, np.array([1.9])) == 0
    assert cdf(LEVELS, flat, np.array([2.1])) == 1
    step = np.array([[1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0]])
    assert cdf(LEVELS, step, np.array([1.0])) == pytest.approx(0.5)
