"""Shares of a whole and order statistics, against scipy's entropies and densities and nearest neighbours."""

import numpy as np
import pytest
from scipy import stats

from mutualist.datagen.families.simplex import (
    Dirichlet,
    OrderStatistics,
    dirichlet_entropy,
    order_information,
    shares_information,
)
from mutualist.errors import ConfigError


@pytest.mark.parametrize("alpha", [(1.0, 1.0), (0.3, 2.0), (5.0, 0.7, 1.3), (2.0, 2.0, 2.0, 9.0)])
def test_entropy_is_that_of_scipy(alpha: tuple[float, ...]) -> None:
    assert dirichlet_entropy(np.array(alpha)) == pytest.approx(float(stats.dirichlet(alpha).entropy()), abs=1e-9)
    if len(alpha) == 2:
        assert dirichlet_entropy(np.array(alpha)) == pytest.approx(float(stats.beta(*alpha).entropy()), abs=1e-9)


def shares_ratio(alpha_x: np.ndarray, alpha_y: np.ndarray, rest: float, p: np.ndarray) -> np.ndarray:
    """ln p(x, y) / p(x) p(y) at shares p (n, dx + dy + 1), by scipy's densities."""
    dx = len(alpha_x)
    x, y = p[:, :dx], p[:, dx:-1]
    merged = [
        stats.dirichlet.logpdf(np.column_stack([own, 1 - own.sum(axis=1)]).T, np.append(alpha, other.sum() + rest))
        for own, alpha, other in ((x, alpha_x, alpha_y), (y, alpha_y, alpha_x))
    ]
    both = stats.dirichlet.logpdf(p.T, np.concatenate([alpha_x, alpha_y, [rest]]))
    return both - merged[0] - merged[1]


@pytest.mark.parametrize(("dx", "dy", "rest"), [(1, 1, 0.5), (3, 2, 2.0), (1, 4, 0.3)])
def test_information_of_shares_is_the_mean_log_ratio(dx: int, dy: int, rest: float) -> None:
    rng = np.random.default_rng(4)
    alpha_x, alpha_y = rng.uniform(0.7, 4.0, dx), rng.uniform(0.7, 4.0, dy)
    p = rng.dirichlet(np.concatenate([alpha_x, alpha_y, [rest]]), 40_000)
    p = np.maximum(p, 1e-12)
    p /= p.sum(axis=1, keepdims=True)
    ratio = shares_ratio(alpha_x, alpha_y, rest, p)
    expected = shares_information(alpha_x, alpha_y, rest)
    assert ratio.mean() == pytest.approx(expected, abs=4.5 * ratio.std() / 200 + 1e-4)


def test_the_sampler_draws_the_law_that_is_labelled() -> None:
    """By moments of the logarithms: E ln p_j = ψ(α_j) − ψ(A), and the shares leave the rest."""
    joint = Dirichlet(alpha=(0.2, 0.2), rest=(0.1, 0.1)).draw(np.random.default_rng(1), 2, 3)
    x, y = joint.sample(60_000, np.random.default_rng(2))
    alpha = np.append(joint.parameters["alpha"], joint.parameters["rest"])
    logs = np.hstack([x, y])
    error = logs.std(axis=0) / len(logs) ** 0.5
    from scipy.special import digamma

    assert (np.abs(logs.mean(axis=0) - digamma(alpha[:-1]) + digamma(alpha.sum())) < 4.5 * error).all()
    left = 1 - np.exp(logs).sum(axis=1)
    assert left.min() > -1e-12
    assert left.mean() == pytest.approx(alpha[-1] / alpha.sum(), abs=4.5 * left.std() / len(left) ** 0.5)


def test_less_left_over_is_more_in_common() -> None:
    values = [shares_information(np.array([2.0]), np.array([3.0]), rest) for rest in (50.0, 5.0, 0.5, 0.05)]
    assert values == sorted(values)
    assert 0 < values[0] < 0.01
    assert values[-1] > 1


@pytest.mark.parametrize(("r", "s", "count"), [(1, 2, 2), (1, 4, 4), (3, 4, 9), (2, 7, 20)])
def test_order_information_is_the_mean_log_ratio(r: int, s: int, count: int) -> None:
    """Of sorted uniform numbers themselves: the density of a pair by spacings, that of each by Beta."""
    ordered = np.sort(np.random.default_rng(5).random((40_000, count)), axis=1)
    u, v = ordered[:, r - 1], ordered[:, s - 1]
    both = stats.dirichlet.logpdf(np.array([u, v - u, 1 - v]), [r, s - r, count + 1 - s])
    ratio = both - stats.beta.logpdf(u, r, count + 1 - r) - stats.beta.logpdf(v, s, count + 1 - s)
    assert ratio.mean() == pytest.approx(order_information(r, s, count), abs=4.5 * ratio.std() / 200)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (3, 2), (5, 7)])
def test_all_columns_together_have_the_information_of_two(dx: int, dy: int) -> None:
    """The Markov property, by the densities of all columns: spacings are Dirichlet, for X, for Y and for both."""
    rng = np.random.default_rng(6)
    for _ in range(3):
        joint = OrderStatistics().draw(rng, dx, dy)
        x, y = (np.sort(side, axis=1) for side in joint.sample(40_000, rng))
        assert (x[:, -1] <= y[:, 0]).all()
        ranks, count = np.array(joint.parameters["ranks"]), joint.parameters["count"]

        def log_density(values: np.ndarray, own: np.ndarray, count: int = count) -> np.ndarray:
            gaps = np.diff(np.column_stack([np.zeros(len(values)), values, np.ones(len(values))]), axis=1)
            gaps = np.maximum(gaps, 1e-12)
            return stats.dirichlet.logpdf((gaps / gaps.sum(axis=1, keepdims=True)).T, np.diff([0, *own, count + 1]))

        ratio = log_density(np.hstack([x, y]), ranks) - log_density(x, ranks[:dx]) - log_density(y, ranks[dx:])
        assert ratio.mean() == pytest.approx(joint.mi, abs=4.5 * ratio.std() / 200 + 1e-4)


@pytest.mark.parametrize("family", [Dirichlet(rest=(1.0, 20.0)), OrderStatistics()])
def test_draws_agree_with_nearest_neighbours(family, ksg) -> None:
    rng = np.random.default_rng(7)
    for _ in range(4):
        joint = family.draw(rng, 1, 1)
        x, y = joint.sample(6000, rng)
        assert ksg(x, y) == pytest.approx(joint.mi, abs=0.05 + 0.05 * joint.mi)


def test_impossible_options_are_refused() -> None:
    for make in (lambda: Dirichlet(alpha=(0.0, 1.0)), lambda: Dirichlet(rest=(2.0, 1.0)), lambda: OrderStatistics(0)):
        with pytest.raises(ConfigError):
            make()
