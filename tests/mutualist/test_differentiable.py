"""Mutual information of tensors: the estimator's value, and slopes that finite differences confirm."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import mutualist
from mutualist import InputError, MutualInfoEstimator, mutual_information
from mutualist.models import spectral


@pytest.fixture(scope="module")
def estimator() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


def pair(n: int, dx: int = 1, dy: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx))
    return torch.from_numpy(x), torch.from_numpy(x[:, :1] ** 2 + rng.normal(size=(n, dy)))


@pytest.mark.parametrize(("n", "dx", "dy"), [(30, 1, 1), (200, 3, 2), (2000, 1, 1)])
def test_without_gradients_it_is_the_estimate(estimator: MutualInfoEstimator, n: int, dx: int, dy: int) -> None:
    x, y = pair(n, dx, dy)
    if dx + dy > 2:  # all columns hang together, so that there are no blocks to add up
        y = y + x.sum(1, keepdim=True)
    found = mutual_information(x, y, levels=(0.05, 0.3, 0.5, 0.95))
    expected = estimator.estimate(x.numpy(), y.numpy())
    assert (found.dtype, found.shape, found.requires_grad) == (torch.float64, (4,), False)
    np.testing.assert_allclose(found, [expected.quantile(q) for q in (0.05, 0.3, 0.5, 0.95)], atol=2e-4)


@pytest.mark.parametrize(("n", "dx", "dy"), [(80, 1, 1), (80, 3, 2)])
def test_smooth_ranks_stay_near_the_estimate(n: int, dx: int, dy: int) -> None:
    gaps = []
    for seed in range(8):
        x, y = pair(n, dx, dy, seed)
        low, mi, high = mutual_information(x, y)
        gaps.append(float((mutual_information(x.requires_grad_(True), y)[1] - mi).detach() / (high - low)))
    assert abs(np.mean(gaps)) < 0.1  # of the width of the interval
    assert np.abs(gaps).max() < 0.35


@pytest.mark.parametrize(("n", "dx", "dy", "seed"), [(40, 1, 1, 0), (150, 1, 1, 1), (60, 3, 2, 2), (30, 1, 4, 3)])
def test_the_gradient_is_that_of_finite_differences(n: int, dx: int, dy: int, seed: int) -> None:
    x, y = (side.requires_grad_(True) for side in pair(n, dx, dy, seed))
    rng = np.random.default_rng(seed)
    answer = mutual_information(x, y)
    for k in range(3):
        slopes = torch.autograd.grad(answer[k], (x, y), retain_graph=True)
        towards = [torch.from_numpy(rng.normal(size=side.shape)) for side in (x, y)]
        predicted = sum(float((slope * move).sum()) for slope, move in zip(slopes, towards, strict=True))

        def moved(step: float, level: int = k, towards: list[torch.Tensor] = towards) -> float:
            a, b = ((s + step * t).detach().requires_grad_(True) for s, t in zip((x, y), towards, strict=True))
            return mutual_information(a, b)[level].item()

        step = 1e-7
        assert (moved(step) - moved(-step)) / (2 * step) == pytest.approx(predicted, rel=0.01, abs=1e-4)


def test_shifting_and_stretching_a_column_changes_nothing() -> None:
    x, y = pair(60, 2, 1)
    x.requires_grad_(True)
    (slope,) = torch.autograd.grad(mutual_information(x, y)[1], x)
    size = float(slope.abs().sum(0).max())
    assert size > 0.01
    assert float(slope.sum(0).abs().max()) < 1e-9 * size
    assert float((slope * x.detach()).sum(0).abs().max()) < 1e-9 * size


@pytest.mark.parametrize("dx", [1, 2])
def test_a_batch_answers_as_one_by_one(dx: int) -> None:
    samples = [pair(50, dx, 1, seed) for seed in range(3)]
    x, y = (torch.stack(side) for side in zip(*samples, strict=True))
    x.requires_grad_(True)
    together = mutual_information(x, y)
    assert together.shape == (3, 3)
    (slopes,) = torch.autograd.grad(together[:, 1].sum(), x)
    for i, (a, b) in enumerate(samples):
        a.requires_grad_(True)
        alone = mutual_information(a, b)
        torch.testing.assert_close(together[i], alone, atol=1e-8, rtol=1e-6)
        torch.testing.assert_close(slopes[i], torch.autograd.grad(alone[1], a)[0], atol=1e-8, rtol=1e-6)


def test_climbing_finds_the_direction_that_tells() -> None:
    """A column that says nothing by its mean: only the spread of y grows along one direction of four."""
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.normal(size=(200, 4)))
    direction = np.array([0.5, -0.5, 0.5, 0.5])
    y = torch.from_numpy(np.exp(1.5 * table.numpy() @ direction) * rng.normal(size=200))
    weights = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([weights], lr=0.2)
    for _ in range(15):
        loss = -mutual_information(table @ weights, y, levels=[0.5])[0]
        adam.zero_grad()
        loss.backward()
        adam.step()
    found = weights.detach().numpy()
    assert abs(found @ direction) / np.linalg.norm(found) > 0.95


def test_ties_and_constants_keep_the_gradient_finite() -> None:
    x, y = pair(80, 2, 1)
    x = torch.cat([x.round(), torch.full((80, 1), 7.0)], 1).requires_grad_(True)
    answer = mutual_information(x, y.round())
    (slope,) = torch.autograd.grad(answer.sum(), x)
    assert bool(torch.isfinite(answer).all() & torch.isfinite(slope).all())
    assert float(slope[:, 0].abs().max()) > 0
    assert float(slope[:, 2].abs().max()) == 0
    again = mutual_information(x.detach().requires_grad_(True), y.round())
    assert torch.equal(answer, again)  # ties are broken by a seed of their own


@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        (lambda v: v.float() + 1e6, torch.float32),
        (lambda v: v.half(), torch.float32),
        (lambda v: v.double() * 1e300, torch.float64),
        (lambda v: v.double() * 1e-300, torch.float64),
    ],
)
def test_other_numbers(change: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype) -> None:
    x, y = pair(60)
    changed = change(x[:, 0]).requires_grad_(True)
    answer = mutual_information(changed, (y[:, 0] > 1).int())
    (slope,) = torch.autograd.grad(answer[1], changed)
    assert answer.dtype == dtype
    assert slope.dtype == changed.dtype
    assert bool(torch.isfinite(answer).all() & torch.isfinite(slope).all())


def test_estimates_made_before_leave_nothing_that_stops_gradients(estimator: MutualInfoEstimator) -> None:
    spectral._waves.cache_clear()
    x, y = (side.float() for side in pair(30))
    estimator.estimate(x.numpy(), y.numpy())
    torch.autograd.grad(mutual_information(x.requires_grad_(True), y)[1], x)


def test_the_value_is_the_same_where_gradients_are_switched_off() -> None:
    x, y = pair(70, 2, 1)
    x.requires_grad_(True)
    with torch.no_grad():
        quiet = mutual_information(x, y)
    assert torch.equal(quiet, mutual_information(x, y).detach())


def test_a_second_derivative_is_refused() -> None:
    x, y = pair(20)
    x.requires_grad_(True)
    with pytest.raises(InputError, match="first derivatives only"):
        torch.autograd.grad(mutual_information(x, y)[1], x, create_graph=True)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.zeros((5, 1)), {}, "x is a ndarray; give a torch tensor"),
        (torch.zeros(5, 1, 1, 1), {}, r"shape \(5, 1, 1, 1\)"),
        (torch.tensor(1.0), {}, r"shape \(\)"),
        (torch.zeros(5, 0), {}, "none of them 0"),
        (torch.zeros(3, 1), {}, "x has 3 rows, at least 4"),
        (torch.zeros(6, 1), {}, r"x has shape \(6, 1\) and y \(5, 1\)"),
        (torch.zeros(1, 5, 1), {}, r"x has shape \(1, 5, 1\) and y \(5, 1\)"),
        (torch.full((5, 1), torch.nan), {}, "x holds NaN or infinite values"),
        (torch.full((5, 1), torch.inf), {}, "x holds NaN or infinite values"),
        (torch.zeros(5, 1, dtype=torch.complex64), {}, "give real numbers"),
        (torch.zeros(5, 1), {"levels": (0.5, 0.05)}, "in increasing order"),
        (torch.zeros(5, 1), {"levels": ()}, "at least one"),
        (torch.zeros(5, 1), {"levels": (5,)}, "strictly between 0 and 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unusable_input_is_explained(x: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mutual_information(x, torch.arange(5.0)[:, None], **options)


def test_it_is_a_name_of_the_package() -> None:
    assert mutualist.mutual_information is mutual_information


def test_integers_are_told_apart(estimator: MutualInfoEstimator) -> None:
    seconds = torch.arange(200) + 1_700_000_000
    expected = estimator.estimate(seconds.numpy(), torch.arange(200.0).numpy()).mi
    assert float(mutual_information(seconds, torch.arange(200.0))[1]) == pytest.approx(expected, rel=1e-3)
