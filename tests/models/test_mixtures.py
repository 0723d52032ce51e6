"""What columns tell that are discrete in part: the chain rule against known sums, and what it must not depend on."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import norm, rankdata

from mutualist.models.atoms import TABLE, Atoms, find_atoms
from mutualist.models.classes import LAGS
from mutualist.models.mixtures import FEWEST, normal_information
from mutualist.models.scores import random_ranks

Floats = NDArray[np.float64]
MIXED = slice(TABLE, TABLE + len(LAGS))  # among the estimates


def found(x: Floats, y: Floats, padding: int = 0) -> Atoms:
    n = len(x)
    values = torch.zeros(1, n + padding, 2, dtype=torch.float64)
    values[0, :n] = torch.from_numpy(np.column_stack([x, y]))
    rows = torch.arange(n + padding)[None] < n
    ranks = random_ranks(values, rows, torch.Generator())
    return find_atoms(*ranks, torch.tensor([[False, True]]), rows, torch.ones(1, 2, dtype=torch.bool))


def pair(n: int, r: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    x, noise = rng.normal(size=(2, n))
    return x, r * x + np.sqrt(1 - r * r) * noise


def check(draws: list[tuple[Floats, Floats]], truth: float) -> None:
    """The mean over draws is the truth, and the same for sides and rows in another order, other units, and padding."""
    values = []
    for x, y in draws:
        atoms = found(x, y)
        assert atoms.known[0, MIXED].all()
        assert atoms.classes is None
        values.append(atoms.estimates[0, MIXED].numpy())
    for other in (found(y, x), found(x, y, padding=9), found(-x, np.exp(y))):
        np.testing.assert_allclose(other.estimates[0, MIXED], values[-1], atol=1e-5)
    assert np.abs(np.mean(values, 0) - truth).max() < 0.02 + 4 * np.std(values) / np.sqrt(len(draws))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_values_beyond_a_threshold_add_what_they_tell(share: float) -> None:
    """Y is 0, or Z: I(X; Y) = I(X; Y = 0) + P(Y != 0) I(X; Z | Y != 0), of which the first is 0 here."""
    rng = np.random.default_rng(0)
    draws = [pair(200, 0.8, rng) for _ in range(60)]
    draws = [(x, np.where(rng.random(200) < share, y + 9, 0.0)) for x, y in draws]
    check(draws, -0.5 * share * np.log(1 - 0.8**2))


def test_two_columns_of_which_both_are_zero_in_part() -> None:
    """Whether each is zero is a table; where neither is, they are normal."""
    rng = np.random.default_rng(0)
    table = np.array([[0.3, 0.15], [0.1, 0.45]])
    draws = []
    for _ in range(60):
        cell = rng.choice(4, size=300, p=table.ravel())
        x, y = pair(300, 0.9, rng)
        draws.append((np.where(cell > 1, x + 9, 0.0), np.where(cell % 2 == 1, y + 9, 0.0)))
    of_table = xlogy(table, table / table.sum(0) / table.sum(1, keepdims=True)).sum()
    check(draws, of_table - 0.5 * table[1, 1] * np.log(1 - 0.9**2))


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_a_code_for_what_is_missing_in_both_columns_is_seen_however_rare(share: float) -> None:
    """Both are -999 in the same rows, and else tell nothing of one another: I is the entropy of that."""
    rng, n = np.random.default_rng(2), 1000
    draws = []
    for _ in range(20):
        x, y = pair(n, 0.0, rng)
        missing = rng.permutation(n) < share * n
        draws.append((np.where(missing, -999, x), np.where(missing, -999, y)))
    check(draws, float(-xlogy(share, share) - xlogy(1 - share, 1 - share)))


def test_independent_columns_have_nothing_in_common() -> None:
    rng = np.random.default_rng(0)
    check([(rng.normal(size=150), np.maximum(rng.normal(size=150), 0.0)) for _ in range(60)], 0.0)


def test_among_several_columns_each_tells_of_the_one_that_it_tells_most_of() -> None:
    rng = np.random.default_rng(0)
    c, (z, w) = rng.integers(0, 3, 300).astype(float), pair(300, 0.9, rng)
    near, amount = c + 0.5 * rng.normal(size=300), np.where(rng.random(300) < 0.5, w + 9, 0.0)
    values, rows = torch.from_numpy(np.column_stack([c, z, near, amount]))[None], torch.ones(1, 300, dtype=torch.bool)
    ranks = random_ranks(values, rows, torch.Generator())
    side, columns = torch.tensor([[False, False, True, True]]), torch.ones(1, 4, dtype=torch.bool)
    atoms = find_atoms(*ranks, side, rows, columns)
    told = atoms.columns[0, :, 2:-1].exp() - 1
    for one, other, at in ((c, near, (0, 2)), (z, amount, (1, 3))):
        for column in at:
            np.testing.assert_allclose(told[column], found(one, other).estimates[0, MIXED], atol=1e-5)
    assert not atoms.known[0, MIXED].any()  # no column tells of the other side as a whole


@pytest.mark.parametrize("rows", [7, 40])
def test_normal_information_is_that_of_the_scores_of_the_chosen_rows(rows: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.permutation(90), rng.permutation(90)
    chosen = np.arange(90) < rows
    (value,) = normal_information(*(torch.from_numpy(v)[None] for v in (x, y, chosen))).tolist()
    scores = [norm.ppf((rankdata(v[chosen]) - 0.5) / rows) for v in (x, y)]
    expected = -0.5 * np.log(1 - np.corrcoef(*scores)[0, 1] ** 2) - 0.5 / rows
    assert value == pytest.approx(expected if rows >= FEWEST else 0, abs=1e-5)
