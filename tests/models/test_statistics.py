"""The classical estimates that the network is given, each against its definition computed otherwise."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import digamma, gammaln
from scipy.stats import norm, rankdata

from mutualist.models import ModelConfig, neighbours, normal_scores
from mutualist.models.basis import basis, unit_scores
from mutualist.models.classes import Classes
from mutualist.models.describe import describe
from mutualist.models.gaussian import gaussian_mi
from mutualist.models.neighbours import neighbour_statistics
from mutualist.models.pairs import concomitants, cross_moments, walks_along
from mutualist.models.slices import SLICE_FEATURES
from mutualist.models.smooth import soft_neighbour_statistics
from mutualist.models.spectral import spectral_mi


def masks(n: int) -> torch.Tensor:
    return torch.ones(1, n, dtype=torch.bool)


def test_normal_scores_are_those_of_the_ranks() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    scores = normal_scores(torch.from_numpy(values)[None], masks(50))[0].numpy()
    np.testing.assert_allclose(scores, norm.ppf((rankdata(values, axis=0) - 0.5) / 50), atol=1e-5)


def test_ties_are_broken_at_random_and_evenly() -> None:
    values = torch.zeros(1, 2000, 1)
    first = normal_scores(values, masks(2000), torch.Generator().manual_seed(1))
    second = normal_scores(values, masks(2000), torch.Generator().manual_seed(2))
    assert abs(float(np.corrcoef(first[0, :, 0], second[0, :, 0])[0, 1])) < 0.1
    assert len(first.unique()) == 2000


def test_infinities_rank_beyond_every_number() -> None:
    values = torch.tensor([[[1.0], [torch.inf], [-torch.inf], [3e38]]])
    ranks = normal_scores(values, masks(4)).argsort(1)[0, :, 0].tolist()
    assert ranks[:2] == [2, 0]


def test_basis_is_orthonormal_over_the_ranks() -> None:
    scores = normal_scores(torch.randn(1, 4000, 1, generator=torch.Generator().manual_seed(0)), masks(4000))
    features = basis(unit_scores(scores, masks(4000)), scores, masks(4000), 5)
    gram = cross_moments(features, torch.tensor([4000.0]))[0, 0, 0]
    torch.testing.assert_close(gram[:5, :5], torch.eye(5), atol=2e-3, rtol=0)
    torch.testing.assert_close(gram[5:, 5:], torch.eye(2), atol=3e-2, rtol=0)


@pytest.mark.parametrize(("n", "dx", "dy"), [(200, 1, 1), (200, 3, 2), (60, 8, 8)])
def test_unbiased_gaussian_estimate(n: int, dx: int, dy: int) -> None:
    """On normal data the last estimate has no bias, where the plug-in's is about dx dy / 2n."""
    rng = np.random.default_rng(0)
    d = dx + dy
    root = rng.normal(size=(d, d)) + 2 * np.eye(d)
    cov = root @ root.T
    det = [np.linalg.slogdet(c)[1] for c in (cov[:dx, :dx], cov[dx:, dx:], cov)]
    truth = 0.5 * (det[0] + det[1] - det[2])
    repeats = 400
    data = rng.normal(size=(repeats, n, d)) @ root.T
    correlation = torch.from_numpy(np.stack([np.corrcoef(x.T) for x in data])).float()
    side = torch.arange(d) >= dx
    same = (side[:, None] == side[None, :]).expand(repeats, d, d)
    estimates = gaussian_mi(
        correlation, same, torch.full((repeats,), float(n)), torch.tensor([[float(dx), float(dy)]]).expand(repeats, 2)
    )[:, -1].numpy()
    assert abs(estimates.mean() - truth) < 4 * estimates.std() / math.sqrt(repeats)
    assert dx * dy / (2 * n) > 4 * estimates.std() / math.sqrt(repeats) or dx == 1  # the test could see the bias


