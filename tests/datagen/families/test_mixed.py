"""Mixed families: labels against Monte Carlo means of log ratios that the tests derive on their own, and limits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from mutualist.datagen.families.lifts import LiftedPair
from mutualist.datagen.families.mixed import (
    LAWS,
    class_conditional_mi,
    staggered_uniform,
    staggered_uniform_mi,
)
from mutualist.datagen.families.zero_inflated import zero_inflated_poisson_mi
from mutualist.datagen.registry import make_family
from mutualist.errors import ConfigError

LARGE = 60_000
NAMES = [
    "staggered-uniform",
    "class-conditional",
    "zero-inflated-pair",
    "atoms-and-normal",
    "zero-inflated-poisson",
    "independent-mixed",
]
SCIPY_LAWS = {
    "normal": stats.norm,
    "laplace": stats.laplace,
    "logistic": stats.logistic,
    "uniform": stats.uniform,
    "exponential": stats.expon,
    "student-3": stats.t(3),
}


def staggered_ratio(p: dict[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if p["swapped"]:
        x, y = y, x
    p_x, width = np.array(p["p_x"]), p["width"]
    inside = (y >= np.arange(len(p_x))) & (y < np.arange(len(p_x)) + width)
    assert inside[np.arange(len(x)), x[:, 0].astype(int)].mean() > 0.9999
    return -np.log(inside @ p_x)


def normal_log_ratio(u: np.ndarray, v: np.ndarray, rho: float) -> np.ndarray:
    joint = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    return joint.logpdf(np.column_stack([u, v])) - stats.norm.logpdf(u) - stats.norm.logpdf(v)


def inflated_pair_ratio(p: dict[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y, table = x[:, 0], y[:, 0], np.array(p["table"])
    i, j = (x > 0).astype(int), (y > 0).astype(int)
    ratio = np.log(table / np.outer(table.sum(axis=1), table.sum(axis=0)))[i, j]
    both = (i == 1) & (j == 1)
    ratio[both] += normal_log_ratio(np.log(x[both]), np.log(y[both]), p["rho"])
    return ratio


def atoms_ratio(p: dict[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y, table, share = x[:, 0], y[:, 0], np.array(p["table"]), p["share"]
    atom = np.isin(x, p["x_atoms"])
    np.testing.assert_array_equal(atom, np.isin(y, p["y_atoms"]))
    ratio = np.empty(len(x))
    i = np.argmax(x[atom, None] == np.array(p["x_atoms"]), axis=1)
    j = np.argmax(y[atom, None] == np.array(p["y_atoms"]), axis=1)
    ratio[atom] = np.log(table / np.outer(table.sum(axis=1), table.sum(axis=0)))[i, j] - np.log(share)
    ratio[~atom] = normal_log_ratio(x[~atom], y[~atom], p["rho"]) - np.log(1 - share)
    return ratio


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("staggered-uniform", staggered_ratio),
        ("zero-inflated-pair", inflated_pair_ratio),
        ("atoms-and-normal", atoms_ratio),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_label_agrees_with_the_mean_log_ratio(name: str, ratio: Any, seed: int) -> None:
    rng = np.random.default_rng([seed, 5])
    joint = make_family(name, {}).draw(rng, 1, 1)
    values = ratio(joint.parameters, *joint.sample(LARGE, rng))
    assert values.mean() == pytest.approx(joint.mi, abs=4 * values.std() / np.sqrt(LARGE) + 1e-4), joint.parameters


@pytest.mark.parametrize("m", [2, 5, 20])
def test_gao_formula(m: int) -> None:
    joint = staggered_uniform(np.full(m, 1 / m), 2.0)
    assert joint.mi == pytest.approx(np.log(m) - (m - 1) * np.log(2) / m, abs=1e-12)
    assert staggered_uniform_mi(np.full(m, 1 / m), 1.0) == pytest.approx(np.log(m), abs=1e-12)
    assert staggered_uniform_mi(np.full(m, 1 / m), 1e6) < 1e-4


@pytest.mark.parametrize("seed", range(12))
def test_class_conditional_label_agrees_with_the_mean_log_ratio(seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    joint = make_family("class-conditional", {}).draw(rng, 1, 1)
    assert isinstance(joint, LiftedPair)
    p = joint.parameters
    s, code = joint.sampler(LARGE, rng)
    prior, places, scales = (np.array(p[key]) for key in ("p", "places", "scales"))
    k = np.argmax(code == np.array(p["codes"])[:, 0], axis=1)
    # The sampler brings its variable to mean 0 and the standard deviation that its law would have with unit scale.
    centre = prior @ places
    y = centre + s[:, 0] * np.sqrt(prior @ (scales**2 + (places - centre) ** 2))
    density = SCIPY_LAWS[p["law"]].pdf((y[:, None] - places) / scales) / scales
    ratio = np.log(density[np.arange(LARGE), k]) - np.log(density @ prior)
    assert ratio.mean() == pytest.approx(joint.mi, abs=4 * ratio.std() / np.sqrt(LARGE) + 1e-4), p


@pytest.mark.parametrize("law", sorted(LAWS))
def test_class_conditional_limits(law: str) -> None:
    prior = np.array([0.2, 0.3, 0.5])
    same, apart = np.zeros(3), np.array([0.0, 1.0, 2.0]) * 1e6
    assert class_conditional_mi(prior, law, same, np.ones(3)) < 1e-9
    entropy = -np.sum(prior * np.log(prior))
    assert class_conditional_mi(prior, law, apart, np.ones(3)) == pytest.approx(entropy, abs=1e-6)


def test_two_normal_classes_against_adaptive_quadrature() -> None:
    def integrand(y: float) -> float:
        f = 0.5 * stats.norm.pdf(y, 0, 1) + 0.5 * stats.norm.pdf(y, 1.5, 0.6)
        return float(-f * np.log(f))

    noise = 0.5 * np.log(2 * np.pi * np.e) + 0.5 * np.log(0.6)
    expected = quad(integrand, -12, 12, limit=200, epsabs=1e-12)[0] - noise
    label = class_conditional_mi(np.full(2, 0.5), "normal", np.array([0, 1.5]), np.array([1, 0.6]))
    assert label == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("shape", "mean", "inflation"), [(1, 1, 0), (1, 5, 0.3), (0.4, 2, 0.6), (6, 15, 0.1)])
def test_zero_inflated_poisson_against_a_two_dimensional_sum(shape: float, mean: float, inflation: float) -> None:
    # Midpoints in probability of X; the law of Y given X written out.
    x = stats.gamma.ppf((np.arange(5000) + 0.5) / 5000, shape) * mean / shape
    count = np.arange(int(mean * 20 + 60))
    entropy = np.zeros(len(x))
    marginal = np.zeros(len(count))
    for part in np.array_split(np.arange(len(x)), 20):
        p = (1 - inflation) * stats.poisson.pmf(count, x[part, None])
        p[:, 0] += inflation
        entropy[part] = stats.entropy(p, axis=1)
        marginal += p.sum(axis=0) / len(x)
    expected = stats.entropy(marginal) - entropy.mean()
    assert zero_inflated_poisson_mi(shape, mean, inflation) == pytest.approx(expected, abs=1e-3)


def test_zero_inflated_poisson_limits_and_the_formula_that_does_not_hold() -> None:
    k = np.arange(2, 60)
    plain = 2 * np.log(2) - np.euler_gamma - np.sum(np.log(k) * 0.5**k)
    assert zero_inflated_poisson_mi(1.0, 1.0, 0.0) == pytest.approx(plain, abs=1e-9)
    assert zero_inflated_poisson_mi(1.0, 1.0, 1.0 - 1e-9) < 1e-7
    assert zero_inflated_poisson_mi(1.0, 1.0, 0.4) < 0.9 * 0.6 * plain


def test_zero_inflated_poisson_sampler_follows_its_parameters() -> None:
    rng = np.random.default_rng(8)
    joint = make_family("zero-inflated-poisson", {}).draw(rng, 1, 1)
    assert isinstance(joint, LiftedPair)
    p = joint.parameters
    x, y = joint.sampler(LARGE, rng)
    rate = x[:, 0] * p["mean"] / p["shape"]
    assert x.mean() == pytest.approx(p["shape"], rel=0.03)
    zeros = p["inflation"] + (1 - p["inflation"]) * np.exp(-rate)
    assert (y == 0).mean() == pytest.approx(zeros.mean(), abs=0.01)
    assert np.mean(y[:, 0] - (1 - p["inflation"]) * rate) == pytest.approx(0, abs=5 * y.std() / np.sqrt(LARGE))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    dims=st.sampled_from([(1, 1), (1, 4), (5, 1), (2, 3), (20, 6), (3, 20)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_contract(name: str, dims: tuple[int, int], seed: int) -> None:
    family = make_family(name, {})
    if not family.supports(*dims):
        assert dims != (1, 1)
        return
    samples = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        joint = family.draw(rng, *dims)
        samples.append((joint.mi, *joint.sample(30, rng)))
    (mi, x, y), (mi2, x2, y2) = samples
    assert x.shape == (30, dims[0])
    assert y.shape == (30, dims[1])
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert 0.0 <= mi < 5.0
    assert mi == mi2
    assert (mi == 0.0) == (name == "independent-mixed")
    np.testing.assert_array_equal(x, x2)
    np.testing.assert_array_equal(y, y2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("staggered-uniform", {"max_levels": 1}),
        ("class-conditional", {"max_classes": 1}),
        ("zero-inflated-pair", {"max_mi": 100.0}),
        ("atoms-and-normal", {"max_levels": 0}),
        ("zero-inflated-poisson", {"max_mean": 0.0}),
    ],
)
def test_impossible_options_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        make_family(name, options)
