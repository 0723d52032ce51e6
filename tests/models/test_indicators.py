"""Indicators of one class are found, and nothing else is taken for them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mutualist.models.indicators import indicator_classes

Floats = NDArray[np.float64]


def found(values: Floats, side: list[bool] | None = None, padding: int = 0) -> tuple[NDArray[np.int64], list[int]]:
    """Levels (n, d) and sizes of one sample of values (n, d)."""
    n, d = values.shape
    level = np.zeros((1, d, n + padding), np.int64)
    level[0, :, :n] = np.stack([np.unique(column, return_inverse=True)[1] for column in values.T])
    existing = torch.arange(n + padding) < n
    sides = torch.tensor([side or [False] * d])
    levels, sizes = indicator_classes(torch.from_numpy(level), sides, existing.expand(1, d, -1))
    return levels[0, :, :n].numpy().T, sizes[0].tolist()


def same(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether two columns are equal up to the names of their values."""
    pairs = {(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 8), st.booleans(), st.booleans(), st.integers(0, 5))
def test_the_class_of_indicators_is_that_which_made_them(
    seed: int, k: int, dropped: bool, frequent: bool, padding: int
) -> None:
    rng = np.random.default_rng(seed)
    p = np.r_[0.6, np.full(k - 1, 0.4 / (k - 1))] if frequent else np.full(k, 1 / k)
    c = rng.choice(k, size=1000, p=p)
    columns = np.eye(k)[c][:, dropped:]
    if frequent or k > 3:
        flipped = rng.random(columns.shape[1]) < 0.5
        columns = np.where(flipped, -columns, columns)  # a decreasing map
    other = rng.integers(0, 2, (1000, 1))
    order = rng.permutation(columns.shape[1] + 1)
    levels, sizes = found(np.hstack([columns, other])[:, order], padding=padding)
    own = order < columns.shape[1]
    if columns.shape[1] == 2 and not dropped:
        return
    assert [s for s, mine in zip(sizes, own, strict=True) if mine] == [columns.shape[1]] * columns.shape[1]
    assert all(same(levels[:, j], c) for j in np.flatnonzero(own))
    (alone,) = np.flatnonzero(~own)
    assert sizes[alone] == 1
    assert same(levels[:, alone], other[:, 0])
    assert levels.max() < 1000


@pytest.mark.parametrize("kind", ["independent", "rare", "both sides", "continuous", "copies"])
def test_other_columns_are_left_as_they_are(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (100, 4)).astype(float)
    side = [False] * 4
    if kind == "rare":
        values = np.eye(4)[np.minimum(np.arange(100), 3)][:, :3]  # one row each: that they never meet may be chance
        side = [False] * 3
    elif kind == "both sides":
        values, side = np.eye(3)[rng.integers(0, 3, 100)][:, :2], [False, True]
    elif kind == "continuous":
        values = rng.normal(size=(100, 4))
    elif kind == "copies":
        values[:, 1] = values[:, 0]
        values[:, 2] = 1 - values[:, 0]
    levels, sizes = found(values, side)
    assert sizes == [1] * values.shape[1]
    assert all(
        same(one, np.unique(other, return_inverse=True)[1]) for one, other in zip(levels.T, values.T, strict=True)
    )


def test_two_classes_are_two_groups() -> None:
    rng = np.random.default_rng(0)
    c, d = rng.integers(0, 3, 500), rng.integers(0, 4, 500)
    levels, sizes = found(np.hstack([np.eye(3)[c], np.eye(4)[d]]))
    assert sizes == [3] * 3 + [4] * 4
    assert same(levels[:, 0], c)
    assert same(levels[:, 5], d)
