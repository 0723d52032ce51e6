"""Expected errors rank samples by their errors, mean what they say in nats, and stay in bounds far outside."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from mutualist.errors import ConfigError
from mutualist.models.expected_error import ErrorModel
from mutualist.training.expected_error import fit_errors


def samples(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summaries on unlike scales, absolute errors, and the mean error that each summary stands for."""
    values = rng.standard_normal((count, 6))
    mean = 0.2 * np.exp(values[:, 0] + np.abs(values[:, 1]))
    errors = mean * np.abs(rng.standard_normal(count)) / np.sqrt(2 / np.pi)
    return values * np.geomspace(1e-2, 1e3, 6), errors, mean


@pytest.fixture(scope="module")
def fitted() -> ErrorModel:
    summaries, errors, _ = samples(np.random.default_rng(1), 6000)
    return fit_errors(summaries, errors)


def test_it_ranks_new_samples_by_their_mean_error(fitted):
    summaries, _, mean = samples(np.random.default_rng(2), 2000)
    assert spearmanr(fitted.expected(summaries), mean).statistic > 0.9


@pytest.mark.parametrize("tenth", range(0, 10, 3))
def test_an_expected_error_is_the_mean_of_the_errors_where_it_is_expected(fitted, tenth):
    summaries, errors, _ = samples(np.random.default_rng(3), 20_000)
    expected = fitted.expected(summaries)
    chosen = np.array_split(np.argsort(expected), 10)[tenth]
    assert errors[chosen].mean() == pytest.approx(expected[chosen].mean(), rel=0.2)


def test_far_outside_it_stays_in_the_range_that_it_learned(fitted):
    found = fitted.expected(np.array([[1e30] * 6, [-1e30] * 6]))
    assert (found >= fitted.errors[0]).all()
    assert (found <= fitted.errors[-1]).all()


def test_the_same_seed_gives_the_same_model_and_leaves_the_random_state_alone():
    import torch

    summaries, errors, _ = samples(np.random.default_rng(1), 200)
    state = torch.get_rng_state()
    one, two = (fit_errors(summaries, errors, seed=3).to_tensors() for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])


def test_too_few_records_are_refused():
    with pytest.raises(ConfigError, match="at least 40 records, got 3"):
        fit_errors(np.zeros((3, 2)), np.zeros(3))


@pytest.mark.parametrize(
    "change",
    [
        {"centre": np.zeros(3, np.float32)},
        {"scale": np.zeros(6, np.float32)},
        {"inner": np.full((6, 32), np.nan, np.float32)},
        {"scores": np.array([1.0, 0.0], np.float32), "errors": np.array([0.0, 1.0], np.float32)},
        {"scores": np.array([0.0, 1.0], np.float32), "errors": np.array([1.0, 0.0], np.float32)},
    ],
)
def test_what_does_not_fit_is_refused(fitted, change):
    with pytest.raises(ConfigError, match="error model"):
        ErrorModel(**(fitted.to_tensors() | change))


def test_where_nothing_tells_errors_apart_one_error_is_expected_everywhere():
    summaries = np.random.default_rng(0).standard_normal((200, 4))
    np.testing.assert_allclose(fit_errors(summaries, np.full(200, 0.3)).expected(summaries), 0.3, atol=1e-6)


def test_summaries_that_are_all_alike_expect_the_mean_error():
    errors = np.abs(np.random.default_rng(0).standard_normal(4000))
    expected = fit_errors(np.zeros((4000, 4)), errors).expected(np.zeros((3, 4)))
    np.testing.assert_allclose(expected, errors.mean(), atol=0.06)


def test_the_curve_keeps_the_order_of_the_scores(fitted):
    assert (np.diff(fitted.errors) > 0).all()
