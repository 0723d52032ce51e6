"""Closed forms: labels against Monte Carlo means from densities written anew, limits, and nearest neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import digamma

from mutualist.datagen.families.ball import Ball, pearson_information
from mutualist.datagen.families.closed_forms import (
    GammaExponential,
    SmoothedUniform,
    WaitingTimes,
    gamma_exponential_information,
    smoothed_uniform_information,
    smoothed_uniform_slope,
)


@pytest.mark.parametrize("a", [0.02, 0.5, 1.0, 12.0])
def test_gamma_exponential_has_the_published_form(a):
    assert gamma_exponential_information(1 / a, 1) == pytest.approx(digamma(1 / a) + a + np.log(a), abs=1e-9)


@pytest.mark.parametrize(("a", "d"), [(0.5, 1), (2.0, 3)])
def test_gamma_exponential_against_monte_carlo(a, d):
    rng = np.random.default_rng(0)
    g = rng.gamma(1 / a, size=(2000, 1))
    y = rng.exponential(1 / g, size=(2000, d))
    others = rng.gamma(1 / a, size=2000)
    marginal = (others**d * np.exp(-y.sum(axis=1)[:, None] * others)).mean(axis=1)
    ratio = stats.expon.logpdf(y, scale=1 / g).sum(axis=1) - np.log(marginal)
    assert gamma_exponential_information(1 / a, d) == pytest.approx(ratio.mean(), abs=5 * ratio.std() / np.sqrt(2000))


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (1, 2), (2, 1)])
def test_gamma_exponential_draws(dx, dy, ksg):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = GammaExponential(a=(0.2, 3.0)).draw(rng, dx, dy)
        assert ksg(*drawn.sample(5000, rng)) == pytest.approx(drawn.mi, abs=0.08)


def test_gamma_exponential_stays_finite_for_the_largest_a():
    rng = np.random.default_rng(0)
    x, y = GammaExponential(a=(30.0, 30.0)).draw(rng, 1, 4).sample(20_000, rng)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()


def test_waiting_times_of_unit_waits_by_hand():
    # X ~ Exp(1), Y = X + Exp(1) ~ Gamma(2), whose entropy is 1 + gamma, less the 1 of the wait
    drawn = WaitingTimes(before=(1.0, 1.0), between=(1.0, 1.0)).draw(np.random.default_rng(0), 1, 1)
    assert drawn.mi == pytest.approx(np.euler_gamma, abs=1e-9)


def test_waiting_times_draws(ksg):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        drawn = WaitingTimes(before=(0.5, 5.0), between=(0.8, 5.0)).draw(rng, 1, 1)
        x, y = drawn.sample(8000, rng)
        assert (y >= x).all()
        assert ksg(x, y) == pytest.approx(drawn.mi, abs=0.08)


def test_waiting_times_of_the_shortest_waits_have_no_ties():
    rng = np.random.default_rng(0)
    x, y = WaitingTimes(before=(30.0, 30.0), between=(0.5, 0.5)).draw(rng, 1, 1).sample(20_000, rng)
    assert (x.astype(np.float32) == y.astype(np.float32)).mean() < 0.002


@pytest.mark.parametrize("s", [0.1, 0.7, 1.0, 3.0, 40.0])
def test_smoothed_uniform_by_quadrature(s):
    # h(N) = 0, and the density of sX + N at y is the length of [y - 1, y] in [0, s], over s
    def surprise(y: float) -> float:
        p = max(min(y, s) - max(y - 1, 0.0), 0.0) / s
        return -p * np.log(p) if p > 0 else 0.0

    entropy = integrate.quad(surprise, 0, s + 1, points=[1, s], limit=200)[0]
    assert smoothed_uniform_information(s) == pytest.approx(entropy, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 6.0))
def test_smoothed_uniform_slope_inverts(mi):
    assert smoothed_uniform_information(smoothed_uniform_slope(mi)) == pytest.approx(mi, rel=1e-9)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 2)])
def test_smoothed_uniform_draws(dx, dy, ksg):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        drawn = SmoothedUniform(mi=(0.2, 1.0), most_pairs=2).draw(rng, dx, dy)
        assert ksg(*drawn.sample(8000, rng)) == pytest.approx(drawn.mi, abs=0.08)


def test_pearson_information_of_the_disc_by_hand():
    # the uniform disc: h(x, y) = ln pi, and each margin has the density 2/pi sqrt(1 - x^2)
    margin = integrate.quad(lambda t: -stats.semicircular.pdf(t) * stats.semicircular.logpdf(t), -1, 1)[0]
    assert pearson_information(0.0, 1, 1) == pytest.approx(2 * margin - np.log(np.pi), abs=1e-7)


@pytest.mark.parametrize("exponent", [-0.8, -0.5, 2.0])
def test_pearson_information_in_polar_coordinates(exponent):
    log_norm = np.log((exponent + 1) / np.pi)
    joint = -integrate.quad(lambda t: log_norm + exponent / (exponent + 1) * np.log(t), 0, 1)[0]
    margin = stats.beta(exponent + 1.5, exponent + 1.5, -1, 2).entropy()
    assert pearson_information(exponent, 1, 1) == pytest.approx(2 * margin - joint, abs=1e-6)


@pytest.mark.parametrize(("exponent", "dx", "dy"), [(-0.5, 1, 1), (0.0, 2, 1), (2.0, 1, 3)])
def test_ball_samples_have_the_label(exponent, dx, dy, ksg):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        target = pearson_information(exponent, dx, dy)
        drawn = Ball(mi=(target, target), correlation_mi=(0.1, 0.3)).draw(rng, dx, dy)
        x, y = drawn.sample(10_000, rng)
        # few rows lie near the edge, where the density ends or explodes: the estimate falls short there
        assert -0.12 < ksg(x, y) - drawn.mi < 0.05


@pytest.mark.parametrize("exponent", [-0.4, 0.0, 4.0])
def test_ball_radius(exponent):
    rng = np.random.default_rng(1)
    dx, dy = 2, 1
    target = pearson_information(exponent, dx, dy)
    draws = (Ball(mi=(target, target)).draw(rng, dx, dy) for _ in range(100))
    drawn = next(d for d in draws if not np.any(d.parameters["rho"]))
    r = (np.concatenate(drawn.sample(5000, rng), axis=1) ** 2).sum(axis=1)
    law = stats.beta(1.5, drawn.parameters["exponent"] + 1)
    assert drawn.parameters["exponent"] == pytest.approx(exponent, abs=0.02)
    assert stats.kstest(r, law.cdf, method="asymp").pvalue > 1e-3


def test_labels_vanish_at_independence():
    assert gamma_exponential_information(1e6, 3) < 1e-5
    assert smoothed_uniform_information(1e-6) < 1e-6
    assert pearson_information(1e6, 2, 2) < 1e-5
