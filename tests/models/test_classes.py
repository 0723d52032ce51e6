"""What a column tells of classes: the formula by hand, no bias where none is due, and when nothing is said."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import digamma
from scipy.stats import rankdata

from mutualist.models.atoms import TABLE, Atoms, find_atoms
from mutualist.models.classes import LAGS
from mutualist.models.scores import random_ranks

GAPS = slice(TABLE, TABLE + len(LAGS))  # among the estimates


def found(x: NDArray[np.float64], y: NDArray[np.float64], padding: int = 0) -> Atoms:
    n, dx, d = len(x), x.shape[1], x.shape[1] + y.shape[1]
    values = torch.zeros(1, n + padding, d, dtype=torch.float64)
    values[0, :n] = torch.from_numpy(np.concatenate([x, y], 1))
    rows = torch.arange(n + padding)[None] < n
    ranks = random_ranks(values, rows, torch.Generator())
    return find_atoms(*ranks, torch.arange(d)[None] >= dx, rows, torch.ones(1, d, dtype=torch.bool))


def by_hand(classes: NDArray[np.int64], y: NDArray[np.float64], lag: int) -> tuple[float, bool]:
    n, ranks, total, covered = len(y), rankdata(y, method="ordinal"), 0.0, 0.0
    for c in np.unique(classes):
        own = np.sort(ranks[classes == c])
        if len(own) > lag:
            gaps = own[lag:] - own[:-lag]
            each = digamma(lag) - digamma(len(own) + 1) + digamma(n + 1) - digamma(gaps)
            total, covered = total + len(own) / n * each.mean(), covered + len(own) / n
    return (max(total / covered, -0.5), True) if covered > 0.5 else (0.0, False)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("columns", [1, 2])
def test_the_estimates_are_those_of_the_formula(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(6, 80)), int(rng.integers(1, 6))
    x = rng.integers(0, k, (n, columns)).astype(float)
    y = rng.normal(size=(n, 1)) + x[:, :1]
    classes = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    expected = [by_hand(classes, y[:, 0], lag) for lag in LAGS]
    alone = np.bincount(classes)[classes] == 1
    if alone.mean() >= 0.1 or any(np.bincount(x[:, j].astype(int)).min() == 1 for j in range(columns)):
        return  # then X has values of its own, which are no atoms
    for atoms in (found(x, y), found(y, x), found(x, y, padding=5), found(x, -y)):
        values, known = atoms.estimates[0, GAPS], atoms.known[0, GAPS]
        assert known.tolist() == [k for _, k in expected]
        np.testing.assert_allclose(values, [v for v, _ in expected], atol=2e-5)
    np.testing.assert_allclose(found(x, y).columns[0, columns, 2:-1].exp() - 1, [v for v, _ in expected], atol=2e-5)


def test_of_independent_columns_the_estimates_are_zero_on_average() -> None:
    rng = np.random.default_rng(0)
    draws = [found(rng.integers(0, 3, (90, 1)).astype(float), rng.normal(size=(90, 1))) for _ in range(400)]
    values = torch.stack([atoms.estimates[0, GAPS] for atoms in draws]).numpy()
    assert (abs(values.mean(0)) < 4 * values.std(0) / 20).all()


@pytest.mark.parametrize("kind", ["continuous", "discrete", "two columns", "rounded"])
def test_nothing_is_said_without_classes_on_one_side_and_one_continuous_column_on_the_other(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3, (60, 1)).astype(float), rng.normal(size=(60, 1))
    if kind == "continuous":
        x = rng.normal(size=(60, 1))
    elif kind == "discrete":
        y = np.sign(y)
    elif kind == "two columns":
        y = rng.normal(size=(60, 2))
    else:
        x = np.round(rng.normal(size=(60, 1)), 2)  # some rows share a value by accident
    atoms = found(x, y)
    assert not atoms.known[0, GAPS].any()
    assert not atoms.estimates[0, GAPS].any()
    assert atoms.columns[0, :, 2:-1].any() == (kind == "two columns")  # each tells something by itself


@pytest.mark.parametrize("swapped", [False, True])
def test_a_discrete_side_beside_one_that_is_not_makes_classes_of_its_values(swapped: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (60, 2)).astype(float), rng.normal(size=(60, 3))
    atoms = found(y, x, padding=4) if swapped else found(x, y, padding=4)
    assert atoms.classes is not None
    assert atoms.classes.side[0].tolist() == [not swapped, swapped]
    assert atoms.known[0, -1]
    of_class = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    same = atoms.classes.number[0, :60].numpy()
    np.testing.assert_array_equal(same[:, None] == same, of_class[:, None] == of_class)
    assert found(x, np.sign(y)).classes is None  # tables have counts
    assert found(rng.normal(size=(60, 1)), y).classes is None
