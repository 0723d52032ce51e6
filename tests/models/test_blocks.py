"""Independent blocks of columns: which are found, how they add up, and when the sum is believed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mutualist.models.blocks import COSINES, find_blocks, share_of_sum, sum_of_blocks
from mutualist.models.quantiles import probit

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
Array = NDArray[np.float64]


def ranks(columns: Array) -> NDArray[np.int64]:
    return columns.argsort(0).argsort(0)


def pairs(n: int, linked: int, dx: int, dy: int, seed: int, rho: float = 0.8) -> Array:
    """Normal columns of X, then of Y, of which the first `linked` of each side are correlated one by one."""
    table = np.random.default_rng(seed).normal(size=(n, dx + dy))
    ys = slice(dx, dx + linked)
    table[:, ys] = rho * table[:, :linked] + np.sqrt(1 - rho**2) * table[:, ys]
    return table


def named(groups: list[NDArray[np.int64]]) -> list[set[int]]:
    return [set(group.tolist()) for group in groups]


@settings(deadline=None, max_examples=30)
@given(linked=st.integers(1, 4), spare_x=st.integers(0, 3), spare_y=st.integers(0, 3), seed=st.integers(0, 2**32 - 1))
def test_order_and_sides_make_no_difference(linked: int, spare_x: int, spare_y: int, seed: int) -> None:
    dx, dy = linked + spare_x, linked + spare_y
    table, side = pairs(600, linked, dx, dy, seed), np.arange(dx + dy) >= dx
    rng = np.random.default_rng(seed)
    columns, rows = rng.permutation(dx + dy), rng.permutation(600)
    found = named(find_blocks(ranks(table), side))
    for sides in (side[columns], ~side[columns]):
        other = find_blocks(ranks(table[rows][:, columns]), sides)
        assert sorted(map(sorted, found)) == sorted(sorted(columns[group].tolist()) for group in other)
    assert sum(map(len, found)) == len(set().union(*found))
    assert all(len(np.unique(side[list(group)])) == 2 for group in found)


@pytest.mark.parametrize(("linked", "dx", "dy"), [(2, 2, 2), (1, 3, 1), (3, 5, 4), (4, 20, 20)])
def test_pairs_are_found(linked: int, dx: int, dy: int) -> None:
    expected = [{j, dx + j} for j in range(linked)]
    rest = set(range(dx + dy)) - set().union(*expected)
    if any(j < dx for j in rest) and any(j >= dx for j in rest):
        expected.append(rest)
    side = np.arange(dx + dy) >= dx
    right = sum(named(find_blocks(ranks(pairs(600, linked, dx, dy, seed)), side)) == expected for seed in range(100))
    assert right >= 93  # chance joins what is apart in two of a hundred


def test_a_score_of_many_columns_depends_on_all_of_them() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1000, 32))
    y = x @ np.full(32, 0.12) + x[:, 0] + rng.normal(size=1000)
    assert find_blocks(ranks(np.column_stack([x, y])), np.arange(33) == 32) == []


def test_what_no_two_columns_show_stays_together() -> None:
    rng = np.random.default_rng(0)
    table = pairs(2000, 1, 3, 2, 0)
    table[:, 4] = np.abs(rng.normal(size=2000)) * np.sign(table[:, 1] * table[:, 2])
    assert named(find_blocks(ranks(table), np.arange(5) >= 3)) == [{0, 3}, {1, 2, 4}]


def test_where_all_hangs_together_or_nothing_does_there_are_no_blocks() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=(500, 1)) + 0.5 * rng.normal(size=(500, 5))
    assert find_blocks(ranks(one), np.arange(5) >= 3) == []
    assert find_blocks(ranks(rng.normal(size=(500, 5))), np.arange(5) >= 3) == []
    chain = rng.normal(size=(500, 4)).cumsum(1)  # X1, X2 | Y1, Y2: links within a side join blocks, too
    assert find_blocks(ranks(chain), np.arange(4) >= 2) == []


@pytest.mark.parametrize(
    "curve", [lambda x: x**2, lambda x: np.cos(np.pi * COSINES / 2 * x), lambda x: np.abs(x) > 0.7]
)
def test_dependence_without_correlation_links(curve) -> None:
    rng = np.random.default_rng(2)
    table = rng.uniform(-1, 1, (800, 4))
    table[:, 2] = curve(table[:, 0]) + 0.3 * rng.normal(size=800)
    assert named(find_blocks(ranks(table), np.arange(4) >= 2))[0] == {0, 2}


@pytest.mark.parametrize(("n", "d"), [(30, 4), (300, 8), (500, 40)])
def test_chance_links_few_samples(n: int, d: int) -> None:
    rng = np.random.default_rng(n)
    draws = 300
    linked = sum(
        find_blocks(rng.permuted(np.tile(np.arange(n)[:, None], d), axis=0), np.arange(d) >= d // 2) != []
        for _ in range(draws)
    )
    assert linked <= 12  # meant for 1 %; above 12 of 300 with a probability of 3e-5


@settings(deadline=None)
@given(values=st.lists(st.lists(st.floats(0, 20), min_size=5, max_size=5), min_size=1, max_size=6))
def test_sums_are_quantiles(values: list[list[float]]) -> None:
    terms = np.sort(np.array(values), 1)
    found = sum_of_blocks(LEVELS, terms)
    assert (np.diff(found) >= -1e-9).all()
    assert (found >= -1e-9).all()
    assert found[2] == pytest.approx(terms[:, 2].sum())
    assert (found[3:] <= terms.sum(0)[3:] + 1e-9).all()  # no wider than if all erred together
    if len(terms) == 1:
        assert found == pytest.approx(terms[0])


def test_sums_of_normal_laws_are_exact() -> None:
    means, sds = np.array([3.0, 2.0, 4.0]), np.array([0.3, 0.4, 1.2])
    found = sum_of_blocks(LEVELS, means[:, None] + sds[:, None] * probit(LEVELS))
    assert found == pytest.approx(9 + 1.3 * probit(LEVELS))


@given(
    n=st.integers(4, 10**6), d=st.integers(3, 128), median=st.floats(2, 10), gap=st.floats(-5, 5), sd=st.floats(0, 3)
)
def test_the_share_is_one_and_knows_what_speaks_against_it(
    n: int, d: int, median: float, gap: float, sd: float
) -> None:
    whole = np.maximum(median + probit(LEVELS), 0)
    summed = np.maximum(median + gap + sd * probit(LEVELS), 0)
    share = share_of_sum(LEVELS, whole, summed, n, d)
    assert 0 <= share <= 1
    assert share <= share_of_sum(LEVELS, whole, summed, 2 * n, d)
    assert share >= share_of_sum(LEVELS, whole + 1, summed, n, d) - 1e-9
