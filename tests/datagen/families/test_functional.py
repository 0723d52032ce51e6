"""Responses with noise: labels against closed forms and a Monte Carlo mean of the log density ratio."""

import numpy as np
import pytest
from scipy import stats

from mutualist.datagen.families.additive import NOISES, ROOT3, ROOT6, Signal, additive_information
from mutualist.datagen.families.additive_noise import additive_noise_mi
from mutualist.datagen.families.functional import Functional, draw_law, law_nodes, make_channel
from mutualist.datagen.families.heteroscedastic import Heteroscedastic, normal_mixture_entropy
from mutualist.datagen.families.interactions import INTERACTIONS, Interaction, SparseInteractions, interaction_signal
from mutualist.datagen.families.radial import Radial, log_chi, radius_nodes
from mutualist.datagen.families.shapes import SHAPES, draw_shape
from mutualist.errors import ConfigError

GUMBEL = ROOT6 / np.pi
SCIPY = {
    "normal": stats.norm(),
    "laplace": stats.laplace(scale=0.5**0.5),
    "logistic": stats.logistic(scale=ROOT3 / np.pi),
    "uniform": stats.uniform(-ROOT3, 2 * ROOT3),
    "triangular": stats.triang(0.5, -ROOT6, 2 * ROOT6),
    "exponential": stats.expon(-1),
    "gumbel": stats.gumbel_r(-np.euler_gamma * GUMBEL, GUMBEL),
    "student3": stats.t(3, scale=1 / ROOT3),
}
ONE = np.ones(1)
CENTRE = {d: stats.loggamma(d / 2).mean() / 2 + np.log(2) / 2 for d in (1, 2, 7)}
SPREAD = {d: stats.loggamma(d / 2).std() / 2 for d in (1, 2, 7)}


def monte_carlo(signal, others, noise, sigma, rng):
    """Mean and standard error of ln p(y | s) / p(y), p(y) a mean over `others`, draws or quantiles of the signal."""
    law, n = SCIPY[noise], len(signal)
    y = signal + sigma * law.rvs(n, random_state=rng)
    marginal = law.pdf((y[:, None] - others) / sigma).mean(axis=1)
    ratio = law.logpdf((y - signal) / sigma) - np.log(marginal)
    return ratio.mean(), ratio.std() / np.sqrt(n)


@pytest.mark.parametrize("name", NOISES)
def test_noise_laws(name):
    x = np.linspace(-3, 3, 41)
    assert NOISES[name].cdf(x) == pytest.approx(SCIPY[name].cdf(x), abs=1e-12)
    draws = NOISES[name].draw(5000, np.random.default_rng(0))
    assert stats.kstest(draws, SCIPY[name].cdf, method="asymp").pvalue > 1e-3
    law, noise = SCIPY[name], NOISES[name]
    assert law.cdf(noise.low) + law.sf(noise.high) < 3e-5


@pytest.mark.parametrize("target", [0.005, 0.1, 1.0, 3.0])
def test_a_normal_line_has_the_normal_information(target):
    rng = np.random.default_rng(0)
    channel = make_channel([draw_shape("line", rng)], [ONE], "normal", "normal", target, rng)
    assert channel.mi == pytest.approx(target, rel=1e-3)


@pytest.mark.parametrize("eps", [0.05, 0.3, 0.5, 1.0, 2.0])
def test_uniform_in_uniform_noise(eps):
    t, weights = law_nodes("uniform")
    signal = Signal(t / (2 * ROOT3), weights)
    expected = eps - np.log(2 * eps) if eps <= 0.5 else 1 / (4 * eps)
    assert additive_information([signal], NOISES["uniform"], eps / ROOT3) == pytest.approx(expected, rel=1e-3)


