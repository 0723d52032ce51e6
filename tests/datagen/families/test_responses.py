"""Responses to a score: labels against Monte Carlo means of log ratios that the tests derive on their own."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.stats import binom, logistic, multivariate_normal, norm, poisson, uniform

from mutualist.datagen.families.lifts import LiftedPair
from mutualist.datagen.families.limited import censored_normal_mi, hurdle_normal_mi
from mutualist.datagen.families.responses import count_mi, ordinal_mi, softmax_mi
from mutualist.datagen.registry import make_family
from mutualist.errors import ConfigError

NAMES = ["ordinal-response", "censored-response", "hurdle-response", "count-response"]
LARGE = 60_000


def ordinal_ratio(p: dict[str, Any], s: np.ndarray, y: np.ndarray) -> np.ndarray:
    codes = np.array(p["codes"])
    k = np.argmax((y[:, None, :] == codes).all(axis=2), axis=1)
    if p["kind"] == "softmax":
        logits = np.array(p["intercepts"]) + np.array(p["slopes"]) * s[:, None]
        given_s = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    elif p["kind"] == "none":
        given_s = np.eye(len(codes))[np.searchsorted(p["cuts"], s)]
    else:
        law = {"probit": norm(), "logit": logistic(), "uniform": uniform(-1, 2)}[p["kind"]]
        cuts = np.concatenate([[-np.inf], p["cuts"], [np.inf]])
        given_s = np.diff(law.cdf((cuts - s[:, None]) / p["scale"]), axis=1)
    marginal = given_s.mean(axis=0)
    return np.log(given_s[np.arange(len(s)), k]) - np.log(marginal[k])


def count_ratio(p: dict[str, Any], s: np.ndarray, y: np.ndarray) -> np.ndarray:
    value = y[:, 0].astype(int)
    t = p["a"] + p["b"] * s
    law = poisson(np.exp(t)) if p["kind"] == "poisson" else binom(p["trials"], norm.cdf(t))
    given_s = (1 - p["inflation"]) * law.pmf(value) + p["inflation"] * (value == 0)
    marginal = np.bincount(value) / len(value)
    return np.log(given_s) - np.log(marginal[value])


def censored_ratio(p: dict[str, Any], s: np.ndarray, y: np.ndarray) -> np.ndarray:
    (x_low, x_high), (y_low, y_high) = (
        [-np.inf if b[0] is None else b[0], np.inf if b[1] is None else b[1]] for b in (p["s_bounds"], p["y_bounds"])
    )
    rho, t = p["rho"], y[:, 0]
    r = np.sqrt(1 - rho * rho)

    def mass_given(value: np.ndarray, low: float, high: float, other: np.ndarray) -> np.ndarray:
        """Density or mass of the clipped `value` given the other variable, not clipped."""
        inner = norm.pdf((value - rho * other) / r) / r
        inner = np.where(value <= low, norm.cdf((low - rho * other) / r), inner)
        return np.where(value >= high, norm.sf((high - rho * other) / r), inner)

    def marginal(value: np.ndarray, low: float, high: float) -> np.ndarray:
        return np.where(value <= low, norm.cdf(low), np.where(value >= high, norm.sf(high), norm.pdf(value)))

    out = np.log(mass_given(t, y_low, y_high, s)) - np.log(marginal(t, y_low, y_high))
    x_atom = (s <= x_low) | (s >= x_high)
    out[x_atom] = (np.log(mass_given(s, x_low, x_high, t)) - np.log(marginal(s, x_low, x_high)))[x_atom]
    for x_bound, x_sign in ((x_low, 1), (x_high, -1)):
        for y_bound, y_sign in ((y_low, 1), (y_high, -1)):
            here = (s == x_bound) & (t == y_bound)
            if here.any():
                turned = multivariate_normal([0, 0], [[1, rho * x_sign * y_sign], [rho * x_sign * y_sign, 1]])
                joint = turned.cdf([x_sign * x_bound, y_sign * y_bound])
                out[here] = np.log(joint / (norm.cdf(x_sign * x_bound) * norm.cdf(y_sign * y_bound)))
    return out


def hurdle_ratio(p: dict[str, Any], s: np.ndarray, y: np.ndarray) -> np.ndarray:
    rho, a, b = p["rho"], p["a"], p["b"]
    zero = y[:, 0] == 0
    w = np.log(np.where(zero, 1.0, y[:, 0])) if p["positive"] else y[:, 0]
    r = np.sqrt(1 - rho * rho)
    given_s = np.where(zero, norm.sf(a + b * s), norm.cdf(a + b * s) * norm.pdf(w, rho * s, r))
    # Marginal by averaging over nodes of s instead of the closed form.
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    passed = np.array([np.sum(weights * norm.cdf(a + b * (rho * v + r * nodes))) for v in np.linspace(-6, 6, 601)])
    density = norm.pdf(w) * np.interp(w, np.linspace(-6, 6, 601), passed)
    return np.log(given_s) - np.log(np.where(zero, np.sum(weights * norm.sf(a + b * nodes)), density))


RATIOS = {
    "ordinal-response": ordinal_ratio,
    "count-response": count_ratio,
    "censored-response": censored_ratio,
    "hurdle-response": hurdle_ratio,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(8))
def test_label_agrees_with_the_mean_log_ratio(name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, 11])
    joint = make_family(name, {}).draw(rng, 1, 1)
    assert isinstance(joint, LiftedPair)
    s, y = joint.sampler(LARGE, rng)
    ratio = RATIOS[name](joint.parameters, s[:, 0], y)
    stderr = ratio.std() / np.sqrt(LARGE)
    assert ratio.mean() == pytest.approx(joint.mi, abs=4 * stderr + 1e-3), joint.parameters


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from([*NAMES, "lifted-normal"]),
    dims=st.sampled_from([(1, 1), (1, 4), (5, 1), (2, 3), (20, 6)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_contract(name: str, dims: tuple[int, int], seed: int) -> None:
    family = make_family(name, {})
    if not family.supports(*dims):
        assert min(dims) > 1
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
    assert 0.0 <= mi < 4.1
    assert mi == mi2
    np.testing.assert_array_equal(x, x2)
    np.testing.assert_array_equal(y, y2)


def test_labels_vanish_without_dependence() -> None:
    cuts = np.array([-0.7, 0.2, 0.9]) * 1e4
    for link in ("probit", "logit", "uniform"):
        assert ordinal_mi(cuts, 1e4, link) < 1e-7
    assert softmax_mi(np.array([0.3, 0.0, -1.0]), np.zeros(3)) < 1e-12
    assert censored_normal_mi(0.0, -0.5, 1.0, -np.inf, 0.3) < 1e-12
    assert hurdle_normal_mi(0.0, 0.4, 0.0) < 1e-12
    for kind in ("poisson", "binomial"):
        assert count_mi(kind, 0.5, 0.0, 7, 0.2) < 1e-12


def test_limits_without_censoring_or_noise() -> None:
    infinite = (-np.inf, np.inf)
    latent = -0.5 * np.log(1 - 0.9**2)
    assert censored_normal_mi(0.9, *infinite, *infinite) == pytest.approx(latent, abs=1e-10)
    assert hurdle_normal_mi(-0.9, 40.0, 0.0) == pytest.approx(latent, abs=1e-10)
    # Zeros that fall independently of s cost their share.
    assert hurdle_normal_mi(0.9, norm.ppf(0.3), 0.0) == pytest.approx(0.3 * latent, abs=1e-10)
    # Clipping to a single bit on both sides leaves the two-by-two table.
    orthant = 0.25 + np.arcsin(0.9) / (2 * np.pi)
    table = np.array([[orthant, 0.5 - orthant], [0.5 - orthant, orthant]])
    bit = np.sum(table * np.log(4 * table))
    assert censored_normal_mi(0.9, 0.0, 1e-9, 0.0, 1e-9) == pytest.approx(bit, abs=1e-6)
    assert ordinal_mi(np.array([0.0]), 1e-3, "probit") == pytest.approx(np.log(2), abs=2e-3)
    assert censored_normal_mi(0.5, -1.0, 0.4, -np.inf, 0.7) == pytest.approx(
        censored_normal_mi(0.5, -np.inf, 0.7, -1.0, 0.4), abs=1e-12
    )


@pytest.mark.slow
def test_doubly_clipped_label_against_two_dimensional_quadrature() -> None:
    rho, low, high = 0.7, -0.4, 1.1

    def inside(y: float, x: float) -> float:
        density = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).pdf([x, y])
        return density * np.log(density / (norm.pdf(x) * norm.pdf(y)))

    both_inside = dblquad(inside, low, high, low, high)[0]
    r = np.sqrt(1 - rho * rho)
    grid = np.linspace(low, high, 20001)
    edges = 0.0
    for bound, sign in ((low, 1), (high, -1)):
        given = norm.cdf(sign * (bound - rho * grid) / r)
        edges += 2 * np.trapezoid(norm.pdf(grid) * given * np.log(given / norm.cdf(sign * bound)), grid)
    corners = 0.0
    for a, sa in ((low, 1), (high, -1)):
        for b, sb in ((low, 1), (high, -1)):
            p = multivariate_normal([0, 0], [[1, rho * sa * sb], [rho * sa * sb, 1]]).cdf([sa * a, sb * b])
            corners += p * np.log(p / (norm.cdf(sa * a) * norm.cdf(sb * b)))
    assert censored_normal_mi(rho, low, high, low, high) == pytest.approx(both_inside + edges + corners, abs=1e-6)


@pytest.mark.parametrize("name", [*NAMES[:3], "lifted-normal"])
def test_impossible_options_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="max_mi"):
        make_family(name, {"max_mi": 100.0})
