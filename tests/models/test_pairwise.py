"""Pairs described from what a table's columns share are described as each would be alone, among others or padded."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.models import ModelConfig, MutualInfoNet, scores_from_ranks
from mutualist.models.column_statistics import _in_order, column_statistics
from mutualist.models.describe import Description, describe
from mutualist.models.pairwise import describe_pairs
from mutualist.models.spectral import GRID, SHRINKAGES, spectral_mi

CONFIG = ModelConfig(width=16, pair_width=8, layers=3, heads=2)


def table_scores(seed: int, n: int, d: int) -> torch.Tensor:
    """Scores (n, d) of columns that depend on one another in many ways, and of one that is another's mirror image."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, d))
    values[:, 1] = values[:, 0] ** 2 + 0.1 * values[:, 1]
    values[:, 2] = -values[:, 0]
    values[:, 3] = np.sin(3 * values[:, 0]) + rng.uniform(0, 1) * values[:, 3]
    return scores_from_ranks(torch.from_numpy(values.argsort(0).argsort(0))[None])[0]


def one_by_one(scores: torch.Tensor, pairs: torch.Tensor) -> Description:
    count, n = len(pairs), len(scores)
    return describe(
        scores[:, pairs].transpose(0, 1).contiguous(),
        torch.tensor([False, True]).expand(count, 2),
        torch.ones(count, n, dtype=torch.bool),
        torch.ones(count, 2, dtype=torch.bool),
        CONFIG,
    )


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(4, 300), d=st.integers(4, 7))
def test_pairs_are_described_as_each_would_be_alone(seed, n, d):
    scores = table_scores(seed, n, d)
    pairs = torch.tensor(list(combinations(range(d), 2)))
    alone = one_by_one(scores, pairs)
    shared = describe_pairs(column_statistics(scores, CONFIG), pairs[:, 0], pairs[:, 1], CONFIG)
    for name in ("moments", "moves", "fine", "columns", "side", "derived", "bivariate", "anchors", "context"):
        expected, found = getattr(alone, name), getattr(shared, name)
        torch.testing.assert_close(found.float(), expected.float(), rtol=1e-4, atol=2e-5, msg=name)


def test_a_pair_among_wider_samples_is_answered_as_alone(torch_seed):
    net = MutualInfoNet(CONFIG).eval()
    torch.nn.init.normal_(net.single.head.weights.weight)  # a new head ignores what it reads
    torch.nn.init.normal_(net.single.head.correction.weight)
    scores = table_scores(0, 60, 5)
    pair = one_by_one(scores, torch.tensor([[0, 1]]))
    padded = torch.zeros(2, 60, 5)
    padded[0, :, :2], padded[1] = scores[:, :2], scores
    columns = torch.tensor([[True, True, False, False, False], [True] * 5])
    side = torch.tensor([[False, True, False, False, False], [False, False, True, True, True]])
    with torch.inference_mode():
        alone = net.answer(pair)[0]
        among = net(padded, side, torch.ones(2, 60, dtype=torch.bool), columns)[0]
    torch.testing.assert_close(among, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chunk", [50, 1 << 22])
def test_statistics_do_not_depend_on_how_rows_are_cut(monkeypatch, chunk):
    monkeypatch.setattr("mutualist.models.column_statistics.CHUNK", chunk)
    found = column_statistics(table_scores(1, 97, 4), CONFIG)
    monkeypatch.undo()
    expected = column_statistics(table_scores(1, 97, 4), CONFIG)
    torch.testing.assert_close(found.products, expected.products, rtol=1e-4, atol=1e-5)


def test_comparators_sort_as_numpy_does(monkeypatch):
    rows = np.random.default_rng(0).permutation(8 * 400).reshape(2, 2, 100, 8).astype(np.float32)
    rows[0, 0, :, 3] = rows[0, 0, :, 5]
    expected = np.moveaxis(np.sort(rows, -1), -1, 0)
    for many in (1, rows.size + 1):
        monkeypatch.setattr("mutualist.models.column_statistics.MANY", many)
        np.testing.assert_array_equal(_in_order(rows.copy()), expected)


@pytest.mark.parametrize("n", [70, torch.arange(50, 57)])
def test_spectral_estimates_do_not_depend_on_how_many_are_made_at_once(monkeypatch, n):
    coefficients = 0.1 * torch.randn(7, 12, 12, generator=torch.Generator().manual_seed(0))
    expected = spectral_mi(coefficients, n)
    monkeypatch.setattr("mutualist.models.spectral.CHUNK", 3 * len(SHRINKAGES) * GRID**2)
    torch.testing.assert_close(spectral_mi(coefficients, n), expected)