def test_two_levels_in_uniform_noise_are_an_erasure_channel():
    # levels 0 and 1, noise on (-w, w): the overlap is a share (2w - 1) / 2w of each, and tells nothing
    w = 0.8
    signal = Signal(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    information = additive_information([signal], NOISES["uniform"], w / ROOT3)
    assert information == pytest.approx(np.log(2) / (2 * w), rel=5e-3)


def test_sums_of_signals_convolve():
    t, weights = law_nodes("normal")
    signals = [Signal(0.6 * t, weights), Signal(0.8 * t, weights)]
    together = additive_information(signals, NOISES["normal"], 0.5)
    assert together == pytest.approx(0.5 * np.log(1 + 1 / 0.25), rel=1e-3)
    assert additive_information([Signal(np.zeros(2), np.full(2, 0.5))], NOISES["normal"], 1.0) == 0.0


@pytest.mark.parametrize(("shape", "noise"), list(zip(SHAPES, [*NOISES, *NOISES], strict=False)))
def test_channel_information(shape, noise):
    rng = np.random.default_rng(11)
    law = "normal" if shape in ("line", "waves", "hinge") else "uniform"
    channel = make_channel([draw_shape(shape, rng)], [ONE], law, noise, 0.7, rng)
    function, scale, _ = channel.terms[0]
    quantiles = (np.arange(1000) + 0.5) / 1000
    t = stats.norm.ppf(quantiles) if law == "normal" else ROOT3 * (2 * quantiles - 1)
    signal = scale * function(draw_law(law, (800,), rng))
    mean, stderr = monte_carlo(signal, scale * function(t), noise, channel.sigma, rng)
    assert channel.mi == pytest.approx(mean, abs=4 * stderr)


def test_functional_draws_agree_with_nearest_neighbours(ksg):
    for seed, (dx, dy) in enumerate([(1, 1), (1, 1), (2, 1), (1, 2)]):
        rng = np.random.default_rng(seed)
        drawn = Functional(shapes=("line", "absolute", "saturating", "sine"), mi=(0.3, 1.2)).draw(rng, dx, dy)
        assert ksg(*drawn.sample(10_000, rng)) == pytest.approx(drawn.mi, abs=0.08)


@pytest.mark.parametrize("kind", INTERACTIONS)
def test_interaction_information(kind):
    rng = np.random.default_rng(4)
    k, function = INTERACTIONS[kind]
    signal, variance = interaction_signal(kind)
    sigma = 0.6 * variance**0.5
    label = additive_information([signal], NOISES["normal"], sigma)
    signals = function(rng.standard_normal((1500, k)))
    mean, stderr = monte_carlo(signals[:500], signals[500:], "normal", sigma, rng)
    assert label == pytest.approx(mean, abs=4 * stderr)


@pytest.mark.slow
@pytest.mark.parametrize("kind", INTERACTIONS)
def test_the_lattice_is_fine_enough(kind):
    signal, variance = interaction_signal(kind)
    fine, _ = interaction_signal(kind, 262_139)
    finer = additive_information([fine], NOISES["normal"], 0.25 * variance**0.5)
    rough = additive_information([signal], NOISES["normal"], 0.25 * variance**0.5)
    assert rough == pytest.approx(finer, rel=3e-3)


def test_a_gate_shows_in_no_column_alone(ksg):
    family = Interaction(kinds=("gate",), noises=("normal",), mi=(0.8, 0.9))
    draws = (family.draw(np.random.default_rng(seed), 2, 1) for seed in range(100))
    drawn = next(d for d in draws if sorted(d.parameters["directions"]) == [[0, 1], [1, 0]])
    x, y = drawn.sample(10_000, np.random.default_rng(0))
    assert ksg(x, y) == pytest.approx(drawn.mi, abs=0.08)
    # the magnitude of one of the two columns shows, as it must; no correlation does
    assert np.abs(np.corrcoef(np.concatenate([x, y], axis=1).T)[2, :2]).max() < 0.05
    assert min(ksg(x[:, :1], y), ksg(x[:, 1:], y)) < 0.05


@pytest.mark.parametrize("d", [1, 2, 7])
def test_log_chi_is_the_law_of_log_length(d):
    rng = np.random.default_rng(d)
    noise = log_chi(d)
    length = np.linalg.norm(rng.standard_normal((5000, d)), axis=1)
    assert stats.kstest(np.log(length), lambda v: noise.cdf((v - CENTRE[d]) / SPREAD[d])).pvalue > 1e-3
    draws = noise.draw(5000, rng)
    assert stats.kstest(draws, noise.cdf).pvalue > 1e-3
    assert draws.std() == pytest.approx(1.0, abs=0.05)
    _, _, mean, sd = radius_nodes(d)
    assert (mean, sd) == pytest.approx((stats.chi(d).mean(), stats.chi(d).std()), abs=2e-3)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (3, 4)])
def test_radial_information_is_that_of_the_lengths(dx, dy, ksg):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = Radial(shapes=("line", "absolute", "saturating"), mi=(0.2, 1.2)).draw(rng, dx, dy)
        x, y = drawn.sample(4000, rng)
        length = np.linalg.norm(y, axis=1, keepdims=True)
        if drawn.parameters["of"] == "length":
            driver = np.linalg.norm(x, axis=1, keepdims=True)
        elif dx == 1:
            driver = x
        else:
            continue
        assert ksg(driver, length) == pytest.approx(drawn.mi, abs=0.08)
        assert abs(np.corrcoef(x[:, 0], np.sign(y[:, 0]))[0, 1]) < 0.06


