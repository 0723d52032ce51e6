"""The discriminant against rows left out one by one, what it must not depend on, and its slopes."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_t

from mutualist.models import discriminant
from mutualist.models.discriminant import MOST, PRIOR, RIDGE, discriminant_information


def by_hand(z: NDArray[np.float64], of_class: NDArray[np.int64]) -> float:
    """Every row left out of its class, whose law is then made anew from the others."""
    n, d = z.shape
    names = np.unique(of_class)
    residual = np.concatenate([z[of_class == c] - z[of_class == c].mean(0) for c in names])
    shared = residual.T @ residual / (n - len(names)) + (RIDGE[0] + RIDGE[1] / n) * np.eye(d)
    terms = []
    for row in range(n):
        logs = []
        for c in names:
            rows = z[(of_class == c) & (np.arange(n) != row)]
            if len(rows) == 0:
                break
            scatter = (rows - rows.mean(0)).T @ (rows - rows.mean(0)) + PRIOR * d * shared
            freedom = PRIOR * d + len(rows) + 2
            law = multivariate_t(rows.mean(0), scatter * (len(rows) + 1) / len(rows) / freedom, df=freedom)
            logs.append(law.logpdf(z[row]) + np.log((of_class == c).mean()))
        else:
            own = int(np.searchsorted(names, of_class[row]))
            terms.append(logs[own] - logsumexp(logs) - np.log((of_class == names[own]).mean()))
    return float(np.mean(terms)) if terms else 0.0


def sample(n: int, d: int, classes: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    of_class = rng.permutation(np.arange(n) % classes)
    return rng.normal(size=(n, d)) + rng.normal(size=(classes, d))[of_class], of_class


def found(z: NDArray[np.float64], of_class: NDArray[np.int64]) -> float:
    everything = torch.ones(1, len(z), dtype=torch.bool), torch.ones(1, z.shape[1], dtype=torch.bool)
    value, known = discriminant_information(torch.from_numpy(z)[None], torch.from_numpy(of_class)[None], *everything)
    assert bool(known) or float(value) == 0
    return float(value)


@pytest.mark.parametrize(("n", "d", "classes"), [(6, 1, 2), (40, 3, 4), (12, 7, 3), (150, 2, 2)])
def test_it_leaves_each_row_out(n: int, d: int, classes: int) -> None:
    z, of_class = sample(n, d, classes)
    assert found(z, of_class) == pytest.approx(by_hand(z, of_class), abs=1e-9)


def test_padding_chunks_numbers_and_other_samples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [sample(n, d, c, n) for n, d, c in ((20, 2, 2), (31, 4, 5), (26, 1, 3))]
    z, number = torch.full((3, 40, 5), 7.0, dtype=torch.float64), torch.full((3, 40), 9)
    rows, columns = torch.zeros(3, 40, dtype=torch.bool), torch.zeros(3, 5, dtype=torch.bool)
    for i, (values, of_class) in enumerate(samples):
        n, d = values.shape
        z[i, :n, :d], number[i, :n] = torch.from_numpy(values), torch.from_numpy((of_class + 1) % (of_class.max() + 1))
        rows[i, :n], columns[i, :d] = True, True
    expected = torch.tensor([found(values, of_class) for values, of_class in samples], dtype=torch.float64)
    for chunk in (discriminant.CHUNK, 1):
        monkeypatch.setattr(discriminant, "CHUNK", chunk)
        informed, known = discriminant_information(z, number, rows, columns)
        torch.testing.assert_close(informed, expected)
        assert known.all()


def test_too_many_classes_and_rows_alone_say_nothing() -> None:
    z, _ = sample(4 * MOST, 2, 2)
    for values, of_class in ((z, np.arange(4 * MOST) % (MOST + 1)), (z[:20], np.arange(20))):
        rows, columns = torch.ones(1, len(values), dtype=torch.bool), torch.ones(1, 2, dtype=torch.bool)
        seen = torch.from_numpy(values)[None], torch.from_numpy(of_class)[None], rows, columns
        value, known = discriminant_information(*seen)
        assert value == 0
        assert not known


def test_it_looks_at_the_first_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    z, of_class = sample(50, 2, 3)
    expected = found(z[:30], of_class[:30])
    monkeypatch.setattr(discriminant, "ROWS", 30)
    assert found(z, of_class) == expected


def test_it_comes_near_the_truth_of_normal_classes_and_is_no_larger_than_their_entropy() -> None:
    z, of_class = sample(4_000, 1, 2, seed=3)
    means = np.array([z[of_class == c].mean() for c in (0, 1)])
    grid = np.linspace(-8, 8, 4_001)
    densities = np.exp(-((grid[:, None] - means) ** 2) / 2) / np.sqrt(2 * np.pi)
    truth = -np.trapezoid(densities.mean(1) * np.log(densities.mean(1)), grid) - 0.5 * (1 + np.log(2 * np.pi))
    assert found(z, of_class) == pytest.approx(truth, abs=0.02)
    assert found(z + 50 * of_class[:, None], of_class) == pytest.approx(np.log(2), abs=1e-3)


def test_its_slopes_are_those_that_differences_show() -> None:
    z, of_class = sample(15, 3, 3)
    number, rows = torch.from_numpy(of_class)[None], torch.ones(1, 15, dtype=torch.bool)
    columns = torch.tensor([[True, True, False]])
    values = torch.from_numpy(z)[None].requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: discriminant_information(v, number, rows, columns)[0], (values,))