def test_gaussian_estimates_exist_with_more_columns_than_rows() -> None:
    side = torch.arange(20) >= 10
    same = (side[:, None] == side[None, :])[None]
    found = gaussian_mi(torch.ones(1, 20, 20), same, torch.tensor([5.0]), torch.tensor([[10.0, 10.0]]))
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("n", [5, 80])
def test_neighbour_estimates_are_those_of_ksg(n: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    y = x[:, :1] + rng.normal(size=(n, 1))
    ks = (1, 3, 6)
    unit = torch.from_numpy(np.hstack([x, y])).float()[None]
    found, _ = neighbour_statistics(unit, torch.tensor([[False, False, True]]), masks(n), ks, 256)
    apart = cdist(x, x), cdist(y, y)
    joint = np.maximum(*apart)
    np.fill_diagonal(joint, np.inf)
    for i, k in enumerate(min(k, n - 1) for k in ks):
        radius = np.sort(joint, 1)[:, k - 1 : k]
        inside = [(a < radius).sum(1) - 1 for a in apart]  # less the row itself
        expected = digamma(k) + digamma(n) - (digamma(inside[0] + 1) + digamma(inside[1] + 1)).mean()
        assert float(found[0, i]) == pytest.approx(expected, abs=2e-2)  # float32 distances may move a count by one


@pytest.mark.parametrize(("dx", "classed", "every"), [(2, False, True), (4, False, False), (4, True, True)])
def test_every_row_is_asked_where_neighbours_tell_most(dx: int, classed: bool, every: bool) -> None:
    rng = np.random.default_rng(0)
    unit = torch.from_numpy(rng.normal(size=(1, 60, dx + 1))).float()
    side = torch.arange(dx + 1)[None] >= dx
    classes = Classes(torch.from_numpy(rng.integers(0, 2, (1, 60))), torch.tensor([[False, True]])) if classed else None
    found, _ = neighbour_statistics(unit, side, masks(60), (3,), 20, classes)
    whole, _ = neighbour_statistics(unit, side, masks(60), (3,), 60, classes)
    assert torch.allclose(found, whole) == every


@pytest.mark.parametrize("classed", [False, True])
def test_neighbours_of_a_sample_do_not_see_what_it_is_padded_with(
    classed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    sizes = (40, 23, 31)
    row_mask = torch.arange(40) < torch.tensor(sizes)[:, None]
    unit = torch.from_numpy(rng.normal(size=(3, 40, 3))).float() * row_mask[..., None]
    side, ks = torch.tensor([[False, False, True]]).expand(3, -1), (1, 3, 6)
    number = torch.from_numpy(rng.integers(0, 3, (3, 40))) * row_mask
    classes = Classes(number, torch.tensor([[False, True], [False, False], [False, True]])) if classed else None
    together = neighbour_statistics(unit, side, row_mask, ks, 16, classes)
    for i, n in enumerate(sizes):
        of = None if classes is None else Classes(classes.number[i : i + 1, :n], classes.side[i : i + 1])
        alone = neighbour_statistics(unit[i : i + 1, :n], side[i : i + 1], masks(n), ks, 16, of)
        torch.testing.assert_close(tuple(values[i : i + 1] for values in together), alone)
    monkeypatch.setattr(neighbours, "CHUNK", 3 * 40 * 7)
    torch.testing.assert_close(neighbour_statistics(unit, side, row_mask, ks, 16, classes), together)


@pytest.mark.parametrize(("n", "columns"), [(9, 2), (80, 2), (80, 1), (3000, 1)])
def test_neighbour_estimates_of_classes_are_those_of_ross(n: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    of_class = rng.integers(0, 3, n)
    of_class[0] = 3  # alone in its class, with no say
    x = rankdata(rng.normal(size=(n, columns)) + of_class[:, None], axis=0)  # no two of a column are equal
    x = norm.ppf((x - 0.5) / n).astype(np.float32)
    unit = torch.from_numpy(np.column_stack([x, rng.normal(size=n)])).float()[None]
    side, ks = (torch.arange(columns + 1) == columns)[None], (1, 4)
    classes = Classes(torch.from_numpy(of_class)[None], torch.tensor([[False, True]]))
    hard, _ = neighbour_statistics(unit, side, masks(n), ks, n, classes)
    back = unit.roll(1, 2), ~side.roll(1, 1)
    other, _ = neighbour_statistics(*back, masks(n), ks, n, replace(classes, side=~classes.side))
    torch.testing.assert_close(hard, other)
    apart = cdist(x, x)
    for i, k in enumerate(ks):
        terms = []
        for row in range(1, n):
            own = np.sort(apart[row, of_class == of_class[row]])[1:]
            kept = min(k, len(own))
            if kept:
                inside = (apart[row] ** 2 < own[kept - 1] ** 2 * (1 - 1e-4)).sum()  # nearly as far is as far
                terms.append(digamma(kept) + digamma(n) - digamma(inside) - digamma(len(own) + 1))
        assert float(hard[0, i]) == pytest.approx(np.mean(terms), abs=2e-2 if n < 100 else 2e-3)


@pytest.mark.parametrize("levels", [2, 20])
def test_neighbour_estimates_of_columns_with_ties_are_those_of_gao(levels: int) -> None:
    rng = np.random.default_rng(0)
    n, ks = 200, (1, 3, 12)
    x = np.column_stack([rng.integers(0, levels, n), np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n))])
    y = np.column_stack([rng.integers(0, levels, n), x[:, 0] % 2])
    unit = torch.from_numpy(np.hstack([x, y])).float()[None]
    side, tied = torch.tensor([[False, False, True, True]]), torch.ones(1, 4, dtype=torch.bool)
    found, _ = neighbour_statistics(unit, side, masks(n), ks, n, tied=tied)
    apart = [cdist(part, part) for part in (unit[0, :, :2].double(), unit[0, :, 2:].double())]
    joint = np.maximum(*apart)
    for i, k in enumerate(ks):
        radius = np.sort(joint, 1)[:, k : k + 1]
        at_once = np.where(radius > 0, k, (joint == 0).sum(1, keepdims=True))[:, 0]
        inside = [np.where(radius > 0, a < radius, a == 0).sum(1) for a in apart]
        expected = (digamma(at_once) + digamma(n) - digamma(inside[0]) - digamma(inside[1])).mean()
        assert float(found[0, i]) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize(("n", "columns"), [(300, 2), (1000, 1)])
def test_soft_counts_in_classes_estimate_what_hard_counts_do(n: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    of_class = torch.from_numpy(rng.integers(0, 3, (8, n)))
    values = torch.from_numpy(rng.normal(size=(8, n, columns + 1)))
    values[..., 0] += of_class
    scores = normal_scores(values, torch.ones(8, n, dtype=torch.bool)).float()
    side = torch.arange(columns + 1).expand(8, -1) == columns
    classes = Classes(of_class, torch.tensor([[False, True]] * 8))
    soft, spread = soft_neighbour_statistics(scores, side, (3, 6, 12), classes)
    hard, hard_spread = neighbour_statistics(scores, side, torch.ones(8, n, dtype=torch.bool), (3, 6, 12), n, classes)
    torch.testing.assert_close(soft.mean(0), hard.mean(0), atol=0.04, rtol=0)
    torch.testing.assert_close(spread, hard_spread, atol=0.1, rtol=0.15)


def test_soft_counts_of_columns_with_ties_estimate_what_hard_counts_do() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (8, 400, 2)) * rng.normal(size=(8, 400, 2)) ** (np.arange(2) % 2)
    y = x[..., 1:] + rng.normal(size=(8, 400, 1))
    unit = torch.from_numpy(np.concatenate([x, np.maximum(y, 0.0)], 2))  # steps would show: soft edges blur them
    side, tied = torch.tensor([[False, False, True]] * 8), torch.ones(8, 3, dtype=torch.bool)
    soft, spread = soft_neighbour_statistics(unit, side, (3, 6, 12), ties=True)
    rows = torch.ones(8, 400, dtype=torch.bool)
    hard, hard_spread = neighbour_statistics(unit, side, rows, (3, 6, 12), 400, tied=tied)
    torch.testing.assert_close(soft.mean(0), hard.mean(0), atol=0.04, rtol=0)
    torch.testing.assert_close(spread, hard_spread, atol=0.1, rtol=0.15)


@pytest.mark.parametrize("lag", [1, 4, 40])
def test_concomitants_are_means_over_neighbouring_ranks(lag: int) -> None:
    values = np.random.default_rng(0).normal(size=(31, 3))
    values[:, 2] += values[:, 0]
    scores = normal_scores(torch.from_numpy(values)[None], masks(31))
    padded = torch.cat([scores, torch.zeros(1, 6, 3)], 1)
    mask = torch.arange(37)[None] < 31
    found = concomitants(walks_along(scores, masks(31)), (2, lag))[0, ..., 1, :]
    torch.testing.assert_close(concomitants(walks_along(padded, mask), (lag,))[0, ..., 0, :], found, atol=1e-5, rtol=0)
    if lag > 31:
        assert (found == 0).all()
        return
    u = (rankdata(values, axis=0) - 0.5) / 31
    for j in range(3):
        for k in range(3):
            along = u[np.argsort(values[:, j]), k]
            move = np.abs(along[lag:] - along[:-lag])
            expected = 1 - 3 * move.mean(), -(np.log(move + 1 / 31).mean() + 1.5)
            np.testing.assert_allclose(found[j, k], expected, atol=1e-4)


def test_spectral_estimate_of_a_copula_of_two_cosines() -> None:
    """c(u, v) = 1 + a 2 cos(pi u) cos(pi v) has this expansion exactly; its information is an integral on a grid."""
    a = 0.4
    coefficients = torch.zeros(1, 12, 12)
    coefficients[0, 0, 0] = a
    u = (np.arange(2000) + 0.5) / 2000
    density = 1 + 2 * a * np.outer(np.cos(np.pi * u), np.cos(np.pi * u))
    truth = (density * np.log(density)).mean()
    found = spectral_mi(coefficients, torch.tensor([1e6]))[0]
    np.testing.assert_allclose(found, truth, atol=1e-4)


def shared_tails(rng: np.random.Generator, n: int, dx: int, dy: int, nu: float) -> np.ndarray:
    """Student vectors without any correlation: (n, dx + dy)."""
    return rng.standard_normal((n, dx + dy)) / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def with_radii(values: np.ndarray, dx: int) -> torch.Tensor:
    """The anchors (S,) that hold the information of the radii."""
    n, d = values.shape
    scores = normal_scores(torch.from_numpy(values)[None], masks(n))
    side = torch.arange(d)[None] >= dx
    found = describe(scores, side, masks(n), torch.ones(1, d, dtype=torch.bool), ModelConfig())
    return found.anchors[0, -SLICE_FEATURES - 2 : -2]


@pytest.mark.parametrize(("dx", "dy", "nu"), [(3, 3, 3.0), (1, 4, 2.0), (5, 2, 2.0)])
def test_radii_tell_what_tails_share(dx: int, dy: int, nu: float) -> None:
    def part(a: float) -> float:  # Arellano-Valle, Contreras-Reyes and Genton 2013, of the Student distribution
        return float(gammaln(a / 2) - a / 2 * digamma(a / 2))

    truth = part(nu) + part(nu + dx + dy) - part(nu + dx) - part(nu + dy)
    *found, _ = with_radii(shared_tails(np.random.default_rng(3), 5000, dx, dy, nu), dx)
    np.testing.assert_allclose(found, truth, atol=0.04)  # but for the last, which is shrunk the most


def test_a_normal_vector_has_no_radial_information_beyond_its_correlations() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5000, 3))
    y = 0.5 * x + rng.standard_normal((5000, 3)) * np.sqrt(0.75)
    radial, *whole = with_radii(np.hstack([x, y]), 3)
    assert radial < 0.06
    np.testing.assert_allclose(whole, -1.5 * math.log(0.75) + float(radial), atol=0.05)
