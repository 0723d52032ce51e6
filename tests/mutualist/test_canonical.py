"""Canonical ranks: a function of the sample, not of how it was written down, and ties broken evenly."""

from random import Random

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import rankdata

from mutualist.canonical import canonical_ranks, centred_mid_ranks

Floats = NDArray[np.float64]


def fingerprint(values: Floats, dx: int) -> tuple[list[float], ...]:
    """What a network blind to order, sides and orientation can see of the ranks: moments, sorted."""
    ranks, _ = canonical_ranks(*centred_mid_ranks(values), np.arange(values.shape[1]) >= dx)
    centred = 2.0 * ranks - (len(ranks) - 1)
    squares = centred**2
    moments = np.abs(centred.T @ centred), np.abs(centred.T @ squares), squares.T @ squares
    return tuple(np.sort(m.sum(0)).tolist() for m in moments)


@st.composite
def samples(draw: st.DrawFn, low: int = 0, high: int = 3) -> tuple[Floats, int]:
    """Tables full of ties: (n, d) small integers, and the number of columns that are X's."""
    n, dx, dy = draw(st.integers(4, 24)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return draw(arrays(np.float64, (n, dx + dy), elements=st.integers(low, high).map(float))), dx


SYMMETRIC = np.array([[1.0, 0, 2], [1, 0, 0], [0, 1, 0], [0, 1, 2]])  # no third moment, no correlation across


@settings(max_examples=60, deadline=None)
@given(samples(), st.randoms(use_true_random=False))
@example((SYMMETRIC, 2), Random(0))
def test_ranks_do_not_depend_on_how_the_sample_was_written_down(sample: tuple[Floats, int], random: Random) -> None:
    values, dx = sample
    rng = np.random.default_rng(random.randint(0, 2**32))
    x, y = np.arange(dx), np.arange(dx, values.shape[1])
    rows = rng.permutation(len(values))
    expected = fingerprint(values, dx)
    assert fingerprint(values[rows], dx) == expected
    assert fingerprint(values[rows][:, [*rng.permutation(x), *rng.permutation(y)]], dx) == expected
    assert fingerprint(values[:, [*y, *x]], len(y)) == expected
    assert fingerprint(np.exp(values) * 1e6, dx) == expected


@pytest.mark.parametrize("kind", ["binary", "table", "mixed", "continuous"])
def test_ranks_do_not_depend_on_the_direction_of_a_column(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        values = rng.normal(size=(rng.integers(20, 200), 4))
        values[:, 3] += values[:, 0]
        if kind != "continuous":
            columns = [0] if kind == "mixed" else slice(None)
            values[:, columns] = np.digitize(values[:, columns], [0] if kind == "binary" else [-1, 0, 1])
        flipped = values * [-1, 1, -1, 1]
        assert fingerprint(flipped[rng.permutation(len(values))], 2) == fingerprint(values, 2)


def test_without_ties_they_are_the_ranks() -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    centred, tied = centred_mid_ranks(values)
    ranks, _ = canonical_ranks(centred, tied, np.array([False, False, True]), ordered=False)
    np.testing.assert_array_equal(ranks, rankdata(values, axis=0) - 1)
    assert not tied.any()


@settings(max_examples=30, deadline=None)
@given(samples())
def test_every_column_holds_each_rank_once_and_keeps_its_order(sample: tuple[Floats, int]) -> None:
    values, dx = sample
    centred, tied = centred_mid_ranks(values)
    ranks, ordered = canonical_ranks(centred, tied, np.arange(values.shape[1]) >= dx)
    np.testing.assert_array_equal(np.sort(ranks, axis=0), np.arange(len(values))[:, None].repeat(values.shape[1], 1))
    counts = [np.unique(c, return_counts=True)[1] for c in values.T]
    np.testing.assert_array_equal(tied, [len(c) < len(values) for c in counts])
    for column, count in zip(ordered.T, counts, strict=True):  # in other rows, and turned round perhaps
        np.testing.assert_array_equal(np.sort(np.unique(column, return_counts=True)[1]), np.sort(count))


def test_identical_discrete_columns_get_their_own_randomness() -> None:
    """X = Y with four values: inside an atom the two are independent, so that the information is that of the table."""
    x = np.random.default_rng(0).integers(0, 4, 4000).astype(float)
    ranks, _ = canonical_ranks(*centred_mid_ranks(np.column_stack([x, x])), np.array([False, True]))
    inside = ranks[ranks.max(1) < (x == 0).sum()]
    assert abs(np.corrcoef(inside.T)[0, 1]) < 0.1
