"""Gaps in slices of pairs of very many rows: the definition, what is known of it, and how it joins the quantiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from mutualist.models.gaps import ENOUGH, FEWEST, WIDTH, gap_information, with_gaps
from mutualist.models.quantiles import probit

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def ranks(*columns: np.ndarray) -> np.ndarray:
    return np.stack([column.argsort().argsort() for column in columns], 1)


def normal(n: int, rho: float, seed: int = 0) -> np.ndarray:
    x, e = np.random.default_rng(seed).normal(size=(2, n))
    return ranks(x, rho * x + np.sqrt(1 - rho**2) * e)


def by_the_book(rank: np.ndarray, w: int) -> float:
    """The mean of both directions, one slice and one gap at a time, with the digamma function itself."""
    n, found = len(rank), []
    for column in (0, 1):
        walk = rank[rank[:, column].argsort(), 1 - column]
        from_low = [i * w for i in range(-(-n // (2 * w)))]
        cut = [np.sort(walk[at : at + w]) for at in from_low + [n - w - at for at in from_low]]
        one, two = (
            digamma(m) - digamma(w + 1) + digamma(n + 1) - np.mean([digamma(part[m:] - part[:-m]) for part in cut])
            for m in (1, 2)
        )
        found.append(2 * one - two)
    return float(np.mean(found))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(400, 3000), rho=st.sampled_from([0.3, 0.9]), seed=st.integers(0, 2**32 - 1))
def test_it_is_what_it_says_it_is(n: int, rho: float, seed: int) -> None:
    rank = normal(n, rho, seed)
    value, error = gap_information(rank)
    w = 2 ** round(np.log2(WIDTH * np.sqrt(n)))
    at = {width: by_the_book(rank, width) for width in (w // 2, w, 2 * w)}
    assert value == pytest.approx(max(at[w], 0), abs=0.02)  # 1/2 ln(r^2 + ...) in place of digamma
    assert error >= max(abs(at[w] - at[w // 2]), abs(at[w] - at[2 * w])) - 0.04
    for same in (rank[::-1], rank[:, ::-1], n - 1 - rank, np.stack([rank[:, 0], n - 1 - rank[:, 1]], 1)):
        assert gap_information(same) == pytest.approx((value, error), abs=1e-6)


@pytest.mark.parametrize("n", [20_000, 200_000, 1_000_000])
@pytest.mark.parametrize("rho", [0.0, 0.7, 0.99])
def test_errors_fall_with_the_rows_and_are_known(n: int, rho: float) -> None:
    value, error = gap_information(normal(n, rho))
    assert abs(value + 0.5 * np.log(1 - rho**2)) < 3 * error
    assert error < 6 / np.sqrt(n)


def test_dependence_that_only_many_rows_show() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(200_000)
    y = (20 * x + 0.1 * rng.uniform(-1, 1, len(x))) % 1  # uniform noise about twenty lines: ln 5 nats
    value, error = gap_information(ranks(x, y))
    assert abs(value - np.log(5)) < 3 * error
    assert error < 0.1


def test_of_independent_columns_little_is_left() -> None:
    rng = np.random.default_rng(2)
    found = [gap_information(np.stack([rng.permutation(50_000), np.arange(50_000)], 1)) for _ in range(20)]
    values, errors = np.array(found).T
    assert (values < 3 * errors).all()
    assert values.mean() < 0.01


@settings(deadline=None)
@given(
    median=st.floats(0, 5),
    width=st.floats(0, 1),
    value=st.floats(0, 5),
    error=st.floats(1e-6, 1),
    n=st.integers(FEWEST, 10 * ENOUGH),
)
def test_quantiles_stay_in_order_and_between_the_two(
    median: float, width: float, value: float, error: float, n: int
) -> None:
    quantiles = np.maximum(median + width * probit(LEVELS), 0)[None]
    found, shares = with_gaps(LEVELS, quantiles, n, np.array([[value, error]]))
    normal_law = np.maximum(value + error * probit(LEVELS), 0)
    assert (np.diff(found[0]) >= -1e-12).all()
    assert 0 <= shares[0] <= 1
    assert (found[0] >= np.minimum(quantiles[0], normal_law) - 1e-9).all()
    assert (found[0] <= np.maximum(quantiles[0], normal_law) + 1e-9).all()


def test_who_is_surer_counts_for_more() -> None:
    quantiles = np.maximum(1 + np.outer([0.001, 0.01, 0.1], probit(LEVELS)), 0)
    gaps = np.tile([1.2, 0.01], (3, 1))
    found, shares = with_gaps(LEVELS, quantiles, 10 * ENOUGH, gaps)
    np.testing.assert_allclose(shares, [1 / 101, 1 / 2, 100 / 101], rtol=1e-6)
    np.testing.assert_allclose(found[:, 2], 1 + 0.2 * shares)
    gaps[1, 1] = np.inf  # not asked
    found, shares = with_gaps(LEVELS, quantiles, np.full(3, FEWEST), gaps)
    assert (shares == 0).all()
    np.testing.assert_array_equal(found, quantiles)
