"""Smooth ranks and what follows from them: near the hard ones, with the slopes that differences show."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mutualist.models import MutualInfoNet, normal_scores, smooth
from mutualist.models.neighbours import neighbour_statistics
from mutualist.models.pairs import concomitants, walks_along
from mutualist.models.scores import random_ranks


def ranks(scores: torch.Tensor) -> torch.Tensor:
    """0..n-1, not necessarily whole, of scores (B, N, D)."""
    n = scores.shape[1]
    return (torch.special.ndtr(scores.double()) * n - 0.5).squeeze()


def normal_pair(n: int, r: float, seed: int = 0) -> torch.Tensor:
    z = np.random.default_rng(seed).normal(size=(n, 2))
    z[:, 1] = r * z[:, 0] + math.sqrt(1 - r * r) * z[:, 1]
    return torch.from_numpy(z)[None]


@settings(deadline=None, max_examples=25)
@given(n=st.integers(2, 300), seed=st.integers(0, 2**32 - 1), tails=st.sampled_from([0.2, 1.0, 4.0]))
@example(n=24, seed=63, tails=4.0)
def test_a_smooth_rank_is_never_more_than_a_block_and_a_half_away(n: int, seed: int, tails: float) -> None:
    z = np.random.default_rng(seed).normal(size=n)
    x = torch.from_numpy(np.sign(z) * np.abs(z) ** tails)[None, :, None]
    smoothed, hard = ranks(smooth.smooth_scores(x)), x.argsort(1).argsort(1).squeeze()
    k = (math.isqrt(4 * n + 1) - 1) // 2  # blocks of 1 to k from both ends, and what is left between them
    longest = max(k, n - k * (k + 1))
    # The outermost value of a block lies beyond the block's mean. The next one may lie as near as the mean of the block
    # before, whose place is half of that block and all but two of its own values away.
    assert float((smoothed - hard).abs().max()) <= max(1.5 * longest - 1.5, 0.5) + 1e-9
    order = x.squeeze().argsort()
    assert bool((smoothed[order].diff() > -1e-9).all())
    assert float(smoothed.min()) == pytest.approx(0, abs=1e-9)
    assert float(smoothed.max()) == pytest.approx(n - 1, abs=1e-9 * n)
    for other in (3 * x - 100, x / 7):
        torch.testing.assert_close(ranks(smooth.smooth_scores(other)), smoothed, atol=1e-6, rtol=0)
    torch.testing.assert_close(ranks(smooth.smooth_scores(-x)), n - 1 - smoothed, atol=1e-6, rtol=0)


def test_smooth_ranks_have_the_slopes_that_differences_show() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 30, 2))).requires_grad_(True)
    assert torch.autograd.gradcheck(smooth.smooth_scores, (x,))


def test_tied_rows_keep_the_ranks_that_broke_their_tie() -> None:
    x = torch.tensor([0.0, 1.0, 1.0, 1.0, 2.0, 5.0, 5.0, 9.0]).double()[None, :, None].requires_grad_(True)
    hard = random_ranks(x.detach(), torch.ones(1, 8, dtype=torch.bool), torch.Generator().manual_seed(3))[0]
    scores = smooth.smooth_scores(x, hard)
    shared = [1, 2, 3, 5, 6]
    torch.testing.assert_close(ranks(scores)[shared], hard.squeeze()[shared].double(), atol=1e-9, rtol=0)
    (slope,) = torch.autograd.grad(scores[0, 2, 0], x)
    assert float(slope[0, 2, 0]) > 0  # a tied row still knows where up is


@pytest.mark.parametrize("r", [0.0, 0.6, 0.95])
def test_smooth_concomitants_estimate_what_the_hard_ones_do(r: float) -> None:
    pairs = torch.cat([normal_pair(200, r, seed) for seed in range(8)])
    scores = normal_scores(pairs, torch.ones(8, 200, dtype=torch.bool)).double()
    lags = (1, 2, 16)
    smoothed = smooth.smooth_concomitants(scores, lags)
    hard = concomitants(walks_along(scores, torch.ones(8, 200, dtype=torch.bool)), lags)
    torch.testing.assert_close(smoothed[:, [0, 1], [0, 1]], hard[:, [0, 1], [0, 1]].double(), atol=0.01, rtol=0)
    error = (smoothed - hard).mean(0)[0, 1]
    noise = hard.std(0)[0, 1] / math.sqrt(8)
    assert bool((error.abs() < 4 * noise + 0.01).all()), (error, noise)


def test_smooth_concomitants_have_the_slopes_that_differences_show() -> None:
    scores = smooth.smooth_scores(normal_pair(24, 0.5)).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda s: smooth.smooth_concomitants(s, (1, 4, 30)), (scores,), fast_mode=True)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = smooth.smooth_scores(torch.cat([normal_pair(70, 0.5), normal_pair(70, -0.9, 1)]))
    side = torch.tensor([[False, True]] * 2)
    whole = smooth.smooth_concomitants(scores, (1, 8)), *smooth.soft_neighbour_statistics(scores, side, (1, 5))
    monkeypatch.setattr(smooth, "CHUNK", 900)
    parts = smooth.smooth_concomitants(scores, (1, 8)), *smooth.soft_neighbour_statistics(scores, side, (1, 5))
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (6, 6)])
def test_soft_counts_estimate_what_hard_counts_do(dx: int, dy: int) -> None:
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=(8, 300, dx + dy)))
    values[..., -1] += values[..., 0]
    exists = torch.ones(8, 300, dtype=torch.bool)
    scores = normal_scores(values, exists).double()
    side = (torch.arange(dx + dy) >= dx).expand(8, -1)
    soft, soft_spread = smooth.soft_neighbour_statistics(scores, side, (3, 6, 12))
    hard, hard_spread = neighbour_statistics(scores, side, exists, (3, 6, 12), 300)
    torch.testing.assert_close(soft.mean(0), hard.mean(0).double(), atol=0.04, rtol=0)
    torch.testing.assert_close(soft_spread, hard_spread.double(), atol=0.1, rtol=0.15)


def test_soft_counts_have_the_slopes_that_differences_show() -> None:
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 14, 3))).requires_grad_(True)
    side = torch.tensor([[False, False, True]])
    assert torch.autograd.gradcheck(lambda v: smooth.soft_neighbour_statistics(v, side, (1, 3)), (values,))


@pytest.mark.parametrize("dx", [1, 3])
def test_the_whole_network_has_the_slopes_that_differences_show(net: MutualInfoNet, dx: int) -> None:
    network = copy.deepcopy(net).double()
    values = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 20, dx + 1))).requires_grad_(True)
    side = (torch.arange(dx + 1) >= dx)[None]
    exists = torch.ones(1, 20, dtype=torch.bool)

    def answer(v: torch.Tensor) -> torch.Tensor:
        return network(smooth.smooth_scores(v), side, exists, torch.ones_like(side), smooth=True)

    assert torch.autograd.gradcheck(answer, (values,), atol=1e-5, rtol=1e-3, fast_mode=True)
