"""Values that rows share: the counts of a table, what they must not depend on, and where they say nothing."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from mutualist.models.atoms import TABLE, Atoms, find_atoms
from mutualist.models.counts import COUNTS
from mutualist.models.kinds import ENOUGH
from mutualist.models.scores import random_ranks

Floats = NDArray[np.float64]


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def found(x: Floats, y: Floats, padding: tuple[int, int] = (0, 0)) -> Atoms:
    """Atoms of one sample, with so many rows and columns of padding."""
    n, dx, d = len(x), x.shape[1], x.shape[1] + y.shape[1]
    values = torch.zeros(1, n + padding[0], d + padding[1], dtype=torch.float64)
    values[0, :n, :d] = torch.from_numpy(np.concatenate([x, y], 1))
    rows, columns = torch.arange(n + padding[0])[None] < n, torch.arange(d + padding[1])[None] < d
    ranks = random_ranks(values, rows, torch.Generator())
    return find_atoms(*ranks, (torch.arange(d + padding[1])[None] >= dx) & columns, rows, columns)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, k = draw(st.integers(4, 60)), draw(st.integers(1, 4))
    x, y = (rng.integers(0, k, (n, draw(st.integers(1, 3)))).astype(float) for _ in "xy")
    y[:, 0] = np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0])), x[:, 0], y[:, 0])
    return x, y


def cells(values: Floats) -> NDArray[np.int64]:
    return np.unique(values, axis=0, return_inverse=True)[1].ravel()


@settings(deadline=None)
@given(tables())
def test_the_estimates_are_those_of_the_table(sample: tuple[Floats, Floats]) -> None:
    x, y = sample
    n, a, b, both = len(x), cells(x), cells(y), cells(np.concatenate(sample, 1))
    kx, ky, k = (c.max() + 1 for c in (a, b, both))
    alone = np.bincount(both)[both] == 1
    atoms = found(x, y)
    assert atoms.known[0, :COUNTS].tolist() == [alone.mean() < 1 - ENOUGH] * COUNTS
    if atoms.known[0, 0]:
        bias = np.array([k - kx - ky + 1, (kx - 1) * (ky - 1)]) / (2 * n)
        np.testing.assert_allclose(
            atoms.estimates[0, :COUNTS], np.maximum(mutual_info_score(a, b) - bias, -0.5), atol=1e-6
        )


@settings(deadline=None)
@given(tables(), st.integers(0, 2**32 - 1))
def test_only_equality_counts(sample: tuple[Floats, Floats], seed: int) -> None:
    x, y = sample
    rng = np.random.default_rng(seed)
    atoms = found(x, y)
    # A column most of whose few rows differ counts as continuous, and of that one the order matters.
    assume(bool((atoms.columns[0, :, 0] >= 1 - ENOUGH).all()))
    rows, places = rng.permutation(len(x)), rng.permutation(x.shape[1])
    names = rng.permutation(10).astype(float)
    renamed = found(names[x.astype(int)][rows][:, places], 10.0 ** y[rows], padding=(3, 2))
    swapped = found(y, x)
    for other in (renamed, swapped):
        close(other.context, atoms.context)
        close(other.estimates, atoms.estimates)
    close(renamed.columns[0, : x.shape[1]], atoms.columns[0, places])
    across = slice(x.shape[1], x.shape[1] + y.shape[1])
    close(renamed.pairs[0, : x.shape[1], across], atoms.pairs[0, places, x.shape[1] :])
    assert not renamed.columns[0, x.shape[1] + y.shape[1] :].any()


def test_of_independent_tables_the_second_estimate_is_zero_on_average() -> None:
    rng = np.random.default_rng(0)
    draws = [found(*rng.integers(0, 3, (2, 60, 1)).astype(float)).estimates[0, 1].item() for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(len(draws))


@pytest.mark.parametrize("kind", ["continuous", "one side", "a few ties"])
def test_counts_say_nothing_where_few_rows_share_a_cell(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(100, 1))
    if kind == "one side":
        x = np.sign(x)
    elif kind == "a few ties":
        x[:20, 0] = y[:20, 0] = np.arange(20) // 2
    atoms = found(x, y)
    assert not atoms.known[0, :COUNTS].any()
    assert not atoms.estimates[0, :COUNTS].any()
    assert bool(atoms.context.any()) == (kind != "continuous")


@pytest.mark.parametrize(("beyond", "discrete"), [(0.0, True), (0.005, True), (0.08, False)])
def test_a_column_that_goes_on_beyond_a_threshold_makes_no_classes(beyond: float, discrete: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 1))
    y = np.where(np.arange(600)[:, None] < 600 * beyond, x, np.sign(x) * 9)
    atoms = found(x, y)
    assert (atoms.classes is not None) == discrete
    assert bool(atoms.known[0, -1]) == discrete


def test_a_batch_gives_what_each_sample_gives() -> None:
    rng = np.random.default_rng(0)
    samples = [(np.sign(rng.normal(size=(40, 1))), np.round(rng.normal(size=(40, 2)))), (*rng.normal(size=(2, 40, 1)),)]
    samples[1] = (samples[1][0], np.column_stack([samples[1][1], np.zeros(40)]))
    values = torch.from_numpy(np.stack([np.concatenate(s, 1) for s in samples]))
    rows, columns = torch.ones(2, 40, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)
    ranks = random_ranks(values, rows, torch.Generator())
    batch = find_atoms(*ranks, torch.tensor([[False, True, True]]).expand(2, -1), rows, columns)
    for i, (x, y) in enumerate(samples):
        alone = found(x, y)
        for name in ("columns", "estimates", "known", "context", "pairs"):
            close(getattr(batch, name)[i : i + 1], getattr(alone, name))


@pytest.mark.parametrize("levels", [300, 1000])
def test_rounding_makes_no_atoms(levels: int) -> None:
    """A column that is continuous but for rounding is a continuous one, however many rows share their values."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2))
    x[:, 1] += x[:, 0]
    x = np.round((x - x.min(0)) / np.ptp(x, axis=0) * levels)
    assert all(len(np.unique(column)) < 1000 for column in x.T)
    atoms = found(x[:, :1], x[:, 1:])
    assert not atoms.columns.any()
    assert not atoms.context.any()