def test_volatility_against_monte_carlo():
    rng = np.random.default_rng(8)
    noise, n = log_chi(1), 1500
    t, weights = law_nodes("normal")
    label = additive_information([Signal(0.9 * t, weights)], noise, SPREAD[1])
    s, others = np.exp(0.9 * rng.standard_normal(n)), np.exp(0.9 * rng.standard_normal(n))
    y = s * rng.standard_normal(n)
    ratio = stats.norm.logpdf(y, 0, s) - np.log(
        (np.exp(-0.5 * (y[:, None] / others) ** 2) / others).mean(axis=1) / np.sqrt(2 * np.pi)
    )
    assert label == pytest.approx(ratio.mean(), abs=5 * ratio.std() / np.sqrt(n))


def test_entropy_of_a_normal_mixture():
    centres, scales = np.array([-1.0, 0.5, 3.0]), np.array([0.3, 2.0, 0.05])
    weights = np.array([0.5, 0.3, 0.2])
    y = np.linspace(-14, 14, 200_001)
    p = (weights * stats.norm.pdf(y[:, None], centres, scales)).sum(axis=1)
    expected = -np.trapezoid(np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0), y)
    assert normal_mixture_entropy(centres, scales, weights) == pytest.approx(expected, abs=1e-3)


def test_heteroscedastic_draws_agree_with_nearest_neighbours(ksg):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        drawn = Heteroscedastic(shapes=("line", "sine", "absolute", "saturating")).draw(rng, 1, 1)
        assert ksg(*drawn.sample(4000, rng)) == pytest.approx(drawn.mi, abs=0.08)


@pytest.mark.parametrize("seed", [77, 302, 2894])
def test_a_hinge_that_bends_where_x_has_no_mass_is_not_scaled_up(seed):
    """These seeds draw one, which gains of 3e2 to 8e7 once made of standard deviation 1."""
    drawn = Heteroscedastic(shapes=("hinge",)).draw(np.random.default_rng(seed), 1, 1)
    assert max(drawn.parameters["gains"]) < 300
    _, y = drawn.sample(20_000, np.random.default_rng(0))
    assert abs(y).max() < 1e5


@pytest.mark.parametrize("family", [Functional, Radial, Interaction, Heteroscedastic])
def test_unknown_shapes_are_refused(family):
    option = "kinds" if family is Interaction else "shapes"
    with pytest.raises(ConfigError, match="zigzag"):
        family(**{option: ("zigzag",)})


def test_sparse_interactions_are_where_they_are_said_to_be(ksg) -> None:
    """Each response and its own columns by nearest neighbours; what is left of Y is independent of all of X."""
    rng = np.random.default_rng(12)
    kinds = ("product", "gate", "switch", "contrast")
    joint = SparseInteractions(kinds=kinds, mi=(0.8, 1.5), most=3).draw(rng, 8, 4)
    x, y = joint.sample(8000, rng)
    own = joint.parameters["interactions"]
    columns = [j for response in own for j in response["columns"]]
    assert len(columns) == len(set(columns))
    found = [ksg(x[:, r["columns"]], y[:, [k]]) for r, k in zip(own, joint.parameters["responses"], strict=True)]
    assert sum(found) == pytest.approx(joint.mi, abs=0.06 + 0.06 * joint.mi)
    others = sorted(set(range(4)) - set(joint.parameters["responses"]))
    assert ksg(x[:, columns[:2]], y[:, others[:1]]) == pytest.approx(0.0, abs=0.04)


def test_sparse_interactions_leave_columns_for_each_other() -> None:
    """Triples of columns are drawn only where pairs are left for the responses to come."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        dx, dy = (int(v) for v in rng.integers([2, 1], [9, 6]))
        joint = SparseInteractions().draw(rng, dx, dy)
        assert len(joint.parameters["interactions"]) <= min(dx // 2, dy, 4)
        assert joint.mi > 0


def test_strong_dependence_of_one_pair_is_resolved() -> None:
    """At 6 nats, where signals are far wider than their noise: against a uniform signal in uniform noise."""
    for sigma in (1 / 300, 1 / 800):
        t, weights = law_nodes("uniform", 16384)
        mi = additive_information([Signal(t, weights)], NOISES["uniform"], sigma)
        # X ~ U(0, 1), noise of width w: additive_noise_mi(w / 2)
        assert mi == pytest.approx(additive_noise_mi(sigma / 2), rel=2e-3)
