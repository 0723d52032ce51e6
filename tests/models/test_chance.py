"""What a table tells by chance alone: against scikit-learn, and against all permutations."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from mutualist.models.chance import adjusted_information, dependence_signs, expected_information
from mutualist.models.counts import count_equal, numbered

Integers = NDArray[np.int64]


def counts(x: Integers, y: Integers) -> tuple[torch.Tensor, torch.Tensor]:
    """Of samples x and y (B, n): how many rows have the value of each row in X, in Y and in both, and which exist."""
    number = numbered(torch.from_numpy(np.stack([x, y, x * 1000 + y], 1)))
    exists = torch.ones(len(x), 1, x.shape[1], dtype=torch.bool)
    return count_equal(number, exists), exists


@st.composite
def tables(draw: st.DrawFn, rows: tuple[int, int] = (10, 300), values: int = 40) -> tuple[Integers, Integers]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, a, b = draw(st.integers(*rows)), draw(st.integers(2, values)), draw(st.integers(2, values))
    x = rng.choice(a, n, p=rng.dirichlet(np.ones(a)))
    y = np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0])), x % b, rng.choice(b, n))
    return x, y


@settings(deadline=None)
@given(tables())
def test_chance_and_what_is_adjusted_for_it_are_those_of_scikit_learn(sample: tuple[Integers, Integers]) -> None:
    x, y = sample
    count, exists = counts(x[None], y[None])
    expected = expected_mutual_information(contingency_matrix(x, y, sparse=True).astype(np.int64), len(x))
    chance, known = expected_information(count[:, :2], exists)
    assert known.all()
    assert chance.item() == pytest.approx(expected, rel=0.03, abs=0.004)
    adjusted, known = adjusted_information(count, exists)
    most = min(mutual_info_score(x, x), mutual_info_score(y, y))
    if not known:
        assert most - expected <= 0.12 * most
        assert adjusted.item() == 0
    else:
        score = adjusted_mutual_info_score(x, y, average_method="min")
        assert adjusted.item() == pytest.approx(max(score * most, -0.5), abs=0.1 * expected + 0.001)


@settings(deadline=None, max_examples=20)
@given(tables(rows=(5, 6), values=4))
def test_over_all_permutations_the_sign_has_mean_zero_and_variance_one(sample: tuple[Integers, Integers]) -> None:
    x, y = sample
    orders = np.array(list(permutations(range(len(x)))))
    signs = dependence_signs(*counts(np.tile(x, (len(orders), 1)), y[orders])).double()
    z, phi = signs[:, 0].sign() * signs[:, 0].abs().expm1(), signs[:, 1].expm1()
    assert z.mean().item() == pytest.approx(0, abs=1e-4)
    assert z.square().mean().item() == pytest.approx(float(phi.std() > 1e-6), abs=1e-3)
    if phi.min() > -0.49:  # where nothing was cut off
        assert phi.mean().item() == pytest.approx(0, abs=1e-5)


def test_where_a_value_says_all_nothing_is_taken_off() -> None:
    x = np.random.default_rng(0).integers(0, 30, (1, 100))
    adjusted, known = adjusted_information(*counts(x, (7 * x) % 30))
    assert known.all()
    assert adjusted.item() == pytest.approx(mutual_info_score(x[0], x[0]), abs=1e-5)


def test_values_of_their_own_tell_nothing() -> None:
    x, y = np.arange(50)[None], np.random.default_rng(0).integers(0, 3, (1, 50))
    count, exists = counts(x, y)
    adjusted, known = adjusted_information(count, exists)
    assert not known.any()
    assert not adjusted.any()
    assert not dependence_signs(count, exists).any()


def test_padding_and_company_change_nothing() -> None:
    x, y = np.random.default_rng(0).integers(0, 5, (2, 3, 40))
    sizes = (40, 30, 40)
    exists = torch.arange(40)[None, None] < torch.tensor(sizes)[:, None, None]
    number = numbered(torch.from_numpy(np.stack([x, y, x * 1000 + y], 1)))
    count = count_equal(number, exists)
    for i, n in enumerate(sizes):
        alone = counts(x[i : i + 1, :n], y[i : i + 1, :n])
        torch.testing.assert_close(adjusted_information(count, exists)[0][i : i + 1], adjusted_information(*alone)[0])
        torch.testing.assert_close(dependence_signs(count, exists)[i : i + 1], dependence_signs(*alone))