def test_a_category_of_many_values_makes_classes() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, (800, 1)).astype(float)
    assert found(x, rng.normal(size=(800, 1))).classes is not None
    assert found(x[:200], rng.normal(size=(200, 1))).classes is None  # two rows a value are too few to tell


def test_each_pair_of_several_columns_has_a_table_of_its_own() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 3, (2, 400, 3)).astype(float)
    x[:, 2], y[:, 1] = rng.normal(size=400), x[:, 0]
    _, _, known, sign, _, information = found(x, y).pairs[0].unbind(-1)
    assert torch.equal(known, known.T)
    assert known.sum() == 2 * 2 * 3
    assert sign[0, 4] > np.log1p(10)
    assert sign[[0, 1, 1, 1], [3, 3, 4, 5]].abs().max() < np.log1p(4)
    assert information[0, 4].expm1() == pytest.approx(np.log(3), abs=0.05)
    assert not found(x[:, :1], y[:, :1]).pairs.any()  # the table of the whole says the same


def test_values_beyond_atoms_are_one_value_of_the_table() -> None:
    rng = np.random.default_rng(0)
    wet, code = rng.random((2, 500, 1)) < 0.5
    code = np.where(rng.random((500, 1)) < 0.8, wet, code).astype(float)
    amount = np.where(wet, rng.normal(size=(500, 1)), 0)
    atoms = found(np.column_stack([amount, np.zeros(500)]), code)
    adjusted = adjusted_mutual_info_score(wet.ravel(), code.ravel(), average_method="min")
    most = min(mutual_info_score(v.ravel(), v.ravel()) for v in (wet, code))
    assert atoms.known[0, :TABLE].all()
    assert atoms.estimates[0, TABLE - 1].item() == pytest.approx(adjusted * most, abs=1e-3)
